"""The variables that child processes get, and runs of analysis tools such as ruff and ast-grep."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from omni_release.core import own_installation
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, ToolUnavailable
from omni_release.core.secret_variables import without_secrets
from omni_release.core.world import Completed, Processes

RUN_VARIABLE = "OMNI_RELEASE_RUN"
"""Set in every child process to the folder of its run: a rehearsal inside another one is refused."""

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
_SHELL = ("_", "OLDPWD", "PWD", "SHLVL")
"""What a shell says about itself, its folder and the command before: no program of a run is to depend on that."""

# The variables of a hook that tie git to one repository (`git rev-parse --local-env-vars`).
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

_INSTALLERS = ("PIP_", "UV_")
_KEPT = ("UV_CACHE_DIR", "UV_LINK_MODE", "UV_HTTP_TIMEOUT", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "PIP_CERT", "PIP_PROXY")

DEADLINE = 600.0
"""The time for a tool that analyses a whole project, in seconds."""

# Bytes of arguments on one command line: the limit is 32,767 characters on Windows, a megabyte on macOS.
_ARGUMENTS = 30_000 if os.name == "nt" else 500_000


def user_home(environment: Mapping[str, str]) -> Path:
    """The home folder of the user whose environment this is."""
    return Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())


def tool_env(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """The variables for pip, uv, twine and analysis tools: no settings of Python or the installers, no secrets.

    Certificates, proxies, time limits and the cache's folder stay.
    """
    inner = test_env(outer, run)
    return {key: value for key, value in inner.items() if key in _KEPT or not key.startswith(_INSTALLERS)}


def test_env(outer: Mapping[str, str], run: Path, given: Collection[str] = ()) -> dict[str, str]:
    """The variables for the project's own programs.

    Without those that redirect Python, pytest or git, those of a shell about itself, and secrets but those in `given`.
    """
    left_out = (*_PYTHON, *_SHELL)
    inner = {key: value for key, value in git_env(outer, given).items() if key in given or key not in left_out}
    return inner | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", RUN_VARIABLE: str(run)}


def temporary_files_in(folder: Path) -> dict[str, str]:
    """The variables that say where a program has its temporary files. Each platform and library reads one of them."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


def git_env(outer: Mapping[str, str], given: Collection[str] = ()) -> dict[str, str]:
    """The variables for git: none that ties it to a repository other than its working directory's.

    And no secrets but those in `given`: git runs the programs that a repository's configuration names.
    """
    return {key: value for key, value in without_secrets(outer, given).items() if key not in _GIT}


def module(interpreter: str, name: str, *arguments: str) -> tuple[str, ...]:
    """The call of a module of an interpreter's environment, never of the working directory.

    With `python -m` alone a project's own `json.py` or `click/` would be imported in place of the real one.
    """
    return (interpreter, "-P", "-m", name, *arguments)


@dataclass(frozen=True)
class ToolContext:
    """Where a tool runs: in `root`, with the variables `environment`.

    Its output goes to the run folder `run`, or, where that does not exist, to `folder`.
    """

    root: Path
    run: Path
    folder: Path
    environment: Mapping[str, str] = field(repr=False)


_PACKAGES = {"ast-grep": "ast-grep-cli", "griffe": "griffelib"}
"""The packages of the tools that have another name."""


def install_command(name: str) -> str:
    """How to install a tool, by the name of its program, in the environment of omni-release."""
    package = _PACKAGES.get(name, name)
    return own_installation.how_to_add(packages=() if own_installation.requires(package) else (package,))


def upgrade_command(name: str) -> str:
    """How to get another version of a tool that does not work."""
    return own_installation.how_to_upgrade(_PACKAGES.get(name, name))


def unavailable(name: str, how: str, output: str) -> ToolUnavailable:
    """The error for a tool that is not installed, or that ended without a result.

    `how` says how it ended (`Completed.ended`), `output` is what it printed.
    """
    module = name.replace("-", "_")
    if f"No module named {module}" in output or f"No module named '{module}'" in output:
        return ToolUnavailable(f"{name} is not installed", install_command(name))
    message = f"{name} {how} without a result:\n{output.strip()[-2000:]}".rstrip(":\n")
    return ToolUnavailable(message, upgrade_command(name))


def find_program(name: str) -> str:
    """The path of a program that is installed with our own interpreter, or is on the PATH.

    Raises ToolUnavailable where it is not installed.
    """
    file = f"{name}.exe" if os.name == "nt" else name
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        if (path := Path(folder, file)).is_file():
            return str(path)
    if on_path := shutil.which(name):
        return on_path
    raise ToolUnavailable(f"{name} is not installed", install_command(name))


def batches(files: Sequence[PurePosixPath]) -> Iterator[tuple[str, ...]]:
    """The files as arguments, in as few batches as fit on a command line each."""
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
    context: ToolContext,
    processes: Processes,
    argv: Sequence[str],
    name: str,
    variables: Mapping[str, str] = MappingProxyType({}),
    *,
    deadline: float = DEADLINE,
) -> tuple[Completed, str]:
    """Run a tool, and return how it ended and all of its output, which also goes to `NAME.log`.

    `variables` are added to its environment; `deadline` is in seconds. Raises ToolUnavailable where it does not start.
    """
    log = (context.run / "logs" if context.run.is_dir() else context.folder) / f"{name}.log"
    log.unlink(missing_ok=True)
    command = Run(
        tuple(argv),
        cwd=context.root,
        environment=tool_env(context.environment, context.run) | dict(variables),
        log=log,
        deadline=deadline,
        background=True,
    )
    try:
        completed = processes.run(command)
    except ActionFailed as error:
        raise unavailable(name, "could not be started", error.full_message) from None
    return completed, log.read_bytes().decode("utf-8", "replace")
