"""What came of each scenario, and the file that tells it to whoever started the tests: a line of JSON each.

Three results, never merged: passed, failed, and inconclusive (no key, too much traffic, a fault of the service, no
network, the budget). A scenario may also be skipped, with its reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_release.core.errors import Inconclusive

if TYPE_CHECKING:
    pass


PASSED, FAILED, INCONCLUSIVE, SKIPPED = "passed", "failed", "inconclusive", "skipped"


RECORDED, EMULATED, LIVE = "recorded", "emulated", "live"


MODES = (RECORDED, EMULATED, LIVE)


@dataclass(frozen=True)
class CallRecord:
    """A request: the model that was asked and the one that answered, the HTTP code (None: no answer), seconds, USD."""

    asked: str
    answered: str
    code: int | None
    seconds: float
    usd: float | None


@dataclass(frozen=True)
class Scenario:
    """What came of one scenario. `path` and `line` are the test's; `unused` are answers that nobody asked for."""

    name: str
    outcome: str
    why: str
    path: str
    line: int
    seconds: float
    calls: tuple[CallRecord, ...] = ()
    cassette: str = ""
    unused: tuple[int, ...] = ()
    wrote: bool = False

    @property
    def usd(self) -> float:
        """What its calls cost, as far as is known."""
        return sum(call.usd or 0.0 for call in self.calls)


@dataclass(frozen=True)
class SmokeReport:
    """A whole run, of `count` scenarios. `ended` says that its last line is there: one that was cut off has none."""

    mode: str
    count: int
    scenarios: tuple[Scenario, ...]
    ended: bool


def read(path: Path) -> SmokeReport:
    """What a run of tests has told. A line that was cut off is passed over."""
    mode, count, ended, found = "", 0, False, []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        mode, count = entry.get("mode", mode), entry.get("count", count)
        ended = ended or "ended" in entry
        if "scenario" in entry:
            told = entry["scenario"]
            calls = tuple(CallRecord(**call) for call in told.pop("calls"))
            found.append(Scenario(**told | {"calls": calls, "unused": tuple(told["unused"])}))
    return SmokeReport(mode, count, tuple(found), ended)


def append(path: Path, **entry: object) -> None:
    """Add a line, in one write: processes that append side by side do not cut each other's."""
    data = json.dumps(entry, ensure_ascii=False) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, data.encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)


def plain(scenario: Scenario) -> dict[str, object]:
    """What `append` takes."""
    return asdict(scenario)


def inconclusive_cause(error: BaseException | None) -> Inconclusive | None:
    """The error behind a failure that says that nothing could be told; None where there is none."""
    for _ in range(20):
        if error is None or isinstance(error, Inconclusive):
            return error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def table(scenarios: Iterable[Scenario]) -> Iterator[str]:
    """The scenarios as lines: name, models asked and answered, attempts, seconds, cost, outcome."""
    heads = ("scenario", "model asked", "model that answered", "attempts", "seconds", "cost", "outcome")
    rows = [heads, *(_row(one) for one in scenarios)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    for row in rows:
        cells = (
            cell.rjust(width) if 3 <= at <= 5 else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _row(one: Scenario) -> tuple[str, ...]:
    asked, answered = (_names(getattr(call, name) for call in one.calls) for name in ("asked", "answered"))
    cost = f"${one.usd:.3f}" if any(call.usd is not None for call in one.calls) else "-"
    return (one.name, asked, answered, str(len(one.calls)), f"{one.seconds:.1f}", cost, one.outcome)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(filter(None, set(names)))) or "-"
