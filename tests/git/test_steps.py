"""The tag: annotated, on the released commit, pushed last; with real repositories, and remotes that refuse."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core.model import Outcome, Status
from omni_release.git import steps as git_steps
from omni_release.git.steps import PushTag, TagRelease
from tests.repositories import Checkout, clone, cloned, git, hook, pinned

pytestmark = pytest.mark.thorough


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clone that is clean, on main, and in step."""
    return cloned(tmp_path)


def said(outcome: Outcome) -> str:
    """All that was found."""
    return "\n".join(finding.message for finding in outcome.findings)


def on_remote(checkout: Checkout, ref: str = "v1.2.0^{commit}") -> str:
    """What the bare remote has there; empty for nothing."""
    listed = git("for-each-ref", "refs/tags", cwd=checkout.remote)
    return git("rev-parse", ref, cwd=checkout.remote).strip() if listed else ""


def test_tag_and_push(checkout: Checkout) -> None:
    """An annotated tag on the commit, then on the remote; once each."""
    commit = checkout.git("rev-parse", "HEAD").strip()
    tagged = checkout.outcome(TagRelease())
    assert tagged.status is Status.PASSED
    assert tagged.evidence == {"tag": "v1.2.0", "commit": commit, "where": "here", "kind": "annotated"}
    assert checkout.git("cat-file", "-t", "v1.2.0").strip() == "tag"
    assert "acme 1.2.0" in checkout.git("cat-file", "-p", "v1.2.0")
    assert on_remote(checkout) == ""
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert on_remote(checkout) == commit
    made = checkout.git("rev-parse", "v1.2.0")
    assert said(checkout.outcome(TagRelease())) == said(checkout.outcome(PushTag())) == "already done"
    assert checkout.git("rev-parse", "v1.2.0") == made


def test_dry_run(checkout: Checkout) -> None:
    """What would be done is printed, and nothing of it is done."""
    planned = checkout.outcome(TagRelease(), dry=True)
    assert planned.status is Status.PLANNED
    assert "git tag --annotate" in planned.actions[0]
    assert checkout.git("tag") == ""
    assert "git push" in checkout.outcome(PushTag(), dry=True).actions[0]


def test_the_released_commit_is_tagged(checkout: Checkout) -> None:
    """Not what is checked out when the tag is made: work has gone on."""
    with checkout.open() as (release, world):
        checkout.commit("later.py")
        (run,) = TagRelease().actions(release, world)
        world.processes.run(run)  # type: ignore[arg-type]  # it is one
        assert release.commit is not None
        assert TagRelease().check_done(release, world) is not None
        assert checkout.git("rev-parse", "v1.2.0^{commit}").strip() == release.commit.sha


def test_what_was_built_is_tagged(checkout: Checkout) -> None:
    """A run that goes on after the next commit tags the commit that its files were built from."""
    commit = checkout.git("rev-parse", "HEAD").strip()
    with checkout.open() as (release, world):
        pinned(release, world, commit)
    checkout.commit("later.py")
    assert checkout.outcome(TagRelease()).evidence["commit"] == commit
    assert checkout.git("rev-parse", "v1.2.0^{commit}").strip() == commit


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_push_that_is_killed(checkout: Checkout) -> None:
    """git is killed in the middle of the push: it is told, and the next run pushes."""
    hook(checkout.root / ".git", "pre-push", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    checkout.outcome(TagRelease())
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.FAILED
    assert "ended by signal 9" in said(outcome)
    assert on_remote(checkout) == ""
    (checkout.root / ".git" / "hooks" / "pre-push").unlink()
    assert checkout.outcome(PushTag()).status is Status.PASSED


def test_a_tag_at_another_commit(checkout: Checkout) -> None:
    """Nothing is moved, here or there."""
    checkout.git("tag", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    first = on_remote(checkout)
    checkout.commit("more.py")
    for body in (TagRelease(), PushTag()):
        outcome = checkout.outcome(body)
        assert outcome.status is Status.FAILED
        assert "the tag v1.2.0 is at" in said(outcome)
    assert on_remote(checkout) == first


def test_tagged_from_another_checkout(checkout: Checkout, tmp_path: Path) -> None:
    """A second checkout makes no second tag object of the same name."""
    other = clone(checkout.remote, tmp_path / "other")
    assert checkout.outcome(TagRelease()).status is Status.PASSED
    assert checkout.outcome(PushTag()).status is Status.PASSED
    outcome = other.outcome(TagRelease())
    assert (outcome.status, outcome.evidence["where"]) == (Status.PASSED, "on origin")
    assert other.git("tag") == ""
    assert other.outcome(PushTag()).status is Status.PASSED


def test_a_remote_that_refuses(checkout: Checkout) -> None:
    """What the remote's hook says is shown; the tag stays here, and the next run pushes it."""
    hook(checkout.remote, "pre-receive", "print('tags are not for you'); raise SystemExit(1)")
    checkout.outcome(TagRelease())
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.FAILED
    assert "tags are not for you" in said(outcome)
    (checkout.remote / "hooks" / "pre-receive").unlink()
    assert checkout.outcome(PushTag()).status is Status.PASSED


def test_a_push_that_was_told_to_have_failed(checkout: Checkout) -> None:
    """What counts is what the remote has: a hook that fails after the push has come in is no failure."""
    hook(checkout.remote, "post-receive", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    checkout.outcome(TagRelease())
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert on_remote(checkout) != ""


def test_a_hook_that_hangs(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook of the user's own has its time, and is ended then; without it the tag goes up."""
    monkeypatch.setattr(git_steps, "_DEADLINE", 1.0)
    hook(checkout.root / ".git", "pre-push", "import time; time.sleep(60)")
    checkout.outcome(TagRelease())
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.INCONCLUSIVE
    assert "git did not end within 1 s" in said(outcome)
    monkeypatch.setattr(git_steps, "_DEADLINE", 60.0)
    (checkout.root / ".git" / "hooks" / "pre-push").unlink()
    assert checkout.outcome(PushTag()).status is Status.PASSED


def test_a_remote_that_is_gone(checkout: Checkout) -> None:
    """Nobody can tell whether the tag is there; no credential of the address is printed, or kept in the log."""
    checkout.outcome(TagRelease())
    checkout.git("remote", "set-url", "origin", "https://somebody:hunter2-hunter2@127.0.0.1:9/acme.git")
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.INCONCLUSIVE
    with checkout.open() as (release, world):
        (run,) = PushTag().actions(release, world)
        assert world.processes.run(run).code != 0  # type: ignore[arg-type]  # it is one
        assert "hunter2" not in str(run)
        log = (release.logs / "tag.log").read_text(encoding="utf-8")
    assert "127.0.0.1:9" in log and "hunter2" not in log + said(outcome)


def test_one_tag_alone_is_pushed(checkout: Checkout) -> None:
    """Settings that push other tags along, or the branch, change nothing."""
    checkout.git("tag", "--annotate", "--message=x", "v0.9")
    checkout.git("config", "push.followTags", "true")
    checkout.git("config", "push.default", "matching")
    checkout.commit("more.py")
    before = git("rev-parse", "main", cwd=checkout.remote)
    checkout.outcome(TagRelease())
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert git("tag", cwd=checkout.remote).split() == ["v1.2.0"]
    assert git("rev-parse", "main", cwd=checkout.remote) == before


def test_no_remote(checkout: Checkout) -> None:
    """The tag is made, and stays here, which is said."""
    checkout.git("remote", "remove", "origin")
    assert checkout.outcome(TagRelease()).status is Status.PASSED
    outcome = checkout.outcome(PushTag())
    assert (outcome.status, said(outcome)) == (Status.SKIPPED, "the repository has no remote: the tag stays here")


def test_in_ci_the_tag_came_first(checkout: Checkout) -> None:
    """There is nothing to tag and nothing to push."""
    told = checkout.told(GITHUB_REF="refs/tags/v1.2.0")
    for body in (TagRelease(), PushTag()):
        assert told.outcome(body).status is Status.SKIPPED
    assert checkout.git("tag") == ""


def test_a_tag_that_must_be_signed_and_cannot_be(checkout: Checkout) -> None:
    """Signing that fails is said; a tag that is then made by hand counts."""
    checkout.git("config", "tag.gpgSign", "true")
    checkout.git("config", "gpg.program", str(checkout.root.parent / "no-such-gpg"))
    outcome = checkout.outcome(TagRelease())
    assert outcome.status is Status.FAILED
    assert "no-such-gpg" in said(outcome)
    checkout.git("-c", "tag.gpgSign=false", "tag", "--annotate", "--message=by hand", "v1.2.0")
    assert checkout.outcome(TagRelease()).status is Status.PASSED


def test_a_lightweight_tag_at_the_commit(checkout: Checkout) -> None:
    """Where the version comes from a tag, it is there before: it counts, and what it is is kept as evidence."""
    checkout.git("tag", "v1.2.0")
    assert checkout.outcome(TagRelease()).evidence["kind"] == "lightweight"
    assert replace(checkout, version="1.3.0").outcome(TagRelease()).evidence["kind"] == "annotated"
