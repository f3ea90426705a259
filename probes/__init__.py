"""What takes observations inside a submission's kernel, and of the reference alike. Plain data only leaves it."""
