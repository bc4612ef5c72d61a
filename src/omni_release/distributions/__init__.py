"""sdists and wheels: read, described, compared."""
