"""The sums of acme, in C."""

from acme_c._total import total

__all__ = ["total"]
__version__ = "1.2.3"
