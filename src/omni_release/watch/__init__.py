"""A watch on what is published: what users get today with the last release, and what has changed since its day."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from omni_release import distributions, environments, project, source_tree
from omni_release.core.model import Project, Release
from omni_release.core.own_folder import FOLDER
from omni_release.core.settings import Settings
from omni_release.core.world import IndexFile, World
from omni_release.distributions.archives import Archive
from omni_release.models.registry import OVERLAY
from omni_release.project import layout

INSTALLED = "released-uv"
"""The environment with the release and today's dependencies, installed by uv."""

_PYPROJECT = "pyproject.toml"


def unpack(dist: Path, target: Path, checkout: Project | None) -> Project:
    """The project that the distributions in `dist` are of, with the files that users get, unpacked into `target`.

    These are the files of the wheel, or those of the sdist where there is no wheel. With a `checkout` they have the
    paths that they have there, and its settings hold; without one, no settings do: a stranger's could name commands.
    Raises InvalidDistribution for a file that is not a readable archive.
    """
    found = distributions.in_folder(dist)[-1]  # the sdist is the first
    Archive(found, found.name, bounded=True).validate()
    name, version = distributions.name_and_version(found.name)
    packages = checkout.packages if checkout else ()
    for entry in distributions.contents(found):
        path = target / (layout.source_path(packages, entry.name) or entry.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.read())
    if checkout is not None and (checkout.root / OVERLAY).is_file():
        shutil.copy(checkout.root / OVERLAY, target / OVERLAY)
    loaded = placeholder(target, checkout.name if checkout else name, version, checkout.settings if checkout else None)
    return dataclasses.replace(loaded, packages=packages, compiled=checkout.compiled if checkout else ())


def placeholder(root: Path, name: str, version: str, settings: Settings | None = None) -> Project:
    """A project in this folder that states its name and version alone."""
    build = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    (root / _PYPROJECT).write_text(f'{build}[project]\nname = "{name}"\nversion = "{version}"\n', encoding="utf-8")
    return dataclasses.replace(project.load(root, settings or Settings()), packages=())


def published_files(release: Release) -> Iterator[str]:
    """The files of the release, without its metadata and without what `unpack` adds."""
    for name in source_tree.file_names(str(release.project.root)):
        top = name.partition("/")[0]
        if name not in (_PYPROJECT, OVERLAY) and top != FOLDER and not top.endswith((".dist-info", ".egg-info")):
            yield name


def installed(release: Release, environment: str) -> dict[str, str]:
    """The versions of what is installed in an environment of this run, by normalised name."""
    found = environments.installed_distributions(release.environment(environment))
    pairs = (entry.partition("==") for entry in found)
    return {canonicalize_name(name): version for name, _, version in pairs}


def files_on_index(release: Release, world: World) -> tuple[IndexFile, ...]:
    """The files of the version that is watched, as the index lists them. Raises Inconclusive if it does not answer."""
    name, version = distributions.project_and_version(world.journal.artifacts())
    files = world.default_index.files(name)
    return tuple(file for file in files if distributions.is_of(file.name, version))


def released_at(release: Release, world: World) -> datetime.datetime | None:
    """When the first file of the version was uploaded; None where the index does not state that."""
    times = [file.uploaded for file in files_on_index(release, world) if file.uploaded is not None]
    return min(times, default=None)
