"""The SBOMs in the wheels of a run, as a table: read from the findings, which `message` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from omni_release.core.model import Finding, Outcome
from omni_release.core.text import counted

CHECK = "sboms-readable"
"""The id of the check that reports them."""


@dataclass(frozen=True)
class Sbom:
    """A line of the table: an SBOM in a wheel, by its path there, its format, and how many components it lists."""

    wheel: str
    path: str
    form: str
    components: int

    @classmethod
    def of(cls, finding: Finding) -> Sbom | None:
        """The line for a finding; None for one that is not about an SBOM that was read."""
        path = next(iter(finding.subjects), "")
        read = re.fullmatch(rf"{re.escape(path)}: (?P<form>.+), (?P<number>\d+) components?", finding.message)
        return cls(finding.distribution, path, read["form"], int(read["number"])) if path and read else None

    @property
    def message(self) -> str:
        """The message of a finding about it."""
        return f"{self.path}: {self.form}, {counted(self.components, 'component')}"


def sboms(outcomes: Iterable[Outcome]) -> tuple[Sbom, ...]:
    """The SBOMs that a run has read, in the order of their paths."""
    findings = (finding for outcome in outcomes if outcome.id == CHECK for finding in outcome.findings)
    found = [sbom for finding in findings if (sbom := Sbom.of(finding))]
    return tuple(sorted(found, key=lambda sbom: (sbom.wheel, sbom.path)))
