"""A sound project."""

__version__ = "1.2.3"


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number
