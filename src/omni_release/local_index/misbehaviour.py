"""How an index can go wrong, by script: named cases, each of which has happened to somebody.

A script is a list of cases with `;` between them, a case is a word and its options:

    503 after=1 retry-after=2; list-late listings=3

`on` says which requests are meant (`upload`, `list`, `file`), `after` how many of them are left alone before, `times`
how many are met then (a number, or `always`).
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omni_release.core.errors import UsageError
from omni_release.local_index import Held

ALWAYS = "always"
_COMMON = {"on", "after", "times"}
_ON = ("upload", "list", "file")


@dataclass(frozen=True)
class Kind:
    """A case that there is. `options` are its own, with what each is where it is not said; `does` is for people."""

    on: str
    times: str
    does: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    elsewhere: bool = False  # whether it can be told to meet other requests than those of `on`


CASES: Mapping[str, Kind] = {
    "500": Kind("upload", "1", "answers 500 and stores nothing", elsewhere=True),
    "503": Kind("upload", "1", "answers 503, with Retry-After where asked for", {"retry-after": ""}, elsewhere=True),
    "429": Kind("upload", "1", "answers 429, with Retry-After where asked for", {"retry-after": ""}, elsewhere=True),
    "403": Kind("upload", "1", "answers 403 for a reason that passes by itself", elsewhere=True),
    "store-then-500": Kind("upload", "1", "stores the file, and answers 500"),
    "store-then-drop": Kind("upload", "1", "stores the file, and closes the connection without an answer"),
    "drop": Kind("upload", "1", "closes the connection after so many bytes of the file", {"at": "0"}, elsewhere=True),
    "hang": Kind("upload", "1", "never answers", elsewhere=True),
    "trickle": Kind("upload", "1", "answers a few bytes at a time", {"bytes": "1", "seconds": "0.2"}, elsewhere=True),
    "forget": Kind("upload", "1", "answers 200, and does not have the file"),
    "list-late": Kind(
        "list", ALWAYS, "lists a new file only after so many listings or seconds", {"listings": "0", "seconds": "0"}
    ),
    "list-stale": Kind(
        "list",
        ALWAYS,
        "repeats its first listing, to all or (no-cache=heeds) to who takes a cached one",
        {"no-cache": "ignores"},
    ),
    "disagree": Kind("list", ALWAYS, "leaves the newest file out of one of its two pages", {"missing": "json"}),
    "other-hash": Kind("list", ALWAYS, "lists files with the sha256 of other bytes"),
    "other-bytes": Kind("file", ALWAYS, "serves other bytes than were uploaded"),
}


@dataclass(frozen=True)
class Clause:
    """One case of a script. `times` is None where there is no end to it."""

    name: str
    on: str
    after: int
    times: int | None
    options: Mapping[str, str]

    def number(self, option: str) -> float:
        return float(self.options[option])

    def meets(self, count: int) -> bool:
        """Whether the request of this number (from 0) is meant."""
        return count >= self.after and (self.times is None or count < self.after + self.times)


def parse(script: str) -> tuple[Clause, ...]:
    """The clauses of a script. Raises UsageError for one that says what cannot be done."""
    return tuple(_clause(part.split()) for part in script.split(";") if part.strip())


class Script:
    """A script as it is played: counts the requests of each kind."""

    def __init__(self, clauses: Sequence[Clause] = ()) -> None:
        self._clauses = tuple(clauses)
        self._lock = threading.Lock()
        self._seen = dict.fromkeys(_ON, 0)
        self._listings: dict[str, int] = {}
        self._first: dict[str, tuple[Held, ...]] = {}

    def next(self, on: str) -> tuple[Clause, ...]:
        """What goes wrong with the next request of this kind."""
        with self._lock:
            count = self._seen[on]
            self._seen[on] += 1
        return tuple(clause for clause in self._clauses if clause.on == on and clause.meets(count))

    def listed(
        self, clauses: Sequence[Clause], files: tuple[Held, ...], page: str, now: datetime.datetime, *, fresh: bool
    ) -> tuple[Held, ...]:
        """The files that a listing shows. `page` is `json` or `html`; `fresh` is for who takes no cached page."""
        with self._lock:
            for held in files:
                self._listings[held.name] = self._listings.get(held.name, 0) + 1
            for clause in clauses:
                files = self._changed(clause, files, page, now, fresh=fresh)
        return files

    def _changed(
        self, clause: Clause, files: tuple[Held, ...], page: str, now: datetime.datetime, *, fresh: bool
    ) -> tuple[Held, ...]:
        match clause.name:
            case "list-late":
                listings, seconds = clause.number("listings"), clause.number("seconds")
                return tuple(
                    held
                    for held in files
                    if self._listings[held.name] > listings and (now - held.uploaded).total_seconds() >= seconds
                )
            case "list-stale":
                first = self._first.setdefault(page, files)
                return files if fresh and clause.options["no-cache"] == "heeds" else first
            case "disagree" if clause.options["missing"] == page:
                return files[:-1]
            case "other-hash":
                return tuple(_otherwise(held) for held in files)
        return files


def other(data: bytes) -> bytes:
    """As many bytes, and not the same."""
    return data[:-1] + bytes([data[-1] ^ 1]) if data else b"?"


def _otherwise(held: Held) -> Held:
    sha256 = (held.digests.sha256 or "")[::-1]
    return dataclasses.replace(held, digests=dataclasses.replace(held.digests, sha256=sha256))


def _clause(words: Sequence[str]) -> Clause:
    name, given = words[0], dict(word.partition("=")[::2] for word in words[1:])
    kind = CASES.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, CASES, 1, 0.4)
        raise UsageError(
            f"the script has no case {name!r}",
            f"Did you mean {near[0]}?" if near else f"There are: {', '.join(CASES)}.",
        )
    if odd := set(given) - _COMMON - set(kind.options):
        known = ", ".join(sorted(_COMMON | set(kind.options)))
        raise UsageError(f"{name} has no option {sorted(odd)[0]!r}", f"It has: {known}.")
    on = given.get("on", kind.on)
    if on not in _ON or (on != kind.on and not kind.elsewhere):
        raise UsageError(
            f"{name} cannot be on={on}", f"It can be on: {', '.join(_ON if kind.elsewhere else [kind.on])}."
        )
    options = {option: _checked(name, option, given.get(option, usual)) for option, usual in kind.options.items()}
    times = given.get("times", kind.times)
    after = _count(name, "after", given.get("after", "0"))
    return Clause(name, on, after, None if times == ALWAYS else _count(name, "times", times), options)


_WORDS = {"no-cache": ("ignores", "heeds"), "missing": ("json", "html")}


def _checked(name: str, option: str, value: str) -> str:
    if (words := _WORDS.get(option)) and value not in words:
        raise UsageError(f"{name} cannot have {option}={value}", f"It can have: {', '.join(words)}.")
    if option in ("at", "bytes", "listings"):
        _count(name, option, value)
    if option == "seconds" and not value.replace(".", "", 1).isdigit():
        raise UsageError(f"{name} has {option}={value!r}, which is no number of seconds")
    if option == "bytes" and value == "0":
        raise UsageError(f"{name} has {option}=0, and would never end", "Say one or more.")
    return value


def _count(name: str, option: str, value: str) -> int:
    if not value.isdecimal():
        raise UsageError(f"{name} has {option}={value!r}, which is no number")
    return int(value)
