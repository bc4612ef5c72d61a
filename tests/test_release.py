"""Whole releases by the command line, to pypiserver and a bare git remote, and what stops one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uv

from omni_release import environments
from tests.conftest import Ran, child_environment, git, omni
from tests.index.support import PASSWORD, USER, pypi_server

pytestmark = [pytest.mark.rehearsal, pytest.mark.thorough]

TOKEN = "planted-" + "hunter2-hunter2"
PROOFS = ("git-clean", "on-release-branch", "git-in-sync", "tag-available")


@pytest.fixture
def project(case: Callable[[str], Path], tmp_path: Path) -> Iterator[Path]:
    """A sound project that has been pushed, with a server to publish to, and an environment to upgrade."""
    root, remote = case("sound"), tmp_path / "remote.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(remote), cwd=tmp_path)
    with pypi_server(tmp_path, locked="update") as url:
        with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[tool.omni-release.index.shelf]\nupload = "{url}/"\nsimple = "{url}/simple/"\n')
            file.write(f'project-page = "{url}/simple/{{name}}/"\n[tool.omni-release.local]\nenvironment = ".venv"\n')
        argv = [uv.find_uv_bin(), "venv", "--quiet", "--no-project", "--python", sys.executable, str(root / ".venv")]
        subprocess.run(argv, check=True, capture_output=True)
        git("commit", "--quiet", "--all", "--message=where it goes", cwd=root)
        git("remote", "add", "origin", remote.as_uri(), cwd=root)
        git("push", "--quiet", "--set-upstream", "origin", "main", cwd=root)
        yield root


def run(root: Path, *arguments: str, **more: str) -> Ran:
    """The command line, with credentials."""
    who = {f"GIT_{role}_{what}": "tester@example.invalid" for role in ("AUTHOR", "COMMITTER") for what in _WHAT}
    inner = child_environment(TWINE_USERNAME=USER, TWINE_PASSWORD=PASSWORD, **who, **more)
    return omni(*arguments, "--to", "shelf", "--format", "json", cwd=root, environment=inner)


_WHAT = ("NAME", "EMAIL")
_DONE = ("upload", "release-listed", "project-page", "tag-release", "push-tag", "upgrade-local")


def statuses(ran: Ran) -> dict[str, str]:
    """The status of each task."""
    return {outcome["id"]: outcome["status"] for outcome in ran.document["outcomes"]}


def without_secrets(root: Path, *ended: Ran) -> None:
    """No secret is in the output or in any file of the run."""
    texts = [text for ran in ended for text in (ran.out, ran.err)]
    files = [path for path in (root / ".omni-release").rglob("*") if path.is_file()]
    texts += [path.read_bytes().decode("utf-8", "replace") for path in files]
    for text in texts:
        assert PASSWORD not in text and TOKEN not in text


def test_a_whole_release(project: Path, tmp_path: Path) -> None:
    """Rehearsed, published, verified, tagged, pushed, upgraded; run again, it finds all of it done."""
    commit = git("rev-parse", "HEAD", cwd=project).strip()
    ran = run(project, "release", "--yes")
    assert ran.code == 0, ran.out + ran.err
    found = statuses(ran)
    assert set(found.values()) == {"passed", "skipped"}
    assert {id: found[id] for id in (*PROOFS, *_DONE)} == dict.fromkeys((*PROOFS, *_DONE), "passed")
    assert "no draft is created" in ran.outcome("draft-release")["findings"][0]["message"]
    served = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / "packages").iterdir()}
    assert served == {artifact["name"]: artifact["sha256"] for artifact in ran.document["artifacts"]}
    remote = tmp_path / "remote.git"
    assert git("rev-parse", "v1.2.3^{commit}", cwd=remote).strip() == commit
    assert git("cat-file", "-t", "v1.2.3", cwd=remote).strip() == "tag"
    assert "1.2.3" in installed(project)
    made = git("rev-parse", "v1.2.3", cwd=remote)
    again = run(project, "release", "--yes", "--run", Path(ran.document["run"]).name)
    assert again.code == 0, again.out + again.err
    for id in ("upload", "tag-release", "push-tag", "upgrade-local"):
        assert again.outcome(id)["findings"][0]["message"] == "already done"
    assert git("rev-parse", "v1.2.3", cwd=remote) == made
    without_secrets(project, ran, again)


def installed(project: Path) -> str:
    """The version in the local environment."""
    code = "import importlib.metadata as m; print(m.version('acme-sound'))"
    argv = [str(environments.python(project / ".venv")), "-I", "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, encoding="utf-8").stdout


def test_doctor_reports_all_problems(project: Path) -> None:
    """A dirty tree, another branch, out of sync, a taken tag and no environment are reported together."""
    git("tag", "v1.2.3", cwd=project)
    git("switch", "--quiet", "--create", "side", cwd=project)
    git("commit", "--quiet", "--allow-empty", "--message=more", cwd=project)
    (project / "new.txt").touch()
    (project / ".venv").rename(project / ".venv-gone")
    ran = run(project, "doctor")
    assert ran.code == 1
    found = statuses(ran)
    assert [id for id, status in found.items() if status == "failed"] == sorted(
        (*PROOFS, "local-environment"), key=list(found).index
    )
    assert found["credentials-present"] == found["index-responds"] == "passed"
    assert "origin has no branch side" in ran.outcome("git-in-sync")["findings"][0]["message"]
    without_secrets(project, ran)


def test_unreachable_remote_stops_a_release(project: Path, tmp_path: Path) -> None:
    """With an unreachable remote nothing is published, and its credentials are not shown."""
    address = f"https://somebody:{TOKEN}@127.0.0.1:9/acme.git"
    git("remote", "set-url", "origin", address, cwd=project)
    ran = run(project, "release", "--yes")
    assert ran.code == 3, ran.out + ran.err
    found = statuses(ran)
    assert found["git-in-sync"] == found["tag-available"] == "inconclusive"
    assert found["upload"] == "skipped"
    assert list((tmp_path / "packages").iterdir()) == []
    without_secrets(project, ran)
