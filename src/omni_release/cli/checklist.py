"""`omni-release checklist show|init`: the checklists as they stand in a run, and the usual ones to begin with."""

from __future__ import annotations

import datetime
import json as codec
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from omni_release import checklists, distributions, versions
from omni_release.checklists import FOLDER, Checklist, Item, sign_offs
from omni_release.core import errors
from omni_release.core.actions import Write
from omni_release.core.errors import UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project, SignOff, Status
from omni_release.core.redaction import printable
from omni_release.core.runs import Home
from omni_release.core.world import Files
from omni_release.report.markdown import plain

_NONE = "the project has no checklists"
_INIT = "`omni-release checklist init` writes the usual ones, to be changed to what you need."


@dataclass(frozen=True)
class Shown:
    """An item as it stands in a run: `signed` where a person has answered, `came` what came of its check."""

    item: Item
    signed: SignOff | None
    came: Status | None

    @property
    def status(self) -> Status:
        """What comes of the item: a person's answer counts where it waits for one, and goes over no failure."""
        status, _ = checklists.by_check(self.item, self.came)
        return Status.PASSED if status is Status.WAITING and self.signed is not None else status

    @property
    def answered(self) -> bool:
        return self.status is Status.PASSED

    @property
    def why(self) -> str:
        """Why its check does not answer it; empty where it does, or where there is none."""
        return checklists.by_check(self.item, self.came)[1]

    @property
    def how(self) -> str:
        """Who has answered, or who has to."""
        if self.signed is not None and self.answered:
            return f"{self.signed.who}, {self.signed.when}: {self.signed.reason}"
        if self.item.check:
            return f"check {self.item.check}: {self.came.value if self.came else 'not asked in this run'}"
        return f"omni-release sign {self.item.id} --reason …"


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
        sys.stdout.write(codec.dumps({"checklists": told}, indent=2) + "\n")
        return errors.EXIT_PASSED
    sys.stdout.writelines(f"{path} is {'written' if new else 'there already'}\n" for path, new in written.items())
    sys.stdout.write("Change them to what your project needs, and commit them.\n")
    return errors.EXIT_PASSED


def show(project: Project, home: Home, form: str, run: str | None) -> int:
    """Print the checklists, as they stand in the newest run or the one that is named; always exit code 0."""
    found = checklists.read(project.root)
    if not found:
        raise UsageError(_NONE, _INIT)
    folder = newest(home, run)
    shown = {one.name: tuple(standing(one, project, folder)) for one in found}
    writer = {"json": _json, "md": _markdown}.get(form, _text)
    said = writer(found, shown, folder)
    sys.stdout.write(said if form == "json" else printable(said))
    return errors.EXIT_PASSED


def newest(home: Home, run: str | None) -> RunFolder:
    """The run that is named, or the newest; where there is none yet, one that remembers nothing."""
    if run is not None:
        return home.run(run)
    return next(iter(home.runs()), home.none())


def unanswered(project: Project, folder: RunFolder, moments: tuple[str, ...] = checklists.MOMENTS) -> Iterator[Shown]:
    """All items that are not answered in this run."""
    for one in checklists.read(project.root):
        if one.when in moments:
            yield from (shown for shown in standing(one, project, folder) if not shown.answered)


def before_a_release(project: Project, folder: RunFolder) -> Iterator[str]:
    """How many questions a release of this run will wait for; nothing where there is none.

    What no check was asked yet is not counted: the release may ask it.
    """
    left = [shown for shown in unanswered(project, folder, ("before",)) if shown.status is Status.WAITING]
    if number := sum(shown.came is not None or not shown.item.check for shown in left):
        wait = "1 question waits" if number == 1 else f"{number} questions wait"
        yield f"{wait} for a person before a release: `omni-release checklist` shows, `omni-release sign` asks"


def standing(one: Checklist, project: Project, folder: RunFolder) -> Iterator[Shown]:
    """A checklist's items, each as it stands in this run."""
    pinned, target = folder.artifacts(), folder.aimed_at()
    version = distributions.released(versions.version_of(versions.find(project)), pinned)
    today = datetime.datetime.now(datetime.UTC).date()
    for item in one.items:
        signed, _ = sign_offs.answer(item.id, project.root, version, folder, today)
        yield Shown(item, signed, folder.came_of(item.check, target) if item.check else None)


Standing = dict[str, tuple[Shown, ...]]


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
    return codec.dumps({"checklists": content, "run": folder.path.name}, indent=2, ensure_ascii=False) + "\n"


def _about(folder: RunFolder) -> str:
    if not folder.path.is_dir():
        return "There is no run yet: only sign-offs in the repository count."
    return f"As they stand in run {folder.path.name}."
