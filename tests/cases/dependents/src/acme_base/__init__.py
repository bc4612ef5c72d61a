"""A project that acme-web requires."""


def double(number):
    """Twice the number."""
    return 2 * number


def half(number):
    """Half of the number."""
    return number / 2
