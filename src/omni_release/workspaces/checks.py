"""Whether a package can be installed at all: what it requires of its siblings is on an index, or in the same run."""

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
from omni_release.workspaces import discovery
from omni_release.workspaces.model import Kind, Package, Requirement, Workspace

UNRELEASED = Rule("sibling-unreleased", RuleClass.RELEASE, "Required version of a sibling is on no index")
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
    found = (
        (package for package in workspace.packages.values() if _is_at(workspace, package, root)) if workspace else ()
    )
    package = next(iter(found), None)
    if workspace is None or package is None or not package.requirements:
        raise NotApplicable("the project requires no other package of a workspace")
    provided = siblings.provided(release.work_dir, world.environment)
    for item in package.requirements:
        if any(_admits(item, version) for version in provided.get(item.name, ())):
            continue
        try:
            listed = {distributions.version_of(file.name) for file in world.default_index.files(item.name)}
        except (Inconclusive, PermanentRefusal) as error:
            reason = f"{item.name} is not in this run, and the index does not answer: {error.message}"
            raise NotApplicable(f"{reason}\nThe installation shows whether it is there.") from None
        if not any(_admits(item, version) for version in listed if version):
            yield _missing(item, workspace, package, root)


def _missing(item: Requirement, workspace: Workspace, package: Package, root: Path) -> Finding:
    """The finding for a requirement that nothing meets. The tests alone need what is for development."""
    sibling = workspace.packages[item.name]
    where = f"the package in {sibling.folder}"
    path = Path(os.path.relpath(workspace.root / item.path, root)).as_posix()
    severity = Severity.ERROR if item.kind in (Kind.RUNTIME, Kind.BUILD) else Severity.WARNING
    stated = f"{package.name} requires {item.stated.strip()}"
    if sibling.version and not _admits(item, sibling.version):
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


def _is_at(workspace: Workspace, package: Package, root: Path) -> bool:
    return (workspace.root / package.folder).resolve() == root.resolve()


def _admits(item: Requirement, version: str) -> bool:
    """Whether a version meets a requirement; every version does where it states none."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(item.specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True  # `project-valid` reports it
