"""The check that runs the project's tests against the built wheel."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from omni_release import environments, scripts, source_tree, testing
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity, importable
from omni_release.core.secret_variables import withheld
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import Completed, World

TEST_FAILED = Rule("test-failed", RuleClass.RELEASE, "Test failed")
TEST_REQUIREMENT_MISSING = Rule("test-requirement-missing", RuleClass.RELEASE, "Tests need an undeclared package")
TESTS_ENDED = Rule("tests-ended", RuleClass.RELEASE, "Test command failed without a failed test")
EXIT_CODE_LOST = Rule("exit-code-lost", RuleClass.RELEASE, "Test command hides failed tests")
IMPORT_ELSEWHERE = Rule("import-elsewhere", RuleClass.RELEASE, "Tests import the project from elsewhere")
IMPORT_NOTHING = Rule("import-nothing", RuleClass.RELEASE, "Tests do not import the project")
DEPRECATION = Rule("deprecation", RuleClass.RELEASE, "Tests cause a deprecation warning")

_NO_TESTS = 5
_NO_MODULE = re.compile(r"No module named '(\w+)")


@reports(
    TEST_FAILED,
    TEST_REQUIREMENT_MISSING,
    TESTS_ENDED,
    EXIT_CODE_LOST,
    IMPORT_ELSEWHERE,
    IMPORT_NOTHING,
    DEPRECATION,
)
def tests_pass(release: Release, world: World) -> Iterator[Finding]:
    """Tests pass against the installed wheel

    The project's tests pass in a copy of the tree without its import packages, import only the installed package, and
    cause no deprecation warning.

    Fix: correct the code or the test that failed; the full output is in `logs/tests.log` of the run. Fix a deprecation
    warning at its source, or waive it until a date.
    """
    project = release.project
    if not testing.has_tests(project, source_tree.files(project.root, world.processes)):
        raise NotApplicable(testing.NO_TESTS)
    results, recorded = release.folder / "tests.junit.xml", testing.warnings_file(release)
    for old in (results, recorded):
        old.unlink(missing_ok=True)
    command = _command(release, world, results)
    completed = world.processes.run(command)
    passed = completed.code == 0
    if testing.uses_pytest(project) and completed.code == _NO_TESTS:
        raise Inconclusive("pytest collected no tests, although there are test files", f"Full output: {command.log}")
    cases = _cases(results)
    failures = tuple(finding for case in cases for finding in _failures(case))
    yield from failures
    yield from _missing_requirements(project, failures)
    yield from testing.deprecation_findings(testing.read_deprecations(recorded), testing.code_places(release))
    yield from _import_findings(release, passed=passed)
    if cases and all(case.find("skipped") is not None for case in cases):
        raise Inconclusive(f"all {len(cases)} tests were skipped", f"See {command.log} for the reasons.")
    failed = testing.pytest_failures(recorded)
    yield from _end_findings(project, command, completed, known=bool(failures), failed=failed)
    if passed and completed.tail:
        yield Finding(completed.tail[-1].strip("= "), severity=Severity.NOTICE)
    if not passed and (names := withheld(world.environment, project.settings.tests.pass_env)):
        message = f"the tests did not get these variables, which hold secrets: {', '.join(names)}"
        yield Finding(f"{message}. Pass one with `pass-env` in [tool.omni-release.tests].", severity=Severity.NOTICE)


def tests_key(release: Release, world: World) -> str:
    """A hash of the inputs of the tests: artifacts, files, settings, the interpreter, installed distributions."""
    hashes = ",".join(artifact.sha256 for artifact in world.journal.artifacts())
    installed = ",".join(environments.installed_distributions(release.environment("candidate")))
    settings = repr(release.project.settings.tests)
    parts = (hashes, source_tree.fingerprint(release.project.root, world.processes), settings, sys.version, installed)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _command(release: Release, world: World, results: Path) -> Run:
    tests, candidate = release.project.settings.tests, release.environment("candidate")
    variables = environments.venv_env(world.environment, release.folder, candidate, tests.pass_env)
    program, *arguments = tests.command
    if testing.uses_pytest(release.project):
        arguments += testing.packages_to_test(release.project, source_tree.files(release.project.root, world.processes))
        arguments += [f"--junitxml={results}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    program = shutil.which(program, path=variables["PATH"]) or program
    return Run(
        (sys.executable, "-I", str(scripts.program("process_group")), program, *arguments),
        cwd=release.tests_tree,
        environment=variables,
        log=release.logs / "tests.log",
        deadline=tests.timeout,
    )


def _cases(results: Path) -> tuple[ElementTree.Element, ...]:
    """The tests in pytest's report (xunit1); none where it is missing or incomplete."""
    try:
        return tuple(ElementTree.parse(results).iter("testcase"))  # noqa: S314 - written by the run itself
    except (OSError, ElementTree.ParseError):
        return ()


def _failures(case: ElementTree.Element) -> Iterator[Finding]:
    """The failures of one test. In the report, paths are relative to the tree, and lines count from 0."""
    name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
    path, line = (case.get("file") or "").replace("\\", "/"), case.get("line")
    for failure in (*case.iter("failure"), *case.iter("error")):
        message = (failure.get("message") or "").strip()
        reason = message.partition("\n")[0]
        if message == "collection failure":  # the line that names the error is in the text
            errors = [text[1:].strip() for text in (failure.text or "").splitlines() if text.startswith("E ")]
            reason = errors[-1] if errors else reason
        yield Finding(f"{name}: {reason}", TEST_FAILED.id, path=path or None, line=int(line) + 1 if line else None)


def _missing_requirements(project: Project, failures: tuple[Finding, ...]) -> Iterator[Finding]:
    """A finding where tests import a package that is neither the project's own nor in their environment."""
    own = {name.partition(".")[0] for name in importable(project)}
    named = _NO_MODULE.findall("\n".join(failure.message for failure in failures))
    if missing := sorted(set(named) - own):
        source = testing.requirements(project, project.root).source
        yield Finding(
            f"not installed in the tests' environment: {', '.join(missing)}. Add it to the dependency group `test`, or "
            f"to `requirements` in [tool.omni-release.tests]. Currently used: {source}",
            TEST_REQUIREMENT_MISSING.id,
        )


def _import_findings(release: Release, *, passed: bool) -> Iterator[Finding]:
    """Findings where a process of the tests imported the project from elsewhere, or none imported it."""
    candidate = release.environment("candidate").resolve()
    imported = sorted(set(testing.read_imports(testing.warnings_file(release))))
    for name, file in imported:
        if not Path(file).resolve().is_relative_to(candidate):
            yield Finding(f"the tests import {name} from {file}, not from the installed wheel", IMPORT_ELSEWHERE.id)
    if passed and not imported and importable(release.project):
        message = "the tests never imported the project, so they prove nothing about the wheel"
        yield Finding(message, IMPORT_NOTHING.id)


def _end_findings(
    project: Project, command: Run, completed: Completed, *, known: bool, failed: int
) -> Iterator[Finding]:
    """Findings where the exit code of the tests disagrees with their results.

    `known` says that failures are reported already; `failed` is the number of failed tests that pytest recorded.
    """
    name = f"`{' '.join(project.settings.tests.command)}`"
    if completed.code != 0 and not known:
        message = f"{name} {completed.ended(command.deadline)}"
        output = f"Full output: {command.log}"
        yield Finding("\n".join((message, *completed.tail[-15:], output)), TESTS_ENDED.id)
    if completed.code == 0 and failed:
        message = f"{name} ended with exit code 0, but pytest reported {failed} failed: return the exit code of pytest"
        yield Finding(message, EXIT_CODE_LOST.id)
