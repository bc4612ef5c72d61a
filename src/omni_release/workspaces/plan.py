"""What a release of the workspace would do now: which packages, in which order, and what prevents it. Data only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from omni_release.core.errors import UsageError
from omni_release.versions import pep440
from omni_release.versions.pep440 import parse
from omni_release.versions.tags import split_tag
from omni_release.workspaces import history, order
from omni_release.workspaces.history import History
from omni_release.workspaces.model import Kind, Requirement, Workspace, WorkspacePackage


@dataclass(frozen=True)
class Problem:
    """What has to change before a package can be released; `where` is `path:line`, or a folder.

    A `warning` prevents nothing.
    """

    key: str
    where: str
    message: str
    hint: str
    warning: bool = False


@dataclass(frozen=True)
class Plan:
    """The release of a workspace.

    `reasons` says for each package of the release, by its name, why it is in it. `batches` are these packages in order;
    those of one batch do not need each other. `problems` prevent the release, `warnings` do not.
    """

    workspace: Workspace
    histories: Mapping[str, History]
    reasons: Mapping[str, str]
    batches: tuple[tuple[str, ...], ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The packages of the release, one after the other."""
        return tuple(key for batch in self.batches for key in batch)

    def state(self, package: WorkspacePackage) -> str:
        """In a few words, what a release does with a package, and why."""
        if package.private:
            return f"never released: {package.private}"
        reason = self.reasons.get(package.key)
        if reason:
            return f"release: {reason}"
        tag = self.histories[package.key].tag
        return f"unchanged since {tag}" if tag else "not in this release"


def of_release(workspace: Workspace, names: Iterable[str] = (), since: str = "", tag: str = "") -> Plan:
    """The plan for all packages that have changed; or for the packages of these names, and what they need that has.

    `since` is a commit: then changed is what differs from it. With `tag`, the plan is for the packages whose tag it is.
    Raises UsageError for a name that no package has, for a package that is never released, for a cycle, and for a tag
    together with names or a commit.
    """
    wanted = [workspace.named(name).key for name in names]
    if tag and (wanted or since):
        raise UsageError(
            "a tag names the packages of its release already", "Leave --tag out, or --package and --since."
        )
    if tag:
        return _of_tag(workspace, tag)
    histories = history.of_packages(workspace, since)
    reasons = {}
    for package in workspace.released:
        if reason := _reason(package, histories[package.key], since):
            reasons[package.key] = reason
    for group, keys in workspace.groups.items():
        together = [key for key in keys if key in reasons]
        for key in [key for key in keys if together and not workspace.packages[key].private]:
            reasons.setdefault(key, f"one version with {together[0]} (group {group})")
    if wanted:
        needed = order.needs(workspace, wanted)
        reasons = {key: reason for key, reason in reasons.items() if key in needed}
        reasons |= {key: "named" for key in wanted if key not in reasons}
    found = [
        *_problems_of_versions(workspace, histories, reasons),
        *_without_tag(workspace, histories, reasons),
        *problems_of_requirements(workspace, reasons),
    ]
    problems = tuple(problem for problem in found if not problem.warning)
    warnings = tuple(problem for problem in found if problem.warning)
    return Plan(workspace, histories, reasons, order.batches(workspace, reasons), problems, warnings)


def _of_tag(workspace: Workspace, tag: str) -> Plan:
    """The plan for the packages whose tag this is. Raises UsageError where it is no package's."""
    keys = history.with_tag(workspace, tag)
    if not keys:
        names = ", ".join(package.name for package in workspace.released)
        raise UsageError(f"{tag} is no tag of a package of {workspace.name}", f"The packages are {names}.")
    reasons = dict.fromkeys(keys, f"tag {tag}")
    problems = [problem for problem in problems_of_requirements(workspace, keys) if not problem.warning]
    for key in keys:
        package = workspace.packages[key]
        stated, tagged = parse(package.version or ""), split_tag(tag)
        if stated and tagged and not pep440.equals(str(stated), tagged[1]):
            message = f"{package.name} is at {package.version}, and the tag is {tag}"
            problems.append(Problem(key, package.folder, message, "Tag the commit that has the version."))
    batches = order.batches(workspace, reasons)
    return Plan(workspace, history.of_packages(workspace), reasons, batches, tuple(problems), ())


def _reason(package: WorkspacePackage, known: History, since: str) -> str:
    """Why a package has to be released; empty where it has not."""
    if since:
        return f"changed since {since}" if known.changed else ""
    if not known.tag:
        return "no tag of an earlier release"
    stated, released = parse(package.version or ""), parse(known.version)
    if stated and released and stated.key > released.key:
        return f"{package.version} follows {known.version}"
    if known.changed:
        return f"uncommitted changes since {known.tag}" if known.uncommitted else f"changed since {known.tag}"
    return ""


def _without_tag(
    workspace: Workspace, histories: Mapping[str, History], reasons: Mapping[str, str]
) -> Iterator[Problem]:
    """Packages whose version only another package has a tag of: their release may have been cut short."""
    for package in workspace.released:
        known = histories[package.key]
        if known.borrowed and package.key not in reasons:
            message = f"{package.name} {package.version} has no tag of its own, only {known.tag}: was it released?"
            hint = f"If not, run omni-release release --package {package.name}."
            yield Problem(package.key, package.folder, message, hint, warning=True)


def _problems_of_versions(
    workspace: Workspace, histories: Mapping[str, History], reasons: Mapping[str, str]
) -> Iterator[Problem]:
    """Packages that have changed and still have a version that has a tag; and groups whose versions differ."""
    for key in reasons:
        package, known = workspace.packages[key], histories[key]
        stated, released = parse(package.version or ""), parse(known.version)
        if stated and released and stated.key <= released.key and reasons[key] != "named":
            message = f"{package.name} {package.version} has a tag already, {known.tag}; in the release: {reasons[key]}"
            if stated.key < released.key:
                message = f"{package.name} {package.version} is lower than {known.version} (tag {known.tag})"
            hint = f"Raise it: omni-release version bump patch --package {package.name}."
            yield Problem(key, package.folder, message, hint)
    for group, keys in workspace.groups.items():
        versions = {key: version for key in keys if (version := workspace.packages[key].version)}
        if len({parsed.key for version in versions.values() if (parsed := parse(version))}) > 1:
            listed = ", ".join(f"{key} {version}" for key, version in versions.items())
            message = f"the packages of the group {group} have different versions: {listed}"
            yield Problem(keys[0], group, message, "Run omni-release version sync.")


def problems_of_requirements(workspace: Workspace, keys: Iterable[str]) -> Iterator[Problem]:
    """What these packages require of siblings, in their metadata or to build, that does not fit the siblings' versions.

    A range or a pin that an older release of the sibling still satisfies is no more than a `warning`.
    """
    for key in keys:
        package = workspace.packages[key]
        for item in package.requirements:
            if item.kind is Kind.DEVELOPMENT:
                continue
            sibling = workspace.packages[item.name]
            words = f"{package.name} requires {item.stated.strip()}"
            if sibling.private:
                message = f"{words}, but {sibling.name} is never released: {sibling.private}"
                yield Problem(key, item.where, message, "Remove the requirement, or release the package.")
            elif admits(item, sibling.version):
                continue
            elif _needs_later(item, sibling.version):
                message = f"{words}, but {sibling.folder} is at {sibling.version}"
                yield Problem(key, item.where, message, f"Raise the version of {sibling.name}, or require less.")
            else:
                message = f"{words}, which leaves out {sibling.version}, the version of {sibling.folder}"
                yield Problem(key, item.where, message, f"Admit {sibling.version} there.", warning=True)


def admits(item: Requirement, version: str | None) -> bool:
    """Whether a requirement admits a version of the sibling; it does where either is not known."""
    if not item.specifier or not version:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only for what has a specifier

    try:
        return SpecifierSet(item.specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True  # metadata-valid reports it


def _needs_later(item: Requirement, version: str | None) -> bool:
    """Whether a requirement has a lowest version that the sibling has not reached, so that no release satisfies it."""
    current = parse(version or "")
    for sign, bound in re.findall(r"([~=]==?|>=?)\s*v?([\w.!+-]+)", item.specifier):
        lowest = parse(bound.removesuffix(".*").rstrip("."))  # of `==2.*`
        if current and lowest and (lowest.key > current.key or (sign == ">" and lowest.key == current.key)):
            return True
    return False


def problems_of_left_out(plan: Plan, *, named: bool) -> Iterator[Problem]:
    """What is wrong with packages that are not in the release: they pin what it replaces, or are not unchanged.

    With `named` packages only what is not unchanged counts: it is known then that others come later.
    """
    workspace = plan.workspace
    for package, item in _left_behind(plan):
        if not named and item.specifier.startswith("=="):
            version = workspace.packages[item.name].version
            message = f"{package.name} is not in this release, but requires {item.stated.strip()}, not {version}"
            hint = (
                f"Run omni-release version sync and raise its version, or release {item.name} alone: "
                f"--package {item.name}."
            )
            yield Problem(package.key, item.where, message, hint)
    for key, file in history.hidden_changes(workspace):
        if key not in plan.reasons and not workspace.packages[key].private:
            message = f"{workspace.packages[key].name} is not in this release, but {file} differs from the commit"
            options = "--no-assume-unchanged --no-skip-worktree"
            hint = f"Run git update-index {options} {file}, then commit the change or restore the file."
            yield Problem(key, file, message, hint)


def _left_behind(plan: Plan) -> Iterator[tuple[WorkspacePackage, Requirement]]:
    """The packages that are not in the release, and require a version of a released sibling that it replaces."""
    for package in plan.workspace.released:
        for item in package.requirements if package.key not in plan.reasons else ():
            sibling = plan.workspace.packages[item.name]
            if item.is_published and item.name in plan.reasons and not admits(item, sibling.version):
                yield package, item


def remaining(plan: Plan) -> Iterator[str]:
    """A line for each group of which this release has only a part, and for each package that it leaves behind."""
    workspace = plan.workspace
    for group, keys in workspace.groups.items():
        released = [key for key in keys if not workspace.packages[key].private]
        rest = [workspace.packages[key].name for key in released if key not in plan.reasons]
        if rest and len(rest) < len(released):
            yield f"of the group {group} remain: {', '.join(rest)}"
    for package, item in _left_behind(plan):
        version = workspace.packages[item.name].version
        yield f"remains: {package.name}, which requires {item.stated.strip()}, not {version}"
