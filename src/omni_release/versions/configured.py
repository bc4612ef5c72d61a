"""Places that settings name: those of `[tool.omni-release.version]`, and those of tools that bump a version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from omni_release.core.errors import SettingsError
from omni_release.core.toml import table
from omni_release.versions import place as versions_place
from omni_release.versions.member import Member
from omni_release.versions.pep440 import equals, parse
from omni_release.versions.place import MIRROR, Place, Search, Text, reads

_TABLE = "[[tool.omni-release.version.place]]"


def configured_places(member: Member) -> Iterator[Place]:
    """The places of `[[tool.omni-release.version.place]]`: a file, and a key or a pattern in it.

    Raises SettingsError where one of them does not exist.
    """
    entries = member.table("tool", "omni-release", "version").get("place")
    for entry in entries if isinstance(entries, list) else ():
        path = str(entry.get("path", "")).replace("\\", "/").removeprefix("./")
        inside = os.path.normpath(path) if path else ".."
        if os.path.isabs(path) or inside.startswith(".."):
            raise _error(member, path, "must be in the project", "Give its path relative to pyproject.toml.")
        text = member.checkout.text(member.at + path)
        if text is None:
            raise _error(member, path, "does not exist (or is a link)", "Give its path relative to pyproject.toml.")
        places = list(_by_pattern(member, text, entry) if entry.get("pattern") else _by_key(member, path, text, entry))
        if not places:
            raise _error(member, path, "has no version at this place", "Correct its `key` or `pattern`.")
        yield from places


def is_ignored(member: Member, path: str) -> bool:
    """Does `ignore` in the settings name a file whose versions are not the project's?"""
    import fnmatch

    globs = member.table("tool", "omni-release", "version").get("ignore")
    return isinstance(globs, list) and any(fnmatch.fnmatch(path, str(glob)) for glob in globs)


def _by_pattern(member: Member, text: Text, entry: dict[str, object]) -> Iterator[Place]:
    try:
        pattern = re.compile(str(entry["pattern"]), re.MULTILINE)
    except re.error as error:
        hint = "Write it as a Python regular expression."
        raise _error(member, text.path, f"has an invalid pattern: {error}", hint) from None
    if "version" not in pattern.groupindex:
        raise _error(member, text.path, "has a pattern without (?P<version>…)", "Put that group around the version.")
    for match in pattern.finditer(text.text):
        if match["version"] and parse(match["version"]):
            yield text.place(*match.span("version"), MIRROR)


def _by_key(member: Member, path: str, text: Text, entry: dict[str, object]) -> Iterator[Place]:
    key, path, checkout = str(entry.get("key", "version")), member.at + path, member.checkout
    name = path.rpartition("/")[2]
    *tables, last = key.split(".")
    if name.endswith((".toml", ".json")):
        document = checkout.toml(path) if name.endswith(".toml") else checkout.json(path)
        form = "semver" if name in ("package.json", "Cargo.toml") else ""
        yield from checkout.places(path, table(document, *tables).get(last), MIRROR, form)
    elif name.endswith((".cfg", ".ini")):
        section, _, option = key.rpartition(".")
        yield from checkout.places(path, checkout.ini(path).get(section, {}).get(option), MIRROR)
    elif name.endswith(".py"):
        yield from member.resolved(path, key, MIRROR)
    else:
        bare = versions_place.read_bare(text.text)
        for value in [*versions_place.read_yaml(text.text, key)] or ([bare] if bare else []):
            if parse(value):
                yield text.place(value.start, value.end, MIRROR)


def _error(member: Member, path: str, problem: str, hint: str) -> SettingsError:
    from pathlib import Path

    settings = Path(member.checkout.top, member.at, "pyproject.toml")
    return SettingsError(f"`{path or 'path'}` in {_TABLE} {problem}", hint, path=settings)


_VERSION = r"v?(\d+(?:\.\d+)+(?:[-_.]?(?:a|b|c|rc|alpha|beta|dev|post)[-_.]?\d*)*)"

_VERSION_KEYS = (
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
_COMMITIZEN_YAML = (".cz.yaml", ".cz.yml", "cz.yaml")
_MANIFEST = ".release-please-manifest.json"
_CHANGELOG = re.compile(r"(?i)(?:change|history|news|release)[\w-]*(?:\.\w+)?$")
_PLACEHOLDERS = ("{current_version}", "{version}", "{pep440_version}")


@reads(*(file for file, _, _ in _VERSION_KEYS), ".bumpversion.cfg", "setup.cfg", *_COMMITIZEN_YAML, _MANIFEST)
def bump_tool_version(search: Search) -> Iterator[Place]:
    """The version in the settings of a tool that bumps it."""
    checkout, at = search.member.checkout, search.member.at
    for file, keys, key in _VERSION_KEYS:
        if at + file in checkout.known:
            document = checkout.json(at + file) if file.endswith(".json") else checkout.toml(at + file)
            yield from checkout.places(at + file, table(document, *keys).get(key), MIRROR)
    for file in (".bumpversion.cfg", "setup.cfg"):
        sections = checkout.ini(at + file) if at + file in checkout.known else {}
        for section in _SECTIONS:
            yield from checkout.places(at + file, sections.get(section, {}).get("current_version"), MIRROR)
    for file in _COMMITIZEN_YAML:
        text = checkout.text(at + file) if at + file in checkout.known else None
        match = re.search(r"^[ \t]+version:[ \t]*[\"']?([^\s\"'#]+)", text.text, re.M) if text else None
        if text and match and parse(match[1]):
            yield text.place(*match.span(1), MIRROR)
    if _MANIFEST in checkout.known:
        yield from checkout.places(_MANIFEST, checkout.json(_MANIFEST).get(at.rstrip("/") or "."), MIRROR)


@reads()
def bump_tool_places(search: Search) -> Iterator[Place]:
    """The places in the files that such a tool changes: where its pattern matches around a version."""
    if search.version is None:
        return
    others = ((path, pattern, 0) for path, pattern in _other_tools(search.member))
    for path, pattern, count in (*_bumpversion(search.member), *others):
        path = path.removeprefix("./")
        if _CHANGELOG.search(path.rpartition("/")[2]) or any(char in path for char in "*?["):
            continue
        text = search.member.checkout.text(search.member.at + path)
        if text:
            yield from _matches(text, pattern, search.version, count)


def _bumpversion(member: Member) -> Iterator[tuple[str, str, int]]:
    """Each file, the pattern in it, and the number of the version's components there (0: all of them)."""
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
    """The number of components that a file's own `serialize` writes, where it writes the first one or two."""
    return {"{major}.{minor}": 2, "{major}": 1}.get(serialized[0].strip(), 0) if len(serialized) == 1 else 0


def _other_tools(member: Member) -> Iterator[tuple[str, str]]:
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
    """Where a pattern matches: around this version; around another version if that is the only match."""
    placeholder = next((name for name in _PLACEHOLDERS if name in search), None)
    if placeholder is None:
        return
    before, _, after = search.partition(placeholder)
    pattern = re.compile(rf"(?<![\w.]){re.escape(before)}{_VERSION}{re.escape(after)}(?![\w]|\.\d)")
    matches = [match for match in pattern.finditer(text.text) if parse(match[1])]
    if count:
        matches = [match for match in matches if match[1].count(".") == count - 1]
        chosen = [match for match in matches if equals(match[1], version, "short")]
    else:
        alone = not (before or after).strip()
        equal = [match for match in matches if equals(match[1], version)]
        if alone:  # 2.12 may be the version of another program: the number of components must be the same
            equal = [match for match in equal if match[1].count(".") >= str(parse(version)).count(".")]
        chosen = equal or (matches if len(matches) == 1 and not alone else [])
    for match in chosen:
        yield text.place(*match.span(1), MIRROR, form="short" if count else "")
