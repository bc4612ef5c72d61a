"""How an index is asked: what is on this very machine past any proxy, and no question for longer than its deadline."""

from __future__ import annotations

import contextlib
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from omni_release.core.errors import CannotTell
from omni_release.core.redaction import left_out
from omni_release.index.targets import is_loopback

if TYPE_CHECKING:
    from pypi_simple import PyPISimple

_T = TypeVar("_T")

DEADLINE = 30.0
"""How long one question may take, in seconds, whatever the index does meanwhile."""


@contextlib.contextmanager
def opened(url: str) -> Iterator[PyPISimple]:
    """A session with the index that is there."""
    import pypi_simple

    with pypi_simple.PyPISimple(url) as client:
        if is_loopback(urllib.parse.urlsplit(url).hostname):
            client.s.trust_env = False  # no proxy, and nothing of a .netrc
        yield client


def within(deadline: float, url: str, question: Callable[[], _T]) -> _T:
    """The answer, or CannotTell after the deadline: whatever hangs (a name, a header, a byte) is left behind."""
    answers: list[_T] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(deadline)
    if errors:
        raise errors[0]
    if not answers:
        raise CannotTell(f"{left_out(url)} did not answer within {deadline:g} s", "Is the index up?")
    return answers[0]
