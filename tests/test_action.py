"""The composite action and the issue forms: valid for GitHub and zizmor; each script runs, with a stand-in for `gh`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_release.cli import workflow
from tests.conftest import child_environment

ROOT = Path(__file__).parents[1]
if not (ROOT / "action.yml").is_file():
    pytest.skip("the action is in the repository, not in the sdist", allow_module_level=True)
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None or sys.platform == "win32", reason="the stand-ins are shell scripts")

GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$*" in
  *--paginate*) [ "$DENIED" = all ] && exit 1; printf '%s' "$IDS" ;;
  *) [ "$DENIED" = write ] && exit 1; cp "$(printf '%s\\n' "$*" | sed 's/.*body=@//')" "$CALLS.body" ;;
esac
exit 0
"""


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ("github-actions", ["action.yml"]),
        ("github-workflows", [f".github/workflows/{name}.yml" for name in workflow.NAMES]),
        ("github-issue-forms", [f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "wrong-finding", "idea")]),
        ("github-issue-config", [".github/ISSUE_TEMPLATE/config.yml"]),
    ],
)
def test_schemas(schema: str, names: list[str]) -> None:
    """Each file matches GitHub's schema of its kind."""
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *names]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_zizmor() -> None:
    """The strictest persona finds nothing in the action, nor in the workflows of this repository."""
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    argv = [zizmor, "--offline", "--persona", "auditor", "--no-progress", "action.yml", ".github/workflows"]
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_own_workflows_are_what_the_command_prints() -> None:
    """`omni-release workflow github` writes the workflows of this repository."""
    written = workflow.texts(ROOT, *workflow.names(ROOT))
    assert {path: (ROOT / path).read_text(encoding="utf-8") for path in written} == written
    assert {path.name for path in (ROOT / workflow.FOLDER).iterdir()} == {Path(path).name for path in written}
    assert 'pip install -e ".[dev]"' in written[".github/workflows/gate.yml"]
    installs = [line for text in written.values() for line in text.splitlines() if "run: python -m pip" in line]
    assert installs and not any("omni-release[" in line for line in installs)


def test_action_is_pinned() -> None:
    """The action uses what the workflows use, at the same commit; no expression is in a script."""
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    used = [line.split("uses: ")[1] for line in text.splitlines() if line.lstrip().startswith("uses: ")]
    assert used == [str(workflow.ACTIONS["setup-python"])]
    assert not any("${{" in step.get("run", "") for step in STEPS.values())


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A runner on which the step before has installed omni-release, and which has `gh`."""
    for name, script in (
        ("temp/omni-release/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n'),
        ("programs/gh", GH),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
    (tmp_path / "output").touch()
    return tmp_path


def run_step(name: str, runner: Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does; `variables` are those of the step."""
    assert BASH is not None
    github = {
        "RUNNER_TEMP": str(runner / "temp"),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REPOSITORY": "acme/acme",
        "GITHUB_ACTION_PATH": str(ROOT),
        "CALLS": str(runner / "calls"),
        "PATH": os.pathsep.join((str(runner / "programs"), os.environ["PATH"])),
    }
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=cwd,
        env=child_environment(**github, **variables),
        capture_output=True,
        encoding="utf-8",
        timeout=280,
        check=False,
    )


def outputs(runner: Path) -> dict[str, str]:
    """The outputs of the steps so far."""
    return dict(line.split("=", 1) for line in (runner / "output").read_text(encoding="utf-8").splitlines())


def test_checks_and_result(case: Callable[[str], Path], runner: Path) -> None:
    """The step that runs omni-release always ends well, so that the comment follows; the last one has the exit code."""
    root = case("drifted")
    ended = run_step("Run omni-release", runner, root.parent, COMMAND="gate", PROJECT=root.name)
    found = outputs(runner)
    assert (ended.returncode, found["exit-code"]) == (0, "1"), ended.stdout + ended.stderr
    assert "::error" in ended.stdout, "the finding is an annotation"
    assert "versions-agree" in (runner / "summary").read_text(encoding="utf-8")
    assert (Path(found["reports"]) / "report.md").is_file()
    assert run_step("Result", runner, root, CODE=found["exit-code"]).returncode == 1


def test_other_peoples_code_with_a_token(case: Callable[[str], Path], runner: Path) -> None:
    """The event that gives the code of a fork the token of the repository is refused, before that code runs."""
    root = case("sound")
    variables = {"COMMAND": "gate", "PROJECT": "."}
    assert BASH is not None
    script = f"GITHUB_EVENT_NAME=pull_request_target; {STEPS['Run omni-release']['run']}"
    ended = subprocess.run(
        [BASH, "-eo", "pipefail", "-c", script],
        cwd=root,
        env=child_environment(**variables, RUNNER_TEMP=str(runner / "temp"), GITHUB_OUTPUT=str(runner / "output")),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (ended.returncode, (runner / "output").read_text(encoding="utf-8")) == (2, "")


MARKER = "<!-- omni-release: gate . -->"


@pytest.mark.parametrize(
    ("ids", "denied", "report", "last", "body"),
    [
        ("", "", "# Failed\n", "--silent repos/acme/acme/issues/7/comments ", "# Failed\n"),
        ("12\n34\n", "", "# Failed\n", "--silent --method PATCH repos/acme/acme/issues/comments/12 ", "# Failed\n"),
        ("", "", "ü" * 70_000, "--silent repos/acme/acme/issues/7/comments ", "The report is too long"),
        ("", "write", "# Failed\n", "--silent repos/acme/acme/issues/7/comments ", None),
        ("", "all", "# Failed\n", "--paginate repos/acme/acme/issues/7/comments ", None),
        ("", "", None, None, None),
    ],
    ids=["new", "again", "long", "no permission to write", "no permission", "no report"],
)
def test_comment(
    ids: str, denied: str, report: str | None, last: str | None, body: str | None, runner: Path, tmp_path: Path
) -> None:
    """The first run adds a comment, a later one changes it; without the permission a notice says which one it needs."""
    path = tmp_path / "report.md"
    if report is not None:
        path.write_text(report, encoding="utf-8")
    step = {"REPORT": str(path), "MARKER": MARKER, "NUMBER": "7", "GH_TOKEN": "x", "IDS": ids, "DENIED": denied}
    ended = run_step("Comment on the pull request", runner, tmp_path, **step)
    assert ended.returncode == 0, ended.stderr
    calls = (runner / "calls").read_text(encoding="utf-8").splitlines() if (runner / "calls").exists() else []
    assert (last is None) is (not calls) and (last is None or calls[-1].startswith(f"api {last}"))
    assert ("::notice title=omni-release::No comment" in ended.stdout) is bool(denied)
    if body is not None:
        assert (runner / "calls.body").read_text(encoding="utf-8").startswith(f"{MARKER}\n{body}")


@pytest.mark.long
def test_whole_action(case: Callable[[str], Path], runner: Path) -> None:
    """With a real installation from the checkout of the action, the gate passes on a sound project."""
    shutil.rmtree(runner / "temp" / "omni-release")
    root = case("sound")
    installed = run_step("Install omni-release", runner, root, PYTHON=sys.executable, EXTRAS="")
    assert installed.returncode == 0, installed.stderr
    ran = run_step("Run omni-release", runner, root, COMMAND="gate", PROJECT=".")
    assert (ran.returncode, outputs(runner)["exit-code"]) == (0, "0"), ran.stdout + ran.stderr
