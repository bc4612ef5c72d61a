"""The project of the release day: a copy of a case with an image feature, in a git repository with a remote."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import Ran, child_environment, copy_case, git, omni

CASE = "broken-feature"
INDEX = "company"
"""The name of the package index in the settings, and in .pypirc."""


class Checkout:
    """The project in a temporary folder, and what a maintainer does in it. All changes are committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = copy_case(CASE, folder / "acme-painter")
        for key, value in {"user.name": "Tester", "user.email": "tester@example.invalid"}.items():
            git("config", key, value, cwd=self.root)
        git("init", "--bare", "--quiet", "--initial-branch=main", str(folder / "remote.git"), cwd=folder)
        git("remote", "add", "origin", str(folder / "remote.git"), cwd=self.root)
        self.home, self.programs = folder / "home", folder / "programs"
        self.home.mkdir()
        self.programs.mkdir()
        self._forbid_rm()
        self.push()

    def replace(self, path: str, *pairs: tuple[str, str]) -> None:
        """Replace each text in a file, and commit. Raises ValueError where the file does not have it."""
        file = self.root / path
        content = file.read_text(encoding="utf-8")
        for old, new in pairs:
            if old not in content:
                raise ValueError(f"{path} has no {old!r}")
            content = content.replace(old, new)
        self.write(path, content)

    def write(self, path: str, content: str) -> None:
        """Write a file, and commit it where git does not ignore it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8", newline="\n")
        self.push()

    def push(self) -> None:
        """Commit every change, and push it."""
        git("add", "--all", cwd=self.root)
        git("commit", "--quiet", "--allow-empty", "--message=change", cwd=self.root)
        git("push", "--quiet", "--set-upstream", "origin", "main", cwd=self.root)

    def run(self, *arguments: str, **variables: str) -> Ran:
        """Run omni-release with a home folder of its own and the network of this machine."""
        return omni(*arguments, cwd=self.root, environment=self.environment(**variables), timeout=900)

    def environment(self, **variables: str) -> Mapping[str, str]:
        """The environment of the maintainer: no key, and a folder of programs before all others."""
        home = Path.home()
        own = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(home / ".config")),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(home / ".cache")),
            "XDG_DATA_HOME": os.environ.get("XDG_DATA_HOME", str(home / ".local" / "share")),
            "npm_config_userconfig": str(home / ".npmrc"),
            "npm_config_update_notifier": "false",
            "COLUMNS": "1000",
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONIOENCODING": "utf-8",
        }
        inherited = {k: v for k, v in child_environment().items() if not k.startswith(("TWINE_", "GEMINI_", "GOOGLE_"))}
        return inherited | own | variables

    def _forbid_rm(self) -> None:
        """Put an `rm` first on the PATH that refuses, as a shell guard does, and counts its calls."""
        program = self.programs / "rm"
        program.write_text(f'#!/bin/sh\necho "$@" >> "{self.folder}/rm.txt"\nexit 1\n', encoding="utf-8")
        program.chmod(0o755)

    @property
    def calls_of_rm(self) -> int:
        """How often `rm` was called."""
        calls = self.folder / "rm.txt"
        return len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0

    def create_environment(self) -> None:
        """Create .venv with uv, which installs no pip into it."""
        command = [sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, ".venv"]
        subprocess.run(command, cwd=self.root, env=self.environment(), check=True)
        (self.root / ".venv" / ".gitignore").write_text("*\n", encoding="utf-8")

    def install_typescript(self) -> None:
        """Make `tsc` available to the front end: the one on the PATH, else from npm's registry."""
        if shutil.which("tsc"):
            return
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent", "typescript@5.9.3"]
        subprocess.run(command, cwd=self.root / "web", env=self.environment(), check=True)

    def normalized(self, text: str) -> str:
        """The text without what differs from run to run: paths, times, run names, commits, hashes, ports, numbers."""
        text = text.replace(f"{self.root}/", "").replace(str(self.root), ".").replace(str(self.home), "~")
        for pattern, shown in _VARYING:
            text = re.sub(pattern, shown, text, flags=re.MULTILINE)
        return text


_VARYING = (
    (r"\b\d{8}-\d{6}-\d+\b", "RUN"),
    (r"  +\d+\.\d s$", ""),
    (r"\bin \d+(\.\d)? s\b", "in N s"),
    (r"\bsha256 [0-9a-f]{64}", "sha256 HASH"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\bprocess \d+\b", "process PID"),
    (r"sha256:[0-9a-f]{8}", "sha256:HASH"),
    (r"\bmain [0-9a-f]{7}\b", "main COMMIT"),
    (r"\b\d+(\.\d+)? (kB|MB|B)\b", "SIZE"),
)
