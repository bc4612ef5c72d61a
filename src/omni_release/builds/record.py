"""What the distributions of a run were built from and with: from its run folder, or from its report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from omni_release import distributions
from omni_release.core import documents
from omni_release.core.build_place import BuildPlace
from omni_release.core.errors import Inconclusive, UsageError, describe_os_error
from omni_release.core.journal import RUN_NAME, RunFolder
from omni_release.core.model import Artifact
from omni_release.scripts import ENVIRONMENT_FILE

_REHEARSE = "Rehearse again with this version of omni-release: omni-release rehearse"


@dataclass(frozen=True)
class InstalledPackage:
    """A package that was installed for the build. `files` is the sha256 over the names and hashes of its files.

    `origin` is where it comes from, empty for one from an index.
    """

    name: str
    version: str
    files: str = ""
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class BuildEnvironment:
    """What a build ran with.

    `python` is the whole version, `platform` as `sysconfig.get_platform` names it, `epoch` SOURCE_DATE_EPOCH, `umask`
    in octal. `wheel` is the name of the wheel, also of one that is for the machine alone. `requirements` is all that
    the project and its back end have asked for.
    """

    python: str
    implementation: str
    platform: str
    epoch: int | None
    umask: str
    wheel: str
    requirements: tuple[str, ...]
    installed: tuple[InstalledPackage, ...]
    place: BuildPlace = field(default_factory=BuildPlace)

    @property
    def minor(self) -> str:
        """The version of Python without the patch."""
        return ".".join(self.python.split(".")[:2])

    @property
    def pins(self) -> tuple[str, ...]:
        """The packages from an index at their versions: `hatchling==1.27.0`."""
        return tuple(f"{package.name}=={package.version}" for package in self.installed if not package.origin)


@dataclass(frozen=True)
class Built:
    """The distributions of a run: of which commit and tree, and with what they were built.

    `inside` is the path of the project in its repository, empty for its top, None where that is not stated. `folder`
    is the run's, None for a report without one.
    """

    run: str
    commit: str | None
    tree: str
    inside: str | None
    artifacts: tuple[Artifact, ...]
    environment: BuildEnvironment | None
    folder: Path | None = None

    def require_complete(self) -> tuple[str, BuildEnvironment]:
        """The commit and the environment. Raises where a build cannot be repeated from what is stated."""
        if not self.artifacts:
            raise UsageError(f"run {self.run} has no distributions", "Name a run that has built: omni-release runs")
        if self.tree.startswith(distributions.PREBUILT):
            hint = "Rebuild in the checkout of the run that has built them."
            raise UsageError(f"run {self.run} has not built its distributions: they were given to it", hint)
        if self.commit is None or not re.fullmatch(r"[0-9a-f]{40,64}", self.commit):
            raise UsageError(f"run {self.run} was built outside of a git repository", "Commit the project to git.")
        if self.environment is None:
            raise Inconclusive(f"run {self.run} does not state what it was built with", _REHEARSE)
        return self.commit, self.environment


def read(folder: Path) -> BuildEnvironment | None:
    """What the run in this folder was built with; None where it states nothing. Raises Inconclusive if unreadable."""
    content = documents.read_json(folder / ENVIRONMENT_FILE)
    return None if content is None else _environment(content, folder / ENVIRONMENT_FILE)


def _environment(content: object, where: Path) -> BuildEnvironment:
    import msgspec

    try:
        found = msgspec.convert(content, BuildEnvironment)
    except msgspec.ValidationError as error:
        raise Inconclusive(f"{where} cannot be read: {error}", _REHEARSE) from None
    for package in found.installed:  # uv takes a line with each, which may be an option
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", package.name) or not re.fullmatch(r"[\w.!+-]+", package.version):
            raise Inconclusive(f"{where} names {str(package)!r}, which is no package", _REHEARSE)
    return found


def of_run(run: RunFolder) -> Built:
    """What the run in this folder has built. Raises UsageError where it states something of another form."""
    import msgspec

    stated = (run.path.name, run.commit_built(), run.tree_hash() or "", None, list(map(asdict, run.artifacts())))
    try:
        name, commit, tree, inside, artifacts = msgspec.convert(stated, _Stated)
    except msgspec.ValidationError as error:
        raise UsageError(f"{run.path / 'artifacts.json'} cannot be read: {error}", "Name another run.") from None
    return _checked(Built(name, commit, tree, inside, artifacts, read(run.path), run.path), run.path)


def in_report(report_file: Path, folder: Path | None) -> Built:
    """What a report (`report.json`) says that its run has built; `folder` is the run's, where it is here.

    Raises UsageError for any other file.
    """
    import msgspec

    hint = "Name a run, its folder, or the report.json of a rehearsal of this version of omni-release."
    try:
        content: dict[str, Any] = json.loads(report_file.read_bytes())
        build = content["build"]
        run = re.split(r"[\\/]", content["run"])[-1]
        environment = build.get("environment")
        stated = (run, build["commit"], build["tree"], build["inside"], content["artifacts"])
        run, commit, tree, inside, artifacts = msgspec.convert(stated, _Stated)
    except OSError as error:
        raise UsageError(f"{report_file} cannot be read: {describe_os_error(error)}", hint) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # a ValidationError is a ValueError
        raise UsageError(f"{report_file} does not state what was built", hint) from None
    with_what = None if environment is None else _environment(environment, report_file)
    return _checked(Built(run, commit, tree, inside, artifacts, with_what, folder), report_file)


_Stated = tuple[str, str | None, str, str | None, tuple[Artifact, ...]]
"""What is stated of a build besides its environment: the first fields of `Built`."""


def _checked(built: Built, where: Path) -> Built:
    """The same. Raises UsageError where an artifact is no name of a file, or no hash."""
    for artifact in built.artifacts:
        named = distributions.version_of(artifact.name) and re.fullmatch(r"[\w.+!-]+", artifact.name)
        if not named or not re.fullmatch(r"[0-9a-f]{64}", artifact.sha256):
            raise UsageError(f"{where} names {artifact.name!r}, which is no distribution", "Name another run.")
    return built


def summary(folder: Path, commit: str | None, tree: str | None, inside: str) -> Mapping[str, Any]:
    """What a report says of the build in this run folder, as JSON; empty before the build."""
    if tree is None:
        return {}
    try:
        environment = documents.read_json(folder / ENVIRONMENT_FILE)
    except Inconclusive:
        environment = None  # what needs it says so
    return {"commit": commit, "tree": tree, "inside": inside, "environment": environment}


def is_run(path: Path) -> bool:
    """Whether a path is that of a run folder."""
    return RUN_NAME.fullmatch(path.name) is not None and path.is_dir()
