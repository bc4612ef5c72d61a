"""Extras that requirements and the README name."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import cast

import pytest

from omni_release import environments
from omni_release.core.actions import Run, Write
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Project, Release, Severity
from omni_release.core.settings import Settings
from omni_release.core.world import Completed, World
from omni_release.environments.extras_checks import extras_exist, extras_install

MARKDOWN = "Name: acme\nVersion: 1.0\nDescription-Content-Type: text/markdown\n"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("Requires-Dist: acme[color]; extra == 'all'", ["extra-of-its-own"]),
        ("Requires-Dist: Acme[Colour]; extra == 'all'", []),
        ("Requires-Dist: other[sockz]", ["extra-unknown"]),
        ("Requires-Dist: other[so_cks]", []),
        ("Requires-Dist: not-installed[any]; extra == 'all'", []),
        ("\nInstall it: pip install acme[colur,all]", ["extra-in-prose"]),
        ("\n", []),
        ("\nInstall it: pip install 'acme[colour, all]', not acme-tools[x]", []),
    ],
)
def test_extras(stated: str, expected: list[str], tmp_path: Path) -> None:
    """An extra that is not provided is found in requirements, of the project's own and others, and in the README."""
    project = Project(tmp_path, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "work", PurePosixPath())
    release.dist.mkdir()
    site = environments.site_packages(release.environment("candidate"))
    (site / "other-1.0.dist-info").mkdir(parents=True)
    other = "Metadata-Version: 2.1\nName: other\nVersion: 1.0\nProvides-Extra: so-cks\n"
    (site / "other-1.0.dist-info" / "METADATA").write_text(other, encoding="utf-8")
    metadata = f"{MARKDOWN}Provides-Extra: colour\nProvides-Extra: all\n{stated}\n"
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", metadata)
    assert [finding.rule for finding in extras_exist(release, cast(World, None))] == expected


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise ImportError("run: pip install acme[colur]")', True),
        ("raise ImportError(f\"{x}: uv add 'Acme[colur]'\")", True),
        ('raise ImportError("run: pip install acme[colour]")', False),
        ('"""Install acme-tools[colur]."""', False),
        ('"""`acme[key]` is the value of a key."""', False),
        ("acme[colur]  # install it", False),
        ('print "install acme[colur]"', False),
    ],
)
def test_messages(source: str, found: bool, tmp_path: Path) -> None:
    """An extra that a message of a module names is found; code and other projects are no such message."""
    project = Project(tmp_path, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "work", PurePosixPath())
    release.dist.mkdir()
    environments.site_packages(release.environment("candidate")).mkdir(parents=True)
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", f"{MARKDOWN}Provides-Extra: colour\n")
        archive.writestr("acme/__init__.py", source)
    assert bool(list(extras_exist(release, cast(World, None)))) is found


class Resolver:
    """uv, which finds versions for none of the extras that it has a reason for, nor for all at once."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons

    def run(self, command: Run) -> Completed:
        """How `uv pip compile` ends, by the name of its log."""
        extra = command.log.stem.removeprefix("extra-") if command.log else ""
        if extra == "extras":
            return Completed(int(bool(self.reasons)), (), 0.1)
        reason = self.reasons.get(extra)
        return Completed(int(reason is not None), tuple((reason or "").splitlines()), 0.1)

    def write(self, action: Write) -> None:
        """The requirements are not needed."""


NO = "error: No solution found when resolving dependencies\ncause: Because {}, we can conclude that it fails."


@pytest.mark.parametrize(
    ("extra", "said", "expected"),
    [
        ("color", NO.format("only humanize<=4 is available and\nacme[color] depends on humanize>=9"), "unresolvable"),
        ("color", NO.format("nosuch was not found in the package registry"), "unresolvable"),
        ("color", "x No solution found:\n╰─▶ Because acme[color] depends on a<4 and a>=4, we can", "unresolvable"),
        ("dev", NO.format("only humanize<=4 is available"), "not-here"),
        ("color", NO.format("pywin32 has no wheels with a matching platform tag"), "not-here"),
        ("color", NO.format("the current Python version (3.14) does not satisfy Python<3.13"), "not-here"),
        ("color", "error: Failed to build `other==1.0`", "not-here"),
        ("color", NO.format("other was not found in the cache") + "\nhint: network was disabled", None),
    ],
)
def test_extras_that_cannot_be_installed(extra: str, said: str, expected: str | None, tmp_path: Path) -> None:
    """What no index has is an error; what another machine may have, or only developers install, a warning."""
    project = Project(tmp_path, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "work", PurePosixPath())
    release.dist.mkdir()
    with zipfile.ZipFile(release.dist / "acme-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", f"{MARKDOWN}Provides-Extra: {extra}\nProvides-Extra: fine\n")
    uv = Resolver({extra: said})
    world = cast(World, SimpleNamespace(processes=uv, files=uv, environment={}))
    if expected is None:
        with pytest.raises(Inconclusive, match="could not reach an index for the extra color"):
            list(extras_install(release, world))
        return
    (finding,) = extras_install(release, world)
    assert finding.rule == f"extra-{expected}"
    assert finding.severity is (Severity.ERROR if expected == "unresolvable" else Severity.WARNING)
    assert "conclude" not in finding.message and f"the extra {extra} cannot be installed: " in finding.message
