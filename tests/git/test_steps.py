"""Tagging and pushing, with real repositories and remotes that refuse."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core.model import Outcome, Status
from omni_release.core.settings import Git
from omni_release.git import steps as git_steps
from omni_release.git.steps import PushTag, TagRelease
from tests.repositories import Checkout, clone, cloned, git, hook, pinned

pytestmark = pytest.mark.thorough


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clean clone on main, in sync with its remote."""
    return cloned(tmp_path)


def messages(outcome: Outcome) -> str:
    """All messages."""
    return "\n".join(finding.message for finding in outcome.findings)


def on_remote(checkout: Checkout, ref: str = "v1.2.0^{commit}") -> str:
    """The remote's hash of a ref; empty where it has no tags."""
    listed = git("for-each-ref", "refs/tags", cwd=checkout.remote)
    return git("rev-parse", ref, cwd=checkout.remote).strip() if listed else ""


def test_tag_and_push(checkout: Checkout) -> None:
    """An annotated tag is created at the commit and pushed, each once."""
    commit = checkout.git("rev-parse", "HEAD").strip()
    tagged = checkout.outcome(TagRelease())
    assert tagged.status is Status.PASSED
    assert tagged.evidence == {"tag": "v1.2.0", "commit": commit, "where": "locally", "kind": "annotated"}
    assert checkout.git("cat-file", "-t", "v1.2.0").strip() == "tag"
    assert "acme 1.2.0" in checkout.git("cat-file", "-p", "v1.2.0")
    assert on_remote(checkout) == ""
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert on_remote(checkout) == commit
    made = checkout.git("rev-parse", "v1.2.0")
    assert messages(checkout.outcome(TagRelease())) == messages(checkout.outcome(PushTag())) == "already done"
    assert checkout.git("rev-parse", "v1.2.0") == made


def test_dry_run(checkout: Checkout) -> None:
    """The commands are reported, and not run."""
    planned = checkout.outcome(TagRelease(), dry=True)
    assert planned.status is Status.PLANNED
    assert "git tag --annotate" in planned.actions[0]
    assert checkout.git("tag") == ""
    assert "git push" in checkout.outcome(PushTag(), dry=True).actions[0]


def test_released_commit_is_tagged(checkout: Checkout) -> None:
    """The tag is created at the released commit, although the checkout has moved on."""
    with checkout.open() as (release, world):
        checkout.commit("later.py")
        (run,) = TagRelease().actions(release, world)
        world.processes.run(run)  # type: ignore[arg-type]  # it is one
        assert release.commit is not None
        assert TagRelease().check_done(release, world) is not None
        assert checkout.git("rev-parse", "v1.2.0^{commit}").strip() == release.commit.sha


def test_built_commit_is_tagged(checkout: Checkout) -> None:
    """A resumed run tags the commit that its files were built from."""
    commit = checkout.git("rev-parse", "HEAD").strip()
    with checkout.open() as (release, world):
        pinned(release, world, commit)
    checkout.commit("later.py")
    assert checkout.outcome(TagRelease()).evidence["commit"] == commit
    assert checkout.git("rev-parse", "v1.2.0^{commit}").strip() == commit


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_push(checkout: Checkout) -> None:
    """A push that is killed fails, and the next run pushes."""
    hook(checkout.root / ".git", "pre-push", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    checkout.outcome(TagRelease())
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.FAILED
    assert "ended by signal 9" in messages(outcome)
    assert on_remote(checkout) == ""
    (checkout.root / ".git" / "hooks" / "pre-push").unlink()
    assert checkout.outcome(PushTag()).status is Status.PASSED


SECRETS = {"GITHUB_TOKEN": "canary-github", "TWINE_PASSWORD": "canary-twine", "GEMINI_API_KEY": "canary-gemini"}


@pytest.mark.parametrize(
    ("pass_env", "helper", "expected"),
    [
        ((), "", set()),
        (("GITHUB_TOKEN",), "", {"canary-github"}),
        ((), "!/usr/bin/gh auth git-credential", {"canary-github"}),
        ((), "store", set()),
    ],
    ids=["none", "given by name", "gh logs git in", "another helper"],
)
def test_hooks_of_a_push(
    pass_env: tuple[str, ...], helper: str, expected: set[str], checkout: Checkout, tmp_path: Path
) -> None:
    """The user's hook runs at the push and gets no secret but what git itself needs; no hook runs at the tag."""
    seen = tmp_path / "seen"
    code = f"import os; open({str(seen)!r}, 'a').write(str(dict(os.environ)))"
    for name in ("pre-push", "reference-transaction"):
        hook(checkout.root / ".git", name, code)
    (tmp_path / "gitconfig").write_text(f'[credential "https://example.invalid"]\n\thelper = {helper}\n')
    variables = SECRETS | ({"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")} if helper else {})
    checkout = replace(checkout.with_variables(**variables), settings=Git(pass_env=pass_env))
    assert checkout.outcome(TagRelease()).status is Status.PASSED
    assert not seen.exists()
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert {value for value in SECRETS.values() if value in seen.read_text()} == expected


def test_the_repository_names_no_helper(checkout: Checkout, tmp_path: Path) -> None:
    """A helper that the repository's own configuration names gets no token."""
    seen = tmp_path / "seen"
    hook(checkout.root / ".git", "pre-push", f"import os; open({str(seen)!r}, 'a').write(str(dict(os.environ)))")
    checkout.git("config", "credential.helper", "!gh auth git-credential")
    checkout = checkout.with_variables(**SECRETS)
    checkout.outcome(TagRelease())
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert not any(value in seen.read_text() for value in SECRETS.values())


def test_tag_at_another_commit(checkout: Checkout) -> None:
    """A tag at another commit is a failure and is not moved."""
    checkout.git("tag", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    first = on_remote(checkout)
    checkout.commit("more.py")
    for body in (TagRelease(), PushTag()):
        outcome = checkout.outcome(body)
        assert outcome.status is Status.FAILED
        assert "tag v1.2.0 points to" in messages(outcome)
    assert on_remote(checkout) == first


def test_tagged_from_another_checkout(checkout: Checkout, tmp_path: Path) -> None:
    """A second checkout creates no second tag object of the same name."""
    other = clone(checkout.remote, tmp_path / "other")
    assert checkout.outcome(TagRelease()).status is Status.PASSED
    assert checkout.outcome(PushTag()).status is Status.PASSED
    outcome = other.outcome(TagRelease())
    assert (outcome.status, outcome.evidence["where"]) == (Status.PASSED, "on origin")
    assert other.git("tag") == ""
    assert other.outcome(PushTag()).status is Status.PASSED


def test_rejected_push(checkout: Checkout) -> None:
    """The output of the remote's hook is shown, and the next run pushes the tag."""
    hook(checkout.remote, "pre-receive", "print('tags are not for you'); raise SystemExit(1)")
    checkout.outcome(TagRelease())
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.FAILED
    assert "tags are not for you" in messages(outcome)
    (checkout.remote / "hooks" / "pre-receive").unlink()
    assert checkout.outcome(PushTag()).status is Status.PASSED


def test_push_that_reports_a_failure(checkout: Checkout) -> None:
    """A push that fails after the remote has the tag passes."""
    hook(checkout.remote, "post-receive", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    checkout.outcome(TagRelease())
    assert checkout.outcome(PushTag()).status is Status.PASSED
    assert on_remote(checkout) != ""


def test_hanging_hook(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook is ended after its time limit; without it the tag is pushed."""
    monkeypatch.setattr(git_steps, "_GIT_TIMEOUT", 1.0)
    hook(checkout.root / ".git", "pre-push", "import time; time.sleep(60)")
    checkout.outcome(TagRelease())
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.INCONCLUSIVE
    assert "git did not end within 1 s" in messages(outcome)
    monkeypatch.setattr(git_steps, "_GIT_TIMEOUT", 60.0)
    (checkout.root / ".git" / "hooks" / "pre-push").unlink()
    assert checkout.outcome(PushTag()).status is Status.PASSED


def test_unreachable_remote(checkout: Checkout) -> None:
    """An unreachable remote is inconclusive; the credentials in its address are neither printed nor logged."""
    checkout.outcome(TagRelease())
    checkout.git("remote", "set-url", "origin", "https://somebody:hunter2-hunter2@127.0.0.1:9/acme.git")
    outcome = checkout.outcome(PushTag())
    assert outcome.status is Status.INCONCLUSIVE
    with checkout.open() as (release, world):
        (run,) = PushTag().actions(release, world)
        assert world.processes.run(run).code != 0  # type: ignore[arg-type]  # it is one
        assert "hunter2" not in str(run)
        log = (release.logs / "tag.log").read_text(encoding="utf-8")
    assert "127.0.0.1:9" in log and "hunter2" not in log + messages(outcome)


def test_only_the_tag_is_pushed(checkout: Checkout) -> None:
    """A configuration that pushes other tags or the branch has no effect."""
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
    """The tag is created and not pushed, with the reason."""
    checkout.git("remote", "remove", "origin")
    assert checkout.outcome(TagRelease()).status is Status.PASSED
    outcome = checkout.outcome(PushTag())
    assert (outcome.status, messages(outcome)) == (Status.SKIPPED, "the repository has no remote: the tag stays local")


def test_ci_tag(checkout: Checkout) -> None:
    """In CI that a tag has started nothing is tagged or pushed."""
    ci = checkout.with_variables(GITHUB_REF="refs/tags/v1.2.0")
    for body in (TagRelease(), PushTag()):
        assert ci.outcome(body).status is Status.SKIPPED
    assert checkout.git("tag") == ""


def test_signing_failure(checkout: Checkout) -> None:
    """A tag that cannot be signed fails; one that is then created by hand passes."""
    checkout.git("config", "tag.gpgSign", "true")
    checkout.git("config", "gpg.program", str(checkout.root.parent / "no-such-gpg"))
    outcome = checkout.outcome(TagRelease())
    assert outcome.status is Status.FAILED
    assert "no-such-gpg" in messages(outcome)
    checkout.git("-c", "tag.gpgSign=false", "tag", "--annotate", "--message=by hand", "v1.2.0")
    assert checkout.outcome(TagRelease()).status is Status.PASSED


def test_lightweight_tag(checkout: Checkout) -> None:
    """A lightweight tag at the commit passes, and the evidence names its kind."""
    checkout.git("tag", "v1.2.0")
    assert checkout.outcome(TagRelease()).evidence["kind"] == "lightweight"
    assert replace(checkout, version="1.3.0").outcome(TagRelease()).evidence["kind"] == "annotated"
