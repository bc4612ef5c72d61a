"""Sums, in Python or in C."""

__version__ = "1.2.3"

try:
    from acme_c import total
except ImportError:

    def total(numbers: list[int]) -> int:
        """The sum of the numbers."""
        return sum(numbers)
