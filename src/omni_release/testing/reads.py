"""What the tests have used, from what `scripts/reads_recorder.py` has recorded and from the times of last access."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from omni_release import environments
from omni_release.core.cache import Inputs, Used, state
from omni_release.core.documents import read_json_lines
from omni_release.core.model import Release

TREE, SITE, TIME = "tree:", "site:", "time:"
"""What the names of the inputs begin with: files of the copy, installed files, and the times of those of the copy."""

_COMPILED = re.compile(r"(.*[/\\])?__pycache__[/\\]([^./\\]+)\.[^/\\]*\.py[co]")
_LONG_AGO = 1_000_000_000  # nanoseconds since 1970
_MOST_PATHS = 5000
_LOCAL = re.compile(r"(?:127\.|::1$|localhost$|0\.0\.0\.0$|::$|$)")
_EPHEMERAL = 32768  # the first port that a system hands out by itself
_NO_SITE = re.compile(r"-[A-Za-z]*S")
# A file that is not opened can still be looked at: its size, its times, its permissions.
_LOOKS = re.compile(r"\bl?stat\(|\bst_\w+|\bget[amc]time\b|\bgetsize\b|\bfilecmp\b|\baccess\(")


@dataclass(frozen=True)
class Reads:
    """What the processes of the tests have recorded. Paths are absolute; a time is in nanoseconds, None for no file."""

    files: Mapping[str, int | None]
    folders: Mapping[str, int | None]
    written: frozenset[str]
    native: bool
    unseen: str
    elsewhere: str
    begun: int

    def by(self, program: str) -> Reads:
        """The same, where a program has run without a record."""
        return replace(self, unseen=program)


def read(path: Path, environment: Path) -> Reads:
    """The record at `path` of the processes of an environment.

    `unseen` says what may have read files that are not recorded, `elsewhere` which other machine or service was asked;
    each is empty where there is none.
    """
    entries, whole = list(read_json_lines(path)), True
    with contextlib.suppress(FileNotFoundError):
        whole = len(entries) == path.read_bytes().count(b"\n")
    times: dict[str, dict[str, int | None]] = {"read": {}, "list": {}}
    for entry in entries:
        for kind, found in times.items():
            for name in (entry[kind], entry.get("to", entry[kind])) if kind in entry else ():
                changed = entry["changed"]
                earlier = found.get(name, changed)
                found[name] = None if changed is None or earlier is None else min(changed, earlier)
    starts = [entry["at"] for entry in entries if "start" in entry]
    return Reads(
        times["read"],
        times["list"],
        frozenset(entry["write"] for entry in entries if "write" in entry),
        any("native" in entry for entry in entries),
        (next(_unseen(entries, environment), "") if whole else "a part of the record") if starts else "all processes",
        next(_elsewhere(entries), ""),
        min(starts, default=0),
    )


def _unseen(entries: list[dict[str, object]], environment: Path) -> Iterator[str]:
    """The programs that may have read files without a record."""
    reported = Counter(entry["start"] for entry in entries if "start" in entry)
    started = Counter(entry["process"] for entry in entries if "spawn" in entry)
    for entry in entries:
        if "unclear" in entry:
            yield str(entry["unclear"])
        elif "spawn" in entry and not is_observed(str(entry["spawn"]), environment):
            yield str(entry["spawn"])
        elif "spawn" in entry and any(_NO_SITE.match(str(flag)) for flag in _options(entry.get("flags"))):
            yield f"{entry['spawn']} -S"
    for process, number in started.items():
        if reported[process] < number:
            yield "a child process that did not report"


def _options(flags: object) -> Iterator[str]:
    """The options of an interpreter: the arguments before its program."""
    for flag in flags if isinstance(flags, list) else ():
        if not str(flag).startswith("-") or flag in ("-c", "-m"):
            return
        yield str(flag)


def is_observed(program: str, environment: Path) -> bool:
    """Whether a program is the interpreter of the environment, or a script that runs on it: it reports by itself."""
    folder = environments.scripts_folder(environment)
    path = Path(program) if os.path.dirname(program) else folder / program
    if os.path.abspath(path.parent) != os.path.abspath(folder):
        return False
    if re.fullmatch(r"python[\d.]*(\.exe)?", path.name):
        return path.exists()
    try:
        with path.open("rb") as file:
            first = file.readline(1000)
    except OSError:
        return False
    return first.startswith(b"#!" + os.fsencode(folder / "python"))


def _elsewhere(entries: list[dict[str, object]]) -> Iterator[str]:
    """What was asked that is no part of the tests: another machine, or a service of this one."""
    own = {entry["bind"] for entry in entries if "bind" in entry}
    for entry in entries:
        if "connect" not in entry:
            continue
        host, port = str(entry["host"]), entry["port"]
        if os.path.isabs(host):
            if not _is_temporary(host):
                yield host
        elif not _LOCAL.match(host):
            yield host
        elif isinstance(port, int) and 0 < port < _EPHEMERAL and port not in own:
            yield f"port {port} of this machine"


def _is_temporary(path: str) -> bool:
    folders = {tempfile.gettempdir(), os.path.realpath(tempfile.gettempdir())}
    return any(path.startswith(os.path.join(folder, "")) or path == folder for folder in folders)


def mark(paths: Iterable[Path]) -> None:
    """Set the times of last access of these files back, so that each later access shows."""
    for path in paths:
        if not path.is_symlink() and path.is_file():
            os.utime(path, ns=(_LONG_AGO, path.stat().st_mtime_ns))


def accesses_show(folder: Path) -> bool:
    """Whether this file system notes when a file is read: it does not where it is mounted with `noatime`."""
    probe = folder / "access.probe"
    probe.write_bytes(b"x")
    mark((probe,))
    probe.read_bytes()
    return _accessed(probe)


def _accessed(path: Path) -> bool:
    try:
        return path.lstat().st_atime_ns != _LONG_AGO
    except OSError:
        return True


def used(reads: Reads, inputs: Inputs, places: Mapping[str, Path], release: Release, *, shows: bool) -> Used | None:
    """What of their inputs the tests have used; None where their outcome depends on more than that.

    `places` has the path of each file, by its name in the inputs. It `shows` where files were accessed.
    """
    if reads.elsewhere:
        return None
    by_path = {os.path.abspath(path): name for name, path in places.items()}
    opened = {source(path) for path in reads.files}
    names = {by_path[path] for path in opened if path in by_path}
    # Compiled code opens files without a record. Of installed files, other tasks of the run read the metadata.
    names |= {name for name, path in places.items() if shows and name.startswith(TREE) and _accessed(path)}
    if reads.native:
        names |= {name for name in places if name.startswith(SITE) and ".dist-info/" not in name}
    looks = any(_LOOKS.search(_text(path)) for path in places.values() if path.suffix == ".py")
    if reads.unseen or looks or (reads.native and not shows):
        names = set(inputs.files)
    outside = _outside(reads, by_path, release)
    return None if outside is None else Used(frozenset(names & inputs.files.keys()), outside)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def source(path: str) -> str:
    """The path of the source that a compiled module is of; any other path as it is."""
    match = _COMPILED.fullmatch(path)
    return f"{match[1] or ''}{match[2]}.py" if match else path


def _outside(reads: Reads, known: Collection[str], release: Release) -> dict[str, str] | None:
    """The states of what was there before the tests, outside of their files; None where they have changed it.

    What the tests have made themselves is no input, and what they look for in the folder of temporary files is not.
    """
    inside = tuple(os.path.join(os.path.abspath(folder), "") for folder in (release.work_dir, release.folder))
    found: dict[str, str] = {}
    for kind, paths in (("file", reads.files), ("folder", reads.folders)):
        for path, changed in paths.items():
            if path in known or f"{path}{os.sep}".startswith(inside):
                continue
            new = changed is not None and changed >= reads.begun
            if new and (path in reads.written or _is_temporary(path)):
                continue
            if _is_temporary(path) and (changed is None or kind == "folder"):
                continue
            now = _changed(path)
            if now != changed or len(found) == _MOST_PATHS:
                return None
            found[f"{kind}:{path}"] = state(f"{kind}:{path}")
    return found


def _changed(path: str) -> int | None:
    try:
        return os.stat(path).st_ctime_ns
    except (OSError, ValueError):
        return None
