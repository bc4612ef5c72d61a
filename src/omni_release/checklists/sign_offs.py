"""A person's answer: in the run's journal, or in a file of the repository. One that is about other bytes is void.

In the repository, `checklists/signed/*.toml`:

    [[sign-off]]
    item = "before-release/real-api"
    who = "Ada"
    when = 2026-11-22T10:00:00Z
    reason = "generate and refine, by hand"
    version = "1.2.0"       # or artifacts = ["sha256", …], or both
    until = 2026-12-31      # optional: the last day
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from omni_release import checklists, distributions, versions
from omni_release.checklists import FOLDER, RULE, Checklist, Item, opened
from omni_release.core.journal import RunFolder
from omni_release.core.model import Finding, Project, Release, Severity, SignOff, Status
from omni_release.core.runs import RunStore
from omni_release.core.settings_reader import line_of
from omni_release.core.world import Journal, World

SIGNED = f"{FOLDER}/signed"

_NEEDED = ("item", "who", "reason")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Committed:
    """A sign-off in the repository: for a version, or for artifacts, or for both; `until` is its last day."""

    signed: SignOff
    version: str
    until: date | None
    path: str
    line: int | None

    def void(self, version: str | None, hashes: tuple[str, ...], today: date) -> str:
        """Why it does not answer for this version and these artifacts; empty where it does."""
        from omni_release.distributions import same_version

        if self.until is not None and self.until < today:
            return f"it was until {self.until}"
        if self.version and (version is None or not same_version(self.version, version)):
            return f"it is for version {self.version}, not {version or 'one that only the build can tell'}"
        if self.signed.artifacts and set(self.signed.artifacts) != set(hashes):
            return "it is for other artifacts: their sha256 differ"
        return ""


def answer(id: str, root: Path, version: str | None, journal: Journal, today: date) -> tuple[SignOff | None, str]:
    """The sign-off that answers a task for this version and this run's very artifacts.

    Else None, and why earlier ones do not.
    """
    hashes = tuple(artifact.sha256 for artifact in journal.artifacts())
    void: list[str] = []
    for signed in reversed(journal.sign_offs()):
        if signed.id == id and signed.artifacts == hashes:
            return signed, ""
        if signed.id == id:
            void.append(f"{signed.who} has signed at {signed.when}, for other artifacts")
    found, _ = committed(root)
    for entry in reversed([entry for entry in found if entry.signed.id == id]):
        why = entry.void(version, hashes, today)
        if not why:
            return entry.signed, ""
        void.append(f"{entry.signed.who} has signed in {entry.path}:{entry.line}, and {why}")
    return None, "\n".join(void)


def answer_for(task: str, release: Release, world: World, today: date) -> tuple[SignOff | None, str]:
    """See `core.world.Answers`."""
    return answer(task, release.project.root, released(release, world), world.journal, today)


def released(release: Release, world: World) -> str | None:
    """The version that is released: as the project states it, or else as it was built."""
    from omni_release import distributions

    return distributions.released(release.version, world.journal.artifacts())


def committed(root: Path) -> tuple[tuple[Committed, ...], tuple[Finding, ...]]:
    """The sign-offs in the repository, and what is wrong with their files."""
    found: list[Committed] = []
    problems: list[Finding] = []
    for path in sorted((root / SIGNED).glob("*.toml")):
        where = path.relative_to(root).as_posix()
        read = opened(path, where)
        if isinstance(read, Finding):
            problems.append(read)
            continue
        content, text = read
        entries = content.get("sign-off", [])
        for number, entry in enumerate(entries if isinstance(entries, list) else []):
            line = line_of(text, ("sign-off", number, "item")) or 1
            if wrong := list(_wrong(entry)):
                problems += [Finding(f"this sign-off {said}", RULE, path=where, line=line) for said in wrong]
            else:
                found.append(_committed(entry, where, line))
    return tuple(found), tuple(problems)


def _wrong(entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "is no table: [[sign-off]]"
        return
    for key in _NEEDED:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            yield f"needs `{key}`, a string"
    if not isinstance(entry.get("when"), datetime.date):  # a moment is a date, too
        yield "needs `when`, a date or a moment: 2026-11-22T10:00:00Z"
    if not isinstance(entry.get("until"), datetime.date | None):
        yield "has an `until` that is no date"
    hashes = entry.get("artifacts", [])
    if not isinstance(hashes, list) or not all(isinstance(h, str) and _SHA256.fullmatch(h) for h in hashes):
        yield "has `artifacts` that are no sha256 of 64 hexadecimal digits each"
    if not isinstance(entry.get("version", ""), str):
        yield "has a `version` that is no string"
    if not entry.get("version") and not hashes:
        yield "needs a `version` or `artifacts`: what was looked at"


def _committed(entry: Mapping[str, object], path: str, line: int) -> Committed:
    artifacts = entry.get("artifacts", [])
    assert isinstance(artifacts, list)
    signed = SignOff(
        str(entry["item"]), str(entry["who"]), str(entry["when"]), str(entry["reason"]), tuple(map(str, artifacts))
    )
    until = entry.get("until")
    if isinstance(until, datetime.datetime):
        until = until.date()
    assert isinstance(until, date | None)
    return Committed(signed, str(entry.get("version", "")), until, path, line)


def problems(root: Path, known: frozenset[str], today: date, current: str | None) -> Iterator[Finding]:
    """What is wrong with the sign-offs in the repository; those of earlier versions are history."""
    found, wrong = committed(root)
    yield from wrong
    for entry in found:
        if entry.signed.id not in known:
            said = f"{entry.signed.id!r} is signed here, and there is no such item or task"
            yield Finding(said, RULE, Severity.WARNING, entry.path, entry.line)
        elif (
            entry.until is not None
            and entry.until < today
            and not entry.void(current, entry.signed.artifacts, date.min)
        ):
            said = f"the sign-off of {entry.signed.id!r} was until {entry.until}: sign it again"
            yield Finding(said, RULE, Severity.WARNING, entry.path, entry.line)


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


def newest(home: RunStore, run: str | None) -> RunFolder:
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
    pinned, target = folder.artifacts(), folder.last_target()
    version = distributions.released(versions.version_of(versions.places_of(project)), pinned)
    today = datetime.datetime.now(datetime.UTC).date()
    for item in one.items:
        signed, _ = answer(item.id, project.root, version, folder, today)
        yield Shown(item, signed, folder.last_status(item.check, target) if item.check else None)
