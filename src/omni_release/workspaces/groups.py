"""Which packages of a workspace share a version: by the settings, by `lockstep`, or because one tag gives it to all."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from omni_release.core import settings
from omni_release.versions import configured
from omni_release.versions.member import Member, canonical
from omni_release.workspaces.model import WorkspacePackage

BY_TAG = "it comes from git's tags"
"""Why no file states a package's version, where the build derives it from a tag."""

_OWN_TAGS = re.compile(
    r"tag[-_](?:regex|pattern|prefix|filter|format)|pattern[-_]prefix|describe[-_]command|--match|^\s*pattern\s*=", re.M
)


class WrongGroup(Exception):
    """A group of the settings that cannot be: its name, the problem, and what to do."""

    def __init__(self, group: str, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.group = group
        self.problem = problem
        self.hint = hint


def of_packages(
    packages: Mapping[str, WorkspacePackage], members: Mapping[str, Member], chosen: settings.Workspace
) -> dict[str, tuple[str, ...]]:
    """The names of packages that share a version, by the name of the group; `members` are the packages as projects.

    Raises WrongGroup for a group of the settings that names no package, or a package of another group.
    """
    released = tuple(sorted(key for key, package in packages.items() if not package.private))
    if chosen.versions == "fixed" or _is_one_tag_for_all(packages, [members[key] for key in released]):
        return {"all": released}
    found: dict[str, tuple[str, ...]] = {}
    for group, names in chosen.groups.items():
        keys = [canonical(name) for name in names]
        for name, key in zip(names, keys, strict=True):
            if key not in packages:
                problem = f"the group `{group}` names {name}, which is no package of the workspace"
                raise WrongGroup(group, problem, f"The packages are {', '.join(packages)}.")
            if other := next((other for other, taken in found.items() if key in taken), ""):
                raise WrongGroup(group, f"{name} is in two groups: {other} and {group}", "Remove it from one of them.")
        found[group] = tuple(sorted(keys))
    taken = {key for keys in found.values() for key in keys}
    return found | _in_lockstep(members[key] for key in packages if key not in taken)


def _is_one_tag_for_all(packages: Mapping[str, WorkspacePackage], released: Collection[Member]) -> bool:
    """Does each version come from git's tags, and does no package say which tags are its own?"""
    if len(released) < 2 or any(packages[member.canonical].no_version != BY_TAG for member in released):
        return False
    names = ("pyproject.toml", "setup.py", "setup.cfg")
    texts = [member.checkout.text(member.at + name) for member in released for name in names]
    own = any(packages[member.canonical].tag for member in released)
    return not own and not any(_OWN_TAGS.search(text.text) for text in texts if text)


def _in_lockstep(members: Iterable[Member]) -> dict[str, tuple[str, ...]]:
    """The packages that name each other in `lockstep` [tool.omni-release.version], by the first of their names."""
    members = list(members)
    keys = {member.canonical for member in members}
    sets: list[set[str]] = []
    for member in members:
        if member.table("tool", "omni-release", "version").get("lockstep"):
            together = {member.canonical} | ({other.canonical for other in configured.lockstep(member)} & keys)
            for other in [known for known in sets if known & together]:
                sets.remove(other)
                together |= other
            sets.append(together)
    return {min(together): tuple(sorted(together)) for together in sets if len(together) > 1}
