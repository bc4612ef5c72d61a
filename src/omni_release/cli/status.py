"""`status` (also without a command): where the project is; `runs`: earlier runs; `report`: the report of one."""

from __future__ import annotations

import sys

from omni_release.cli import lane, workspace_runs
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand
from omni_release.core.errors import EXIT_PASSED, UsageError, install_hint

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from omni_release.cli.parser import Commands
    from omni_release.core.journal import RunFolder
    from omni_release.core.model import Project
    from omni_release.core.runs import RunStore
    from omni_release.core.world import Processes

_FACTS = ("project", "version", "branch", "commit", "clean", "tag", "commits_since_tag")


class Arguments(cli_parser.Arguments):
    """The arguments of `status`, `runs` and `report`."""

    run_id: str = ""
    open: bool = False
    verbose: bool = False


def add_parser(commands: Commands, name: str) -> None:
    """Add `status`, `runs` or `report`."""
    if name == "status":
        added = subcommand(
            commands, name, "Show where the project is, and what to do next", "status", "status --format json"
        )
    elif name == "runs":
        added = subcommand(commands, name, "List the runs that are kept", "runs")
    else:
        added = subcommand(commands, name, "Show the report of a run", "report", "report 20261126-051149-000 --open")
        added.add_argument("run_id", nargs="?", metavar="RUN", help="the run (default: the newest)")
        shown = added.add_mutually_exclusive_group()
        shown.add_argument("--open", action="store_true", help="open its page in the browser")
        help = "show every task, with all findings"
        shown.add_argument("-v", "--verbose", action="store_true", help=help)
    add_project(added)
    if name != "report":
        add_format(added)
    added.set_defaults(run={"status": run, "runs": run_runs, "report": run_report}[name])


def run(arguments: Arguments) -> int:
    """Show the state of the project, or of the workspace, and the next command."""
    from omni_release.workspaces import discovery

    if workspace := discovery.discover(arguments.root()):
        state, text = workspace_runs.state_of(workspace), workspace_runs.lines
    else:
        project = arguments.load_project()
        state, text = {**_checkout(project), **_runs(project)}, _text
    if arguments.as_json:
        from omni_release.core.documents import to_output

        sys.stdout.write(to_output(state))
    else:
        from omni_release.core.own_commands import typed

        sys.stdout.writelines(f"{lane.shown(lane.redact(typed(line)))}\n" for line in text(state))
    return EXIT_PASSED


def _checkout(project: Project) -> dict[str, Any]:
    """The version, and what git says: branch, commit, whether it is clean, the last tag, and the commits since."""
    from omni_release import git_queries, versions

    root = str(project.root)
    state: dict[str, Any] = dict.fromkeys(_FACTS)
    state |= {"project": project.name, "version": versions.version_of(versions.places_of(project))}
    head = git_queries.head(root)
    if head is None:
        return state
    state |= {"branch": head.branch, "commit": head.sha, "clean": head.clean}
    described = git_queries.output(root, "describe", "--tags", "--long", "--abbrev=7")
    if described:
        tag, commits, _ = described.strip().rsplit("-", 2)
        state |= {"tag": tag, "commits_since_tag": int(commits)}
    return state


def _runs(project: Project) -> dict[str, Any]:
    """The last whole rehearsal and the last release, the open problems and questions, and the next command."""
    from omni_release.checklists import sign_offs
    from omni_release.report import next_step

    runs = [folder for folder in lane.run_store(project.root).runs() if folder.is_readable()]
    rehearsal = next((found for folder in runs if (found := _last(folder, "rehearse"))), None)
    release = next((found for folder in runs if (found := _last(folder, "release"))), None)
    state: dict[str, Any] = {"rehearsal": rehearsal, "release": release, "questions": ""}
    if rehearsal:
        folder = next(folder for folder in runs if folder.path.name == rehearsal["run"])
        with lane.processes() as processes:
            rehearsal["of_this_checkout"] = _is_of_checkout(folder, project.root, processes)
        state["questions"] = "".join(sign_offs.questions_before_release(project, folder))
    return {**state, "next": next_step.of_project(rehearsal, release)}


def _is_of_checkout(folder: RunFolder, root: Path, processes: Processes) -> bool | None:
    """Whether a run was of the files that are in the checkout now; None where it ended before it had copied them.

    A run that has built something names the tree and its commit: a release of another commit is refused, also of the
    same files. One that has built nothing names the files that were copied.
    """
    from omni_release import builds, git_queries, source_tree
    from omni_release.core.documents import read_json
    from omni_release.core.errors import Inconclusive

    if tree := folder.tree_hash():
        commit = git_queries.commit(root, processes)
        same_commit = folder.commit_built() == (commit.sha if commit else None)
        return same_commit and tree == source_tree.fingerprint(root, processes)
    try:
        copied = read_json(folder.path / builds.FILES)
    except Inconclusive:
        return None
    return copied == source_tree.file_hashes(root, processes) if copied else None


def _last(folder: RunFolder, wanted: str) -> dict[str, Any] | None:
    """The last time that this lane ended in a run: when, with which verdict, and which tasks did not pass."""
    from omni_release.core.documents import read_json
    from omni_release.core.errors import Inconclusive

    ended = [event for event in folder.ended() if event["lane"] == wanted]
    if not ended or not (wanted == "release" or ended[-1].get("whole")):
        return None
    event = ended[-1]
    found = {"run": folder.path.name, "at": event["at"], "verdict": event["verdict"], "target": event.get("target")}
    if wanted == "release":
        wheels = [artifact.name for artifact in folder.artifacts() if artifact.name.endswith(".whl")]
        found["version"] = wheels[0].split("-")[1] if wheels else ""
    else:
        try:
            report = read_json(folder.path / "report.json")
        except Inconclusive:
            report = None
        outcomes = report.get("outcomes", ()) if isinstance(report, dict) else ()
        found["next"] = report.get("next", "") if isinstance(report, dict) else ""
        found["problems"] = [o["id"] for o in outcomes if o["status"] in ("failed", "inconclusive", "waiting")]
    return found


def _text(state: dict[str, Any]) -> Iterator[str]:
    """The state for a person."""
    facts = [state["branch"] or ""]
    if state["tag"]:
        number = state["commits_since_tag"]
        facts.append(
            f"{number} commit{'' if number == 1 else 's'} since {state['tag']}" if number else f"at {state['tag']}"
        )
    if state["clean"] is not None:
        facts.append("clean" if state["clean"] else "with uncommitted changes")
    version = state["version"] or "(the build determines the version)"
    yield f"{state['project']} {version}   {', '.join(filter(None, facts))}"
    rows = tuple(_rows(state))
    column = max((len(words) for _, words, more in rows if more), default=0)
    for label, words, more in rows:
        yield f"  {label:<11} {words:<{column}}   {more}".rstrip() if more else f"  {label:<11} {words}"


def _rows(state: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A label, what there is to say, and the run or the command that has more."""
    from omni_release.core.text import listed

    rehearsal, release = state["rehearsal"], state["release"]
    if rehearsal:
        of = {True: ", of this checkout", False: ", of another state of the checkout"}
        words = of.get(rehearsal["of_this_checkout"], "")
        yield "Rehearsal", f"{rehearsal['verdict']} {_age(rehearsal['at'])}{words}", rehearsal["run"]
        if rehearsal["problems"] and rehearsal["verdict"] != "passed":
            yield "Problems", listed(rehearsal["problems"], 3), f"omni-release report {rehearsal['run']}"
    else:
        yield "Rehearsal", "none yet", ""
    if release:
        complete = "complete" if release["verdict"] == "passed" else f"not complete: {release['verdict']}"
        version = f"{release['version']} on " if release["version"] else "to "
        yield "Release", f"{version}{release['target']}, {complete}, {_age(release['at'])}", release["run"]
    if state["questions"]:
        yield "Waiting", state["questions"], ""
    yield "Next", state["next"], ""


def _age(at: str) -> str:
    """How long ago an ISO 8601 time was: `12 minutes ago`."""
    import datetime

    from omni_release.core.model import ago

    return ago((datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(at)).total_seconds())


def _store(arguments: Arguments) -> RunStore:
    """The runs of the workspace whose root the folder is; else, or where the run is one of its own, of the project."""
    from omni_release.core.runs import WORKSPACE
    from omni_release.workspaces import discovery

    if discovery.discover(arguments.root()):
        store = lane.run_store(arguments.root(), WORKSPACE)
        if not arguments.run_id or any(run.path.name == arguments.run_id for run in store.runs()):
            return store
    return lane.run_store(arguments.load_project().root)


def run_runs(arguments: Arguments) -> int:
    """List the runs, the newest first: when, which lanes, with which verdict."""
    from omni_release import distributions
    from omni_release.report import next_step

    listed = []
    for folder in _store(arguments).runs():
        built = folder.artifacts() if folder.is_readable() else ()
        entry: dict[str, Any] = {"run": folder.path.name, "version": None, "lanes": []}
        if built:
            entry["version"] = distributions.project_and_version(built)[1]
        entry["lanes"] = [
            {"lane": e["lane"], "target": e.get("target"), "verdict": e["verdict"], "at": e["at"]}
            for e in folder.ended()
        ]
        listed.append(entry)
    if arguments.as_json:
        from omni_release.core.documents import to_output

        sys.stdout.write(to_output({"runs": listed}))
        return EXIT_PASSED
    for entry in listed:
        lanes = ", ".join(f"{each['lane']} {each['verdict']}" for each in entry["lanes"]) or "not finished"
        sys.stdout.write(lane.redact(f"{entry['run']}  {entry['version'] or '-':<12} {lanes}\n"))
    if not listed:
        sys.stdout.write(f"no runs yet. {next_step.line(next_step.REHEARSE)}")
    return EXIT_PASSED


def run_report(arguments: Arguments) -> int:
    """Show the report of a run and where its page is, or open the page. Raises UsageError where the run has none.

    In a pipe it is Markdown.
    """
    from omni_release.core.model import PUBLISHED

    store = _store(arguments)
    runs = store.runs()
    if not runs and not arguments.run_id:
        raise UsageError("there are no runs yet", "Run `omni-release rehearse` first.")
    folder = store.run(arguments.run_id) if arguments.run_id else runs[0]
    written = [*folder.path.glob("report.md"), *folder.path.glob(f"{PUBLISHED}/*/report.md")]
    if not written:
        hint = f"It was cut short. Resume it with `{_resumption(folder)}`."
        raise UsageError(f"run {folder.path.name} has no report", hint)
    path = max(written, key=lambda path: path.stat().st_mtime)  # a release reports in the folder of its target
    page = path.with_suffix(".html")
    if arguments.open:
        return _open(page, folder.path.name)
    if sys.stdout.isatty() and _shown(path.with_suffix(".json"), page, verbose=arguments.verbose):
        return EXIT_PASSED
    sys.stdout.write(path.read_text(encoding="utf-8"))
    if page.is_file():
        sys.stderr.write(f"Page: {page}\n")
    return EXIT_PASSED


def _resumption(folder: RunFolder) -> str:
    """The command that resumes a run that was killed; of a workspace without its options."""
    import shlex

    from omni_release.core.model import REHEARSAL
    from omni_release.report import next_step

    lane, target, options = "rehearse", REHEARSAL, ""
    for event in folder.events():
        if event.get("event") == "release":
            lane, target, options = "release", str(event.get("target")), ""
        elif event.get("event") == "begun":
            lane, target, options = (str(event.get(name, "")) for name in ("lane", "target", "options"))
    return next_step.resumed(lane, target, folder.path.name, shlex.split(options))


def _shown(document: Path, page: Path, *, verbose: bool) -> bool:
    """Show a report as its run has shown it; whether that is possible."""
    import json
    import os
    from dataclasses import replace
    from pathlib import Path

    from omni_release.adapters.terminal import terminal
    from omni_release.core.model import display_path
    from omni_release.core.own_commands import typed
    from omni_release.core.redaction import redacted
    from omni_release.report import json_report, stages, text

    content = document.read_text(encoding="utf-8") if document.is_file() else ""
    if not (report := json_report.read(content)):
        return False
    step = typed(str(json.loads(content).get("next", "")))
    report = redacted(replace(report, run=display_path(Path.cwd(), document.parent)), typed)
    with terminal(sys.stdout, os.environ, lane.redact) as screen:
        layout = text.Layout(screen.width, screen.unicode)
        screen.say(
            [text.header_line(f"{report.lane} of {report.project}", report.version, None, text.target_of(report))]
        )
        screen.say([""])
        for row in stages.rows(report.outcomes):
            screen.say([text.stage_line(row, layout)])
            screen.say(line for o in row.outcomes if verbose for line in text.task_lines(o, layout))
        screen.say(text.problem_lines(report, layout))
        shown = display_path(Path.cwd(), page) if page.is_file() else ""
        screen.say(text.verdict_lines(report, step, layout, page=shown))
    return True


def _open(page: Path, run: str) -> int:
    """Open the page of a run in the browser. Raises UsageError where there is no page, or no browser."""
    import webbrowser

    if not page.is_file():
        hint = f"{install_hint()}\nThe report without it: omni-release report {run}"
        raise UsageError(f"run {run} has no {page.name}: it is written where Jinja2 is installed", hint)
    if not webbrowser.open(page.absolute().as_uri()):
        raise UsageError("there is no browser to start", f"Open this file: {page}")
    return EXIT_PASSED
