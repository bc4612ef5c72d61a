"""Which version announces what, by each policy."""

from __future__ import annotations

import pytest

from omni_release.api import ApiChange
from omni_release.api.policy import Bump, Part
from omni_release.core.settings import ApiPolicy
from omni_release.versions.pep440 import Version, parse


def version(text: str) -> Version:
    """A parsed version."""
    found = parse(text)
    assert found is not None
    return found


def change(*, deprecated: bool = False) -> ApiChange:
    """A function that was removed."""
    return ApiChange("removed", "acme.f", "function was removed", "", "acme.py", 1, True, deprecated)


@pytest.mark.parametrize(
    ("policy", "old", "new", "raised", "announced"),
    [
        ("semver", "1.2.3", "1.2.4", Part.PATCH, False),
        ("semver", "1.2.3", "1.3", Part.MINOR, False),
        ("semver", "1.2.3", "2.0.0", Part.MAJOR, True),
        ("semver", "1.2.3", "2.0.0rc1", Part.MAJOR, True),
        ("semver", "1.2", "1.2.post1", Part.NONE, False),
        ("semver", "0.2.3", "0.2.4", Part.PATCH, False),
        ("semver", "0.2.3", "0.3.0", Part.MINOR, True),
        ("semver", "0.2.3", "1.0.0", Part.MAJOR, True),
        ("semver", "9.0", "1!1.0", Part.MAJOR, True),
        ("zero-major", "0.2.3", "0.2.4", Part.PATCH, True),
        ("zero-major", "1.2.3", "1.3.0", Part.MINOR, False),
        ("calver", "2026.11.1", "2026.11.2", Part.PATCH, False),
        ("calver", "2026.11.1", "2026.12.0", Part.MAJOR, True),
        ("calver", "26.2", "26.3", Part.MAJOR, True),
        ("deprecate-first", "1.0", "2.0", Part.MAJOR, False),
    ],
)
def test_breaks(policy: ApiPolicy, old: str, new: str, raised: Part, announced: bool) -> None:
    """A break is announced by the part of the version that the policy asks for."""
    bump = Bump(version(old), version(new), policy)
    assert (bump.raised, bump.announces(change())) == (raised, announced)


def test_deprecated_first() -> None:
    """With `deprecate-first` a minor version may remove what was deprecated."""
    assert Bump(version("1.0"), version("1.1"), "deprecate-first").announces(change(deprecated=True))
    assert not Bump(version("1.0"), version("1.0.1"), "deprecate-first").announces(change(deprecated=True))


@pytest.mark.parametrize(
    ("policy", "old", "changes", "added", "needed", "lowest"),
    [
        ("semver", "1.2.3", 1, 0, Part.MAJOR, "2.0.0"),
        ("semver", "1.2.3", 0, 1, Part.MINOR, "1.3.0"),
        ("semver", "1.2.3", 0, 0, Part.NONE, "1.2.4"),
        ("semver", "0.2.3", 1, 1, Part.MINOR, "0.3.0"),
        ("calver", "2026.11.1", 1, 1, Part.MAJOR, "a version of another date"),
        ("deprecate-first", "1.2.3", 1, 1, Part.NEVER, "a deprecation in a release before"),
    ],
)
def test_needed(policy: ApiPolicy, old: str, changes: int, added: int, needed: Part, lowest: str) -> None:
    """All changes together ask for one part, and the lowest version that raises it is named."""
    bump = Bump(version(old), version(old), policy)
    assert bump.needed([change()] * changes, ["acme.g"] * added) is needed
    assert bump.lowest(needed) == lowest
