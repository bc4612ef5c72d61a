"""What a run of a workspace is about, and what its packages share: the index, the screen, the journal."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from omni_release import project, source_tree
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import SharedServer
from omni_release.adapters.secrets import Secrets
from omni_release.adapters.terminal import Terminal
from omni_release.core.errors import Inconclusive, OmniReleaseError, from_os_error
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project, Release, Report, display_path
from omni_release.core.redaction import redacted
from omni_release.core.runs import Options, Request, RunStore
from omni_release.core.world import World
from omni_release.report import files as report_files
from omni_release.report import text
from omni_release.report.workspace import NOT_RUN, Section
from omni_release.run.real_world import Part
from omni_release.workspaces import order
from omni_release.workspaces.model import Workspace, WorkspacePackage


@dataclass(frozen=True)
class WorkspaceRequest(Options):
    """What is asked of a run of a workspace; its options are for each package.

    `packages` are the names that were given, empty for all. `run` is a run of the workspace. `since` is a commit: a
    package whose files have not changed since then is not released.
    """

    lane: str
    workspace: Workspace
    packages: tuple[str, ...] = ()
    since: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The packages that are asked for, with all that they need. Raises UsageError for an unknown name."""
        known = self.workspace.packages
        asked = [self.workspace.named(name).key for name in self.packages]
        wanted = order.needs(self.workspace, asked) if asked else known
        return tuple(key for key in known if key in wanted and not known[key].private)

    def command(self, *options: str) -> str:
        """The command of this run, with other options."""
        named = [word for name in self.packages for word in ("--package", name)]
        return shlex.join(("omni-release", self.lane, *named, *options))


@dataclass
class WorkspaceSession:
    """A run of a workspace that goes on: where it is kept and shown, and the worlds of the packages that are open."""

    request: WorkspaceRequest
    projects: Mapping[str, Project]
    folder: RunFolder
    screen: Terminal
    redact: Callable[[str], str]
    server: SharedServer = field(default_factory=SharedServer)
    interrupted: threading.Event = field(default_factory=threading.Event)
    worlds: list[World] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        return self.request.workspace

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.folder.path.name

    @property
    def layout(self) -> text.Layout:
        return text.Layout(self.screen.width, self.screen.unicode, quiet=self.request.verbosity < 0)

    @property
    def resume(self) -> str:
        """The command that resumes this run."""
        to = ("--to", self.request.to) if self.request.to else ()
        confirmed = ("--yes",) if self.request.yes else ()
        return self.request.command(*to, "--run", self.name, *self.request.reuse, *confirmed)

    def package(self, key: str) -> WorkspacePackage:
        return self.workspace.packages[key]

    def store(self, key: str, secrets: Secrets) -> RunStore:
        """The runs of a package."""
        root = self.projects[key].root
        return RunStore(root, LocalFiles(), secrets.redact, source_tree.tracked_run_files)

    def package_request(self, key: str, lane: str, **more: object) -> Request:
        """The request for a run of one package, with the options of the whole and `more` fields."""
        output = self.request.output / self.projects[key].name if self.request.output else None
        # A run, a folder of distributions and tasks were named for the whole: `more` has those of this package.
        own = {"output": output, "resume": self.resume, "run": None, "artifacts": None, "only": ()}
        more = {"chosen": self.request.reuse, **more}
        return Request(lane, self.projects[key], **{**self.request.by_name(), **own, **more})

    def recorded_runs(self) -> dict[str, Path]:
        """The newest run of each package in this run of the workspace, where its folder is still there."""
        root = self.workspace.root
        events = (event for event in self.folder.events() if event.get("event") == "package")
        found = {str(event["name"]): root / str(event["run"]) for event in events}
        return {key: path for key, path in found.items() if path.is_dir()}

    def part(
        self,
        key: str,
        screen: Terminal,
        *,
        record: bool = False,
        then: Callable[[Release, World], None] | None = None,
    ) -> Part:
        """What the run of a package gets from this one; with `record` its folder is noted in the journal.

        `then` is called with the release and the world.
        """

        def opened(release: Release, world: World) -> None:
            self.worlds.append(world)
            if self.interrupted.is_set():
                world.processes.stop_all()
            if record:
                self.folder.record("package", name=key, run=display_path(self.workspace.root, release.folder))
            if then:
                then(release, world)

        return Part(screen, self.server, opened, self.interrupted.is_set)

    def interrupt(self) -> None:
        """End all programs of all packages; each run then ends as interrupted."""
        self.interrupted.set()
        for world in self.worlds:
            world.processes.stop_all()

    def section(
        self,
        key: str,
        report: Report | None = None,
        reason: str = "",
        *,
        ended: str = NOT_RUN,
        redact: Callable[[str], str] = str,
    ) -> Section:
        """A package in the report, without the secrets of its own that `redact` knows."""
        package, page = self.package(key), ""
        if report and report.run:
            written = Path(report.run) / report_files.PAGE
            if report.lane == "release":
                written = next(iter(Path(report.run).glob(f"published/*/{report_files.PAGE}")), written)
            page = display_path(self.workspace.root, written) if written.is_file() else ""
        version = report.version if report and report.version else package.version
        name, shown = self.projects[key].name, redacted(report, redact)
        return Section(name, package.folder, version, shown, redact(reason), page, ended)

    def failed_section(self, key: str, error: OmniReleaseError | OSError, redact: Callable[[str], str]) -> Section:
        """A package whose run has ended without a report; what could not be determined is no failure."""
        known = from_os_error(error) if isinstance(error, OSError) else error
        ended = "inconclusive" if isinstance(error, OSError | Inconclusive) else "failed"
        return self.section(key, reason=known.full_message, ended=ended, redact=redact)


def load(found: Workspace, key: str) -> Project:
    """A package of the workspace as a project, with the indexes that the root's settings name as well, and its tags."""
    package = found.packages[key]
    loaded = project.load(found.folder_of(key))
    settings = loaded.settings
    if (found.root / "pyproject.toml").is_file():
        _, of_root = project.read(found.root)
        settings = replace(settings, index={**of_root.index, **settings.index})
    if package.tag and not settings.git.tag:
        settings = replace(settings, git=settings.git._replace(tag=package.tag))
    return replace(loaded, settings=settings)
