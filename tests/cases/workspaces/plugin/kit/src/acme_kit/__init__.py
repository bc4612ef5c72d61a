"""Fixtures for plug-ins of acme."""

__version__ = "0.1.0"

from acme import plugins

__all__ = ["plugins"]
