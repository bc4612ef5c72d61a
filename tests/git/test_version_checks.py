"""Whether a version follows the tags, on real repositories with a real bare remote."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from omni_release.core import engine
from omni_release.core.actions import Pin
from omni_release.core.model import Outcome, Severity
from omni_release.core.settings import Git
from omni_release.core.tasks import Lane, check
from omni_release.git.version_checks import history_complete, version_follows_tags
from tests.repositories import TODAY, Checkout, clone, cloned

pytestmark = pytest.mark.thorough


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clean clone on main, in sync with its remote."""
    return cloned(tmp_path)


def outcome(checkout: Checkout, target: str = "rehearsal") -> Outcome:
    """That of the check, in a rehearsal or for an index."""
    with checkout.open() as (release, world):
        task = check(version_follows_tags)
        (found,) = engine.run(Lane("one", (task,)), replace(release, target=target), world, today=TODAY)
    return found


def said(outcome: Outcome) -> str:
    """The status, and the severity and message of each finding."""
    return " | ".join([outcome.status.value, *(f"{f.severity}: {f.message}" for f in outcome.findings)])


def history(checkout: Checkout, *steps: str) -> None:
    """Commits in order, a day apart, each with these tags; `branch:NAME` goes to a branch, from HEAD if it is new."""
    for day, step in enumerate(steps):
        if step.startswith("branch:"):
            name = step.removeprefix("branch:")
            known = checkout.git("branch", "--list", name).strip()
            checkout.git("switch", "--quiet", *(() if known else ("--create",)), name)
            continue
        date = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=day)
        dated = checkout.with_variables(GIT_COMMITTER_DATE=date.isoformat(), GIT_AUTHOR_DATE=date.isoformat())
        dated.commit(f"{day}.py")
        for tag in step.split():
            dated.git("tag", "--annotate", "--message=x", tag)


_NO_SETTINGS = Git()


@dataclass(frozen=True)
class Case:
    """A history, a version, and what is said of it in a rehearsal and in a release; empty is nothing."""

    version: str
    steps: tuple[str, ...]
    rehearsal: str = ""
    release: str = ""
    settings: Git = _NO_SETTINGS
    project: str = "."


_BACK = "error: {0} is lower than {1}, the previous release"
_TAGGED = "notice: {0} has the tag v{0} of another commit"
_OLDER = "{2}: {0} is a release of an older series: {1} has a tag already"

CASES = {
    "forward": Case("1.2.0", ("v1.1.0", "")),
    "the same": Case("1.2.0", ("v1.1.0", "v1.2.0")),
    "another spelling": Case("1.2.0", ("v1.1.0", "v1.2")),
    "first": Case("0.1.0", ("",)),
    "back": Case("0.5.0", ("v1.0.6", ""), _BACK.format("0.5.0", "1.0.6"), _BACK.format("0.5.0", "1.0.6")),
    "back by a patch": Case("1.0.5", ("1.0.6", ""), _BACK.format("1.0.5", "1.0.6"), _BACK.format("1.0.5", "1.0.6")),
    "a pre-release of what is out": Case(
        "2.0.0rc1", ("v2.0.0", ""), _BACK.format("2.0.0rc1", "2.0.0"), _BACK.format("2.0.0rc1", "2.0.0")
    ),
    "invented": Case(
        *("0.1.dev1", ("v1.2.0", "v1.3.0")),
        *("error: the commit has the tag v1.3.0, but the version is 0.1.dev1",) * 2,
    ),
    "bump forgotten": Case(
        "1.2.9", ("v1.2.9", "v1.3.0"), *("error: the commit has the tag v1.3.0, but the version is 1.2.9",) * 2
    ),
    "tagged too early": Case(
        *("1.3.0", ("v1.2.9",)),
        "warning: the commit has the tag v1.2.9, but the version is 1.3.0",
        "error: the commit has the tag v1.2.9, but the version is 1.3.0",
    ),
    "tags that move along": Case("3.1.2", ("v3.1.1", "v3 v3.1 v3.1.2", ""), _TAGGED.format("3.1.2")),
    "only the moving tags": Case("3.1.2", ("v3.1.1", "v3 v3.1")),
    "maintenance": Case(
        "1.4.9",
        ("v1.4.8", "branch:1.4.x", "", "branch:main", "v2.0.0", "branch:1.4.x"),
        _OLDER.format("1.4.9", "2.0.0", "notice"),
        _OLDER.format("1.4.9", "2.0.0", "warning"),
    ),
    "maintenance, seen again": Case(
        "1.4.9",
        ("v1.4.8", "branch:1.4.x", "v1.4.9", "branch:main", "v2.0.0", "branch:1.4.x"),
        "",
        _OLDER.format("1.4.9", "2.0.0", "warning"),
    ),
    "behind in the series": Case(
        "1.4.9",
        ("v1.4.8", "branch:old", "", "branch:main", "v1.4.10", "branch:old"),
        "warning: 1.4.9 is lower than 1.4.10, which has a tag already",
        "error: 1.4.9 is lower than 1.4.10, which has a tag already",
    ),
    "a series that never was": Case(
        "0.5.0",
        ("branch:side", "", "branch:main", "v1.0.6", "branch:side"),
        "warning: 0.5.0 is lower than 1.0.6 (tag v1.0.6), and begins an older series",
        "error: 0.5.0 is lower than 1.0.6 (tag v1.0.6), and begins an older series",
    ),
    "a final release while a pre-release is out": Case(
        *("1.9.1", ("v1.9.0", "v2.0.0a1", "")),
        *("warning: 1.9.1 is lower than 2.0.0a1, the previous release",) * 2,
    ),
    "a fork that began again": Case("0.1.2", ("v5.3.0", "v0.1.1", "")),
    "dates and numbers are other tags": Case("1.2.0", ("v1.1.0", "20260101 v7 build-9.9 docs-3.0", "")),
    "a version that CI writes": Case(
        "0.0.0", ("v1.2.0", ""), "warning: 0.0.0 is lower than 1.2.0", _BACK.format("0.0.0", "1.2.0")
    ),
    "tags of others": Case("1.2.0", ("other-v9.0.0", "")),
    "part of a project": Case("3.0.17", ("v8.1.8", ""), project="pool"),
    "part of a project, with tags of its own": Case(
        "3.0.17", ("v8.1.8", "pool-3.0.18", "v8.1.9"), *(_BACK.format("3.0.17", "3.0.18"),) * 2, project="pool"
    ),
    "part of a repository": Case(
        "3.0.17", ("v8.1.8", ""), *("warning: 3.0.17 is lower than 8.1.8",) * 2, project="python"
    ),
    "tags by a setting": Case(
        *("1.2.0", ("v9.0.0", "py-1.3.0", "")),
        *(_BACK.format("1.2.0", "1.3.0"),) * 2,
        Git(tag="py-{version}"),
    ),
    "a setting that passes others by": Case("1.2.0", ("v9.0.0", "py-1.1.0", ""), settings=Git(tag="py-{version}")),
}


@pytest.mark.parametrize("name", CASES)
def test_versions_and_tags(name: str, checkout: Checkout) -> None:
    """What goes back, or was invented, stops; what may be meant does not."""
    case = CASES[name]
    if case.project == "pool":
        checkout.commit("pyproject.toml", '[project]\nname = "acme"\n')
    checkout.commit(f"{case.project}/acme.txt")
    history(checkout, *case.steps)
    checkout.git("push", "--quiet", "--all", "origin")
    checkout.git("push", "--quiet", "--tags", "origin")
    checkout = replace(checkout, version=case.version, settings=case.settings, project=Path(case.project))
    for target, expected in (("rehearsal", case.rehearsal), ("pypi", case.release)):
        found = outcome(checkout, target)
        assert (expected in said(found)) if expected else not found.findings, said(found)
        assert (found.status.value == "failed") == expected.startswith("error"), said(found)


def test_the_next_version_under_way(checkout: Checkout) -> None:
    """A version that is raised and not committed yet contradicts no tag."""
    history(checkout, "v1.2.0")
    (checkout.root / "acme.py").write_text("changed", encoding="utf-8")
    assert said(outcome(replace(checkout, version="1.3.0"))) == "passed"
    assert "has the tag v1.2.0, but the version is 1.1.0" in said(outcome(replace(checkout, version="1.1.0")))


@pytest.mark.parametrize("of", ["v1.2.0", "v1.2.0^{tree}", "v1.2.0:0.py"], ids=["tag", "tree", "file"])
def test_tags_of_other_things(of: str, checkout: Checkout) -> None:
    """A tag of a tag is that of its commit; one of a tree or a file is none."""
    history(checkout, "v1.2.0", "")
    checkout.git("tag", "--annotate", "--message=x", "v1.3.0", of)
    checkout.git("push", "--quiet", "--all", "origin")
    checkout.git("push", "--quiet", "--tags", "origin")
    for target in ("rehearsal", "pypi"):
        found = said(outcome(replace(checkout, version="1.2.1"), target))
        assert ("1.2.1 is lower than 1.3.0, the previous release" in found) == (of == "v1.2.0"), found
        assert said(outcome(replace(checkout, version="1.3.1"), target)) == "passed"


def test_tags_that_only_the_remote_has(checkout: Checkout) -> None:
    """A release asks the remote, also for a clone without tags; a rehearsal does not."""
    history(checkout, "v1.0.6", "")
    checkout.git("push", "--quiet", "--all", "origin")
    checkout.git("push", "--quiet", "--tags", "origin")
    checkout.git("tag", "--delete", "v1.0.6")
    back = replace(checkout, version="0.5.0")
    assert said(outcome(back)) == "passed"
    assert "0.5.0 is lower than 1.0.6, the previous release (tag v1.0.6)" in said(outcome(back, "pypi"))


def test_derived_from_an_untagged_commit(checkout: Checkout) -> None:
    """A development version that the build derived is advice before a release, and usual in a rehearsal."""
    history(checkout, "v1.2.0", "")
    derived = replace(checkout, version=None)
    with derived.open() as (release, world):
        assert "nothing is built yet" in said(outcome(derived))
        (release.dist).mkdir(parents=True)
        wheel = release.dist / "acme-1.2.1.dev1-py3-none-any.whl"
        wheel.write_bytes(b"")
        tree = release.folder / "tree.sha256"
        tree.write_text("tree", encoding="utf-8")
        world.journal.pin(Pin(release.dist, tree, release.commit.sha if release.commit else None))
    assert said(outcome(derived)) == "passed"
    assert "warning: 1.2.1.dev1 was derived from an untagged commit" in said(outcome(derived, "pypi"))


DERIVING = {
    "setuptools-scm": (
        '[build-system]\nrequires = ["setuptools-scm>=8"]\n[project]\nname = "acme"\ndynamic = ["version"]'
    ),
    "hatch-vcs": (
        '[build-system]\nrequires = ["hatch-vcs"]\n[project]\nname = "acme"\ndynamic = ["version"]\n'
        '[tool.hatch.version]\nsource = "vcs"'
    ),
    "pdm": '[project]\nname = "acme"\ndynamic = ["version"]\n[tool.pdm.version]\nsource = "scm"',
    "poetry": (
        '[tool.poetry]\nname = "acme"\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n'
        '[build-system]\nrequires = ["poetry-core", "poetry-dynamic-versioning"]'
    ),
}


@pytest.mark.parametrize("name", DERIVING)
def test_clone_without_the_tag(name: str, checkout: Checkout, tmp_path: Path) -> None:
    """A version that comes from tags needs a clone that reaches one; a clone of the tag itself does."""
    checkout.commit("pyproject.toml", DERIVING[name])
    history(checkout, "v1.3.0", "")
    checkout.git("push", "--quiet", "--all", "origin")
    checkout.git("push", "--quiet", "--tags", "origin")
    clones = {
        "failed": (("--depth=1", "--no-tags"), ("--depth=1",), ("--no-tags",)),
        "passed": ((), ("--depth=2",), ("--depth=1", "--branch=v1.3.0")),
    }
    for status, ways in clones.items():
        for number, way in enumerate(ways):
            made = clone(checkout.remote, tmp_path / f"{status}{number}", *way)
            found = made.outcome(history_complete)
            assert found.status.value == status, (way, said(found))
    given = clone(checkout.remote, tmp_path / "given", "--depth=1").with_variables(SETUPTOOLS_SCM_PRETEND_VERSION="1.3")
    assert given.outcome(history_complete).status.value == "skipped"


def test_before_the_first_tag(checkout: Checkout) -> None:
    """A project that has no tag yet is advised, and not stopped; a stated version needs no tag."""
    checkout.commit("pyproject.toml", DERIVING["hatch-vcs"])
    found = checkout.outcome(history_complete)
    assert found.status.value == "passed"
    assert [finding.severity for finding in found.findings] == [Severity.WARNING]
    checkout.commit("pyproject.toml", '[project]\nname = "acme"\nversion = "1.0"\n')
    assert checkout.outcome(history_complete).status.value == "skipped"
