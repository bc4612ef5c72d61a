"""What a CI service says that it was started for: a tag, or a branch. Each says it in a variable of its own."""

from __future__ import annotations

from collections.abc import Mapping

_REFS = ("GITHUB_REF", "BUILD_SOURCEBRANCH")  # whole names: refs/heads/main, refs/tags/v1.0
_TAGS = ("CI_COMMIT_TAG", "BITBUCKET_TAG", "CIRCLE_TAG", "BUILDKITE_TAG", "TRAVIS_TAG")
_BRANCHES = ("CI_COMMIT_BRANCH", "BITBUCKET_BRANCH", "CIRCLE_BRANCH", "BUILDKITE_BRANCH", "TRAVIS_BRANCH")


def tag(environment: Mapping[str, str]) -> str | None:
    """The tag that this run is for; None for a branch, and where no CI service says anything."""
    return _ref(environment, "refs/tags/") or _first(environment, _TAGS)


def branch(environment: Mapping[str, str]) -> str | None:
    """The branch that this run is for; None for a tag, a pull request, and where no CI service says anything."""
    if tag(environment):
        return None
    return _ref(environment, "refs/heads/") or _first(environment, _BRANCHES)


def _ref(environment: Mapping[str, str], kind: str) -> str | None:
    named = (environment.get(name, "") for name in _REFS)
    return next((ref.removeprefix(kind) for ref in named if ref.startswith(kind)), None)


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
