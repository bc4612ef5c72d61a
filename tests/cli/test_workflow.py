"""The workflows: valid for GitHub and zizmor, and each shell script runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_release.cli import workflow
from tests.conftest import child_environment, git, omni

PROGRAMS = Path(sys.executable).parent
BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None or sys.platform == "win32", reason="the jobs run on Linux, with bash")


PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\n'
APPROVALS = '[tool.omni-release.publish]\napprovals = 2\ngithub-environment = "two people"\n'


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A project with a noxfile and its workflows: one session is for each system, one for the night."""
    sessions = (
        '@nox.session(tags=["ci", "windows", "macos"])\ndef tests(session):\n    pass\n\n\n'
        '@nox.session(tags=["nightly"])\ndef fuzz(session):\n    pass\n'
    )
    imports = "import nox\nimport omni_release.sessions\n\nomni_release.sessions.register()\n\n\n"
    (tmp_path / "noxfile.py").write_text(imports + sessions, "utf-8")
    (tmp_path / "pyproject.toml").write_text(f"{PYPROJECT}[tool.omni-release.smoke]\n{APPROVALS}", "utf-8")
    (tmp_path / "acme.py").touch()
    ran = omni("workflow", "github", "--write", cwd=tmp_path)
    assert (ran.code, ran.out.split()) == (0, [f".github/workflows/{name}.yml" for name in workflow.NAMES]), ran.err
    return tmp_path


def jobs(name: str) -> dict[str, Any]:
    """The jobs of a workflow, with all its parts."""
    read: dict[str, Any] = yaml.safe_load(workflow.github(name, *(("sessions",) if name in workflow.TAGS else ())))
    found: dict[str, Any] = read["jobs"]
    return found


ALL = {f"{name}/{job}": content for name in workflow.NAMES for job, content in jobs(name).items()}


def tool(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment."""
    return subprocess.run(
        [sys.executable, "-m", *arguments] if arguments[0] == "check_jsonschema" else arguments,
        cwd=cwd,
        env=child_environment(NO_COLOR="1"),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_zizmor(written: Path) -> None:
    """The strictest persona of zizmor finds nothing, but does find a planted mistake."""
    zizmor = str(PROGRAMS / ("zizmor.exe" if os.name == "nt" else "zizmor"))
    judged = [zizmor, "--offline", "--persona", "auditor", "--no-progress", ".github/workflows"]
    ended = tool(*judged, cwd=written)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    gate = written / ".github" / "workflows" / "gate.yml"
    text = gate.read_text(encoding="utf-8")
    gate.write_text(text.replace("persist-credentials: false", "persist-credentials: true"), encoding="utf-8")
    assert tool(*judged, cwd=written).returncode != 0


def test_schema(written: Path) -> None:
    """Both match GitHub's schema of workflows."""
    schema = ("check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    names = [str(path) for path in sorted((written / ".github" / "workflows").iterdir())]
    ended = tool(*schema, *names, cwd=written)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    Path(names[0]).write_text("on: pull_request\njobs: {gate: {steps: []}}\n", encoding="utf-8")
    assert tool(*schema, *names, cwd=written).returncode != 0


@pytest.mark.parametrize("packages", [None, workflow.Packages(2, by_tag=False)], ids=["one", "many"])
def test_rebuild(packages: workflow.Packages | None, tmp_path: Path) -> None:
    """With the setting, a second runner, which can only read, rebuilds before a person approves."""
    path = tmp_path / ".github" / "workflows" / "release.yml"
    path.parent.mkdir(parents=True)
    path.write_text(workflow.github("release", packages=packages, rebuilt=True), encoding="utf-8")
    zizmor = (str(PROGRAMS / ("zizmor.exe" if os.name == "nt" else "zizmor")), "--offline", "--persona", "auditor")
    for command in (zizmor, ("check_jsonschema", "--builtin-schema", "vendor.github-workflows")):
        ended = tool(*command, str(path), cwd=tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    found = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    assert (found["rebuild"]["needs"], "rebuild" in found["publish"]["needs"]) == ("build", True)
    assert found["publish"]["environment"] == "pypi"
    assert (found["rebuild"]["permissions"], "environment" in found["rebuild"]) == ({"contents": "read"}, False)
    assert "secrets." not in str(found["rebuild"])
    assert not any("${{" in step.get("run", "") for step in found["rebuild"]["steps"])


def test_rebuild_only_where_it_is_asked_for(tmp_path: Path) -> None:
    """The setting of the project adds the job; a project whose settings cannot be read has none."""
    for settings, expected in (("", False), ("rebuilt-elsewhere = true", True), ("rebuilt-elsewhere = 1", False)):
        text = f'[project]\nname = "acme"\nversion = "1"\n[tool.omni-release.publish]\n{settings}\n'
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        (release,) = workflow.texts(tmp_path, "release").values()
        assert ("rebuild" in yaml.safe_load(release)["jobs"]) is expected
        assert not re.search("</?rebuild>", release)


@needs_bash
@pytest.mark.long
@pytest.mark.parametrize("changed", [False, True])
def test_the_rebuild_job(changed: bool, case: Callable[[str], Path]) -> None:
    """The job gets the run of another job, and passes on the same bytes alone."""
    from omni_release.builds import evidence
    from omni_release.core.build_place import BuildPlace

    root = case("sound")
    hosted = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted", "GITHUB_RUN_ID": "1"}
    ended = shell("release/build", "Build", root, GITHUB_JOB="build", RUNNER_NAME="1", **hosted)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (run,) = (root / ".omni-release" / "runs").iterdir()
    if changed:
        listed = json.loads((run / "artifacts.json").read_text(encoding="utf-8"))
        listed["artifacts"][0]["sha256"] = "0" * 64
        (run / "artifacts.json").write_text(json.dumps(listed), encoding="utf-8")
    steps = yaml.safe_load(workflow.github("release", rebuilt=True))["jobs"]["rebuild"]["steps"]
    (script,) = (step["run"] for step in steps if step["name"] == "Rebuild and compare")
    own = {"RUN": run.name, "RUNNER_TEMP": str(root.parent), "GITHUB_JOB": "rebuild", "RUNNER_NAME": "2"}
    ended = run_script(script, root, **hosted, **own)
    assert ended.returncode == (1 if changed else 0), ended.stdout + ended.stderr
    found = evidence.read(root.parent / "rebuilt.json")
    assert found.result == ("different" if changed else "equal")
    assert evidence.refused(found, found.artifacts, found.commit, found.built.place) == ""
    assert BuildPlace() not in (found.built.place, found.rebuild and found.rebuild.place)


def test_each_action_is_pinned() -> None:
    """Each action is in the table, pinned to a commit with its version in a comment."""
    for name in workflow.NAMES:
        lines = [line.split("uses: ")[1] for line in workflow.github(name, "sessions").splitlines() if "uses:" in line]
        assert lines
        assert set(lines) <= {str(pinned) for pinned in workflow.ACTIONS.values()}
    for pinned in workflow.ACTIONS.values():
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", str(pinned))


def test_permissions() -> None:
    """A job has only the permissions it needs: one publishes, one writes findings, one an issue."""
    for name in workflow.NAMES:
        assert yaml.safe_load(workflow.github(name))["permissions"] == {}
    writes = {
        (job, key) for job, content in ALL.items() for key, may in content["permissions"].items() if may == "write"
    }
    assert writes == {
        ("release/publish", "id-token"),
        ("gate/code-scanning", "security-events"),
        ("watch/issue", "issues"),
    }
    assert ALL["watch/issue"]["permissions"] == {"issues": "write"}


def test_secrets() -> None:
    """The only secret is the key of the live smoke tests, in a job that a person approves."""
    with_secrets = {job for job, content in ALL.items() if "secrets." in str(content)}
    assert with_secrets == {"release/live-smoke"}
    assert ALL["release/live-smoke"]["environment"] == "live-smoke"
    assert ALL["release/publish"]["environment"] == "pypi"
    assert "GITHUB_TOKEN" not in str(ALL)


def test_order() -> None:
    """Build, gate, approval, publish, verify; the publishing job runs nothing else."""
    needs = {job: content.get("needs") for job, content in ALL.items() if job.startswith("release/")}
    assert needs == {
        "release/build": None,
        "release/gate": "build",
        "release/live-smoke": ["build", "gate"],
        "release/publish": ["build", "gate", "live-smoke"],
        "release/verify": ["build", "publish"],
    }
    publishing = ALL["release/publish"]["steps"]
    used = [step["uses"].split("@")[0] for step in publishing if "uses" in step]
    assert used == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert not any("pip" in step.get("run", "") or "omni-release" in step.get("run", "") for step in publishing)


def test_no_expression_in_shell() -> None:
    """External values reach a shell as variables, never as text of the script."""
    for job, content in ALL.items():
        for step in content["steps"]:
            assert "${{" not in step.get("run", ""), (job, step)


def test_commands_are_valid() -> None:
    """Each call of omni-release in a workflow parses."""
    from omni_release.cli.main import parse

    lines = [line for c in ALL.values() for step in c["steps"] for line in step.get("run", "").splitlines()]
    called = [line.split("#")[0].split()[1:] for line in lines if line.startswith("omni-release ")]
    assert {words[0] for words in called} == {"gate", "build", "rehearse", "smoke", "published", "watch", "models"}
    for words in called:
        assert parse([word.strip('"') for word in words]).command == words[0]


def shell(job: str, name: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does."""
    (step,) = (step for step in ALL[job]["steps"] if step["name"] == name)
    return run_script(step["run"], cwd, **variables)


def run_script(script: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub does."""
    assert BASH is not None
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=cwd,
        env=child_environment(PATH=f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", **variables),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@needs_bash
def test_the_gate_job(case: Callable[[str], Path]) -> None:
    """The gate job passes on a sound project, fails on a drifted one, and writes the reports both times."""
    for name, code in (("sound", 0), ("drifted", 1)):
        root = case(name)
        ended = shell("gate/gate", "Gate", root)
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert (root / "reports" / "report.sarif").is_file()


@needs_bash
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (
            "gate/sessions",
            ["release ubuntu", "gate ubuntu", "tests ubuntu", "tests windows", "tests macos"],
        ),
        ("nightly/sessions", ["fuzz ubuntu"]),
    ],
)
def test_the_matrix(job: str, expected: list[str], written: Path) -> None:
    """The matrix is one line of JSON: sessions that nox knows, each on the systems that its tags name."""
    output = written / "output"
    ended = shell(job, "List the sessions", written, GITHUB_OUTPUT=str(output))
    assert ended.returncode == 0, ended.stderr
    (line,) = output.read_text(encoding="utf-8").splitlines()
    matrix = yaml.safe_load(line.removeprefix("matrix="))
    assert [f"{entry['session']} {entry['os'].removesuffix('-latest')}" for entry in matrix] == expected


@needs_bash
@pytest.mark.parametrize("damage", ["", "bytes", "more", "hidden", "less", "list"])
@pytest.mark.parametrize("job", ["publish", "verify"])
def test_same_bytes(job: str, damage: str, tmp_path: Path) -> None:
    """The sums of `build` accept its files, and no others: no other bytes, no more and no fewer files."""
    dist = tmp_path / ".omni-release" / "runs" / "20261122-000000-000" / "dist"
    dist.mkdir(parents=True)
    for name in ("acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz"):
        (dist / name).write_bytes(name.encode())
    (dist.parent / "artifacts.json").write_bytes(b"the list")
    output = tmp_path / "output"
    assert shell("release/build", "Record the hashes of the build", tmp_path, GITHUB_OUTPUT=str(output)).returncode == 0
    found = re.fullmatch(r"run=(?P<run>.*)\nsums<<END\n(?P<sums>.*)\nEND\n", output.read_text("utf-8"), re.DOTALL)
    assert found is not None
    runs = tmp_path / (".omni-release/runs" if job == "verify" else "runs")
    if job == "publish":
        shutil.copytree(tmp_path / ".omni-release" / "runs", runs)
    handed = runs / found["run"] / "dist"
    if damage == "bytes":
        (handed / "acme-1.0.tar.gz").write_bytes(b"other")
    elif damage == "more":
        (handed / "acme-1.0-py2-none-any.whl").write_bytes(b"another")
    elif damage == "hidden":
        (handed / ".acme-1.0-py2-none-any.whl").write_bytes(b"another")
    elif damage == "list":
        (handed.parent / "artifacts.json").write_bytes(b"another list")
    elif damage == "less":
        (handed / "acme-1.0.tar.gz").unlink()
    name = "Compare the hashes with those of the build"
    places = {"RUN": found["run"], "SUMS": found["sums"], "GITHUB_WORKSPACE": str(tmp_path)}
    ended = shell(f"release/{job}", name, tmp_path, **places)
    assert (ended.returncode == 0) is (not damage), ended.stdout + ended.stderr


@pytest.mark.parametrize("environment", [None, "", "two people"])
def test_approvals(environment: str | None) -> None:
    """Where the release has to be approved, a job asks who has approved what was built, before it is published."""
    for keys in ((), ("A_KEY",)):
        text = workflow.github("release", keys=keys, reviewers=environment)
        found = yaml.safe_load(text)["jobs"]
        smoke, more = ["live-smoke"] if keys else [], [] if environment is None else ["approved"]
        assert found["publish"]["needs"] == ["build", "gate", *smoke, *more]
        assert "approved>" not in text and "reviewers>" not in text and "\n\n\n" not in text
        if environment is None:
            assert "approved" not in found
            continue
        job = found["approved"]
        assert job.get("environment") == (environment or None)
        assert job["permissions"] == {"contents": "read", **({"actions": "read"} if environment else {})}
        *_, compare, ask = job["steps"]
        assert compare["run"].endswith("sha256sum --check --strict\n")
        assert ask["run"].endswith('omni-release doctor --to pypi --run "$RUN" --only approved\n')


def test_without_smoke_tests(tmp_path: Path) -> None:
    """A project without smoke tests has no job for them, whose result would be that nothing was tested."""
    pyproject = '[project]\nname = "acme"\nversion = "1.0"\n'
    (tmp_path / "acme.py").touch()
    for settings, expected in (("", False), ("[tool.omni-release.smoke]\n", True)):
        (tmp_path / "pyproject.toml").write_text(pyproject + settings, encoding="utf-8")
        text = omni("workflow", "github", "release", cwd=tmp_path).out
        found = yaml.safe_load(text)["jobs"]
        assert ("live-smoke" in found) is ("live-smoke" in text) is expected
        assert found["publish"]["needs"] == ["build", "gate", *(["live-smoke"] if expected else [])]
        assert "smoke>" not in text


@pytest.mark.parametrize(
    ("commands", "line"),
    [
        ("", "    branches: [main]\n"),
        ("git init --quiet --initial-branch=master|git commit --allow-empty -qm x", "    branches: [master]\n"),
        ("git init --quiet --initial-branch=try|git commit --allow-empty -qm x", "    branches: [main]\n"),
        (
            "git init --quiet|git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/1.x",
            '    branches: ["1.x"]\n',
        ),
    ],
    ids=["no repository", "master", "a branch of one's own", "the remote's"],
)
def test_branch(commands: str, line: str, tmp_path: Path) -> None:
    """The gate runs for the branch that the remote has as its own."""
    for command in filter(None, commands.split("|")):
        git(*command.split()[1:], cwd=tmp_path)
    assert line in workflow.texts(tmp_path, "gate")[".github/workflows/gate.yml"]


def test_tool_by_hash(tmp_path: Path) -> None:
    """With a file of requirements and hashes, each job installs omni-release from it."""
    hashes = tmp_path / ".github" / "omni-release.txt"
    hashes.parent.mkdir()
    hashes.touch()
    text = omni("workflow", "github", cwd=tmp_path).out
    installs = [line for line in text.splitlines() if "pip install" in line and not line.lstrip().startswith("#")]
    installs = [line for line in installs if not line.endswith("install pip-audit")]  # in a job that can only read
    assert installs and all("--require-hashes -r .github/omni-release.txt" in line for line in installs)


def test_printed(tmp_path: Path) -> None:
    """The workflows are one stream of documents, each with its path; without a noxfile there is no matrix."""
    ran = omni("workflow", "github", cwd=tmp_path)
    assert ran.code == 0
    assert [document["name"] for document in yaml.safe_load_all(ran.out)] == ["gate", "release", "watch"]
    assert "# .github/workflows/release.yml" in ran.out
    assert "nox" not in ran.out
    assert omni("workflow", "github", "gate", cwd=tmp_path).out.count("\nname: ") == 1
    unknown = omni("workflow", "github", "gte", cwd=tmp_path)
    assert (unknown.code, "invalid choice: 'gte'. Did you mean `gate`?" in unknown.err) == (2, True)


def test_as_json(tmp_path: Path) -> None:
    """With --format json stdout is one document, printed or written."""
    for write in ((), ("--write",)):
        document = omni("workflow", "github", "gate", *write, "--format", "json", cwd=tmp_path).document
        (entry,) = document["workflows"]
        assert (entry["path"], document["written"]) == (".github/workflows/gate.yml", bool(write))
        assert entry["text"] == workflow.github("gate")
        assert (tmp_path / entry["path"]).exists() is bool(write)


def test_changed_file_is_kept(written: Path) -> None:
    """A changed workflow stays unchanged, and no other is written."""
    gate = written / ".github" / "workflows" / "gate.yml"
    gate.write_text("mine", encoding="utf-8")
    release = written / ".github" / "workflows" / "release.yml"
    release.unlink()
    ran = omni("workflow", "github", "--write", cwd=written)
    assert (ran.code, "exists, with other content" in ran.err) == (1, True)
    assert gate.read_text(encoding="utf-8") == "mine"
    assert not release.exists()


@pytest.mark.parametrize(
    ("vendors", "keys"),
    [("", ["GEMINI_API_KEY"]), ('vendors = ["openai", "anthropic"]', ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"])],
)
def test_keys_of_the_vendors(vendors: str, keys: list[str], tmp_path: Path) -> None:
    """The job that calls the services gets the key of each vendor of the settings, as a secret of its own."""
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "acme"\nversion = "1"\n[tool.omni-release.smoke]\ntests = ["t.py"]\n{vendors}\n'
    )
    (text,) = workflow.texts(tmp_path, "release").values()
    (environment,) = (
        step["env"] for step in yaml.safe_load(text)["jobs"]["live-smoke"]["steps"] if "smoke" in step.get("run", "")
    )
    assert environment == {
        **{key: f"${{{{ secrets.{key} }}}}" for key in keys},
        "RUN": "${{ needs.build.outputs.run }}",
    }
    assert f"a secret for each key in it: {', '.join(keys)};" in text
