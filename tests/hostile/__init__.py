"""A package, so that what its fixtures set up ends with it."""
