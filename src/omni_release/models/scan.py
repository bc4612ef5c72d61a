"""Model names in a source tree: every occurrence, in code, settings and prose, in one pass over the bytes.

A name is what the service is called with: `gemini-2.5-flash-image`, also in `models/…`, `google/…` or a URL of the API.
No name is a package (`gemini-cli`), a family (`gemini-2.5`), a prefix (`gemini-3-pro-`), a file (`gpt-4.json`), or a
part of a longer word. A name that is put together when the program runs (`gemini-3-pro{suffix}`) is told apart: nobody
can look it up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from omni_release import source_tree

_SUFFIX = re.compile(
    r"\.(?:pyi?|ipynb|[cm]?[jt]sx?|vue|svelte|html|toml|ya?ml|json[c5]?|ini|cfg|conf|properties|env"
    r"|(?:ba|z)?sh|ps1|bat|mdx?|rst|txt|tf|go|java|kt|rb|php)"
)
_NAMED = frozenset(("dockerfile", "makefile", "justfile", "procfile", "containerfile"))
_LOCKS = frozenset(("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"))
_PROSE = frozenset((".md", ".mdx", ".rst", ".txt"))
LARGEST = 20_000_000
"""Bytes; a larger file is told of, and not read."""

_SOME = (b"gemini-", b"imagen-", b"nano-banana-", b"dall-e-", b"gpt-", b"claude-")
_PART = rb"(?:\d+\.\d+|[a-z0-9]+)"
_NAME = re.compile(
    rb"(?<![A-Za-z0-9_\-])(?:"
    # A version and a kind; a kind and a version; the aliases that there are.
    rb"gemini-\d{1,2}(?:\.\d{1,2})?(?:-%(part)s)+"
    rb"|gemini-(?:embedding|exp|live|robotics-er|omni|flash|pro)(?=[a-z0-9.\-]*\d)(?:-%(part)s)+"
    rb"|gemini-(?:flash|flash-lite|pro)-latest"
    rb"|gemini-(?:pro|ultra)(?:-vision)?(?:-latest)?"
    rb"|imagen-\d(?:\.\d)?-[a-z]+(?:-%(part)s)*"
    rb"|nano-banana-(?:%(part)s-)*preview"
    rb"|dall-e-\d"
    rb"|gpt-(?:\d(?:\.\d{1,2})?[a-z]?|image-\d(?:\.\d)?)(?:-%(part)s)*"
    rb"|claude-(?:\d(?:[.\-]\d{1,2})?-(?:opus|sonnet|haiku)|(?:opus|sonnet|haiku|instant)-\d|\d\.\d)(?:[.\-]%(part)s)*"
    rb")(?![A-Za-z0-9_])" % {b"part": _PART}
)
_COMPUTED = re.compile(rb"(?<![A-Za-z0-9_\-])(?:gemini|imagen)-(?:%s-)*(?:%s)?(?=\$?\{[^}]|%%[s(])" % (_PART, _PART))
_URL = re.compile(rb"https?://[^\s\"'`<>)\]]*\Z")
_API_URL = re.compile(rb"googleapis\.com|/v\d\w*/(?:\S*/)?models/\Z|/publishers/\w+/models/\Z")
_LONGEST_URL = 500


@dataclass(frozen=True)
class Named:
    """A model's name in a file. `line` and `column` count from 1, `whole` is False where the rest of it is computed."""

    path: str
    line: int
    column: int
    name: str
    whole: bool = True

    @property
    def where(self) -> str:
        """`path:line:column`."""
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Search:
    """What was found, in the order of paths, lines and columns; `unread` are files that could not be read, with why."""

    names: tuple[Named, ...]
    unread: tuple[tuple[str, str], ...]


def find(root: str, files: Iterable[str] | None = None) -> Search:
    """Every model name in the files of the tree at `root`: in those given, else in all that git does not ignore."""
    names: list[Named] = []
    unread: list[tuple[str, str]] = []
    for path in sorted(source_tree.file_names(root) if files is None else files):
        if not _may_name(path):
            continue
        try:
            data = _read(os.path.join(root, path))
        except FileNotFoundError:
            continue  # deleted, and git still lists it
        except (OSError, ValueError) as error:
            unread.append((path, str(getattr(error, "strerror", None) or error)))
            continue
        if any(some in data for some in _SOME):
            names += _named(path, data)
    return Search(tuple(names), tuple(unread))


def _may_name(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    if name in _LOCKS:
        return False
    ending = os.path.splitext(name)[1]
    return bool(_SUFFIX.fullmatch(ending)) or name in _NAMED or name == ".env" or name.startswith(".env.")


def _read(path: str) -> bytes:
    if os.path.isdir(path):  # a submodule, or a link to a folder
        return b""
    if (size := os.path.getsize(path)) > LARGEST:
        raise ValueError(f"it has {size:,} bytes, more than the {LARGEST:,} that are read")
    with open(path, "rb") as file:
        return file.read()


def _named(path: str, data: bytes) -> Iterator[Named]:
    prose = os.path.splitext(path)[1].lower() in _PROSE
    found = [(match.start(), match.end(), True) for match in _NAME.finditer(data) if _is_name(data, match, prose)]
    whole = {start for start, _, _ in found}
    if not prose:
        computed = (match for match in _COMPUTED.finditer(data) if match.start() not in whole)
        found += [(match.start(), match.end(), False) for match in computed]
    line, at = 1, 0
    for start, end, whole_name in sorted(found):
        line += data.count(b"\n", at, start)
        at = start
        before = data[data.rfind(b"\n", 0, start) + 1 : start].removeprefix(b"\xef\xbb\xbf")
        column = len(before.decode("utf-8", "replace")) + 1
        yield Named(path, line, column, data[start:end].decode("ascii"), whole_name)


def _is_name(data: bytes, match: re.Match[bytes], prose: bool) -> bool:  # noqa: FBT001 - a fact of the file
    """Whether what looks like a name is one, by what stands around it."""
    start, end = match.span()
    after = data[end : end + 4]
    if after[:1] == b"-" or re.match(rb"\$?\{[^}]|%[s(]", after):
        return False  # a prefix, or a part of something that is computed
    if re.match(rb"\.[A-Za-z]|/[\w.]", after) and not data.startswith(_SOME, end + 1):
        return False  # a file, a folder
    if after[:1] == b"*" and not (prose or after[:2] == b"**" or after[:2] == b"*/"):
        return False  # a pattern
    before = data[max(0, start - _LONGEST_URL) : start]
    if before.endswith((b"./", b"#", b"@")) or (before.endswith(b".") and not before.endswith(b"anthropic.")):
        return False  # a file beside this one, an anchor, a class in a style sheet
    return not (url := _URL.search(before)) or _API_URL.search(url[0]) is not None
