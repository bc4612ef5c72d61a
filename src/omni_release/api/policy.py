"""Which part of the version a change of the API asks for, by the project's policy, and whether it was raised."""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from dataclasses import dataclass

from omni_release.api import ApiChange
from omni_release.core.settings import ApiPolicy
from omni_release.versions.pep440 import Version


@functools.total_ordering
class Part(enum.Enum):
    """A part of a version, the least first. `NONE` is not raised; no version announces what asks for `NEVER`."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    NEVER = "never"

    def __lt__(self, other: object) -> bool:
        parts = list(Part)
        return isinstance(other, Part) and parts.index(self) < parts.index(other)


@dataclass(frozen=True)
class Bump:
    """The step from an old version to a new one, under a policy."""

    old: Version
    new: Version
    policy: ApiPolicy

    @property
    def raised(self) -> Part:
        """The highest part that the new version raises: of a date (`calver`), all but the last number are major."""
        length = max(len(self.old.release), len(self.new.release), 3)
        before, after = (version.release + (0,) * (length - len(version.release)) for version in (self.old, self.new))
        at = next((number for number in range(length) if before[number] != after[number]), None)
        if self.old.epoch != self.new.epoch:
            return Part.MAJOR
        if at is None:
            return Part.NONE
        if self.policy == "calver":
            stated = max(len(self.old.release), len(self.new.release))
            return Part.PATCH if stated > 2 and at >= stated - 1 else Part.MAJOR
        return (Part.MAJOR, Part.MINOR)[at] if at < 2 else Part.PATCH

    @property
    def is_initial(self) -> bool:
        """Whether both versions are 0.y.z: see semver.org, item 4."""
        return self.old.release[0] == self.new.release[0] == 0

    def asked(self, change: ApiChange) -> Part:
        """The part that a breaking change asks for."""
        if self.policy == "deprecate-first":
            return Part.MINOR if change.deprecated else Part.NEVER
        if self.policy == "zero-major" and self.is_initial:
            return Part.NONE
        return Part.MINOR if self.is_initial and self.policy != "calver" else Part.MAJOR

    def asked_by_additions(self) -> Part:
        """The part that new names ask for."""
        return Part.MINOR if self.policy in ("semver", "zero-major") and not self.is_initial else Part.NONE

    def announces(self, change: ApiChange) -> bool:
        """Whether the new version announces a breaking change."""
        return self.asked(change) <= self.raised

    def needed(self, changes: Sequence[ApiChange], added: Sequence[str]) -> Part:
        """The part that all of it asks for together."""
        parts = [self.asked(change) for change in changes] + ([self.asked_by_additions()] if added else [])
        return max(parts, default=Part.NONE)

    def lowest(self, part: Part) -> str:
        """The lowest version that raises this part of the old one; how to reach it where no number says it."""
        if part is Part.NEVER:
            return "a deprecation in a release before"
        if self.policy == "calver":
            return "a version of another date"
        major, minor, patch = (*self.old.release, 0, 0)[:3]
        epoch = f"{self.old.epoch}!" if self.old.epoch else ""
        return epoch + {
            Part.MAJOR: f"{major + 1}.0.0",
            Part.MINOR: f"{major}.{minor + 1}.0",
        }.get(part, f"{major}.{minor}.{patch + 1}")
