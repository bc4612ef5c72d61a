"""What a run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omni_release.core.model import Project, Target

_WRITES_NOTHING = ("version", "models", "cassettes", "audit", "doctor", "checklist")


@dataclass(frozen=True)
class Request:
    """What a run was asked for: `run` names one to go on with, `format` is what is printed on stdout.

    `artifacts` is a folder with distributions that were built elsewhere, `output` one that gets the report in each of
    its forms. `only` are the ids of the tasks that are asked for, with what they need; empty means all. `to` is a real
    index, as it was named, and `destination` where that is; with `yes` nobody is asked to type the version.
    """

    lane: str
    project: Project
    format: str = "text"
    dry: bool = False
    run: str | None = None
    artifacts: Path | None = None
    output: Path | None = None
    only: tuple[str, ...] = ()
    mode: str = ""
    to: str = ""
    yes: bool = False
    destination: Target | None = None

    @property
    def looks(self) -> bool:
        """Is it a mere look, which writes nothing?"""
        return self.lane in _WRITES_NOTHING or (self.lane == "gate" and bool(self.only))
