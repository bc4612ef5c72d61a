"""The workflows of many packages: valid for GitHub and zizmor, and their scripts run on a real workspace."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_release.cli import workflow
from tests.conftest import child_environment, git, omni
from tests.workspaces.layouts import CORE, PLUG, UV, laid_out, package

PROGRAMS = Path(sys.executable).parent
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(
    BASH is None or shutil.which("jq") is None or sys.platform == "win32",
    reason="the jobs run on Linux, with bash and jq",
)
NAMES = ("gate", "release")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A core and its plug-in, committed."""
    root = laid_out(
        tmp_path / "acme", {"pyproject.toml": UV, **CORE, **PLUG, "packages/core/README.md": "# acme-core\n"}
    )
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)
    return root


def steps(name: str, job: str) -> dict[str, Any]:
    """The steps of a job by their names, for two batches."""
    read = yaml.safe_load(workflow.github(name, packages=workflow.Packages(2, by_tag=False)))
    return {step["name"]: step for step in read["jobs"][job]["steps"]}


def shell(root: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does."""
    assert BASH is not None
    temp = root.parent / "temp"
    temp.mkdir(exist_ok=True)
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=root,
        env=child_environment(PATH=path, RUNNER_TEMP=str(temp), GITHUB_OUTPUT=str(root.parent / "output"), **variables),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def matrix(root: Path) -> list[str]:
    """The packages of each job of the matrix, as the step has written it."""
    (line,) = (root.parent / "output").read_text(encoding="utf-8").splitlines()
    return [entry["packages"] for entry in json.loads(line.removeprefix("matrix="))]


@pytest.mark.parametrize("by_tag", [False, True])
def test_valid(by_tag: bool, root: Path) -> None:
    """GitHub's schema and the strictest persona of zizmor find nothing."""
    reviewers = "approval" if by_tag else None
    texts = [workflow.github(name, packages=workflow.Packages(3, by_tag), reviewers=reviewers) for name in NAMES]
    folder = root / ".github" / "workflows"
    laid_out(folder, {f"{name}.yml": text for name, text in zip(NAMES, texts, strict=True)})
    zizmor = [str(PROGRAMS / "zizmor"), "--offline", "--persona", "auditor", "--no-progress", str(folder)]
    schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    for command in (zizmor, [*schema, *map(str, folder.iterdir())]):
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    release = yaml.safe_load(texts[1])
    assert ("push" in release[True], "workflow_dispatch" in release[True], "tag" in release["jobs"]) == (
        by_tag,
        not by_tag,
        not by_tag,
    )
    assert not re.findall("</?[a-z-]+>", "".join(texts))


def test_publish_runs_nothing_else(root: Path) -> None:
    """The job with the token fetches, compares hashes and publishes: one step for each batch, in order."""
    jobs = yaml.safe_load(omni("workflow", "github", "release", cwd=root).out)["jobs"]
    found = {step["name"]: step for step in jobs["publish"]["steps"]}
    assert list(found) == [
        "Fetch what was built",
        "Compare the hashes with those of the build",
        "Publish batch 0",
        "Publish batch 1",
    ]
    assert found["Publish batch 1"]["with"]["packages-dir"] == "built/dist/1/"
    writes = {(job, key) for job, c in jobs.items() for key, may in c["permissions"].items() if may == "write"}
    assert writes == {("publish", "id-token"), ("tag", "contents")}
    for content in jobs.values():
        assert not any("${{" in step.get("run", "") for step in content["steps"])


def test_plan(root: Path) -> None:
    """The matrix has a job for each package, in order; a plan with more batches than the workflow is an error."""
    plan = steps("release", "build")["Plan"]["run"]
    ended = shell(root, plan)
    assert ended.returncode == 0, ended.stderr
    assert matrix(root) == ["acme-core", "acme-plug"]
    laid_out(root, {"packages/top/pyproject.toml": package("acme-top", "1.0", "acme_plug")})
    shutil.rmtree(root.parent / "temp")
    ended = shell(root, plan)
    assert (ended.returncode, "the plan has more" in ended.stdout) == (1, True)


def test_a_large_matrix(root: Path) -> None:
    """GitHub allows 256 jobs in a matrix: of more packages, several are in one."""
    plan = steps("release", "build")["Plan"]["run"].replace("omni-release plan --format json", 'cat "$PLAN"')
    document = {"order": [f"p{number}" for number in range(600)], "batches": [[]]}
    laid_out(root.parent, {"600.json": json.dumps(document)})
    assert shell(root, plan, PLAN=str(root.parent / "600.json")).returncode == 0
    found = matrix(root)
    assert (len(found), found[0], " ".join(found).split()) == (200, "p0 p1 p2", document["order"])


@pytest.mark.long
def test_gate(root: Path) -> None:
    """The gate runs for each package, also after one has failed; then what has changed is listed."""
    gate = steps("gate", "gate")["Gate"]["run"]
    laid_out(root, {"packages/core/acme_core.py": '__version__ = "9.9"\n', "packages/plug/README.md": "# plug\n"})
    ended = shell(root, gate)
    assert ended.returncode == 1
    assert "::error::failed: acme-core" in ended.stdout
    assert (root / "reports" / "packages" / "plug" / "report.sarif").is_file()
    changed = steps("gate", "plan")["List what has changed"]["run"]
    assert shell(root, changed, BASE="HEAD").returncode == 0
    assert matrix(root) == ["acme-core", "acme-plug"]
    ended = shell(root, changed, BASE="gone")
    assert ended.returncode != 0


@pytest.mark.parametrize("damage", ["", "bytes", "more", "plan"])
def test_same_bytes(damage: str, root: Path) -> None:
    """The sums of the build accept its files and no others."""
    built = root.parent / "temp" / "built"
    files = {
        "plan.json": "{}",
        "dist/0/acme_core-1.0.tar.gz": "core",
        "runs/acme-core/20261126-000000-000/artifacts.json": "[]",
        "runs/acme-core/20261126-000000-000/dist/acme_core-1.0.tar.gz": "core",
    }
    laid_out(built, files)
    ended = shell(root, steps("release", "build")["Record the hashes of the build"]["run"])
    assert ended.returncode == 0, ended.stderr
    first, *sums, last = (root.parent / "output").read_text(encoding="utf-8").splitlines()
    assert (first, len(sums), last) == ("sums<<END", 4, "END")
    changed = {"bytes": "dist/0/acme_core-1.0.tar.gz", "more": "dist/0/other-1.0.tar.gz", "plan": "plan.json"}
    laid_out(built, {changed[damage]: "other"} if damage else {})
    compare = steps("release", "publish")["Compare the hashes with those of the build"]["run"]
    ended = shell(root.parent / "temp", compare, SUMS="\n".join(sums))
    assert (ended.returncode == 0) is (not damage), ended.stdout + ended.stderr


@pytest.mark.long
def test_build_and_rehearse(root: Path) -> None:
    """The scripts build all packages in order, hand them on, and rehearse each with them."""
    build, rehearse = steps("release", "build"), steps("release", "rehearse")
    for name in ("Plan", "Build", "Record the hashes of the build"):
        ended = shell(root, build[name]["run"])
        assert ended.returncode == 0, ended.stdout + ended.stderr
    built = root.parent / "temp" / "built"
    wheels = [path.relative_to(built).as_posix().rsplit("-", 3)[0] for path in (built / "dist").glob("*/*.whl")]
    assert sorted(wheels) == ["dist/0/acme_core-1.0.0", "dist/1/acme_plug-0.3"]
    shutil.rmtree(root.parent / "temp" / "all")
    ended = shell(root, rehearse["Rehearse with the built distributions"]["run"], PACKAGES="acme-plug")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.long
def test_rebuild(root: Path) -> None:
    """The job of another runner gets the runs of the build, and rebuilds each package in order."""
    build = steps("release", "build")
    for name in ("Plan", "Build"):
        ended = shell(root, build[name]["run"])
        assert ended.returncode == 0, ended.stdout + ended.stderr
    temp, clone = root.parent / "temp", root.parent / "clone"
    shutil.rmtree(temp / "all")
    git("clone", "--quiet", str(root), str(clone), cwd=root.parent)
    packages = workflow.Packages(2, by_tag=False)
    job = yaml.safe_load(workflow.github("release", packages=packages, rebuilt=True))["jobs"]["rebuild"]
    (script,) = (step["run"] for step in job["steps"] if step["name"].startswith("Rebuild and compare"))
    ended = shell(clone, script)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((temp / "rebuilt").iterdir())]
    assert [(record["project"], record["result"]) for record in records] == [
        ("acme-core", "equal"),
        ("acme-plug", "equal"),
    ]
