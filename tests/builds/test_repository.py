"""The repository of the copy that is built: as the user's, and apart from it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.builds import CopySource
from omni_release.core.model import Status
from tests import waiting
from tests.repositories import Checkout, clone, cloned, git

QUESTIONS = (
    ("describe", "--tags", "--always", "--dirty"),
    ("status", "--porcelain", "--branch"),
    ("log", "--format=%H %D", "--all"),
    ("ls-files", "--stage"),
    ("ls-files", "--recurse-submodules"),
    ("rev-parse", "--is-shallow-repository"),
    ("rev-parse", "--abbrev-ref", "HEAD"),
)


def tagged(folder: Path) -> Checkout:
    """Two commits, the first one tagged, with a remote."""
    checkout = cloned(folder)
    checkout.git("tag", "--annotate", "--message=one", "v1.0")
    checkout.commit("acme/__init__.py")
    checkout.git("push", "--quiet", "--tags", "origin", "main")
    return checkout


def dirty(folder: Path) -> Checkout:
    """A changed, a staged, a removed and an untracked file."""
    checkout = tagged(folder)
    (checkout.root / "acme.py").write_text("changed", encoding="utf-8")
    (checkout.root / "staged.py").touch()
    checkout.git("add", "staged.py")
    (checkout.root / "acme" / "__init__.py").unlink()
    (checkout.root / "new.py").touch()
    return checkout


def worktree(folder: Path) -> Checkout:
    """A second working tree, on a branch of its own."""
    first = tagged(folder)
    first.git("worktree", "add", "--quiet", "-b", "fix", str(folder / "second"), "v1.0")
    return replace(first, root=folder / "second")


def detached(folder: Path) -> Checkout:
    """A tag is checked out, as on a CI service."""
    checkout = tagged(folder)
    checkout.git("switch", "--quiet", "--detach", "v1.0")
    return checkout


def shallow(folder: Path) -> Checkout:
    """The newest commit alone."""
    return clone(tagged(folder).remote, folder / "shallow", "--depth=1", "--no-tags")


def subfolder(folder: Path) -> Checkout:
    """A project below the repository's top."""
    checkout = tagged(folder)
    checkout.commit("packages/acme/pyproject.toml")
    return replace(checkout, project=Path("packages/acme"))


def submodule(folder: Path) -> Checkout:
    """A repository within the repository."""
    checkout, inner = tagged(folder / "outer"), tagged(folder / "inner")
    local = "protocol.file.allow=always"
    checkout.git("-c", local, "submodule", "--quiet", "add", inner.remote.as_uri(), "vendored")
    checkout.commit()
    return checkout


def split_index(folder: Path) -> Checkout:
    """An index in two files."""
    checkout = dirty(folder)
    checkout.git("update-index", "--split-index")
    return checkout


def crlf(folder: Path) -> Checkout:
    """A repository that checks its files out with other line ends."""
    checkout = tagged(folder)
    checkout.git("config", "core.autocrlf", "true")
    checkout.commit("lines.txt", "one\ntwo\n")
    (checkout.root / "lines.txt").unlink()
    checkout.git("restore", "lines.txt")
    return checkout


@pytest.mark.parametrize("make", [tagged, dirty, worktree, detached, shallow, subfolder, submodule, split_index, crlf])
def test_same_answers(make: Callable[[Path], Checkout], tmp_path: Path) -> None:
    """Git answers in the copy as in the checkout: the same commit, tags, files and changes."""
    checkout = make(tmp_path)
    expected = [checkout.git(*question) for question in QUESTIONS]
    assert checkout.outcome(CopySource()).status is Status.PASSED
    for copy in copies(checkout):
        assert [git(*question, cwd=copy) for question in QUESTIONS] == [without_remote(text) for text in expected]
        assert git("remote", cwd=copy) == ""
        assert not any(path.is_file() for path in copy.rglob(".git"))


def without_remote(text: str) -> str:
    """The output without the branch of a remote that `git status` compares with."""
    return text.replace("## main...origin/main [ahead 1]", "## main").replace("## main...origin/main", "## main")


def copies(checkout: Checkout) -> tuple[Path, Path]:
    """The two copies of the working tree."""
    with checkout.open() as (release, _):
        return release.work_dir / "source", release.work_dir / "again"


def test_file_that_changes_meanwhile(tmp_path: Path) -> None:
    """A file that another program writes to during the copy is named."""
    checkout = tagged(tmp_path)
    loop = "import time\nwhile True:\n    open('other.log', 'a').write('line\\n')\n    time.sleep(0.001)"
    writer = subprocess.Popen([sys.executable, "-c", loop], cwd=checkout.root)
    try:
        waiting.until((checkout.root / "other.log").exists)
        outcome = checkout.outcome(CopySource())
    finally:
        writer.kill()
        writer.wait()
    assert outcome.status is Status.INCONCLUSIVE
    assert "other.log changed while the checkout was copied" in outcome.findings[0].message


@pytest.mark.parametrize("make", [tagged, worktree, submodule])
def test_users_repository_is_unchanged(make: Callable[[Path], Checkout], tmp_path: Path) -> None:
    """Tags, commits, settings and the index that a back end changes are those of the copy."""
    checkout = make(tmp_path)
    checkout.outcome(CopySource())
    before = state(checkout)
    for copy in copies(checkout):
        (copy / "acme.py").write_text("generated", encoding="utf-8")
        for command in ("add --all", "commit --quiet --message=built", "tag v9", "config core.fsmonitor evil"):
            git(*command.split(), cwd=copy)
        git("update-ref", "-d", "refs/tags/v1.0", cwd=copy)
        git("gc", "--quiet", "--prune=now", cwd=copy)
    assert state(checkout) == before


def state(checkout: Checkout) -> list[str]:
    """What a back end must not change."""
    commands = (*QUESTIONS, ("config", "--list", "--local"), ("fsck", "--no-progress"))
    return [checkout.git(*command) for command in commands]


def test_without_a_commit(tmp_path: Path) -> None:
    """A new repository is copied as the empty one that it is."""
    git("init", "--quiet", "--initial-branch=trunk", str(tmp_path / "new"), cwd=tmp_path)
    (tmp_path / "new" / "acme.py").touch()
    checkout = Checkout(tmp_path / "new", tmp_path)
    assert checkout.outcome(CopySource()).status is Status.PASSED
    for copy in copies(checkout):
        assert git("status", "--porcelain", "--branch", cwd=copy) == "## No commits yet on trunk\n?? acme.py\n"


def test_hooks_and_templates_stay_out(tmp_path: Path) -> None:
    """A template and hooks that the user's git configures do not reach the copy."""
    checkout = tagged(tmp_path)
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    (template / "post-index-change").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    checkout = checkout.with_variables(GIT_TEMPLATE_DIR=str(template.parent))
    assert checkout.outcome(CopySource()).status is Status.PASSED
    for copy in copies(checkout):
        assert not (copy / ".git" / "hooks").exists()
