"""Places in files that describe the project to others than Python: its citation, its crate, its front end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omni_release.core.toml import table
from omni_release.versions import locks, own_files, source
from omni_release.versions import place as versions_place
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import PLACEHOLDERS, equals, mentions, parse, plausible
from omni_release.versions.place import MIRROR, Place, Search, reads


@reads("CITATION.cff")
def citation(search: Search) -> Iterator[Place]:
    """The version of CITATION.cff."""
    yield from _citation(search.member, search.member.at + "CITATION.cff")


@reads("codemeta.json", ".zenodo.json")
def software_metadata(search: Search) -> Iterator[Place]:
    """The version of codemeta.json and .zenodo.json."""
    at, checkout = search.member.at, search.member.checkout
    for name, key in (("codemeta.json", "version"), ("codemeta.json", "softwareVersion"), (".zenodo.json", "version")):
        yield from checkout.places(at + name, checkout.json(at + name).get(key), MIRROR)


def _citation(member: Member, file: str) -> Iterator[Place]:
    text = member.checkout.text(file)
    for stated in versions_place.read_yaml(text.text, "version") if text else ():
        if text and parse(stated):
            yield text.place(stated.start, stated.end, MIRROR)


@reads("Cargo.toml", "Cargo.lock")
def cargo(search: Search) -> Iterator[Place]:
    """The crates that have the project's version, their pins of each other, and their entries in Cargo.lock."""
    member, version = search.member, search.version
    checkout, main = member.checkout, source.cargo_manifest(member)
    manifests = [file for file in search.files if file.endswith("Cargo.toml")]
    manifests = [file for file in manifests if file == main or _may_concern(checkout, file, search)]
    manifests += [file for file in _above(member.at, "Cargo.toml") if file in checkout.known and file not in manifests]
    crates: dict[str, str] = {}
    inherited: list[str] = []
    for file in manifests:
        for keys in (("package",), ("workspace", "package")):
            package = table(checkout.toml(file), *keys)
            name = str(package.get("name", ""))
            for place in checkout.places(file, package.get("version"), MIRROR, "semver"):
                ours = file == main and len(keys) == 1 and plausible(place.value, version)
                named = file == main or canonical(name) == member.canonical or place.value not in PLACEHOLDERS
                if named and (ours or equals(place.value, version or "", "semver")):
                    yield place
                    crates[name] = place.value
        package = table(checkout.toml(file), "package")
        if isinstance(package.get("version"), dict) and "name" in package:
            inherited.append(str(package["name"]))
    names = {name for name in (*crates, *(inherited if "" in crates else ())) if name}
    versions = dict.fromkeys(names, version or "")
    yield from locks.cargo_pins(member, manifests, versions)
    own = (file for file in search.files if file.endswith("Cargo.lock"))
    for lock in {*_above(member.at, "Cargo.lock"), *own}:
        yield from locks.cargo_lock_entry(checkout, lock, versions)


def _may_concern(checkout: Checkout, file: str, search: Search, *names: str) -> bool:
    """Does a manifest contain the version, one of these names, or the version of a workspace? Others are not read."""
    text = checkout.text(file)
    if text is None:
        return False
    lower = text.text.lower() if names else ""
    inherits = r"\[workspace|version[ \t]*(?:\.[ \t]*workspace|=[ \t]*\{)"
    named = any(name in lower for name in names)
    return named or mentions(text.text, search.version) or bool(re.search(inherits, text.text))


def _above(at: str, name: str) -> list[str]:
    folders = at.rstrip("/").split("/") if at else []
    return ["/".join([*folders[:count], name]) for count in range(len(folders), -1, -1)]


@reads("package.json", "package-lock.json", "npm-shrinkwrap.json")
def npm(search: Search) -> Iterator[Place]:
    """The package.json files that have the project's version, and their lock files."""
    files = (file for file in search.files if file.endswith("package.json"))
    member = search.member
    names = {member.canonical, member.canonical.replace("-", "_"), member.canonical.replace("-", ".")} - {""}
    concerned = tuple(file for file in files if _may_concern(member.checkout, file, search, *names))
    yield from _npm(member, concerned, search.version)


def _npm(member: Member, files: tuple[str, ...], version: str | None) -> Iterator[Place]:
    for file in files:
        if not file.endswith("package.json") or file.endswith(("-package.json", "_package.json")):
            continue
        tables = member.checkout.json(file)
        name = canonical(str(tables.get("name", "")).rpartition("/")[2])
        related = bool(name) and (name in member.canonical or member.canonical in name)
        for place in member.checkout.places(file, tables.get("version"), MIRROR, "semver"):
            equal = equals(place.value, version or "", "semver")
            drifted = name == member.canonical and plausible(place.value, version)
            if (equal and (related or place.value not in PLACEHOLDERS)) or drifted:
                yield place
                yield from locks.npm_lock_entry(member.checkout, file[: -len("package.json")])


def outside_project(member: Member, files: tuple[str, ...], version: str | None) -> Iterator[Place]:
    """The places outside a project's folder that state its exact version, in files of the whole repository."""
    for file in files:
        places: Iterator[Place] = iter(())
        if own_files.DOCS_CONF.match(file):
            places = own_files.sphinx_conf(member.checkout, file, version)
        elif own_files.BARE_NAME.fullmatch(file.rpartition("/")[2]):
            places = own_files.bare(member, file, version)
        elif file == "CITATION.cff":
            places = _citation(member, file)
        yield from (place for place in places if equals(place.value, version or "", place.form))
    yield from _npm(member, files, version)
