"""`omni-release checklist show|init`: the checklists as they stand in a run, and the usual ones to begin with."""

from __future__ import annotations

import sys
from importlib import resources

from omni_release import checklists
from omni_release.checklists import FOLDER, Checklist
from omni_release.checklists.sign_offs import ItemState, item_states, select_run
from omni_release.core import errors
from omni_release.core.actions import Write
from omni_release.core.documents import to_json
from omni_release.core.errors import UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project
from omni_release.core.redaction import printable
from omni_release.core.runs import RunStore
from omni_release.core.world import Files
from omni_release.report.markdown import plain

_NONE = "the project has no checklists"

_INIT = "`omni-release checklist init` writes the usual ones, to be changed to what you need."


def init(project: Project, files: Files, *, json: bool = False) -> int:
    """Write the usual checklists into the project; what is there already stays as it is."""
    written: dict[str, bool] = {}
    for shipped in sorted(resources.files("omni_release.checklists").iterdir(), key=lambda entry: entry.name):
        if not shipped.name.endswith(".toml"):
            continue
        target = project.root / FOLDER / shipped.name
        written[f"{FOLDER}/{shipped.name}"] = new = not target.exists()
        if new:
            files.write(Write(target, shipped.read_bytes()))
    if json:
        told = [{"path": path, "written": new} for path, new in written.items()]
        sys.stdout.write(to_json({"checklists": told}))
        return errors.EXIT_PASSED
    sys.stdout.writelines(f"{path} is {'written' if new else 'there already'}\n" for path, new in written.items())
    sys.stdout.write("Change them to what your project needs, and commit them.\n")
    return errors.EXIT_PASSED


def show(project: Project, home: RunStore, form: str, run: str | None) -> int:
    """Print the checklists, as they stand in the newest run or the one that is named; always exit code 0."""
    found = checklists.read(project.root)
    if not found:
        raise UsageError(_NONE, _INIT)
    folder = select_run(home, run)
    shown = {one.name: tuple(item_states(one, project, folder)) for one in found}
    writer = {"json": _json, "md": _markdown}.get(form, _text)
    said = writer(found, shown, folder)
    sys.stdout.write(said if form == "json" else printable(said))
    return errors.EXIT_PASSED


Standing = dict[str, tuple[ItemState, ...]]


def _text(found: tuple[Checklist, ...], standing: Standing, folder: RunFolder) -> str:
    lines = []
    for one in found:
        lines.append(one.title)
        lines += [
            f"  [{'x' if s.answered else ' '}] {s.item.id}: {s.item.says}\n      {s.how}" for s in standing[one.name]
        ]
        lines += [f"  {problem.where}: {problem.message}" for problem in one.problems]
    return "\n".join((*lines, _about(folder))) + "\n"


def _markdown(found: tuple[Checklist, ...], standing: Standing, folder: RunFolder) -> str:
    lines = []
    for one in found:
        lines += [f"## {plain(one.title)}", ""]
        lines += [
            f"- [{'x' if s.answered else ' '}] {plain(s.item.says)} (`{s.item.id}`): {plain(s.how)}"
            for s in standing[one.name]
        ]
        lines += [f"- [ ] `{problem.where}`: {plain(problem.message)}" for problem in one.problems]
        lines.append("")
    return "\n".join((*lines, plain(_about(folder)))) + "\n"


def _json(found: tuple[Checklist, ...], standing: Standing, folder: RunFolder) -> str:
    content = [
        {
            "name": one.name,
            "title": one.title,
            "when": one.when,
            "items": [
                {
                    "id": s.item.id,
                    "says": s.item.says,
                    "check": s.item.check or None,
                    "answered": s.answered,
                    "how": s.how,
                }
                for s in standing[one.name]
            ],
            "problems": [f"{problem.where}: {problem.message}" for problem in one.problems],
        }
        for one in found
    ]
    return to_json({"checklists": content, "run": folder.path.name})


def _about(folder: RunFolder) -> str:
    if not folder.path.is_dir():
        return "There is no run yet: only sign-offs in the repository count."
    return f"As they stand in run {folder.path.name}."
