"""Does each extra bring what the modules need that are for it?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from packaging.utils import canonicalize_name

from omni_release import distributions
from omni_release.core.cache import Inputs
from omni_release.core.errors import ActionFailed, Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.distributions.checks import INCOMPLETE
from omni_release.environments import installer_config, installers, public_modules
from omni_release.environments.import_findings import how_it_failed
from omni_release.environments.imports import START, Environment, ImportFailure
from omni_release.environments.inputs import of_artifacts, without_places
from omni_release.environments.installed_release import InstalledRelease

EXTRA_IMPORT = Rule("extra-import", RuleClass.RELEASE, "Module cannot be imported with its extra", caused_by=INCOMPLETE)

_AT_ONCE = os.cpu_count() or 1


@reports(EXTRA_IMPORT)
def extras_import(release: Release, world: World) -> Iterator[Finding]:
    """Modules import with their extras

    With the setting `extras`, each extra is installed with the release into an environment of its own. The packages
    import there, and so do the public modules that need the extra, or that import without it.

    Fix: add what is missing to the extra, or correct its lower bound; `logs/extra-NAME.log` has the output of uv.
    """
    wheel = distributions.installable(release.dist)
    extras = _extras(release, wheel)
    if not extras:
        raise NotApplicable(_reason(release))
    plain = _failures(InstalledRelease(Environment(release, "released-uv"), wheel), world)[0]
    unknown: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for findings, reason in pool.map(partial(_of_extra, release, world, wheel, plain), extras):
            yield from findings
            unknown += [reason] if reason else []
    if unknown:
        raise Inconclusive("\n".join(unknown), "See `logs/extra-NAME.log` of the run, and `extras-install`.")


def _extras(release: Release, wheel: Path) -> tuple[str, ...]:
    """The extras to try; none without the setting."""
    stated = distributions.metadata(wheel).get_all("Provides-Extra", [])
    return tuple(stated) if release.project.settings.tests.extras else ()


def _reason(release: Release) -> str:
    if release.project.settings.tests.extras:
        return "the project has no extras"
    return "`extras` in [tool.omni-release.tests] is not set"


def _environment(extra: str) -> str:
    return f"extra-{canonicalize_name(extra)}"


def _of_extra(
    release: Release, world: World, wheel: Path, plain: Mapping[str, ImportFailure], extra: str
) -> tuple[list[Finding], str]:
    """What does not import with an extra, and why that is unknown; `plain` are the failures without it."""
    name = _environment(extra)
    install = installers.install_dependencies(release, world, name, f"{wheel}[{extra}]")
    create = installers.create_environment(release, world, name)
    if not (installers.succeeds(world, create) and installers.succeeds(world, install)):
        return [], f"the extra {extra} was not installed"
    installed = InstalledRelease(Environment(release, name), wheel)
    try:
        failed, slow = _failures(installed, world)
    except ActionFailed as error:
        return [], f"with the extra {extra}: {error.message}"
    findings = []
    for module, failure in failed.items():
        if _is_of_extra(installed, extra, failure, plain.get(module)):
            missing = installed.third_party(failure)
            said = installed.needs(missing) if missing else how_it_failed(failure)
            message = f"with the extra {extra}, `import {module}` {said}"
            findings.append(installed.finding(message, EXTRA_IMPORT.id, failure))
    return findings, f"with the extra {extra}, not imported in time: {listed(slow, 5)}" if slow else ""


def _is_of_extra(installed: InstalledRelease, extra: str, failure: ImportFailure, before: ImportFailure | None) -> bool:
    """Whether an extra is at fault for a failure: the module needs it, or works without it (`before` is None).

    That a module needs a second extra besides this one is no fault of either.
    """
    if installed.of_other_platforms(failure):
        return False
    own = canonicalize_name(extra)

    def is_declared_by(missing: str | None, *, others: bool) -> bool:
        names = installed.requirements.declaration(missing).extras if missing else ()
        declared = {canonicalize_name(name) for name in names}
        return bool(declared - {own}) and own not in declared if others else own in declared

    if is_declared_by(installed.third_party(failure), others=True):
        return False
    return before is None or is_declared_by(installed.third_party(before), others=False)


def _failures(installed: InstalledRelease, world: World) -> tuple[dict[str, ImportFailure], list[str]]:
    """The packages and public modules whose import fails, and those for which there was no time."""
    each = installed.environment.release.project.settings.verify.timeout
    total = each * len(installed.modules) + START
    done = installed.environment.import_all(world, installed.modules, label="packages", each=each, total=total)
    failed = {name: imported.failure for name, imported in done.items() if imported.failure}
    late = [name for name in installed.modules if name not in done or (name in failed and failed[name].slow)]
    modules, slow = public_modules.failures(installed, world)
    return {name: failure for name, failure in (failed | modules).items() if not failure.slow}, [*late, *slow]


def extras_import_inputs(release: Release, world: World) -> Inputs | None:
    """The inputs of the check: what uv would install now without an extra, and with each."""
    wheel = distributions.installable(release.dist)
    if not (extras := _extras(release, wheel)):
        return None
    project, _ = distributions.name_and_version(wheel.name)
    lines = []
    for extra in ("", *extras):
        wanted = (f"{project}{f'[{extra}]' if extra else ''} @ {wheel.resolve().as_uri()}",)
        resolved = installers.resolution(release, world, f"{_environment(extra)}-requirements", wanted)
        if resolved is None:
            return None
        lines.append(without_places(resolved, release))
    variables = installer_config.dependency_env(world.environment, release.folder)
    return of_artifacts(release, world, variables, *lines)
