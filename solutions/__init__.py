"""The reference answers: what the solved notebook imports and what submissions are compared with."""
