"""A person types the version at a terminal: only the right one publishes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.publishing.support import INSTALLS, Place, Runner, outside, released
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")

AFTERWARDS = (
    *INSTALLS,
    "install-for-smoke",
    "copy-tests",
    "replay-passes",
)
QUESTION = b"Type the version to publish it:"
CLOSED = None  # the terminal is closed


class Typist:
    """Types the answer at a terminal once the question is shown; `shown` is all output."""

    def __init__(self, answer: bytes | None, question: bytes = QUESTION) -> None:
        import pty

        self._question = question

        self._mine, self._theirs = pty.openpty()
        self._answer = answer
        self.shown = b""
        self.name = os.ttyname(self._theirs)
        self._thread = threading.Thread(target=self._sit, daemon=True)

    def _sit(self) -> None:
        answered = False
        while True:
            try:
                read = os.read(self._mine, 4096)
            except OSError:
                return  # the other end is closed
            self.shown += read
            if self._question in self.shown and not answered:
                answered = True
                if self._answer is CLOSED:
                    os.close(self._theirs)
                    os.close(self._mine)
                    return
                os.write(self._mine, self._answer)

    def __enter__(self) -> Typist:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            os.close(self._theirs)
        self._thread.join(30)
        with contextlib.suppress(OSError):
            os.close(self._mine)


@pytest.fixture
def typist() -> Iterator[Callable[[bytes | None], Typist]]:
    """A person who gives this answer."""
    with contextlib.ExitStack() as stack:
        yield lambda answer: stack.enter_context(Typist(answer))


@pytest.mark.parametrize("look", ["dumb", "xterm-256color"])
def test_right_version(look: str, place: Place, runner: Runner, typist: Callable[[bytes | None], Typist]) -> None:
    """The right version publishes, also below a live display; the second run does not ask again."""
    person = typist(b"1.2.3\n")
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--run", place.run.name)
        ended = runner.run(place, *to, without=AFTERWARDS, terminal=person.name, variables={"TERM": look})
        assert ended.code == 0, person.shown.decode()
        assert released(place, index) == {"index": place.dist, "tags": {"v1.2.3": place.head()}}
        again = runner.run(place, *to, without=AFTERWARDS)
        assert again.code == 0, again.said
    shown = person.shown.decode()
    assert shown.count(QUESTION.decode()) == 1
    assert all(sha256 in shown for sha256 in place.dist.values())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"1.2.4\n", "'1.2.4' was typed instead of '1.2.3': nothing was published"),
        (b"yes\n", "'yes' was typed"),
        (b"\n", "'' was typed"),
        (b"\x04", "there is no terminal to type at"),
        (b"\x03", "INTERRUPTED"),
        (CLOSED, ""),
    ],
    ids=["wrong", "yes", "nothing", "end of input", "interrupt", "terminal gone"],
)
def test_other_answers(
    answer: bytes | None, message: str, place: Place, runner: Runner, typist: Callable[[bytes | None], Typist]
) -> None:
    """Another version, a yes, the end of input, Ctrl-C or a closed terminal: nothing is uploaded."""
    person = typist(answer)
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--run", place.run.name)
        ended = runner.run(place, *to, terminal=person.name, variables={"TERM": "dumb"})
        assert ended.code not in (0, 70), person.shown.decode()
        until(lambda: message in " ".join(person.shown.decode().split()), within=10)  # the typist reads in a thread
        assert (index.watched.sent, place.tags()) == ([], {})
        journal = (place.run / "journal.jsonl").read_text(encoding="utf-8")
        assert '"confirmed"' not in journal


def test_interrupt_where_it_was_ignored(place: Place, runner: Runner, typist: Callable[[bytes | None], Typist]) -> None:
    """Ctrl-C ends a run also where its parent had SIGINT ignored, as shells do for background jobs."""
    person = typist(b"\x03")
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--run", place.run.name)
        ended = runner.run(place, *to, terminal=person.name, variables={"TERM": "dumb"}, ignore_interrupts=True)
        assert ended.code == 130, person.shown.decode()
        assert (index.watched.sent, place.tags()) == ([], {})
