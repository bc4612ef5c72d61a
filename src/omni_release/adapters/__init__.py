"""The seams' real implementations. Known to `cli` and `run` alone."""
