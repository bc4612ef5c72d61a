"""git as a release needs it: real repositories, a real bare remote, and all that can be the matter with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from omni_release import git
from omni_release.core import engine
from omni_release.core.model import Artifact, Outcome, Severity, Status
from omni_release.core.settings import Git
from omni_release.core.tasks import Lane, check
from omni_release.core.world import FileState, FileStatus, Index
from omni_release.git.checks import git_clean, git_in_sync, on_release_branch, tag_available
from tests.repositories import TODAY, Checkout, clone, cloned, hook, pinned

pytestmark = pytest.mark.thorough


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clone that is clean, on main, and in step."""
    return cloned(tmp_path)


def said(outcome: Outcome) -> str:
    """All that was found, a finding a line."""
    return "\n".join(f"{f.severity}: {f.where} {f.message}" for f in outcome.findings)


def test_all_is_well(checkout: Checkout) -> None:
    """A clean clone in step passes all four, and the tag's name is told beforehand."""
    checkout.git("remote", "set-head", "origin", "--auto")
    for body in (git_clean, on_release_branch, git_in_sync):
        assert checkout.outcome(body).findings == ()
    assert said(checkout.outcome(tag_available)) == "notice:  the tag will be v1.2.0"


def test_each_kind_of_change_is_named(checkout: Checkout) -> None:
    """Changed, staged, renamed, untracked (with a space and no ASCII in its name): each with its path; ignored: not."""
    checkout.commit("old name.py", "1\n2\n3\n4\n")
    (checkout.root / "acme.py").write_text("changed", encoding="utf-8")
    (checkout.root / "staged.py").touch()
    checkout.git("add", "staged.py")
    checkout.git("mv", "old name.py", "new name.py")
    (checkout.root / "dir").mkdir()
    (checkout.root / "dir" / "neu ü.txt").touch()
    (checkout.root / "debug.log").touch()
    outcome = checkout.outcome(git_clean)
    assert outcome.status is Status.FAILED
    found = {finding.path: finding.message for finding in outcome.findings}
    assert set(found) == {"acme.py", "staged.py", "new name.py", "dir/neu ü.txt"}
    assert "changed" in found["acme.py"] and "staged" in found["staged.py"] and "neither" in found["dir/neu ü.txt"]


def test_changes_anywhere_in_the_repository(checkout: Checkout) -> None:
    """A project in a subfolder: what is changed beside it is named from there."""
    checkout.commit("packages/acme/acme.py")
    (checkout.root / "other.txt").touch()
    outcome = replace(checkout, project=Path("packages/acme")).outcome(git_clean)
    assert [finding.path for finding in outcome.findings] == ["../../other.txt"]


def test_many_changes(checkout: Checkout) -> None:
    """Of a great many the first are named, and the rest is counted."""
    for number in range(30):
        (checkout.root / f"{number}.txt").touch()
    outcome = checkout.outcome(git_clean)
    assert len(outcome.findings) == 21
    assert outcome.findings[-1].message == "and 10 more: git status"


def test_a_merge_that_is_not_finished(checkout: Checkout) -> None:
    """A conflict is told as one."""
    checkout.git("switch", "--quiet", "--create", "side")
    checkout.commit("acme.py", "side")
    checkout.git("switch", "--quiet", "main")
    checkout.commit("acme.py", "main")
    with pytest.raises(AssertionError):
        checkout.git("merge", "--quiet", "side")
    assert "acme.py is in the middle of a merge" in said(checkout.outcome(git_clean))


def test_a_submodule_with_changes(checkout: Checkout, tmp_path: Path) -> None:
    """New files in a submodule are changes too."""
    other = cloned(tmp_path / "other")
    allowed = ("-c", "protocol.file.allow=always")
    checkout.git(*allowed, "submodule", "--quiet", "add", other.remote.as_uri(), "vendored")
    checkout.git("commit", "--quiet", "--message=vendored")
    assert checkout.outcome(git_clean).status is Status.PASSED
    (checkout.root / "vendored" / "new.txt").touch()
    assert "vendored is a submodule with" in said(checkout.outcome(git_clean))


def test_changes_that_git_is_told_to_overlook(checkout: Checkout) -> None:
    """A file that is assumed unchanged is a warning: `git status` says nothing of it."""
    checkout.git("update-index", "--assume-unchanged", "acme.py")
    (checkout.root / "acme.py").write_text("changed", encoding="utf-8")
    outcome = checkout.outcome(git_clean)
    assert outcome.status is Status.PASSED
    assert [(f.severity, f.path) for f in outcome.findings] == [(Severity.WARNING, "acme.py")]


def test_outside_a_repository(tmp_path: Path) -> None:
    """There is nothing to look at, and that is said."""
    checkout = Checkout(tmp_path / "plain", tmp_path)
    checkout.root.mkdir()
    for body in (git_clean, on_release_branch, git_in_sync, tag_available):
        outcome = checkout.outcome(body)
        assert (outcome.status, outcome.findings[0].message) == (
            Status.SKIPPED,
            "the project is in no git repository",
        )


def test_before_the_first_commit(tmp_path: Path) -> None:
    """A repository without a commit has nothing to release."""
    checkout = Checkout(tmp_path / "new", tmp_path)
    checkout.root.mkdir()
    checkout.git("init", "--quiet")
    outcome = checkout.outcome(git_clean)
    assert outcome.status is Status.FAILED
    assert "no commit yet" in said(outcome)


def test_the_release_branch(checkout: Checkout) -> None:
    """The remote's default branch, as it is remembered or asked for; the settings go over it, with a pattern too."""
    checkout.git("switch", "--quiet", "--create", "side")
    assert said(checkout.outcome(on_release_branch)) == "error:  the branch is side, and main is released from"
    checkout.git("remote", "set-head", "origin", "--auto")
    assert checkout.outcome(on_release_branch).status is Status.FAILED
    assert replace(checkout, settings=Git(branch="side")).outcome(on_release_branch).status is Status.PASSED
    checkout.git("branch", "--quiet", "--move", "release/1.x")
    assert replace(checkout, settings=Git(branch="release/*")).outcome(on_release_branch).status is Status.PASSED


def test_the_release_branch_without_a_remote(checkout: Checkout) -> None:
    """main or master, where there is one of them; else nobody can tell."""
    checkout.git("remote", "remove", "origin")
    assert checkout.outcome(on_release_branch).status is Status.PASSED
    checkout.git("branch", "--quiet", "--move", "trunk")
    assert checkout.outcome(on_release_branch).status is Status.INCONCLUSIVE


def test_detached_head(checkout: Checkout) -> None:
    """A detached HEAD is on no branch, unless CI says which branch it is for; for a tag there is none."""
    checkout.git("switch", "--quiet", "--detach")
    assert "HEAD is detached" in said(checkout.outcome(on_release_branch))
    for variables in ({"GITHUB_REF": "refs/heads/main"}, {"CI_COMMIT_BRANCH": "main"}):
        assert checkout.told(**variables).outcome(on_release_branch).status is Status.PASSED
        assert checkout.told(**variables).outcome(git_in_sync).status is Status.PASSED
    assert checkout.told(GITHUB_REF="refs/pull/7/merge").outcome(on_release_branch).status is Status.FAILED
    assert checkout.told(CI_COMMIT_TAG="v1.2.0").outcome(on_release_branch).status is Status.SKIPPED


def test_a_worktree(checkout: Checkout) -> None:
    """Another worktree of the repository is looked at like the first."""
    checkout.git("worktree", "add", "--quiet", "-b", "side", str(checkout.root.parent / "beside"))
    beside = replace(checkout, root=checkout.root.parent / "beside", settings=Git(branch="side"))
    assert beside.outcome(git_clean).status is Status.PASSED
    assert beside.outcome(on_release_branch).status is Status.PASSED
    assert "origin has no branch side" in said(beside.outcome(git_in_sync))


def test_ahead_behind_and_diverged(checkout: Checkout, tmp_path: Path) -> None:
    """Each is told apart, before and after a fetch, and nothing is fetched to tell it."""
    other = clone(checkout.remote, tmp_path / "other")
    checkout.commit("mine.py")
    assert "main is 1 commit ahead of origin/main" in said(checkout.outcome(git_in_sync))
    other.commit("theirs.py")
    other.git("push", "--quiet")
    known = checkout.git("for-each-ref")
    assert "have diverged: 1 commit here alone, and others there" in said(checkout.outcome(git_in_sync))
    assert checkout.git("for-each-ref") == known
    checkout.git("fetch", "--quiet")
    assert "have diverged: 1 commit here alone, 1 there alone" in said(checkout.outcome(git_in_sync))
    checkout.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "main is 1 commit behind origin/main" in said(checkout.outcome(git_in_sync))
    other.commit("more.py")
    other.git("push", "--quiet")
    assert "main is behind origin/main, which has" in said(checkout.outcome(git_in_sync))


def test_a_shallow_clone(checkout: Checkout, tmp_path: Path) -> None:
    """As CI makes it: in step, and behind."""
    checkout.commit("second.py")
    checkout.git("push", "--quiet")
    shallow = clone(checkout.remote, tmp_path / "shallow", "--depth=1")
    assert shallow.outcome(git_in_sync).status is Status.PASSED
    checkout.commit("third.py")
    checkout.git("push", "--quiet")
    assert "main is behind origin/main" in said(shallow.outcome(git_in_sync))


def test_no_remote(checkout: Checkout) -> None:
    """Without a remote there is nothing to be in step with, which is said."""
    checkout.git("remote", "remove", "origin")
    assert "no remote" in said(checkout.outcome(git_in_sync))
    assert said(checkout.outcome(tag_available)) == "notice:  the tag will be v1.2.0"


def test_which_remote(checkout: Checkout) -> None:
    """The one that the branch follows; the settings go over it; among several others nobody guesses."""
    checkout.git("remote", "rename", "origin", "upstream")
    checkout.git("remote", "add", "fork", "https://127.0.0.1:9/fork.git")
    assert checkout.outcome(git_in_sync).status is Status.PASSED
    checkout.git("branch", "--unset-upstream")
    assert "which remote is released to: fork, upstream?" in said(checkout.outcome(git_in_sync))
    assert replace(checkout, settings=Git(remote="upstream")).outcome(git_in_sync).status is Status.PASSED
    assert "is no remote here: other" in said(replace(checkout, settings=Git(remote="other")).outcome(tag_available))


def test_a_remote_that_is_gone(checkout: Checkout) -> None:
    """No network and no server: nobody can tell, and no credential of the address is printed."""
    checkout.git("remote", "set-url", "origin", "https://somebody:hunter2-hunter2@127.0.0.1:9/acme.git")
    for body in (git_in_sync, tag_available):
        outcome = checkout.outcome(body)
        assert outcome.status is Status.INCONCLUSIVE
        assert "origin does not" in said(outcome)
        assert "127.0.0.1" in said(outcome) and "hunter2" not in said(outcome) and "somebody" not in said(outcome)


def test_a_remote_that_says_nothing(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit the question is given up, and what asked it is ended."""
    monkeypatch.setattr(git, "ACROSS", 0.5)
    hook(checkout.root.parent, "ssh", "import time; time.sleep(60)")
    checkout.git("remote", "set-url", "origin", "ssh://git@127.0.0.1/acme.git")
    slow = checkout.told(GIT_SSH=str(checkout.root.parent / "hooks" / "ssh"))
    outcome = slow.outcome(git_in_sync)
    assert outcome.status is Status.INCONCLUSIVE
    assert "git ls-remote did not answer within 0.5 s" in said(outcome)


def test_ssh_asks_nobody(checkout: Checkout) -> None:
    """ssh is told to ask nobody, also where the settings name another command; what is not ssh is left alone."""
    assert git.unattended({}, "")["GIT_SSH_COMMAND"] == "ssh -o BatchMode=yes"
    assert git.unattended({}, "ssh -i key")["GIT_SSH_COMMAND"] == "ssh -i key -o BatchMode=yes"
    assert git.unattended({"GIT_SSH_COMMAND": "ssh -4"}, "ssh -6")["GIT_SSH_COMMAND"] == "ssh -4 -o BatchMode=yes"
    for outer, configured in (({}, "plink -batch"), ({"GIT_SSH": "plink"}, ""), ({}, "'not closed")):
        assert "GIT_SSH_COMMAND" not in git.unattended(outer, configured)
    assert git.unattended({}, "")["GIT_TERMINAL_PROMPT"] == "0"


def test_a_hook_is_not_run_by_a_look(checkout: Checkout) -> None:
    """A pre-push hook may take minutes, and upload things: a look leaves it alone."""
    hook(checkout.root / ".git", "pre-push", "open('was-run.log', 'w'); raise SystemExit(1)")
    assert checkout.outcome(git_in_sync).status is Status.PASSED
    assert not (checkout.root / "was-run.log").exists()


def test_a_remote_that_takes_no_push(checkout: Checkout) -> None:
    """Reading is not writing: a remote that refuses pushes is found out before anything is published."""
    checkout.git("remote", "set-url", "--push", "origin", str(checkout.root.parent / "no-such.git"))
    outcome = checkout.outcome(git_in_sync)
    assert outcome.status is Status.FAILED
    assert "origin does not take a push" in said(outcome)


def test_a_tag_that_is_taken(checkout: Checkout, tmp_path: Path) -> None:
    """A tag of that name at another commit stops, here or on the remote alone, lightweight or not."""
    checkout.git("tag", "v1.2.0")
    checkout.commit("more.py")
    checkout.git("push", "--quiet")
    outcome = checkout.outcome(tag_available)
    assert outcome.status is Status.FAILED
    assert "the tag v1.2.0 is at" in said(outcome) and "here" in said(outcome)
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    checkout.git("tag", "--delete", "v1.2.0")
    assert "on origin, the release is of" in said(checkout.outcome(tag_available))


def test_our_own_tag(checkout: Checkout) -> None:
    """The annotated tag that an earlier run made is in nobody's way, nor is a lightweight one at this commit."""
    checkout.git("tag", "--annotate", "--message=x", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    outcome = checkout.outcome(tag_available)
    assert outcome.status is Status.PASSED
    assert "at this commit already, here" in said(outcome) and "at this commit already, on origin" in said(outcome)
    light = replace(checkout, version="1.3.0")
    light.git("tag", "v1.3.0")
    assert said(light.outcome(tag_available)) == "notice:  the tag v1.3.0 here is not annotated"


@pytest.mark.parametrize(
    ("tags", "project", "expected"),
    [
        ((), ".", "v1.2.0"),
        (("1.0.0", "1.1.0"), ".", "1.2.0"),
        (("0.9", "v1.0", "v1.1"), ".", "v1.2.0"),
        (("release-1.0", "nightly", "py3"), ".", "release-1.2.0"),
        (("acme-v1.0", "other-v2.0"), "packages/acme", "acme-v1.2.0"),
        (("Acme_@1.0", "other@2.0"), "packages/acme", "Acme_@1.2.0"),
        (("packages/acme/v1.0", "v7.0"), "packages/acme", "packages/acme/v1.2.0"),
        (("other-v2.0", "acme-tools-v1.0"), "packages/acme", "acme-v1.2.0"),
        (("other-v2.0",), ".", "v1.2.0"),
        (("v1.0", "other-v2.0"), "python", "v1.2.0"),
    ],
)
def test_a_tag_is_called_as_the_others(checkout: Checkout, tags: tuple[str, ...], project: str, expected: str) -> None:
    """The style of the tags that are there, of this project's own in a repository of several."""
    checkout.commit(f"{project}/acme.py")
    for tag in tags:
        checkout.git("tag", tag)
    outcome = replace(checkout, project=Path(project)).outcome(tag_available)
    assert f"the tag will be {expected}" in said(outcome)


def test_a_clone_without_tags(checkout: Checkout, tmp_path: Path) -> None:
    """A clone of a CI service has no tags: the remote's say how they are called."""
    checkout.git("tag", "rel-1.1.0")
    checkout.git("push", "--quiet", "origin", "rel-1.1.0")
    bare = clone(checkout.remote, tmp_path / "bare", "--no-tags", "--depth=1")
    assert "the tag will be rel-1.2.0" in said(bare.outcome(tag_available))


def test_the_settings_name_the_tag(checkout: Checkout) -> None:
    """What the settings say goes over all others; what is no tag's name is an error that says so."""
    checkout.git("tag", "v1.0")
    named = replace(checkout, settings=Git(tag="{name}/{version}"))
    assert "the tag will be acme/1.2.0" in said(named.outcome(tag_available))
    for wrong in ("v", "v{version}{x}", "v {version}", "{version}.lock"):
        outcome = replace(checkout, settings=Git(tag=wrong)).outcome(tag_available)
        assert outcome.status is Status.FAILED
        assert "`tag` in [tool.omni-release.git]" in said(outcome)


def test_the_same_version_spelled_otherwise(checkout: Checkout) -> None:
    """v1.2.0 and v1.2 are one version: it has been tagged."""
    checkout.git("tag", "v1.2")
    assert "has a tag already, in another spelling: v1.2" in said(checkout.outcome(tag_available))


def test_a_version_that_only_the_build_can_tell(checkout: Checkout) -> None:
    """Before the build nobody can tell what the tag is called."""
    assert replace(checkout, version=None).outcome(tag_available).status is Status.INCONCLUSIVE


def test_nobody_to_tag(checkout: Checkout) -> None:
    """Without a name git makes no tag: found before anything is published."""
    nameless = {key: value for key, value in checkout.environment.items() if not key.startswith("GIT_COMMITTER")}
    outcome = replace(checkout, environment=nameless | _nobody()).outcome(tag_available)
    assert "git does not know who makes the tag" in said(outcome)


def _nobody() -> dict[str, str]:
    """Settings by which git makes up no name."""
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"}


def test_in_ci_the_tag_came_first(checkout: Checkout, tmp_path: Path) -> None:
    """It is there, at this very commit, also in a clone as CI makes it; each way of saying so is known."""
    checkout.git("tag", "--annotate", "--message=x", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    shallow = clone(checkout.remote, tmp_path / "ci", "--depth=1", "--no-tags")
    for variables in ({"GITHUB_REF": "refs/tags/v1.2.0"}, {"CI_COMMIT_TAG": "v1.2.0"}):
        told = shallow.told(**variables)
        assert told.outcome(tag_available).status is Status.PASSED
        assert told.outcome(git_in_sync).status is Status.SKIPPED
    assert "but the version is 1.3.0: v1.3.0 is its tag" in said(replace(told, version="1.3.0").outcome(tag_available))


def test_in_ci_the_tag_was_moved(checkout: Checkout, tmp_path: Path) -> None:
    """A tag that has been moved, or taken away, since CI was started is an error."""
    checkout.git("tag", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    ci = clone(checkout.remote, tmp_path / "ci", "--branch=v1.2.0").told(CI_COMMIT_TAG="v1.2.0")
    assert ci.outcome(tag_available).status is Status.PASSED
    checkout.commit("more.py")
    checkout.git("tag", "--force", "v1.2.0")
    checkout.git("push", "--quiet", "--force", "origin", "v1.2.0")
    assert "on origin, the release is of" in said(ci.outcome(tag_available))
    checkout.git("push", "--quiet", "origin", ":v1.2.0")
    assert "origin has no tag v1.2.0 (any more)" in said(ci.outcome(tag_available))


def test_all_that_is_wrong_is_told_though_the_remote_is_gone(checkout: Checkout) -> None:
    """What is known to be wrong is no less so because something else cannot be told."""
    checkout.git("tag", "v1.2.0")
    checkout.commit("more.py")
    checkout.git("remote", "set-url", "origin", "https://127.0.0.1:9/acme.git")
    outcome = checkout.outcome(tag_available)
    assert outcome.status is Status.FAILED
    assert "here, the release is of" in said(outcome) and "origin does not answer" in said(outcome)


def test_somebody_elses_repository(checkout: Checkout) -> None:
    """Where git does not trust the folder's owner, that is what is said, and nothing is guessed."""
    outcome = checkout.told(GIT_TEST_ASSUME_DIFFERENT_OWNER="1").outcome(git_clean)
    assert outcome.status is Status.INCONCLUSIVE
    assert "dubious ownership" in said(outcome)


def test_what_has_begun_goes_forward(checkout: Checkout, tmp_path: Path) -> None:
    """Some of the release is on the index: what moves on in the meantime is told, and stops nothing any more."""
    other = clone(checkout.remote, tmp_path / "other")
    other.commit("theirs.py")
    other.git("push", "--quiet")
    checkout.git("switch", "--quiet", "--create", "side")
    checkout.git("branch", "--quiet", "--set-upstream-to=origin/main")
    for standing, status in ((FileState.ABSENT, Status.FAILED), (FileState.OURS, Status.PASSED)):
        with checkout.open() as (release, world):
            pinned(release, world)
            begun = replace(world, index=cast(Index, Holding(standing)))
            for body in (on_release_branch, git_in_sync):
                (outcome,) = engine.run(Lane("one", (check(body),)), release, begun, today=TODAY)
                assert outcome.status is status, said(outcome)
                assert ("goes forward" in said(outcome)) == (status is Status.PASSED)


@dataclass(frozen=True)
class Holding:
    """An index on which each of our files stands like this."""

    state: FileState

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        """How each stands."""
        return tuple(FileStatus(artifact.name, self.state) for artifact in artifacts)
