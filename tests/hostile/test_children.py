"""No child process of a run gets a secret that was not given to it by name, or imports a module of the checkout."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import git
from tests.hostile.conftest import Checkout

# Modules of the standard library, of the tools that a run starts, and of omni-release itself.
STDLIB = ("json", "re", "enum", "typing", "logging", "keyword", "token", "types", "tomllib")
TOOLS = ("click", "deptry", "keyring", "mypy", "packaging", "pip", "requests", "rich", "twine", "urllib3", "venv")
OURS = ("omni_release", "check_wheel_contents", "build", "uv", "pip_audit")
HOOKS = ("post-index-change", "reference-transaction", "pre-push", "post-checkout", "fsmonitor-watchman")


def with_modules(hostile: Checkout) -> None:
    """Modules of these names beside pyproject.toml. An import of one says so in the canary's folder, and fails."""
    for name in (*STDLIB, *TOOLS, *OURS):
        lines = ("import os", f'open({str(hostile.seen)!r} + "/imported-{name}", "w").write(str(dict(os.environ)))')
        hostile.write(f"{name}.py", "\n".join((*lines, f'raise SystemExit("{name} of the project")', "")))
    hostile.commit()


def imported(hostile: Checkout) -> list[str]:
    """The modules of the checkout that were imported."""
    return sorted(path.name for path in hostile.seen.glob("imported-*"))


def statuses(document: dict[str, object]) -> dict[str, str]:
    """The status of each task."""
    outcomes = document["outcomes"]
    assert isinstance(outcomes, list)
    return {outcome["id"]: outcome["status"] for outcome in outcomes}


def test_modules_named_like_others(hostile: Checkout) -> None:
    """The gate's verdict on each task is the same as without them."""
    without = statuses(hostile.omni("gate", "--format", "json").document)
    with_modules(hostile)
    ran = hostile.omni("gate", "--format", "json")
    assert imported(hostile) == []
    assert statuses(ran.document) == without, ran.out
    assert "failed" not in without.values()
    assert hostile.leaks() == []


def test_the_keyring_is_not_the_projects(hostile: Checkout) -> None:
    """The search for credentials imports the installed keyring."""
    with_modules(hostile)
    hostile.omni("doctor", "--to", "http://127.0.0.1:9/legacy/", "--only", "credentials-present")
    assert imported(hostile) == []
    assert hostile.leaks() == []


@pytest.mark.rehearsal
def test_a_whole_rehearsal(hostile: Checkout) -> None:
    """Build back end, tests, verify commands, own commands and git: each runs, none gets a secret."""
    with_modules(hostile)
    pyproject = (hostile.root / "pyproject.toml").read_text()
    record = f"import os; open({str(hostile.seen)!r} + '/NAME.' + str(os.getpid()), 'w').write(str(dict(os.environ)))"
    hostile.write("tests/conftest.py", f"{record.replace('NAME', 'tests')}\n")
    hostile.write("in_tree/backend.py", f"{record.replace('NAME', 'backend')}\nfrom hatchling.build import *\n")
    pyproject = pyproject.replace(
        'build-backend = "hatchling.build"', 'build-backend = "backend"\nbackend-path = ["in_tree"]'
    )
    verify, command = (json.dumps(["python", "-c", record.replace("NAME", name)]) for name in ("verify", "command"))
    own = f'[[tool.omni-release.command]]\nname = "own"\nwhen = ["rehearse"]\nrun = {command}\n'
    hostile.write("pyproject.toml", f"{pyproject}\n[tool.omni-release.verify]\ncommands = [{verify}]\n{own}")
    hostile.commit()
    ran = hostile.omni("rehearse", "--format", "json")
    failed = {id for id, status in statuses(ran.document).items() if status == "failed"}
    assert not failed & {"build", "tests-pass", "verify-commands", "command-own", "twine-check"}, ran.err
    assert all(hostile.recorded(name) for name in ("backend", "tests", "verify", "command", "git")), ran.err
    assert imported(hostile) == []
    assert hostile.leaks() == []


def test_a_secret_that_is_given(hostile: Checkout) -> None:
    """A command gets the secret that its settings name, and no other."""
    record = f"import os; open({str(hostile.seen)!r} + '/own.1', 'w').write(str(dict(os.environ)))"
    run = json.dumps([Path(sys.executable).name, "-c", record])
    command = f'[[tool.omni-release.command]]\nname = "own"\nrun = {run}\npass-env = ["OPENAI_API_KEY"]\n'
    hostile.write("pyproject.toml", (hostile.root / "pyproject.toml").read_text() + command)
    hostile.commit()
    hostile.omni("gate", "--only", "command-own")
    assert hostile.leaks() == ["own: canary-openai"]


@pytest.mark.parametrize("command", [("version", "sync"), ("version", "check", "--staged"), ("gate",)])
def test_configuration_of_git(hostile: Checkout, command: tuple[str, ...]) -> None:
    """A monitor and hooks that the repository configures do not run, and what git runs gets no secret."""
    hooks = hostile.seen.parent / "hooks"
    hooks.mkdir()
    for name in HOOKS:
        for folder in (hooks, hostile.root / ".git" / "hooks"):
            (folder / name).symlink_to(hostile.recorder("hook"))
    git("config", "core.hooksPath", str(hooks), cwd=hostile.root)
    git("config", "core.fsmonitor", str(hostile.recorder("monitor")), cwd=hostile.root)
    git("config", "filter.evil.clean", str(hostile.recorder("filter")), cwd=hostile.root)
    git("config", "core.sshCommand", str(hostile.recorder("ssh")), cwd=hostile.root)
    git("remote", "add", "origin", "ssh://example.invalid/acme", cwd=hostile.root)
    hostile.write(".gitattributes", "*.md filter=evil\n")
    (hostile.root / "README.md").touch()
    (hostile.root / "README.md").write_text("changed\n")
    for path in hostile.seen.iterdir():
        path.unlink()
    hostile.omni(*command)
    assert hostile.recorded("git")
    assert not hostile.recorded("monitor") and not hostile.recorded("hook")
    assert hostile.leaks() == []
