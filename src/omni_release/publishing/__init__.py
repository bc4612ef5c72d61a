"""Publishing to an index: what must be true before, the upload itself, and what a person reads after it."""
