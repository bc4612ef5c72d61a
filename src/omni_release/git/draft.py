"""A draft of a release on GitHub, for a person to read and to publish: made by `gh`, where that is there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from omni_release import git
from omni_release.core import redaction
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import CannotTell, NotApplicable
from omni_release.core.model import Evidence, Release
from omni_release.core.world import World
from omni_release.environments.env_vars import GUARD
from omni_release.git import ci, tag_name
from omni_release.versions import release_notes

_DEADLINE = 120.0
_NOT_LOGGED_IN = 4  # gh's own exit code for it
_ADDRESSES = (
    re.compile(r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::\d+)?/(?P<path>[^/]+/[^/]+?)(?:\.git)?/?"),
    re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:@]{2,}):(?P<path>[^/]+/[^/]+?)(?:\.git)?/?"),
)


class DraftRelease:
    """GitHub has a release of the tag, or a draft of one, with what the changelog says of this version.

    Nobody is told of a draft: read it, and publish it. All that gh says lies in `logs/draft.log`.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        draft = _Draft.of(release, world)
        notes = release_notes.of(release.project)
        path = release.records / "notes.md"
        told: tuple[str, ...] = ("--generate-notes",)
        if notes:
            yield Write(path, f"{notes}\n".encode())
            told = ("--notes-file", str(path))
        flags = ("--draft", "--verify-tag", "--title", draft.tag, *told, *(("--prerelease",) if draft.early else ()))
        yield Run(
            (draft.gh, "release", "create", draft.tag, "--repo", draft.repository, *flags),
            cwd=release.project.root,
            environment=_unattended(release, world),
            log=release.logs / "draft.log",
            deadline=_DEADLINE,
            network=True,
        )

    def settled(self, release: Release, world: World) -> Evidence | None:
        draft = _Draft.of(release, world)
        asked = ("release", "view", draft.tag, "--repo", draft.repository, "--json", "url,isDraft")
        answer = world.processes.ask(
            draft.gh, *asked, cwd=release.project.root, environment=_unattended(release, world), deadline=_DEADLINE
        )
        if answer is None or answer.code == _NOT_LOGGED_IN:
            raise NotApplicable(f"gh has no access to {draft.repository}: no draft is made")
        if answer.code == 0:
            told = json.loads(answer.out)
            return {"release": str(told["url"]), "draft": "yes" if told["isDraft"] else "no"}
        if "release not found" in answer.said:
            return None
        said = redaction.left_out(answer.said)
        raise CannotTell(f"gh does not say whether {draft.repository} has a release {draft.tag}:\n{said}")


@dataclass(frozen=True)
class _Draft:
    """What is drafted where: `repository` is HOST/OWNER/NAME, `early` a version that is no final one."""

    gh: str
    repository: str
    tag: str
    early: bool

    @classmethod
    def of(cls, release: Release, world: World) -> _Draft:
        """Raises NotApplicable where there is no gh, or no remote that it could know."""
        gh = shutil.which("gh", path=world.environment.get("PATH"))
        if gh is None:
            raise NotApplicable("gh is not on this machine: no draft is made")
        found = git.repository(release, world)
        # Its address may have credentials in it: what is kept of it is the host and the name.
        address = found.line("remote", "get-url", found.remote) if found.remote else ""
        hosted = next((match for pattern in _ADDRESSES if (match := pattern.fullmatch(address))), None)
        if hosted is None:
            raise NotApplicable("the remote is at no host that gh could know: no draft is made")
        version = tag_name.version_of(release, world)
        tag = ci.tag(world.environment) or tag_name.name(release, found, version)
        return cls(gh, f"{hosted['host'].removeprefix('ssh.')}/{hosted['path']}", tag, _is_early(version))


def _is_early(version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _unattended(release: Release, world: World) -> dict[str, str]:
    """What is its own, gh has from the environment: a token, or where its settings are. It asks nobody."""
    quiet = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", GUARD: str(release.folder)}
    return {key: value for key, value in world.environment.items() if key != "GH_DEBUG"} | quiet
