"""git, as a release asks it: without a prompt, within a limit, in English, and quoted without credentials."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from omni_release import programs, source_tree
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive, NotApplicable, UsageError
from omni_release.core.model import Release
from omni_release.core.world import Processes, ToolAnswer, World

ACROSS = 60.0
"""Seconds that a remote has for one answer."""

_HERE = 60.0

_TALKS = ("GIT_TRACE", "GIT_CURL_VERBOSE", "LANGUAGE")  # what would have git say more, or in another language

_WAITS = re.compile(
    r"resolve host|Connection (?:refused|reset|timed out|closed)|unreachable|No route|timed? ?out|returned error: 5\d\d"
    r"|early EOF|Temporary failure",
    re.IGNORECASE,
)

_UNKNOWN = re.compile(r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|publickey")


def user(root: Path, processes: Processes) -> str:
    """Who git says works here; empty where it does not know."""
    named = processes.ask("git", "config", "user.name", cwd=root)
    return named.out.strip() if named is not None else ""


@dataclass(frozen=True)
class Tag:
    """A tag: the commit that it is at, and whether it is annotated."""

    commit: str
    annotated: bool


@dataclass(frozen=True)
class Repository:
    """A project's repository, and the `commit` that is released.

    `remote` is the name of the one that it is released to, None where there is none.
    """

    commit: str
    root: Path
    processes: Processes
    environment: Mapping[str, str]
    branch: str | None
    remote: str | None

    def ask(self, *arguments: str) -> ToolAnswer:
        """What git says of this repository, here. Raises CannotTell where it does not answer."""
        return _asked(self.processes, self.root, self.environment, _HERE, *arguments)

    def line(self, *arguments: str) -> str:
        """What it says, where that is one line; empty where it ends with another code than 0."""
        answer = self.ask(*arguments)
        return answer.out.strip() if answer.code == 0 else ""

    def across(self, *arguments: str) -> ToolAnswer:
        """What git says that has to ask the remote: no prompt, and an end after `ACROSS` seconds."""
        return _asked(self.processes, self.root, self.unattended, ACROSS, *arguments)

    @property
    def unattended(self) -> dict[str, str]:
        """The environment of a git that talks to the remote, and to nobody else."""
        return dict(self.environment) | unattended(self.environment, self.line("config", "--get", "core.sshCommand"))

    def refs(self, *names: str) -> dict[str, str]:
        """What the remote has under these whole names: a hash each, or with `HEAD` the name of its default branch.

        Raises CannotTell where it does not answer.
        """
        assert self.remote is not None
        answer = self.across("ls-remote", "--symref", self.remote, *names)
        if answer.code != 0:
            raise Inconclusive(f"{self.remote} does not answer:\n{shown(answer.err)}", why(answer.err))
        lines = (line.split("\t", 1) for line in answer.out.splitlines() if "\t" in line)
        found = [(name, value) for value, name in lines]
        refs = {name: value for name, value in found if name in names and not value.startswith("ref: ")}
        return refs | {name: value.removeprefix("ref: ") for name, value in found if value.startswith("ref: ")}

    def tag(self, name: str) -> Tag | None:
        """The tag here."""
        kind = self.line("cat-file", "-t", f"refs/tags/{name}")
        commit = self.line("rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}")
        return Tag(commit, kind == "tag") if kind else None

    def remote_tag(self, name: str) -> Tag | None:
        """The tag on the remote. Raises CannotTell where it does not answer."""
        ref = f"refs/tags/{name}"
        found = self.refs(ref, f"{ref}^{{}}")
        if ref not in found:
            return None
        return Tag(found.get(f"{ref}^{{}}", found[ref]), f"{ref}^{{}}" in found)


def repository(release: Release, world: World) -> Repository:
    """The release's repository. Raises NotApplicable outside one, UsageError where it has no commit yet."""
    root, inner = release.project.root, _english(world.environment)
    if source_tree.working_tree(root, world.processes) is None:
        raise NotApplicable("the project is in no git repository")
    if release.commit is None:
        raise UsageError("the repository has no commit yet", "Commit what is to be released.")
    # What was built counts, once it is: work may have gone on since.
    commit = world.journal.commit_built() or release.commit.sha
    here = Repository(commit, root, world.processes, inner, None, None)
    branch = here.line("symbolic-ref", "--quiet", "--short", "HEAD") or None
    remote = _remote(here, branch, release.project.settings.git.remote)
    return replace(here, branch=branch or ci_branch(world.environment), remote=remote)


def short(commit: str) -> str:
    """A hash as a person reads it."""
    return commit[:10]


def shown(said: str) -> str:
    """What git said, without credentials: an address stands in its messages as it stands in the settings."""
    lines = [line for line in redaction.strip_userinfo(said).splitlines() if line.strip()]
    return "\n".join(lines[-6:])


def passes(said: str) -> bool:
    """Whether what git said is of a network that fails, and not of a refusal."""
    return _WAITS.search(said) is not None


def why(said: str) -> str:
    """What to do about a remote that did not answer."""
    if _UNKNOWN.search(said):
        return (
            "git is asked without a prompt: a credential helper, an agent with the key, or a token must answer for you."
        )
    return "Try it by hand: git ls-remote"


def unattended(outer: Mapping[str, str], ssh_command: str) -> dict[str, str]:
    """The variables that keep git and ssh from asking anybody; `ssh_command` is the one of git's settings, if any."""
    told = {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never", "SSH_ASKPASS_REQUIRE": "never"}
    command = outer.get("GIT_SSH_COMMAND") or ssh_command
    if not command and not outer.get("GIT_SSH"):
        command = "ssh"
    try:
        program = Path(shlex.split(command)[0]).stem if command else ""
    except (ValueError, IndexError):
        program = ""
    # Another program than OpenSSH has other options: it is left as it is.
    return told | ({"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"} if program == "ssh" else {})


def _english(outer: Mapping[str, str]) -> dict[str, str]:
    inner = programs.git_env(outer)
    inner = {key: value for key, value in inner.items() if not key.startswith(_TALKS)}
    return inner | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


def _asked(processes: Processes, root: Path, inner: Mapping[str, str], deadline: float, *arguments: str) -> ToolAnswer:
    answer = processes.ask("git", *arguments, cwd=root, environment=inner, deadline=deadline)
    if answer is None:
        raise Inconclusive("git is not on this machine", "Install it.")
    return answer


def _remote(here: Repository, branch: str | None, stated: str) -> str | None:
    """The settings' remote, else the one that the branch follows, else `origin`, else the only one."""
    remotes = here.line("remote").split()
    if stated:
        if stated not in remotes:
            known = ", ".join(remotes) or "none"
            raise UsageError(f"`remote` in [tool.omni-release.git] is no remote here: {stated}", f"There is: {known}.")
        return stated
    followed = here.line("config", "--get", f"branch.{branch}.remote") if branch else ""
    if followed in remotes:
        return followed
    if "origin" in remotes or len(remotes) < 2:
        return "origin" if "origin" in remotes else next(iter(remotes), None)
    raise UsageError(f"which remote is released to: {', '.join(remotes)}?", "Say `remote` in [tool.omni-release.git].")


_REFS = ("GITHUB_REF", "BUILD_SOURCEBRANCH")  # whole names: refs/heads/main, refs/tags/v1.0

_TAGS = ("CI_COMMIT_TAG", "BITBUCKET_TAG", "CIRCLE_TAG", "BUILDKITE_TAG", "TRAVIS_TAG")

_BRANCHES = ("CI_COMMIT_BRANCH", "BITBUCKET_BRANCH", "CIRCLE_BRANCH", "BUILDKITE_BRANCH", "TRAVIS_BRANCH")


def ci_tag(environment: Mapping[str, str]) -> str | None:
    """The tag that this run is for; None for a branch, and where no CI service says anything."""
    return _ref(environment, "refs/tags/") or _first(environment, _TAGS)


def ci_branch(environment: Mapping[str, str]) -> str | None:
    """The branch that this run is for; None for a tag, a pull request, and where no CI service says anything."""
    if ci_tag(environment):
        return None
    return _ref(environment, "refs/heads/") or _first(environment, _BRANCHES)


def _ref(environment: Mapping[str, str], kind: str) -> str | None:
    named = (environment.get(name, "") for name in _REFS)
    return next((ref.removeprefix(kind) for ref in named if ref.startswith(kind)), None)


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
