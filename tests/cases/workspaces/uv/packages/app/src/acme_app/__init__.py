"""A program that is released with its core."""

__version__ = "0.3.0"

from acme_core import double


def main() -> None:
    """Print the answer."""
    print(double(21))
