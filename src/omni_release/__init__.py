"""Release automation and verification for Python packages whose features depend on a live AI API."""

__version__ = "0.1.0"
