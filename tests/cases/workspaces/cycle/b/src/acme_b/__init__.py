"""The other half."""

__version__ = "1.0.0"
