"""Real SSH keys and signatures, and a clone with a run to approve."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from omni_release.adapters.processes import LocalProcesses
from omni_release.core.model import Release
from omni_release.core.settings import Publish
from omni_release.core.world import World
from omni_release.git import ReleaseRepository
from omni_release.publishing import approval_statement
from omni_release.publishing.approval_statement import NAMESPACE, Statement
from omni_release.publishing.approvals import FOLDER, Context
from tests.repositories import Checkout, clean_environment, cloned, pinned

HASHES = ("1" * 64, "2" * 64)
WHEEL, SDIST = "acme-1.2.0-py3-none-any.whl", "acme-1.2.0.tar.gz"


@dataclass(frozen=True)
class Key:
    """A key of SSH, without a passphrase."""

    path: Path

    @property
    def public(self) -> str:
        """Its kind and its base64, as a list of signers has them."""
        return " ".join(self.path.with_name(f"{self.path.name}.pub").read_text(encoding="utf-8").split()[:2])

    def signature(self, text: str, namespace: str = NAMESPACE) -> str:
        """A signature by ssh-keygen."""
        argv = ["ssh-keygen", "-Y", "sign", "-f", str(self.path), "-n", namespace]
        return subprocess.run(argv, input=text.encode(), capture_output=True, check=True).stdout.decode()

    def approval(self, statement: Statement, namespace: str = NAMESPACE) -> str:
        """An approval."""
        return approval_statement.written(statement, self.signature(statement.text, namespace))


def made(folder: Path, name: str) -> Key:
    """A new key."""
    folder.mkdir(exist_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return Key(folder / name)


def statement(commit: str = "a" * 40, **fields: str) -> Statement:
    """A statement about two files of acme 1.2.0."""
    files = tuple(sorted(((HASHES[0], WHEEL), (HASHES[1], SDIST))))
    return replace(Statement("acme", "1.2.0", commit, files), **fields)  # type: ignore[arg-type]


@contextmanager
def context(checkout: Checkout, run: Path, *handed: Path, **variables: str) -> Iterator[Context]:
    """Where approvals of the released commit are looked for."""
    processes, environment = LocalProcesses(str), {**clean_environment(), **variables}
    head = (checkout.root / ".git" / "refs" / "heads" / "main").read_text(encoding="ascii").strip()
    repository = ReleaseRepository(head, checkout.root, processes, clean_environment(), "main", "origin")
    try:
        yield Context(repository, processes, environment, run, handed)
    finally:
        processes.close()


def in_run(run: Path, *texts: str) -> None:
    """Put approvals into a run folder."""
    (run / FOLDER).mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (run / FOLDER / f"{number}.approval").write_bytes(text.encode("utf-8", "surrogateescape"))


def released(folder: Path, listed: str | None, settings: str = "") -> Checkout:
    """A clone whose last release, v1.1.0, has this list and these settings of a publish; and a next commit."""
    checkout = cloned(folder)
    table = f"[tool.omni-release.publish]\n{settings}\n" if settings else ""
    checkout.commit("pyproject.toml", f'[project]\nname = "acme"\nversion = "1.2.0"\n{table}')
    if listed is not None:
        checkout.commit("allowed_signers", listed)
    checkout.git("tag", "v1.1.0")
    checkout.commit("more.py")
    checkout.git("push", "--quiet", "origin", "main", "--tags")
    return checkout


@contextmanager
def asking(checkout: Checkout, approvals: int | None = 2, built: bool = True) -> Iterator[tuple[Release, World]]:
    """A release of the checkout whose settings ask for approvals, with a file that was built."""
    with checkout.open() as (release, world):
        if built:
            pinned(release, world, release.commit.sha if release.commit else None)
        settings = replace(release.project.settings, publish=Publish(approvals=approvals))
        yield replace(release, project=replace(release.project, settings=settings)), world
