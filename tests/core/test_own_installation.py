"""What to type to add to this installation: the layout of each way, and the real ones."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from omni_release import programs
from omni_release.core import own_installation

WHEEL = "file:///w/omni_release-1.0-py3-none-any.whl"
LAYOUTS: Mapping[str, tuple[str, str, str, str, str]] = {
    "pip": (
        "venv",
        "",
        "Install it with: PYTHON -m pip install 'omni-release[smoke]'",
        "Install it with: PYTHON -m pip install mypy",
        "Upgrade it with: PYTHON -m pip install --upgrade deptry",
    ),
    "uv pip": (
        "venv",
        "no pip",
        "Install it with: uv pip install --python PREFIX 'omni-release[smoke]'",
        "Install it with: uv pip install --python PREFIX mypy",
        "Upgrade it with: uv pip install --python PREFIX --upgrade deptry",
    ),
    "uv project": (
        "acme/.venv",
        "../uv.lock",
        "Install it with: uv add --dev 'omni-release[smoke]'",
        "Install it with: uv add --dev mypy",
        "Upgrade it with: uv sync --upgrade-package deptry",
    ),
    "uv tool": (
        "uv/tools/omni-release",
        "uv-receipt.toml",
        "Install it with: uv tool install --reinstall 'omni-release[smoke]'",
        "Install it with: uv tool install --reinstall omni-release --with mypy",
        "Upgrade it with: uv tool upgrade omni-release",
    ),
    "uvx": (
        "uv/archive-v0/lMnOp",
        "",
        "Install it with: uvx --from 'omni-release[smoke]' omni-release smoke --project 'my acme'",
        "Install it with: uvx --from omni-release --with mypy omni-release smoke --project 'my acme'",
        "Upgrade it with: uvx --refresh --from omni-release omni-release smoke --project 'my acme'",
    ),
    "pipx": (
        "pipx/venvs/omni-release",
        "pipx_metadata.json",
        "Install it with: pipx install --force 'omni-release[smoke]'",
        "Install it with: pipx inject omni-release mypy",
        "Upgrade it with: pipx runpip omni-release install --upgrade deptry",
    ),
    "pipx run": (
        "pipx/.cache/0a1b2c",
        "pipx_metadata.json",
        "Install it with: pipx run --spec 'omni-release[smoke]' omni-release smoke --project 'my acme'",
        "Install it with: pipx install omni-release, then: pipx inject omni-release mypy",
        "Upgrade it with: pipx run --no-cache --spec omni-release omni-release smoke --project 'my acme'",
    ),
    "pre-commit": (
        "pre-commit/repoxyz/py_env-python3.12",
        "",
        'Set in .pre-commit-config.yaml, for this hook: additional_dependencies: ["omni-release[smoke]"]',
        'Set in .pre-commit-config.yaml, for this hook: additional_dependencies: ["omni-release", "mypy"]',
        "Upgrade it with: pre-commit clean",
    ),
    "prek": (
        "prek/hooks/python-xyz",
        ".prek-hook.json",
        'Set in .pre-commit-config.yaml, for this hook: additional_dependencies: ["omni-release[smoke]"]',
        'Set in .pre-commit-config.yaml, for this hook: additional_dependencies: ["omni-release", "mypy"]',
        "Upgrade it with: prek cache clean",
    ),
    "script": (
        "acme/.nox/_nox_script_mode",
        "",
        'Add to the block `# /// script` at the top of the file: dependencies = ["omni-release[smoke]"]',
        'Add to the block `# /// script` at the top of the file: dependencies = ["omni-release", "mypy"]',
        'Raise the version in the block `# /// script` at the top of the file: "deptry>=VERSION"',
    ),
}
"""For each way: the environment's folder, its mark, and what to type for an extra, a package, and an upgrade."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_way(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout of each way is known, and the sentence is what one types there."""
    folder, mark, extra, package, upgrade = LAYOUTS[name]
    prefix = tmp_path / folder
    site = prefix / "site-packages"
    (site if mark == "no pip" else site / "pip").mkdir(parents=True)
    if mark not in ("", "no pip"):
        (prefix / mark).touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "executable", str(prefix / "python"))
    monkeypatch.setattr(sys, "argv", ["/bin/omni-release", "smoke", "--project", "my acme"])
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(site))
    monkeypatch.setattr(own_installation, "_origin", lambda: ("", ""))
    monkeypatch.setattr(shutil, "which", lambda _: "/elsewhere/pip")
    assert own_installation.way().value == name

    def shown(sentence: str) -> str:
        return sentence.replace("PREFIX", str(prefix)).replace("PYTHON", str(prefix / "python"))

    assert own_installation.how_to_add("smoke") == shown(extra)
    assert own_installation.how_to_add(packages=("mypy",)) == shown(package)
    assert own_installation.how_to_upgrade("deptry") == shown(upgrade)


@pytest.mark.parametrize(
    ("tool", "required"),
    [
        *((name, True) for name in ("ruff", "deptry", "ast-grep", "twine", "check-wheel-contents", "uv")),
        *((name, False) for name in ("mypy", "pip-audit", "towncrier", "scriv", "auditwheel", "vcrpy", "ru")),
    ],
)
def test_tools(tool: str, required: bool) -> None:
    """A tool that omni-release requires comes with it; another one is a package of its own."""
    own = own_installation.how_to_add()
    assert (programs.install_command(tool) == own) is required
    assert required or programs.install_command(tool) == own_installation.how_to_add(packages=(tool,))


@pytest.mark.parametrize(
    ("direct", "added"),
    [
        ({"url": WHEEL, "archive_info": {}}, f"'omni-release[smoke] @ {WHEEL}'"),
        ({"url": "file:///w/omni%20release", "dir_info": {"editable": True}}, "-e '/w/omni release[smoke]'"),
        ({"url": "file:///C:/w/omni", "dir_info": {"editable": True}}, "-e 'C:/w/omni[smoke]'"),
        ({"url": "file:///w/omni", "dir_info": {}}, "'omni-release[smoke] @ file:///w/omni'"),
        (
            {"url": "https://example.invalid/o", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "py"},
            "'omni-release[smoke] @ git+https://example.invalid/o@abc#subdirectory=py'",
        ),
        (
            {"url": "https://user:secret@example.invalid:8080/o", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "'omni-release[smoke] @ git+https://[redacted]@example.invalid:8080/o@abc'",
        ),
        (None, "'omni-release[smoke]'"),
    ],
)
def test_where_it_came_from(direct: object, added: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is that of the same file, folder or commit: the index may have another omni-release, or none."""
    info = tmp_path / "omni_release-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omni-release\nVersion: 1.0\n", encoding="utf-8")
    if direct is not None:
        (info / "direct_url.json").write_text(json.dumps(direct), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(own_installation, "way", lambda: own_installation.Way.PIP)
    pip = Path(sysconfig.get_path("scripts"), "pip")
    monkeypatch.setattr(shutil, "which", lambda _: str(pip))
    assert own_installation.how_to_add("smoke") == f"Install it with: pip install {added}"


@pytest.mark.parametrize("word", ["my acme", "it's", 'say "so"', "$HOME", "`id`", "a;b", "--project=~/acme", "*", ""])
def test_words_that_a_shell_would_change(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command can be pasted: a POSIX shell reads the words that were typed."""
    monkeypatch.setattr(sys, "argv", ["/bin/omni-release", "smoke", word])
    monkeypatch.setattr(own_installation, "way", lambda: own_installation.Way.UVX)
    monkeypatch.setattr(own_installation, "_origin", lambda: ("", ""))
    command = own_installation.how_to_add("smoke").removeprefix("Install it with: ")
    assert shlex.split(command) == ["uvx", "--from", "omni-release[smoke]", "omni-release", "smoke", word]


def test_words_for_cmd(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows words are in double quotes, and an address has no password."""
    monkeypatch.setattr(sys, "argv", ["omni-release", "release", "a & b", "--to", "https://u:p@example.invalid/"])
    monkeypatch.setattr(own_installation, "way", lambda: own_installation.Way.PIPX_RUN)
    monkeypatch.setattr(own_installation, "_origin", lambda: ("", ""))
    monkeypatch.setattr(own_installation, "os", SimpleNamespace(name="nt"))
    upgrade = own_installation.how_to_upgrade("deptry")
    assert upgrade.endswith('omni-release release "a & b" --to "https://[redacted]@example.invalid/"')
