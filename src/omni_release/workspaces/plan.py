"""What a release of the workspace would do now: which packages, in which order, and what prevents it. Data only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from omni_release.core.errors import UsageError, did_you_mean
from omni_release.versions.member import canonical
from omni_release.versions.pep440 import parse
from omni_release.workspaces import history, order
from omni_release.workspaces.history import History
from omni_release.workspaces.model import Kind, Package, Requirement, Workspace


@dataclass(frozen=True)
class Problem:
    """What has to change before a package can be released; `where` is `path:line`, or a folder."""

    key: str
    where: str
    message: str
    hint: str


@dataclass(frozen=True)
class Plan:
    """The release of a workspace.

    `reasons` says for each package of the release, by its name, why it is in it. `batches` are these packages in order;
    those of one batch do not need each other. `problems` prevent the release.
    """

    workspace: Workspace
    histories: Mapping[str, History]
    reasons: Mapping[str, str]
    batches: tuple[tuple[str, ...], ...]
    problems: tuple[Problem, ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The packages of the release, one after the other."""
        return tuple(key for batch in self.batches for key in batch)

    def state(self, package: Package) -> str:
        """In a few words, what a release does with a package, and why."""
        if package.private:
            return f"never released: {package.private}"
        reason = self.reasons.get(package.key)
        if reason:
            return f"release: {reason}"
        tag = self.histories[package.key].tag
        return f"unchanged since {tag}" if tag else "not in this release"


def of_release(workspace: Workspace, names: Iterable[str] = (), since: str = "") -> Plan:
    """The plan for all packages that have changed; or for the packages of these names, and what they need that has.

    `since` is a commit: then changed is what differs from it. Raises UsageError for a name that no package has, for a
    package that is never released, and for a cycle.
    """
    wanted = [_named(workspace, name) for name in names]
    histories = history.of_packages(workspace, since)
    reasons = {}
    for package in workspace.released:
        if reason := _reason(package, histories[package.key], since):
            reasons[package.key] = reason
    for group, keys in workspace.groups.items():
        together = [key for key in keys if key in reasons]
        for key in keys if together else ():
            reasons.setdefault(key, f"one version with {together[0]} (group {group})")
    if wanted:
        needed = order.needs(workspace, wanted)
        reasons = {key: reason for key, reason in reasons.items() if key in needed}
        reasons |= {key: "named" for key in wanted if key not in reasons}
    problems = [*_problems_of_versions(workspace, histories, reasons), *problems_of_requirements(workspace, reasons)]
    return Plan(workspace, histories, reasons, order.batches(workspace, reasons), tuple(problems))


def _named(workspace: Workspace, name: str) -> str:
    package = workspace.packages.get(canonical(name))
    if package is None:
        hint = did_you_mean(name, workspace.packages, f"The packages are {', '.join(workspace.packages)}.")
        raise UsageError(f"the workspace {workspace.name} has no package {name}", hint)
    if package.private:
        raise UsageError(f"{package.name} is never released: {package.private}", "Name another package.")
    return package.key


def _reason(package: Package, known: History, since: str) -> str:
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
    """The requirements of these packages that do not admit the version that a sibling has, or will be released with."""
    for key in keys:
        package = workspace.packages[key]
        for item in package.requirements:
            sibling = workspace.packages[item.name]
            if item.kind is not Kind.DEVELOPMENT and not admits(item, sibling.version):
                message = f"{package.name} requires {item.stated.strip()}, which leaves out {sibling.version}"
                pinned = item.specifier.startswith("==") and "," not in item.specifier and "*" not in item.specifier
                hint = "Run omni-release version sync." if pinned else f"Admit {sibling.version} there."
                yield Problem(key, item.where, f"{message}, the version of {sibling.folder}", hint)
            elif item.kind is not Kind.DEVELOPMENT and sibling.private:
                message = f"{package.name} requires {sibling.name}, which is never released: {sibling.private}"
                yield Problem(key, item.where, message, "Remove the requirement, or release the package.")


def admits(item: Requirement, version: str | None) -> bool:
    """Whether a requirement admits a version of the sibling; it does where either is not known."""
    if not item.specifier or not version:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only for what has a specifier

    try:
        return SpecifierSet(item.specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True  # metadata-valid reports it
