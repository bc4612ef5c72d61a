"""The seams' real implementations. Known to `cli` alone."""
