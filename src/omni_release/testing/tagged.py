"""The tests of a version that is released already: once more, with the packages of the day of its tag.

Packages that are newer than a release can break its tests. A version that can still be released, as the index does not
have it, is judged by the packages of today.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from omni_release import environments, testing
from omni_release.core.actions import Copy
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.testing import copied_files, deprecations, machine, results
from omni_release.testing.commands import command
from omni_release.testing.deprecations import RECORD_VARIABLE
from omni_release.testing.rerun import AS_USER, UNRECORDED
from omni_release.testing.results import FailedTest, Results

ENVIRONMENT = "tagged"
"""The environment with the packages of that day."""


def was_run(release: Release) -> bool:
    """Whether this run has made the environment with the packages of the day of the tag."""
    return release.environment(ENVIRONMENT).exists()


@dataclass(frozen=True)
class Tagged:
    """A run of the tests with the packages of the day of the tag; without any results, it excuses nothing.

    `passed` are the node ids of the tests that passed, `failures` are those that did not, for any user;
    `succeeded` says whether some passed, and none failed.
    `deprecations` are those of the project's own code, each as its message and path.
    """

    tag: str = ""
    day: str = ""
    succeeded: bool = False
    passed: frozenset[str] = frozenset()
    failures: tuple[FailedTest, ...] = ()
    deprecations: frozenset[tuple[str, str | None]] = frozenset()

    def excuses(self, failure: FailedTest) -> bool:
        """Whether a test, or the module that could not be collected, passed with the packages of that day."""
        inside = f"{failure.node}::"
        module = any(node.startswith(inside) for node in self.passed) and "::" not in failure.node
        return (
            self.succeeded
            or failure.node in self.passed
            or (module and not any(failed.node.startswith(inside) for failed in self.failures))
        )

    def failed_since(self, failures: Sequence[FailedTest], rule: str) -> Iterator[Finding]:
        """A warning for tests that passed with the packages of that day."""
        if not failures:
            return
        name, more = failures[0].name, len(failures) - 1
        fail, succeed = (f"and {more} more tests fail", "pass") if more else ("fails", "passes")
        newer = f"with packages that are newer than the tag {self.tag}, and {succeed} with those of {self.day}"
        yield Finding(f"{name} {fail} {newer}: {failures[0].reason}", rule, Severity.WARNING)

    def ended_since(self, reason: str, rule: str) -> Finding:
        """A warning for a command that passed with the packages of that day."""
        newer = f"with packages that are newer than the tag {self.tag}, and pass with those of {self.day}"
        return Finding(f"the tests do not run {newer}: {reason}", rule, Severity.WARNING)

    def deprecated_since(self, findings: Iterable[Finding], failures: Iterable[FailedTest]) -> Iterator[Finding]:
        """The findings; a deprecation that the packages of that day did not have is a warning.

        Only where all tests that passed now, but for these `failures`, passed on that day, too.
        """
        now = {failure.node for failure in failures}
        same = bool(self.passed) and all(failure.node in now for failure in self.failures)
        for finding in findings:
            if same and finding.severity is Severity.ERROR and _identity(finding) not in self.deprecations:
                message = f"{finding.message} (not with the packages of {self.day}, the day of {self.tag})"
                finding = replace(finding, message=message, severity=Severity.WARNING)
            yield finding


def run(release: Release, world: World) -> Tagged | None:
    """Run the tests with the packages of the day of the tag.

    None where the version is not released yet, has no tag on this commit, or was tagged less than a day ago, and where
    the packages cannot be installed.
    """
    if not testing.uses_pytest(release.project) or not (tag := world.released_tag()):
        return None
    if not _install(release, world, tag.time):
        return None
    record = release.work_dir / "tagged.jsonl"
    record.unlink(missing_ok=True)
    code, read = _results(release, world, {RECORD_VARIABLE: str(record)})
    failures, passed = read.failures, read.passed
    if failures and machine.is_root():
        passed |= _results(release, world, UNRECORDED | AS_USER, tuple(failure.node for failure in failures))[1].passed
        failures = tuple(failure for failure in failures if failure.node not in passed)
    errors = (f for f in deprecations.findings(release, ENVIRONMENT, record) if f.severity is Severity.ERROR)
    succeeded = read.count > read.skipped and not failures and (code == 0 or bool(read.failures))
    deprecated = frozenset(map(_identity, errors))
    return Tagged(tag.name, tag.day.isoformat(), succeeded, passed, failures, deprecated)


def _results(
    release: Release, world: World, variables: Mapping[str, str], nodes: tuple[str, ...] = ()
) -> tuple[int | None, Results]:
    """Run the tests, or these alone, in the environment of that day: the exit code, and the results."""
    report = release.work_dir / "tests-tagged.xml"
    report.unlink(missing_ok=True)
    ran = command(release, world, report, environment=ENVIRONMENT, log="tests-tagged", nodes=nodes, variables=variables)
    return world.processes.run(ran).code, results.read(report)


def _identity(finding: Finding) -> tuple[str, str | None]:
    return finding.message, finding.path


def _install(release: Release, world: World, time: datetime.datetime) -> bool:
    """Create the environment: the wheel, and what its tests need, as of that time; whether that succeeded."""
    required = testing.requirements(release, world)
    until = ("--exclude-newer", time.strftime("%Y-%m-%dT%H:%M:%SZ"))
    tries = filter(None, (required.arguments, required.reduced))
    if not any(_installed(release, world, (*until, *arguments)) for arguments in tries):
        return False
    site = environments.site_packages(release.environment(ENVIRONMENT))
    for tests in copied_files.installed_tests(release, world):
        world.files.copy(Copy(release.project.root / tests.folder, site / tests.installed, tests.files))
    for file in testing.recorder_files(release, ENVIRONMENT):
        world.files.write(file)
    return True


def _installed(release: Release, world: World, arguments: tuple[str, ...]) -> bool:
    if world.processes.run(installers.create_environment(release, world, ENVIRONMENT)).code != 0:
        return False
    return installers.succeeds(world, installers.install_dependencies(release, world, ENVIRONMENT, *arguments))
