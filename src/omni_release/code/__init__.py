"""Bug patterns as rule files, found in all places at once by ast-grep: once mended, none may come back."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Finding, Severity

LARGEST = 1_000_000
"""Bytes. ast-grep takes minutes for a generated file of 5 MB."""

LONGEST = 20_000
"""Characters of a line. ast-grep tells the whole line with each match: a minified file becomes gigabytes."""


_DENSE, _SHORT = 300, 5_000  # bytes a line, and how small a file may be dense


LEFT_OUT = ("not-utf-8", "too-large", "unreadable")
"""The rules of findings that say of a file that nobody has looked at it."""


_MINIFIED = (".css", ".cjs", ".html", ".js", ".mjs")

_BUNDLED = (".cjs", ".js", ".mjs")

_PACKED = 1_000  # bytes of a line that holds most of its file

_SIGNS = 2  # how many signs of a bundle are enough: each alone may stand in what a person wrote

_BUNDLE = (
    re.compile(rb"/\*!|@licen[sc]e\b"),
    re.compile(rb"^//# sourceMappingURL=", re.MULTILINE),
    re.compile(
        rb"\b__webpack_require__\b|\bwebpackChunk|\b__vite|^//#region .*node_modules|\b__commonJS\b", re.MULTILINE
    ),
)

_DISTRIBUTED = re.compile(rb"\A\s*/\*[^*]{0,200}?\b\d+\.\d+\.\d+\b[^*]{0,200}?\b(?:Apache|BSD|ISC|MIT|MPL)\b")

_HASHED = re.compile(r"[-.](?:(?=\w*\d)(?=\w*[a-f])[0-9a-f]{8,}|(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{8})$")

_BUILT = {"_next", "build", "bundle", "compiled", "dist", "node_modules", "third_party", "vendor"}


_ENDINGS = (
    "bash bats c cc cjs clj cpp cs css cts cxx dart ex exs go h hcl hpp hs html java js json jsx kt kts lua mjs mts nix"
    " php py py3 pyi rb rs scala sc sh sol swift tf ts tsx vue yaml yml zsh"
)

_SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())

_SUPPRESSION = b"ast-grep" + b"-ignore"


@dataclass(frozen=True)
class Sources:
    """The files to look at, relative to the project; of the scripts without an ending those that are a shell's."""

    files: tuple[PurePosixPath, ...]
    scripts: tuple[PurePosixPath, ...]
    findings: tuple[Finding, ...]


def select_sources(root: Path, files: Iterable[PurePosixPath], ignored: tuple[str, ...]) -> Sources:
    """What of `files` can be looked at; `ignored` are globs of what need not be."""
    wanted: list[PurePosixPath] = []
    scripts: list[PurePosixPath] = []
    findings: list[Finding] = []
    files = tuple(files)
    sites = _built_sites(files)
    for file in files:
        if file.suffix not in _SUFFIXES and file.suffix:
            continue
        if any(fnmatch.fnmatch(str(file), glob) for glob in ignored) or not _is_file(root / file):
            continue
        if not file.suffix and not _is_shell_script(root / file):
            continue
        if not _is_unicode(file):
            why = "its name is not UTF-8, and the programs that look take no other"
            findings.append(_left_out(_spelled(file), why, "not-utf-8"))
            continue
        if not file.suffix:
            scripts.append(file)
            wanted.append(file)
            continue
        if file.suffix in _MINIFIED and not sites.isdisjoint(file.parents):
            why = "not looked at: in a site that was built: beside it lie files whose names end in a hash"
            findings.append(Finding(why, "generated", Severity.NOTICE, file.as_posix()))
            continue
        said = tuple(_unreadable(root, file))
        findings += said
        if all(finding.rule == _HIDDEN for finding in said):
            wanted.append(file)
    return Sources(tuple(wanted), tuple(scripts), tuple(findings))


_HIDDEN = "hidden-for-ever"


def _is_file(path: Path) -> bool:
    """A regular file: what a link leads to is looked at where it stands, and a pipe has no end."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_unicode(file: PurePosixPath) -> bool:
    """Whether a name is text: what is not, Python holds as surrogates, and ast-grep ends at the first of them."""
    return not any("\ud800" <= char <= "\udfff" for char in str(file))


def _spelled(file: PurePosixPath) -> str:
    """A name that is not text, so that it can be read: caf\\xe9.py."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


def _is_shell_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.readline(200).split()
    except OSError:
        return False
    shells = (b"sh", b"bash", b"dash", b"zsh", b"ksh")
    return bool(first) and first[0].startswith(b"#!") and any(word.rpartition(b"/")[2] in shells for word in first[:3])


def _unreadable(root: Path, file: PurePosixPath) -> Iterator[Finding]:
    """Why a file cannot be looked at, and what in it would hide a finding."""
    path, shown = root / file, file.as_posix()
    try:
        if (size := path.stat().st_size) > LARGEST:
            yield _left_out(shown, f"{size} bytes, more than {LARGEST}", "too-large")
            return
        data = path.read_bytes()
    except OSError as error:
        yield _left_out(shown, str(error.strerror), "unreadable")
        return
    if b"\0" in data:
        yield Finding("is binary, in spite of its ending: not looked at", "binary", Severity.NOTICE, shown)
        return
    if file.suffix in _MINIFIED and len(data) > _SHORT and len(data) > _DENSE * (data.count(b"\n") + 1):
        yield _left_out(shown, f"more than {_DENSE} bytes a line: generated or minified", "too-large")
        return
    if why := _written_by_nobody(file, data):
        yield Finding(f"not looked at: {why}", "generated", Severity.NOTICE, shown)
        return
    if len(data) > LONGEST and (line := _long_line(data)):
        yield _left_out(shown, f"a line of more than {LONGEST} bytes: generated or minified", "too-large", line)
        return
    try:
        data.isascii() or data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield _left_out(shown, f"byte 0x{data[error.start]:02x} is not UTF-8", "not-utf-8", line)
        return
    if (at := data.find(_SUPPRESSION)) >= 0:
        said = f"`{_SUPPRESSION.decode()}` hides findings for ever: say `omni-release: allow RULE until DAY because …`"
        yield Finding(said, _HIDDEN, Severity.WARNING, shown, data.count(b"\n", 0, at) + 1)


def _built_sites(files: Sequence[PurePosixPath]) -> set[PurePosixPath]:
    """The folders of built sites: where files lie whose names end in a hash, or above, where the site's page lies.

    A folder with a package.json is one that people write in, and so is the whole project.
    """
    known = set(files)
    hashed = Counter(file.parent for file in files if file.suffix in (".js", ".css") and _HASHED.search(file.stem))
    sites = set()
    for folder in (folder for folder, number in hashed.items() if number >= _SIGNS):
        page = (f for f in (folder, *folder.parents) if f / "index.html" in known or f / "package.json" in known)
        top = next(page, folder)
        sites.add(folder if top / "package.json" in known or top == PurePosixPath() else top)
    return sites


def _written_by_nobody(file: PurePosixPath, data: bytes) -> str:
    """The sign that a script or a page is a program's work; empty where it is a person's."""
    if file.suffix not in _MINIFIED:
        return ""
    longest = max(data.split(b"\n"), key=len)
    if len(longest) > _PACKED and len(longest) * 2 > len(data):
        return "one line holds most of it: generated or minified"
    if file.suffix not in _BUNDLED:
        return ""
    if _DISTRIBUTED.match(data):
        return "a library, which says its version and licence at the top"
    in_place = bool(_BUILT.intersection(file.parts[:-1])) or ".min." in file.name
    signs = sum(bool(sign.search(data)) for sign in _BUNDLE) + in_place
    return "a bundle, by its folder, its licence banner, its source map or its loader" if signs >= _SIGNS else ""


def _left_out(path: str, why: str, rule: str, line: int | None = None) -> Finding:
    said = f"not looked at: {why}\nMend it, or name it under `ignore` in [tool.omni-release.audit]."
    return Finding(said, rule, Severity.WARNING, path, line)


def _long_line(data: bytes) -> int | None:
    return next((number for number, line in enumerate(data.split(b"\n"), 1) if len(line) > LONGEST), None)
