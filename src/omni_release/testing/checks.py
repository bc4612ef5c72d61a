"""The check that runs the project's tests against the built wheel."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from omni_release import distributions, source_tree, testing
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity, importable
from omni_release.core.secret_variables import withheld
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import Completed, World
from omni_release.distributions import expected_files
from omni_release.distributions.checks import INCOMPLETE
from omni_release.environments.installed_release import extras as listed_extras
from omni_release.testing import copied_files, deprecations, extras, machine, results, tagged
from omni_release.testing.commands import command, root_modules
from omni_release.testing.rerun import Again, Rerun, RerunResults
from omni_release.testing.results import FailedTest

TEST_FAILED = Rule("test-failed", RuleClass.RELEASE, "Test failed", caused_by=INCOMPLETE)
TESTS_ENDED = Rule("tests-ended", RuleClass.RELEASE, "Test command failed without a failed test", caused_by=INCOMPLETE)
EXIT_CODE_LOST = Rule("exit-code-lost", RuleClass.RELEASE, "Test command hides failed tests")
IMPORT_ELSEWHERE = Rule("import-elsewhere", RuleClass.RELEASE, "Tests import the project from elsewhere")
IMPORT_NOTHING = Rule("import-nothing", RuleClass.RELEASE, "Tests do not import the project")

_NO_TESTS = 5
_DEPRECATED = re.compile(
    r"^(?:failed on \w+ with \")?(?:[\w.]+\.)?(?:\w*DeprecationWarning|FutureWarning|PytestRemovedIn\w+)\b"
)
_MACHINE_HINT = (
    "Run it on another machine, such as a CI service, or leave these tests out: for example, "
    "`command = \"pytest -m 'not network'\"` in [tool.omni-release.tests]."
)
_LONGEST_LOG = 200_000  # bytes


@reports(TEST_FAILED, TESTS_ENDED, EXIT_CODE_LOST, IMPORT_ELSEWHERE, IMPORT_NOTHING, deprecations.DEPRECATION)
def tests_pass(release: Release, world: World) -> Iterator[Finding]:
    """Tests pass against the installed wheel

    The project's tests pass in a copy of the tree without its import packages, and import only the installed package.
    The project's code causes no deprecation warning. Tests that fail run again against the checkout; those of a version
    that was tagged days ago run with the packages of that day, too, as newer ones can break them.

    Fix: correct the code or the test that failed; the full output is in `logs/tests.log` of the run. Fix a deprecation
    warning at its source, or waive it until a date.
    """
    project = release.project
    if not testing.has_tests(project, source_tree.files_at_start(project.root, world.processes)):
        raise NotApplicable(testing.NO_TESTS)
    report = release.folder / "tests.junit.xml"
    run = command(release, world, report)
    completed = _run(run, report, release, world)
    own = _own_modules(release)
    if added := _extras(release, world, results.read(report), own):
        completed = _run(run, report, release, world)
        yield Finding(f"{added}, without which tests cannot be imported, was installed, too", severity=Severity.NOTICE)
    passed = completed.code == 0
    if testing.uses_pytest(project) and completed.code == _NO_TESTS:
        raise Inconclusive("pytest collected no tests, although there are test files", f"Full output: {run.log}")
    found = _located(release, results.read(report))
    deprecated = tuple(deprecations.findings(release))
    blocks = not passed or any(finding.severity is Severity.ERROR for finding in deprecated)
    then = (tagged.run(release, world) if blocks else None) or tagged.Tagged()
    current = tuple(failure for failure in found.failures if not then.excuses(failure))
    yield from then.failed_since([failure for failure in found.failures if failure not in current], TEST_FAILED.id)
    unmet = {failure: what for failure in current if (what := results.missing(failure.text, own))}
    reason = "" if passed or found.failures else results.not_started(_output(run), own)
    if reason and not then.passed:
        raise _could_not_run(release, world, reason)
    no_results = not passed and not found.count and bool(then.passed)
    if no_results:  # those of that day count
        machine_causes = yield from _failure_findings(release, then.failures, Rerun(release, world, tagged.ENVIRONMENT))
    else:
        failed = [failure for failure in current if failure not in unmet]
        machine_causes = yield from _failure_findings(release, failed, Rerun(release, world))
    yield from then.deprecated_since(deprecated, found.failures)
    yield from _import_findings(release, passed=passed)
    if found.count and found.count == found.skipped:
        raise Inconclusive(f"all {found.count} tests were skipped", f"See {run.log} for the reasons.")
    if not passed and not found.failures and (then.succeeded or no_results):
        yield then.ended_since(reason or completed.ended(run.deadline), TESTS_ENDED.id)
    else:
        yield from _end_findings(release, world, run, completed, known=bool(found.failures))
    if passed and completed.tail:
        yield Finding(completed.tail[-1].strip("= "), severity=Severity.NOTICE)
    if not passed and (names := withheld(world.environment, project.settings.tests.pass_env)):
        message = f"the tests did not get these variables, which hold secrets: {', '.join(names)}"
        yield Finding(f"{message}. Pass one with `pass-env` in [tool.omni-release.tests].", severity=Severity.NOTICE)
    if unmet:
        reason = f"{', '.join(sorted(set(unmet.values())))} (in {len(unmet)} of {found.count} tests)"
        raise _could_not_run(release, world, f"not installed: {reason}")
    if machine_causes:
        raise Inconclusive("\n".join(machine_causes), _MACHINE_HINT)


def _run(run: Run, report: Path, release: Release, world: World) -> Completed:
    """Run the tests without what an earlier run of them has recorded."""
    for old in (report, testing.warnings_file(release), testing.reads_file(release)):
        old.unlink(missing_ok=True)
    return world.processes.run(run)


def _extras(release: Release, world: World, found: results.Results, own: frozenset[str]) -> str:
    """Install the extras without which tests could not be imported, and name them; empty where that is not why."""
    unmet = [(failure, module) for failure in found.failures if (module := results.missing(failure.text, own))]
    needed = extras.needed(release, unmet) if unmet else ()
    return f"the {listed_extras(needed)}" if needed and extras.add(release, world, needed) else ""


def _own_modules(release: Release) -> frozenset[str]:
    """The modules that the project itself must provide: its own, and those of its tests."""
    tree = release.tests_tree
    helpers = {path.stem for folder in ("tests", "test") for path in (tree / folder).glob("*.py")}
    at_root = root_modules(tree) if tree.is_dir() else frozenset()
    return frozenset(importable(release.project)) | at_root | helpers


def _output(run: Run) -> str:
    try:
        return run.log.read_bytes()[-_LONGEST_LOG:].decode("utf-8", "replace")
    except OSError:
        return ""


def _could_not_run(release: Release, world: World, reason: str) -> Inconclusive:
    source = testing.requirements(release, world).source
    return Inconclusive(
        f"the tests could not run: {reason}",
        f"Name it in `requirements` of [tool.omni-release.tests]. Currently used: {source}",
    )


_NOT_THE_WHEEL = (*(Again.LOCKED, Again.NEEDS_SOURCE, Again.VARIABLES, Again.USER, Again.DEADLINE, Again.UNSTABLE),)
"""Results of a second run that say nothing against the wheel: they depend on the environment, or on other tests."""


def _failure_findings(
    release: Release, failures: Sequence[FailedTest], rerun: Rerun
) -> Generator[Finding, None, tuple[str, ...]]:
    """Findings for failed tests, after they ran again; returns those whose cause is in the machine, as lines."""
    if not failures:
        return ()
    again = rerun.compare(failures)
    causes: dict[str, list[str]] = {}
    for failure in failures:
        result = again.tests.get(failure.node, again.whole)
        text = failure.text + again.texts.get(failure.node, "")
        cause = machine.cause(failure.name, text, rerun.world.environment, failure.output)
        if not cause and failure.node in again.hosts:
            cause = f"they ask for another machine ({again.hosts[failure.node]}), which may be out of reach"
        if cause and result is Again.BOTH:
            causes.setdefault(cause, []).append(failure.name)
            continue
        message = f"{failure.name}: {failure.reason} ({result.value})"
        # A deprecation that pytest's settings turn into an error is reported by itself, by who causes it.
        deprecated = result is Again.BOTH and _DEPRECATED.search(failure.reason)
        advice = deprecated or result in _NOT_THE_WHEEL
        severity = Severity.WARNING if advice else Severity.ERROR
        wheel, modules = lost_module(release, text)
        place = failure.path and copied_files.node_in_checkout(release, failure.path), failure.line
        yield Finding(message, TEST_FAILED.id, severity, *place, distribution=wheel, subjects=modules)
    return tuple(f"{_counted(names)} against the wheel and against the checkout: {c}" for c, names in causes.items())


def _located(release: Release, found: results.Results) -> results.Results:
    """The results; pytest names an installed module that it cannot collect without the package that it is in."""

    def located(failure: FailedTest) -> FailedTest:
        if not failure.node or "::" in failure.node or (release.tests_tree / failure.node).exists():
            return failure
        paths = (
            f"{copied_files.installed_path(release, package)}/{failure.node}" for package in release.project.packages
        )
        path = next((path for path in paths if (release.tests_tree / path).exists()), failure.node)
        return replace(failure, node=path, path=path)

    return replace(found, failures=tuple(map(located, found.failures)))


def lost_module(release: Release, text: str) -> tuple[str, tuple[str, ...]]:
    """The wheel, and the file of an own import package that a test does not find in it; empty where it is another."""
    said = "\n".join(line for line in text.splitlines() if line.startswith("E ")) or text  # else code, and output
    file = expected_files.not_found(release.project, said)
    return (distributions.installable(release.dist).name, (file,)) if file else ("", ())


def _counted(names: Sequence[str]) -> str:
    return f"{names[0]} fails" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more tests fail"


def _import_findings(release: Release, *, passed: bool) -> Iterator[Finding]:
    """Findings where a process of the tests imported the project from elsewhere, or none imported it."""
    candidate = release.environment("candidate").resolve()
    imported = sorted(set(deprecations.read_imports(testing.warnings_file(release))))
    for name, file in imported:
        if not Path(file).resolve().is_relative_to(candidate):
            yield Finding(f"the tests import {name} from {file}, not from the installed wheel", IMPORT_ELSEWHERE.id)
    if passed and not imported and importable(release.project):
        message = "the tests never imported the project, so they prove nothing about the wheel"
        yield Finding(message, IMPORT_NOTHING.id)


def _end_findings(release: Release, world: World, run: Run, completed: Completed, *, known: bool) -> Iterator[Finding]:
    """Findings where the exit code of the tests disagrees with their results; failures may be `known` already."""
    name = f"`{' '.join(release.project.settings.tests.command)}`"
    if completed.code != 0 and not known:
        again = RerunResults() if completed.timed_out else Rerun(release, world).compare(())
        compared = "" if again.whole is Again.UNKNOWN else f" ({again.whole.value})"
        message = f"{name} {completed.ended(run.deadline)}{compared}"
        text = "\n".join((message, *completed.tail[-15:], f"Full output: {run.log}"))
        wheel, modules = lost_module(release, text)
        yield Finding(text, TESTS_ENDED.id, distribution=wheel, subjects=modules)
    failed = deprecations.pytest_failures(testing.warnings_file(release))
    if completed.code == 0 and failed:
        message = f"{name} ended with exit code 0, but pytest reported {failed} failed: return the exit code of pytest"
        yield Finding(message, EXIT_CODE_LOST.id)
