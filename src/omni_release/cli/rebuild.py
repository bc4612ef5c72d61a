"""`rebuild`: build the commit of a run again, from a fresh clone, and compare the files."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

from omni_release import __version__
from omni_release.cli import lane
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand
from omni_release.core.errors import EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_PASSED, UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Iterator

    from omni_release.builds.evidence import RebuildRecord
    from omni_release.builds.rebuild import Rebuilding, Rebuilt, RebuiltFile
    from omni_release.builds.record import Built
    from omni_release.cli.parser import Commands
    from omni_release.core.world import Processes

_SHOWN = 20
"""The differences of one file that are shown and recorded."""

_EXIT_CODES = {"equal": EXIT_PASSED, "different": EXIT_FAILED, "inconclusive": EXIT_INCONCLUSIVE}


class Arguments(cli_parser.Arguments):
    """The arguments of `rebuild`; without `run_id` the newest run."""

    run_id: str = ""
    from_: str = ""
    to: Path | None = None


def add_parser(commands: Commands, name: str) -> None:
    """Add `rebuild`."""
    words = "Build the commit of a run again, from a fresh clone, and compare the files"
    parser = subcommand(commands, name, words, "rebuild", "rebuild --run RUN --from https://… --to rebuilt.json")
    help = "run to rebuild: its name, its folder, or its report.json (default: the newest)"
    parser.add_argument("--run", dest="run_id", metavar="RUN", help=help)
    help = "repository to clone: an address or a path (default: that of the checkout)"
    parser.add_argument("--from", dest="from_", metavar="URL|PATH", help=help)
    help = "also write the record of the rebuild to this file, to hand it over: release --rebuilt FILE"
    parser.add_argument("--to", type=Path, metavar="FILE", help=help)
    add_project(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Rebuild, show what came of it, and write the record. The exit code: 0 equal, 1 different, 3 inconclusive."""
    import tempfile

    from omni_release.builds import evidence
    from omni_release.core import documents
    from omni_release.run import interrupt_on_signals

    interrupt_on_signals()
    if arguments.to:
        lane.require_file(arguments.to)
        if arguments.to.exists():
            evidence.read(arguments.to)  # only a record of a rebuild is replaced
    built = _built(arguments)
    with lane.processes() as processes, tempfile.TemporaryDirectory(prefix="omni-release-rebuild-") as work:
        rebuild = _rebuild(arguments, built, Path(work).resolve(), processes)
        rebuilt = rebuild.run()
        record = _record(rebuild, rebuilt)
        _write(arguments, rebuild, record)
        kept = _keep(rebuild, rebuilt, record)
    if arguments.as_json:
        sys.stdout.write(documents.to_output({"record": record.document, "kept": kept}))
    else:
        sys.stdout.writelines(f"{lane.shown(lane.redact(line))}\n" for line in _lines(built, rebuilt, kept))
    return _EXIT_CODES[rebuilt.result]


def _built(arguments: Arguments) -> Built:
    """What the run has built. Raises UsageError where there is no such run."""
    from omni_release.builds import record

    path = Path(arguments.run_id)
    if arguments.run_id.endswith(".json"):
        return record.in_report(path, path.parent if record.is_run(path.parent.absolute()) else None)
    store = lane.run_store(arguments.root())
    if arguments.run_id:
        return record.of_run(store.run(arguments.run_id))
    newest = next((run for run in store.runs() if run.is_readable() and run.artifacts()), None)
    if newest is None:
        hint = "Rehearse first, or name the folder of a package: --project DIR"
        raise UsageError("there is no run with distributions", hint)
    return record.of_run(newest)


def _rebuild(arguments: Arguments, built: Built, work: Path, processes: Processes) -> Rebuilding:
    from omni_release import git_queries
    from omni_release.builds.rebuild import Rebuilding

    root = arguments.root()
    tree = git_queries.working_tree(root, processes)
    source = arguments.from_ or (str(tree.top) if tree else "")
    if not source:
        raise UsageError(f"{root} is in no git repository", "Name the repository: --from URL.")
    if os.path.isdir(source):
        source = os.path.abspath(source)
    inside = PurePosixPath(built.inside) if built.inside is not None else tree.inside(root) if tree else PurePosixPath()
    if inside.is_absolute() or ".." in inside.parts:
        raise UsageError(f"the report names the folder {inside}, outside of the repository", "Name another report.")
    return Rebuilding(built, source, inside, work, processes, os.environ, _tell)


def _tell(line: str) -> None:
    sys.stderr.write(f"{lane.shown(line)}\n")


def _record(rebuild: Rebuilding, rebuilt: Rebuilt) -> RebuildRecord:
    import datetime
    import secrets

    from omni_release import distributions
    from omni_release.builds.evidence import RebuildRecord
    from omni_release.core.redaction import public_address

    built = rebuild.built
    commit, environment = built.require_complete()
    now = datetime.datetime.now(datetime.UTC)
    name, version = distributions.project_and_version(built.artifacts)
    source = public_address(rebuild.source) if "://" in rebuild.source else "a repository on the same machine"
    lines = (*filter(None, (rebuilt.why,)), *(line for file in rebuilt.files for line in _differences(file, rebuilt)))
    return RebuildRecord(
        f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
        now.isoformat(timespec="seconds"),
        name,
        version,
        built.run,
        commit,
        source,
        f"omni-release {__version__}",
        rebuilt.result,  # type: ignore[arg-type]  # one of the three
        built.artifacts,
        rebuilt.rebuilt,
        tuple(lane.redact(line.strip()) for line in (*lines, *rebuilt.notes)),
        environment,
        rebuilt.environment,
    )


def _write(arguments: Arguments, rebuild: Rebuilding, record: RebuildRecord) -> None:
    from omni_release.builds.evidence import FOLDER

    if rebuild.built.folder is not None:
        record.write(rebuild.built.folder / FOLDER / f"{record.id}.json", lane.files())
    if arguments.to is not None:
        record.write(arguments.to.absolute(), lane.files())


def _keep(rebuild: Rebuilding, rebuilt: Rebuilt, record: RebuildRecord) -> list[str]:
    """Keep the files that differ in the run folder, with what diffoscope says of them; the paths."""
    import shutil

    from omni_release.builds import rebuild as rebuilds
    from omni_release.builds.evidence import FOLDER
    from omni_release.core.model import display_path

    folder = rebuild.built.folder
    kept: list[Path] = []
    for file in rebuilt.files if folder is not None else ():
        if file.is_equal or file.rebuilt is None:
            continue
        assert folder is not None
        target = folder / FOLDER / record.id / file.artifact.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(rebuilt.folder / file.artifact.name, target)
        kept.append(target)
        first, said = folder / "dist" / file.artifact.name, target.with_name(f"{target.name}.diffoscope.txt")
        if first.is_file() and not rebuilds.diffoscope(first, target, said, rebuild.processes, os.environ):
            kept.append(said)
    return [display_path(Path.cwd(), path) for path in kept]


def _lines(built: Built, rebuilt: Rebuilt, kept: list[str]) -> Iterator[str]:
    """What a person reads: each file, how it differs and what to do, then the result."""
    from omni_release import distributions

    name, version = distributions.project_and_version(built.artifacts)
    yield f"{name} {version}   commit {(built.commit or '')[:12]}   run {built.run}"
    for file in rebuilt.files:
        yield f"  {_state(file):<9} {file.artifact.name}   sha256 {file.artifact.sha256}"
        yield from (f"            {line}" for line in _differences(file, rebuilt))
    yield from (f"  note      {note}" for note in rebuilt.notes)
    yield from (f"  kept      {path}" for path in kept)
    ended = {
        "equal": "EQUAL: the same bytes, from a fresh clone",
        "different": "DIFFERENT",
        "inconclusive": "INCONCLUSIVE",
    }
    yield f"{ended[rebuilt.result]}{': ' if rebuilt.why else ''}{rebuilt.why}"


def _state(file: RebuiltFile) -> str:
    return "equal" if file.is_equal else "missing" if file.rebuilt is None else "differs"


def _differences(file: RebuiltFile, rebuilt: Rebuilt) -> Iterator[str]:
    """How a file differs, with what to do about each kind of difference once."""
    from omni_release.distributions import differences

    if file.note:
        yield file.note
    said: set[str] = set()
    for difference in file.differences[:_SHOWN]:
        yield str(difference)
        yield from (f"  {line}" for line in difference.lines)
        advice = differences.advice(difference, rebuilt.folders)
        if advice not in said:
            yield f"  Fix: {advice}"
        said.add(advice)
    if len(file.differences) > _SHOWN:
        yield f"… and {len(file.differences) - _SHOWN} more"
