"""The pre-commit hook, by the real pre-commit, from a local git repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import child_environment, copy_case, git
from tests.test_hooks import hooks_in


def committed(root: Path, cache: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """`git commit` in a project that the hook is installed in."""
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.invalid", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *who, "commit", "--message", "change", *more],
        cwd=root,
        env=child_environment(PRE_COMMIT_HOME=str(cache)),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.mark.long  # what is staged is held in test_staged.py, and the hooks in test_hooks.py
@pytest.mark.rehearsal
def test_the_hook_fails_on_staged_drift(tmp_path: Path) -> None:
    """Staged drift is refused; drift that is not staged is not."""
    hooks = tmp_path / "hooks"
    revision = hooks_in(hooks)
    root = copy_case("sound", tmp_path / "project")
    (root / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hooks}\n    rev: {revision}\n    hooks:\n      - id: omni-release-version\n"
    )
    subprocess.run([sys.executable, "-m", "pre_commit", "install"], cwd=root, check=True, capture_output=True)
    git("add", "--all", cwd=root)
    cache = tmp_path / "cache"
    sound = committed(root, cache)
    assert sound.returncode == 0, sound.stdout + sound.stderr

    module = root / "src" / "acme_sound" / "__init__.py"
    text = module.read_text()
    module.write_text(text.replace("1.2.3", "1.2.2"))
    (root / "notes.txt").write_text("not about versions\n")
    git("add", "notes.txt", cwd=root)
    assert committed(root, cache).returncode == 0
    git("add", "--all", cwd=root)
    refused = committed(root, cache)
    assert refused.returncode == 1
    assert "src/acme_sound/__init__.py:3" in refused.stdout + refused.stderr
    module.write_text(text)
    assert committed(root, cache).returncode == 1, "what is staged counts, not what lies in the folder"

    git("add", "--all", cwd=root)
    (root / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.2\n")
    git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=sound", cwd=root)
    assert committed(root, cache, "--allow-empty").returncode == 0, "a file that is not staged is no part of it"
    git("add", "CITATION.cff", cwd=root)
    assert "CITATION.cff:2" in committed(root, cache).stderr
    git("rm", "--quiet", "--cached", "CITATION.cff", cwd=root)
    assert committed(root, cache, "--allow-empty").returncode == 0, "it is deleted in the index, not in the folder"
    (root / "VERSION").write_text("1.2.3\n")
    git("add", "VERSION", cwd=root)
    assert committed(root, cache).returncode == 0
    git("mv", "VERSION", "VERSION.txt", cwd=root)
    (root / "VERSION.txt").write_text("1.2.1\n")
    git("add", "VERSION.txt", cwd=root)
    (root / "VERSION.txt").write_text("1.2.3\n")
    assert "VERSION.txt:1" in committed(root, cache).stderr
