"""Build the commit of a run again, from a fresh clone, in another place on the disk, and compare what comes out.

What differs on purpose: the folders, the umask, HOME and the folder of temporary files. What is the same: the commit,
the packages that were installed for the build, SOURCE_DATE_EPOCH, and the minor version of Python.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, programs, project, source_tree
from omni_release.builds import FILES, build_run, record
from omni_release.builds.clone import Clone
from omni_release.builds.record import BuildEnvironment, Built
from omni_release.core import documents
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, Inconclusive, InvalidDistribution, UsageError
from omni_release.core.model import REHEARSAL, Artifact, Commit, Release
from omni_release.core.text import listed
from omni_release.core.world import Processes
from omni_release.distributions import differences
from omni_release.distributions.differences import ArchiveDifference

_NO_ENVIRONMENT = "the environment of the build could not be made"
_DIFFOSCOPE = 300.0


@dataclass(frozen=True)
class RebuiltFile:
    """A file of the run, and its rebuild: None where there is no file of that name. How they differ, the first first.

    `note` is why the difference is not shown, empty where it is.
    """

    artifact: Artifact
    rebuilt: Artifact | None
    differences: tuple[ArchiveDifference, ...] = ()
    note: str = ""

    @property
    def is_equal(self) -> bool:
        return self.rebuilt is not None and self.rebuilt.sha256 == self.artifact.sha256


@dataclass(frozen=True)
class Rebuilt:
    """What came of a rebuild: `equal`, `different` or `inconclusive`, and `why` where it is not equal.

    `environment` is what it was built with, `notes` say what else was not as in the run, `folders` are those of the two
    builds. `folder` has the files.
    """

    result: str
    why: str
    files: tuple[RebuiltFile, ...]
    rebuilt: tuple[Artifact, ...]
    environment: BuildEnvironment | None
    notes: tuple[str, ...]
    folders: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class Rebuilding:
    """A rebuild of what a run has `built`, of the repository at `source`, below the empty folder `work`.

    `inside` is the path of the project in the repository.
    """

    built: Built
    source: str
    inside: PurePosixPath
    work: Path
    processes: Processes
    environment: Mapping[str, str]
    tell: Callable[[str], None] = lambda line: None

    def run(self) -> Rebuilt:
        """Clone, build and compare.

        Raises UsageError for a run that cannot be repeated, Inconclusive where the clone or the tools fail.
        """
        commit, environment = self.built.require_complete()
        _require_same_python(environment)
        clone = Clone(self.source, self.work / "clone", self.processes, self.environment)
        self.tell(f"cloning {clone.shown} at {commit[:12]}")
        with _other_umask(environment.umask):
            clone.make(commit)
            root = clone.folder / self.inside
            self._require_same_tree(clone, root, commit)
            release = self._release(root, environment)
            self.tell(f"building with {_named(environment)}")
            why = self._build(release, environment)
        notes = ["the clone is shallow"] if clone.is_shallow else []
        here = ".".join(map(str, sys.version_info[:3]))
        if here != environment.python:
            notes.append(f"this is Python {here}, and the run had {environment.python}")
        return self._compared(release, environment, why, tuple(notes))

    def _require_same_tree(self, clone: Clone, root: Path, commit: str) -> None:
        """Raise UsageError where the run was built from other files than those of the commit.

        Submodules and large files are fetched where the run had them.
        """
        if not root.is_dir():
            raise UsageError(f"the commit {commit} has no folder {self.inside}", "Name the project with --project DIR.")
        if self._is_same_tree(root) and not clone.has_submodules_outside(self.inside):
            return
        clone.update_submodules()
        if self._is_same_tree(root) or (clone.fetch_large_files() and self._is_same_tree(root)):
            return
        files = self._changed(source_tree.file_hashes(root, self.processes))
        what = f": {listed(files, 5)}" if files else ""
        hint = "Commit them, or let git ignore them, and rehearse again: omni-release rehearse"
        raise UsageError(f"the run was built from files that are not those of commit {commit[:12]}{what}", hint)

    def _is_same_tree(self, root: Path) -> bool:
        return source_tree.fingerprint(root, self.processes) == self.built.tree

    def _changed(self, now: Mapping[str, str]) -> list[str]:
        """The files in which the checkout of the run differed from the commit, where the run folder says so."""
        before: object = None
        with contextlib.suppress(Inconclusive):
            before = documents.read_json(self.built.folder / FILES) if self.built.folder else None
        if not isinstance(before, dict):
            return []
        names = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        kinds = {name: "not committed" if name not in now else "changed" for name in names}
        kinds |= dict.fromkeys(names - before.keys(), "removed")
        return [f"{name} ({kinds[name]})" for name in sorted(names)]

    def _release(self, root: Path, environment: BuildEnvironment) -> Release:
        """The release that is built, in folders of its own."""
        folder = self.work / "run"
        release = Release(
            project.load(root),
            None,
            REHEARSAL,
            None if environment.epoch is None else Commit(self.built.commit or "", environment.epoch),
            folder,
            self.work,
            self.inside,
        )
        for needed in (folder, release.temporary, self.work / "home"):
            needed.mkdir()
        return release

    def _build(self, release: Release, environment: BuildEnvironment) -> str:
        """Build; why that failed, empty where it did not. Raises Inconclusive where it says nothing about the build."""
        pins = self.work / "pins.txt"
        pins.write_text("".join(f"{pin}\n" for pin in environment.pins), encoding="utf-8")
        outer = {name: value for name, value in self.environment.items() if name != "SOURCE_DATE_EPOCH"}
        run = build_run(release, outer, "first", release.project.root, release.dist)
        own = ("UV_CONSTRAINT", *(f"{name}={value}" for name, value in self._home().items()))
        run = dataclasses.replace(
            run, argv=(*run.argv, *own), environment={**run.environment, "UV_CONSTRAINT": str(pins)}
        )
        completed = self.processes.run(run)
        if completed.code == 0:
            return ""
        stated = run.reason.read_text(encoding="utf-8") if run.reason and run.reason.is_file() else ""
        tail = "" if stated else "\n".join(completed.tail[-10:])
        if stated.startswith(_NO_ENVIRONMENT) or completed.network or not stated:
            hint = (
                "Check that the index has these versions; UV_FIND_LINKS names a folder with what is on none: "
                f"{listed(environment.pins)}"
            )
            message = stated or f"the build {completed.ended(run.deadline)}"
            raise Inconclusive(f"{message}:\n{tail}".rstrip(":\n"), hint)
        return f"the commit does not build here: {stated}"

    def _home(self) -> dict[str, str]:
        """The variables with which the back end has another home folder, and still finds the user's compilers."""
        theirs, own = programs.user_home(self.environment), str(self.work / "home")
        tools = {"CARGO_HOME": theirs / ".cargo", "RUSTUP_HOME": theirs / ".rustup"}
        kept = {name: str(path) for name, path in tools.items() if name not in self.environment and path.is_dir()}
        given = [name for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME") if name in self.environment]
        return dict.fromkeys(("HOME", "USERPROFILE", *given), own) | kept

    def _compared(
        self, release: Release, environment: BuildEnvironment, failure: str, notes: tuple[str, ...]
    ) -> Rebuilt:
        """What the rebuild came to."""
        with_what = record.read(release.folder)
        found = distributions.in_folder(release.dist) if not failure else ()
        rebuilt = {path.name: documents.artifact_of(path) for path in found}
        files = tuple(self._file(artifact, rebuilt.get(artifact.name), release) for artifact in self.built.artifacts)
        others = tuple(_other_packages(environment, with_what)) if with_what else ()
        result, why = _judged(files, failure, others, tuple(rebuilt))
        folders = (str(self.work), *_work_dir(self.built.folder))
        return Rebuilt(result, why, files, tuple(rebuilt.values()), with_what, (*others, *notes), folders, release.dist)

    def _file(self, artifact: Artifact, rebuilt: Artifact | None, release: Release) -> RebuiltFile:
        result = RebuiltFile(artifact, rebuilt)
        if rebuilt is None or result.is_equal:
            return result
        first = self.built.folder / "dist" / artifact.name if self.built.folder else None
        if first is None or not first.is_file():
            note = "how they differ is not known: the file of the run is missing"
        elif documents.sha256(first) != artifact.sha256:
            note = f"how they differ is not known: {first} has changed since the run"
        else:
            try:
                return dataclasses.replace(result, differences=differences.between(first, release.dist / artifact.name))
            except InvalidDistribution as error:
                note = f"how they differ is not known: {error.message}"
        return dataclasses.replace(result, note=note)


def _require_same_python(environment: BuildEnvironment) -> None:
    """Raise Inconclusive on another implementation or minor version of Python than that of the run."""
    here = (sys.implementation.name, f"{sys.version_info[0]}.{sys.version_info[1]}")
    if here != (environment.implementation, environment.minor):
        name = "" if environment.implementation == "cpython" else f"{environment.implementation}@"
        raise Inconclusive(
            f"the run was built with {environment.implementation} {environment.python}, and this is "
            f"{here[0]} {'.'.join(map(str, sys.version_info[:3]))}",
            f"Run omni-release on that version: `uvx --python {name}{environment.minor} omni-release rebuild …`",
        )


def _named(environment: BuildEnvironment) -> str:
    names = [str(package) for package in environment.installed]
    return f"Python {environment.minor}, {listed(names, 4)}" if names else f"Python {environment.minor}"


@contextlib.contextmanager
def _other_umask(of_run: str) -> Iterator[None]:
    """Another umask than that of the run, for the files of the clone and of the build."""
    before = os.umask(0o022 if of_run == "077" else 0o077)
    try:
        yield
    finally:
        os.umask(before)


def _other_packages(run: BuildEnvironment, here: BuildEnvironment) -> Iterator[str]:
    """What was installed for the rebuild and not for the run, or as another version, or with other files."""
    before, now = ({package.name.lower(): package for package in each.installed} for each in (run, here))
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old is None or new is None:
            yield f"{new or old} was installed for {'the run' if old else 'the rebuild'} alone"
        elif old.version != new.version or old.origin != new.origin:
            yield f"{new} {new.origin} was installed, and for the run {old} {old.origin}".replace("  ", " ")
        elif old.files != new.files and run.platform == here.platform:
            yield f"{new} has other files than the {old} of the run"


def _judged(files: Sequence[RebuiltFile], failure: str, others: Sequence[str], names: Sequence[str]) -> tuple[str, str]:
    """The result, and why it is not `equal`."""
    unequal = [file for file in files if not file.is_equal]
    if not unequal:
        return "equal", ""
    compiled = [f.artifact.name for f in files if _is_compiled(f.artifact.name)]
    if failure:
        if compiled:
            return (
                "inconclusive",
                f"{failure}\nIt needs the compiler and the libraries of the run for {listed(compiled)}",
            )
        return "different", failure
    if others:
        return "inconclusive", "not all packages for the build are those of the run"
    if all(_is_compiled(file.artifact.name) for file in unequal):
        return "inconclusive", f"{listed(compiled)}: a compiled wheel depends on the compiler of the machine"
    if missing := [file.artifact.name for file in unequal if file.rebuilt is None]:
        tags = "A version that comes from git changes with the tags of the clone"
        return "different", f"the rebuild has no {listed(missing)}, but {listed(names)}. {tags}"
    return "different", "not all files are equal"


def _is_compiled(name: str) -> bool:
    return distributions.is_wheel(name) and not name.endswith("-any.whl")


def _work_dir(folder: Path | None) -> Iterator[str]:
    """The folder that the run was built in, where it says so."""
    with contextlib.suppress(OSError):
        if folder is not None:
            yield os.fsdecode((folder / "work-dir").read_bytes())


def diffoscope(first: Path, second: Path, target: Path, processes: Processes, environment: Mapping[str, str]) -> str:
    """Write what diffoscope says of two files to `target`; why not, empty where it is written."""
    program = shutil.which("diffoscope", path=environment.get("PATH"))
    if program is None:
        return "diffoscope is not installed"
    log = target.with_suffix(".log")
    run = Run(
        (program, "--text", str(target), "--max-report-size", "2000000", str(first), str(second)),
        cwd=target.parent,
        environment=programs.test_env(environment, target.parent),
        log=log,
        deadline=_DIFFOSCOPE,
    )
    try:
        completed = processes.run(run)
    except ActionFailed as error:
        return f"diffoscope does not start: {error.message}"
    with contextlib.suppress(OSError):
        log.unlink()
    return "" if target.is_file() else f"diffoscope {completed.ended(_DIFFOSCOPE)}"
