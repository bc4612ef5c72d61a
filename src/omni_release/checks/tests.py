"""The project's own tests, against what was built."""

from __future__ import annotations

import hashlib
import os
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from omni_release import environment, testing, tree
from omni_release.actions import Run
from omni_release.errors import ActionFailed, NotApplicable
from omni_release.model import Finding, Release, Severity
from omni_release.seams import World

_FAILED = 1
_NO_TESTS = 5
_DEPRECATIONS = ("-W", "error::DeprecationWarning", "-W", "error::PendingDeprecationWarning")


def tests_pass(release: Release, world: World) -> Iterator[Finding]:
    """The project's tests pass against the installed wheel, with deprecation warnings as errors.

    They run in a copy of the tree without its import packages. All that they print lies in the run's `logs/tests.log`.
    """
    project = release.project
    if not testing.exist(project, tree.files(project.root, world.processes)):
        raise NotApplicable("the project has no tests: no file is called test_*.py or *_test.py")
    results = release.folder / "tests.junit.xml"
    results.unlink(missing_ok=True)
    command = _command(release, world, results)
    completed = world.processes.run(command)
    if testing.uses_pytest(project) and completed.code == _NO_TESTS:
        raise NotApplicable("pytest found no tests")
    failures = tuple(_failures(results)) if completed.code == _FAILED and results.is_file() else ()
    yield from failures
    if completed.timed_out:
        said = f"the tests did not end within {command.deadline:g} s and were stopped"
        raise ActionFailed(said, f"All of their output: {command.log}", tail=completed.tail)
    if completed.code != 0 and not failures:
        said = f"`{' '.join(project.settings.tests.command)}` ended with exit code {completed.code}"
        raise ActionFailed(said, f"All of its output: {command.log}", tail=completed.tail)
    if completed.code == 0 and completed.tail:
        yield Finding(completed.tail[-1].strip("= "), severity=Severity.NOTICE)


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
        report = f"--junitxml={results}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"
        arguments += [*_DEPRECATIONS, *report]
    return Run(
        (shutil.which(program, path=inner["PATH"]) or program, *arguments),
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
            first = (failure.get("message") or "").strip().partition("\n")[0]
            said = f"{name}: {first}"
            yield Finding(said, "test-failed", path=case.get("file"), line=int(line) + 1 if line else None)
