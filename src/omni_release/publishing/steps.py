"""Upload to an index."""

from __future__ import annotations

import dataclasses
import getpass
import html
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omni_release import distributions, git, programs
from omni_release.core import documents
from omni_release.core.actions import Action, Confirm, Run, Send
from omni_release.core.errors import ActionFailed, Conflict, Inconclusive
from omni_release.core.model import Artifact, Evidence, Release
from omni_release.core.world import Access, Completed, Credentials, FileState, FileStatus, World
from omni_release.index import polling
from omni_release.index.polling import object_to_others, pauses


@dataclass(frozen=True)
class Upload:
    """The distributions are on the index, with the very bytes that were built.

    What counts is what the index then says it has, not what twine said. Files go one at a time, the wheels first: with
    an sdist alone, whoever installs in that moment would have to build it.
    """

    together: bool = False  # by one twine: where an upload that stops half-way does no harm

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = world.journal.artifacts()
        if not pinned:
            raise Inconclusive("there is nothing built to upload", "Build first: omni-release build")
        project = distributions.name_and_version(pinned[0].name)[0]
        told = polling.file_statuses(world, project, pinned)
        missing = {each.name for each in told if each.state is not FileState.OURS}
        files = sorted(
            (one for one in pinned if one.name in missing), key=lambda one: not distributions.is_wheel(one.name)
        )
        access = world.index.access()
        if access.credentials is not Credentials.PRESENT:
            raise ActionFailed(f"there is nothing to upload with: {access.source}: {access.why}")
        for group in [files] if self.together else [[file] for file in files]:
            yield _send(release, world, access, project, tuple(group))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        pinned = world.journal.artifacts()
        if not pinned:
            return None
        project, _ = distributions.name_and_version(pinned[0].name)
        told = polling.file_statuses(world, project, pinned)
        _object(told, world.index.target.name)
        if any(each.state is not FileState.OURS for each in told):
            return None
        return {one.name: f"sha256 {one.sha256}" for one in pinned} | {"index": world.index.target.simple}


def _send(release: Release, world: World, access: Access, project: str, files: tuple[Artifact, ...]) -> Send:
    publish = release.project.settings.publish
    twine = (sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", "--verbose")
    paths = (str(release.dist / file.name) for file in files)
    run = Run(
        (*twine, *access.arguments, "--repository-url", world.index.target.upload, *paths),
        cwd=release.folder,
        # Wide, so that what twine says of an answer stands on one line.
        environment={
            **programs.tool_env(world.environment, release.folder),
            "COLUMNS": "500",
            **access.environment,
        },
        secrets=access.secrets,
        log=release.logs / "upload.log",
        deadline=publish.attempt_timeout,
        network=True,
    )
    return Send(project, release.dist, files, world.index.target.name, run, publish.upload_timeout)


def _object(told: Sequence[FileStatus], index: str) -> None:
    """Raises Conflict where the index has something else under our name, CannotTell where it does not say."""
    polling.object_to_others(told, index)
    for each in told:
        if each.state is FileState.REFUSED:
            raise Inconclusive(
                f"{index} does not let us look for {each.name}: {each.why}", "Are the credentials right?"
            )
        if each.state is FileState.INCONCLUSIVE:
            raise Inconclusive(f"{index} does not tell whether it has {each.name}: {each.why}", "Try again in a while.")


class ConfirmVersion:
    """A person has typed the version that may go there, or has said `--yes`.

    What is published cannot be taken back: type the version, exactly as it is shown.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        pinned = world.journal.artifacts()
        if not pinned:
            raise Inconclusive("there is nothing built to publish", "Rehearse first: omni-release rehearse")
        target = world.index.target
        _, version = distributions.name_and_version(pinned[0].name)
        files = "\n".join(f"  {file.name}  {file.size} bytes  sha256 {file.sha256}" for file in pinned)
        where = target.name if target.name == target.upload else f"{target.name} ({target.upload})"
        question = (
            f"{release.project.name} {version} goes to {where}, and cannot be taken back:\n{files}\n"
            f"Type the version to publish it: "
        )
        yield Confirm(question, version, target.upload, _who(release, world))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        address = world.index.target.upload
        return {"may go to": address} if world.journal.confirmed(address) else None


def _who(release: Release, world: World) -> str:
    """Who git says works here, or else whose account this is."""
    if named := git.user(release.project.root, world.processes):
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, in a container say
        return "somebody without a name"


def confirm(action: Confirm, world: World) -> None:
    """Perform it. Raises ActionFailed where something else was typed, or nobody was there."""
    typed = world.person.prompt(action.word, action.question)
    if typed is None:
        raise ActionFailed("nobody is there to type the version", "Say --yes where no person sits at a terminal.")
    if typed.strip() != action.word:
        raise ActionFailed(f"{typed.strip()!r} was typed, not {action.word!r}: nothing was published")
    artifacts = ",".join(artifact.sha256 for artifact in world.journal.artifacts())
    how = "--yes" if world.person.preapproved else "typed"
    world.journal.record("confirmed", address=action.address, artifacts=artifacts, who=action.who, how=how)


_GRACE = 30.0

_GUESSES = 3

_ALREADY = (FileState.OURS, FileState.ABSENT)

_LONGEST_WORDS = 300

_EXISTS = re.compile(r"already (?:exists|been taken|there)|overwrit|not allow updating", re.IGNORECASE)

_HTTP = re.compile(r"HTTPError: (\d{3}) .*? from (\S+)\s*(.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class UploadResult:
    """What is to be made of twine's end: whether the file was `taken` or is `refused` for good; else it may pass."""

    why: str
    taken: bool = False
    refused: bool = False
    guessed: bool = False


def send(action: Send, world: World) -> None:
    """Perform it. Raises Conflict, ActionFailed for what is refused for good, CannotTell after the deadline.

    What was checked before may have changed since: the bytes are looked at once more before each attempt.
    """
    end = world.clock.monotonic() + action.deadline
    said, guesses, not_before = None, 0, 0.0
    told: tuple[FileStatus, ...] = ()
    for pause in pauses():
        if all(each.state in _ALREADY for each in told) and world.clock.monotonic() >= not_before:
            left = max(end - world.clock.monotonic(), 1.0)
            verify_artifacts(action)
            run = dataclasses.replace(action.run, deadline=min(action.run.deadline, left))
            said = upload_result(world.processes.run(run), run.deadline)
            guesses += said.guessed
            not_before = world.clock.monotonic() + (_GRACE if said.taken else 0.0)
        told = world.index.file_statuses(action.project, action.files)
        object_to_others(told, action.index)
        if all(each.state is FileState.OURS for each in told):
            return
        assert said is not None
        if said.refused or guesses >= _GUESSES:
            raise ActionFailed(f"{action.index} does not take it: {said.why}", f"All of it: {action.run.log}")
        known = "; ".join(f"{each.name}: {each.why}" for each in told if each.state is not FileState.OURS)
        if world.clock.monotonic() + pause > end:
            raise Inconclusive(
                f"{action.index} does not have it after {action.deadline:g} s: {known}\nThe last attempt: {said.why}",
                "Run this again later: it goes on where it stands.",
            )
        world.tell(f"      … {known}; the last attempt: {said.why}; asking again in {pause:.0f} s")
        world.clock.sleep(pause)


def upload_result(ended: Completed, deadline: float) -> UploadResult:
    """What twine's end says of the upload. Whether the index has the file, only the index tells."""
    from omni_release.index import classify_status

    text = "\n".join(ended.tail)
    if ended.code == 0:
        return UploadResult("twine says that it was taken", taken=True)
    if ended.timed_out or ended.code < 0:
        return UploadResult(f"twine {ended.ended(deadline)}")
    if found := _HTTP.search(text):
        status, reason = int(found[1]), " ".join(found[3].split())
        standing, why = classify_status(status, reason)
        words = _words(text)
        why = f"{why} ({words})" if words and words not in why else why
        if status == 409 or (status in (400, 403) and _EXISTS.search(why)):
            # Perhaps an earlier attempt came through, and is only not listed yet.
            return UploadResult(f"it says that it has a file of this name: {why}", taken=True)
        if standing is FileState.ABSENT:  # said of the address: there is nothing to wait for
            why = f"{why}: are files sent to {found[2]}?"
        return UploadResult(why, refused=standing in (FileState.REFUSED, FileState.ABSENT) or 300 <= status < 400)
    last = next((line for line in reversed(ended.tail) if line.strip()), "it said nothing")
    if "RedirectDetected" in text or "InvalidDistribution" in text:
        return UploadResult(" ".join(text.split())[-500:], refused=True)
    return UploadResult(f"twine {ended.ended(deadline)}: {last}", guessed=not ended.network)


def _words(text: str) -> str:
    """What the body of the index's answer says, as twine shows it: without its tags, and not all of a long one."""
    shown = text.partition("Response from ")[2].partition("\n")[2].partition("HTTPError")[0]
    plain = re.sub(r"(?is)<(style|script|title)\b.*?</\1>|<[^>]*>", " ", re.sub(r"(?m)^\W*(?:INFO|ERROR)\b", "", shown))
    return html.unescape(" ".join(plain.split()))[:_LONGEST_WORDS].strip()


def verify_artifacts(action: Send) -> None:
    """Raises Conflict where a file is not the very bytes that were pinned."""
    for file in action.files:
        path = action.folder / file.name
        found = documents.sha256(path) if path.is_file() else "nothing"
        if found != file.sha256:
            raise Conflict(
                f"{path} has changed since it was built: sha256 {file.sha256} was pinned, {found} is there",
                "It was not sent. Rehearse again: omni-release rehearse",
            )
