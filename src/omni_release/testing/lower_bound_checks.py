"""Do the project's tests pass with each direct dependency at its lower bound?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omni_release import distributions, source_tree, testing
from omni_release.core.actions import Write
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.testing.elsewhere import install, run_tests

LOWER_BOUND = Rule("lower-bound-test", RuleClass.RELEASE, "Test fails with a dependency at its lower bound")

_NAME = "lowest-tests"


@reports(LOWER_BOUND)
def lower_bounds_tested(release: Release, world: World) -> Iterator[Finding]:
    """Tests pass at the lower bounds

    With `lower-bounds = "tests"`, the project's tests pass with each direct dependency at its lower bound, and with all
    else in the newest versions.

    Fix: raise the bound that is too low; the output of the tests is in `logs/tests-lowest-tests.log` of the run.
    """
    project = release.project
    if project.settings.dependencies.lower_bounds != "tests":
        raise NotApplicable('`lower-bounds = "tests"` in [tool.omni-release.dependencies] is not set')
    if not testing.has_tests(project, source_tree.files_at_start(project.root, world.processes)):
        raise NotApplicable(testing.NO_TESTS)
    wheel = distributions.installable(release.dist)
    direct = installers.direct_requirements(wheel)
    if not direct:
        raise NotApplicable("the project has no dependencies")
    resolved = installers.resolution(release, world, _NAME, direct, *installers.LOWEST)
    if resolved is None:
        raise Inconclusive("uv finds no versions at the lower bounds", "See `lower-bounds`.")
    constraints = release.work_dir / f"{_NAME}.constraints.txt"
    world.files.write(Write(constraints, "\n".join((*_pinned(direct, resolved), "")).encode()))
    options = ("--constraints", str(constraints))
    world.processes.run(installers.create_environment(release, world, _NAME))
    what = Finding("at the lower bounds", LOWER_BOUND.id)
    outcome = install(release, world, _NAME, (str(wheel), *options), what)
    if outcome.findings:
        raise Inconclusive("the release does not install at its lower bounds", "See `lower-bounds`.")
    if not outcome.unknown:
        outcome = run_tests(release, world, _NAME, wheel, what, options)
    yield from outcome.findings
    if outcome.unknown:
        hint = "Name requirements that allow the lower bounds in `requirements` of [tool.omni-release.tests]."
        raise Inconclusive("\n".join(outcome.unknown), hint)


def _pinned(direct: tuple[str, ...], resolved: str) -> Iterator[str]:
    """The direct requirements among what uv has resolved, as `name==version`."""
    names = {canonicalize_name(Requirement(requirement).name) for requirement in direct}
    for found in re.finditer(r"^([\w.-]+)==(\S+)", resolved, re.MULTILINE):
        if canonicalize_name(found[1]) in names:
            yield f"{found[1]}=={found[2]}"
