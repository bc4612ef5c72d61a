"""Places in the metadata that build tools of Python read, beside the one that this project's build reads."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release.core.toml import table
from omni_release.versions import source
from omni_release.versions.member import python_place
from omni_release.versions.pep440 import equals, parse, plausible
from omni_release.versions.place import MIRROR, Place, Search, reads
from omni_release.versions.python import CALL, COMPUTED
from omni_release.versions.setup_py import setup_arguments


@reads("pyproject.toml", "setup.cfg")
def project_metadata(search: Search) -> Iterator[Place]:
    """`version` of Poetry and Briefcase in pyproject.toml, and of setup.cfg."""
    member = search.member
    path, poetry = member.at + "pyproject.toml", member.table("tool", "poetry")
    dynamic = member.table("tool", "poetry-dynamic-versioning").get("enable") == "true"
    if member.table("project") and not dynamic:
        yield from member.checkout.places(path, poetry.get("version"), MIRROR)
    yield from member.checkout.places(path, member.table("tool", "briefcase").get("version"), MIRROR)
    stated = member.setup_cfg.get("metadata", {}).get("version")
    yield from member.checkout.places(member.at + "setup.cfg", stated, MIRROR)


_OF_POETRY = ("poetry",)
_OF_SETUPTOOLS = ("setuptools", "pbr", "distutils")


def of_other_back_ends(search: Search) -> Iterator[Place]:
    """`version` of [tool.poetry] or setup.cfg, where the build has another back end, which does not read it."""
    member = search.member
    back_end = str(member.table("build-system").get("build-backend", ""))
    if not back_end or "backend-path" in member.table("build-system"):
        return
    for place in project_metadata.find(search):
        readers = _OF_SETUPTOOLS if place.path.endswith("setup.cfg") else _OF_POETRY
        if not back_end.startswith(readers):
            yield place


@reads("meson.build")
def meson(search: Search) -> Iterator[Place]:
    """`project(version: …)` of meson.build, where Meson is the back end."""
    if str(search.member.table("build-system").get("build-backend", "")) == "mesonpy":
        yield from source.meson_version(search.member, MIRROR)


@reads("pixi.toml")
def pixi(search: Search) -> Iterator[Place]:
    """The version of a Pixi workspace or package."""
    path, checkout = search.member.at + "pixi.toml", search.member.checkout
    for name in ("workspace", "project", "package") if path in checkout.known else ():
        for place in checkout.places(path, table(checkout.toml(path), name).get("version"), MIRROR):
            if equals(place.value, search.version or ""):
                yield place


@reads("settings.ini")
def nbdev(search: Search) -> Iterator[Place]:
    """The version of an nbdev project."""
    path, checkout = search.member.at + "settings.ini", search.member.checkout
    defaults = checkout.ini(path).get("DEFAULT", {}) if path in checkout.known else {}
    if "lib_name" in defaults:
        yield from checkout.places(path, defaults.get("version"), MIRROR)


@reads("setup.py")
def setup_py(search: Search) -> Iterator[Place]:
    """The version in setup.py: the argument of `setup()`, and the names that it assigns a version to."""
    member, version = search.member, search.version
    path = member.at + "setup.py"
    read = member.checkout.module(path)
    if read is None or read[0].tree is None:
        return
    names = set()
    for argument, value in setup_arguments(read[0].tree):
        if argument != "version":
            continue
        names.add(getattr(value, "id", ""))
        if isinstance(literal := getattr(value, "value", None), str) and parse(literal):
            start, end, note = read[0].literal(value)
            yield read[0].text.place(start, end, MIRROR, literal, note=note)
    for item in read[1]:
        if item.kind in (COMPUTED, CALL) or item.name.lower() == "release":
            continue
        passed = item.name in names
        if passed or item.name.strip("_").lower() == "version" or equals(item.value, version or ""):
            if passed or plausible(item.value, version):
                yield python_place(member.checkout, path, item, MIRROR)
