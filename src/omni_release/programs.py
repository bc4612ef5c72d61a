"""The environments that a run makes or finds: how they are laid out, what is in them, and what their programs see."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, install_hint
from omni_release.core.world import Completed, Processes

RUN_VARIABLE = "OMNI_RELEASE_RUN"
"""Set in every child to the folder of the run that it belongs to: no rehearsal starts inside another one."""


_PYTHON = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONOPTIMIZE",
    "PYTHONUSERBASE",
    "PYTHONSAFEPATH",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "__PYVENV_LAUNCHER__",
)


# What ties git to one repository, as a hook has it (`git rev-parse --local-env-vars`).
_GIT = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
)


OF_OTHER_PUBLISHERS = (
    "FLIT_PASSWORD",
    "FLIT_USERNAME",
    "HATCH_INDEX_",
    "PDM_PUBLISH_",
    "POETRY_HTTP_BASIC_",
    "POETRY_PYPI_TOKEN_",
    "UV_PUBLISH_",
)
"""How the variables begin with which other programs than twine publish."""


_OF_SERVICES = ("ACTIONS_ID_TOKEN_", "GH_TOKEN", "GITHUB_TOKEN", "PYPI_", "TESTPYPI_")


_CREDENTIALS = ("TWINE_", *OF_OTHER_PUBLISHERS, *_OF_SERVICES)


_INSTALLERS = ("PIP_", "UV_")


_KEPT = ("UV_CACHE_DIR", "UV_LINK_MODE", "UV_HTTP_TIMEOUT", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "PIP_CERT", "PIP_PROXY")


def user_home(environment: Mapping[str, str]) -> Path:
    """The folder of the user whose environment this is."""
    return Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())


def tool_env(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """For what may not be led astray: the outer one without Python's and the installers' settings, and credentials.

    How to reach an index (certificates, proxies, time limits) and where the cache lies stays.
    """
    inner = test_env(outer, run)
    return {key: value for key, value in inner.items() if key in _KEPT or not key.startswith(_INSTALLERS)}


def test_env(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """For the project's own programs: the outer one without what would have Python, pytest or git look elsewhere.

    Credentials to publish are left out, too.
    """
    inner = {key: value for key, value in git_env(outer).items() if key not in _PYTHON}
    inner = {key: value for key, value in inner.items() if not key.startswith(_CREDENTIALS)}
    return inner | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", RUN_VARIABLE: str(run)}


def git_env(outer: Mapping[str, str]) -> dict[str, str]:
    """For git: the outer one without what ties it to another repository than the one that it stands in."""
    return {key: value for key, value in outer.items() if key not in _GIT}


_ARGUMENTS = (
    30_000 if os.name == "nt" else 500_000
)  # what a program takes: 32,767 characters there, a megabyte on macOS


DEADLINE = 600.0
"""Of a program that looks at all of a project, in seconds."""


@dataclass(frozen=True)
class ToolRun:
    """Where a program looks. What it says is kept in `run`, if that folder is there, else in `folder` alone."""

    root: Path
    run: Path
    folder: Path
    environment: Mapping[str, str] = field(repr=False)


def find_program(name: str) -> str:
    """A program, as its wheel installs it beside our own interpreter. Raises CannotTell where it is not there."""
    file = f"{name}.exe" if os.name == "nt" else name
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        if (found := Path(folder, file)).is_file():
            return str(found)
    if there := shutil.which(name):
        return there
    raise Inconclusive(f"{name} is not here", install_hint("audit"))


def batches(files: Sequence[PurePosixPath]) -> Iterator[tuple[str, ...]]:
    """All files at once, as far as a command line holds them."""
    batch: list[str] = []
    room = _ARGUMENTS
    for file in files:
        needed = len(os.fsencode(str(file))) + 3
        if batch and needed > room:
            yield tuple(batch)
            batch, room = [], _ARGUMENTS
        batch.append(f"./{file}")
        room -= needed
    yield tuple(batch)


def run_tool(
    place: ToolRun,
    processes: Processes,
    argv: Sequence[str],
    name: str,
    more: Mapping[str, str] = MappingProxyType({}),
    *,
    deadline: float = DEADLINE,
) -> tuple[Completed, str]:
    """How a program ended, and all that it printed. `deadline` is in seconds."""
    log = (place.run / "logs" if place.run.is_dir() else place.folder) / f"{name}.log"
    log.unlink(missing_ok=True)
    command = Run(
        tuple(argv),
        cwd=place.root,
        environment=tool_env(place.environment, place.run) | dict(more),
        log=log,
        deadline=deadline,
        background=True,
    )
    completed = processes.run(command)
    return completed, log.read_bytes().decode("utf-8", "replace")
