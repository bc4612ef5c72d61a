"""The project's own tests, against what was built."""

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
from omni_release.core.world import Completed, World

_NO_TESTS = 5


def tests_pass(release: Release, world: World) -> Iterator[Finding]:
    """The project's tests pass against the installed wheel, and cause no deprecation warning.

    They run in a copy of the tree without its import packages. All that they print lies in the run's `logs/tests.log`.
    A deprecation is mended where it is caused, or waived until a date.
    """
    project = release.project
    if not testing.exist(project, source_tree.files(project.root, world.processes)):
        raise NotApplicable(testing.NO_TESTS)
    results, recorded = release.folder / "tests.junit.xml", testing.recorded(release)
    for old in (results, recorded):
        old.unlink(missing_ok=True)
    command = _command(release, world, results)
    completed = world.processes.run(command)
    if testing.uses_pytest(project) and completed.code == _NO_TESTS:
        raise Inconclusive("pytest found none of the tests that are there", f"All of its output: {command.log}")
    cases = _cases(results)
    failures = tuple(_failures(cases))
    yield from failures
    yield from _missing(project, failures)
    yield from testing.deprecation_findings(testing.read_deprecations(recorded), testing.places(release))
    yield from _imported(release, passed=completed.code == 0)
    if cases and all(case.find("skipped") is not None for case in cases):
        raise Inconclusive(f"all {len(cases)} tests were skipped", f"Why, stands in {command.log}.")
    if completed.code != 0 and not failures:
        yield Finding(_ended(command, completed, _stated(project)), "tests-ended")
    if completed.code == 0 and (failed := testing.pytest_failures(recorded)):
        said = f"{_stated(project)} ended with exit code 0, but pytest told of {failed} failed"
        yield Finding(f"{said}: hand its exit code on", "exit-code-lost")
    if completed.code == 0 and completed.tail:
        yield Finding(completed.tail[-1].strip("= "), severity=Severity.NOTICE)


def _stated(project: Project) -> str:
    return f"`{' '.join(project.settings.tests.command)}`"


def _ended(command: Run, completed: Completed, name: str) -> str:
    """How a test run ended that told of no failing test."""
    said = f"{name} {completed.ended(command.deadline)}"
    return "\n".join((said, *completed.tail[-15:], f"All of its output: {command.log}"))


_NO_MODULE = re.compile(r"No module named '(\w+)")


def _imported(release: Release, *, passed: bool) -> Iterator[Finding]:
    """Proof that the tests imported nothing but what was installed: where each package came from, in each process."""
    candidate = release.environment("candidate").resolve()
    imported = sorted(set(testing.read_imports(testing.recorded(release))))
    for name, file in imported:
        if not Path(file).resolve().is_relative_to(candidate):
            yield Finding(f"the tests import {name} from {file}, not from what was installed", "import-elsewhere")
    if passed and not imported and importable(release.project):
        said = "no process of the tests has imported the project: what they ran against is not proved"
        yield Finding(said, "import-nothing")


def tests_key(release: Release, world: World) -> str:
    """What the tests' outcome depends on: the artifacts, the tree, the settings, the interpreter, what is installed."""
    hashes = ",".join(artifact.sha256 for artifact in world.journal.artifacts())
    there = ",".join(environments.installed_distributions(release.environment("candidate")))
    settings = repr(release.project.settings.tests)
    parts = (hashes, source_tree.fingerprint(release.project.root, world.processes), settings, sys.version, there)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _command(release: Release, world: World, results: Path) -> Run:
    candidate = release.environment("candidate")
    inner = environments.venv_env(world.environment, release.folder, candidate)
    program, *arguments = release.project.settings.tests.command
    if testing.uses_pytest(release.project):
        arguments += testing.inside_packages(release.project, source_tree.files(release.project.root, world.processes))
        arguments += [f"--junitxml={results}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    shield = str(scripts.program("process_group"))
    return Run(
        (sys.executable, "-I", shield, shutil.which(program, path=inner["PATH"]) or program, *arguments),
        cwd=release.tests_tree,
        environment=inner,
        log=release.logs / "tests.log",
        deadline=release.project.settings.tests.timeout,
    )


def _cases(results: Path) -> tuple[ElementTree.Element, ...]:
    """The tests in pytest's report (xunit1); none where it was not written to its end."""
    try:
        return tuple(ElementTree.parse(results).iter("testcase"))  # noqa: S314 - written by the run itself
    except (OSError, ElementTree.ParseError):
        return ()


def _failures(cases: tuple[ElementTree.Element, ...]) -> Iterator[Finding]:
    """What the report says of each test that failed: paths are relative to the tree, lines count from 0."""
    for case in cases:
        for failure in (*case.iter("failure"), *case.iter("error")):
            name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
            line = case.get("line")
            said = f"{name}: {_reason(failure)}"
            yield Finding(
                said,
                "test-failed",
                path=(case.get("file") or "").replace("\\", "/") or None,
                line=int(line) + 1 if line else None,
            )


def _missing(project: Project, failures: tuple[Finding, ...]) -> Iterator[Finding]:
    """What the tests import that is neither the project's own nor in their environment, and where it is declared."""
    said = "\n".join(failure.message for failure in failures)
    own = {name.partition(".")[0] for name in importable(project)}
    missing = sorted(set(_NO_MODULE.findall(said)) - own)
    if missing:
        asked = testing.requirements(project, project.root).source
        hint = "declare it in the dependency group `test`, or in `requirements` of [tool.omni-release.tests]"
        said = f"the tests' environment has no {', '.join(missing)}: {hint}. Taken now: {asked}"
        yield Finding(said, "test-requirement-missing")


def _reason(failure: ElementTree.Element) -> str:
    """The first line of what pytest says; of what failed while tests were collected, the line that names the error."""
    message = (failure.get("message") or "").strip()
    errors = [line[1:].strip() for line in (failure.text or "").splitlines() if line.startswith("E ")]
    return errors[-1] if message == "collection failure" and errors else message.partition("\n")[0]
