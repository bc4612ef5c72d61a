"""A rehearsal of all packages of a workspace: real builds, uploads and installations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omni_release.cli.main import main
from tests.conftest import git, omni
from tests.workspaces.layouts import UV, laid_out, package

QUICK = ("--only", "works-with-uv", "--only", "tests-pass")


def member(name: str, version: str, *requirements: str, body: str = "", python: str = ">=3.11") -> dict[str, str]:
    """The files of a package whose tests import it, and with it all that it requires."""
    module, folder = name.replace("-", "_"), f"packages/{name}"
    more = f'requires-python = "{python}"\n[dependency-groups]\ntest = ["pytest"]'
    return {
        f"{folder}/pyproject.toml": package(name, version, *requirements, more=more),
        f"{folder}/{module}/__init__.py": f"{body}\nVALUE = 1\n",
        f"{folder}/tests/test_it.py": f"import {module}\n\n\ndef test_it():\n    assert {module}.VALUE\n",
    }


def workspace(root: Path, *members: dict[str, str]) -> Path:
    """A uv workspace in a repository."""
    files = {"pyproject.toml": UV, ".gitignore": "__pycache__/\n"}
    laid_out(root, files | {name: text for each in members for name, text in each.items()})
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)
    return root


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in document["packages"]}


@pytest.mark.rehearsal
def test_siblings_are_installed_from_this_run(tmp_path: Path) -> None:
    """A dependent gets its unreleased sibling, in its tests too; a failed package stops its dependents alone."""
    root = workspace(
        tmp_path / "acme",
        member("acme-zz-core", "1.1.0"),
        member("acme-zz-plug", "0.3.0", "acme-zz-core==1.1.0", body="from acme_zz_core import VALUE as CORE"),
        member("acme-zz-bad", "1.0.0", python=">=three"),
        member("acme-zz-last", "1.0.0", "acme-zz-plug", "acme-zz-bad"),
    )
    ran = omni("rehearse", *QUICK, "--format", "json", "--output", tmp_path / "out", cwd=root)
    assert ran.code == 1, ran.out + ran.err
    assert verdicts(ran.document) == {
        "acme-zz-bad": "failed",
        "acme-zz-core": "passed",
        "acme-zz-plug": "passed",
        "acme-zz-last": "not run",
    }
    assert ran.document["packages"][-1]["reason"] == "needs acme-zz-bad, which failed"
    run = Path(ran.document["run"])
    assert run.parent == root / ".omni-release" / "workspace" / "runs"
    assert {path.name for path in run.iterdir()} >= {"journal.jsonl", "report.html", "report.json", "report.md"}
    assert json.loads((tmp_path / "out" / "acme-zz-plug" / "report.json").read_text(encoding="utf-8"))["run"]
    addresses = {
        outcome["evidence"]["index"].rpartition(":")[2]
        for each in ran.document["packages"]
        for outcome in (each["report"] or {"outcomes": ()})["outcomes"]
        if outcome["id"] == "upload" and "index" in outcome["evidence"]
    }
    assert len(addresses) == 1  # one index for all
    # By itself it cannot be installed, which the rehearsal says.
    alone = omni("rehearse", "--only", "siblings-available", "--format", "json", cwd=root / "packages/acme-zz-plug")
    assert alone.outcome("siblings-available")["status"] == "failed"


@pytest.mark.rehearsal
def test_cannot_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cycle, an unknown package, an option without a workspace: an error before anything is built."""
    root = workspace(
        tmp_path / "cycle", member("acme-zz-a", "1.0", "acme-zz-b"), member("acme-zz-b", "1.0", "acme-zz-a")
    )
    apart = workspace(tmp_path / "apart", member("acme-zz-c", "1.0"), member("acme-zz-d", "1.0"))
    for arguments, folder, expected in (
        (("--only", "test-pass"), apart, "has no task 'test-pass'"),
        ((), root, "acme-zz-a → acme-zz-b → acme-zz-a"),
        (("--package", "acme-zz-q"), root, "has no package acme-zz-q"),
        (("--package", "acme"), laid_out(tmp_path / "one", {"pyproject.toml": package("acme")}), "needs a workspace"),
    ):
        assert main(["rehearse", *arguments, "--project", str(folder)]) == 2
        assert expected in capsys.readouterr().err
    assert not list(tmp_path.rglob("runs"))
