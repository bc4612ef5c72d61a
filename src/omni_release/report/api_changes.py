"""The changes of the API that a run has found, as a table: read from the findings, which `message` writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from omni_release.core.model import Finding, Outcome, Severity

CHECK = "api-fits-version"
"""The id of the check that reports them."""


@dataclass(frozen=True)
class ApiRow:
    """A line of the table: the object, what has changed, what a caller sees, the verdict on the version, the place.

    `severity` is that of its finding.
    """

    name: str
    what: str
    effect: str
    verdict: str
    where: str
    severity: Severity = Severity.NOTICE

    @classmethod
    def of(cls, finding: Finding) -> ApiRow | None:
        """The line for a finding; None for one that is not about a change."""
        first, line, effect = finding.message.partition("\n")
        said, mark, verdict = first.rpartition("; ")
        name, colon, what = said.partition(": ")
        if not (line and mark and colon) or finding.subjects != (name,):
            return None
        return cls(name, what, effect.partition("\n")[0], verdict, finding.where, finding.severity)

    @property
    def message(self) -> str:
        """The message of a finding about it."""
        return f"{self.name}: {self.what}; {self.verdict.replace(';', ',')}\n{self.effect}"


def changes(outcomes: Iterable[Outcome]) -> tuple[ApiRow, ...]:
    """The changes that a run has found, those that its version does not announce first."""
    findings = (finding for outcome in outcomes if outcome.id == CHECK for finding in outcome.findings)
    found = [change for finding in findings if (change := ApiRow.of(finding))]
    return tuple(sorted(found, key=lambda change: change.severity is Severity.NOTICE))
