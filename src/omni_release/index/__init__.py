"""Package indexes: reading one, and the rehearsal index."""
