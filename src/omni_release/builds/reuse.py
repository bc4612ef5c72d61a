"""What a build depends on, and what is kept of it: the distributions, and what was installed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_release.core.actions import Run, Write
from omni_release.core.cache import Inputs, digest
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.environments import inputs, installers
from omni_release.scripts import ENVIRONMENT_FILE, REQUIREMENTS_FILE

_RESOLVED = "resolved"
_AGAIN = "The build runs again."  # for the journal: nothing is left to do
_DEFAULT = ("setuptools >= 40.8.0",)  # PEP 518


def of_build(release: Release, world: World, run: Run, source: Path) -> Inputs | None:
    """The inputs of a build: all of the copy at `source`, what git says about it, and what is installed for it.

    None where it cannot be known what would be installed. A version may have the date in it.
    """
    noted = release.work_dir / "build-requirements.txt"
    if run.background and noted.is_file():  # the second build uses the environment of the first
        resolved: str | None = noted.read_text(encoding="utf-8")
    else:
        resolved = installers.resolution(release, world, "build-requirements", _stated(release))
    if resolved is None:
        return None
    world.files.write(Write(noted, resolved.encode()))
    variables = inputs.variables(run.environment, release)
    project = f"{release.project.root} {release.project.settings} {release.inside}"
    now = world.clock.now()
    today = f"{now:%Y-%m-%d} {now.astimezone():%Y-%m-%d}"
    tree = (*inputs.of_folder(source), *_repository(source, world))
    return Inputs(digest((inputs.tool(), project, variables, resolved, today, *tree)))


def _stated(release: Release) -> tuple[str, ...]:
    requires = table(release.project.metadata, "build-system").get("requires", _DEFAULT)
    return tuple(sorted(map(str, requires))) if isinstance(requires, (list, tuple)) else _DEFAULT


def _repository(source: Path, world: World) -> Iterator[str]:
    """What a back end can ask git for: the branch, the commits and tags, the tracked files, the settings."""
    if not (source / ".git").exists():
        return
    for question in (("for-each-ref",), ("ls-files", "--stage"), ("config", "--local", "--list")):
        answer = world.processes.ask("git", *question, cwd=source)
        yield answer.out if answer is not None else ""
    yield (source / ".git" / "HEAD").read_text(encoding="utf-8")
    yield from inputs.of_folder(source / ".git" / "info")


def made(release: Release, world: World, folders: Mapping[str, Path]) -> dict[str, Path]:
    """The folders that a build has made, and one that says what was installed for it.

    Raises Inconclusive where that cannot be known, and where a wheel is compiled: the compiler and the libraries of
    this machine are in no input.
    """
    wheels = (wheel for folder in (release.dist, release.local_wheel) for wheel in folder.glob("*.whl"))
    if compiled := next((wheel.name for wheel in wheels if not wheel.name.endswith("-any.whl")), ""):
        raise Inconclusive(f"{compiled} depends on the compiler of this machine", _AGAIN)
    folder = release.work_dir / _RESOLVED
    lines = (release.environment("build") / REQUIREMENTS_FILE).read_text(encoding="utf-8").splitlines()
    texts = {"requirements.txt": "\n".join(lines), "resolved.txt": _resolved(release, world, lines)}
    texts[ENVIRONMENT_FILE] = (release.folder / ENVIRONMENT_FILE).read_text(encoding="utf-8")
    for name, text in texts.items():
        world.files.write(Write(folder / name, text.encode()))
    return {**folders, _RESOLVED: folder}


def environment(release: Release, folder: Path) -> Write:
    """State again in the run folder what the distributions in `folder`, which were kept, were built with."""
    return Write(release.folder / ENVIRONMENT_FILE, (folder / _RESOLVED / ENVIRONMENT_FILE).read_bytes())


def require_same_environment(release: Release, world: World, folder: Path) -> None:
    """Raise Inconclusive where other versions would be installed now for what the back end itself has asked for."""
    lines = (folder / _RESOLVED / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if (folder / _RESOLVED / "resolved.txt").read_text(encoding="utf-8") != _resolved(release, world, lines):
        raise Inconclusive("other versions would be installed for the build now", _AGAIN)


def _resolved(release: Release, world: World, requirements: list[str]) -> str:
    """What would be installed; empty where the back end asks for nothing beside what the project states."""
    if set(requirements) <= set(_stated(release)):
        return ""
    found = installers.resolution(release, world, "build-all-requirements", sorted(set(requirements)))
    if found is None:
        raise Inconclusive("it cannot be known what would be installed for the build", _AGAIN)
    return found
