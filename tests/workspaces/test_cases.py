"""Whole small workspaces, each with what is expected of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release.cli.main import main
from omni_release.core.errors import UsageError
from omni_release.workspaces import discovery, order
from omni_release.workspaces.model import Kind, Workspace
from tests.conftest import git

CASES = Path(__file__).parents[1] / "cases" / "workspaces"


def described(workspace: Workspace) -> Iterator[str]:
    """The packages, then the batches of a release of all, or why there are none."""
    for package in sorted(workspace.packages.values(), key=lambda package: package.folder):
        needs = sorted(package.requires(Kind.RUNTIME, Kind.BUILD))
        words = [package.folder, package.name, str(package.version)]
        words += ["private"] if package.private else []
        words += ["group", package.group] if package.group else []
        yield " ".join([*words, *(["needs", *needs] if needs else [])])
    try:
        for batch in order.batches(workspace, [package.key for package in workspace.released]):
            yield f"batch {' '.join(batch)}"
    except UsageError as error:
        yield f"error {error.message.splitlines()[-1]}"


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_case(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The packages, their order, and a version check that passes."""
    root = shutil.copytree(CASES / name, tmp_path / name)
    workspace = discovery.discover(root)
    assert workspace is not None
    assert list(described(workspace)) == (root / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert main(["version", "check", "--project", str(root)]) == 0, capsys.readouterr().out


def test_lockstep(tmp_path: Path) -> None:
    """The C sibling goes along from either folder, and from the root, with the pin on it."""
    for at, words in (("acme", ("bump", "minor")), ("acme_c", ("set", "1.4.0")), (".", ("set", "2.0.0"))):
        root = shutil.copytree(CASES / "lockstep", tmp_path / at.strip(".") / "project")
        git("init", "--quiet", cwd=root)
        assert main(["version", *words, "--project", str(root / at)]) == 0
        version = {"acme": "1.3.0", "acme_c": "1.4.0", ".": "2.0.0"}[at]
        for file in ("acme/pyproject.toml", "acme_c/pyproject.toml", "acme_c/src/acme_c/__init__.py"):
            text = (root / file).read_text(encoding="utf-8")
            assert version in text and "1.2.3" not in text, (at, file)
