"""The first user's release day, replayed: each failure of that day is put into a project, shown, and corrected.

`failures` has what happened, `day` and `release` replay it in a `checkout`, `page` is docs/retrospective.md.
"""

from collections.abc import Callable
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "retrospective.md"
"""The page that `nox -s demo` writes."""


def replayed(folder: Path, tell: Callable[[str], None] = lambda key: None) -> str:
    """The page of a whole day in this folder; `tell` is called with each failure that has been replayed.

    Raises NotStopped for a failure that is neither stopped nor avoided.
    """
    from tests.demo.checkout import Checkout
    from tests.demo.day import SOURCE
    from tests.demo.page import page
    from tests.demo.release import release

    checkout = Checkout(folder)
    shown = {}
    for key, replay in SOURCE.items():
        shown[key] = replay(checkout)
        tell(key)
    late, rehearsal, released = release(checkout)
    tell(", ".join(late))
    return page(shown | late, rehearsal, released)
