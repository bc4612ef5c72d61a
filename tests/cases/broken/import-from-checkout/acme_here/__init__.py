"""A package that imports a module beside it, which is not in the wheel."""

from settings_of_acme import FACTOR

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    return FACTOR * number
