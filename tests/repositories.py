"""Real git repositories for tests: a clone of a project with a bare remote."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from omni_release import git_queries
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.checklists import sign_offs
from omni_release.core import engine
from omni_release.core.actions import Pin
from omni_release.core.journal import RunFolder
from omni_release.core.model import Outcome, Project, Release
from omni_release.core.settings import Git, Settings
from omni_release.core.tasks import Check, Lane, Step, check, step
from omni_release.core.world import World

TODAY = datetime.date(2026, 11, 22)


def clean_environment() -> dict[str, str]:
    """An environment with the git settings of Tester only, and without variables of a CI service."""
    inherited = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP") if key in os.environ}
    identity = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()}
    return inherited | identity | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}


_IDENTITY = {"NAME": "Tester", "EMAIL": "tester@example.invalid"}


@dataclass(frozen=True)
class Checkout:
    """A clone of `remote`, used with the variables of `environment`."""

    root: Path
    remote: Path
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    settings: Git = field(default_factory=Git)
    version: str | None = "1.2.0"
    name: str = "acme"
    project: Path = Path()

    def git(self, *arguments: str) -> str:
        """Run the real git here."""
        return git(*arguments, cwd=self.root, environment=self.environment)

    def commit(self, file: str = "acme.py", content: str = "") -> str:
        """Commit one file; the commit."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or file, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={file}")
        return self.git("rev-parse", "HEAD").strip()

    def with_variables(self, **variables: str) -> Checkout:
        """The same, with these variables too."""
        return replace(self, environment={**self.environment, **variables})

    @contextmanager
    def open(self) -> Iterator[tuple[Release, World]]:
        """The release of what is checked out, and the world."""
        root = self.root / self.project
        folder = self.root.parent / f"{self.root.name}-run"
        folder.mkdir(exist_ok=True)
        processes = LocalProcesses(str)
        found = git_queries.working_tree(root, processes)
        release = Release(
            Project(root, self.name, (), Settings(git=self.settings), {}),
            self.version,
            "rehearsal",
            git_queries.commit(root, processes),
            folder,
            folder / "workshop",
            found.inside(root) if found else PurePosixPath(),
        )
        journal = RunFolder(folder, LocalFiles())
        index = Rehearsal(folder / "index", self.name)
        try:
            yield (
                release,
                World(processes, LocalFiles(), SystemClock(), index, journal, self.environment, answers=sign_offs),
            )
        finally:
            processes.close()

    def outcome(self, body: Check | Step, *, dry: bool = False) -> Outcome:
        """The outcome of one check or step."""
        task = step(body) if isinstance(body, Step) else check(body)
        with self.open() as (release, world):
            (outcome,) = engine.run(Lane("one", (task,)), release, world, today=TODAY, dry=dry)
        return outcome


def git(*arguments: str, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run the real git, as Tester."""
    inner = dict(environment or clean_environment())
    ended = subprocess.run(["git", *arguments], cwd=cwd, env=inner, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def pinned(release: Release, world: World, commit: str | None = None) -> None:
    """Pin an artifact of this commit."""
    release.dist.mkdir(exist_ok=True)
    (release.dist / "acme-1.2.0.tar.gz").write_bytes(b"")
    built = release.folder / "tree.sha256"
    built.write_text("tree", encoding="utf-8")
    world.journal.pin(Pin(release.dist, built, commit))


def clone(remote: Path, root: Path, *arguments: str) -> Checkout:
    """A clone of the remote."""
    git("clone", "--quiet", *arguments, remote.as_uri(), str(root), cwd=remote)
    return Checkout(root, remote)


def cloned(folder: Path) -> Checkout:
    """A bare remote with one commit on main, and a clone of it."""
    remote = folder / "remote.git"
    folder.mkdir(exist_ok=True, parents=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(remote), cwd=folder)
    checkout = clone(remote, folder / "checkout")
    checkout.git("switch", "--quiet", "--create", "main")
    (checkout.root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    checkout.commit()
    checkout.git("push", "--quiet", "--set-upstream", "origin", "main")
    return checkout


def hook(folder: Path, name: str, code: str) -> None:
    """Create a hook in Python."""
    path = folder / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{code}\n", encoding="utf-8")
    path.chmod(0o755)
