"""Compares two wheels of one project, past what build back ends write differently into each of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

from omni_release import distributions

_COMPILED = re.compile(r"\.(?:so(?:\.[\d.]+)?|pyd|dll|dylib|a|lib|exe|o|obj|pyc|node|wasm)$")
# What back ends and installers write: lists of the other files, and how the wheel was made.
_LISTS = re.compile(
    r"[^/]+\.dist-info/(?:RECORD(?:\.\w+)?|WHEEL|INSTALLER|REQUESTED|direct_url\.json|top_level\.txt|zip-safe"
    r"|not-zip-safe|namespace_packages\.txt|dependency_links\.txt|pbr\.json|sboms/.*|git_head.*|scm_\w+\.json)"
    r"|[^/]+\.egg-info/.*"
)
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_LICENSE = re.compile(r"[^/]+\.dist-info/(?:licenses/)?(.+)")
# A line of a version file: a commit, its distance or its state, under a name that says so.
_STATE = re.compile(
    r"^[\s\"'{]*[\w.\"'\[\]-]*(?:commit|revision|node|sha|hash|dirty|date|time|branch|distance|git|scm|vcs)[\w.-]*"
    r"[\s\"'\])]*(?::[^=]*)?(?:[=:]|$)",
    re.IGNORECASE,
)
_FILE = "license-file"
_LARGE = 1024 * 1024


@dataclass(frozen=True)
class Differences:
    """The names of the files that one wheel lacks, that it adds, and that differ; `expected` are by the back end."""

    missing: tuple[str, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    expected: tuple[str, ...]


def compare(wheel: Path, other: Path, scratch: Path) -> Differences:
    """How a wheel differs from another one. Compiled files are compared by name alone.

    Both were built below the folder `scratch`, whose paths may be in generated files. A license file that only the
    first wheel has is expected: the build of the sdist has written it (pbr writes AUTHORS from the commits).
    """
    own, theirs = hashes(wheel), hashes(other)
    written = {found[1]: name for name in own.keys() - theirs.keys() if (found := _LICENSE.fullmatch(name))}
    differing = {name for name in own.keys() & theirs.keys() if own[name] != theirs[name]}
    differing = {name for name in differing if not _COMPILED.search(name)}
    first, second = (_texts(path, differing, scratch) for path in (wheel, other))
    expected = {name for name in differing if _LISTS.fullmatch(name) or _is_expected(name, first, second, written)}
    missing, added = theirs.keys() - own.keys(), own.keys() - theirs.keys()
    expected |= {name for name in missing | added if _LISTS.fullmatch(name)}
    stated = {
        value for name in first if _METADATA.fullmatch(name) for key, value in _fields(first[name]) if key == _FILE
    }
    expected |= {name for file, name in written.items() if file in stated}
    return Differences(
        tuple(name for name in theirs if name in missing - expected),
        tuple(name for name in own if name in added - expected),
        tuple(name for name in own if name in differing - expected),
        tuple(sorted(expected)),
    )


def hashes(path: Path) -> dict[str, str]:
    """The sha256 of each file by name; RECORD, which only lists the others, is left out."""
    entries = (entry for entry in distributions.contents(path) if not entry.name.endswith(".dist-info/RECORD"))
    return {entry.name: entry.sha256 for entry in entries}


def _texts(wheel: Path, names: set[str], scratch: Path) -> dict[str, bytes]:
    """The content of these files, without the paths of the folders that the wheel was built in."""
    built_in = re.compile(re.escape(str(scratch).encode()) + rb"[^\s\"';:]*")
    entries = (entry for entry in distributions.contents(wheel) if entry.name in names and entry.size <= _LARGE)
    return {entry.name: built_in.sub(b"", entry.read()) for entry in entries}


def _is_expected(name: str, first: Mapping[str, bytes], second: Mapping[str, bytes], written: Collection[str]) -> bool:
    """Whether a file only differs in what the two source trees know of the repository, or in the order of fields.

    Or in the metadata's mention of the license files `written`, which only the first wheel has.
    """
    if name not in first or name not in second:
        return False
    if _METADATA.fullmatch(name):
        fields = [field for field in _fields(first[name]) if field[0] != _FILE or field[1] not in written]
        return fields == _fields(second[name])
    one, two = (set(_lines(content)) for content in (first[name], second[name]))
    return all(_STATE.match(line) for line in one ^ two)


def _fields(metadata: bytes) -> list[tuple[str, str]]:
    """The fields of core metadata, in no order of theirs."""
    message = Parser().parsestr(metadata.decode("utf-8", "backslashreplace"))
    return sorted([*((key.lower(), str(value)) for key, value in message.items()), ("", str(message.get_payload()))])


def _lines(content: bytes) -> Iterator[str]:
    for line in content.decode("utf-8", "replace").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.rstrip().rstrip(",")
