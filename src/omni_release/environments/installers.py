"""The calls of uv and pip: isolated for the release's own file, with this machine's settings for dependencies."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from omni_release import distributions, environments, programs
from omni_release.core import documents
from omni_release.core.actions import Run, Write
from omni_release.core.model import REHEARSAL, Artifact, Release
from omni_release.core.world import Completed, World
from omni_release.environments import installer_config

PIP_QUIET = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
"""pip's options for a run without a person."""


_DEADLINE = 900.0  # seconds


def uv(*arguments: str) -> tuple[str, ...]:
    """The call of uv with these arguments."""
    import uv

    return (uv.find_uv_bin(), *arguments)


def venv(environment: Path, interpreter: str = sys.executable) -> tuple[str, ...]:
    """The call that creates an empty environment; with the path of an interpreter, uv does not search for one."""
    return uv("venv", "--clear", "--no-project", "--no-config", "--python", interpreter, str(environment))


def python_option(release: Release, name: str) -> tuple[str, str]:
    """The option of uv and pip that chooses the environment `name` of this run."""
    return ("--python", str(environments.python(release.environment(name))))


def pip(environment: Path, *arguments: str) -> tuple[str, ...]:
    """The call of this tool's own pip for another environment.

    `pip --python` starts pip twice; what it runs the second time is run here.
    """
    import pip

    python, runner = str(environments.python(environment)), Path(pip.__file__).with_name("__pip-runner__.py")
    if runner.is_file():
        return (python, str(runner), *arguments)
    return programs.module(sys.executable, "pip", "--python", python, *arguments)


def pip_mode(release: Release) -> str:
    """Which installer gets the dependencies: pip in a release (`full`), uv in a rehearsal (`own-file`), by default."""
    return release.project.settings.verify.pip or ("own-file" if release.target == REHEARSAL else "full")


@dataclass(frozen=True)
class PinnedRelease:
    """The release as a requirement with hashes, which uv and pip install without its dependencies.

    `name` is the environment's; `requirements_file` writes the requirement.
    """

    name: str
    project: str
    version: str
    requirements_file: Write

    @classmethod
    def of(cls, release: Release, name: str, *artifacts: Artifact) -> PinnedRelease:
        """The release, where any of these artifacts may be installed."""
        project, version = distributions.project_and_version(artifacts)
        hashes = " ".join(f"--hash=sha256:{artifact.sha256}" for artifact in artifacts)
        line = f"{project}=={version} {hashes}\n"
        return cls(name, project, version, Write(release.work_dir / f"{name}.txt", line.encode()))

    @classmethod
    def of_file(cls, release: Release, name: str, wheel: Path) -> PinnedRelease:
        """The release, from a wheel that is on no index: the one built from the sdist for this machine alone."""
        project, version = distributions.name_and_version(wheel.name)
        line = f"{project} @ {wheel.resolve().as_uri()} --hash=sha256:{documents.sha256(wheel)}\n"
        return cls(name, project, version, Write(release.work_dir / f"{name}.txt", line.encode()))

    @property
    def requirement(self) -> str:
        """The project at its version: `acme==1.0`."""
        return f"{self.project}=={self.version}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `pip install` and `uv pip install`."""
        return ("--no-deps", "--require-hashes", "--requirement", str(self.requirements_file.path))


@dataclass(frozen=True)
class IndexArguments:
    """The arguments of uv and pip that name an index, and the variables (by secret) of an address with a password."""

    uv: tuple[str, ...]
    pip: tuple[str, ...]
    secrets: Mapping[str, str]


def target_index(world: World, project: str) -> IndexArguments:
    """The arguments that install from the target index alone, whatever this machine's settings say."""
    simple, secrets = world.index.target.simple, world.index.reading(project)
    uv, pip = ("--no-config", "--refresh-package", project), ("--no-cache-dir",)
    if secrets:  # pip's --isolated would ignore the variable; no other setting reaches it, and no file
        return IndexArguments(uv, pip, secrets)
    return IndexArguments((*uv, "--default-index", simple), ("--isolated", *pip, "--index-url", simple), {})


def isolated(
    release: Release, world: World, log: str, argv: tuple[str, ...], secrets: Mapping[str, str] = MappingProxyType({})
) -> Run:
    """Run an installer without any setting of this machine; its output goes to `logs/LOG.log`."""
    inner = programs.tool_env(world.environment, release.folder) | {"PIP_CONFIG_FILE": os.devnull}
    inner |= programs.temporary_files_in(release.temporary)
    return Run(argv, release.work_dir, inner, release.logs / f"{log}.log", _DEADLINE, secrets, network=True)


def without_programs(run: Run) -> Run:
    """Run pip where it finds no program beside Python's.

    To describe the machine to the index it starts `lsb_release` and `rustc`, which takes longer than the install.
    """
    return replace(run, environment={**run.environment, "PATH": str(Path(sys.executable).parent)})


def configured(release: Release, world: World, log: str, argv: tuple[str, ...]) -> Run:
    """Run an installer with this machine's settings; its output goes to `logs/LOG.log`."""
    inner = installer_config.dependency_env(world.environment, release.folder) | programs.temporary_files_in(
        release.temporary
    )
    return Run(argv, release.work_dir, inner, release.logs / f"{log}.log", _DEADLINE, network=True)


def pinned_wheel(release: Release, world: World, name: str) -> PinnedRelease:
    """The wheel of this run that is installable here, pinned for the environment `name`."""
    wheel = distributions.installable(release.dist)
    matching = tuple(artifact for artifact in world.journal.artifacts() if artifact.name == wheel.name)
    return PinnedRelease.of(release, name, *matching) if matching else PinnedRelease.of_file(release, name, wheel)


def create_environment(release: Release, world: World, name: str) -> Run:
    """Create the virtual environment `name` of this run, empty."""
    return isolated(release, world, name, venv(release.environment(name)))


def install_pinned(release: Release, world: World, pinned: PinnedRelease) -> Run:
    """Replace what is installed of the project by the pinned release, with uv, from the target index alone.

    It comes after the dependencies, which the built wheel has brought: the default index can have another file of the
    same version, and whatever an installer makes of that, nothing is installed after this.
    """
    index = target_index(world, pinned.project)
    option = (*python_option(release, pinned.name), "--reinstall-package", pinned.project)
    argv = uv("pip", "install", *option, *index.uv, *pinned.arguments)
    return isolated(release, world, pinned.name, argv, index.secrets)


def install_dependencies(release: Release, world: World, name: str, *requirements: str, inconclusive: str = "") -> Run:
    """Install with uv and this machine's settings; from uv's cache alone where that is enough.

    `inconclusive` is as in Run. Bytecode is not compiled ahead: an import compiles it, and far less is imported than
    installed.
    """
    settings = ("--project", str(release.project.root))
    argv = uv("pip", "install", *settings, *python_option(release, name), *requirements)
    online = replace(configured(release, world, name, argv), inconclusive=inconclusive)
    return replace(online, argv=(*argv, "--offline"), otherwise=online)


def succeeds(world: World, run: Run | None) -> bool:
    """Run this, or what is to be run instead; whether one of them succeeded."""
    while run is not None:
        if world.processes.run(run).code == 0:
            return True
        run = run.otherwise
    return False


def resolution(
    release: Release,
    world: World,
    name: str,
    requirements: Sequence[str],
    *options: str,
    interpreter: str = sys.executable,
    online: bool = False,
) -> str | None:
    """What uv would install for these requirements now: versions and hashes; None where it cannot tell."""
    found = release.work_dir / f"{name}.resolved"
    resolved = resolve(release, world, name, requirements, *options, interpreter=interpreter, online=online)
    return found.read_text(encoding="utf-8") if resolved.code == 0 else None


def resolve(
    release: Release,
    world: World,
    name: str,
    requirements: Sequence[str],
    *options: str,
    interpreter: str = sys.executable,
    online: bool = False,
) -> Completed:
    """Let uv write what it would install for these requirements to NAME.resolved in the run's working folder.

    As `install_dependencies` it asks uv's cache first (unless `online`), with this machine's settings. `name` is also
    that of the log.
    """
    wanted, found = release.work_dir / f"{name}.in", release.work_dir / f"{name}.resolved"
    world.files.write(Write(wanted, "\n".join((*requirements, "")).encode()))
    found.unlink(missing_ok=True)  # uv would keep to the versions in it
    quiet = ("--quiet", "--no-header", "--no-annotate", "--generate-hashes", "--python", interpreter)
    settings = ("--project", str(release.project.root), *options)
    argv = uv("pip", "compile", *settings, *quiet, "--output-file", str(found), str(wanted))
    if not online:
        cached = world.processes.run(configured(release, world, name, (*argv, "--offline")))
        if cached.code == 0:
            return cached
    return world.processes.run(configured(release, world, name, argv))


_REASON = re.compile(r"(?:╰─▶|cause:) (?:Because )?(.+?)(?:, we can conclude|$)")


def said(completed: Completed) -> str:
    """The end of what an installer has printed, in one line."""
    return " ".join(" ".join(completed.tail).split())


def reason_in(text: str) -> str:
    """Why uv has found no versions, of what it has `said`; all of that where it gives no reason."""
    found = _REASON.search(text)
    return found[1] if found else text


LOWEST = ("--resolution", "lowest-direct")
"""The options of uv that choose the lower bound of each direct requirement."""


def direct_requirements(wheel: Path) -> tuple[str, ...]:
    """What a wheel requires on this machine, without extras."""
    direct = []
    for stated in distributions.metadata(wheel).get_all("Requires-Dist", []):
        if (requirement := distributions.parsed_requirement(stated)) is None:
            continue  # an index refuses it: see upload-rules
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            direct.append(str(requirement))
    return tuple(direct)


_RESOLVING = threading.Lock()


def resolve_release(release: Release, world: World) -> None:
    """Write what uv would install now for the release, once for the process; an empty text where that is unknown.

    A requirement that is not on an index, but in a folder or a repository, has no hash.
    """
    path = resolved_release(release)
    with _RESOLVING:
        if path.is_file():
            return
        wheel = distributions.installable(release.dist)
        project, _ = distributions.name_and_version(wheel.name)
        own = f"{project} @ {wheel.resolve().as_uri()}"
        found = resolution(release, world, "released-requirements", (own,)) or ""
        others = (line for line in found.splitlines() if " @ " in line and not line.startswith(f"{project} @ "))
        unknown = any(others) or "\n-e " in found
        world.files.write(Write(path, b"" if unknown else found.encode()))


def resolved_release(release: Release) -> Path:
    """The file of `resolve_release`: where a process that resumes the run does not find it."""
    return release.temporary / "released.txt"
