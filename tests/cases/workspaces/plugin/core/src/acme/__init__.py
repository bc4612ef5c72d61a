"""A program with plug-ins."""

__version__ = "2.1.0"

from importlib.metadata import entry_points


def plugins() -> list[str]:
    """The names of all plug-ins that are installed."""
    return sorted(entry.name for entry in entry_points(group="acme"))
