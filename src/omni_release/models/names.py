"""Finds model names in the files of a project."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from omni_release import source_tree
from omni_release.models import patterns, references
from omni_release.models.registry import OVERLAY

_EXTENSION = re.compile(
    r"\.(?:pyi?|ipynb|[cm]?[jt]sx?|vue|svelte|html|toml|ya?ml|json[c5]?|ini|cfg|conf|properties|env|tfvars|hcl"
    r"|(?:ba|z)?sh|ps1|bat|mdx?|rst|txt|tf|go|java|kt|rb|php|rs|cs|swift|scala|dart)"
)

_FILE_NAMES = frozenset(("dockerfile", "makefile", "justfile", "procfile", "containerfile", ".env", ".envrc"))

_PACKAGE_LISTS = frozenset(("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"))
"""Files with names of packages, many of which have the form of a model's name."""

_MINIFIED = (".min.js", ".min.mjs", ".bundle.js")

PROSE = (".md", ".mdx", ".rst", ".txt")
"""The suffixes of text for people."""

LARGEST = 20_000_000
"""In bytes; a larger file is reported, and not read."""

_LONGEST = 120
"""In bytes: a longer word has no name."""

_WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-"

_REST_OF_WORD = re.compile(rb"[A-Za-z0-9_.+-]*")

_URL = re.compile(rb"https?://[^\s\"'`<>)\]]*\Z")

_API_URL = re.compile(rb"googleapis\.com|/v\d\w*/(?:\S*/)?models/\Z|/publishers/\w+/models/\Z")

_LONGEST_URL = 500

_HINTS = {"vertex-ai": b"vertex", "azure": b"azure", "bedrock": b"bedrock"}
"""What a file says, in any case, where its names may be those of another platform."""


@dataclass(frozen=True)
class Occurrence:
    """A model name in a file. `line` and `column` count from 1; `computed` if the rest of it is built at run time.

    `platform` is the one that the text in front of the name states; `hints` are others that the file names.
    """

    path: str
    line: int
    column: int
    name: str
    computed: bool = False
    platform: str = ""
    hints: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """`path:line:column`."""
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Search:
    """The occurrences, ordered by path, line and column; `unread` has each file that cannot be read, and the reason."""

    occurrences: tuple[Occurrence, ...]
    unread: tuple[tuple[str, str], ...]


def find_names(root: str, files: Iterable[str] | None = None, also: Iterable[str] = ()) -> Search:
    """Every model name in the tree at `root`: in the given files, by default in all that git does not ignore.

    `also` are names of no known form; one that is a plain word counts only in quotes, or as the value of a key.
    """
    occurrences: list[Occurrence] = []
    unread: list[tuple[str, str]] = []
    own = tuple(name.encode() for name in also if not patterns.NAME.fullmatch(name.encode()))
    for path in sorted(source_tree.file_names(root) if files is None else files):
        if not _is_searched(path):
            continue
        try:
            data = _read(os.path.join(root, path))
        except FileNotFoundError:
            continue  # deleted, but still listed by git
        except (OSError, ValueError) as error:
            unread.append((path, str(getattr(error, "strerror", None) or error)))
            continue
        occurrences += _find_in(path, data, own)
    return Search(tuple(occurrences), tuple(unread))


def _is_searched(path: str) -> bool:
    """Whether a file is of a kind that may name models, by its name."""
    name = path.rpartition("/")[2].lower()
    if name in _PACKAGE_LISTS or name == OVERLAY or name.endswith(_MINIFIED):
        return False
    extension = os.path.splitext(name)[1]
    return bool(_EXTENSION.fullmatch(extension)) or name in _FILE_NAMES or name.startswith(".env.")


def _read(path: str) -> bytes:
    """The bytes of a file. Raises ValueError if it is larger than LARGEST."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):  # a submodule or a link to a folder; a pipe or a device has no end
        return b""
    if (size := found.st_size) > LARGEST:
        raise ValueError(f"the file has {size:,} bytes, and the limit is {LARGEST:,}")
    with open(path, "rb") as file:
        return file.read()


def _find_in(path: str, data: bytes, own: tuple[bytes, ...]) -> Iterator[Occurrence]:
    prose = os.path.splitext(path)[1].lower() in PROSE
    spans = {start: (end, computed) for start, end, computed in _spans(data, own, prose=prose)}
    if not spans:
        return
    lower = data.lower()
    hints = tuple(platform for platform, word in _HINTS.items() if word in lower)
    line, counted = 1, 0
    for start, (end, computed) in sorted(spans.items()):
        line += data.count(b"\n", counted, start)
        counted = start
        before = data[data.rfind(b"\n", 0, start) + 1 : start].removeprefix(b"\xef\xbb\xbf")
        column = len(before.decode("utf-8", "replace")) + 1
        name = data[start:end].decode("ascii", "replace")
        platform = references.platform_before(before[-_LONGEST:].decode("ascii", "replace"))
        yield Occurrence(path, line, column, name, computed, platform, hints)


def _spans(data: bytes, own: tuple[bytes, ...], *, prose: bool) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each name, and whether the rest of it is built at run time."""
    for start in _starts(data, own):
        if name := next((name for name in own if _is_whole_word(data, start, name)), b""):
            end = start + len(name)
            if not name.isalpha() or _is_quoted(data, start, end) or (not prose and _is_value(data, start)):
                yield start, end, False
            continue
        match = patterns.NAME.match(data, start)
        if match is None and not prose:
            match = patterns.GENERIC.match(data, start)
            if match is not None and not (_is_quoted(data, start, match.end()) or _is_value(data, start)):
                match = None
        if match is not None and _is_name(data, match, prose):
            yield start, match.end(), False
        elif not prose and (computed := patterns.COMPUTED.match(data, start)):
            yield start, computed.end(), True  # in prose, braces and percent signs are a way to write
    if not prose:
        for pattern in (*patterns.KEYED, *patterns.PREFIXED):
            for match in pattern.finditer(data):
                yield *match.span(1), False


def _starts(data: bytes, own: tuple[bytes, ...]) -> Iterator[int]:
    """The start of each word that may be a name."""
    seen: set[int] = set()
    for head in (*patterns.HEADS, *own):
        at = data.find(head)
        while at >= 0:
            before = data[max(0, at - _LONGEST) : at]
            start = at - len(before) + len(before.rstrip(_WORD))
            if start > 0 and data[start] in b"nrt" and data[start - 1] == 92:  # the end of `\n` in a string
                start += 1
            if at - start < _LONGEST and start not in seen:
                seen.add(start)
                yield start
            at = data.find(head, _REST_OF_WORD.match(data, at).end())  # type: ignore[union-attr]  # it matches always


def _is_whole_word(data: bytes, start: int, name: bytes) -> bool:
    end = start + len(name)
    return data.startswith(name, start) and not re.match(rb"[A-Za-z0-9_-]|\.[A-Za-z0-9]", data[end : end + 2])


def _is_quoted(data: bytes, start: int, end: int) -> bool:
    """Whether quotes are around a word, or around it with the prefix of a client."""
    before = data[max(0, start - _LONGEST) : start]
    opened = re.search(rb"([\"'`])(?:[\w.~-]+[/:])*\Z", before)
    return opened is not None and data[end : end + 1] == opened[1]


def _is_value(data: bytes, start: int) -> bool:
    """Whether a word is the value of a key that names a model."""
    line = data[max(data.rfind(b"\n", 0, start) + 1, start - _LONGEST) : start]
    return patterns.KEY_BEFORE.search(line) is not None


def _is_name(data: bytes, match: re.Match[bytes], prose: bool) -> bool:  # noqa: FBT001 - a fact of the file
    """Whether a match is a model name, by the text around it."""
    start, end = match.span()
    after, name = data[end : end + 4], match[0].decode("ascii")
    if re.match(rb"\$?\{[^}]|%[s(]", after):
        return False  # a part of a computed name
    if re.match(rb"/[\w.]", after) and not patterns.NAME.match(data, end + 1):
        return False  # a folder
    if after[:1] == b"*" and not (prose or after[:2] == b"**" or after[:2] == b"*/"):
        return False  # a pattern
    before = data[max(0, start - _LONGEST_URL) : start]
    if before.endswith((b"./", b"#", b"@")):
        return False  # a relative path, an anchor, the name of a package
    if (url := _URL.search(before)) and not _API_URL.search(url[0]):
        return False
    if patterns.is_other_word(name):
        return False
    return not patterns.WEAK.fullmatch(name) or _is_quoted(data, start, end) or (not prose and _is_value(data, start))
