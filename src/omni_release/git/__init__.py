"""Run git for a release: without prompts, with a time limit, in English, and quoted without credentials."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from omni_release import git_queries, programs
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive, NotApplicable, UsageError
from omni_release.core.model import Project, Release
from omni_release.core.world import Processes, ToolAnswer, World

REMOTE_TIMEOUT = 60.0
"""Seconds that a remote has for one answer."""


_LOCAL_TIMEOUT = 60.0

_EXCERPT_LINES = 6

_VERBOSITY = ("GIT_TRACE", "GIT_CURL_VERBOSE", "LANGUAGE")  # extra output, or output in another language

GH_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")

_GH_HELPER = re.compile(r"^(?:global|system)\t.*\bgh(?:\.exe)?['\"]? auth git-credential", re.MULTILINE)

_NETWORK_FAILURE = re.compile(
    r"resolve host|Connection (?:refused|reset|timed out|closed)|unreachable|No route|timed? ?out|returned error: 5\d\d"
    r"|early EOF|Temporary failure",
    re.IGNORECASE,
)

_LOGIN_FAILURE = re.compile(
    r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|publickey"
)


@dataclass(frozen=True)
class TagRef:
    """A tag: the commit that it points to, and whether it is annotated."""

    commit: str
    annotated: bool


@dataclass(frozen=True)
class ReleaseRepository:
    """A project's repository, and the `commit` that is released.

    `branch` is None where HEAD is detached; `remote` is the name of the remote that is released to, None without one.
    `tokens_of_gh` are the variables that the program gh reads.
    """

    commit: str
    root: Path
    processes: Processes
    environment: Mapping[str, str]
    branch: str | None
    remote: str | None
    tokens_of_gh: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ask(self, *arguments: str) -> ToolAnswer:
        """Run git on the local repository. Raises Inconclusive where it is not installed, or does not end."""
        return self._git(self.environment, _LOCAL_TIMEOUT, *arguments)

    def line(self, *arguments: str) -> str:
        """The one line that git prints on stdout; empty where its exit code is not 0."""
        answer = self.ask(*arguments)
        return answer.out.strip() if answer.code == 0 else ""

    def ask_remote(self, *arguments: str) -> ToolAnswer:
        """Run a git command that contacts the remote: without prompts, within `REMOTE_TIMEOUT` seconds."""
        return self._git(self.unattended_environment, REMOTE_TIMEOUT, *arguments)

    def _git(self, environment: Mapping[str, str], deadline: float, *arguments: str) -> ToolAnswer:
        argv = (*git_queries.WITHOUT_HOOKS, *arguments)
        answer = self.processes.ask(*argv, cwd=self.root, environment=environment, deadline=deadline)
        if answer is None:
            raise Inconclusive("git is not installed", "Install git.")
        return answer

    @property
    def unattended_environment(self) -> dict[str, str]:
        """The environment of a git that contacts the remote without prompting."""
        unprompted = unattended(self.environment, self.line("config", "--get", "core.sshCommand"))
        tokens = self.tokens_of_gh if self._logs_in_with_gh() else {}
        return {**self.environment, **unprompted, **tokens}

    def _logs_in_with_gh(self) -> bool:
        """Whether this user's own configuration of git, not the repository's, has gh answer for the password."""
        if not self.tokens_of_gh:
            return False
        helpers = self.ask("config", "--show-scope", "--get-regexp", r"^credential\..*helper$").out
        return _GH_HELPER.search(helpers) is not None

    def remote_refs(self, *names: str) -> dict[str, str]:
        """The remote's refs of these full names, each with its hash; `HEAD` with the name of the default branch.

        Raises Inconclusive where the remote does not answer.
        """
        assert self.remote is not None
        answer = self.ask_remote("ls-remote", "--symref", self.remote, *names)
        if answer.code != 0:
            raise Inconclusive(f"{self.remote} does not answer:\n{excerpt(answer.err)}", remote_hint(answer.err))
        hashes, symbolic = {}, {}
        for value, tab, name in (line.partition("\t") for line in answer.out.splitlines()):
            if tab and value.startswith("ref: "):
                symbolic[name] = value.removeprefix("ref: ")
            elif name in names:
                hashes[name] = value
        return hashes | symbolic

    def local_tag(self, name: str) -> TagRef | None:
        """The tag in this repository."""
        kind = self.line("cat-file", "-t", f"refs/tags/{name}")
        commit = self.line("rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}")
        return TagRef(commit, kind == "tag") if kind else None

    def remote_tag(self, name: str) -> TagRef | None:
        """The tag on the remote. Raises Inconclusive where the remote does not answer."""
        ref, peeled = f"refs/tags/{name}", f"refs/tags/{name}^{{}}"
        refs = self.remote_refs(ref, peeled)
        return TagRef(refs.get(peeled, refs[ref]), peeled in refs) if ref in refs else None

    def remote_tags(self) -> dict[str, str]:
        """The remote's tags, each with its commit. Raises Inconclusive where the remote does not answer."""
        assert self.remote is not None
        answer = self.ask_remote("ls-remote", "--tags", self.remote)
        if answer.code != 0:
            raise Inconclusive(f"{self.remote} does not list its tags:\n{excerpt(answer.err)}", remote_hint(answer.err))
        lines = (line.partition("\trefs/tags/") for line in answer.out.splitlines())
        refs = {name: commit for commit, tab, name in lines if tab}
        return {name: refs.get(f"{name}^{{}}", commit) for name, commit in refs.items() if not name.endswith("^{}")}


def open_repository(release: Release, world: World) -> ReleaseRepository:
    """The release's repository. Raises NotApplicable outside one, UsageError where it has no commit yet."""
    root = release.project.root
    if git_queries.working_tree(root, world.processes) is None:
        raise NotApplicable("the project is not in a git repository")
    if release.commit is None:
        raise UsageError("the repository has no commit yet", "Commit what is to be released.")
    # After the build its commit is the one that is released, even if the checkout has moved on.
    commit = world.journal.commit_built() or release.commit.sha
    return repository_at(release.project, commit, world.processes, world.environment)


def repository_at(project: Project, commit: str, processes: Processes, outer: Mapping[str, str]) -> ReleaseRepository:
    """The repository that the project is in, for a release of this commit; `outer` are the variables of this process.

    Raises UsageError where the remote cannot be determined.
    """
    settings = project.settings.git
    inner = programs.git_env(outer, settings.pass_env)
    environment = {name: value for name, value in inner.items() if not name.startswith(_VERBOSITY)}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    tokens = {name: outer[name] for name in GH_TOKENS if name in outer}
    repository = ReleaseRepository(commit, project.root, processes, environment, None, None, tokens)
    branch = repository.line("symbolic-ref", "--quiet", "--short", "HEAD") or None
    remote = _release_remote(repository, branch, settings.remote)
    return replace(repository, branch=branch or ci_branch(outer), remote=remote)


def _release_remote(repository: ReleaseRepository, branch: str | None, configured: str) -> str | None:
    """The remote from the settings, else the one that the branch tracks, else `origin`, else the only one."""
    remotes = repository.line("remote").split()
    if configured:
        if configured not in remotes:
            raise UsageError(
                f"`remote` in [tool.omni-release.git] is not a remote of this repository: {configured}",
                f"Its remotes: {', '.join(remotes) or 'none'}.",
            )
        return configured
    tracked = repository.line("config", "--get", f"branch.{branch}.remote") if branch else ""
    if tracked in remotes:
        return tracked
    if "origin" in remotes:
        return "origin"
    if len(remotes) > 1:
        raise UsageError(
            f"cannot determine the remote to release to: {', '.join(remotes)}",
            "Set `remote` in [tool.omni-release.git].",
        )
    return next(iter(remotes), None)


def user_name(root: Path, processes: Processes) -> str:
    """The `user.name` of git's configuration; empty where it has none, or git is not installed."""
    answer = processes.ask("git", "config", "user.name", cwd=root)
    return answer.out.strip() if answer is not None else ""


def short(commit: str) -> str:
    """An abbreviated hash."""
    return commit[:10]


def excerpt(output: str) -> str:
    """The last lines of git's output, without the credentials that a remote's address may have."""
    lines = [line for line in redaction.strip_userinfo(output).splitlines() if line.strip()]
    return "\n".join(lines[-_EXCERPT_LINES:])


def is_network_failure(output: str) -> bool:
    """Whether git's output reports a network failure rather than a refusal."""
    return _NETWORK_FAILURE.search(output) is not None


def remote_hint(output: str) -> str:
    """What to do about a remote that does not answer."""
    if _LOGIN_FAILURE.search(output):
        return (
            "git runs non-interactively: configure a credential helper, ssh agent or token. A helper that reads a "
            "variable needs its name in `pass-env` of [tool.omni-release.git]."
        )
    return "Run `git ls-remote` by hand."


def unattended(environment: Mapping[str, str], ssh_command: str) -> dict[str, str]:
    """The variables that keep git and ssh from prompting; `ssh_command` is git's core.sshCommand, or empty."""
    variables = {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never", "SSH_ASKPASS_REQUIRE": "never"}
    command = environment.get("GIT_SSH_COMMAND") or ssh_command
    if not command and not environment.get("GIT_SSH"):
        command = "ssh"
    try:
        program = Path(shlex.split(command)[0]).stem if command else ""
    except (ValueError, IndexError):
        program = ""
    # Only OpenSSH is known to take this option.
    return variables | ({"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"} if program == "ssh" else {})


_CI_REFS = ("GITHUB_REF", "BUILD_SOURCEBRANCH")  # full names: refs/heads/main, refs/tags/v1.0

_CI_TAGS = ("CI_COMMIT_TAG", "BITBUCKET_TAG", "CIRCLE_TAG", "BUILDKITE_TAG", "TRAVIS_TAG")

_CI_BRANCHES = ("CI_COMMIT_BRANCH", "BITBUCKET_BRANCH", "CIRCLE_BRANCH", "BUILDKITE_BRANCH", "TRAVIS_BRANCH")


def ci_tag(environment: Mapping[str, str]) -> str | None:
    """The tag that the CI job runs for; None for a branch, and outside CI."""
    return _ci_ref(environment, "refs/tags/", _CI_TAGS)


def ci_branch(environment: Mapping[str, str]) -> str | None:
    """The branch that the CI job runs for; None for a tag or a pull request, and outside CI."""
    return None if ci_tag(environment) else _ci_ref(environment, "refs/heads/", _CI_BRANCHES)


def _ci_ref(environment: Mapping[str, str], prefix: str, variables: tuple[str, ...]) -> str | None:
    refs = (environment.get(variable, "") for variable in _CI_REFS)
    ref = next((ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix)), None)
    return ref or next((environment[variable] for variable in variables if environment.get(variable)), None)
