"""Places that settings name: those of `[tool.omni-release.version]`, and those of tools that bump a version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from omni_release.core.errors import SettingsError
from omni_release.core.toml import LocatedString, table
from omni_release.versions import place as versions_place
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member
from omni_release.versions.pep440 import SEPARATOR, equals, parse, quoted, version_of_tuple
from omni_release.versions.place import MIRROR, Place, Search, Text, reads

_TABLE = "[[tool.omni-release.version.place]]"


def configured_places(member: Member) -> Iterator[Place]:
    """The places of `[[tool.omni-release.version.place]]`: a file, and a key or a pattern in it.

    Raises SettingsError where one of them does not exist.
    """
    entries = member.table("tool", "omni-release", "version").get("place")
    for entry in entries if isinstance(entries, list) else ():
        path = str(entry.get("path", "")).replace("\\", "/").removeprefix("./")
        inside = os.path.normpath(member.at + path).replace(os.sep, "/") if path else ".."
        if os.path.isabs(path) or inside.startswith(".."):
            raise _error(member, path, "must be in the repository", "Give its path relative to pyproject.toml.")
        text = member.checkout.text(inside)
        if text is None:
            raise _error(member, path, "does not exist (or is a link)", "Give its path relative to pyproject.toml.")
        places = list(
            _by_pattern(member, text, entry) if entry.get("pattern") else _by_key(member, inside, text, entry)
        )
        if not places:
            raise _error(member, path, "has no version at this place", "Correct its `key` or `pattern`.")
        yield from places


def lockstep(member: Member) -> Iterator[Member]:
    """The projects of the repository that always have this project's version. Raises SettingsError for no project."""
    folders = member.table("tool", "omni-release", "version").get("lockstep")
    for folder in map(str, folders) if isinstance(folders, list) else ():
        at = os.path.normpath(member.at + folder.replace("\\", "/")).replace(os.sep, "/")
        sibling = Member(member.checkout, "" if at == "." else f"{at}/")
        if at.startswith("..") or os.path.isabs(folder) or sibling.at == member.at or not sibling.name:
            raise _error(
                member,
                f"lockstep = {folder!r}",
                "names no other project of the repository",
                "Give the folder of its pyproject.toml, relative to this one.",
                "[tool.omni-release.version]",
            )
        yield sibling


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
    key, checkout = str(entry.get("key", "version")), member.checkout
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


def _error(member: Member, path: str, problem: str, hint: str, table: str = _TABLE) -> SettingsError:
    from pathlib import Path

    settings = Path(member.checkout.top, member.at, "pyproject.toml")
    return SettingsError(f"`{path or 'path'}` in {table} {problem}", hint, path=settings)


_VERSION = r"v?(?P<version>\d+(?:\.\d+)+(?:[-_.]?(?:a|b|c|rc|alpha|beta|dev|post)[-_.]?\d*)*)"

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
            yield from _listed(checkout, at + file, table(document, *keys).get(key))
    for file in (".bumpversion.cfg", "setup.cfg"):
        sections = checkout.ini(at + file) if at + file in checkout.known else {}
        for section in _SECTIONS:
            stated = sections.get(section, {}).get("current_version")
            yield from checkout.places(at + file, stated, MIRROR)
            yield from _listed(checkout, at + file, stated)
    for file in _COMMITIZEN_YAML:
        text = checkout.text(at + file) if at + file in checkout.known else None
        match = re.search(r"^[ \t]+version:[ \t]*[\"']?([^\s\"'#]+)", text.text, re.M) if text else None
        if text and match and parse(match[1]):
            yield text.place(*match.span(1), MIRROR)
    if _MANIFEST in checkout.known:
        yield from checkout.places(_MANIFEST, checkout.json(_MANIFEST).get(at.rstrip("/") or "."), MIRROR)


def _listed(checkout: Checkout, path: str, value: object) -> Iterator[Place]:
    """A version that a tool's own `serialize` writes as a list (`1, 2, 3, rc, 1`, `1-2-3`)."""
    text = checkout.text(path)
    separator = SEPARATOR.search(value) if isinstance(value, LocatedString) and not parse(value) else None
    if text and separator and isinstance(value, LocatedString) and value.start >= 0:
        version = version_of_tuple(quoted(", ".join(value.split(separator[0]))))
        if version and parse(version):
            yield text.place(value.start, value.end, MIRROR, version, "listed")


@reads()
def bump_tool_places(search: Search) -> Iterator[Place]:
    """The places in the files that such a tool changes: where its pattern matches around a version."""
    if search.version is None:
        return
    others = ((path, pattern, 0) for path, pattern in _other_tools(search.member))
    for path, pattern, count in (*_bumpversion(search.member), *others):
        if text := _named_file(search.member, path):
            yield from _matches(text, pattern, search.version, count)
    released = search.member.table("tool", "semantic_release")
    for entry in _strings(released.get("version_variables")) + _strings(released.get("version_variable")):
        path, _, name = re.sub(r":[nt]f$", "", entry).partition(":")
        if text := _named_file(search.member, path):
            yield from _chosen(text, _variable(name) if name else re.compile(_VERSION), search.version)
    for entry in _strings(released.get("version_toml")):
        path, _, key = re.sub(r":[nt]f$", "", entry).partition(":")
        path, (*tables, last) = path.strip().removeprefix("./"), key.split(".")
        document = search.member.checkout.toml(search.member.at + path)
        yield from search.member.checkout.places(search.member.at + path, table(document, *tables).get(last), MIRROR)


def _named_file(member: Member, path: str) -> Text | None:
    """A file that a tool names; not a changelog, whose versions are those of the past."""
    path = path.strip().removeprefix("./")
    if _CHANGELOG.search(path.rpartition("/")[2]) or any(char in path for char in "*?["):
        return None
    return member.checkout.text(member.at + path)


def _variable(name: str) -> re.Pattern[str]:
    """A variable of python-semantic-release, with a version: `name = "1.2.3"`, `name: 1.2.3`, `name@1.2.3`."""
    quoted_name = rf"(?<![\w.-])(?P<quote>[\"']?){re.escape(name.strip())}(?P=quote)"
    return re.compile(rf"{quoted_name}[ \t]*(?::=|==|=|:|@)?[ \t]*[\"']?{_VERSION}(?![\w]|\.\d)")


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
    """commitizen, tbump, bumpver."""
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
    """Where a pattern matches, with a version in place of the tool's placeholder."""
    placeholder = next((name for name in _PLACEHOLDERS if name in search), None)
    if placeholder is not None:
        before, _, after = search.partition(placeholder)
        start = r"(?<![\w.-])" if before[:1].isalpha() else r"(?<![\w.])"
        pattern = re.compile(rf"{start}{re.escape(before)}{_VERSION}{re.escape(after)}(?![\w]|\.\d)")
        yield from _chosen(text, pattern, version, count, alone=not (before or after).strip())


def _chosen(
    text: Text, pattern: re.Pattern[str], version: str, count: int = 0, *, alone: bool = False
) -> Iterator[Place]:
    """The matches with this version; where there is none, the only one with another version: it has drifted.

    With `count`, only the first components are stated. A pattern that is a version `alone` also matches those of other
    programs: those with fewer components, and unlikely ones, do not count.
    """
    matches = [match for match in pattern.finditer(text.text) if parse(match["version"])]
    if count:
        matches = [match for match in matches if match["version"].count(".") == count - 1]
        chosen = [match for match in matches if equals(match["version"], version, "short")]
    else:
        if alone:
            components = str(parse(version)).count(".")
            matches = [match for match in matches if match["version"].count(".") >= components]
        chosen = [match for match in matches if equals(match["version"], version)]
        likely = [match for match in matches if _near(match["version"], version, 0 if alone else 1)]
        chosen = chosen or (likely if len(likely) == 1 else [])
    for match in chosen:
        yield text.place(*match.span("version"), MIRROR, form="short" if count else "")


def _near(value: str, version: str, distance: int) -> bool:
    """Could a version in a file that a tool writes be another one of the project? `distance` is of the first number."""
    stated, current = parse(value), parse(version)
    if stated is None or current is None or value in ("0.0.0", "1.0.0"):
        return False
    return abs(stated.release[0] - current.release[0]) <= distance
