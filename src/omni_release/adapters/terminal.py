"""What a person sees while a lane runs: live on a terminal, plain lines elsewhere and with NO_COLOR."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from omni_release.core.redaction import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Terminal(Protocol):
    """Shows tasks that run, and lines that stay."""

    def __enter__(self) -> Terminal: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def started(self, id: str, title: str) -> None:
        """A task has begun."""

    def ended(self, id: str) -> None:
        """A task has ended."""

    def say(self, lines: Iterable[str]) -> None:
        """Lines that stay."""

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        """What a person has `typed` below the question; None where nobody can."""


def terminal(stream: TextIO, environment: Mapping[str, str], redact: Callable[[str], str]) -> Terminal:
    """A live one where the stream is a terminal, rich is installed and nothing speaks against it."""
    if stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb":
        try:
            return Live(stream, redact)
        except ImportError:
            pass  # the base install has no rich
    return Plain(stream, redact)


class Plain:
    """Lines, one after the other. A reader who goes away (`| head`) ends no run: the report has all of it."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            _silence(self._stream)

    def started(self, id: str, title: str) -> None:
        pass

    def ended(self, id: str) -> None:
        pass

    def say(self, lines: Iterable[str]) -> None:
        try:
            for line in lines:
                print(printable(self._redact(line)), file=self._stream, flush=True)
        except BrokenPipeError:
            _silence(self._stream)

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        if not self._stream.isatty():
            return None
        print(printable(self._redact(question)), end="", file=self._stream, flush=True)
        return typed()


def _silence(stream: TextIO) -> None:
    """From now on the stream takes everything, and shows nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Live:
    """What runs, and for how long, below the lines that stay."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._redact = redact
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        self._progress: Progress = Progress(*columns, console=self._console, transient=True)
        self._shown: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Live:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def started(self, id: str, title: str) -> None:
        with self._lock:
            self._shown[id] = self._progress.add_task(self._plain(title), total=None)

    def ended(self, id: str) -> None:
        with self._lock:
            if id in self._shown:
                self._progress.remove_task(self._shown.pop(id))

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        self._progress.stop()  # it would draw over what is typed
        try:
            self._console.print(printable(self._redact(question)), end="", markup=False)
            return typed()
        finally:
            self._progress.start()

    def say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.print(_styled(line, self._plain(line)))

    def _plain(self, text: str) -> str:
        """Nothing in it is taken for markup, or for an order to the terminal."""
        from rich.markup import escape

        return escape(printable(self._redact(text)))


class AtTerminal:
    """See `seams.Person`: whoever sits there, unless all was said `preapproved`."""

    def __init__(self, shown: Terminal, source: TextIO, stopped: Callable[[], bool], *, preapproved: bool) -> None:
        self._shown = shown
        self._source = source
        self._stopped = stopped
        self._preapproved = preapproved

    @property
    def preapproved(self) -> bool:
        return self._preapproved

    def prompt(self, word: str, question: str) -> str | None:
        if self._preapproved:
            return word
        return self._shown.ask(question, self._typed) if self._source.isatty() else None

    def _typed(self) -> str | None:
        """A line, read in a thread of its own: a read cannot be ended from outside, and is left behind.

        None at the end of all input, and where the terminal is gone.
        """
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        number = self._source.fileno()

        def read() -> None:
            try:
                lines.put(os.read(number, _LINE))
            except OSError:
                lines.put(b"")

        threading.Thread(target=read, daemon=True).start()
        while not self._stopped():
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=0.2)
                return line.decode("utf-8", "replace").strip() if line else None
        return None


_LINE = 4096
_STYLES = {"ok ": "green", "FAI": "bold red", "?  ": "yellow", "wai": "yellow", "ski": "dim", "pla": "cyan"}


def _styled(line: str, escaped: str) -> str:
    style = _STYLES.get(line[:3])
    return f"[{style}]{escaped[:4]}[/]{escaped[4:]}" if style else escaped


def unicode(stream: TextIO) -> TextIO:
    """The stream, able to take any text: a console of another encoding shows a replacement, and raises nothing."""
    if stream is sys.stdout or stream is sys.stderr:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8" if not stream.isatty() else None, errors="replace")
    return stream
