"""What all parts of acme share."""

__version__ = "1.2.0"


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number
