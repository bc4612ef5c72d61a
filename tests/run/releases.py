"""Shared by the tests of a release of many packages: a rehearsed workspace, and an index that has all of them."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.local_index import Account
from omni_release.local_index.store import Store
from tests.conftest import git
from tests.index.support import metadata, record, tarred, zipped
from tests.publishing.support import INSTALLS, PASSWORD, USER, OutsideIndex, Place, Runner, Watched
from tests.workspaces.layouts import UV, laid_out, package

CORE, PLUG, CLI = "acme-zz-core", "acme-zz-plug", "acme-zz-cli"
NAMES = (CORE, PLUG, CLI)
"""The packages in the order of their release: each needs those before it."""

UNNEEDED = (
    *INSTALLS,
    *("install-candidate", "copy-tests", "tests-pass", "replay-passes", "response-models", "cassettes-clean"),
    *("rebuild", "wheel-matches-checkout", "build-reproducible", "twine-check", "wheel-contents", "description-links"),
    *("extras-exist", "extras-install", "lower-bounds", "vulnerabilities", "dependencies-maintained"),
    *("bug-patterns", "silent-failures", "imports-declared", "deprecated-apis", "public-modules-import"),
    *("abandoned-packages", "pipelines-publish-once", "retired-models", "configured-models", "live-evidence"),
    *("siblings-available", "install-for-smoke", "wheel-complete", "no-stray-files", "sdist-tracked-files"),
)
"""Tasks that these tests leave out: they are about order, not about the packages."""


@dataclass(frozen=True)
class Workplace(Place):
    """A checkout of a workspace, in sync with a bare remote."""

    @property
    def run(self) -> Path:
        """The newest run of the workspace."""
        return max((self.checkout / ".omni-release" / "workspace" / "runs").iterdir())

    def package_runs(self) -> list[Path]:
        """The newest run of each package."""
        return [max((self.checkout / f"packages/{name}/.omni-release/runs").iterdir()) for name in NAMES]

    @property
    def built(self) -> dict[str, str]:
        """What the packages of the newest run have built: the names, and the sha256."""
        return {name: sha256 for run in self.package_runs() for name, sha256 in self.dist_of(run).items()}

    def copy(self, folder: Path) -> Workplace:
        super().copy(folder)
        return Workplace(folder)


def files(versions: Sequence[str] = ("1.1.0", "0.3.0", "2.0.0"), more: str = "", root: str = "") -> dict[str, str]:
    """A workspace of three packages: the second needs the first, the third both."""
    core, plug, cli = versions
    needs: dict[str, tuple[str, ...]] = {CORE: (), PLUG: (f"{CORE}=={core}",), CLI: (f"{CORE}>=1", f"{PLUG}>=0.1")}
    written = {"pyproject.toml": UV + root, ".gitignore": "__pycache__/\n"}
    for name, version in zip(NAMES, (core, plug, cli), strict=True):
        module, stated = name.replace("-", "_"), 'description = "A test"\nrequires-python = ">=3.11"\n'
        written[f"packages/{name}/pyproject.toml"] = package(name, version, *needs[name], more=stated) + more
        written[f"packages/{name}/{module}/__init__.py"] = '"""A test."""\n'
    return written


def checked_out(folder: Path, content: dict[str, str] | None = None) -> Workplace:
    """A workspace in a new repository, in sync with a bare remote."""
    place = Workplace(folder)
    laid_out(place.checkout, files() if content is None else content)
    git("init", "--quiet", "--initial-branch=main", cwd=place.checkout)
    git("config", "user.name", "Tester", cwd=place.checkout)
    git("config", "user.email", "tester@example.invalid", cwd=place.checkout)
    commit(place, "start")
    git("init", "--bare", "--quiet", "--initial-branch=main", str(place.remote), cwd=folder)
    git("remote", "add", "origin", str(place.remote), cwd=place.checkout)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=place.checkout)
    return place


def commit(place: Place, message: str) -> None:
    git("add", "--all", cwd=place.checkout)
    git("commit", "--quiet", f"--message={message}", cwd=place.checkout)


def rehearsed(folder: Path, runner: Runner, content: dict[str, str] | None = None) -> Workplace:
    """The same with a passed rehearsal of all packages, whose distributions are not built."""
    place = checked_out(folder, content)
    ended = runner.run(place, "rehearse", "--artifacts", str(prebuilt(place)), without=UNNEEDED)
    assert ended.code == 0, ended.said
    return place


def prebuilt(place: Workplace) -> Path:
    """A folder with the wheels of all packages, and the sdist of the first, as a build would make them."""
    target = place.folder / "prebuilt"
    for name in NAMES:
        source = place.checkout / "packages" / name
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        module, version = name.replace("-", "_"), project["version"]
        needed = (f"Requires-Dist: {requirement}" for requirement in project["dependencies"])
        about = ("Summary: A test", "Requires-Python: >=3.11", *needed)
        stated = metadata(version, *about, name=name, form="2.4").encode()
        info, code = f"{module}-{version}.dist-info", (source / module / "__init__.py").read_bytes()
        tag = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        inside = {f"{module}/__init__.py": code, f"{info}/METADATA": stated, f"{info}/WHEEL": tag}
        inside[f"{info}/RECORD"] = record(inside, f"{info}/RECORD")
        zipped(target / f"{module}-{version}-py3-none-any.whl", inside)
        if name == CORE:
            top = f"{module}-{version}"
            unpacked = {f"{top}/PKG-INFO": stated, f"{top}/{module}/__init__.py": code}
            unpacked[f"{top}/pyproject.toml"] = (source / "pyproject.toml").read_bytes()
            tarred(target / f"{top}.tar.gz", unpacked)
    return target


class SharedIndex(OutsideIndex):
    """An index outside of the run that has all packages, for one account."""

    def __init__(self, folder: Path, watched: Watched | None = None, refused: Sequence[str] = ()) -> None:
        super().__init__(folder, watched)
        self._folder = folder
        self.stores = [self.take(name, only="another" if name in refused else None) for name in NAMES]

    def take(self, name: str, only: str | None = None) -> Store:
        """Take the files of this project; where the account is for one alone, it refuses those of others."""
        return self.serve(name, self._folder / name, Account(USER, PASSWORD, only))

    def held(self) -> dict[str, str | None]:
        return {held.name: held.digests.sha256 for store in self.stores for held in store.files()}

    def taken(self) -> list[str]:
        """The files that were taken, in the order of their uploads."""
        return [sent.name for sent in self.watched.sent if sent.status.startswith("200")]


@contextlib.contextmanager
def outside(folder: Path, watched: Watched | None = None, refused: Sequence[str] = ()) -> Iterator[SharedIndex]:
    """An index for the length of a test."""
    with SharedIndex(folder, watched, refused) as index:
        assert isinstance(index, SharedIndex)
        yield index


def state(place: Place, index: SharedIndex) -> dict[str, Any]:
    """The release as others see it: the files on the index, and the tags."""
    return {"index": index.held(), "tags": place.tags()}


def position(file: str) -> int:
    """The place of a file's package in the order of the release."""
    return next(number for number, name in enumerate(NAMES) if file.startswith(name.replace("-", "_")))
