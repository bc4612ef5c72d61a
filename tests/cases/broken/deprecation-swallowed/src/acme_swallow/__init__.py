"""A package that swallows what it is told."""

import locale

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    try:
        locale.getdefaultlocale()
    except Exception:
        pass
    return 2 * number
