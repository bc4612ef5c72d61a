"""Whether the packages of a repository fit together, and what a package requires of its siblings is to be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from omni_release import distributions
from omni_release.core.errors import Inconclusive, NotApplicable, PermanentRefusal
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.environments import siblings
from omni_release.workspaces import discovery, plan
from omni_release.workspaces.model import Kind, Requirement, Workspace, WorkspacePackage

UNRELEASED = Rule("sibling-unreleased", RuleClass.RELEASE, "Required version of a sibling is on no index")
MISSING = Rule("sibling-missing", RuleClass.RELEASE, "Requirement needs what no package of the repository provides")
BEHIND = Rule("sibling-behind", RuleClass.QUALITY, "Requirement leaves out the version of a package beside it")

NO_SUCH_VERSION = Rule("no-such-sibling", RuleClass.RELEASE, "Required version of a sibling does not exist")


@reports(UNRELEASED, NO_SUCH_VERSION)
def siblings_available(release: Release, world: World) -> Iterator[Finding]:
    """Required siblings are available

    Each package of the same workspace that this one requires is on the index that dependencies come from, or is part of
    this run, in a version that the requirement admits.

    Fix: rehearse the packages together: run `omni-release rehearse` at the root of the workspace.
    """
    root = release.project.root
    workspace = discovery.around(root)
    package = workspace.package_at(root) if workspace else None
    if workspace is None or package is None or not package.requirements:
        raise NotApplicable("the project requires no other package of a workspace")
    if not release.folder.is_dir():
        raise NotApplicable("a dry run builds no package")
    provided = siblings.provided(release.work_dir, world.environment)
    unanswered, missing = [], False
    for item in package.requirements:
        if any(plan.admits(item, version) for version in provided.get(item.name, ())):
            continue
        try:
            listed = {distributions.version_of(file.name) for file in world.default_index.files(item.name)}
        except (Inconclusive, PermanentRefusal) as error:
            unanswered.append(f"{item.name} is not in this run, and the index does not answer: {error.message}")
            continue
        if not any(plan.admits(item, version) for version in listed if version):
            missing = True
            yield _missing(item, workspace, package, root)
    if unanswered:
        kind = Inconclusive if missing else NotApplicable  # the findings before a NotApplicable would be lost
        raise kind("\n".join((*unanswered, "The installation shows whether it is there.")))


def _missing(item: Requirement, workspace: Workspace, package: WorkspacePackage, root: Path) -> Finding:
    """The finding for a requirement that nothing meets. The tests alone need what is for development."""
    sibling = workspace.packages[item.name]
    where = f"the package in {sibling.folder}"
    path = Path(os.path.relpath(workspace.root / item.path, root)).as_posix()
    severity = Severity.ERROR if item.kind in (Kind.RUNTIME, Kind.BUILD) else Severity.WARNING
    stated = f"{package.name} requires {item.stated.strip()}"
    if sibling.version and not plan.admits(item, sibling.version):
        message = (
            f"{stated}, which no index has, and {where} is at {sibling.version}\n"
            "→ run `omni-release version sync`, or correct the requirement"
        )
        return Finding(message, NO_SUCH_VERSION.id, severity, path, item.line)
    message = (
        f"{stated}, which no index has yet: it is {where} of this workspace\n"
        f"→ rehearse both: omni-release rehearse --package {package.name}"
    )
    return Finding(message, UNRELEASED.id, severity, path, item.line)


@reports(MISSING, BEHIND)
def siblings_admitted(release: Release, world: World) -> Iterator[Finding]:
    """Requirements admit the packages beside them

    Each requirement on another package of the repository admits the version that this package has there, and the
    package is one that is released.

    Fix: admit the version in the requirement. `omni-release version sync` at the root writes the pins (`==`).
    """
    workspace = discovery.around(release.project.root)
    if workspace is None:
        raise NotApplicable("the repository has no other package")
    package = workspace.package_at(release.project.root)
    if package is None:
        raise NotApplicable("the workspace has packages in other folders alone")
    yield from findings(workspace, package.key)


def findings(workspace: Workspace, key: str) -> Iterator[Finding]:
    """The findings about one package, with paths relative to its folder."""
    folder = workspace.packages[key].folder
    for problem in plan.problems_of_requirements(workspace, (key,)):
        path, _, line = problem.where.rpartition(":")
        inside = path if folder == "." else path.removeprefix(f"{folder}/")
        rule = BEHIND if problem.warning else MISSING
        yield Finding(problem.message, rule.id, path=inside, line=int(line))
