"""Whether the project's pipelines publish once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from twine.utils import TEST_REPOSITORY

from omni_release.cli import workflow
from omni_release.core.errors import NotApplicable
from omni_release.publishing.pipelines import pipelines_publish_once
from tests.conftest import RunCheck

TAG = "push: {tags: ['v*']}"
RELEASE = "release: {types: [published]}"
ACTION = "- uses: pypa/gh-action-pypi-publish@release/v1"


def pipeline(on: str, *steps: str, condition: str = "true") -> str:
    """A workflow with one job."""
    lines = "\n".join(f"      {line}" for step in steps or (ACTION,) for line in step.splitlines())
    return f"on: {{{on}}}\njobs:\n  publish:\n    if: {condition}\n    steps:\n{lines}\n"


TWICE = {
    "tag and release": pipeline(f"{TAG}, {RELEASE}"),
    "any push and release": pipeline(f"push: , {RELEASE}"),
    "any type of release": pipeline(f"{TAG}, release: "),
    "twine": pipeline(f"{TAG}, {RELEASE}", "- run: python -m twine upload dist/*"),
    "uv": pipeline(f"{TAG}, {RELEASE}", "- run: |\n    uv build\n    uv publish"),
    "poetry": pipeline(f"{TAG}, release: {{types: released}}", "- run: poetry publish --build"),
    "two steps": pipeline(
        f"{TAG}, {RELEASE}",
        f"{ACTION}\n  if: github.event_name == 'push'",
        "- run: twine upload dist/*\n  if: github.event_name == 'release'",
    ),
    "a list": "on: [push, release]\njobs: {a: {steps: [{run: flit publish}]}}\n",
}
ONCE = {
    "tag": pipeline(TAG),
    "release": pipeline(RELEASE),
    "by hand too": pipeline(f"{RELEASE}, workflow_dispatch: "),
    "push to a branch": pipeline(f"push: {{branches: [main]}}, {RELEASE}"),
    "a draft is no release": pipeline(f"{TAG}, release: {{types: [edited]}}"),
    "the release alone": pipeline(f"{TAG}, {RELEASE}", condition="github.event_name == 'release'"),
    "all but the release": pipeline(f"{TAG}, {RELEASE}", condition="github.event_name != 'release'"),
    "another index each": pipeline(
        f"{TAG}, {RELEASE}",
        f"{ACTION}\n  if: github.event_name == 'push'\n  with: {{repository-url: '{TEST_REPOSITORY}'}}",
        f"{ACTION}\n  if: github.event_name == 'release'",
    ),
    "existing files on the test index": pipeline(
        "push: {branches: [main]}", "- run: twine upload --skip-existing --repository testpypi dist/*"
    ),
    "uv compares": pipeline(TAG, f"- run: uv publish --check-url {PYPI_SIMPLE_ENDPOINT}"),
}
SKIPPING = {
    "the action": pipeline(TAG, f"{ACTION}\n  with: {{skip-existing: true}}"),
    "the action, a string": pipeline(TAG, f"{ACTION}\n  with: {{skip-existing: 'true'}}"),
    "twine": pipeline(TAG, "- run: twine upload --skip-existing dist/*"),
    "maturin": pipeline(TAG, "- run: maturin upload --skip-existing dist/*"),
}


def found(run_check: RunCheck, **workflows: str) -> list[str]:
    """The rules of the findings."""
    files = {f".github/workflows/{name}.yml": text for name, text in workflows.items()}
    return [finding.rule for finding in run_check(pipelines_publish_once, files)]


@pytest.mark.parametrize("name", TWICE)
def test_published_twice(name: str, run_check: RunCheck) -> None:
    """A release on GitHub pushes a tag, too: what publishes on both runs twice."""
    assert found(run_check, publish=TWICE[name]) == ["publishes-twice"]


@pytest.mark.parametrize("name", ONCE)
def test_published_once(name: str, run_check: RunCheck) -> None:
    """One event, or another index for each."""
    assert found(run_check, publish=ONCE[name]) == []


@pytest.mark.parametrize("name", SKIPPING)
def test_skipped_files(name: str, run_check: RunCheck) -> None:
    """What skips existing files does not see other bytes."""
    assert found(run_check, publish=SKIPPING[name]) == ["skip-existing"]


def test_two_files(run_check: RunCheck) -> None:
    """Two workflows publish the same, on one event each."""
    assert found(run_check, one=pipeline(TAG), two=pipeline(RELEASE), tests=pipeline(TAG, "- run: pytest")) == [
        "publishes-twice"
    ]


@pytest.mark.parametrize(("second", "expected"), [(RELEASE, ["publishes-twice"]), ("workflow_dispatch: ", [])])
def test_a_workflow_that_others_call(second: str, expected: list[str], run_check: RunCheck) -> None:
    """The steps of a workflow that two others call run on the events of both."""
    calls = "jobs: {a: {uses: ./.github/workflows/upload.yml}}\n"
    one, two = f"on: {{{TAG}}}\n{calls}", f"on: {{{second}}}\n{calls}"
    assert found(run_check, upload=pipeline("workflow_call: "), one=one, two=two) == expected


@pytest.mark.parametrize(
    "on", ["push: main", "push: 3", "release: [published]", "release: published", "release: {types: [{a: 1}]}"]
)
def test_events_of_another_form(on: str, run_check: RunCheck) -> None:
    """What GitHub refuses starts nothing twice."""
    assert found(run_check, publish=pipeline(on)) == []


def test_our_own(run_check: RunCheck) -> None:
    """The workflow that omni-release writes compares the bytes after the upload."""
    assert found(run_check, release=workflow.github("release"), gate=workflow.github("gate")) == []


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "jobs: 3", "on: push\njobs: {a: 1}", "a: [", "\t", "on:\njobs: {a: {steps: 7}}"]
)
def test_no_pipeline(text: str, run_check: RunCheck, tmp_path: Path) -> None:
    """What is no workflow, or publishes nothing, is skipped."""
    with pytest.raises(NotApplicable):
        found(run_check, publish=text)


APPROVALS = "[tool.omni-release.publish]\napprovals = 2"


@pytest.mark.parametrize(
    ("steps", "settings", "reported"),
    [
        ((ACTION,), APPROVALS, True),
        (("- run: twine upload dist/*",), APPROVALS, True),
        ((ACTION, "- run: echo # omni-release doctor --only approved"), APPROVALS, True),
        ((ACTION, "- run: omni-release doctor --to pypi"), APPROVALS, True),
        ((ACTION, '- run: omni-release doctor --to pypi --run "$RUN" --only approved'), APPROVALS, False),
        (("- run: omni-release release --to pypi\n- run: twine upload dist/*",), APPROVALS, False),
        (("- run: twine upload --repository testpypi dist/*",), APPROVALS, False),
        ((ACTION,), "", False),
    ],
)
def test_approvals(steps: tuple[str, ...], settings: str, reported: bool, run_check: RunCheck) -> None:
    """Where the settings ask for approvals, an upload without them is reported, and always blocks."""
    files = {".github/workflows/release.yml": pipeline(TAG, *steps)}
    found = run_check(pipelines_publish_once, files, settings)
    assert [(finding.rule, finding.configured) for finding in found] == [("unapproved-upload", True)] * reported


def test_the_written_workflow_asks_for_approvals(run_check: RunCheck) -> None:
    """What `omni-release workflow github` writes asks for them."""
    for reviewers in ("", None):
        text = workflow.github("release", reviewers=reviewers)
        found = run_check(pipelines_publish_once, {".github/workflows/release.yml": text}, APPROVALS)
        assert bool(found) is (reviewers is None)
