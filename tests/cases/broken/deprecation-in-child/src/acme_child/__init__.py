"""A package that warns where nobody looks."""

import locale

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    locale.getdefaultlocale()
    return 2 * number
