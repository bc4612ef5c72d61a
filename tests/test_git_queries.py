"""What the real git says of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release import git_queries
from omni_release.core.world import World
from tests.repositories import Checkout, cloned, git


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A repository with one commit; none above `tmp_path` is seen, and none that a git hook has named."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return cloned(tmp_path)


def test_commit(tmp_path: Path, world: World, checkout: Checkout) -> None:
    """The commit that is checked out; none outside a repository, and none before the first one."""
    made = git_queries.commit(checkout.root, world.processes)
    assert made is not None
    assert str(made.time) == checkout.git("log", "-1", "--format=%ct").strip()
    assert made.sha == checkout.git("rev-parse", "HEAD").strip()
    (tmp_path / "plain").mkdir()
    assert git_queries.commit(tmp_path / "plain", world.processes) is None
    git("init", "--quiet", "fresh", cwd=tmp_path)
    assert git_queries.commit(tmp_path / "fresh", world.processes) is None
    assert git_queries.commit(tmp_path / "not there", world.processes) is None


def test_working_tree(tmp_path: Path, world: World, checkout: Checkout) -> None:
    """The repository that a folder lies in, and where in it; a worktree's git folder lies in the first checkout."""
    top, inside = checkout.root, checkout.root / "packages/acme"
    checkout.commit("packages/acme/pyproject.toml")
    found = git_queries.working_tree(inside, world.processes)
    assert found is not None
    assert found.top.samefile(top)
    assert found.git_dir.samefile(top / ".git")
    assert str(found.inside(inside)) == "packages/acme"
    assert str(found.inside(top)) == "."
    checkout.git("worktree", "add", "--quiet", str(tmp_path / "second"))
    second = git_queries.working_tree(tmp_path / "second", world.processes)
    assert second is not None
    assert second.top.samefile(tmp_path / "second")
    assert second.git_dir.samefile(top / ".git/worktrees/second")
    assert git_queries.working_tree(tmp_path, world.processes) is None
