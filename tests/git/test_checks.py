"""The checks of git, on real repositories with a real bare remote."""

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
    """A clean clone on main, in sync with its remote."""
    return cloned(tmp_path)


def messages(outcome: Outcome) -> str:
    """All findings, one per line."""
    return "\n".join(f"{f.severity}: {f.where} {f.message}" for f in outcome.findings)


def test_clean_clone_passes(checkout: Checkout) -> None:
    """A clean clone in sync passes all four checks, and the name of the future tag is reported."""
    checkout.git("remote", "set-head", "origin", "--auto")
    for body in (git_clean, on_release_branch, git_in_sync):
        assert checkout.outcome(body).findings == ()
    assert messages(checkout.outcome(tag_available)) == "notice:  the tag will be v1.2.0"


def test_kinds_of_changes(checkout: Checkout) -> None:
    """Changed, staged, renamed and untracked files are reported by path, ignored files are not."""
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
    assert "changed" in found["acme.py"] and "staged" in found["staged.py"] and "untracked" in found["dir/neu ü.txt"]


def test_changes_outside_the_project_folder(checkout: Checkout) -> None:
    """For a project in a subfolder, changes elsewhere in the repository are reported relative to it."""
    checkout.commit("packages/acme/acme.py")
    (checkout.root / "other.txt").touch()
    outcome = replace(checkout, project=Path("packages/acme")).outcome(git_clean)
    assert [finding.path for finding in outcome.findings] == ["../../other.txt"]


def test_many_changes(checkout: Checkout) -> None:
    """Only the first of many paths are listed; the rest is counted."""
    for number in range(30):
        (checkout.root / f"{number}.txt").touch()
    outcome = checkout.outcome(git_clean)
    assert len(outcome.findings) == 21
    assert outcome.findings[-1].message == "10 more paths: run `git status`"


def test_unfinished_merge(checkout: Checkout) -> None:
    """A file with a merge conflict is reported as unmerged."""
    checkout.git("switch", "--quiet", "--create", "side")
    checkout.commit("acme.py", "side")
    checkout.git("switch", "--quiet", "main")
    checkout.commit("acme.py", "main")
    with pytest.raises(AssertionError):
        checkout.git("merge", "--quiet", "side")
    assert "acme.py unmerged" in messages(checkout.outcome(git_clean))


def test_changed_submodule(checkout: Checkout, tmp_path: Path) -> None:
    """An untracked file in a submodule is a change."""
    other = cloned(tmp_path / "other")
    allowed = ("-c", "protocol.file.allow=always")
    checkout.git(*allowed, "submodule", "--quiet", "add", other.remote.as_uri(), "vendored")
    checkout.git("commit", "--quiet", "--message=vendored")
    assert checkout.outcome(git_clean).status is Status.PASSED
    (checkout.root / "vendored" / "new.txt").touch()
    assert "vendored submodule with" in messages(checkout.outcome(git_clean))


def test_assume_unchanged(checkout: Checkout) -> None:
    """A file marked assume-unchanged is a warning, because `git status` does not report it."""
    checkout.git("update-index", "--assume-unchanged", "acme.py")
    (checkout.root / "acme.py").write_text("changed", encoding="utf-8")
    outcome = checkout.outcome(git_clean)
    assert outcome.status is Status.PASSED
    assert [(f.severity, f.path) for f in outcome.findings] == [(Severity.WARNING, "acme.py")]


def test_outside_a_repository(tmp_path: Path) -> None:
    """All checks are skipped, with the reason."""
    checkout = Checkout(tmp_path / "plain", tmp_path)
    checkout.root.mkdir()
    for body in (git_clean, on_release_branch, git_in_sync, tag_available):
        outcome = checkout.outcome(body)
        assert (outcome.status, outcome.findings[0].message) == (
            Status.SKIPPED,
            "the project is not in a git repository",
        )


def test_before_the_first_commit(tmp_path: Path) -> None:
    """A repository without a commit fails."""
    checkout = Checkout(tmp_path / "new", tmp_path)
    checkout.root.mkdir()
    checkout.git("init", "--quiet")
    outcome = checkout.outcome(git_clean)
    assert outcome.status is Status.FAILED
    assert "no commit yet" in messages(outcome)


def test_release_branch(checkout: Checkout) -> None:
    """It is the remote's default branch; the setting overrides it, also with a pattern."""
    checkout.git("switch", "--quiet", "--create", "side")
    assert messages(checkout.outcome(on_release_branch)) == "error:  on branch side; releases are made from main"
    checkout.git("remote", "set-head", "origin", "--auto")
    assert checkout.outcome(on_release_branch).status is Status.FAILED
    assert replace(checkout, settings=Git(branch="side")).outcome(on_release_branch).status is Status.PASSED
    checkout.git("branch", "--quiet", "--move", "release/1.x")
    assert replace(checkout, settings=Git(branch="release/*")).outcome(on_release_branch).status is Status.PASSED


def test_release_branch_without_a_remote(checkout: Checkout) -> None:
    """It is main or master where one of them exists; otherwise it cannot be determined."""
    checkout.git("remote", "remove", "origin")
    assert checkout.outcome(on_release_branch).status is Status.PASSED
    checkout.git("branch", "--quiet", "--move", "trunk")
    assert checkout.outcome(on_release_branch).status is Status.INCONCLUSIVE


def test_detached_head(checkout: Checkout) -> None:
    """A detached HEAD is on no branch, unless CI names the branch; for a tag the check is skipped."""
    checkout.git("switch", "--quiet", "--detach")
    assert "HEAD is detached" in messages(checkout.outcome(on_release_branch))
    for variables in ({"GITHUB_REF": "refs/heads/main"}, {"CI_COMMIT_BRANCH": "main"}):
        assert checkout.with_variables(**variables).outcome(on_release_branch).status is Status.PASSED
        assert checkout.with_variables(**variables).outcome(git_in_sync).status is Status.PASSED
    assert checkout.with_variables(GITHUB_REF="refs/pull/7/merge").outcome(on_release_branch).status is Status.FAILED
    assert checkout.with_variables(CI_COMMIT_TAG="v1.2.0").outcome(on_release_branch).status is Status.SKIPPED


def test_worktree(checkout: Checkout) -> None:
    """A second worktree of the repository is checked like the first."""
    checkout.git("worktree", "add", "--quiet", "-b", "side", str(checkout.root.parent / "worktree"))
    worktree = replace(checkout, root=checkout.root.parent / "worktree", settings=Git(branch="side"))
    assert worktree.outcome(git_clean).status is Status.PASSED
    assert worktree.outcome(on_release_branch).status is Status.PASSED
    assert "origin has no branch side" in messages(worktree.outcome(git_in_sync))


def test_ahead_behind_and_diverged(checkout: Checkout, tmp_path: Path) -> None:
    """All three are distinguished before and after a fetch, and the check itself fetches nothing."""
    other = clone(checkout.remote, tmp_path / "other")
    checkout.commit("mine.py")
    assert "main is 1 commit ahead of origin/main" in messages(checkout.outcome(git_in_sync))
    other.commit("theirs.py")
    other.git("push", "--quiet")
    refs = checkout.git("for-each-ref")
    assert "have diverged: 1 commit only here, and others only there" in messages(checkout.outcome(git_in_sync))
    assert checkout.git("for-each-ref") == refs
    checkout.git("fetch", "--quiet")
    assert "have diverged: 1 commit only here, 1 only there" in messages(checkout.outcome(git_in_sync))
    checkout.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "main is 1 commit behind origin/main" in messages(checkout.outcome(git_in_sync))
    other.commit("more.py")
    other.git("push", "--quiet")
    assert "main is behind origin/main, which has" in messages(checkout.outcome(git_in_sync))


def test_shallow_clone(checkout: Checkout, tmp_path: Path) -> None:
    """A shallow clone, as CI makes it, is compared correctly."""
    checkout.commit("second.py")
    checkout.git("push", "--quiet")
    shallow = clone(checkout.remote, tmp_path / "shallow", "--depth=1")
    assert shallow.outcome(git_in_sync).status is Status.PASSED
    checkout.commit("third.py")
    checkout.git("push", "--quiet")
    assert "main is behind origin/main" in messages(shallow.outcome(git_in_sync))


def test_no_remote(checkout: Checkout) -> None:
    """Without a remote the sync check is skipped, with the reason."""
    checkout.git("remote", "remove", "origin")
    assert "no remote" in messages(checkout.outcome(git_in_sync))
    assert messages(checkout.outcome(tag_available)) == "notice:  the tag will be v1.2.0"


def test_release_remote(checkout: Checkout) -> None:
    """It is the one that the branch tracks; the setting overrides it; among several others none is guessed."""
    checkout.git("remote", "rename", "origin", "upstream")
    checkout.git("remote", "add", "fork", "https://127.0.0.1:9/fork.git")
    assert checkout.outcome(git_in_sync).status is Status.PASSED
    checkout.git("branch", "--unset-upstream")
    assert "cannot determine the remote to release to: fork, upstream" in messages(checkout.outcome(git_in_sync))
    assert replace(checkout, settings=Git(remote="upstream")).outcome(git_in_sync).status is Status.PASSED
    assert "is not a remote of this repository: other" in messages(
        replace(checkout, settings=Git(remote="other")).outcome(tag_available)
    )


def test_unreachable_remote(checkout: Checkout) -> None:
    """An unreachable remote is inconclusive, and the credentials in its address are not printed."""
    checkout.git("remote", "set-url", "origin", "https://somebody:hunter2-hunter2@127.0.0.1:9/acme.git")
    for body in (git_in_sync, tag_available):
        outcome = checkout.outcome(body)
        assert outcome.status is Status.INCONCLUSIVE
        assert "origin does not" in messages(outcome)
        assert (
            "127.0.0.1" in messages(outcome)
            and "hunter2" not in messages(outcome)
            and "somebody" not in messages(outcome)
        )


def test_unresponsive_remote(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote that does not answer in time is inconclusive."""
    monkeypatch.setattr(git, "REMOTE_TIMEOUT", 0.5)
    hook(checkout.root.parent, "ssh", "import time; time.sleep(60)")
    checkout.git("remote", "set-url", "origin", "ssh://git@127.0.0.1/acme.git")
    slow = checkout.with_variables(GIT_SSH=str(checkout.root.parent / "hooks" / "ssh"))
    outcome = slow.outcome(git_in_sync)
    assert outcome.status is Status.INCONCLUSIVE
    assert "git ls-remote did not answer within 0.5 s" in messages(outcome)


def test_ssh_never_prompts(checkout: Checkout) -> None:
    """OpenSSH runs in batch mode, also with a configured command; other programs are left unchanged."""
    assert git.unattended({}, "")["GIT_SSH_COMMAND"] == "ssh -o BatchMode=yes"
    assert git.unattended({}, "ssh -i key")["GIT_SSH_COMMAND"] == "ssh -i key -o BatchMode=yes"
    assert git.unattended({"GIT_SSH_COMMAND": "ssh -4"}, "ssh -6")["GIT_SSH_COMMAND"] == "ssh -4 -o BatchMode=yes"
    for outer, configured in (({}, "plink -batch"), ({"GIT_SSH": "plink"}, ""), ({}, "'not closed")):
        assert "GIT_SSH_COMMAND" not in git.unattended(outer, configured)
    assert git.unattended({}, "")["GIT_TERMINAL_PROMPT"] == "0"


def test_check_runs_no_hook(checkout: Checkout) -> None:
    """The dry run of a push does not run the pre-push hook."""
    hook(checkout.root / ".git", "pre-push", "open('was-run.log', 'w'); raise SystemExit(1)")
    assert checkout.outcome(git_in_sync).status is Status.PASSED
    assert not (checkout.root / "was-run.log").exists()


def test_push_rejected(checkout: Checkout) -> None:
    """A remote that can be read but not pushed to fails."""
    checkout.git("remote", "set-url", "--push", "origin", str(checkout.root.parent / "no-such.git"))
    outcome = checkout.outcome(git_in_sync)
    assert outcome.status is Status.FAILED
    assert "origin rejected a test push" in messages(outcome)


def test_tag_at_another_commit(checkout: Checkout, tmp_path: Path) -> None:
    """A tag of that name at another commit fails, locally or only on the remote."""
    checkout.git("tag", "v1.2.0")
    checkout.commit("more.py")
    checkout.git("push", "--quiet")
    outcome = checkout.outcome(tag_available)
    assert outcome.status is Status.FAILED
    assert "tag v1.2.0 points to" in messages(outcome) and "locally" in messages(outcome)
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    checkout.git("tag", "--delete", "v1.2.0")
    assert "on origin, but the release is" in messages(checkout.outcome(tag_available))


def test_tag_at_the_released_commit(checkout: Checkout) -> None:
    """A tag at the released commit passes, annotated or lightweight."""
    checkout.git("tag", "--annotate", "--message=x", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    outcome = checkout.outcome(tag_available)
    assert outcome.status is Status.PASSED
    assert "already points to this commit locally" in messages(outcome)
    assert "already points to this commit on origin" in messages(outcome)
    light = replace(checkout, version="1.3.0")
    light.git("tag", "v1.3.0")
    assert messages(light.outcome(tag_available)) == "notice:  tag v1.3.0 is not annotated locally"


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
def test_style_of_existing_tags(checkout: Checkout, tags: tuple[str, ...], project: str, expected: str) -> None:
    """The tag's name follows the existing tags, of this project where the repository has several."""
    checkout.commit(f"{project}/acme.py")
    for tag in tags:
        checkout.git("tag", tag)
    outcome = replace(checkout, project=Path(project)).outcome(tag_available)
    assert f"the tag will be {expected}" in messages(outcome)


def test_style_of_remote_tags(checkout: Checkout, tmp_path: Path) -> None:
    """In a clone without tags, as CI makes it, the name follows the remote's tags."""
    checkout.git("tag", "rel-1.1.0")
    checkout.git("push", "--quiet", "origin", "rel-1.1.0")
    bare = clone(checkout.remote, tmp_path / "bare", "--no-tags", "--depth=1")
    assert "the tag will be rel-1.2.0" in messages(bare.outcome(tag_available))


def test_tag_setting(checkout: Checkout) -> None:
    """The setting overrides the existing tags; an invalid one is an error that names it."""
    checkout.git("tag", "v1.0")
    named = replace(checkout, settings=Git(tag="{name}/{version}"))
    assert "the tag will be acme/1.2.0" in messages(named.outcome(tag_available))
    for wrong in ("v", "v{version}{x}", "v {version}", "{version}.lock", "--delete{version}", "-d{version}"):
        outcome = replace(checkout, settings=Git(tag=wrong)).outcome(tag_available)
        assert outcome.status is Status.FAILED
        assert "`tag` in [tool.omni-release.git]" in messages(outcome)


def test_tag_with_another_spelling(checkout: Checkout) -> None:
    """v1.2 is a tag of version 1.2.0."""
    checkout.git("tag", "v1.2")
    assert "already has a tag with another spelling: v1.2" in messages(checkout.outcome(tag_available))


def test_version_unknown_before_the_build(checkout: Checkout) -> None:
    """Without a version the name of the tag is inconclusive."""
    assert replace(checkout, version=None).outcome(tag_available).status is Status.INCONCLUSIVE


def test_no_git_identity(checkout: Checkout) -> None:
    """Without an identity git creates no tag, so the check fails."""
    nameless = {key: value for key, value in checkout.environment.items() if not key.startswith("GIT_COMMITTER")}
    outcome = replace(checkout, environment=nameless | _no_identity()).outcome(tag_available)
    assert "git has no identity to tag with" in messages(outcome)


def _no_identity() -> dict[str, str]:
    """A configuration in which git derives no identity from the account."""
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"}


def test_ci_tag(checkout: Checkout, tmp_path: Path) -> None:
    """In CI that a tag has started the tag exists at this commit, also in CI's clone without tags."""
    checkout.git("tag", "--annotate", "--message=x", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    shallow = clone(checkout.remote, tmp_path / "ci", "--depth=1", "--no-tags")
    for variables in ({"GITHUB_REF": "refs/tags/v1.2.0"}, {"CI_COMMIT_TAG": "v1.2.0"}):
        told = shallow.with_variables(**variables)
        assert told.outcome(tag_available).status is Status.PASSED
        assert told.outcome(git_in_sync).status is Status.SKIPPED
    said = messages(replace(told, version="1.3.0").outcome(tag_available))
    assert "but the version is 1.3.0: set the version to 1.2.0 and tag that commit, or push the tag v1.3.0" in said


def test_ci_tag_moved_or_deleted(checkout: Checkout, tmp_path: Path) -> None:
    """A tag that was moved or deleted since CI started is an error."""
    checkout.git("tag", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.2.0")
    ci = clone(checkout.remote, tmp_path / "ci", "--branch=v1.2.0").with_variables(CI_COMMIT_TAG="v1.2.0")
    assert ci.outcome(tag_available).status is Status.PASSED
    checkout.commit("more.py")
    checkout.git("tag", "--force", "v1.2.0")
    checkout.git("push", "--quiet", "--force", "origin", "v1.2.0")
    assert "on origin, but the release is" in messages(ci.outcome(tag_available))
    checkout.git("push", "--quiet", "origin", ":v1.2.0")
    assert "origin does not have tag v1.2.0" in messages(ci.outcome(tag_available))


def test_local_error_with_an_unreachable_remote(checkout: Checkout) -> None:
    """A local error fails the check, although the remote is inconclusive."""
    checkout.git("tag", "v1.2.0")
    checkout.commit("more.py")
    checkout.git("remote", "set-url", "origin", "https://127.0.0.1:9/acme.git")
    outcome = checkout.outcome(tag_available)
    assert outcome.status is Status.FAILED
    assert "locally, but the release is" in messages(outcome) and "origin does not answer" in messages(outcome)


def test_repository_of_another_user(checkout: Checkout) -> None:
    """Where git does not trust the folder's owner, the check is inconclusive and shows git's message."""
    outcome = checkout.with_variables(GIT_TEST_ASSUME_DIFFERENT_OWNER="1").outcome(git_clean)
    assert outcome.status is Status.INCONCLUSIVE
    assert "dubious ownership" in messages(outcome)


def test_started_release_continues(checkout: Checkout, tmp_path: Path) -> None:
    """Once a file is on the index, a moved branch is only a warning."""
    other = clone(checkout.remote, tmp_path / "other")
    other.commit("theirs.py")
    other.git("push", "--quiet")
    checkout.git("switch", "--quiet", "--create", "side")
    checkout.git("branch", "--quiet", "--set-upstream-to=origin/main")
    for state, status in ((FileState.ABSENT, Status.FAILED), (FileState.OURS, Status.PASSED)):
        with checkout.open() as (release, world):
            pinned(release, world)
            started = replace(world, index=cast(Index, IndexWithState(state)))
            for body in (on_release_branch, git_in_sync):
                (outcome,) = engine.run(Lane("one", (check(body),)), release, started, today=TODAY)
                assert outcome.status is status, messages(outcome)
                assert ("already started" in messages(outcome)) == (status is Status.PASSED)


@dataclass(frozen=True)
class IndexWithState:
    """An index on which every artifact has this state."""

    state: FileState

    def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> tuple[FileStatus, ...]:
        """The same state for each."""
        return tuple(FileStatus(artifact.name, self.state) for artifact in artifacts)
