"""What a difference of the API means for a version: which one announces it, what is accepted, and the findings."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omni_release.api import ApiChange, ApiDifference, acceptance
from omni_release.api.policy import Bump, Part
from omni_release.core.model import Finding, Project, Severity
from omni_release.core.settings import AcceptedBreak
from omni_release.core.tasks import Rule, RuleClass
from omni_release.core.text import counted, listed
from omni_release.project import layout
from omni_release.report import api_changes
from omni_release.versions.pep440 import Version, equals, parse

BREAK = Rule("break-not-announced", RuleClass.QUALITY, "Version does not announce a break of the API")
UNUSED = Rule("accepted-break-unused", RuleClass.QUALITY, "Accepted break of the API is not there")


@dataclass(frozen=True)
class Judged:
    """A change, why it needs no other version, and the version that it needs; one of the two is empty."""

    change: ApiChange
    reason: str
    needs: str
    setting: AcceptedBreak | None = None

    def verdict(self, version: str) -> str:
        """What this says about the version that it is released as."""
        return self.reason or f"needs {self.needs}, not {version}"


@dataclass(frozen=True)
class Judgement:
    """A difference from the version `last`, whose files come from `origin`, to the valid version `version`."""

    project: Project
    last: Version
    origin: str
    version: str
    difference: ApiDifference

    @property
    def bump(self) -> Bump:
        new = parse(self.version)
        assert new is not None  # `released.find` refuses others
        return Bump(self.last, new, self.project.settings.api.policy)

    @property
    def changes(self) -> tuple[ApiChange, ...]:
        """The changes that break a use, without what the settings say is not the API."""
        return tuple(one for one in self.difference.changes if not self._is_ignored(one.name))

    @property
    def added(self) -> tuple[str, ...]:
        """The new names, without what the settings say is not the API."""
        return tuple(name for name in self.difference.added if not self._is_ignored(name))

    def _is_ignored(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, glob) for glob in self.project.settings.api.ignore)

    @property
    def needed(self) -> str:
        """The lowest version that announces all of it; empty where any does."""
        part = self.bump.needed(self.changes, self.added)
        return "" if part is Part.NONE else self.bump.lowest(part)

    def judged(self) -> tuple[Judged, ...]:
        """Each change with what it means for the version."""
        announced = acceptance.announced(self.project.root, self.version)
        return tuple(self._judged(change, announced) for change in self.changes)

    def _judged(self, change: ApiChange, announced: Sequence[tuple[str, str]]) -> Judged:
        why = acceptance.accepted(change, self.version, self.project.settings.api, announced)
        if why is not None:
            return Judged(change, why.reason, "", why.setting)
        if self.bump.announces(change):
            return Judged(change, f"{self.version} announces it", "")
        return Judged(change, "", self.bump.lowest(self.bump.asked(change)))

    def findings(self) -> Iterator[Finding]:
        """A finding for each change, and one that says which version all of it asks for."""
        judged = self.judged()
        for one in judged:
            yield self._finding(one)
        for setting in self.project.settings.api.accepted:
            if equals(setting.version, self.version) and setting not in [one.setting for one in judged]:
                message = f"{self.version} does not break {setting.name}, which the settings accept"
                yield Finding(message, UNUSED.id, path="pyproject.toml")
        yield Finding(self.summary(), severity=Severity.NOTICE)

    def _finding(self, judged: Judged) -> Finding:
        change, verdict = judged.change, judged.verdict(self.version)
        path = layout.source_path(self.project.packages, change.file)
        there = path is not None and (self.project.root / path).is_file()
        at = f" (at {change.where} in {self.last})" if change.removed and change.file else ""
        return Finding(
            api_changes.ApiRow(change.name, f"{change.message}{at}", change.effect, verdict, "").message,
            BREAK.id if judged.needs else "",
            Severity.ERROR if judged.needs else Severity.NOTICE,
            path=str(path) if there else None,
            line=change.line or None if there and not change.removed else None,
            subjects=(change.name,),
        )

    @property
    def comparison(self) -> str:
        """What was compared, and how much was found."""
        counts = f"{counted(len(self.changes), 'breaking change')}, {counted(len(self.added), 'new name')}"
        return f"compared with {self.last} {self.origin}: {counts}"

    def summary(self) -> str:
        """What was compared, and which version it asks for."""
        said, part = self.comparison, self.bump.needed(self.changes, self.added)
        if part is not Part.NONE:
            said += f"; asks for {self.needed}" + ("" if part is Part.NEVER else f" ({part.value})")
        if part > self.bump.raised:
            said += f", {self.version} raises {'nothing' if self.bump.raised is Part.NONE else self.bump.raised.value}"
        unread = self.difference.unread
        return f"{said}; not read: {listed(unread, 5)}" if unread else said
