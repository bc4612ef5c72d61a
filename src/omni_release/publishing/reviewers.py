"""Reviewers of a GitHub environment: who has approved the run of GitHub Actions that this process is in."""

from __future__ import annotations

import json
import re
import sys
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path

from omni_release import git, index, programs
from omni_release.core.errors import Inconclusive
from omni_release.core.world import Processes
from omni_release.publishing.approvers import ApprovalRule

TOKEN = "OMNI_RELEASE_GITHUB_TOKEN"  # noqa: S105 - the name of a variable
"""The variable that the program which asks GitHub gets the token in."""

_NAME = "github:"  # before the login, in the list of those who may approve
_DEADLINE = 90.0  # seconds, for two answers


def who_approved(
    environment: str, commit: str, folder: Path, processes: Processes, outer: Mapping[str, str]
) -> tuple[str, ...]:
    """The logins of the reviewers of this environment who have approved the run, by GitHub's API.

    `outer` are the variables of this process, which name the run and have the token; `folder` is that of the run of
    omni-release. Raises Inconclusive where the API does not say it, or the run is of another commit.
    """
    base = outer.get("GITHUB_API_URL", "").rstrip("/")
    name, run = outer.get("GITHUB_REPOSITORY", ""), outer.get("GITHUB_RUN_ID", "")
    address = urllib.parse.urlsplit(base)
    safe = address.scheme == "https" or (address.scheme == "http" and index.is_loopback(address.hostname))
    if not safe or not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or not re.fullmatch(r"\d+", run):
        message = "GitHub's API is not asked: GITHUB_API_URL, GITHUB_REPOSITORY or GITHUB_RUN_ID is missing or wrong"
        raise Inconclusive(message, "Run this in a job of GitHub Actions.")
    token = next((outer[name] for name in git.GH_TOKENS if outer.get(name)), "")
    if not token:
        hint = "Set GH_TOKEN to ${{ github.token }} for this step, with `permissions: actions: read`."
        raise Inconclusive("GitHub's API is not asked: there is no token", hint)
    argv = programs.module(sys.executable, "omni_release.scripts.github_approvals", base, name, run, environment)
    variables = programs.tool_env(outer, folder) | {TOKEN: token}
    answer = processes.ask(*argv, cwd=folder.parent, environment=variables, deadline=_DEADLINE)
    try:
        said = json.loads(answer.out) if answer and answer.code == 0 else {}
        found, logins, problem = said.get("commit"), tuple(map(str, said["approved"])), said.get("problem")
    except (ValueError, KeyError, TypeError, AttributeError):
        found, logins, problem = None, (), "the program that asks it ended without a result"
    if problem or found != commit:
        problem = problem or f"run {run} is of commit {found}, and this is {commit}"
        hint = "Give the job `permissions: actions: read` and the token, then run it again."
        raise Inconclusive(f"GitHub does not say who has approved run {run}: {problem}", hint)
    return logins


def count(logins: Iterable[str], rule: ApprovalRule, approved: dict[str, str], refused: list[str]) -> None:
    """Add the reviewers that the list names: as the person with their name, who may have signed, too."""
    for login in logins:
        name = f"{_NAME}{login}"
        lines = rule.approvers.with_name(name)
        if not lines or (rule.still is not None and not rule.still.with_name(name)):
            refused.append(f"GitHub: {rule.origin} does not name {name}, or the released commit no longer does")
        else:
            approved.setdefault(rule.approvers.person(lines[0]), f"a review of {rule.environment} on GitHub")
