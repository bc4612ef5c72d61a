"""Progress while a lane runs: live on a terminal, plain lines elsewhere and with NO_COLOR."""

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
    """Shows the running tasks, and permanent lines."""

    def __enter__(self) -> Terminal: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def started(self, id: str, title: str) -> None:
        """A task has started."""

    def ended(self, id: str) -> None:
        """A task has ended."""

    def say(self, lines: Iterable[str]) -> None:
        """Print permanent lines."""

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        """Show the question and return the answer that `typed` reads; None without a terminal."""


def terminal(stream: TextIO, environment: Mapping[str, str], redact: Callable[[str], str]) -> Terminal:
    """A live one where the stream is a terminal and rich is installed, unless NO_COLOR or TERM=dumb is set."""
    if stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb":
        try:
            return Live(stream, redact)
        except ImportError:
            pass  # the base install has no rich
    return Plain(stream, redact)


class Plain:
    """Plain lines. A closed pipe (`| head`) does not end the run, whose report is complete."""

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
    """Redirect the stream to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


class Live:
    """The running tasks with their durations, below the permanent lines."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._redact = redact
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        self._progress: Progress = Progress(*columns, console=self._console, transient=True)
        self._rows: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Live:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def started(self, id: str, title: str) -> None:
        with self._lock:
            self._rows[id] = self._progress.add_task(self._plain(title), total=None)

    def ended(self, id: str) -> None:
        with self._lock:
            if id in self._rows:
                self._progress.remove_task(self._rows.pop(id))

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        self._progress.stop()  # it would overwrite the input
        try:
            self._console.print(printable(self._redact(question)), end="", markup=False)
            return typed()
        finally:
            self._progress.start()

    def say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.print(_styled(line, self._plain(line)))

    def _plain(self, text: str) -> str:
        """The text without markup and control characters."""
        from rich.markup import escape

        return escape(printable(self._redact(text)))


class AtTerminal:
    """See `core.world.Person`: the person at the terminal, who is not asked where everything is `preapproved`."""

    def __init__(self, screen: Terminal, source: TextIO, stopped: Callable[[], bool], *, preapproved: bool) -> None:
        self._screen = screen
        self._source = source
        self._stopped = stopped
        self._preapproved = preapproved

    @property
    def preapproved(self) -> bool:
        return self._preapproved

    def prompt(self, word: str, question: str) -> str | None:
        if self._preapproved:
            return word
        return self._screen.ask(question, self._read_line) if self._source.isatty() else None

    def _read_line(self) -> str | None:
        """A line of input; None at the end of input, on a closed terminal, and when the run is stopped.

        It is read in a thread of its own, which is left behind: a read cannot be interrupted.
        """
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        number = self._source.fileno()

        def read() -> None:
            try:
                lines.put(os.read(number, _LONGEST_LINE))
            except OSError:
                lines.put(b"")

        threading.Thread(target=read, daemon=True).start()
        while not self._stopped():
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=0.2)
                return line.decode("utf-8", "replace").strip() if line else None
        return None


_LONGEST_LINE = 4096
_STYLES = {"ok ": "green", "FAI": "bold red", "?  ": "yellow", "wai": "yellow", "ski": "dim", "pla": "cyan"}


def _styled(line: str, escaped: str) -> str:
    style = _STYLES.get(line[:3])
    return f"[{style}]{escaped[:4]}[/]{escaped[4:]}" if style else escaped


def unicode(stream: TextIO) -> TextIO:
    """The stream, which accepts any text: a console with another encoding shows replacement characters."""
    if stream is sys.stdout or stream is sys.stderr:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8" if not stream.isatty() else None, errors="replace")
    return stream
