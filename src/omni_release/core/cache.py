"""Outcomes that later runs may use again: passed ones alone, each under a key of all that it depends on.

FOLDER/                     of one project, in the user's cache folder, or in a run folder
  TASK.KEY.USED.json        an outcome, the hashes of the files that it used, and a hash over all of that
  TASK.KEY.USED.d/          the files that a step made

An entry that is not exactly as `keep` writes it is none: cut short, changed, of another format, too old, a link, or
writable for other users. The outcome of a run is never worse for a broken cache: it is only slower.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omni_release.core.actions import Write
from omni_release.core.documents import sha256, to_json
from omni_release.core.journal import outcome_dict, outcome_from_json
from omni_release.core.model import Cached, Outcome, Severity, Status
from omni_release.core.own_folder import is_own, only_ours
from omni_release.core.redaction import Redact, redacted, strip_userinfo
from omni_release.core.world import Files

LONGEST = datetime.timedelta(days=1)
"""How long an outcome can be used again: tests may depend on the date, which is in no key."""

_FORMAT = 1
_LARGE = 10_000_000  # bytes
_LARGEST_ENTRY = 20_000_000  # bytes
_MOST_ENTRIES = 8  # for one task of a project; each change of what it uses adds one
_MOST_BYTES = 500_000_000  # of all projects
_ENTRY = re.compile(r"[a-z0-9-]+\.[0-9a-f]{32}\.[0-9a-f]{16}\.(?:json|d)")
_PRUNED = "pruned"  # an empty file: its time is that of the last prune
_BETWEEN_PRUNES = 3600.0  # seconds
_LEFT_OVER = 3600.0  # seconds after which what a killed run left behind is removed


@dataclass(frozen=True)
class Inputs:
    """What an outcome depends on.

    `exact` is a digest of all that must be the same. `files` has the hash of each file that the program can read, by
    its name: the names must be the same, too, but of the contents only those that it used.
    """

    exact: str
    files: Mapping[str, str] = field(default_factory=dict)

    def key(self, task: str) -> str:
        """The key of a task's outcome."""
        return digest((task, self.exact, *sorted(self.files)))[:32]


@dataclass(frozen=True)
class Used:
    """What a program has used: the names of files in its `Inputs`, and the state of paths elsewhere, by path."""

    files: frozenset[str]
    outside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """An outcome that is used again, with `cached` set, and the folder with the files that its step made."""

    outcome: Outcome
    folder: Path


def digest(parts: Iterable[str]) -> str:
    """The SHA-256 over some texts, in hexadecimal; where one ends and the next begins matters."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()


def state(name: str) -> str:
    """The state now of a path outside of the inputs: `file:PATH` by its content, `folder:PATH` by its names.

    A large file is known by its size and its time: it takes too long to read at each run.
    """
    kind, _, path = name.partition(":")
    try:
        if kind == "folder":
            return digest(sorted(os.listdir(path)))
        found = os.stat(path)
        if found.st_size > _LARGE or not stat.S_ISREG(found.st_mode):
            return f"{found.st_size} bytes at {found.st_mtime_ns}"
        return sha256(Path(path))
    except OSError:
        return "absent"


@dataclass(frozen=True)
class OutcomeCache:
    """See `core.world.Outcomes`.

    `run` is the name of the current run. With `fresh` nothing is found, but what is determined is kept. One of a single
    run is not `shared`: a step that is done is seen to be done, so nothing of steps is kept.
    """

    folder: Path
    run: str
    files: Files
    redact: Redact = strip_userinfo
    fresh: bool = False
    shared: bool = True
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)

    def find(self, task: str, inputs: Inputs) -> Kept | None:
        if self.fresh or not is_own(self.folder):
            return None
        key = inputs.key(task)
        found = [kept for path in self.folder.glob(f"{task}.{key}.*.json") if (kept := self._read(path, task, inputs))]
        return min(found, key=lambda kept: kept.outcome.cached.age if kept.outcome.cached else 0.0, default=None)

    def _read(self, path: Path, task: str, inputs: Inputs) -> Kept | None:
        """The entry, if it is as `keep` writes it, is for these inputs, and its files have their hashes."""
        try:
            entry = _verified(path)
            at = datetime.datetime.fromisoformat(entry["at"])
            age = self.now() - at
            outcome = outcome_from_json(json.dumps(entry["outcome"]))
            if entry["task"] != task or entry["key"] != inputs.key(task) or outcome is None or outcome.id != task:
                return None
            if not datetime.timedelta() <= age <= LONGEST or not _is_good(outcome):
                return None
            if any(inputs.files.get(name) != value for name, value in entry["used"].items()):
                return None
            if any(state(name) != value for name, value in entry["outside"].items()):
                return None
            folder = path.with_suffix(".d")
            if entry["made"] != (_hashes(folder) if entry["made"] else {}):
                return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            return None
        cached = Cached(str(entry["run"]), entry["at"], round(age.total_seconds(), 1))
        return Kept(replace(outcome, cached=cached, seconds=0.0), folder)

    def keep(
        self, outcome: Outcome, inputs: Inputs, used: Used | None = None, made: Mapping[str, Path] | None = None
    ) -> None:
        if not _is_good(outcome) or outcome.cached is not None:
            return
        with contextlib.suppress(OSError):  # a full disk: it is only slower the next time
            self._prepare()
            names = inputs.files if used is None else used.files
            content: dict[str, Any] = {
                "format": _FORMAT,
                "task": outcome.id,
                "key": inputs.key(outcome.id),
                "run": self.run,
                "at": self.now().isoformat(timespec="seconds"),
                "used": {name: inputs.files[name] for name in sorted(names)},
                "outside": dict(used.outside) if used else {},
                "outcome": redacted(outcome_dict(outcome), self.redact),
            }
            stem = f"{outcome.id}.{content['key']}.{digest(_flat(content['used'], content['outside']))[:16]}"
            content["made"] = self._copy(made or {}, self.folder / f"{stem}.d")
            content["sha256"] = _hash(content)
            self.files.write(Write(self.folder / f"{stem}.json", to_json(content).encode("utf-8", "backslashreplace")))
            self._prune(outcome.id)

    def _prepare(self) -> None:
        """Create the folder, for this user alone."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(mode=0o700)
        if not is_own(self.folder):
            raise PermissionError(f"{self.folder} belongs to another user")

    def _copy(self, made: Mapping[str, Path], target: Path) -> dict[str, str]:
        """Copy what a step made, each folder under its name; the hashes of all files."""
        if not made:
            return {}
        partial = self.folder / f".{secrets.token_hex(8)}.d"
        try:
            for name, source in made.items():
                if source.is_dir():
                    shutil.copytree(source, partial / name)
            hashes = _hashes(partial)
            shutil.rmtree(target, ignore_errors=True)
            os.rename(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return hashes

    def _prune(self, task: str) -> None:
        """Remove the oldest outcomes of a task where it has too many."""
        entries = sorted(self.folder.glob(f"{task}.*.json"), key=_modified, reverse=True)
        for path in entries[_MOST_ENTRIES:]:
            _remove(path)


def prune(folder: Path, now: float) -> None:
    """Remove what is too old from the folder of all projects, and the oldest beyond the largest size.

    Nothing is done within an hour of the last time: to look at all files takes as long as several checks.
    """
    with contextlib.suppress(OSError):
        last = folder / _PRUNED
        if abs(now - _modified(last)) < _BETWEEN_PRUNES or not folder.is_dir():
            return
        last.touch()
        os.utime(last, (now, now))
        projects = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
        entries = [path for project in projects for path in _entries(project, now)]
        left, size = sorted(entries, key=_modified, reverse=True), 0
        for path in left:
            size += _size(path)
            if size > _MOST_BYTES or now - _modified(path) > LONGEST.total_seconds():
                _remove(path)
        for project in projects:
            with contextlib.suppress(OSError):
                project.rmdir()  # where nothing is left in it


def _entries(project: Path, now: float) -> Iterator[Path]:
    """The entries of a project; what a killed run left beside them is removed."""
    for path in project.iterdir():
        if path.suffix == ".json" and _ENTRY.fullmatch(path.name):
            yield path
        elif not path.with_suffix(".json").exists() or not _ENTRY.fullmatch(path.name):
            if now - _modified(path) > _LEFT_OVER:
                _remove(path)


def _remove(path: Path) -> None:
    """Remove an entry: first what makes it one."""
    with contextlib.suppress(OSError):
        if not path.is_dir():
            path.unlink()
    shutil.rmtree(path.with_suffix(".d"), ignore_errors=True)


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    files = (path, *(file for file in path.with_suffix(".d").rglob("*")))
    with contextlib.suppress(OSError):
        return sum(file.lstat().st_size for file in files)
    return 0


def _is_good(outcome: Outcome) -> bool:
    """Whether an outcome may be used again: it passed, and nothing that it found is an error."""
    errors = any(finding.severity is Severity.ERROR for finding in outcome.findings)
    return outcome.status is Status.PASSED and not errors


def user_cache(environment: Mapping[str, str]) -> Path:
    """Our folder among the caches of the user, or the one that a variable names."""
    import platformdirs

    named = environment.get("OMNI_RELEASE_CACHE_DIR")
    return Path(named).absolute() if named else platformdirs.user_cache_path("omni-release", appauthor=False)


def _verified(path: Path) -> dict[str, Any]:
    """The content of an entry. Raises ValueError where it is not what was written."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or not only_ours(found) or found.st_size > _LARGEST_ENTRY:
        raise ValueError(f"{path} is not an entry")
    entry = json.loads(path.read_bytes())
    if not isinstance(entry, dict) or entry.get("format") != _FORMAT or entry.pop("sha256", "") != _hash(entry):
        raise ValueError(f"{path} is not as it was written")
    return entry


def _hash(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _flat(*tables: Mapping[str, str]) -> Iterator[str]:
    for table in tables:
        for item in sorted(table.items()):
            yield from item
        yield ""


def _hashes(folder: Path) -> dict[str, str]:
    """The hash of each file below a folder. Raises ValueError where something else is there."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path} is not a file")
        if path.is_file():
            hashes[path.relative_to(folder).as_posix()] = sha256(path)
    return hashes
