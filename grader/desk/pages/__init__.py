"""Templates of the desk's pages."""
