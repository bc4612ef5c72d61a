"""Installs the release, and runs the project's tests, in environments other than the candidate's."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omni_release import distributions, environments, testing
from omni_release.core.actions import Copy, Run
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.model import Finding, Release, importable
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.testing import copied_files, machine, results
from omni_release.testing.commands import command, root_modules

_NO_TESTS = 5
_SHOWN = 20  # findings of one environment: the log has all
_OF_MACHINE = re.compile(r"\bplatform|Failed to build|pre-release", re.IGNORECASE)
"""What uv says where another machine or a compiler may do."""


@dataclass(frozen=True)
class Tried:
    """What is wrong in an environment, and in `unknown` what could not be determined there."""

    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()


def try_one(what: object, attempt: Callable[[], Tried]) -> Tried:
    """One attempt of several: what ends it without a result is unknown, and the others go on."""
    try:
        return attempt()
    except (ActionFailed, Inconclusive) as error:
        tail = error.tail[-4:] if isinstance(error, ActionFailed) else ()
        return Tried(unknown=("\n".join(filter(None, (f"{what}: {error.message}", *tail, error.hint))),))


def install(
    release: Release, world: World, name: str, arguments: Sequence[str], what: Finding, *, online: bool = False
) -> Tried:
    """Install with uv into the environment `name`; `what` is the finding where no version of a requirement will do.

    That another machine can install it is unknown, as is the result without a network. With `online`, uv asks the
    index, also where its cache is enough.
    """
    attempt = installers.install_dependencies(release, world, name, *arguments)
    for run in filter(None, (None if online else attempt, attempt.otherwise)):
        completed = world.processes.run(replace(run, background=True))
        if completed.code == 0:
            return Tried()
    text = installers.said(completed)
    reason = installers.reason_in(text)[-500:]
    if "No solution found" in text and not completed.network and not _OF_MACHINE.search(text):
        return Tried((replace(what, message=f"{what.message}: {reason}"),))
    return Tried(unknown=(f"{what.message}: {reason} (see {release.logs / f'{name}.log'})",))


def run_tests(
    release: Release, world: World, name: str, file: Path, what: Finding, constraints: Sequence[str] = ()
) -> Tried:
    """Run the tests in the environment `name`, which has the release, installed from `file`, in a copy of their own.

    `what` is the finding of a failed test, and how its message begins; `constraints` are for their requirements. What
    depends on the machine, or is not installed, is unknown.
    """
    required = testing.requirements(release, world)
    for write in required.files:
        world.files.write(write)
    attempts = [
        (str(file) + arguments[0].removeprefix(str(distributions.installable(release.dist))), *arguments[1:])
        for arguments in (required.arguments, required.reduced)
        if arguments
    ]
    problem = replace(what, message=f"{what.message}: the requirements of the tests cannot be installed")
    for arguments in attempts:
        installed = install(release, world, name, (*arguments, *constraints), problem)
        if installed == Tried():
            break
    else:
        return Tried(unknown=(*(finding.message for finding in installed.findings), *installed.unknown))
    tree = release.work_dir / f"tests-{name}"
    world.files.copy(Copy(release.project.root, tree, copied_files.copied(release, world)))
    site = environments.site_packages(release.environment(name))
    for tests in copied_files.installed_tests(release, world):
        world.files.copy(Copy(release.project.root / tests.folder, site / tests.installed, tests.files))
    report = release.work_dir / f"tests-{name}.xml"
    report.unlink(missing_ok=True)
    run = replace(command(release, world, report, environment=name, tree=tree, log=f"tests-{name}"), background=True)
    return _judged(release, world, run, site, report, what)


def _judged(release: Release, world: World, run: Run, site: Path, report: Path, what: Finding) -> Tried:
    """Run the tests; what their report and their end say."""
    run.log.unlink(missing_ok=True)
    completed = world.processes.run(run)
    found = results.read(report)
    own = _present(release, site, run.cwd)
    unknown = [f"{what.message}: {reason}" for reason in _unknown(found.failures, own, world)]
    failed = [failure for failure in found.failures if not _cause(failure, own, world)]
    findings = [
        replace(what, message=f"{what.message}: {failure.name}: {failure.reason}", path=failure.path, line=failure.line)
        for failure in failed[:_SHOWN]
    ]
    if len(failed) > _SHOWN:
        findings.append(replace(what, message=f"{what.message}: {len(failed) - _SHOWN} more tests fail: {run.log}"))
    if testing.uses_pytest(release.project) and completed.code == _NO_TESTS:
        unknown.append(f"{what.message}: pytest collected no tests: {run.log}")
    elif found.count and found.count == found.skipped:
        unknown.append(f"{what.message}: all {found.count} tests were skipped: {run.log}")
    elif completed.code != 0 and not found.failures:
        output = run.log.read_bytes()[-200_000:].decode("utf-8", "replace") if run.log.is_file() else ""
        if reason := results.not_started(output, own):
            unknown.append(f"{what.message}: the tests could not run: {reason}")
        else:
            ended = f"{what.message}: `{' '.join(release.project.settings.tests.command)}` "
            lines = (ended + completed.ended(run.deadline), *completed.tail[-10:])
            findings.append(replace(what, message="\n".join(lines)))
    return Tried(tuple(findings), tuple(unknown))


def _present(release: Release, site: Path, tree: Path) -> frozenset[str]:
    """The names of modules that the tests may expect here: a failure for want of them, or in them, counts.

    What another Python lacks of the standard library, or an older version of a dependency, the project does without.
    """
    installed = frozenset(entry.name.partition(".")[0] for entry in site.iterdir())
    return installed | sys.stdlib_module_names | root_modules(tree) | frozenset(importable(release.project))


def _cause(failure: results.FailedTest, own: frozenset[str], world: World) -> str:
    """Why a test has failed, if that says nothing about the release."""
    if missing := results.missing(failure.text, own):
        return f"not installed: {missing}"
    return machine.cause(failure.name, failure.text, world.environment, failure.output)


def _unknown(failures: Sequence[results.FailedTest], own: frozenset[str], world: World) -> Iterator[str]:
    """A line for each such cause, with its first test."""
    causes: dict[str, list[str]] = {}
    for failure in failures:
        if cause := _cause(failure, own, world):
            causes.setdefault(cause, []).append(failure.name)
    for cause, names in causes.items():
        more = f" and {len(names) - 1} more tests" if len(names) > 1 else ""
        yield f"{cause} ({names[0]}{more})"
