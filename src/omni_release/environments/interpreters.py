"""The Pythons that a wheel promises to work on, and those of them that uv finds on this machine."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from omni_release import distributions, programs
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.settings import PYTHON_NAME
from omni_release.core.world import World
from omni_release.environments import installer_config, installers

_LAST_PATCH = 40  # no minor version of Python has had more releases
_VARIANTS = {"default": "", "freethreaded": "t"}
_NAMES = {"cpython": "Python", "pypy": "PyPy", "graalpy": "GraalPy"}
_PYPY = "Programming Language :: Python :: Implementation :: PyPy"


@dataclass(frozen=True, order=True)
class Python:
    """A Python by its implementation, its version (`3.12`, or with the patch) and `t` where it is free-threaded.

    `path` is that of its interpreter; empty where there is none on this machine.
    """

    implementation: str
    version: tuple[int, ...]
    threaded: str = ""
    path: str = ""

    @classmethod
    def named(cls, name: str) -> Python:
        """The one that the settings call by this name, which has been checked when they were read."""
        found = re.fullmatch(PYTHON_NAME, name)
        assert found is not None
        version = tuple(map(int, found["version"].split(".")))
        return cls(found["implementation"] or "cpython", version, found["threaded"])

    @property
    def number(self) -> str:
        """Its version as text."""
        return ".".join(map(str, self.version))

    @property
    def minor(self) -> str:
        """Its version without the patch, and `t` where it is free-threaded."""
        return ".".join(map(str, self.version[:2])) + self.threaded

    @property
    def label(self) -> str:
        """Its name in names of files: `cpython3-12-7`."""
        return f"{self.implementation}{self.number.replace('.', '-')}{self.threaded}"

    @property
    def request(self) -> str:
        """How uv finds its interpreter, or downloads it."""
        return self.path or f"{self.implementation}@{self.number}{self.threaded}"

    def is_one_of(self, wanted: Python) -> bool:
        """Whether this is the wanted one, which may leave its patch open."""
        same = (self.implementation, self.threaded) == (wanted.implementation, wanted.threaded)
        return same and self.version[: len(wanted.version)] == wanted.version

    def __str__(self) -> str:
        return f"{_NAMES.get(self.implementation, self.implementation)} {self.number}{self.threaded}"


@dataclass(frozen=True)
class Chosen:
    """The Pythons to try, one of each that is wanted, and those that uv does not find here."""

    here: tuple[Python, ...]
    missing: tuple[Python, ...]


def choose(release: Release, world: World) -> Chosen:
    """The Pythons of the setting `pythons`, as far as they are here.

    Of each minor version it is the newest patch that `requires-python` allows. Raises Inconclusive where uv does not
    answer, or where the wheel does not say which Pythons it is for.
    """
    wanted = release.project.settings.tests.pythons
    found, newest = _known(release, world)
    metadata = distributions.metadata(distributions.installable(release.dist))
    allowed = _specifier(metadata.get("Requires-Python"))
    if wanted == "all":
        classifiers = metadata.get_all("Classifier", [])
        names = tuple(_promised(allowed, classifiers, newest)) if allowed is not None or classifiers else ()
        if not names:
            message = "the metadata states no `requires-python` and no classifier of a Python version"
            raise Inconclusive(message, "State `requires-python`, or list `pythons` in [tool.omni-release.tests].")
        names = (*names, *(_pypy(found, allowed) if _PYPY in classifiers else ()))
    else:
        names = tuple(map(Python.named, wanted))
    here, missing = [], []
    for name in dict.fromkeys(names):
        those = [python for python in found if python.is_one_of(name) and _allows(allowed, python.number)]
        if those:
            here.append(max(those, key=lambda python: python.version))
        else:
            missing.append(name)
    return Chosen(tuple(dict.fromkeys(here)), tuple(missing))


def _specifier(stated: object) -> SpecifierSet | None:
    try:
        return SpecifierSet(stated) if isinstance(stated, str) else None
    except InvalidSpecifier:
        return None  # an index refuses it: see upload-rules


def _allows(allowed: SpecifierSet | None, number: str) -> bool:
    return allowed is None or allowed.contains(number, prereleases=True)


def _promised(allowed: SpecifierSet | None, classifiers: list[str], newest: int) -> Iterator[Python]:
    """Each minor version up to the `newest` that requires-python allows, else each that has a classifier."""
    for minor in range(newest + 1):
        if allowed is None:
            promised = f"Programming Language :: Python :: 3.{minor}" in classifiers
        else:
            promised = any(_allows(allowed, f"3.{minor}.{patch}") for patch in range(_LAST_PATCH))
        if promised:
            yield Python("cpython", (3, minor))


def _pypy(found: tuple[Python, ...], allowed: SpecifierSet | None) -> Iterator[Python]:
    """The versions of PyPy here that are allowed; where there is none, its newest one with wheels on PyPI."""
    here = {p.version[:2] for p in found if p.implementation == "pypy" and _allows(allowed, p.number)}
    for version in sorted(here) or [(3, 11)]:
        yield Python("pypy", version)


def _known(release: Release, world: World) -> tuple[tuple[Python, ...], int]:
    """The Pythons that uv finds on this machine, and the newest minor version of Python 3 that has been released.

    uv knows the second from the downloads that it has for this platform; to list them, it downloads nothing.
    """
    environment = search_environment(release, world) | {"UV_PYTHON_DOWNLOADS": "automatic"}
    argv = installers.uv("python", "list", "--all-versions", "--output-format", "json")
    answer = world.processes.ask(*argv, cwd=release.work_dir, environment=environment)
    try:
        entries: list[dict[str, Any]] = json.loads(answer.out) if answer and answer.code == 0 else []
    except ValueError:
        entries = []
    known = [(python, entry) for entry in entries if (python := _read(entry))]
    here = tuple(replace(python, path=entry["path"]) for python, entry in known if entry.get("path"))
    if not here:
        said = answer.err.strip() if answer else "uv did not start"
        raise Inconclusive(f"`uv python list` finds no Python: {said[-500:]}", "Run it yourself to see why.")
    # uv lists one interpreter under several names: the first is the one that it would choose.
    first = {(p.implementation, p.version, p.threaded): p for p in reversed(here)}
    minors = [python.version[1] for python, _ in known if python.implementation == "cpython"]
    return tuple(sorted(first.values())), max([*minors, sys.version_info.minor])


def _read(entry: Mapping[str, Any]) -> Python | None:
    """A Python of uv's list; None for a pre-release, an unknown form of version, and a variant that no user has."""
    try:
        version = Version(re.sub(r"\+.*", "", str(entry.get("version", "0"))))
    except InvalidVersion:
        return None
    variant = _VARIANTS.get(str(entry.get("variant", "default")))
    if variant is None or version.is_prerelease or version.major != sys.version_info.major:
        return None
    return Python(str(entry.get("implementation")), version.release, variant)


def search_environment(release: Release, world: World) -> dict[str, str]:
    """The variables with which uv searches for Pythons: on the PATH are those of pyenv, instead of its shims.

    A shim runs only the versions that pyenv has selected, and slowly.
    """
    inner = installer_config.dependency_env(world.environment, release.folder)
    root = Path(inner.get("PYENV_ROOT") or programs.user_home(world.environment) / ".pyenv")
    folders = [folder for folder in inner.get("PATH", os.defpath).split(os.pathsep) if Path(folder) != root / "shims"]
    folders += sorted(str(folder) for folder in root.glob("versions/3*/bin"))
    return inner | {"PATH": os.pathsep.join(folders)}


def create_environment(release: Release, world: World, python: Python, name: str) -> Run:
    """Create the virtual environment `name` with this Python; without the setting, uv downloads none."""
    argv = installers.venv(release.environment(name), python.request)
    download = release.project.settings.tests.pythons_download
    downloads = {"UV_PYTHON_DOWNLOADS": "automatic" if download else "never"}
    run = installers.configured(release, world, name, argv)
    return replace(run, environment={**run.environment, **downloads}, background=True)


def file_for(folder: Path, python: Python) -> Path:
    """The file among the distributions that installers take on this Python: a wheel, else the sdist.

    Raises Inconclusive where there is none.
    """
    from packaging import tags
    from packaging.utils import parse_wheel_filename

    version, platforms = python.version[:2], list(tags.platform_tags())
    short = f"{'cp' if python.implementation == 'cpython' else 'pp'}{version[0]}{version[1]}"
    accepted = set(tags.compatible_tags(version, short, platforms))
    if python.implementation == "cpython":
        abis = [f"{short}{python.threaded}"]
        accepted |= set(tags.cpython_tags(version, abis, platforms))
    elif python.implementation == "pypy":  # the ABI of all of its versions since 7.3
        accepted |= set(tags.generic_tags(short, [f"pypy{version[0]}{version[1]}_pp73"], platforms))
    for wheel in distributions.wheels(folder):
        if not accepted.isdisjoint(parse_wheel_filename(wheel.name)[3]):
            return wheel
    sdist = next((path for path in distributions.in_folder(folder) if not distributions.is_wheel(path.name)), None)
    if sdist is None:
        raise Inconclusive(f"none of the wheels is for {python}", "Build the wheels of the other Pythons, too.")
    return sdist
