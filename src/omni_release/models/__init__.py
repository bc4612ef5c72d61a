"""Which models a project names, where, and whether they still live."""
