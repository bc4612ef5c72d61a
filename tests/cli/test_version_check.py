"""`version check` without the engine, which says what the lane says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from omni_release.cli import lane
from omni_release.cli.main import main, parse
from tests.conftest import child_environment, copy_case, git

PYPROJECT = '[project]\nname = "acme-sound"\nversion = "1.2.4"\n'
WAIVER = '[[tool.omni-release.waiver]]\ncheck = "version-drift"\nreason = "as it was"\nuntil = 2126-01-01\n'
STALE = "[tool.bumpversion]\ncurrent_version = '1.2.2'\n"

CHECKOUTS = {
    "a package that differs": {"pyproject.toml": PYPROJECT},
    "files that do not ship": {"pyproject.toml": PYPROJECT.replace("1.2.4", "1.2.3"), ".bumpversion.toml": STALE},
    "both": {"pyproject.toml": PYPROJECT, ".bumpversion.toml": STALE},
    "a waiver": {"pyproject.toml": PYPROJECT + WAIVER},
    "strict": {"pyproject.toml": f"{PYPROJECT}[tool.omni-release]\nstrict = true\n", ".bumpversion.toml": STALE},
    "a changelog without a heading": {
        "pyproject.toml": PYPROJECT.replace("1.2.4", "1.2.3"),
        "CHANGELOG.md": "# Changes\n\n## 1.2.2\n\nOlder.\n",
    },
}


def without_times(printed: str) -> str:
    """The lines without the seconds that something took."""
    return re.sub(r" *\d+\.\d s", "", re.sub(r" +$", "", printed, flags=re.MULTILINE))


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("kind", CHECKOUTS)
def test_as_the_lane(
    kind: str, committed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same lines and the same exit code, in a repository and outside of one."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    root = copy_case("sound", tmp_path / "project")
    for name, text in CHECKOUTS[kind].items():
        (root / name).write_text(text)
    if committed:
        git("init", "--quiet", cwd=root)
        git("add", "--all", cwd=root)
        git("commit", "--quiet", "--message=start", cwd=root)
    monkeypatch.chdir(root)
    code = main(["version", "check"])
    short = capfd.readouterr().out
    arguments = parse(["version", "check"])
    assert isinstance(arguments, lane.Arguments)
    assert lane.start(lane.request(arguments)) == code
    assert without_times(short) == without_times(capfd.readouterr().out)
    assert "acme-sound 1.2" in short


def test_without_the_engine(tmp_path: Path) -> None:
    """The check of files that differ imports neither the engine nor the other subcommands, nor what starts programs."""
    root = copy_case("sound", tmp_path / "project")
    (root / "pyproject.toml").write_text(PYPROJECT)
    program = (
        "import os, sys\nos._exit = sys.exit\nfrom omni_release.__main__ import main\nsys.argv[1:] = ['version']\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    code = ended.code\n"
        "print(code, *sorted(name for name in sys.modules if name.startswith('omni_release') or name == 'subprocess'))"
    )
    argv = [sys.executable, "-c", program]
    ended = subprocess.run(argv, cwd=root, env=child_environment(), capture_output=True, text=True, check=True)
    code, *modules = ended.stdout.splitlines()[-1].split()
    assert code == "1"
    assert not {"omni_release.core.engine", "omni_release.run", "omni_release.cli.audit", "subprocess"} & set(modules)
