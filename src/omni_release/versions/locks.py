"""The project's own entries in lock files, and pins of the project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from omni_release.core import toml
from omni_release.core.toml import LocatedString, Malformed, table
from omni_release.versions import place
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import equals, parse
from omni_release.versions.place import LOCK, PIN, Place, Search, Text, reads

_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")

_NPM = ("package-lock.json", "npm-shrinkwrap.json")


@reads(*_LOCKS)
def lock_entries(search: Search) -> Iterator[Place]:
    """The project's own entries in the lock files of its folder and of the folders above it.

    In those of other projects of the repository, the entries that lead to its folder.
    """
    member = search.member
    beside = tuple(sibling.at for sibling in search.siblings if sibling.at)
    for file in member.checkout.files:
        folder, name = file[: file.rfind("/") + 1], file[file.rfind("/") + 1 :]
        if name not in _LOCKS or not (member.at.startswith(folder) or folder in beside):
            continue
        text, above = member.checkout.text(file), member.at.startswith(folder)
        if text is None or not (member.canonical in text.text or member.name in text.text):
            continue
        for entry, start in _entries(text, member.name, member.canonical):
            if canonical(str(entry.get("name", ""))) == member.canonical and _is_local(entry):
                if above or _folder_of(entry, folder) == member.at:
                    yield from _entry_place(text, entry, start)
        name = re.escape(member.canonical)
        for match in re.finditer(rf'\{{ name = "{name}",(?P<of>[^\n}}]*) specifier = "==([\w.!+-]+)"', text.text):
            path = re.search(r'(editable|directory|virtual) = "([^"]*)"', match["of"])
            leads = above or (path and _folder_of({"source": {path[1]: path[2]}}, folder) == member.at)
            if leads and parse(match[2]):  # uv's record of a pin in pyproject.toml
                yield text.place(*match.span(2), PIN)


def _folder_of(entry: dict[str, object], folder: str) -> str:
    """The folder that an entry of a lock file in `folder` leads to, from the repository's top, as `packages/acme/`."""
    source = table(entry, "source")
    known = (source[key] for key in ("editable", "directory", "virtual", "url") if key in source)
    inside = os.path.normpath(f"{folder}{next(known, entry.get('path'))}").replace(os.sep, "/")
    return "" if inside == "." else f"{inside}/"


def cargo_lock_entry(checkout: Checkout, file: str, crates: dict[str, str]) -> Iterator[Place]:
    """The entries of these crates (by name, with their version) in a Cargo.lock."""
    text = checkout.text(file)
    if text is None:
        return
    for crate in sorted(crates):
        for entry, start in _entries(text, crate):
            if entry.get("name") == crate and "source" not in entry:
                yield from _entry_place(text, entry, start, "semver")


def npm_lock_entry(checkout: Checkout, folder: str) -> Iterator[Place]:
    """The entry of the package in `folder`, in the lock file of the same folder."""
    for name in _NPM:
        text = checkout.text(folder + name)
        if text is None:
            continue
        try:
            for keys, value in place.json_leaves(text.text):
                if (
                    keys in (("version",), ("packages", "", "version"))
                    and isinstance(value, LocatedString)
                    and value.start >= 0
                ):
                    yield text.place(value.start, value.end, LOCK, form="semver")
                if keys[0] == "dependencies" or (keys[0] == "packages" and keys[1]):
                    break  # the rest is about other packages
        except (Malformed, IndexError) as error:
            checkout.unreadable.append((folder + name, str(error)))


def _entries(text: Text, *names: str) -> Iterator[tuple[dict[str, object], int]]:
    """The packages of a lock file that have one of these names, each with the position of its block."""
    pattern = "|".join(re.escape(name) for name in {*names})
    for match in re.finditer(rf"^name[ \t]*=[ \t]*[\"'](?:{pattern})[\"'][ \t]*\r?$", text.text, re.M | re.I):
        start = text.text.rfind("[[", 0, match.start())
        end = re.compile(r"^\[\[package", re.M).search(text.text, match.end())
        block = text.text[start : end.start() if end else len(text.text)] if start >= 0 else ""
        try:
            tables = toml.read(block)
        except Malformed:
            continue
        packages = tables.get("package") or tables.get("packages")
        if isinstance(packages, list) and isinstance(packages[0], dict):
            yield packages[0], start


def _is_local(entry: dict[str, object]) -> bool:
    source = table(entry, "source")
    if source:
        return bool({"editable", "virtual", "directory"} & {*source}) or source.get("type") == "directory"
    return "path" in entry or "directory" in entry or entry.get("editable") == "true"


def _entry_place(text: Text, entry: dict[str, object], start: int, form: str = "") -> Iterator[Place]:
    version = entry.get("version")
    if isinstance(version, LocatedString) and version.start >= 0:
        yield text.place(start + version.start, start + version.end, LOCK, form=form)


_PIN = re.compile(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?\s*(===?)\s*([\w.!+-]+)")

_COMPILED = re.compile(
    r"(?i)autogenerated by|generated by (?:pip|uv|hatch|poetry|pdm)|pip-compile|uv pip compile|uv export"
)

_REQUIREMENTS_FILE = r"[\w.-]*require[\w.-]*\.(?:txt|in)"


@reads("pyproject.toml", "setup.py", "setup.cfg", "package.json", pattern=_REQUIREMENTS_FILE)
def pins(search: Search) -> Iterator[Place]:
    """The requirements of the project and of its siblings that pin this project to a version."""
    name = re.compile(re.escape(search.member.canonical).replace(r"\-", "[-_.]"), re.IGNORECASE)
    for holder in (search.member, *search.siblings) if search.member.canonical else ():
        text = holder.checkout.text(holder.at + "pyproject.toml")
        if text is not None and name.search(text.text):
            yield from _requirement_pins(search.member, holder, text)
            yield from _poetry_pins(search.member, holder, text)
        yield from _pins_in_text(search.member, holder)
        if holder is not search.member:
            yield from _npm_pins(search.member, holder, search.version)


def _pins_in_text(member: Member, holder: Member) -> Iterator[Place]:
    """The pins in setup.py, setup.cfg and requirements files; none in a comment."""
    listed = holder.checkout.named_as(rf"(?:.*/)?{_REQUIREMENTS_FILE}")
    files = (file[len(holder.at) :] for file in listed if file.startswith(holder.at))
    requirements = [file for file in files if "/" not in file.removeprefix("requirements/")]
    name = "[-_.]".join(map(re.escape, re.split(r"[-_.]+", member.name)))
    pattern = re.compile(rf"(?<![\w.-]){name}\s*(?:\[[^\]\n]*\])?\s*\(?\s*===?\s*(?P<version>[\w.!+-]+)", re.IGNORECASE)
    for file in ("setup.py", "setup.cfg", *requirements):
        text = holder.checkout.text(holder.at + file) if holder.at + file in holder.checkout.known else None
        if text and file in requirements and _COMPILED.search(text.text[:500]):
            continue  # it installs what is published
        for match in pattern.finditer(text.text) if text else ():
            line = text.text[: match.start()].rpartition("\n")[2] if text else ""
            if text and parse(match["version"]) and not line.lstrip().startswith("#"):
                yield text.place(*match.span("version"), PIN)


def cargo_pins(member: Member, files: list[str], crates: dict[str, str]) -> Iterator[Place]:
    """The pins of these crates (by name, with their version) in dependencies that also have a `path`."""
    for file in files:
        tables = member.checkout.toml(file)
        text = member.checkout.text(file)
        for inner in (tables, table(tables, "workspace")):
            for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
                for name, stated in table(inner, kind).items():
                    version = stated.get("version") if isinstance(stated, dict) and "path" in stated else None
                    known = crates.get(str(stated.get("package", name))) if version else None
                    if text and known and isinstance(version, LocatedString) and version.start >= 0:
                        begin = len(version) - len(version.lstrip("=^ "))
                        if equals(version[begin:], known, "semver"):
                            yield text.place(version.start + begin, version.end, PIN, form="semver")


def _requirement_pins(member: Member, holder: Member, text: Text) -> Iterator[Place]:
    lists: list[object] = [holder.table("project").get("dependencies"), holder.table("build-system").get("requires")]
    for groups in (("project", "optional-dependencies"), ("dependency-groups",)):
        lists.extend(holder.table(*groups).values())
    lists.append(holder.table("tool", "uv").get("dev-dependencies"))
    for entries in lists:
        for entry in entries if isinstance(entries, list) else ():
            match = _PIN.match(entry) if isinstance(entry, LocatedString) else None
            if match and canonical(match[1]) == member.canonical and parse(match[3]):
                start = max(entry.start, entry.near)
                if text.text.startswith(entry[: match.end()], start):  # an escape, in a marker, can only come later
                    yield text.place(start + match.start(3), start + match.end(3), PIN)


def _poetry_pins(member: Member, holder: Member, text: Text) -> Iterator[Place]:
    tables = [holder.table("tool", "poetry", "dependencies"), holder.table("tool", "poetry", "dev-dependencies")]
    groups = holder.table("tool", "poetry", "group")
    tables += [table(groups, name, "dependencies") for name in groups]
    for dependencies in tables:
        for name, requirement in dependencies.items():
            version = requirement.get("version") if isinstance(requirement, dict) else requirement
            if canonical(name) == member.canonical and isinstance(version, LocatedString) and version.start >= 0:
                match = re.fullmatch(r"(?:==)?\s*(\d[\w.!+-]*)", version)
                if match and parse(match[1]):
                    yield text.place(version.start + match.start(1), version.end, PIN)


def _npm_pins(member: Member, holder: Member, version: str | None) -> Iterator[Place]:
    path = holder.at + "package.json"
    own = member.checkout.json(member.at + "package.json").get("name") if path in holder.checkout.known else None
    for kind in ("dependencies", "devDependencies", "peerDependencies"):
        stated = table(holder.checkout.json(path), kind).get(str(own)) if own else None
        if isinstance(stated, LocatedString) and equals(stated, version or "", "semver"):
            yield from holder.checkout.places(path, stated, PIN, "semver")
