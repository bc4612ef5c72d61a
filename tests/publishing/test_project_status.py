"""The status of the own project on its index (PEP 792), before anything is uploaded to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from omni_release.core import engine
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Outcome, Release, Status, Target
from omni_release.core.tasks import Lane, check
from omni_release.core.world import ACTIVE, Index, ProjectStatus, World
from omni_release.index.client import Client
from omni_release.lanes import PROOFS
from omni_release.local_index import IndexPolicy, store
from omni_release.publishing.version_checks import project_active
from tests.index.support import PROJECT, form, running, sent, wheel
from tests.publishing.test_index_checks import Clock
from tests.repositories import TODAY

REASON = "moved <to> acme & sons"


@dataclass(frozen=True)
class Stated:
    """An index that states this of the project."""

    status: ProjectStatus | None
    target: Target = Target("ours", "https://ours.invalid/")  # noqa: RUF009 - immutable

    def project_status(self, project: str) -> ProjectStatus | None:
        """The same for each project, asked by its normalised name."""
        assert project == "acme"
        return self.status


def outcome(index: object, release: Release, world: World) -> Outcome:
    """The outcome of the check with this index."""
    seen = replace(world, index=cast(Index, index), clock=Clock())
    (found,) = engine.run(Lane("one", (check(project_active),)), release, seen, today=TODAY)
    return found


@pytest.mark.parametrize(
    ("status", "rule", "advice"),
    [
        ("quarantined", "project-quarantined", "Ask the index's administrators"),
        ("archived", "project-archived", "Unarchive it in the project's settings on the index"),
        ("deprecated", "project-deprecated", "Remove the mark"),
        ("frozen", "project-status-unknown", "Look up what this index means"),
    ],
)
def test_status(status: str, rule: str, advice: str, release: Release, world: World) -> None:
    """What takes no uploads stops a release by name; the rest is a warning; each says what to do."""
    found = outcome(Stated(ProjectStatus(status, "see acme2")), release, world)
    (finding,) = found.findings
    assert (finding.rule, status in finding.message) == (f"project-active/{rule}", status != "quarantined")
    assert "(see acme2)" in finding.message
    assert f"→ {advice}" in finding.message
    assert found.status is (Status.FAILED if status in store.CLOSED else Status.PASSED)


def test_sound(release: Release, world: World) -> None:
    """An active project passes; a new one has no status yet."""
    assert outcome(Stated(ACTIVE), release, world).status is Status.PASSED
    assert outcome(Stated(None), release, world).status is Status.SKIPPED


def test_no_answer(release: Release, world: World) -> None:
    """An index that does not answer says nothing about the status."""
    found = outcome(Client("http://127.0.0.1:9/simple/", deadline=5), release, world)
    assert found.status is Status.INCONCLUSIVE


@pytest.mark.parametrize("form_of_page", ["json", "html"])
def test_pages(form_of_page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both pages of an index state each status; one in quarantine offers no files."""
    import pypi_simple

    if form_of_page == "html":
        monkeypatch.setattr(pypi_simple, "ACCEPT_ANY", pypi_simple.ACCEPT_HTML_ONLY)
    made = wheel(tmp_path)
    with running(tmp_path) as index:
        assert sent(index, form(made), made).status_code == 200
    for status in ("active", "archived", "quarantined", "deprecated", "frozen"):
        stated = ProjectStatus(status, "" if status == "active" else REASON)
        with running(tmp_path, policy=IndexPolicy(status=stated)) as index:
            client = Client(f"{index.url}/simple/")
            assert client.project_status(PROJECT) == stated
            assert [file.name for file in client.files(PROJECT)] == [made.name] * (status != "quarantined")


def test_refused(tmp_path: Path) -> None:
    """An index that refuses is inconclusive for good."""
    with running(tmp_path, script="403 on=list") as index, pytest.raises(Inconclusive):
        Client(f"{index.url}/simple/").project_status(PROJECT)


def test_lane() -> None:
    """It is proved before the confirmation, which needs all proofs."""
    assert "project-active" in PROOFS
