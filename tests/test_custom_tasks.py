"""The project's own commands, through the real command line, with the real npm where it is installed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran, child_environment, git, omni

PYTHON = Path(sys.executable).name


def with_commands(root: Path, text: str) -> Path:
    """Add these commands to the project's settings, and commit them."""
    path = root / "pyproject.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=commands", cwd=root)
    return root


def command(name: str, code: str, more: str = "") -> str:
    """A command that runs Python code."""
    return f"[[tool.omni-release.command]]\nname = {name!r}\nrun = {json.dumps([PYTHON, '-c', code])}\n{more}\n"


def gate(root: Path, *more: str) -> Ran:
    """Run the gate, with its report as JSON."""
    return omni("gate", "--format", "json", *more, cwd=root)


def alone(root: Path, name: str) -> Ran:
    """Run one command of the gate, as the whole gate does."""
    return gate(root, "--only", f"command-{name}")


def test_runs_in_a_copy(case: Callable[[str], Path]) -> None:
    """A command that writes does not change the checkout; its copy has no file that git ignores."""
    root = case("sound")
    (root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    (root / "secret.log").write_text("", encoding="utf-8")
    code = "import os; assert os.path.exists('pyproject.toml') and not os.path.exists('secret.log'); open('new', 'w')"
    ran = gate(with_commands(root, command("writes", code)))
    assert ran.outcome("command-writes")["status"] == "passed", ran.out
    assert git("status", "--porcelain", cwd=root) == ""


def test_runs_in_the_checkout(case: Callable[[str], Path]) -> None:
    """With where = "checkout" the command runs in the checkout itself, in its `cwd`."""
    root = case("sound")
    ran = alone(with_commands(root, command("here", "open('new', 'w')", 'where = "checkout"\ncwd = "src"')), "here")
    assert ran.outcome("command-here")["status"] == "passed", ran.out
    assert (root / "src" / "new").is_file()


def test_failure(case: Callable[[str], Path]) -> None:
    """A failing command fails the gate, with its line in the settings, its last output lines and its log."""
    root = with_commands(case("sound"), command("broken", "print('line\\n' * 50 + 'TS2322: no'); raise SystemExit(3)"))
    ran = gate(root)
    assert ran.code == 1
    (finding,) = ran.outcome("command-broken")["findings"]
    lines = (root / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert "name = 'broken'" in lines[finding["line"] - 1]
    assert "ended with exit code 3\nline\n" in finding["message"]
    assert "TS2322: no" in finding["message"]
    log = root / ".omni-release" / "gate" / "logs" / "command-broken.log"
    assert log.read_text(encoding="utf-8").count("line\n") == 50
    assert str(log) in finding["message"]


def test_timeout(case: Callable[[str], Path]) -> None:
    """A command is stopped at its time limit, and the finding says so."""
    more = command("hangs", "import time; print('begun', flush=True); time.sleep(300)", "timeout = 1")
    outcome = alone(with_commands(case("sound"), more), "hangs").outcome("command-hangs")
    assert outcome["status"] == "failed"
    assert "did not end within 1 s and was stopped\nbegun" in outcome["findings"][0]["message"]


def test_missing_program(case: Callable[[str], Path]) -> None:
    """Without its program, a command is inconclusive, never passed."""
    more = '[[tool.omni-release.command]]\nname = "front"\nrun = "no-such-npm run build"\n'
    ran = alone(with_commands(case("sound"), more), "front")
    assert ran.code == 3
    outcome = ran.outcome("command-front")
    assert outcome["status"] == "inconclusive"
    assert "`no-such-npm` is not installed" in outcome["findings"][0]["message"]


def test_missing_folder(case: Callable[[str], Path]) -> None:
    """A missing folder is a failure that names it."""
    ran = alone(with_commands(case("sound"), command("lost", "", 'cwd = "frontend"')), "lost")
    assert "the project has no folder 'frontend'" in ran.outcome("command-lost")["findings"][0]["message"]


def test_needs(case: Callable[[str], Path]) -> None:
    """A command runs after those it needs, sees their files, and does not start where one failed."""
    first = command("first", "open('made', 'w')")
    second = command("second", "assert open('made') is not None; raise SystemExit(1)", 'needs = ["first"]')
    third = command("third", "", 'needs = ["second"]')
    ran = gate(with_commands(case("sound"), first + second + third))
    assert [ran.outcome(f"command-{name}")["status"] for name in ("first", "second", "third")] == [
        "passed",
        "failed",
        "skipped",
    ]
    assert "AssertionError" not in ran.out and "FileNotFoundError" not in ran.out


def test_lanes(case: Callable[[str], Path]) -> None:
    """A command joins exactly the lanes that it names; `explain` knows it."""
    root = with_commands(case("sound"), command("late", "", 'when = ["rehearse"]'))
    assert "command-late" not in {outcome["id"] for outcome in gate(root).document["outcomes"]}
    planned = omni("rehearse", "--dry-run", "--format", "json", cwd=root)
    assert planned.outcome("command-late")["status"] == "planned"
    assert "In rehearse" in omni("explain", "command-late", cwd=root).out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (command("Front End", ""), "has an invalid name"),
        (command("one", "") + command("one", ""), "is defined twice"),
        (command("one", "", 'needs = ["two"]') + command("two", ""), "needs 'two', which is not defined before it"),
        (command("one", "", 'cwd = "../other"'), "is outside the project"),
        (command("one", "", 'when = ["always"]'), "must be one of 'gate', 'rehearse'"),
        (command("one", "", "when = []"), "joins no lane"),
        ('[[tool.omni-release.command]]\nname = "one"\n', "is missing the key `run`"),
        ('[[tool.omni-release.command]]\nname = "one"\nrun = ""\n', "must not be empty"),
    ],
)
def test_invalid_settings(more: str, message: str, case: Callable[[str], Path]) -> None:
    """An invalid command is reported with its line, before anything runs."""
    ran = omni("gate", cwd=with_commands(case("sound"), more))
    assert ran.code == 2
    assert message in ran.err
    assert "pyproject.toml:" in ran.err


def test_one_command_again_and_again(case: Callable[[str], Path]) -> None:
    """One command of the gate alone can be run again: its copy and its logs are where those of the gate are."""
    root = with_commands(case("sound"), command("one", "print('built')"))
    (root / "node_modules" / "left").mkdir(parents=True)
    for _ in range(2):
        ran = omni("gate", "--only", "command-one", "--format", "json", cwd=root)
        assert (ran.code, ran.outcome("command-one")["status"]) == (0, "passed"), ran.err
    assert not (root / ".omni-release" / "runs" / "none").exists()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm(case: Callable[[str], Path]) -> None:
    """`npm run build` runs with the modules that are installed next to the project's package.json."""
    root = case("sound")
    front = root / "frontend"
    (front / "node_modules" / "left").mkdir(parents=True)
    (front / "node_modules" / "left" / "index.js").write_text("module.exports = 7\n", encoding="utf-8")
    (root / ".gitignore").write_text("node_modules\nbuilt.txt\n", encoding="utf-8")
    package = {"name": "front", "version": "1.2.3", "scripts": {"build": "node build.js"}}
    (front / "package.json").write_text(json.dumps(package), encoding="utf-8")
    code = "require('fs').writeFileSync('built.txt', String(require('left')))\nconsole.log('built', require('left'))\n"
    (front / "build.js").write_text(code, encoding="utf-8")
    settings = '[[tool.omni-release.command]]\nname = "npm-build"\nrun = "npm run build"\ncwd = "frontend"\n'
    with_commands(root, settings)
    quiet = child_environment(npm_config_update_notifier="false")
    ran = omni("gate", "--only", "command-npm-build", "--format", "json", cwd=root, environment=quiet)
    assert ran.outcome("command-npm-build")["status"] == "passed", ran.out
    assert not (front / "built.txt").exists()
    log = root / ".omni-release" / "gate" / "logs" / "command-npm-build.log"
    assert "built 7" in log.read_text(encoding="utf-8")
    assert (front / "node_modules" / "left" / "index.js").is_file(), "a link is removed, never its target"
