"""The project's own tests, against what was built."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from omni_release import children, deprecations, environment, testing, tree
from omni_release.actions import Run
from omni_release.errors import NotApplicable
from omni_release.model import Finding, Release, Severity
from omni_release.seams import Completed, World

_NO_TESTS = 5


def tests_pass(release: Release, world: World) -> Iterator[Finding]:
    """The project's tests pass against the installed wheel, and cause no deprecation warning.

    They run in a copy of the tree without its import packages. All that they print lies in the run's `logs/tests.log`.
    A deprecation is mended where it is caused, or waived until a date.
    """
    project = release.project
    if not testing.exist(project, tree.files(project.root, world.processes)):
        raise NotApplicable("the project has no tests: no file is called test_*.py or *_test.py")
    results, recorded = release.folder / "tests.junit.xml", testing.recorded(release)
    for old in (results, recorded):
        old.unlink(missing_ok=True)
    command = _command(release, world, results)
    completed = world.processes.run(command)
    if testing.uses_pytest(project) and completed.code == _NO_TESTS:
        raise NotApplicable("pytest found no tests")
    failures = tuple(_failures(results)) if completed.code != 0 and results.is_file() else ()
    yield from failures
    yield from deprecations.findings(deprecations.read(recorded), testing.places(release))
    yield from _imported(release)
    if completed.code != 0 and not failures:
        yield Finding(_ended(command, completed, project.settings.tests.command), "tests-ended")
    if completed.code == 0 and completed.tail:
        yield Finding(completed.tail[-1].strip("= "), severity=Severity.NOTICE)


def _ended(command: Run, completed: Completed, stated: tuple[str, ...]) -> str:
    """How a test run ended that told of no failing test."""
    name = f"`{' '.join(stated)}`"
    if completed.timed_out:
        said = f"{name} did not end within {command.deadline:g} s and was stopped"
    elif completed.code < 0 or completed.code > _BY_SIGNAL:
        said = f"{name} was ended by signal {abs(completed.code) % _BY_SIGNAL}"
    else:
        said = f"{name} ended with exit code {completed.code}"
    return "\n".join((said, *completed.tail[-15:], f"All of its output: {command.log}"))


_BY_SIGNAL = 128


def _imported(release: Release) -> Iterator[Finding]:
    """Proof that the tests imported nothing but what was installed: where each package came from, in each process."""
    candidate = release.environment("candidate").resolve()
    imported = sorted(set(deprecations.imported(testing.recorded(release))))
    for name, file in imported:
        if not Path(file).resolve().is_relative_to(candidate):
            yield Finding(f"the tests import {name} from {file}, not from what was installed", "import-elsewhere")
    if not imported:
        yield Finding("the tests import no package of the project", "import-nothing", Severity.WARNING)


def tests_key(release: Release, world: World) -> str:
    """What the tests' outcome depends on: the artifacts, the tree, the settings."""
    hashes = ",".join(artifact.sha256 for artifact in world.journal.artifacts())
    parts = (hashes, tree.fingerprint(release.project.root, world.processes), repr(release.project.settings.tests))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _command(release: Release, world: World, results: Path) -> Run:
    candidate = release.environment("candidate")
    programs = environment.scripts(candidate)
    inner = environment.for_tests(world.environment, release.folder)
    inner |= {"VIRTUAL_ENV": str(candidate), "PATH": f"{programs}{os.pathsep}{inner.get('PATH', os.defpath)}"}
    program, *arguments = release.project.settings.tests.command
    if testing.uses_pytest(release.project):
        arguments += [f"--junitxml={results}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    shield = str(Path(children.__file__).with_name("shield.py"))
    return Run(
        (sys.executable, "-I", shield, shutil.which(program, path=inner["PATH"]) or program, *arguments),
        cwd=release.tests_tree,
        environment=inner,
        log=release.logs / "tests.log",
        deadline=release.project.settings.tests.timeout,
    )


def _failures(results: Path) -> Iterator[Finding]:
    """What pytest's report (xunit1: paths relative to the tree, lines from 0) says of each test that failed."""
    for case in ElementTree.parse(results).iter("testcase"):  # noqa: S314 - written by the run itself
        for failure in (*case.iter("failure"), *case.iter("error")):
            name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
            line = case.get("line")
            said = f"{name}: {_reason(failure)}"
            yield Finding(said, "test-failed", path=case.get("file"), line=int(line) + 1 if line else None)


def _reason(failure: ElementTree.Element) -> str:
    """The first line of what pytest says; of what failed while tests were collected, the line that names the error."""
    message = (failure.get("message") or "").strip()
    errors = [line[1:].strip() for line in (failure.text or "").splitlines() if line.startswith("E ")]
    return errors[-1] if message == "collection failure" and errors else message.partition("\n")[0]
