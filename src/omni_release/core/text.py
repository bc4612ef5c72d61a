"""Parts of sentences that many messages have."""

from __future__ import annotations

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `3 files`, `2 classes`, `2 batches`."""
    plural = f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(names: Sequence[str], limit: int = 10) -> str:
    """The first names, at most `limit`, and how many more there are: `a, b and 3 more`."""
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest


def dollars(usd: float) -> str:
    """An amount in USD: `$0.137`, and `$0.00021` where three digits after the point would leave one or none."""
    if not 0 < usd < 0.0095:
        return f"${usd:.3f}"
    digits = next(n for n in range(3, 12) if usd * 10**n >= 9.5 or n == 11)
    return f"${usd:.{digits}f}".rstrip("0")
