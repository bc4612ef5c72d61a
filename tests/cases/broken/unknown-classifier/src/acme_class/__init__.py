"""A small package."""

__version__ = "2.0.1"


def double(number):
    """Twice the number."""
    return 2 * number


def main():
    """The console script."""
    print(double(21))
