"""What decides the grade."""
