"""One project of a repository → a package of its workspace: its version, its tags, and whether it is ever released."""

from __future__ import annotations

from collections.abc import Collection

from omni_release import versions
from omni_release.versions import source
from omni_release.versions.member import Member
from omni_release.versions.pep440 import normalize
from omni_release.versions.place import TAG
from omni_release.workspaces import groups, requirements
from omni_release.workspaces.model import WorkspacePackage


def read(
    member: Member, root: str, names: Collection[str], tag: str, projects: frozenset[str], *, by_uv: bool
) -> WorkspacePackage:
    """The package in the folder of a project, without its group.

    `root` is the workspace's folder below the repository's top, empty or as `python/`; `names` are the normalised names
    of all packages, `projects` the folders of all projects. `tag` is the template where the project has none. With
    `by_uv`, the workspace is one of uv, which builds no project without a back end.
    """
    version, no_version = _version(member, projects)
    known = member.checkout.known
    private = withheld(member, by_uv=by_uv or f"{member.at}uv.lock" in known or bool(member.table("tool", "uv")))
    if not private and "+" in (version or ""):
        private = f"its version, {version}, is local: no index accepts it"
    if not private and not version and "build-system" not in member.pyproject:
        if not any(member.at + name in known for name in ("setup.py", "setup.cfg")):
            private = "it has neither a build back end nor a version"
    return WorkspacePackage(
        name=str(member.name),
        key=member.canonical,
        folder=member.at[len(root) :].rstrip("/") or ".",
        version=version,
        no_version=no_version,
        requirements=requirements.of_siblings(member, names, root),
        tag=str(member.table("tool", "omni-release", "git").get("tag") or tag),
        private=private,
    )


def _version(member: Member, projects: frozenset[str]) -> tuple[str | None, str]:
    """The version; or None, and why it is not known."""
    file = f"{member.at}pyproject.toml"
    if reason := dict(member.checkout.unreadable).get(file):
        return None, f"{file} cannot be read: {reason}"
    found = versions.source_places(member, projects)
    if found and not found[0].form.startswith(TAG):
        return normalize(found[0].value), ""
    if found or source.is_versioned_by_tag(member):
        return None, groups.BY_TAG
    return None, "no file states it"


def withheld(member: Member, *, by_uv: bool = False) -> str:
    """Why a project is never released; empty where it can be."""
    for tool, key in (("uv", "package"), ("poetry", "package-mode"), ("pdm", "distribution")):
        if member.table("tool", tool).get(key) == "false":
            return f"`{key} = false` in [tool.{tool}]"
    classifiers = member.table("project").get("classifiers")
    if any(str(item).startswith("Private ::") for item in (classifiers if isinstance(classifiers, list) else ())):
        return "its classifier `Private ::`"
    if by_uv and "project" in member.pyproject and "build-system" not in member.pyproject:
        if member.table("tool", "uv").get("package") != "true":
            return "it has no [build-system], so uv does not build it"
    return ""
