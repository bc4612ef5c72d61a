"""Which source files can be analysed: neither binary, generated, minified nor too large; the others are findings."""

from __future__ import annotations

import fnmatch
import functools
import os
import re
import stat
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Finding, Severity
from omni_release.core.tasks import Rule, RuleClass

LARGEST = 1_000_000
"""Bytes of a file. ast-grep takes minutes for a generated file of 5 MB."""

LONGEST = 20_000
"""Bytes of a line. ast-grep prints the whole line with each match: a minified file becomes gigabytes."""

SKIPPED_RULES = (
    Rule("not-utf-8", RuleClass.QUALITY, "File or its name is not UTF-8"),
    Rule("too-large", RuleClass.QUALITY, "File is too large, generated or minified"),
    Rule("unreadable", RuleClass.QUALITY, "File cannot be read"),
)
"""The rules of warnings about files that were not analysed."""

SOURCE_RULES = (
    *SKIPPED_RULES,
    Rule("binary", RuleClass.QUALITY, "Source file is binary"),
    Rule("generated", RuleClass.QUALITY, "File is generated"),
    Rule("unbounded-suppression", RuleClass.QUALITY, "Comment of ast-grep suppresses findings permanently"),
)
"""The rules of all findings of `select_sources`."""

_SUPPRESSION_RULE = "unbounded-suppression"
_SUPPRESSION = b"ast-grep" + b"-ignore"

_DENSE, _SHORT = 300, 5_000  # bytes a line, and how small a file may be dense
_PACKED = 1_000  # bytes of a line that holds most of its file
_MINIFIED = (".css", ".cjs", ".html", ".js", ".mjs")
_BUNDLED = (".cjs", ".js", ".mjs")
_SIGNS = 2  # how many signs of a bundle are enough: source code by hand may have one
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
_SHELLS = (b"sh", b"bash", b"dash", b"zsh", b"ksh")


@dataclass(frozen=True)
class Sources:
    """The files to analyse, relative to the project, and findings about the others.

    `scripts` are those of `files` that are shell scripts without a suffix.
    """

    files: tuple[PurePosixPath, ...]
    scripts: tuple[PurePosixPath, ...]
    findings: tuple[Finding, ...]


def select_sources(root: Path, files: Iterable[PurePosixPath], ignored: tuple[str, ...]) -> Sources:
    """Select from `files` those that can be analysed; files that match a glob of `ignored` are left out silently.

    Checks side by side take turns: what the first has read is not read again.
    """
    with _TURN:
        return _selected(root, files, ignored)


_TURN = threading.Lock()


def _selected(root: Path, files: Iterable[PurePosixPath], ignored: tuple[str, ...]) -> Sources:
    selected: list[PurePosixPath] = []
    scripts: list[PurePosixPath] = []
    findings: list[Finding] = []
    files = tuple(files)
    sites = _built_sites(files)
    for file in files:
        if file.suffix not in _SUFFIXES and file.suffix:
            continue
        if any(fnmatch.fnmatch(str(file), glob) for glob in ignored) or (found := _regular_file(root / file)) is None:
            continue
        if not file.suffix and not _is_shell_script(root / file):
            continue
        # Python holds a name that is not UTF-8 with surrogates, and ast-grep ends at the first of them.
        if any("\ud800" <= char <= "\udfff" for char in str(file)):
            printable = os.fsencode(file).decode("utf-8", "backslashreplace")  # caf\xe9.py
            findings.append(_skipped(printable, "its name is not UTF-8, which analysis tools require", "not-utf-8"))
            continue
        if not file.suffix:
            scripts.append(file)
            selected.append(file)
            continue
        if file.suffix in _MINIFIED and not sites.isdisjoint(file.parents):
            message = "skipped: part of a built site, whose file names end in a hash"
            findings.append(Finding(message, "generated", Severity.NOTICE, file.as_posix()))
            continue
        problems = _problems_once(root, file, found.st_mtime_ns, found.st_size)
        findings += problems
        if all(finding.rule == _SUPPRESSION_RULE for finding in problems):
            selected.append(file)
    return Sources(tuple(selected), tuple(scripts), tuple(findings))


def _regular_file(path: Path) -> os.stat_result | None:
    """Its status; None for a link, whose target is analysed at its own path, and for a pipe, which has no end."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _is_shell_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            words = file.readline(200).split()
    except OSError:
        return False
    return bool(words) and words[0].startswith(b"#!") and any(word.rpartition(b"/")[2] in _SHELLS for word in words[:3])


@functools.cache
def _problems_once(root: Path, file: PurePosixPath, _changed: int, _size: int) -> tuple[Finding, ...]:
    """The problems of a file while its time and its size stay as they are."""
    return tuple(_problems(root, file))


def _problems(root: Path, file: PurePosixPath) -> Iterator[Finding]:
    """Why a file cannot be analysed, or what in it suppresses findings."""
    path, name = root / file, file.as_posix()
    try:
        if (size := path.stat().st_size) > LARGEST:
            yield _skipped(name, f"{size} bytes, more than {LARGEST}", "too-large")
            return
        data = path.read_bytes()
    except OSError as error:
        yield _skipped(name, str(error.strerror), "unreadable")
        return
    if b"\0" in data:
        yield Finding("skipped: binary, despite its suffix", "binary", Severity.NOTICE, name)
        return
    if file.suffix in _MINIFIED and len(data) > _SHORT and len(data) > _DENSE * (data.count(b"\n") + 1):
        yield _skipped(name, f"more than {_DENSE} bytes a line: generated or minified", "too-large")
        return
    if reason := _generated_reason(file, data):
        yield Finding(f"skipped: {reason}", "generated", Severity.NOTICE, name)
        return
    if len(data) > LONGEST:
        numbered = enumerate(data.split(b"\n"), 1)
        if number := next((number for number, line in numbered if len(line) > LONGEST), None):
            yield _skipped(name, f"a line of more than {LONGEST} bytes: generated or minified", "too-large", number)
            return
    try:
        data.isascii() or data.decode()
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        yield _skipped(name, f"byte 0x{data[error.start]:02x} is not UTF-8", "not-utf-8", number)
        return
    if (at := data.find(_SUPPRESSION)) >= 0:
        message = (
            f"`{_SUPPRESSION.decode()}` suppresses findings permanently\n"
            "Write `omni-release: allow RULE until DAY because …` instead."
        )
        yield Finding(message, _SUPPRESSION_RULE, Severity.WARNING, name, data.count(b"\n", 0, at) + 1)


def _skipped(path: str, reason: str, rule: str, line: int | None = None) -> Finding:
    message = f"skipped: {reason}\nFix the file, or add it to `ignore` in [tool.omni-release.audit]."
    return Finding(message, rule, Severity.WARNING, path, line)


def _built_sites(files: Sequence[PurePosixPath]) -> set[PurePosixPath]:
    """The folders of built sites: with files whose names end in a hash, or above them the folder of the site's page.

    A folder with a package.json is source code, and so is the whole project.
    """
    known = set(files)
    hashed = Counter(file.parent for file in files if file.suffix in (".js", ".css") and _HASHED.search(file.stem))
    sites = set()
    for folder in (folder for folder, number in hashed.items() if number >= _SIGNS):
        page = (f for f in (folder, *folder.parents) if f / "index.html" in known or f / "package.json" in known)
        top = next(page, folder)
        sites.add(folder if top / "package.json" in known or top == PurePosixPath() else top)
    return sites


def _generated_reason(file: PurePosixPath, data: bytes) -> str:
    """The sign that a program wrote a script or a page; empty for source code."""
    if file.suffix not in _MINIFIED:
        return ""
    longest = max(data.split(b"\n"), key=len)
    if len(longest) > _PACKED and len(longest) * 2 > len(data):
        return "one line holds most of it: generated or minified"
    if file.suffix not in _BUNDLED:
        return ""
    if _DISTRIBUTED.match(data):
        return "a library, with its version and licence at the top"
    in_place = bool(_BUILT.intersection(file.parts[:-1])) or ".min." in file.name
    signs = sum(bool(sign.search(data)) for sign in _BUNDLE) + in_place
    return "a bundle, by its folder, its licence banner, its source map or its loader" if signs >= _SIGNS else ""
