"""Who has approved a run, as GitHub's API says it."""

from __future__ import annotations

from typing import Any

import pytest

from omni_release.scripts.github_approvals import asked
from tests.scripts.github_api import Answers, github, review

RUN = "/repos/acme/acme/actions/runs/7"
COMMIT = {RUN: (200, {"head_sha": "a" * 40})}


@pytest.mark.parametrize(
    ("reviews", "approved"),
    [
        ([review("bob"), review("ada"), review("bob")], ["ada", "bob"]),
        ([review("bob", environment="staging")], []),
        ([review("bob", "rejected")], []),
        ([review("bob"), review("bob", "rejected")], []),
        ([review("bob", "rejected"), review("bob")], []),
        ([review("bob", "pending")], []),
        ([], []),
    ],
)
def test_reviews(reviews: list[Any], approved: list[str]) -> None:
    """Who has approved the environment, and never rejected it, is named once."""
    with github({**COMMIT, f"{RUN}/approvals": (200, reviews)}) as (url, seen):
        assert asked(url, "acme/acme", "7", "pypi", "t0ken") == {
            "commit": "a" * 40,
            "approved": approved,
            "problem": "",
        }
    assert seen == [(RUN, "Bearer t0ken"), (f"{RUN}/approvals", "Bearer t0ken")]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, "it answers 404 Not Found"),
        ({**COMMIT, f"{RUN}/approvals": (403, {})}, "it answers 403"),
        ({**COMMIT, f"{RUN}/approvals": (302, b"")}, "it answers 302"),
        ({**COMMIT, f"{RUN}/approvals": (200, b"<html>")}, "has another form"),
        ({**COMMIT, f"{RUN}/approvals": (200, {"message": "x"})}, "has another form"),
        ({**COMMIT, f"{RUN}/approvals": (200, [{"state": "approved"}])}, "has another form"),
        ({RUN: (200, [])}, "has another form"),
    ],
)
def test_no_answer(answers: Answers, problem: str) -> None:
    """Without a usable answer no one has approved, and the token goes nowhere else: no redirect is followed."""
    with github(answers) as (url, seen):
        found = asked(url, "acme/acme", "7", "pypi", "t0ken")
    assert found["approved"] == [] and problem in found["problem"]
    assert "t0ken" not in str(found)
    assert all(path.startswith(RUN) for path, _ in seen)


def test_no_server() -> None:
    """A server that is not there gives no answer."""
    assert "does not answer" in asked("http://127.0.0.1:9", "acme/acme", "7", "pypi", "t0ken")["problem"]
