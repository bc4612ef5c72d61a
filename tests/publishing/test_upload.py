"""Sending and confirming, with the real journal: what is looked at last, and what is written down."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from omni_release.core import engine
from omni_release.core.actions import Confirm, Pin, Run, Send
from omni_release.core.errors import ActionFailed, Conflict
from omni_release.core.model import Artifact, Release, Target
from omni_release.core.world import Completed, FileState, FileStatus, NoPerson, World
from omni_release.publishing import phases
from omni_release.publishing import steps as publishing_upload
from omni_release.publishing.steps import ConfirmVersion
from tests.conftest import git

FILE = "acme-1.0.tar.gz"


@dataclass
class Index:
    """An index that has nothing, and something is done to the file on the disk whenever it is asked."""

    path: Path
    becomes: bytes | None

    def file_statuses(self, project: str, artifacts: tuple[Artifact, ...]) -> tuple[FileStatus, ...]:
        if self.becomes is None:
            self.path.unlink()
        else:
            self.path.write_bytes(self.becomes)
        return tuple(FileStatus(artifact.name, FileState.ABSENT, "not listed") for artifact in artifacts)


@dataclass(frozen=True)
class Somebody:
    """A person who says what they say."""

    word: str
    preapproved: bool = False

    def prompt(self, word: str, question: str) -> str | None:
        return self.word


@pytest.fixture
def pinned(release: Release, world: World) -> Artifact:
    """A file that was built, and is pinned."""
    release.dist.mkdir()
    (release.dist / FILE).write_bytes(b"sdist")
    (release.folder / "tree").write_text("tree", encoding="utf-8")
    world.journal.pin(Pin(release.dist, release.folder / "tree", None))
    (artifact,) = world.journal.artifacts()
    return artifact


def upload(release: Release, artifact: Artifact, sent: Path) -> Send:
    """An upload that leaves a mark whenever its program starts."""
    code = f"open({str(sent)!r}, 'a').write('sent ')"
    run = Run((sys.executable, "-c", code), release.folder, {}, release.logs / "upload.log", 30.0)
    return Send("acme", release.dist, (artifact,), "pypi", run, 30.0)


@pytest.mark.parametrize("becomes", [b"other", None])
def test_bytes_are_looked_at_before_the_upload(
    becomes: bytes | None, release: Release, world: World, pinned: Artifact, tmp_path: Path
) -> None:
    """A file that has changed since it was pinned, or is gone, never reaches the program that sends it."""
    path, sent = release.dist / FILE, tmp_path / "sent"
    Index(path, becomes).file_statuses("acme", ())
    with pytest.raises(Conflict, match="has changed since it was built"):
        engine.perform(upload(release, pinned, sent), world)
    assert not sent.exists()


def test_bytes_are_looked_at_before_each_attempt(
    release: Release, world: World, pinned: Artifact, tmp_path: Path
) -> None:
    """A file that changes between two attempts is not sent by the second."""
    sent = tmp_path / "sent"
    failing = upload(release, pinned, sent)
    run = replace(failing.run, argv=(sys.executable, "-c", f"{failing.run.argv[2]}; raise SystemExit('once more')"))
    index = cast(Any, Index(release.dist / FILE, b"other"))
    with pytest.raises(Conflict, match="has changed since it was built"):
        engine.perform(replace(failing, run=run), replace(world, index=index))
    assert sent.read_text(encoding="utf-8") == "sent "


@pytest.mark.parametrize(("preapproved", "how"), [(False, "typed"), (True, "--yes")])
def test_a_confirmation_says_who_and_how(
    preapproved: bool, how: str, release: Release, world: World, pinned: Artifact
) -> None:
    """Who let it go, and whether by typing the version or by --yes, stands in the journal."""
    git("init", "--quiet", cwd=release.project.root)
    git("config", "user.name", "Ada Lovelace", cwd=release.project.root)
    world = replace(world, index=cast(Any, Addressed()), person=Somebody("1.0", preapproved))
    (action,) = ConfirmVersion().actions(release, world)
    engine.perform(action, world)
    assert world.journal.confirmed("https://upload.invalid/")
    (event,) = (event for event in cast(Any, world.journal).events() if event["event"] == "confirmed")
    assert (event["who"], event["how"], event["artifacts"]) == ("Ada Lovelace", how, pinned.sha256)


def test_nothing_else_confirms(release: Release, world: World, pinned: Artifact) -> None:
    """Another word, or nobody, lets nothing go and leaves no confirmation."""
    action = Confirm("Really?", "1.0", "https://upload.invalid/", "Ada")
    for person in (Somebody("1.1"), NoPerson()):
        with pytest.raises(ActionFailed):
            engine.perform(action, replace(world, person=person))
    assert not world.journal.confirmed("https://upload.invalid/")


class Addressed:
    """An index that says where it is, and nothing else."""

    @property
    def target(self) -> Target:
        return Target("pypi", "https://upload.invalid/", "https://simple.invalid/")


@pytest.mark.parametrize(
    ("file_statuses", "says", "not_said"),
    [
        ((FileState.OURS, FileState.OURS), "nothing is left to send", "half there"),
        (
            (FileState.OURS, FileState.ABSENT),
            "So that nobody installs what is half there, yank it by hand",
            "Nothing of it",
        ),
        ((FileState.ABSENT, FileState.ABSENT), "Nothing of it is there", "yank"),
        ((FileState.INCONCLUSIVE, FileState.INCONCLUSIVE), "may be all of it, or a part", "Nothing of it"),
        ((FileState.ABSENT, FileState.INCONCLUSIVE), "may be all of it, or a part", "Nothing of it"),
        ((FileState.OURS, FileState.REFUSED), "may be all of it, or a part", "yank"),
        ((FileState.OURS, FileState.OTHER_BYTES), "this version is spent", "nothing is sent twice"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_what_a_person_is_told_at_the_end(standings: tuple[FileState, ...], says: str, not_said: str) -> None:
    """What is there, what is not, and what the index does not say are never taken for one another."""
    told = [FileStatus(f"acme-1.0-{number}", standing, "why") for number, standing in enumerate(standings)]
    lines = list(phases.explained(Target("ours"), "acme", "1.0", told, "omni-release release --again"))
    screen = "\n".join(lines)
    assert says in screen
    assert not_said not in screen
    spent = FileState.OTHER_BYTES in standings
    assert ("  omni-release release --again" in lines) is not spent


HTML = """\
         <html>
          <head><title>Error: 400 Bad Request</title><style type="text/css"> html {color: #eee} </style></head>
          <body><pre>Package &#039;acme-1.0.tar.gz&#039; {said}</pre></body>
         </html>"""


@pytest.mark.parametrize(
    ("status", "reason", "body", "said", "there"),
    [
        (
            "400 Bad Request",
            "Bad Request",
            HTML.replace("{said}", "already exists!"),
            "'acme-1.0.tar.gz' already",
            True,
        ),
        ("400 Bad Request", "Bad Request", HTML.replace("{said}", "is broken"), "acme-1.0.tar.gz' is broken", False),
        ("409 Conflict", "Conflict", "", "409 Conflict", True),
        ("409 Conflict", "acme-1.0.tar.gz already exists in non-volatile index", "", "non-volatile", True),
        ("400 Bad Request", "File already exists (with other bytes).", "", "with other bytes", True),
        ("400 Bad Request", "This filename was previously used", "", "previously used", False),
        ("404 Not Found", "Not Found", "", "404 Not Found: are files sent to http://host.invalid/?", False),
        ("401 Unauthorized", "Unauthorized", "", "401 Unauthorized", False),
    ],
)
def test_what_an_index_says_of_an_upload(status: str, reason: str, body: str, said: str, there: bool) -> None:
    """A file of this name that it has may be ours, of an attempt before; all else is refused, in the index's words."""
    tail = f"""\
INFO     Response from http://host.invalid/:
         {status}
INFO
{body}
ERROR    HTTPError: {status} from http://host.invalid/
         {reason}"""
    judged = publishing_upload.upload_result(Completed(1, tuple(tail.splitlines()), 0.1), 10)
    assert said in judged.why
    assert not set("<>{}") & set(judged.why) and "INFO" not in judged.why and "\n" not in judged.why
    assert (judged.taken, judged.refused) == (there, not there)
