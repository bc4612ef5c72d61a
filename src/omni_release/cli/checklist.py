"""`checklist`: check that all items are answered, show them, and write the usual checklists."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli.parser import add_format, add_project, subcommand, verbs
from omni_release.core import errors
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omni_release.checklists import Checklist
    from omni_release.checklists.sign_offs import ItemState
    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project
    from omni_release.core.runs import RunStore

    Items = Mapping[str, Sequence[ItemState]]  # by the name of their checklist

Arguments = lane.Arguments


def add_parser(commands: Commands, name: str) -> None:
    """Add `checklist` and its verbs; `check` is the default."""
    described = "Check, show or create the checklists of a release"
    parser = subcommand(commands, name, described, "checklist", "checklist show --format md", "checklist init")
    added = verbs(parser)
    check = subcommand(added, "check", f"{lane.describe(name)} (default)", "checklist check --format json")
    for checking in (parser, check):
        lane.add_options(checking, run=True)
        checking.set_defaults(run=lane.run)
    showing = subcommand(added, "show", "Show the items, and who or what has answered them", "checklist show")
    add_format(showing, "json", "md")
    showing.add_argument("--run", dest="run_id", metavar="RUN", help="show this run (default: the newest)")
    showing.set_defaults(run=run_show)
    starting = subcommand(added, "init", "Write the usual checklists, to be adapted to the project", "checklist init")
    add_format(starting)
    starting.set_defaults(run=init)
    for verb in (showing, starting):
        add_project(verb)


def init(arguments: Arguments) -> int:
    """`checklist init`: write the usual checklists; files that exist stay unchanged."""
    from omni_release.checklists import FOLDER, usual
    from omni_release.cli import lane
    from omni_release.core.actions import Write

    root, files = arguments.load_project().root, lane.files()
    written: dict[str, bool] = {}
    for name, data in usual().items():
        path = f"{FOLDER}/{name}"
        written[path] = not (root / path).exists()
        if written[path]:
            files.write(Write(root / path, data))
    if arguments.as_json:
        from omni_release.core.documents import to_output

        content = [{"path": path, "written": new} for path, new in written.items()]
        sys.stdout.write(to_output({"checklists": content}))
        return errors.EXIT_PASSED
    sys.stdout.writelines(f"{path}: {'written' if new else 'exists, unchanged'}\n" for path, new in written.items())
    sys.stdout.write("Adapt them to your project and commit them.\n")
    return errors.EXIT_PASSED


def run_show(arguments: Arguments) -> int:
    """`checklist show`."""
    from omni_release.cli import lane

    project = arguments.load_project()
    return show(project, lane.run_store(project.root), arguments.format, arguments.run_id)


def show(project: Project, runs: RunStore, format: str, run_id: str | None) -> int:
    """Print the checklists as they are in the run named, or in the newest one.

    Raises UsageError where there is no checklist, or no such run.
    """
    from omni_release import checklists
    from omni_release.checklists.sign_offs import item_states, select_run
    from omni_release.core.redaction import printable

    lists = checklists.read(project.root)
    if not lists:
        raise UsageError("the project has no checklists", "Run `omni-release checklist init` to write the usual ones.")
    folder = select_run(runs, run_id)
    items = {checklist.name: tuple(item_states(checklist, project, folder)) for checklist in lists}
    if format == "json":
        sys.stdout.write(_json(lists, items, folder.path.name))
        return errors.EXIT_PASSED
    note = "There is no run yet: only sign-offs in the repository count."
    if folder.path.is_dir():
        note = f"State in run {folder.path.name}."
    sys.stdout.write(printable((_markdown if format == "md" else _text)(lists, items, note)))
    return errors.EXIT_PASSED


def _text(lists: Sequence[Checklist], items: Items, note: str) -> str:
    lines = []
    for checklist in lists:
        lines.append(checklist.title)
        for state in items[checklist.name]:
            lines.append(f"  [{'x' if state.answered else ' '}] {state.item.id}: {state.item.says}")
            lines.append(f"      {state.how}")
        lines += [f"  {problem.where}: {problem.message}" for problem in checklist.problems]
    return "\n".join((*lines, note)) + "\n"


def _markdown(lists: Sequence[Checklist], items: Items, note: str) -> str:
    from omni_release.report.markdown import plain

    lines = []
    for checklist in lists:
        lines += [f"## {plain(checklist.title)}", ""]
        for state in items[checklist.name]:
            mark = "x" if state.answered else " "
            lines.append(f"- [{mark}] {plain(state.item.says)} (`{state.item.id}`): {plain(state.how)}")
        lines += [f"- [ ] `{problem.where}`: {plain(problem.message)}" for problem in checklist.problems]
        lines.append("")
    return "\n".join((*lines, plain(note))) + "\n"


def _json(lists: Sequence[Checklist], items: Items, run: str) -> str:
    from omni_release.core.documents import to_output

    content = [
        {
            "name": checklist.name,
            "title": checklist.title,
            "when": checklist.when,
            "items": [
                {
                    "id": state.item.id,
                    "says": state.item.says,
                    "check": state.item.check or None,
                    "answered": state.answered,
                    "how": state.how,
                }
                for state in items[checklist.name]
            ],
            "problems": [f"{problem.where}: {problem.message}" for problem in checklist.problems],
        }
        for checklist in lists
    ]
    return to_output({"checklists": content, "run": run})
