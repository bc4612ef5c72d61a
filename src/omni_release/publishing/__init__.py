"""Publishing for real: a release in parts, what is sent and asked of an index, and what is said when it has ended."""
