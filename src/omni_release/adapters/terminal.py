"""Progress while a lane runs: live on a terminal, plain lines elsewhere and with NO_COLOR."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from omni_release.core.redaction import inert, printable

if TYPE_CHECKING:
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text


class Terminal(Protocol):
    """Shows what is running, and permanent lines. `width` is in columns; `unicode`: other characters than ASCII."""

    width: int
    unicode: bool

    def __enter__(self) -> Terminal: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def follow(self, running: Callable[[], Iterable[str]]) -> None:
        """Show these lines below the permanent ones; asked for again and again."""

    def say(self, lines: Iterable[str], *, commands: bool = False) -> None:
        """Print permanent lines; with `commands` some of them are for the runner of GitHub Actions."""

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        """Show the question and return the answer that `typed` reads; None without a terminal."""


def terminal(stream: TextIO, environment: Mapping[str, str], redact: Callable[[str], str]) -> Terminal:
    """A live one on a terminal, where rich is installed and TERM is not `dumb`; elsewhere plain lines.

    NO_COLOR turns colours off, FORCE_COLOR turns them on in a pipe, too.
    """
    live = stream.isatty() and environment.get("TERM") != "dumb"
    colour = bool(environment.get("FORCE_COLOR")) and not environment.get("NO_COLOR")
    if live or colour:
        try:
            return Rich(stream, environment, redact, live=live)
        except ImportError:
            pass  # the base install has no rich
    return Plain(stream, environment, redact)


def _width(stream: TextIO, environment: Mapping[str, str]) -> int:
    """The columns of the stream: of its terminal, else those of COLUMNS, else 100; never too few to read."""
    columns = 0
    with contextlib.suppress(OSError, ValueError):
        columns = os.get_terminal_size(stream.fileno()).columns  # 0 where the terminal does not know
    if not columns and environment.get("COLUMNS", "").isdecimal():
        columns = int(environment["COLUMNS"])
    return columns if columns >= _NARROWEST else _NARROWEST if columns else _DEFAULT_WIDTH


def _has_unicode(stream: TextIO) -> bool:
    try:
        "✔✘⚠·–○✋■".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class Plain:
    """Plain lines. Where they cannot be written any more, the run goes on: its report is complete."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str], redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._environment = environment
        self._redact = redact
        self.width = _width(stream, environment)
        self.unicode = _has_unicode(stream)

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._stream.flush()
        except OSError:
            _silence(self._stream)

    def follow(self, running: Callable[[], Iterable[str]]) -> None:
        pass

    def say(self, lines: Iterable[str], *, commands: bool = False) -> None:
        environment = {} if commands else self._environment
        try:
            for line in lines:
                print(inert(self._redact(line), environment), file=self._stream, flush=True)
        except OSError:  # a closed pipe (`| head`), or output into a file on a full disk
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


class Rich:
    """Coloured lines; where it is `live`, what is running below them, with a spinner."""

    def __init__(
        self, stream: TextIO, environment: Mapping[str, str], redact: Callable[[str], str], *, live: bool
    ) -> None:
        from rich.console import Console
        from rich.live import Live

        self._redact = redact
        self._stream = stream
        self._environment = environment
        self.width = _width(stream, environment)
        self.unicode = _has_unicode(stream)
        no_color = bool(environment.get("NO_COLOR"))
        self._console = Console(
            file=stream, highlight=False, soft_wrap=True, no_color=no_color, force_terminal=not live or None
        )
        self._running: Callable[[], Iterable[str]] = tuple
        self._live = (
            Live(console=self._console, transient=True, get_renderable=self._drawing, refresh_per_second=8)
            if live
            else None
        )
        self._spinners: dict[int, Spinner] = {}

    def __enter__(self) -> Rich:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def follow(self, running: Callable[[], Iterable[str]]) -> None:
        self._running = running

    def say(self, lines: Iterable[str], *, commands: bool = False) -> None:
        for line in lines:
            try:
                self._console.print(self._styled(line, {} if commands else self._environment))
            except OSError:
                _silence(self._stream)

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        if self._live is None:
            return None
        self._live.stop()  # it would overwrite the input
        try:
            self._console.print(printable(self._redact(question)), end="", markup=False)
            return typed()
        finally:
            self._live.start()

    def _drawing(self) -> Table:
        """The lines of what is running, each with a spinner."""
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        drawing = Table.grid(padding=(0, 1))
        for number, line in enumerate(self._running()):
            spinner = self._spinners.setdefault(number, Spinner("dots" if self.unicode else "line", style="cyan"))
            text = Text(printable(self._redact(line)), no_wrap=True, overflow="ellipsis")
            drawing.add_row(" ", spinner, text)
        return drawing

    def _styled(self, line: str, environment: Mapping[str, str]) -> Text:
        """The line without markup and control characters, with colours for marks, verdicts and commands."""
        from rich.text import Text

        text = Text(inert(self._redact(line), environment))
        for pattern, style in _STYLES:
            text.highlight_regex(pattern, style)
        return text


class Within:
    """A terminal that others use as well: it is entered and left by its owner alone."""

    def __init__(self, screen: Terminal, redact: Callable[[str], str]) -> None:
        self.width = screen.width
        self.unicode = screen.unicode
        self._screen = screen
        self._redact = redact

    def __enter__(self) -> Within:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._screen.follow(tuple)

    def follow(self, running: Callable[[], Iterable[str]]) -> None:
        self._screen.follow(running)

    def say(self, lines: Iterable[str], *, commands: bool = False) -> None:
        self._screen.say(map(self._redact, lines), commands=commands)

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        return self._screen.ask(question, typed)


class SectionScreen:
    """The lines of one run among several side by side: kept, so that they are shown together when it has ended."""

    def __init__(self, screen: Terminal, redact: Callable[[str], str]) -> None:
        self.width = screen.width
        self.unicode = screen.unicode
        self.running: Callable[[], Iterable[str]] = tuple
        self._redact = redact
        self._lines: list[tuple[str, bool]] = []

    def __enter__(self) -> SectionScreen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.running = tuple

    def follow(self, running: Callable[[], Iterable[str]]) -> None:
        self.running = running

    def say(self, lines: Iterable[str], *, commands: bool = False) -> None:
        self._lines += [(self._redact(line), commands) for line in lines]

    def ask(self, question: str, typed: Callable[[], str | None]) -> str | None:
        return None

    def show(self, screen: Terminal) -> None:
        """Show what was kept."""
        for line, commands in self._lines:
            screen.say([line], commands=commands)


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
_NARROWEST = 40
_DEFAULT_WIDTH = 100
_STYLES = (
    (r"^ {2,4}(✔|ok  ) ", "green"),
    (r"^ {2,4}(✘|FAIL) ", "bold red"),
    (r"^ {2,4}(⚠|warn|\?|✋|wait|■|stop) ", "yellow"),
    (r"^ {2,4}([·–]|-   |skip) .*", "dim"),
    (r"^  PASSED", "bold green"),
    (r"^  (FAILED|INTERRUPTED)", "bold red"),
    (r"^  (INCONCLUSIVE|WAITING|PLANNED|SKIPPED)", "bold yellow"),
    (r"^     (Fix|Also) ", "bold"),
    (r"^  (Next|Report)    ?", "bold"),
    (r"^  \d+ +[a-z][a-z0-9/-]+", "bold"),
    (r"`[^`]+`|(?<=^  Next    ).*", "cyan"),
)
"""What is coloured in a line, by regular expression. Colour only adds to the words."""
