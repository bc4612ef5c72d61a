"""A checkout that may be hostile, a canary outside it, and what each child process of a run got."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Ran, child_environment, copy_case, git

SECRETS = {
    "TWINE_PASSWORD": "canary-twine",
    "UV_INDEX_COMPANY_PASSWORD": "canary-uv",
    "PIP_EXTRA_INDEX_URL": "https://ada:canary-pip@index.example.invalid/simple/",
    "GEMINI_API_KEY": "canary-gemini",
    "OPENAI_API_KEY": "canary-openai",
    "GITHUB_TOKEN": "canary-github",
    "AWS_SECRET_ACCESS_KEY": "canary-aws",
}


@dataclass(frozen=True)
class Checkout:
    """A project in `root`. Nothing in `canary` may change; `seen` gets the environments of recorded programs."""

    root: Path
    canary: Path
    seen: Path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def link(self, name: str, target: str | Path) -> None:
        """Make a link in the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def commit(self) -> None:
        """Commit everything."""
        git("add", "--all", cwd=self.root)
        git("commit", "--quiet", "--message=more", cwd=self.root)

    def recorder(self, name: str) -> Path:
        """A program that records its environment under this name."""
        path = self.seen.parent / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nenv > "{self.seen}/{name}.$$"\nexit 0\n')
        path.chmod(0o755)
        return path

    def omni(self, *arguments: str | Path) -> Ran:
        """Run the real command line with secrets in its environment, and each call of git recorded."""
        folder = self.seen.parent / "path"
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text(f'#!/bin/sh\nenv > "{self.seen}/git.$$"\nexec "{shutil.which("git")}" "$@"\n')
        (folder / "git").chmod(0o755)
        path = os.pathsep.join((str(folder), os.environ["PATH"]))
        environment = child_environment(PATH=path, **SECRETS)
        program = Path(sys.executable).with_name("omni-release")
        ended = subprocess.run(
            [program, *arguments], cwd=self.root, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    def recorded(self, name: str) -> list[str]:
        """The environments that programs of this name got."""
        return [path.read_text(errors="replace") for path in sorted(self.seen.glob(f"{name}.*"))]

    def leaks(self) -> list[str]:
        """The recorded programs that got a secret, and which."""
        return sorted(
            f"{path.name.partition('.')[0]}: {value}"
            for path in self.seen.iterdir()
            for value in ("canary-twine", "canary-uv", "canary-pip", "canary-gemini", "canary-openai", "canary-github")
            if value in path.read_text(errors="replace")
        )


def snapshot(folder: Path) -> dict[str, tuple[bytes | str, int]]:
    """Every file below a folder: its content, and when it changed."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes() if path.is_file() else "", path.stat().st_mtime_ns)
        for path in (folder, *sorted(folder.rglob("*")))
    }


@pytest.fixture
def hostile(tmp_path: Path) -> Checkout:
    """A sound project in a repository, beside a folder of the user's."""
    canary = tmp_path / "user"
    (canary / "logs").mkdir(parents=True)
    for name in ("thesis.txt", "journal.jsonl", "logs/mail.log"):
        (canary / name).write_text("precious\n")
    (tmp_path / "seen").mkdir()
    return Checkout(copy_case("sound", tmp_path / "project"), canary, tmp_path / "seen")
