"""The proposals of `init`: additions to files of every form, and refusals with the lines to add by hand."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from omni_release import adoption
from omni_release.adoption import Proposal
from omni_release.core.errors import UsageError
from omni_release.core.settings import SeverityLevel
from omni_release.core.settings import read as read_settings
from tests.conftest import child_environment


def carried_out(root: Path, proposal: Proposal | None) -> str:
    """The content of the only file of a proposal, which is written."""
    assert proposal is not None
    ((path, content),) = proposal.files.items()
    (root / path).write_bytes(content)
    return content.decode()


NOXFILES = {
    "imports": "import nox\n\n\n@nox.session\ndef tests(session):\n    session.run('pytest')\n",
    "no line end": "import nox\n\n@nox.session\ndef tests(session): pass",
    "windows": "import nox\r\n\r\n@nox.session\r\ndef tests(session): pass\r\n",
    "several imports": "from __future__ import annotations\nimport os\nfrom nox import (\n    session,\n)\n",
    "form feed": "import nox\n\x0c\n@nox.session\ndef tests(session): pass\n",
    "bom": "\ufeffimport nox\n",
    "import at the end": "import nox\n\ndef f(): pass\nimport os",
}


@pytest.mark.parametrize("text", NOXFILES.values(), ids=NOXFILES.keys())
def test_noxfile(text: str, tmp_path: Path) -> None:
    """Two lines are added; every other line stays, to the byte; nox lists the sessions; a second time adds nothing."""
    (tmp_path / "noxfile.py").write_bytes(text.encode())
    after = carried_out(tmp_path, adoption.noxfile(tmp_path))
    lines = [line for line in after.splitlines(keepends=True) if "omni_release" not in line]
    assert "".join(lines).rstrip("\r\n") == text.rstrip("\r\n")
    assert after.count("omni_release") == 2
    assert ("\r\n" in after) == ("\r\n" in text)
    assert "\n" not in after.replace("\r\n", "") or "\r\n" not in text
    compile(after.removeprefix("\ufeff"), "noxfile.py", "exec")
    assert adoption.noxfile(tmp_path) is None


OWN_RELEASE = """import nox


@nox.session(default=False)
def release(session):
    "Ours."


@nox.session(name="gate")
def check(session):
    "Ours."
"""


def test_new_noxfile_and_one_with_a_session_release(tmp_path: Path) -> None:
    """nox lists the sessions of a new noxfile, and `rehearse` where the project has a session `release` of its own."""

    def listed() -> str:
        command = [sys.executable, "-m", "nox", "--list"]
        environment = child_environment()
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    carried_out(tmp_path, adoption.noxfile(tmp_path))
    assert "* release [ci] ->" in listed()
    (tmp_path / "noxfile.py").write_text(OWN_RELEASE, encoding="utf-8")
    proposal = adoption.noxfile(tmp_path)
    assert proposal is not None
    assert "nox -s rehearse" in proposal.note
    carried_out(tmp_path, proposal)
    assert "release -> Ours" in listed()
    assert "- rehearse [ci] ->" in listed()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("noxfile.py", b"def (", "does not parse"),
        ("noxfile.py", b"# -*- coding: latin-1 -*-\nimport nox  # \xe9\n", "not UTF-8"),
        (".pre-commit-config.yaml", b"repos: [\n", "not valid YAML"),
        (".pre-commit-config.yaml", b"- a\n", "no list `repos`"),
        (".pre-commit-config.yaml", b"repos: []\n", "cannot be added to"),
        (".pre-commit-config.yaml", b"", "no list `repos`"),
        (".pre-commit-config.yaml", b"repos: [{repo: local, hooks: []}]\n", "cannot be added to"),
    ],
)
def test_refused(name: str, data: bytes, says: str, tmp_path: Path) -> None:
    """A file of another form is refused, and says what to do; it stays as it is."""
    (tmp_path / name).write_bytes(data)
    make = adoption.noxfile if name == "noxfile.py" else adoption.hooks
    with pytest.raises(UsageError, match=says) as caught:
        make(tmp_path)
    assert caught.value.hint
    assert (tmp_path / name).read_bytes() == data


HOOK_FILES = {
    "indented": "repos:\n  - repo: local\n    hooks: []\n",
    "not indented": "# ours\ndefault_stages: [pre-commit]\nrepos:\n- repo: local\n  hooks: []\n",
    "keys after it": "repos:\n  - repo: local\n    hooks: []\n\nci:\n  autofix_prs: false\n",
    "comments": "repos:\n  # first\n  - repo: local  # x\n    hooks: []\n\n# the end\n",
    "no line end": "repos:\n- repo: local\n  hooks: []",
    "windows": "repos:\r\n- repo: local\r\n  hooks: []\r\n",
}


@pytest.mark.parametrize("text", HOOK_FILES.values(), ids=HOOK_FILES.keys())
def test_hooks(text: str, tmp_path: Path) -> None:
    """The hook is the last of the list; every other byte stays; pre-commit accepts the file."""
    path = tmp_path / ".pre-commit-config.yaml"
    path.write_bytes(text.encode())
    after = carried_out(tmp_path, adoption.hooks(tmp_path))
    before = yaml.safe_load(text)
    assert yaml.safe_load(after)["repos"][:-1] == before["repos"]
    assert yaml.safe_load(after)["repos"][-1]["hooks"][0]["id"] == "omni-release"
    assert set(text.splitlines()) <= set(after.splitlines())
    assert adoption.hooks(tmp_path) is None


def test_new_hooks_are_valid(tmp_path: Path) -> None:
    """pre-commit validates the new file."""
    carried_out(tmp_path, adoption.hooks(tmp_path))
    command = [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"]
    subprocess.run(command, cwd=tmp_path, env=child_environment(), check=True)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[project]\nname = 'a'", "[project]\r\nname = 'a'\r\n", "[tool.ruff]\nx = 1\n\n\n"),
        *("\ufeff[project]\nname = 'a'\n", "tool.ruff.x = 1\n", "[tool]\nruff = { x = 1 }\n"),
    ],
)
def test_settings(text: str, tmp_path: Path) -> None:
    """The table is added at the end of pyproject.toml; what is there stays, to the byte."""
    if text:
        (tmp_path / "pyproject.toml").write_bytes(text.encode())
    after = carried_out(tmp_path, adoption.settings(tmp_path))
    assert after.startswith(text)
    assert tomllib.loads(after.removeprefix("\ufeff"))["tool"]["omni-release"] == {"strict": True}
    assert adoption.settings(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[project]\r\nname = 'a'\r\n", "[tool]\nruff = { x = 1 }\n"])
def test_settings_with_advice(text: str, tmp_path: Path) -> None:
    """A check whose tool is missing stays advice; the settings are valid."""
    (tmp_path / "pyproject.toml").write_bytes(text.encode())
    after = carried_out(tmp_path, adoption.settings(tmp_path, advice="deprecated-apis"))
    own = tomllib.loads(after)["tool"]["omni-release"]
    assert own == {"strict": True, "severity": {"deprecated-apis": "warning"}}
    found = read_settings({"tool": {"omni-release": own}}, tmp_path / "pyproject.toml", after)
    assert found.severity == {"deprecated-apis": SeverityLevel("warning")}


@pytest.mark.parametrize(
    "text", ["[tool.omni-release]\n", "[tool]\nomni-release = {}\n", "[tool.omni-release.tests]\n"]
)
def test_settings_that_exist(text: str, tmp_path: Path) -> None:
    """A project with settings keeps them."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert adoption.settings(tmp_path) is None


def test_checklists_that_exist(tmp_path: Path) -> None:
    """A project with any checklist gets no other."""
    proposal = adoption.checklists(tmp_path)
    assert proposal is not None
    assert {"checklists/before-release.toml", "checklists/after-release.toml"} <= proposal.files.keys()
    (tmp_path / "checklists").mkdir()
    (tmp_path / "checklists" / "own.toml").touch()
    assert adoption.checklists(tmp_path) is None
