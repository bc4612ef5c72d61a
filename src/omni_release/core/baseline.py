"""The baseline: the findings of quality rules that were there when omni-release was adopted, in a file of the project.

A finding in it is counted and not shown; a new one is judged as always. The file only shrinks: what is gone is removed
with `omni-release baseline --update`, and nothing is added to it. Findings of release rules, and of what the project
itself configured, are never in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from omni_release.core import renamed, severity
from omni_release.core.errors import SettingsError
from omni_release.core.fingerprints import Fingerprint, fingerprints
from omni_release.core.model import IN_BASELINE, Finding, Outcome, Severity, Status
from omni_release.core.project_files import read_whole
from omni_release.core.tasks import BASELINE_OUTDATED, Task

FILE = "omni-release-baseline.json"
VERSION = 1
"""The version of the file's format. A file of a later one is refused."""


@dataclass
class Baseline:
    """The entries of a project's baseline, and what a run found of them.

    With `recording` each finding that can be in a baseline is taken as one that is. `kept` are the entries that were
    found, as they are now, and `gone` those that the checks that ran did not find any more. `judged` are the ids of the
    checks that ran, `not_run` those of the tasks that did not, because one that they need has not passed.
    """

    root: Path
    entries: Sequence[Fingerprint] = ()
    recording: bool = False
    kept: list[Fingerprint] = field(default_factory=list)
    gone: list[Fingerprint] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    not_run: set[str] = field(default_factory=set)

    @property
    def remaining(self) -> list[Fingerprint]:
        """The entries that were found, as they are now, and those of checks that did not run."""
        return [*self.kept, *(entry for entry in self.entries if entry.rule.partition("/")[0] not in self.judged)]

    def apply(self, outcome: Outcome, task: Task) -> Outcome:
        """The outcome without the findings that are in the baseline; failed where an error remains."""
        if outcome.status in (Status.PASSED, Status.FAILED):
            self.judged.add(task.id)
        entries = [entry for entry in self.entries if entry.rule.partition("/")[0] == task.id]
        if outcome.status not in (Status.PASSED, Status.FAILED) or not (entries or self.recording):
            return outcome
        eligible = [f for f in outcome.findings if f.severity is not Severity.NOTICE and severity.is_quality(f, task)]
        prints = fingerprints(eligible, self.root)
        matched = dict(enumerate(prints)) if self.recording else _matched(entries, prints, self.root)
        accepted = {id(eligible[index]) for index in matched}
        complete = not self.recording and not task.partial
        gone = [entry for entry in entries if complete and entry not in matched.values()]
        self.kept += (prints[index] for index in matched)
        self.gone += gone
        findings = [finding for finding in outcome.findings if id(finding) not in accepted]
        if gone:
            number = "1 entry" if len(gone) == 1 else f"{len(gone)} entries"
            message = f"{number} of {FILE} no longer found\nRemove what is gone: run `omni-release baseline --update`."
            findings.append(Finding(message, f"{task.id}/{BASELINE_OUTDATED.id}", Severity.WARNING, FILE))
        failed = any(finding.severity is Severity.ERROR for finding in findings)
        evidence = {**outcome.evidence, **({IN_BASELINE: len(accepted)} if accepted else {})}
        status = Status.FAILED if failed else Status.PASSED
        return replace(outcome, findings=tuple(findings), status=status, evidence=evidence)


def _matched(entries: Sequence[Fingerprint], prints: Sequence[Fingerprint], root: Path) -> dict[int, Fingerprint]:
    """The entry of each finding, by the index of the finding, where it has one.

    The entries of a file that is gone are for a file that has none: it was renamed.
    """
    known = set(entries)
    matched = {index: one for index, one in enumerate(prints) if one in known}
    paths = {entry.path for entry in entries}
    moved: dict[Fingerprint, list[Fingerprint]] = {}
    for entry in sorted(known.difference(matched.values())):
        if entry.path and not (root / entry.path).exists():
            moved.setdefault(replace(entry, path=""), []).append(entry)
    for index, one in enumerate(prints):
        if index not in matched and one.path not in paths and (left := moved.get(replace(one, path=""))):
            matched[index] = left.pop(0)
    return matched


def read(root: Path) -> Baseline:
    """The project's baseline; an empty one where it has no file. Raises SettingsError where the file is not valid."""
    path = root / FILE
    try:
        text = read_whole(path).decode("utf-8")
    except FileNotFoundError:
        return Baseline(root)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read: {error}", "Restore the file from git.", path=path) from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        hint = "Resolve the conflict, or restore the file from git."
        raise SettingsError(f"not valid JSON: {error.msg}", hint, path=path, line=error.lineno) from None
    except RecursionError:
        raise SettingsError("nested too deep", "Restore the file from git.", path=path) from None
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        hint = "Restore it from git, or remove it and run `omni-release baseline`."
        raise SettingsError("not a baseline: it has no list `findings`", hint, path=path)
    version = document.get("version")
    if version != VERSION:
        hint = "Upgrade omni-release." if isinstance(version, int) and version > VERSION else "Restore it from git."
        raise SettingsError(f"version {version!r}; this omni-release reads version {VERSION}", hint, path=path)
    return Baseline(root, tuple(_entries(document["findings"], path)))


def _entries(findings: Iterable[object], path: Path) -> Iterator[Fingerprint]:
    kinds = {one.name: int if one.name == "number" else str for one in fields(Fingerprint)}
    for number, finding in enumerate(findings, 1):
        if not isinstance(finding, dict) or {key: type(value) for key, value in finding.items()} != kinds:
            message = f"entry {number} of `findings` needs exactly: {', '.join(kinds)}"
            raise SettingsError(message, "Restore the file from git.", path=path)
        yield Fingerprint(**{**finding, "rule": renamed.current(str(finding["rule"]))})


def document(entries: Iterable[Fingerprint]) -> str:
    """The content of the file: sorted, one entry in a line, so that branches merge."""
    lines = [
        f"    {json.dumps({one.name: getattr(entry, one.name) for one in fields(entry)}, ensure_ascii=False)}"
        for entry in sorted(entries)
    ]
    listed = ",\n".join(lines)
    return f'{{\n  "version": {VERSION},\n  "findings": [\n{listed}\n  ]\n}}\n'
