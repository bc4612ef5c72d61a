"""The release as users install it, and the state of the local environment."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from omni_release import distributions, environments, programs
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NeedsPerson, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.environments.steps import has_release, require_not_editable

# In seconds, for `pip check`: the question is ours, so without an answer in time the check is inconclusive. A command
# of the project's own has the time that the settings give it, and has failed after that.
_DEADLINE = 120.0

# The error of an entry point that only its host program loads, by group: the package works without that host.
_HOST_MISSING = {"pytest11": "ModuleNotFoundError: No module named 'pytest'"}

_INSTALL_RULES = (
    Rule("installed-version", RuleClass.RELEASE, "Installed package reports another version"),
    Rule("import-fails", RuleClass.RELEASE, "Import of the installed package fails"),
    Rule("import-elsewhere", RuleClass.RELEASE, "Import comes from outside the environment"),
    Rule("entry-point", RuleClass.RELEASE, "Entry point does not load"),
)


@reports(*_INSTALL_RULES)
def works_with_uv(release: Release, world: World) -> Iterator[Finding]:
    """Package installed with uv works

    The package that uv installed from the index imports, reports the released version, and its entry points load.

    Fix: run the failing import with the interpreter of the run's `released-uv` environment, and correct the package.
    """
    yield from _installed_works(release, world, "released-uv")


@reports(*_INSTALL_RULES)
def works_with_pip(release: Release, world: World) -> Iterator[Finding]:
    """Package installed with pip works

    The package that pip installed from the index imports, reports the released version, and its entry points load.

    Fix: run the failing import with the interpreter of the run's `released-pip` environment, and correct the package.
    """
    yield from _installed_works(release, world, "released-pip")


def _installed_works(release: Release, world: World, name: str) -> Iterator[Finding]:
    installed = environments.inspect_installed(release, world, name)
    _, version = distributions.name_and_version(distributions.installable(release.dist).name)
    if installed["version"] != version:
        message = f"the installed metadata says version {installed['version']}, not {version}"
        yield Finding(message, "installed-version")
    for module, result in installed["modules"].items():
        if result["error"]:
            yield Finding(f"`import {module}` fails:\n{result['error'].strip()}", "import-fails")
        elif not Path(result["file"]).resolve().is_relative_to(release.environment(name).resolve()):
            message = f"`import {module}` loads {result['file']}, not the installed package"
            yield Finding(message, "import-elsewhere")
        elif result["version"] is not None and not distributions.same_version(result["version"], version):
            message = f"{module}.__version__ is {result['version']}, the release is {version}"
            yield Finding(message, "installed-version")
    for entry_point, error in installed["entry_points"].items():
        group = entry_point.partition(":")[0]
        if error and _HOST_MISSING.get(group) == error:
            message = f"{entry_point} was not loaded: its host program is not installed here"
            yield Finding(message, "entry-point", Severity.NOTICE)
        elif error:
            yield Finding(f"the entry point {entry_point} does not load: {error}", "entry-point")


def pip_check(release: Release, world: World) -> Iterator[Finding]:
    """Installed requirements are consistent

    `pip check` finds no missing or conflicting requirement where pip installed the release.

    Fix: correct `dependencies` in pyproject.toml.
    """
    log = release.logs / "pip-check.log"
    log.unlink(missing_ok=True)
    python = str(environments.python(release.environment("released-pip")))
    command = Run(
        programs.module(sys.executable, "pip", "--python", python, "check", "--disable-pip-version-check"),
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


@reports(Rule("verify-command", RuleClass.RELEASE, "A verify command fails on the installed release"))
def verify_commands(release: Release, world: World) -> Iterator[Finding]:
    """Verify commands pass

    The `commands` of [tool.omni-release.verify] pass in an empty folder, where uv installed the release.

    Fix: run the failing command in the run's `released-uv` environment, and correct the package or the command.
    """
    verify = release.project.settings.verify
    if not verify.commands:
        raise NotApplicable("the settings name no verify commands")
    released = release.environment("released-uv")
    inner = environments.venv_env(world.environment, release.folder, released, verify.pass_env)
    empty = release.work_dir / "verify"
    empty.mkdir(exist_ok=True)
    for program, *arguments in verify.commands:
        argv = (shutil.which(program, path=inner["PATH"]) or program, *arguments)
        command = Run(argv, cwd=empty, environment=inner, log=release.logs / "verify.log", deadline=verify.timeout)
        completed = world.processes.run(command)
        if completed.code != 0:
            message = f"`{shlex.join((program, *arguments))}` {completed.ended(verify.timeout)}"
            yield Finding("\n".join((message, *completed.tail[-10:])), "verify-command")


def local_environment(release: Release, world: World) -> Iterator[Finding]:
    """Local environment exists and works

    The environment that [tool.omni-release.local] names exists, and its interpreter runs.

    Fix: recreate the environment, or correct [tool.omni-release.local].
    """
    local = environments.inspect_local_environment(release, world)
    has = f"{release.project.name} {local.version}" if local.version else f"no {release.project.name}"
    editable = f"editable install of {local.editable}, left as it is"
    plan = editable if local.editable else f"{local.installer} upgrades it"
    yield Finding(f"{local.folder} has {has}: {plan}", severity=Severity.NOTICE)


@reports(Rule("local-environment-unseen", RuleClass.QUALITY, "Processes of other users cannot be inspected"))
def local_environment_unused(release: Release, world: World) -> Iterator[Finding]:
    """Local environment is not in use

    No program runs from the local environment or has its files open, so the upgrade cannot leave a program with a
    mixture of old and new code.

    Fix: end the programs that use the environment, and resume the run.
    """
    local = environments.inspect_local_environment(release, world)
    require_not_editable(local, release)
    if has_release(local, release, world):
        return
    using = world.processes.using(local.folder)
    if using.unseen:
        message = f"{using.unseen} processes of other users cannot be inspected"
        yield Finding(message, "local-environment-unseen", Severity.NOTICE)
    if using.programs:
        processes = "\n".join(f"  process {process.pid}, {process.name}: {process.how}" for process in using.programs)
        message = f"{local.folder} is in use, so it was not changed:\n{processes}"
        raise NeedsPerson(message, "End these programs, and run this again.")
