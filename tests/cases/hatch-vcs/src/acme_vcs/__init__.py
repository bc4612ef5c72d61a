"""A small package whose version is a tag."""

from acme_vcs._version import __version__ as __version__


def double(number):
    """Twice the number."""
    return 2 * number
