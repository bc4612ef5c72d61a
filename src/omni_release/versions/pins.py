"""Pins: exact requirements of this project, in its own extras or in a sibling of the same repository."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omni_release.versions.checkout import table
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import parse, same
from omni_release.versions.place import PIN, Place, Stated, Text

_PIN = re.compile(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?\s*(===?)\s*([\w.!+-]+)")
_WITHIN = r"""(?<![\w.-])(?P<name>{name})\s*(?:\[[^\]\n]*\])?\s*\(?\s*===?\s*(?P<version>[\w.!+-]+)"""


def of(member: Member, holder: Member, version: str | None) -> Iterator[Place]:
    """The pins of `member` that stand in `holder`, which may be the same."""
    if not member.canonical:
        return
    path = holder.at + "pyproject.toml"
    text = holder.checkout.text(path)
    if text is not None:
        for stated in _requirements(holder):
            yield from _pinned(member, text, stated)
        yield from _poetry(member, holder, text)
    for name in ("setup.py", "setup.cfg", *_requirement_files(holder)):
        text = holder.checkout.text(holder.at + name) if holder.at + name in holder.checkout.known else None
        for match in re.finditer(_within(member.name), text.text, re.IGNORECASE) if text else ():
            if (
                text
                and parse(match["version"])
                and not text.text[: match.start()].rpartition("\n")[2].lstrip().startswith("#")
            ):
                yield text.place(*match.span("version"), PIN)
    if member is not holder:
        yield from _npm(member, holder, version)


def _requirement_files(holder: Member) -> list[str]:
    files = (file[len(holder.at) :] for file in holder.checkout.files if file.startswith(holder.at))
    return [file for file in files if re.fullmatch(r"(?:requirements/)?[\w.-]*require[\w.-]*\.(?:txt|in)", file)]


def cargo(member: Member, files: list[str], crates: dict[str, str]) -> Iterator[Place]:
    """The requirements of these crates (by name, with their version) beside the path that they lie at."""
    for file in files:
        tables = member.checkout.toml(file)
        text = member.checkout.text(file)
        for inner in (tables, table(tables, "workspace")):
            for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
                for name, stated in table(inner, kind).items():
                    version = stated.get("version") if isinstance(stated, dict) and "path" in stated else None
                    known = crates.get(str(stated.get("package", name))) if version else None
                    if text and known and isinstance(version, Stated) and version.start >= 0:
                        begin = len(version) - len(version.lstrip("=^ "))
                        if same(version[begin:], known, "semver"):
                            yield text.place(version.start + begin, version.end, PIN, form="semver")


def _within(name: str) -> str:
    return _WITHIN.format(name="[-_.]".join(map(re.escape, re.split(r"[-_.]+", name))))


def _requirements(holder: Member) -> Iterator[Stated]:
    lists: list[object] = [holder.table("project").get("dependencies"), holder.table("build-system").get("requires")]
    for groups in (("project", "optional-dependencies"), ("dependency-groups",)):
        lists.extend(holder.table(*groups).values())
    lists.append(holder.table("tool", "uv").get("dev-dependencies"))
    for entries in lists:
        for stated in entries if isinstance(entries, list) else ():
            if isinstance(stated, Stated) and stated.start >= 0:
                yield stated


def _pinned(member: Member, text: Text, stated: Stated) -> Iterator[Place]:
    match = _PIN.match(stated)
    if match and canonical(match[1]) == member.canonical and parse(match[3]):
        yield text.place(stated.start + match.start(3), stated.start + match.end(3), PIN)


def _poetry(member: Member, holder: Member, text: Text) -> Iterator[Place]:
    tables = [holder.table("tool", "poetry", "dependencies"), holder.table("tool", "poetry", "dev-dependencies")]
    groups = holder.table("tool", "poetry", "group")
    tables += [table(groups, name, "dependencies") for name in groups]
    for dependencies in tables:
        for name, stated in dependencies.items():
            if isinstance(stated, dict):
                stated = stated.get("version")
            if canonical(name) != member.canonical or not isinstance(stated, Stated) or stated.start < 0:
                continue
            match = re.fullmatch(r"(?:==)?\s*(\d[\w.!+-]*)", stated)
            if match and parse(match[1]):
                yield text.place(stated.start + match.start(1), stated.end, PIN)


def _npm(member: Member, holder: Member, version: str | None) -> Iterator[Place]:
    path = holder.at + "package.json"
    own = member.checkout.json(member.at + "package.json").get("name") if path in holder.checkout.known else None
    for kind in ("dependencies", "devDependencies", "peerDependencies"):
        stated = table(holder.checkout.json(path), kind).get(str(own)) if own else None
        if isinstance(stated, Stated) and same(stated, version or "", "semver"):
            place = holder.checkout.place(path, stated, PIN, "semver")
            yield from [place] if place else ()
