"""A project that promises a Python on which it does not work."""
