"""How two distributions of one name differ: file by file, then in what the archives say of the files."""

from __future__ import annotations

import datetime
import difflib
import enum
import re
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.text import counted, listed
from omni_release.distributions.archives import Archive

_LARGE = 512 * 1024
_MANY = 2_000  # lines; difflib takes the square of them
_SHOWN, _WIDE = 8, 160
_FILES = 20


class Aspect(enum.StrEnum):
    """In what two distributions differ."""

    MISSING = "only in the first build"
    ADDED = "only in the second build"
    CONTENT = "content"
    ORDER = "order of the files"
    PERMISSIONS = "permissions"
    TIMESTAMPS = "timestamps"
    OWNERS = "owners"
    COMPRESSION = "compression"
    OTHER = "other bytes of the archive"


OF_FILES = (Aspect.MISSING, Aspect.ADDED, Aspect.CONTENT)
"""In what is unpacked; the others are in the archive alone."""


@dataclass(frozen=True)
class ArchiveDifference:
    """One way in which two distributions differ: in which files, and the lines that show it.

    `removed` and `added` are the lines of a text that only one of the two has.
    """

    aspect: Aspect
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`acme/_build.py: content`, `timestamps of 3 files: a, b, c`."""
        if self.aspect is Aspect.CONTENT:
            return f"{self.names[0]}: content"
        if self.aspect in (Aspect.MISSING, Aspect.ADDED):
            return f"{self.aspect}: {listed(self.names)}"
        if not self.names:
            return f"{self.aspect} of the archive" if self.aspect is Aspect.TIMESTAMPS else self.aspect.value
        return f"{self.aspect} of {counted(len(self.names), 'file')}: {listed(self.names, 5)}"


@dataclass(frozen=True)
class _Member:
    sha256: str
    size: int
    permissions: str
    time: str
    owner: str
    compression: str


def between(first: Path, second: Path) -> tuple[ArchiveDifference, ...]:
    """How the second distribution differs from the first, the weightiest first; nothing for the same bytes.

    Raises InvalidDistribution where one is not a readable archive.
    """
    if first.read_bytes() == second.read_bytes():
        return ()
    return tuple(_between(first, second)) or (ArchiveDifference(Aspect.OTHER),)


def _between(first: Path, second: Path) -> Iterator[ArchiveDifference]:
    one, two = _members(first), _members(second)
    missing, added = (tuple(name for name in a if name not in b) for a, b in ((one, two), (two, one)))
    if missing:
        yield ArchiveDifference(Aspect.MISSING, missing)
    if added:
        yield ArchiveDifference(Aspect.ADDED, added)
    common = [name for name in one if name in two]
    changed = [name for name in common if one[name].sha256 != two[name].sha256]
    own = [name for name in changed if not name.endswith(".dist-info/RECORD")]  # it follows from the others
    yield from _contents(first, second, own if own or missing or added else changed)
    if not (missing or added) and list(one) != list(two):
        at = next(number for number, (a, b) in enumerate(zip(one, two, strict=True)) if a != b)
        yield ArchiveDifference(Aspect.ORDER, (), (f"- {[*one][at]}", f"+ {[*two][at]}"))
    same = [name for name in common if one[name].sha256 == two[name].sha256]
    for kind, fact, among in _FACTS:
        names = tuple(name for name in (same if among else common) if fact(one[name]) != fact(two[name]))
        if names:
            lines = (f"- {names[0]}: {fact(one[names[0]])}", f"+ {names[0]}: {fact(two[names[0]])}")
            yield ArchiveDifference(kind, names, lines)
    yield from _of_gzip(first, second)


_FACTS: tuple[tuple[Aspect, Callable[[_Member], str], bool], ...] = (
    (Aspect.PERMISSIONS, lambda member: member.permissions, False),
    (Aspect.TIMESTAMPS, lambda member: member.time, False),
    (Aspect.OWNERS, lambda member: member.owner, False),
    (Aspect.COMPRESSION, lambda member: member.compression, True),  # other content has another compressed size
)


def _members(path: Path) -> dict[str, _Member]:
    """All entries by name, in their order; in an sdist without the name of its top folder."""
    found = {}
    for entry in Archive(path, path.name).entries():
        name = entry.name if path.suffix == ".whl" else entry.name.partition("/")[2] or entry.name
        header = entry.header
        if isinstance(header, tarfile.TarInfo):
            target = f" to {header.linkname}" if header.linkname else ""
            permissions = f"{stat.filemode(header.mode)[1:]}{target}"
            owner = f"{header.uid}:{header.gid} {header.uname}:{header.gname}"
            time, compression = _time(header.mtime), ""
        else:
            permissions = stat.filemode(header.external_attr >> 16)
            owner = f"system {header.create_system}"
            time = "{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*header.date_time)
            method = zipfile.compressor_names.get(header.compress_type, str(header.compress_type))  # type: ignore[attr-defined]  # typeshed lacks it
            compression = f"{method}, {header.compress_size} bytes"
        sha256 = entry.sha256 if entry.is_file else ""
        found[name] = _Member(sha256, entry.size, permissions, time, owner, compression)
    return found


def _time(seconds: float) -> str:
    try:
        return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def _of_gzip(first: Path, second: Path) -> Iterator[ArchiveDifference]:
    """What two sdists say in the header of the gzip file: its time, and the name of the file that was compressed."""
    if first.suffix == ".whl":
        return
    heads = []
    for path in (first, second):
        with path.open("rb") as file:
            heads.append(file.read(10))
    one, two = (int.from_bytes(head[4:8], "little") for head in heads)
    if one != two:
        yield ArchiveDifference(
            Aspect.TIMESTAMPS, (), (f"- header of the gzip file: {_time(one)}", f"+ … {_time(two)}")
        )


def _contents(first: Path, second: Path, names: Sequence[str]) -> Iterator[ArchiveDifference]:
    """The files of these names, whose contents differ; of the first ones, how."""
    one, two = (_texts(path, names[:_FILES]) for path in (first, second))
    for name in names:
        if name not in one or name not in two:
            yield ArchiveDifference(Aspect.CONTENT, (name,))
            continue
        a, b = (text.decode("utf-8").splitlines() if _is_text(text) else None for text in (one[name], two[name]))
        if a is None or b is None:
            yield ArchiveDifference(Aspect.CONTENT, (name,), (_first_byte(one[name], two[name]),))
            continue
        removed, added = _changed_lines(a, b)
        shown = [f"- {line[:_WIDE]}" for line in removed[: _SHOWN // 2]]
        shown += [f"+ {line[:_WIDE]}" for line in added[: _SHOWN // 2]]
        more = len(removed) + len(added) - len(shown)
        rest = (f"… and {counted(more, 'line')} more",) if more > 0 else ()
        ends = () if removed or added else ("only the ends of the lines differ",)
        yield ArchiveDifference(Aspect.CONTENT, (name,), (*shown, *rest, *ends), tuple(removed), tuple(added))


def _texts(path: Path, names: Sequence[str]) -> Mapping[str, bytes]:
    """The content of these files, but of large ones."""
    wanted, found = set(names), {}
    for entry in Archive(path, path.name).entries():
        name = entry.name if path.suffix == ".whl" else entry.name.partition("/")[2]
        if name in wanted and entry.size <= _LARGE:
            found[name] = entry.read()
    return found


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def _first_byte(one: bytes, two: bytes) -> str:
    at = next((number for number, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return f"binary, {len(one)} and {len(two)} bytes; the first difference is at byte {at}"


def _changed_lines(one: list[str], two: list[str]) -> tuple[list[str], list[str]]:
    """The lines that only the first text has at their place, and those that only the second one has."""
    if max(len(one), len(two)) > _MANY:
        pairs = [(a, b) for a, b in zip(one, two, strict=False) if a != b]
        return [a for a, _ in pairs], [b for _, b in pairs]
    blocks = difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    changed = [(one[a:b], two[c:d]) for kind, a, b, c, d in blocks if kind != "equal"]
    return [line for lines, _ in changed for line in lines], [line for _, lines in changed for line in lines]


# What a time looks like in a text: a date, a time of day, seconds since 1970, the name of a day or a month.
_TIME = re.compile(
    r"\b(?:\d{4}-\d\d?-\d\d?|\d\d?[/.]\d\d?[/.]\d{4}|\d{8}T?\d{4,6}|\d\d?:\d\d(?::\d\d(?:\.\d+)?)?|1[4-9]\d{8}(?:\.\d+)?)"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*\b|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\b"
)
_RANDOM = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-fA-F]{16,}\b")
_WORDS = re.compile(r"[\s,;:(){}\[\]'\"]+")


def advice(difference: ArchiveDifference, folders: Sequence[str] = ()) -> str:
    """What to do about a difference; `folders` are those that the two builds have run in."""
    name = difference.names[0] if difference.names else ""
    if difference.aspect is Aspect.CONTENT:
        return _advice_on_content(difference, name, folders)
    return {
        Aspect.MISSING: "Commit what the build needs: the first build had a file that the commit lacks, such as one "
        "that git ignores, or that an earlier build has left.",
        Aspect.ADDED: "Find out what makes the file: a build is to make the same files wherever it runs.",
        Aspect.ORDER: "Sort what the back end lists: `sorted(os.listdir(…))`, `sorted(Path.rglob(…))`.",
        Aspect.PERMISSIONS: "Set the permissions in the build: they follow the umask of who has built or cloned. "
        "hatchling and flit set them; setuptools packs those of the files.",
        Aspect.TIMESTAMPS: "Take times from SOURCE_DATE_EPOCH, as hatchling, flit, poetry-core and uv_build do. An "
        "sdist of setuptools or pdm-backend has the time of its build.",
        Aspect.OWNERS: "Set the owner in the build to 0 (root): it is who has built.",
        Aspect.COMPRESSION: "Build with the same version of Python and zlib: another one compresses the same files "
        "differently.",
        Aspect.OTHER: "Compare the two archives with diffoscope.",
    }[difference.aspect]


def _advice_on_content(difference: ArchiveDifference, name: str, folders: Sequence[str]) -> str:
    removed, added = difference.removed, difference.added
    lines = (*removed, *added)
    if any(folder in line for folder in folders for line in lines):
        return f"Leave the folder of the build out of {name}, or write the path relative to the project."
    words = [Counter(word for line in part for word in _WORDS.split(line) if word) for part in (removed, added)]
    if removed and words[0] == words[1]:
        return f"Sort what is written to {name}: a set, a dict of one, `os.listdir` and `glob` have no fixed order."
    if _same_but(_TIME, removed, added):
        return f"Take the time in {name} from SOURCE_DATE_EPOCH, or leave it out."
    if _same_but(_RANDOM, removed, added):
        return f"Write no random value to {name}, and no hash of something that changes."
    if not lines:
        return f"Find out what writes {name}, and make it write the same each time."
    return f"Find out what writes these lines to {name}: what it reads is not in the commit or the pinned requirements."


def _same_but(pattern: re.Pattern[str], removed: Sequence[str], added: Sequence[str]) -> bool:
    """Whether the lines are the same without what matches, apart from digits."""
    if not any(pattern.search(line) for line in removed) or not any(pattern.search(line) for line in added):
        return False
    one, two = ([re.sub(r"\d+", "0", pattern.sub("", line)) for line in lines] for lines in (removed, added))
    return one == two
