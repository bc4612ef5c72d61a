"""Upload and confirmation, with the real journal; the summary after a release."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from omni_release import publishing
from omni_release.core.actions import Confirm, Pin, Run, Send
from omni_release.core.errors import ActionFailed, Conflict
from omni_release.core.model import Artifact, Release, Target
from omni_release.core.performing import perform
from omni_release.core.world import Completed, FileState, FileStatus, NoPerson, World
from omni_release.publishing import steps as publishing_steps
from omni_release.publishing.steps import ConfirmVersion
from tests.conftest import git

FILE = "acme-1.0.tar.gz"


@dataclass
class Index:
    """An index without files; each request for them changes the file on the disk."""

    path: Path
    becomes: bytes | None

    def file_statuses(self, project: str, artifacts: tuple[Artifact, ...]) -> tuple[FileStatus, ...]:
        if self.becomes is None:
            self.path.unlink()
        else:
            self.path.write_bytes(self.becomes)
        return tuple(FileStatus(artifact.name, FileState.ABSENT, "not listed") for artifact in artifacts)


@dataclass(frozen=True)
class Typist:
    """A person who types this word."""

    word: str
    preapproved: bool = False

    def prompt(self, word: str, question: str) -> str | None:
        return self.word


@pytest.fixture
def world(world: World) -> World:
    """The world of a run that may publish."""
    return replace(world, publisher=publishing_steps)


@pytest.fixture
def pinned(release: Release, world: World) -> Artifact:
    """A file that is built and pinned."""
    release.dist.mkdir()
    (release.dist / FILE).write_bytes(b"sdist")
    (release.folder / "tree").write_text("tree", encoding="utf-8")
    world.journal.pin(Pin(release.dist, release.folder / "tree", None))
    (artifact,) = world.journal.artifacts()
    return artifact


def upload(release: Release, artifact: Artifact, sent: Path) -> Send:
    """An upload whose program records each start in a file."""
    code = f"open({str(sent)!r}, 'a').write('sent ')"
    run = Run((sys.executable, "-c", code), release.folder, {}, release.logs / "upload.log", 30.0)
    return Send("acme", release.dist, (artifact,), "pypi", run, 30.0)


@pytest.mark.parametrize("becomes", [b"other", None])
def test_changed_file_is_not_uploaded(
    becomes: bytes | None, release: Release, world: World, pinned: Artifact, tmp_path: Path
) -> None:
    """A file that was changed or deleted after the build is not uploaded."""
    path, sent = release.dist / FILE, tmp_path / "sent"
    Index(path, becomes).file_statuses("acme", ())
    with pytest.raises(Conflict, match="has changed since it was built"):
        perform(upload(release, pinned, sent), world)
    assert not sent.exists()


def test_file_changed_between_attempts(release: Release, world: World, pinned: Artifact, tmp_path: Path) -> None:
    """A file that changes between two attempts is not uploaded by the second."""
    sent = tmp_path / "sent"
    failing = upload(release, pinned, sent)
    run = replace(failing.run, argv=(sys.executable, "-c", f"{failing.run.argv[2]}; raise SystemExit('once more')"))
    index = cast(Any, Index(release.dist / FILE, b"other"))
    with pytest.raises(Conflict, match="has changed since it was built"):
        perform(replace(failing, run=run), replace(world, index=index))
    assert sent.read_text(encoding="utf-8") == "sent "


@pytest.mark.parametrize(("preapproved", "how"), [(False, "typed"), (True, "--yes")])
def test_confirmation_in_the_journal(
    preapproved: bool, how: str, release: Release, world: World, pinned: Artifact
) -> None:
    """The journal records who confirmed, and whether by typing the version or with --yes."""
    git("init", "--quiet", cwd=release.project.root)
    git("config", "user.name", "Ada Lovelace", cwd=release.project.root)
    world = replace(world, index=cast(Any, IndexWithTarget()), person=Typist("1.0", preapproved))
    (action,) = ConfirmVersion().actions(release, world)
    perform(action, world)
    assert world.journal.confirmed("https://upload.invalid/")
    (event,) = (event for event in cast(Any, world.journal).events() if event["event"] == "confirmed")
    assert (event["who"], event["how"], event["artifacts"]) == ("Ada Lovelace", how, pinned.sha256)


def test_confirmation_refused(release: Release, world: World, pinned: Artifact) -> None:
    """Another word, or no person, fails and records no confirmation."""
    action = Confirm("Really?", "1.0", "https://upload.invalid/", "Ada")
    for person in (Typist("1.1"), NoPerson()):
        with pytest.raises(ActionFailed):
            perform(action, replace(world, person=person))
    assert not world.journal.confirmed("https://upload.invalid/")


class IndexWithTarget:
    """An index that has only a target."""

    @property
    def target(self) -> Target:
        return Target("pypi", "https://upload.invalid/", "https://simple.invalid/")


@pytest.mark.parametrize(
    ("states", "shown", "not_shown"),
    [
        ((FileState.OURS, FileState.OURS), "All files are uploaded", "partial release"),
        (
            (FileState.OURS, FileState.ABSENT),
            "To keep users from installing a partial release, yank it by hand",
            "No file is uploaded",
        ),
        ((FileState.ABSENT, FileState.ABSENT), "No file is uploaded", "yank"),
        ((FileState.INCONCLUSIVE, FileState.INCONCLUSIVE), "all, some or none may be uploaded", "No file is uploaded"),
        ((FileState.ABSENT, FileState.INCONCLUSIVE), "all, some or none may be uploaded", "No file is uploaded"),
        ((FileState.OURS, FileState.REFUSED), "all, some or none may be uploaded", "yank"),
        ((FileState.OURS, FileState.OTHER_BYTES), "This version number is used up", "no file is uploaded twice"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_upload_state(states: tuple[FileState, ...], shown: str, not_shown: str) -> None:
    """Uploaded, missing and inconclusive files lead to different advice."""
    files = [FileStatus(f"acme-1.0-{number}", state, "why") for number, state in enumerate(states)]
    lines = list(publishing.upload_state(Target("ours"), "acme", "1.0", files, "omni-release release --again"))
    screen = "\n".join(lines)
    assert shown in screen
    assert not_shown not in screen
    used_up = FileState.OTHER_BYTES in states
    assert ("  omni-release release --again" in lines) is not used_up


HTML = """\
         <html>
          <head><title>Error: 400 Bad Request</title><style type="text/css"> html {color: #eee} </style></head>
          <body><pre>Package &#039;acme-1.0.tar.gz&#039; {said}</pre></body>
         </html>"""


@pytest.mark.parametrize(
    ("status", "reason", "body", "shown", "accepted"),
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
        (
            "404 Not Found",
            "Not Found",
            "",
            "404 Not Found: check that http://host.invalid/ is the address for uploads",
            False,
        ),
        ("401 Unauthorized", "Unauthorized", "", "401 Unauthorized", False),
    ],
)
def test_upload_result(status: str, reason: str, body: str, shown: str, accepted: bool) -> None:
    """A file that exists may be from an earlier attempt; other errors are refusals, with the index's own words."""
    tail = f"""\
INFO     Response from http://host.invalid/:
         {status}
INFO
{body}
ERROR    HTTPError: {status} from http://host.invalid/
         {reason}"""
    result = publishing_steps.upload_result(Completed(1, tuple(tail.splitlines()), 0.1), 10)
    assert shown in result.why
    assert not set("<>{}") & set(result.why) and "INFO" not in result.why and "\n" not in result.why
    assert (result.accepted, result.refused) == (accepted, not accepted)
