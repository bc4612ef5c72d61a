"""A project that acme-web requires."""


def double(number):
    """Twice the number."""
    return 2 * number
