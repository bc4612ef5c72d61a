"""A package that warns where nobody looks."""

import warnings

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    warnings.warn("double() goes away", DeprecationWarning, stacklevel=1)
    return 2 * number
