"""The release as users install it, and the state of the local environment."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace

from omni_release import distributions, environments, programs
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NeedsPerson, NotApplicable, ToolUnavailable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.distributions.checks import INCOMPLETE
from omni_release.environments import import_findings, installers, public_modules
from omni_release.environments.imports import Environment
from omni_release.environments.installed_release import InstalledRelease
from omni_release.environments.steps import has_release, require_not_editable

_RAISE_TIMEOUT = "Raise `timeout` in [tool.omni-release.verify]."

_INSTALL_RULES = (
    Rule("installed-version", RuleClass.RELEASE, "Installed package reports another version"),
    Rule("import-fails", RuleClass.RELEASE, "Import of the installed package fails", caused_by=INCOMPLETE),
    Rule("import-elsewhere", RuleClass.RELEASE, "Import comes from outside the environment"),
    Rule("entry-point", RuleClass.RELEASE, "Entry point does not load", caused_by=INCOMPLETE),
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
    yield from _installed_works(release, world, "released-pip", reported="released-uv")


def _installed_works(release: Release, world: World, name: str, *, reported: str = "") -> Iterator[Finding]:
    """The findings of the environment `name`; the ones that `reported` has as well are named in one line."""
    installed = InstalledRelease(Environment(release, name), distributions.installable(release.dist))
    _, version = distributions.name_and_version(installed.wheel.name)
    stated = distributions.metadata(installed.wheel)["Version"]
    if not distributions.same_version(stated, version):
        yield Finding(f"the installed metadata says version {stated}, not {version}", "installed-version")
    findings, slow = import_findings.of_installed(installed, world, version, "import")
    serious = any(finding.severity is not Severity.NOTICE for finding in findings)
    shared = _shared(findings, installed, world, version, reported) if serious and reported else []
    if shared:
        number = "the same finding" if len(shared) == 1 else f"the same {len(shared)} findings"
        worst = min(shared, key=lambda finding: list(Severity).index(finding.severity))
        yield replace(worst, message=f"{number} as in `works-with-uv`", cause=f"works-with-uv/{worst.rule}")
    yield from (finding for finding in findings if finding not in shared)
    if slow:
        message = f"no result within {release.project.settings.verify.timeout:g} s: the import of {', '.join(slow)}"
        raise Inconclusive(message, _RAISE_TIMEOUT)


def _shared(
    findings: list[Finding], installed: InstalledRelease, world: World, version: str, reported: str
) -> list[Finding]:
    """The findings that the environment `reported` has as well, where it is ready."""
    release = installed.environment.release
    other = replace(installed, environment=Environment(release, reported))
    if not environments.has_wheel(other.environment.site, installed.wheel):
        return []
    again, _ = import_findings.of_installed(other, world, version, "import-again")
    here, there = str(installed.environment.folder), str(other.environment.folder)
    same = {(finding.rule, finding.message.replace(there, here)) for finding in again}
    return [finding for finding in findings if (finding.rule, finding.message) in same]


@reports(
    Rule("module-needs-extra", RuleClass.QUALITY, "Public module cannot be imported without an extra"),
    Rule("module-fails", RuleClass.QUALITY, "Public module cannot be imported", caused_by=INCOMPLETE),
)
def public_modules_import(release: Release, world: World) -> Iterator[Finding]:
    """Public modules import

    Each public module of the wheel can be imported where uv installed the release, without any extra, or its error says
    what to install. Left out are tests, modules for other platforms, and those for a host program that is not there.

    Fix: import the package that is missing where it is used, or raise an ImportError that names the extra.
    """
    installed = InstalledRelease(Environment(release, "released-uv"), distributions.installable(release.dist))
    failed, slow = public_modules.failures(installed, world)
    yield from public_modules.findings(installed, failed)
    if slow:
        number = "1 module was" if len(slow) == 1 else f"{len(slow)} modules were"
        message = f"{number} left out, which could not be imported in time: {', '.join(slow[:5])}"
        yield Finding(message + ("" if len(slow) <= 5 else ", …"), "module-fails", Severity.NOTICE)


@reports(Rule("inconsistent", RuleClass.RELEASE, "Requirement is missing or conflicts"))
def pip_check(release: Release, world: World) -> Iterator[Finding]:
    """Installed requirements are consistent

    `pip check` finds no missing or conflicting requirement where pip installed the release; where uv installed the
    dependencies (`verify.pip = "own-file"`), `uv pip check` does.

    Fix: correct `dependencies` in pyproject.toml.
    """
    log = release.logs / "pip-check.log"
    log.unlink(missing_ok=True)
    if installers.pip_mode(release) == "full":
        arguments = ("check", "--disable-pip-version-check")
        name, argv = "pip check", installers.pip(release.environment("released-pip"), *arguments)
    else:
        option = installers.python_option(release, "released-pip")
        name, argv = "uv pip check", installers.uv("pip", "check", "--no-config", *option)
    command = Run(
        argv,
        cwd=release.work_dir,
        environment=programs.tool_env(world.environment, release.folder),
        log=log,
        deadline=release.project.settings.verify.timeout,
    )
    completed = world.processes.run(command)
    if completed.timed_out:  # the question is ours, not a command of the project's own
        raise Inconclusive(f"{name} {completed.ended(command.deadline)}", _RAISE_TIMEOUT)
    if completed.code == 0:
        return
    printed = _UV_SAYS_FIRST.sub("", log.read_text(encoding="utf-8", errors="replace")).strip()
    if completed.code != 1 or not printed or _OWN_ERROR.search(printed):
        message = f"{name} {completed.ended(command.deadline)} without a verdict"
        raise ToolUnavailable("\n".join((message, *printed.splitlines()[-5:])), f"See {log}.")
    yield Finding(printed, "inconsistent")


_UV_SAYS_FIRST = re.compile(r"^(?:Using Python .*|Checked \d+ packages? .*|Found \d+ incompatibilit.*)\n", re.MULTILINE)

# Both end with 1 where they find something, and with 2 for an error of their own. But pip ends with 1 for invalid
# settings, too, and so does Python where pip cannot be started.
_OWN_ERROR = re.compile(r"^(?:ERROR: |Traceback \(most recent call last\)|\S*python\S*: |error: )", re.MULTILINE)


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
