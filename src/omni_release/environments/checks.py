"""What people would get, looked at after its installation."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from omni_release import distributions, environments, programs
from omni_release import environments as environments_venv
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NeedsPerson, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World
from omni_release.environments.steps import has_the_release

# Of our own question, so that a check that is not answered in time could not tell. A command of the project's own has
# the time that the settings give it: one that takes more has failed.
_DEADLINE = 120.0


_HOSTS = {"pytest11": "ModuleNotFoundError: No module named 'pytest'"}
"""What an entry point says that only its host ever loads, where the package is useful without that host."""


def works_with_uv(release: Release, world: World) -> Iterator[Finding]:
    """What uv installed from the index is imported, says that it is this version, and all its entry points load.

    Run the import by hand with the interpreter in the run's `released-uv` environment.
    """
    yield from _works(release, world, "released-uv")


def works_with_pip(release: Release, world: World) -> Iterator[Finding]:
    """What pip installed from the index is imported, says that it is this version, and all its entry points load.

    Run the import by hand with the interpreter in the run's `released-pip` environment.
    """
    yield from _works(release, world, "released-pip")


def pip_check(release: Release, world: World) -> Iterator[Finding]:
    """`pip check` finds no requirement that is missing or broken.

    Mend `dependencies` in pyproject.toml.
    """
    log = release.logs / "pip-check.log"
    log.unlink(missing_ok=True)
    python = str(environments_venv.python(release.environment("released-pip")))
    command = Run(
        (sys.executable, "-m", "pip", "--python", python, "check", "--disable-pip-version-check"),
        cwd=release.work_dir,
        environment=programs.tool_env(world.environment, release.folder),
        log=log,
        deadline=_DEADLINE,
    )
    completed = world.processes.run(command)
    if completed.timed_out:
        raise Inconclusive(f"pip check {completed.ended(_DEADLINE)}", f"See {log}.")
    if completed.code != 0:
        yield Finding(log.read_text(encoding="utf-8", errors="replace").strip())


def verify_commands(release: Release, world: World) -> Iterator[Finding]:
    """The project's own `verify` commands pass, on what was installed from the index.

    They are the setting `commands` of [tool.omni-release.verify], and run in an empty folder.
    """
    verify = release.project.settings.verify
    if not verify.commands:
        raise NotApplicable("the settings name no verify commands")
    inner = environments.venv_env(world.environment, release.folder, release.environment("released-uv"))
    empty = release.work_dir / "verify"
    empty.mkdir(exist_ok=True)
    for program, *arguments in verify.commands:
        argv = (shutil.which(program, path=inner["PATH"]) or program, *arguments)
        command = Run(argv, cwd=empty, environment=inner, log=release.logs / "verify.log", deadline=verify.timeout)
        completed = world.processes.run(command)
        if completed.code != 0:
            said = f"`{shlex.join((program, *arguments))}` {completed.ended(verify.timeout)}"
            yield Finding("\n".join((said, *completed.tail[-10:])), "verify-command")


def _works(release: Release, world: World, name: str) -> Iterator[Finding]:
    found = environments_venv.inspect_installed(release, world, name)
    _, version = distributions.name_and_version(distributions.installable(release.dist).name)
    if found["version"] != version:
        yield Finding(f"the installed metadata say version {found['version']}, not {version}", "installed-version")
    for module, seen in found["modules"].items():
        if seen["error"]:
            yield Finding(f"`import {module}` fails:\n{seen['error'].strip()}", "import-fails")
        elif not Path(seen["file"]).resolve().is_relative_to(release.environment(name).resolve()):
            yield Finding(
                f"`import {module}` came from {seen['file']}, not from what was installed", "import-elsewhere"
            )
        elif seen["version"] is not None and not distributions.same_version(seen["version"], version):
            said = f"{module}.__version__ is {seen['version']}, the release is {version}"
            yield Finding(said, "installed-version")
    for entry_point, error in found["entry_points"].items():
        group = entry_point.partition(":")[0]
        if error and _HOSTS.get(group) == error:
            said = f"{entry_point} was not loaded: it is for a program that is not installed here"
            yield Finding(said, "entry-point", Severity.NOTICE)
        elif error:
            yield Finding(f"the entry point {entry_point} does not load: {error}", "entry-point")


def local_environment(release: Release, world: World) -> Iterator[Finding]:
    """The local environment that the settings name is there, and answers.

    Make it anew, or mend [tool.omni-release.local].
    """
    found = environments.local_environment(release, world)
    has = f"{release.project.name} {found.version}" if found.version else f"no {release.project.name}"
    what = f"stays, as an editable install of {found.editable}" if found.editable else f"goes to {found.installer}"
    yield Finding(f"{found.folder} has {has}: it {what}", "local-environment", Severity.NOTICE)


def local_environment_unused(release: Release, world: World) -> Iterator[Finding]:
    """No program runs from the local environment, or has files of it open, when it is upgraded.

    End the programs named above, and run this again: the release goes on where it stands. A program that keeps running
    has the old code, or a mixture, in memory; on Windows the upgrade would fail half-way.
    """
    found = environments.local_environment(release, world)
    if found.editable:
        raise NotApplicable(f"{release.project.name} is an editable install of {found.editable}: it is left as it is")
    if has_the_release(found, release, world):
        return
    using = world.processes.using(found.folder)
    if using.unseen:
        said = f"{using.unseen} programs of other users could not be looked into"
        yield Finding(said, "local-environment-unseen", Severity.NOTICE)
    if using.programs:
        named = "\n".join(f"  process {each.pid}, {each.name}: {each.how}" for each in using.programs)
        raise NeedsPerson(
            f"{found.folder} is in use, and has not been touched:\n{named}", "End them, and run this again."
        )
