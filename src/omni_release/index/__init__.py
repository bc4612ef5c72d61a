"""Package indexes: which one is meant, where it is read, by whom, and what it says that it has."""
