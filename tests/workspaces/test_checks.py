"""Whether the siblings that a package requires can be installed."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath

import pytest

from omni_release import project
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Release
from omni_release.core.world import IndexFile, NoDefaultIndex, World
from omni_release.environments import siblings
from omni_release.workspaces.checks import siblings_available
from tests.conftest import git
from tests.workspaces.layouts import UV, laid_out, package


@dataclasses.dataclass(frozen=True)
class Index(NoDefaultIndex):
    """A default index with these versions of each project; None where it does not answer."""

    listed: tuple[str, ...] | None

    def files(self, project: str) -> tuple[IndexFile, ...]:
        if self.listed is None:
            raise Inconclusive("no answer", "")
        return tuple(IndexFile(f"acme_core-{version}.tar.gz", None, "") for version in self.listed)


def plug(root: Path, requirement: str, more: str = "", core: str = "1.1.0") -> Release:
    """The release of a package that requires another one."""
    files = {
        "pyproject.toml": UV,
        "packages/core/pyproject.toml": package("acme-core", core),
        "packages/core/acme_core.py": "",
        "packages/plug/pyproject.toml": package("acme-plug", "1.0", *filter(None, [requirement]), more=more),
        "packages/plug/acme_plug.py": "",
    }
    laid_out(root, files)
    git("init", "--quiet", cwd=root)
    (root / "run").mkdir(exist_ok=True)
    folder = root / "packages" / "plug"
    return Release(project.load(folder), "1.0", "rehearsal", None, root / "run", root / "work", PurePosixPath("."))


@pytest.mark.parametrize(
    ("requirement", "listed", "offered", "expected"),
    [
        ("acme-core==1.1.0", (), "1.1.0", ""),
        ("acme-core>=1", ("1.0",), "", ""),
        ("acme-core<1.1", ("1.0",), "1.1.0", ""),  # users get the one of the index
        ("acme-core==1.1.0", ("1.0",), "", "sibling-unreleased"),
        ("acme_core", (), "", "sibling-unreleased"),
        ("acme-core==2.0", ("1.0",), "1.1.0", "no-such-sibling"),
        ("acme-core>=2", (), "", "no-such-sibling"),
    ],
)
def test_requirement(
    requirement: str, listed: tuple[str, ...], offered: str, expected: str, tmp_path: Path, world: World
) -> None:
    """A version that the requirement admits is in the run or on the index; else it says where, and what to do."""
    release, variables = plug(tmp_path, requirement), dict[str, str]()
    if offered:
        built = laid_out(tmp_path / "built", {f"acme_core-{offered}-py3-none-any.whl": ""})
        release.work_dir.mkdir()
        variables = siblings.offered([built], release.work_dir, {})
    world = dataclasses.replace(world, default_index=Index(listed), environment=variables)
    found = list(siblings_available(release, world))
    assert [finding.rule for finding in found] == [expected] * bool(expected)
    for finding in found:
        assert "packages/core" in finding.message
        assert (finding.path, finding.line) == ("pyproject.toml", 4)
        named = "version sync" if expected == "no-such-sibling" else "rehearse --package acme-plug"
        assert named in finding.message


def test_development_is_a_warning(tmp_path: Path, world: World) -> None:
    """The tests alone need what is for development, and their installation shows whether it is there."""
    release = plug(tmp_path, "", '[dependency-groups]\ntest = ["acme-core"]')
    world = dataclasses.replace(world, default_index=Index(()))
    (finding,) = siblings_available(release, world)
    assert finding.severity == "warning"


@pytest.mark.parametrize("listed", [None, ()])
def test_does_not_apply(listed: tuple[str, ...] | None, tmp_path: Path, world: World) -> None:
    """Without an answer of the index the installation decides; without a sibling there is nothing to look at."""
    release = plug(tmp_path, "acme-core" if listed is None else "")
    with pytest.raises(NotApplicable):
        list(siblings_available(release, dataclasses.replace(world, default_index=Index(listed))))


@pytest.mark.parametrize(("required", "error"), [("acme-core", Inconclusive), ("", NotApplicable)])
def test_findings_are_kept(required: str, error: type[Exception], tmp_path: Path, world: World) -> None:
    """What is missing is reported although the index does not answer for another sibling."""

    class Silent(Index):
        def files(self, project: str) -> tuple[IndexFile, ...]:
            return Index(None if project == "acme-cli" else ()).files(project)

    laid_out(tmp_path, {"packages/cli/pyproject.toml": package("acme-cli")})
    release = plug(tmp_path, required, '[dependency-groups]\ntest = ["acme-cli"]')
    found = []
    with pytest.raises(error, match="acme-cli is not in this run"):
        for finding in siblings_available(release, dataclasses.replace(world, default_index=Silent(()))):
            found.append(finding.rule)  # noqa: PERF401 - those before the exception
    assert found == ["sibling-unreleased"] * bool(required)


def test_variables_name_a_folder_with_blanks(tmp_path: Path) -> None:
    """The address is one word for pip and for uv, before what the user has set."""
    (work := tmp_path / "a b, c").mkdir()
    built = laid_out(tmp_path / "built", {"acme-1.0.tar.gz": "", "acme-1.0.json": ""})
    variables = siblings.offered([built], work, {"PIP_FIND_LINKS": "/mine", "UV_FIND_LINKS": "/mine"})
    address = (work / "siblings").as_uri()
    assert variables == {"PIP_FIND_LINKS": f"{address} /mine", "UV_FIND_LINKS": f"{address},/mine"}
    assert not {" ", ","} & set(address)
    assert [path.name for path in (work / "siblings").iterdir()] == ["acme-1.0.tar.gz"]
