"""What students run."""
