"""Does the release work on each Python that it promises?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from omni_release import distributions, source_tree, testing
from omni_release.core.cache import Inputs
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.distributions.checks import INCOMPLETE
from omni_release.environments import import_findings, installer_config, installers, interpreters, public_modules
from omni_release.environments.imports import Environment, ImportFailure
from omni_release.environments.inputs import of_artifacts, without_places
from omni_release.environments.installed_release import InstalledRelease
from omni_release.environments.interpreters import Python
from omni_release.testing.elsewhere import Tried, install, run_tests, try_one

INSTALL = Rule("python-install", RuleClass.RELEASE, "Release cannot be installed on a Python that it promises")
IMPORT = Rule(
    "python-import", RuleClass.RELEASE, "Release does not work on a Python that it promises", caused_by=INCOMPLETE
)
TEST = Rule("python-test", RuleClass.RELEASE, "Test fails on a Python that the release promises")

_AT_ONCE = os.cpu_count() or 1
_OWN = "python-own"


@reports(INSTALL, IMPORT, TEST)
def pythons_work(release: Release, world: World) -> Iterator[Finding]:
    """Works on each promised Python

    With the setting `pythons`, the release installs and imports on each Python that it promises and uv finds, and with
    `pythons-run-tests` its tests pass there. One that is not on this machine is named as not tried.

    Fix: correct what fails there, or raise `requires-python`. An environment `python-NAME` of the run has the release.
    """
    settings = release.project.settings.tests
    if not settings.pythons:
        raise NotApplicable("`pythons` in [tool.omni-release.tests] is not set")
    chosen = interpreters.choose(release, world)
    tried = (*chosen.here, *(chosen.missing if settings.pythons_download else ()))
    missing = () if settings.pythons_download else chosen.missing
    unknown: list[str] = []
    if tried:
        known = _of_own_python(release, world)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for outcome in pool.map(
                lambda python: try_one(python, partial(_try, release, world, known, python)), tried
            ):
                yield from outcome.findings
                unknown += outcome.unknown
        message = f"tried: {', '.join(map(str, tried))}"
        yield Finding(f"{message}; {_not_tried(missing)}" if missing else message, severity=Severity.NOTICE)
    if missing and (settings.pythons != "all" or not tried):
        unknown.append(_not_tried(missing))
    if unknown:
        hint = "Install the Pythons that are missing, set `pythons-download`, or name others in `pythons`."
        raise Inconclusive("\n".join(unknown), hint if missing else "See the logs `python-NAME.log` of the run.")


def _not_tried(missing: tuple[Python, ...]) -> str:
    return f"not tried, as uv does not find them: {', '.join(map(str, missing))}"


def _of_own_python(release: Release, world: World) -> Mapping[str, ImportFailure]:
    """The public modules that fail on the Python that runs omni-release: other checks report these."""
    installed = InstalledRelease(Environment(release, _OWN), distributions.installable(release.dist))
    world.processes.run(installers.create_environment(release, world, _OWN))
    what = Finding("the release cannot be installed on the Python that runs omni-release")
    outcome = install(release, world, _OWN, (str(installed.wheel),), what)
    if outcome != Tried():
        lines = (*(finding.message for finding in outcome.findings), *outcome.unknown)
        raise Inconclusive("\n".join(lines), "See `works-with-uv`.")
    return public_modules.failures(installed, world)[0]


def _try(release: Release, world: World, known: Mapping[str, ImportFailure], python: Python) -> Tried:
    """Install, import and test on one Python."""
    name = f"python-{python.label}"
    created = world.processes.run(interpreters.create_environment(release, world, python, name))
    if created.code != 0:
        return Tried(unknown=("\n".join((f"{python}: not tried, as uv makes no environment:", *created.tail[-4:])),))
    file = interpreters.file_for(release.dist, python)
    place = release.project.stated_in
    what = Finding(f"{python}: the release cannot be installed", INSTALL.id, path=place)
    outcome = install(release, world, name, (str(file),), what)
    if outcome != Tried():
        return outcome
    outcome = _imported(release, world, python, name, known)
    if outcome.findings or not _tests_run_on(python, release, world):
        return outcome
    tested = run_tests(release, world, name, file, Finding(str(python), TEST.id))
    return Tried(tested.findings, (*outcome.unknown, *tested.unknown))


def _imported(release: Release, world: World, python: Python, name: str, known: Mapping[str, ImportFailure]) -> Tried:
    """What does not import: packages, entry points, and public modules that do on our own Python."""
    wheel = distributions.installable(release.dist)
    installed = InstalledRelease(Environment(release, name), wheel)
    _, version = distributions.name_and_version(wheel.name)
    findings, slow = import_findings.of_installed(installed, world, version, "import")
    failed, late = public_modules.failures(installed, world)
    new = {module: failure for module, failure in failed.items() if not _is_known(failure, known.get(module))}
    of_modules = [f for f in public_modules.findings(installed, new) if f.rule == "module-fails"]
    renamed = (replace(f, message=f"{python}: {f.message}", rule=IMPORT.id) for f in (*findings, *of_modules))
    unknown = (f"{python}: not imported in time: {listed([*slow, *late], 5)}",) if slow or late else ()
    return Tried(tuple(renamed), unknown)


def _is_known(failure: ImportFailure, before: ImportFailure | None) -> bool:
    return before is not None and (failure.type, failure.missing) == (before.type, before.missing)


def _tests_run_on(python: Python, release: Release, world: World) -> bool:
    """Whether the tests are to run on this Python: the check `tests-pass` has the one that runs omni-release."""
    project = release.project
    if not project.settings.tests.pythons_run_tests or _is_own(python):
        return False
    return testing.has_tests(project, source_tree.files_at_start(project.root, world.processes))


def _is_own(python: Python) -> bool:
    implementation, version = sys.implementation.name, sys.version_info[:3]
    return (python.implementation, python.version, python.threaded) == (implementation, version, "")


def python_inputs(release: Release, world: World) -> Inputs | None:
    """The inputs of the check of the Pythons: the interpreters, and what uv would install on each of them now.

    None where the tests run there as well: what these read elsewhere on the machine is not recorded.
    """
    settings = release.project.settings.tests
    if not settings.pythons or settings.pythons_run_tests:
        return None
    chosen = interpreters.choose(release, world)
    if chosen.missing and settings.pythons_download:
        return None
    lines = [f"missing {python}" for python in chosen.missing]
    for python in chosen.here:
        file = interpreters.file_for(release.dist, python)
        name, _ = distributions.name_and_version(file.name)
        wanted = (f"{name} @ {file.resolve().as_uri()}",)
        label = f"python-{python.label}-requirements"
        resolved = installers.resolution(release, world, label, wanted, interpreter=python.path)
        if resolved is None:
            return None
        lines += [f"{python} {python.path} {Path(python.path).stat().st_mtime_ns}", without_places(resolved, release)]
    variables = installer_config.dependency_env(world.environment, release.folder)
    return of_artifacts(release, world, variables, *lines)
