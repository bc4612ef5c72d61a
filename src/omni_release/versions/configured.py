"""Places that the settings name, in `[tool.omni-release.version]`: a file, and a key or a pattern in it."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path

from omni_release.core.errors import SettingsError
from omni_release.core.toml import LocatedString, table
from omni_release.versions import place as versions_place
from omni_release.versions.member import Member
from omni_release.versions.pep440 import equals, parse
from omni_release.versions.place import MIRROR, Place, Text

_TABLE = "[[tool.omni-release.version.place]]"


def configured_places(member: Member) -> Iterator[Place]:
    """The places that are named. Raises SettingsError where one of them is not there."""
    entries = member.table("tool", "omni-release", "version").get("place")
    for entry in entries if isinstance(entries, list) else ():
        path = str(entry.get("path", "")).replace("\\", "/").removeprefix("./")
        inside = os.path.normpath(path) if path else ".."
        if Path(path).is_absolute() or inside.startswith(".."):
            raise _error(member, path, "must lie in the project", "Name it by its path from here.")
        text = member.checkout.text(member.at + path)
        if text is None:
            raise _error(member, path, "is not there (or is a link)", "Name a file by its path from here.")
        found = list(_by_pattern(member, text, entry) if entry.get("pattern") else _by_key(member, path, text, entry))
        if not found:
            raise _error(member, path, "holds no version there", "Look at its `key` or `pattern`.")
        yield from found


def is_ignored(member: Member, path: str) -> bool:
    """Do the settings say that what stands in a file is none of the project's versions?"""
    globs = member.table("tool", "omni-release", "version").get("ignore")
    return isinstance(globs, list) and any(fnmatch.fnmatch(path, str(glob)) for glob in globs)


def _by_pattern(member: Member, text: Text, entry: dict[str, object]) -> Iterator[Place]:
    try:
        pattern = re.compile(str(entry["pattern"]), re.MULTILINE)
    except re.error as error:
        raise _error(member, text.path, f"has a pattern that is none: {error}", "It is a regular expression.") from None
    if "version" not in pattern.groupindex:
        raise _error(
            member, text.path, "has a pattern without (?P<version>…)", "Put the group where the version stands."
        )
    for match in pattern.finditer(text.text):
        if match["version"] and parse(match["version"]):
            yield text.place(*match.span("version"), MIRROR)


def _by_key(member: Member, path: str, text: Text, entry: dict[str, object]) -> Iterator[Place]:
    key = str(entry.get("key", "version"))
    path = member.at + path
    name = path.rpartition("/")[2]
    if name.endswith((".toml", ".json")):
        value: object = member.checkout.toml(path) if name.endswith(".toml") else member.checkout.json(path)
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        place = member.checkout.place(path, value, MIRROR, "semver" if name in ("package.json", "Cargo.toml") else "")
        yield from [place] if place else ()
    elif name.endswith((".cfg", ".ini")):
        section, _, option = key.rpartition(".")
        place = member.checkout.place(path, member.checkout.ini(path).get(section, {}).get(option), MIRROR)
        yield from [place] if place else ()
    elif name.endswith(".py"):
        yield from member.resolved(path, key, MIRROR)
    else:
        stated: list[LocatedString | None] = [*versions_place.read_yaml(text.text, key)]
        for found in stated or [versions_place.read_bare(text.text)]:
            if found is not None and parse(found):
                yield text.place(found.start, found.end, MIRROR)


def _error(member: Member, path: str, what: str, hint: str) -> SettingsError:
    settings = Path(member.checkout.top, member.at, "pyproject.toml")
    return SettingsError(f"`{path or 'path'}` in {_TABLE} {what}", hint, path=settings)


_VERSION = r"v?(\d+(?:\.\d+)+(?:[-_.]?(?:a|b|c|rc|alpha|beta|dev|post)[-_.]?\d*)*)"

_OWN = (
    ("pyproject.toml", ("tool", "bumpversion"), "current_version"),
    ("pyproject.toml", ("tool", "commitizen"), "version"),
    ("pyproject.toml", ("tool", "tbump", "version"), "current"),
    ("pyproject.toml", ("tool", "bumpver"), "current_version"),
    ("pyproject.toml", ("tool", "pycalver"), "current_version"),
    ("pyproject.toml", ("tool", "bump2version"), "current_version"),
    ("pyproject.toml", ("tool", "semantic_release"), "version"),
    (".bumpversion.toml", ("tool", "bumpversion"), "current_version"),
    (".bumpversion.toml", ("bumpversion",), "current_version"),
    ("tbump.toml", ("version",), "current"),
    ("pyproject.toml", ("tool", "towncrier"), "version"),
    ("towncrier.toml", ("tool", "towncrier"), "version"),
    (".cz.toml", ("tool", "commitizen"), "version"),
    ("cz.toml", ("tool", "commitizen"), "version"),
    (".cz.json", ("commitizen",), "version"),
    ("cz.json", ("commitizen",), "version"),
    ("bumpver.toml", ("bumpver",), "current_version"),
    ("pycalver.toml", ("pycalver",), "current_version"),
)

_SECTIONS = ("bumpversion", "bumpver", "pycalver", "tool:bumpversion", "commitizen", "tbump")

_CHANGES = re.compile(r"(?i)(?:change|history|news|release)[\w-]*(?:\.\w+)?$")

_ANY = ("{current_version}", "{version}", "{pep440_version}")


def bump_tool_version(member: Member) -> Iterator[Place]:
    """The version in the settings of a tool that bumps."""
    checkout, at = member.checkout, member.at
    for file, keys, key in _OWN:
        if at + file not in checkout.known:
            continue
        read = checkout.json if file.endswith(".json") else checkout.toml
        place = checkout.place(at + file, table(read(at + file), *keys).get(key), MIRROR)
        yield from [place] if place else ()
    for file in (".bumpversion.cfg", "setup.cfg"):
        sections = checkout.ini(at + file) if at + file in checkout.known else {}
        for section in _SECTIONS:
            place = checkout.place(at + file, sections.get(section, {}).get("current_version"), MIRROR)
            yield from [place] if place else ()
    yield from _yaml(member)
    manifest = ".release-please-manifest.json"
    if manifest in checkout.known:
        place = checkout.place(manifest, checkout.json(manifest).get(at.rstrip("/") or "."), MIRROR)
        yield from [place] if place else ()


def _yaml(member: Member) -> Iterator[Place]:
    for file in (".cz.yaml", ".cz.yml", "cz.yaml"):
        text = member.checkout.text(member.at + file) if member.at + file in member.checkout.known else None
        match = re.search(r"^[ \t]+version:[ \t]*[\"']?([^\s\"'#]+)", text.text, re.M) if text else None
        if text and match and parse(match[1]):
            yield text.place(*match.span(1), MIRROR)


def bump_tool_places(member: Member, version: str | None) -> Iterator[Place]:
    """The places in the files that such a tool is told to change, where its pattern stands around a version."""
    if version is None:
        return
    others = ((path, search, 0) for path, search in _others(member))
    for path, search, count in (*_bumpversion(member), *others):
        path = path.removeprefix("./")
        if _CHANGES.search(path.rpartition("/")[2]) or any(char in path for char in "*?["):
            continue
        text = member.checkout.text(member.at + path)
        if text:
            yield from _matches(text, search, version, count)


def _bumpversion(member: Member) -> Iterator[tuple[str, str, int]]:
    """Each file, the pattern in it, and how many components of the version stand there (0: all of them)."""
    tables = [member.table("tool", "bumpversion")]
    tables += [table(member.checkout.toml(member.at + ".bumpversion.toml"), "tool", "bumpversion")]
    for settings in tables:
        files = settings.get("files")
        for entry in files if isinstance(files, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("filename"), str):
                search = str(entry.get("search") or settings.get("search") or "{current_version}")
                yield entry["filename"], search, _components(_strings(entry.get("serialize")))
    for file in (".bumpversion.cfg", "setup.cfg"):
        for section, keys in member.checkout.ini(member.at + file).items():
            if match := re.match(r"bumpversion:file(?:\s*\([^)]*\))?:\s*(.+)", section):
                search = str(keys.get("search") or "{current_version}")
                yield match[1].partition("(")[0].strip(), search, _components(_strings(keys.get("serialize")))


def _components(serialized: list[str]) -> int:
    """How many components a file's own `serialize` writes, where that is the first one or two of them."""
    return {"{major}.{minor}": 2, "{major}": 1}.get(serialized[0].strip(), 0) if len(serialized) == 1 else 0


def _others(member: Member) -> Iterator[tuple[str, str]]:
    """commitizen, python-semantic-release, tbump, bumpver."""
    released = member.table("tool", "semantic_release")
    for entry in _strings(released.get("version_variables")) + _strings(released.get("version_variable")):
        path, _, name = entry.partition(":")
        yield path, f'{name} = "{{version}}"' if name else "{version}"
    for entry in _strings(member.table("tool", "commitizen").get("version_files")):
        yield entry.partition(":")[0], "{version}"
    for settings in (member.table("tool", "tbump"), member.checkout.toml(member.at + "tbump.toml")):
        files = settings.get("file")
        for item in files if isinstance(files, list) else ():
            if isinstance(item, dict) and isinstance(item.get("src"), str):
                yield item["src"], str(item.get("search") or "{current_version}")
    for settings in (
        member.table("tool", "bumpver"),
        table(member.checkout.toml(member.at + "bumpver.toml"), "bumpver"),
    ):
        for path, patterns in table(settings, "file_patterns").items():
            for pattern in _strings(patterns):
                yield path, pattern


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _matches(text: Text, search: str, version: str, count: int) -> Iterator[Place]:
    """Where a pattern stands: around this version anywhere; around another one, where there is but one such place."""
    known = next((name for name in _ANY if name in search), None)
    if known is None:
        return
    before, _, after = search.partition(known)
    pattern = re.compile(rf"(?<![\w.]){re.escape(before)}{_VERSION}{re.escape(after)}(?![\w]|\.\d)")
    found = [match for match in pattern.finditer(text.text) if parse(match[1])]
    if count:
        found = [match for match in found if match[1].count(".") == count - 1]
        chosen = [match for match in found if equals(match[1], version, "short")]
    else:
        alone = not (before or after).strip()
        equal = [match for match in found if equals(match[1], version)]
        if alone:  # nothing but its own length tells 2.12 (of another thing) from 2.12.0
            equal = [match for match in equal if match[1].count(".") >= str(parse(version)).count(".")]
        chosen = equal or (found if len(found) == 1 and not alone else [])
    for match in chosen:
        yield text.place(*match.span(1), MIRROR, form="short" if count else "")
