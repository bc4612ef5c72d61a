"""The check that a release is approved, in a clone whose last release lists two approvers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core import engine
from omni_release.core.errors import NeedsPerson, NotApplicable
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.settings import Publish
from omni_release.core.tasks import Lane, check
from omni_release.core.world import World
from omni_release.lanes import PROOFS, release
from omni_release.publishing import approval_statement
from omni_release.publishing.approval_checks import approved
from tests.publishing.approving import Key, asking, in_run, made, released
from tests.repositories import TODAY, Checkout, clean_environment, pinned


def outcome(release: Release, world: World, *, waivable: bool = False) -> Outcome:
    """The outcome of the check."""
    (found,) = engine.run(Lane("one", (check(approved, waivable=waivable),)), release, world, today=TODAY, dry=False)
    return found


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Key]:
    """The keys of ada and bob."""
    folder = tmp_path_factory.mktemp("keys")
    return [made(folder, name) for name in ("ada", "bob")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, keys: list[Key]) -> Checkout:
    """The clone, whose commits no test changes."""
    listed = f"ada {keys[0].public}\nbob {keys[1].public}\n"
    return released(tmp_path_factory.mktemp("clone"), listed)


def test_waits_for_each_person(checkout: Checkout, keys: list[Key], tmp_path: Path) -> None:
    """It waits until both have approved these bytes; neither a sign-off nor a waiver takes the place of one."""
    with asking(checkout) as (release, world):
        assert release.commit is not None
        run = replace(release, folder=tmp_path / "run")
        before = outcome(run, world)
        assert before.status is Status.WAITING
        message = before.findings[0].message
        assert message.startswith("0 of 2 approvals; 2 more needed, from ada, bob")
        assert "`omni-release approve --run run`" in message and "To sign it off" not in message
        world.journal.sign("approved", "Ada", "looks good")  # type: ignore[attr-defined]  # it is a RunFolder
        assert outcome(run, world).status is Status.WAITING
        statement = approval_statement.of_run(world.journal.artifacts(), release.commit.sha)
        in_run(run.folder, keys[0].approval(statement), keys[1].approval(replace(statement, version="1.1.0")))
        one = outcome(run, world)
        assert one.status is Status.WAITING
        assert "1 of 2 approvals: ada; 1 more needed, from bob" in one.findings[0].message
        assert "for version 1.1.0, and this is 1.2.0" in one.findings[0].message
        handed = tmp_path / "bob.approval"
        handed.write_text(keys[1].approval(statement), encoding="ascii")
        both = outcome(run, replace(world, approvals=(handed,)))
        assert both.status is Status.PASSED
        words = "\n".join(f"{finding.severity} {finding.message}" for finding in both.findings)
        assert "notice ada: the key SHA256:" in words and f"in the file {handed}" in words
        assert "warning the run's approvals/1.approval: it is for version 1.1.0" in words
        (release.dist / "acme-1.2.0.tar.gz").write_bytes(b"other")
        pinned_again(release, world)
        assert outcome(run, replace(world, approvals=(handed,))).status is Status.WAITING


def pinned_again(release: Release, world: World) -> None:
    """Pin what is in dist/ now."""
    from omni_release.core.actions import Pin

    assert release.commit is not None
    world.journal.pin(Pin(release.dist, release.folder / "tree.sha256", release.commit.sha))


def nothing_asked(release: Release) -> Release:
    return with_approvals(release, None)


def with_approvals(release: Release, number: int | None) -> Release:
    """The release of a project that asks for so many approvals."""
    settings = replace(release.project.settings, publish=Publish(approvals=number))
    return replace(release, project=replace(release.project, settings=settings))


@pytest.mark.parametrize(
    ("change", "built", "status", "words"),
    [
        (nothing_asked, True, Status.SKIPPED, "asks for approvals"),
        (lambda release: release, False, Status.SKIPPED, "nothing is built yet"),
        (lambda release: with_approvals(release, 3), False, Status.FAILED, "lists 2 persons, and 3 have to approve"),
        (lambda release: replace(release, commit=None), True, Status.INCONCLUSIVE, "no commit yet"),
        (lambda release: nothing_asked(replace(release, commit=None)), True, Status.SKIPPED, "asks for approvals"),
    ],
)
def test_before_anyone_approves(
    change: Callable[[Release], Release], built: bool, status: Status, words: str, checkout: Checkout
) -> None:
    """Before a build the list is looked at; where it cannot be known who may approve, nothing is published."""
    with asking(checkout, built=built) as (release, world):
        if not built:
            (release.folder / "artifacts.json").unlink(missing_ok=True)
        found = outcome(change(release), world)
    assert (found.status, words in found.findings[0].message) == (status, True), found


def test_outside_of_git(tmp_path: Path, release: Release, world: World) -> None:
    """Without a repository it is unknown who may approve, where approvals are asked for."""
    world = replace(world, environment=clean_environment())
    assert outcome(with_approvals(release, 2), world).status is Status.INCONCLUSIVE
    with pytest.raises(NotApplicable):
        list(approved(release, world))


def test_another_commit(checkout: Checkout, keys: list[Key], tmp_path: Path) -> None:
    """What was approved at another commit is not approved, although the bytes are the same."""
    with asking(checkout) as (release, world):
        pinned(release, world, checkout.git("rev-parse", "HEAD").strip())
        statement = approval_statement.of_run(world.journal.artifacts(), "b" * 40)
        run = replace(release, folder=tmp_path / "run")
        in_run(run.folder, *(key.approval(statement) for key in keys))
        with pytest.raises(NeedsPerson, match="for commit bbb"):
            list(approved(run, world))


def test_before_the_upload() -> None:
    """The release confirms and uploads only what is approved, and no waiver changes that; `doctor` checks it, too."""
    tasks = {task.id: task for task in release().tasks}
    assert "approved" in tasks["confirm-version"].needs and "approved" in PROOFS
    assert tasks["upload"].needs == ("confirm-version",)
    assert not tasks["approved"].waivable and not tasks["approved"].signable
