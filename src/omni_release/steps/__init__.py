"""Changes to the world, one verb a file."""
