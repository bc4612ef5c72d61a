"""Places that the settings name, in `[tool.omni-release.version]`: a file, and a key or a pattern in it."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path

from omni_release.core.errors import SettingsError
from omni_release.versions import flat
from omni_release.versions.member import Member
from omni_release.versions.pep440 import parse
from omni_release.versions.place import MIRROR, Place, Stated, Text

_TABLE = "[[tool.omni-release.version.place]]"


def of(member: Member) -> Iterator[Place]:
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


def ignored(member: Member, path: str) -> bool:
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
        stated: list[Stated | None] = [*flat.yaml(text.text, key)]
        for found in stated or [flat.bare(text.text)]:
            if found is not None and parse(found):
                yield text.place(found.start, found.end, MIRROR)


def _error(member: Member, path: str, what: str, hint: str) -> SettingsError:
    settings = Path(member.checkout.top, member.at, "pyproject.toml")
    return SettingsError(f"`{path or 'path'}` in {_TABLE} {what}", hint, path=settings)
