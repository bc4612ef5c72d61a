"""Sign-offs: answers of people, in the journal of a run or committed to the repository.

A sign-off of a run is bound to the hashes of its artifacts; a committed one to a version, to artifacts, or to both. In
`checklists/signed/*.toml`:

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
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from omni_release import checklists, distributions, versions
from omni_release.checklists import FOLDER, RULE, Checklist, Item, load_toml
from omni_release.core import renamed
from omni_release.core.journal import RunFolder
from omni_release.core.model import Finding, Project, Release, Severity, SignOff, Status
from omni_release.core.runs import RunStore
from omni_release.core.settings_reader import line_of
from omni_release.core.world import Journal, World

SIGNED = f"{FOLDER}/signed"
"""The folder of committed sign-offs."""

_STRINGS = ("item", "who", "reason")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CommittedSignOff:
    """A sign-off in the repository: for a version, for artifacts, or for both. `until` is its last day."""

    sign_off: SignOff
    version: str
    until: date | None
    path: str
    line: int | None

    def void_reason(self, version: str | None, hashes: tuple[str, ...], today: date) -> str:
        """Why it does not answer for this version and these artifacts' sha256; empty where it does."""
        if self.until is not None and self.until < today:
            return f"it expired after {self.until}"
        if self.version and (version is None or not distributions.same_version(self.version, version)):
            return f"it is for version {self.version}, not {version or 'one that only the build determines'}"
        if self.sign_off.artifacts and set(self.sign_off.artifacts) != set(hashes):
            return "it is for other artifacts: the sha256 differ"
        return ""


def answer(id: str, root: Path, version: str | None, journal: Journal, today: date) -> tuple[SignOff | None, str]:
    """The sign-off of a task that is valid for this version and the artifacts of this run.

    The newest one of the journal comes before those in the repository. Without a valid one: None, and why each earlier
    one is not.
    """
    hashes = tuple(artifact.sha256 for artifact in journal.artifacts())
    void: list[str] = []
    for sign_off in reversed(journal.sign_offs()):
        if sign_off.id == id and sign_off.artifacts == hashes:
            return sign_off, ""
        if sign_off.id == id:
            void.append(f"{sign_off.who} signed at {sign_off.when}, but for other artifacts")
    committed, _ = read_committed(root)
    for entry in reversed([entry for entry in committed if entry.sign_off.id == id]):
        reason = entry.void_reason(version, hashes, today)
        if not reason:
            return entry.sign_off, ""
        void.append(f"{entry.sign_off.who} signed in {entry.path}:{entry.line}, but {reason}")
    return None, "\n".join(void)


def answer_for(task: str, release: Release, world: World, today: date) -> tuple[SignOff | None, str]:
    """See `core.world.Answers`."""
    version = distributions.version_to_release(release.version, world.journal.artifacts())
    return answer(task, release.project.root, version, world.journal, today)


def read_committed(root: Path) -> tuple[tuple[CommittedSignOff, ...], tuple[Finding, ...]]:
    """The sign-offs in the repository, and findings about invalid ones."""
    committed: list[CommittedSignOff] = []
    problems: list[Finding] = []
    for path in sorted((root / SIGNED).glob("*.toml")):
        where = path.relative_to(root).as_posix()
        loaded = load_toml(path, where)
        if isinstance(loaded, Finding):
            problems.append(loaded)
            continue
        content, text = loaded
        entries = content.get("sign-off", [])
        for number, entry in enumerate(entries if isinstance(entries, list) else []):
            line = line_of(text, ("sign-off", number, "item")) or 1
            parsed = _parse(entry, where, line)
            if isinstance(parsed, CommittedSignOff):
                committed.append(parsed)
            else:
                problems += [Finding(f"this sign-off {error}", RULE, path=where, line=line) for error in parsed]
    return tuple(committed), tuple(problems)


def _parse(entry: object, path: str, line: int) -> CommittedSignOff | list[str]:
    """A sign-off, or its errors."""
    if not isinstance(entry, dict):
        return ["must be a table: [[sign-off]]"]
    hashes, version, until = entry.get("artifacts", []), entry.get("version", ""), entry.get("until")
    errors = [
        f"needs `{key}`, a string" for key in _STRINGS if not isinstance(entry.get(key), str) or not entry[key].strip()
    ]
    if not isinstance(entry.get("when"), datetime.date):  # a datetime is a date too
        errors.append("needs `when`, a date or a time: 2026-11-22T10:00:00Z")
    if not isinstance(until, datetime.date | None):
        errors.append("has an `until` that is not a date")
    if not isinstance(hashes, list) or not all(isinstance(h, str) and _SHA256.fullmatch(h) for h in hashes):
        errors.append("has `artifacts` that are not sha256 of 64 hexadecimal digits each")
    if not isinstance(version, str):
        errors.append("has a `version` that is not a string")
    if not version and not hashes:
        errors.append("needs a `version` or `artifacts`, to say what was checked")
    if errors:
        return errors
    sign_off = SignOff(renamed.current(entry["item"]), entry["who"], str(entry["when"]), entry["reason"], tuple(hashes))
    last_day = until.date() if isinstance(until, datetime.datetime) else until
    return CommittedSignOff(sign_off, version, last_day, path, line)


def problems(root: Path, known: frozenset[str], today: date, version: str | None) -> Iterator[Finding]:
    """Findings about committed sign-offs: invalid ones, unknown items, and expired ones for this version."""
    committed, invalid = read_committed(root)
    yield from invalid
    for entry in committed:
        sign_off = entry.sign_off
        if sign_off.id not in known:
            message = f"{sign_off.id!r} is signed here, but no item or task has this id"
            yield Finding(message, RULE, Severity.WARNING, entry.path, entry.line)
        elif entry.until is not None and entry.until < today:
            if not entry.void_reason(version, sign_off.artifacts, date.min):  # those of other versions are history
                message = f"the sign-off of {sign_off.id!r} expired after {entry.until}: sign it again"
                yield Finding(message, RULE, Severity.WARNING, entry.path, entry.line)


@dataclass(frozen=True)
class ItemState:
    """An item in a run: the sign-off that answers it, and the last status of its check, as far as there is one."""

    item: Item
    sign_off: SignOff | None
    check_status: Status | None

    @property
    def status(self) -> Status:
        """The status of the item: a sign-off counts where it waits for one, and overrides no failure."""
        status, _ = checklists.status_by_check(self.item, self.check_status)
        return Status.PASSED if status is Status.WAITING and self.sign_off is not None else status

    @property
    def answered(self) -> bool:
        """Whether a check or a person has answered it."""
        return self.status is Status.PASSED

    @property
    def why(self) -> str:
        """Why its check does not answer it; empty where it does, or where it has none."""
        return checklists.status_by_check(self.item, self.check_status)[1]

    @property
    def how(self) -> str:
        """Who answered, or how to answer it."""
        if self.sign_off is not None and self.answered:
            return f"{self.sign_off.who}, {self.sign_off.when}: {self.sign_off.reason}"
        if self.item.check:
            status = self.check_status.value if self.check_status else "not run yet"
            return f"check {self.item.check}: {status}"
        return f"omni-release sign {self.item.id} --reason …"


def select_run(store: RunStore, name: str | None) -> RunFolder:
    """The run with this name, or the newest; where there is none, an empty one without a folder."""
    if name is not None:
        return store.run(name)
    return next(iter(store.runs()), store.none())


def item_states(checklist: Checklist, project: Project, run: RunFolder) -> Iterator[ItemState]:
    """The items of a checklist in this run."""
    artifacts, target = run.artifacts(), run.last_target()
    version = distributions.version_to_release(versions.version_of(versions.places_of(project)), artifacts)
    today = datetime.datetime.now(datetime.UTC).date()
    for item in checklist.items:
        sign_off, _ = answer(item.id, project.root, version, run, today)
        yield ItemState(item, sign_off, run.last_status(item.check, target) if item.check else None)


def unanswered(project: Project, run: RunFolder, phases: tuple[str, ...] = checklists.PHASES) -> Iterator[ItemState]:
    """All items of these phases that are not answered in this run."""
    for checklist in checklists.read(project.root):
        if checklist.when in phases:
            yield from (state for state in item_states(checklist, project, run) if not state.answered)


def questions_before_release(project: Project, run: RunFolder) -> Iterator[str]:
    """One line with the number of questions that a release of this run waits for; nothing where there is none.

    An item whose check has not run is not counted: the release may run it.
    """
    waiting = [state for state in unanswered(project, run, ("before",)) if state.status is Status.WAITING]
    if number := sum(state.check_status is not None or not state.item.check for state in waiting):
        wait = "1 question waits" if number == 1 else f"{number} questions wait"
        yield f"{wait} for a person before a release: `omni-release checklist` shows, `omni-release sign` asks"
