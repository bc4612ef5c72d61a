"""Lock files: the entry of the project itself, among those of hundreds of others with who knows which numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omni_release.core import toml
from omni_release.core.toml import LocatedString, Malformed, table
from omni_release.versions import place
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import equals, parse
from omni_release.versions.place import LOCK, PIN, Place, Text

_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")

_NPM = ("package-lock.json", "npm-shrinkwrap.json")


def lock_entries(member: Member) -> Iterator[Place]:
    """The project's own entries in the lock files of its checkout."""
    for file in member.checkout.files:
        folder, _, name = file.rpartition("/")
        if name in _LOCKS and member.at.startswith(f"{folder}/" if folder else ""):
            yield from _python(member, file)


def _python(member: Member, file: str) -> Iterator[Place]:
    text = member.checkout.text(file)
    for entry, start in _entries(text, member.name, member.canonical) if text else ():
        if canonical(str(entry.get("name", ""))) == member.canonical and _is_local(entry):
            yield from _placed(text, entry, start)
    said = re.escape(member.canonical)
    for match in re.finditer(rf'\{{ name = "{said}",[^\n}}]* specifier = "==([\w.!+-]+)"', text.text) if text else ():
        if text and parse(match[1]):  # what uv wrote down of a pin in pyproject.toml
            yield text.place(*match.span(1), PIN)


def cargo_lock_entry(checkout: Checkout, file: str, crates: dict[str, str]) -> Iterator[Place]:
    """The entries of these crates (by name, with their version) in a Cargo.lock."""
    text = checkout.text(file)
    for crate in sorted(crates):
        for entry, start in _entries(text, crate, crate) if text else ():
            if entry.get("name") == crate and "source" not in entry:
                yield from _placed(text, entry, start, "semver")


def npm_lock_entry(checkout: Checkout, folder: str) -> Iterator[Place]:
    """The entry of the package in `folder`, in the lock file beside it."""
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
                    break  # the rest is other people's
        except (Malformed, IndexError) as error:
            checkout.unreadable.append((folder + name, str(error)))


def _entries(text: Text | None, *names: str) -> Iterator[tuple[dict[str, object], int]]:
    """The blocks of a lock file that have one of these names, each with where it begins."""
    assert text is not None
    said = "|".join(re.escape(name) for name in {*names})
    for match in re.finditer(rf"^name[ \t]*=[ \t]*[\"'](?:{said})[\"'][ \t]*\r?$", text.text, re.M | re.I):
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


def _placed(text: Text | None, entry: dict[str, object], start: int, form: str = "") -> Iterator[Place]:
    stated = entry.get("version")
    if text is not None and isinstance(stated, LocatedString) and stated.start >= 0:
        yield text.place(start + stated.start, start + stated.end, LOCK, form=form)


_PIN = re.compile(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?\s*(===?)\s*([\w.!+-]+)")

_WITHIN = r"""(?<![\w.-])(?P<name>{name})\s*(?:\[[^\]\n]*\])?\s*\(?\s*===?\s*(?P<version>[\w.!+-]+)"""


def pins_of(member: Member, holder: Member, version: str | None) -> Iterator[Place]:
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


def cargo_pins(member: Member, files: list[str], crates: dict[str, str]) -> Iterator[Place]:
    """The requirements of these crates (by name, with their version) beside the path that they lie at."""
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


def _within(name: str) -> str:
    return _WITHIN.format(name="[-_.]".join(map(re.escape, re.split(r"[-_.]+", name))))


def _requirements(holder: Member) -> Iterator[LocatedString]:
    lists: list[object] = [holder.table("project").get("dependencies"), holder.table("build-system").get("requires")]
    for groups in (("project", "optional-dependencies"), ("dependency-groups",)):
        lists.extend(holder.table(*groups).values())
    lists.append(holder.table("tool", "uv").get("dev-dependencies"))
    for entries in lists:
        for stated in entries if isinstance(entries, list) else ():
            if isinstance(stated, LocatedString) and stated.start >= 0:
                yield stated


def _pinned(member: Member, text: Text, stated: LocatedString) -> Iterator[Place]:
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
            if canonical(name) != member.canonical or not isinstance(stated, LocatedString) or stated.start < 0:
                continue
            match = re.fullmatch(r"(?:==)?\s*(\d[\w.!+-]*)", stated)
            if match and parse(match[1]):
                yield text.place(stated.start + match.start(1), stated.end, PIN)


def _npm(member: Member, holder: Member, version: str | None) -> Iterator[Place]:
    path = holder.at + "package.json"
    own = member.checkout.json(member.at + "package.json").get("name") if path in holder.checkout.known else None
    for kind in ("dependencies", "devDependencies", "peerDependencies"):
        stated = table(holder.checkout.json(path), kind).get(str(own)) if own else None
        if isinstance(stated, LocatedString) and equals(stated, version or "", "semver"):
            place = holder.checkout.place(path, stated, PIN, "semver")
            yield from [place] if place else ()
