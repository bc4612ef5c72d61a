"""A package that swallows what it is told."""

import warnings

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    try:
        warnings.warn("double() goes away", DeprecationWarning, stacklevel=1)
    except Exception:
        pass
    return 2 * number
