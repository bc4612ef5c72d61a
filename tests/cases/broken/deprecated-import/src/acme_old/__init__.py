"""A package that imports a deprecated one."""

import acme_legacy

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    return acme_legacy.double(number)
