"""Publish to an index: the confirmation by a person, and the upload by twine."""

from __future__ import annotations

import dataclasses
import getpass
import html
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, git, programs
from omni_release.core import documents
from omni_release.core.actions import Action, Confirm, Copy, Run, Send
from omni_release.core.cache import Inputs
from omni_release.core.errors import ActionFailed, Conflict, Inconclusive, UsageError
from omni_release.core.journal import RunFolder
from omni_release.core.model import REHEARSAL, Evidence, Release
from omni_release.core.runs import Request
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import Completed, Credentials, FileState, FileStatus, Journal, Processes, World
from omni_release.environments.inputs import of_distributions
from omni_release.index import classify_status, polling


@reports(
    Rule(
        "upload", RuleClass.RELEASE, "Upload fails", caused_by=("upload-rules/index-[a-z-]+", "twine-check/twine-check")
    )
)
@dataclass(frozen=True)
class Upload:
    """Distributions are uploaded

    The index lists every distribution of the run and serves its bytes; the wheels are uploaded first, a file at a time.

    Fix: run the same command again to upload the missing files; `logs/upload.log` has the whole output of twine.
    """

    together: bool = False  # one twine for all files: in a rehearsal a partial upload does no harm

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        artifacts = world.journal.artifacts()
        if not artifacts:
            raise Inconclusive("nothing to upload: the run has no distributions", "Run `omni-release build` first.")
        project = distributions.project_and_version(artifacts)[0]
        statuses = polling.file_statuses(world, project, artifacts)
        missing = {file.name for file in statuses if file.state is not FileState.OURS}
        access = world.index.access()
        if access.credentials is not Credentials.PRESENT:
            raise ActionFailed(f"no credentials to upload with: {access.why}")
        # Wheels first: with an sdist alone, everyone who installs in between would have to build it.
        files = sorted(
            (file for file in artifacts if file.name in missing), key=lambda file: not distributions.is_wheel(file.name)
        )
        publish, target = release.project.settings.publish, world.index.target
        options = ("--non-interactive", "--disable-progress-bar", "--verbose")
        twine = programs.module(sys.executable, "twine", "upload", *options)
        environment = programs.tool_env(world.environment, release.folder)
        for group in [files] if self.together else [[file] for file in files]:
            paths = (str(release.dist / file.name) for file in group)
            run = Run(
                (*twine, *access.arguments, "--repository-url", target.upload, *paths),
                cwd=release.folder,
                # A wide terminal: twine then prints each response on one line, which `upload_result` reads.
                environment={**environment, "COLUMNS": "500", **access.environment},
                secrets=access.secrets,
                log=release.logs / "upload.log",
                deadline=publish.attempt_timeout,
                network=True,
            )
            yield Send(project, release.dist, tuple(group), target.name, run, publish.upload_timeout)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        artifacts, index = world.journal.artifacts(), world.index.target
        if not artifacts:
            return None
        project, _ = distributions.project_and_version(artifacts)
        statuses = polling.file_statuses(world, project, artifacts)
        polling.raise_on_other_bytes(statuses, index.name)
        for file in statuses:
            if file.state is FileState.REFUSED:
                raise Inconclusive(
                    f"{index.name} refuses to show {file.name}: {file.why}",
                    "Check that the credentials are right and may read the project.",
                )
            if file.state is FileState.INCONCLUSIVE:
                raise Inconclusive(f"{index.name} gives no answer about {file.name}: {file.why}", "Try again later.")
        if any(file.state is not FileState.OURS for file in statuses):
            return None
        return {file.name: f"sha256 {file.sha256}" for file in artifacts} | {"index": index.simple}

    def inputs(self, release: Release, world: World) -> Inputs | None:
        return of_distributions(release, world) if self.together and release.target == REHEARSAL else None

    def made(self, release: Release, world: World) -> Mapping[str, Path]:
        return {name: release.folder / "index" / name for name in _OF_THE_INDEX}

    def put_back(self, release: Release, world: World, folder: Path) -> Iterable[Action]:
        for name in _OF_THE_INDEX:
            files = tuple(PurePosixPath(path.name) for path in sorted((folder / name).iterdir()))
            yield Copy(folder / name, release.folder / "index" / name, files)


_OF_THE_INDEX = ("files", "held")
"""What the index of a rehearsal has on the disk, see `local_index.store`: the bytes first, then that it has them."""


class ConfirmVersion:
    """Version is confirmed

    A person has typed the version that is published to this index, or has passed `--yes`.

    Fix: type the version exactly as shown, or pass `--yes` where no person is at a terminal.
    """

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        artifacts = world.journal.artifacts()
        if not artifacts:
            raise Inconclusive("nothing to publish: the run has no distributions", "Run `omni-release rehearse` first.")
        target = world.index.target
        _, version = distributions.project_and_version(artifacts)
        files = "\n".join(f"  {file.name}  {file.size} bytes  sha256 {file.sha256}" for file in artifacts)
        if distributions.is_sdist_only(release.dist):
            files += "\n  no wheel: every user compiles the sdist"
        index = target.name if target.name == target.upload else f"{target.name} ({target.upload})"
        question = (
            f"{release.project.name} {version} will be published to {index}. This cannot be undone:\n{files}\n"
            f"Type the version to publish it: "
        )
        yield Confirm(question, version, target.upload, user_name(release.project.root, world.processes))

    def check_done(self, release: Release, world: World) -> Evidence | None:
        address = world.index.target.upload
        return {"may go to": address} if world.journal.confirmed(address) else None


def user_name(root: Path, processes: Processes) -> str:
    """Git's user name, else the name of the account."""
    if name := git.user_name(root, processes):
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, for example in a container
        return "unknown user"


def require_confirmation(request: Request, run: RunFolder | None) -> None:
    """Raise UsageError where the version could not be confirmed later: no terminal, no `--yes`, not confirmed yet."""
    assert request.destination is not None
    screen = sys.stdout if request.format == "text" else sys.stderr
    confirmed = run is not None and run.confirmed(request.destination.upload)
    if not (request.yes or request.dry or confirmed or (sys.stdin.isatty() and screen.isatty())):
        raise UsageError(
            "a release must be confirmed, and there is no terminal to type the version at",
            "Pass --yes to publish without a confirmation, for example in CI.",
        )


def confirm(action: Confirm, world: World) -> None:
    """Have a person type the version. Raises ActionFailed for any other input, and where nothing can be typed."""
    typed = world.person.prompt(action.word, action.question)
    require_word(typed, action.word)
    how = "--yes" if world.person.preapproved else "typed"
    record_confirmation(world.journal, action.address, action.who, how)


def require_word(typed: str | None, word: str) -> None:
    """Raise ActionFailed where a person has typed another word, or nothing could be typed."""
    if typed is None:
        raise ActionFailed("there is no terminal to type at", "Pass --yes to publish without a terminal.")
    if typed.strip() != word:
        raise ActionFailed(f"{typed.strip()!r} was typed instead of {word!r}: nothing was published")


def record_confirmation(journal: Journal, address: str, who: str, how: str) -> None:
    """Note that the distributions of a run may be uploaded to this address; `how` they were confirmed."""
    artifacts = ",".join(artifact.sha256 for artifact in journal.artifacts())
    journal.record("confirmed", address=address, artifacts=artifacts, who=who, how=how)


_UNLISTED_SECONDS = 30.0
"""How long an accepted file may be missing from the listing before it is sent again."""

_MOST_UNEXPLAINED = 3
"""Failures of twine for no known reason after which the upload stops."""

_CONCLUSIVE = (FileState.OURS, FileState.ABSENT)
_LONGEST_BODY = 300
_OF_THIS_MACHINE = re.compile(r"\[Errno \d+\]|MemoryError|No space left on device|Read-only file system")
_EXISTS = re.compile(r"already (?:exists|been taken|there)|overwrit|not allow updating", re.IGNORECASE)
_HTTP = re.compile(r"HTTPError: (\d{3}) .*? from (\S+)\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class UploadResult:
    """How one call of twine ended: `accepted`, `refused` for good, or a failure that may pass.

    `unexplained` is a failure that neither the index nor the network accounts for.
    """

    why: str
    accepted: bool = False
    refused: bool = False
    unexplained: bool = False


def send(action: Send, world: World) -> None:
    """Upload the files until the index has them, with growing pauses.

    Raises Conflict where a file has changed since the build, or the index has other bytes; ActionFailed where the index
    refuses for good; Inconclusive after the deadline.
    """
    end = world.clock.monotonic() + action.deadline
    result, unexplained, not_before = UploadResult(""), 0, 0.0
    statuses: tuple[FileStatus, ...] = ()

    def attempt() -> tuple[FileStatus, ...]:
        nonlocal result, unexplained, not_before, statuses
        # Nothing is sent while it is unknown what the index has, or while an accepted file may not be listed yet.
        if all(file.state in _CONCLUSIVE for file in statuses) and world.clock.monotonic() >= not_before:
            raise_on_changed_files(action)
            left = max(end - world.clock.monotonic(), 1.0)
            run = dataclasses.replace(action.run, deadline=min(action.run.deadline, left))
            result = upload_result(world.processes.run(run), run.deadline)
            unexplained += result.unexplained
            not_before = world.clock.monotonic() + (_UNLISTED_SECONDS if result.accepted else 0.0)
        statuses = world.index.file_statuses(action.project, action.files)
        polling.raise_on_other_bytes(statuses, action.index)
        if polling.describe_missing(statuses) and (result.refused or unexplained >= _MOST_UNEXPLAINED):
            if _OF_THIS_MACHINE.search(result.why):
                hint = f"Correct it, then run the same command again. Full output: {action.run.log}"
                raise Inconclusive(result.why, hint)
            raise ActionFailed(f"{action.index} refuses the upload: {result.why}", f"Full output: {action.run.log}")
        return statuses

    def pending(statuses: Sequence[FileStatus]) -> str:
        missing = polling.describe_missing(statuses)
        return f"{missing}; last attempt: {result.why}" if missing else ""

    last = polling.poll(world, attempt, pending, timeout=action.deadline)
    if missing := polling.describe_missing(last):
        raise Inconclusive(
            f"{polling.describe_lack(action.index, last, 'have all files')} after {action.deadline:g} s: {missing}\n"
            f"Last attempt: {result.why}",
            "Run the same command again later: it uploads what is missing.",
        )


def raise_on_changed_files(action: Send) -> None:
    """Raise Conflict where a file is not the one that was built: it may have changed since the rehearsal."""
    for file in action.files:
        path = action.folder / file.name
        actual = f"sha256 {documents.sha256(path)}" if path.is_file() else "no file"
        if actual != f"sha256 {file.sha256}":
            raise Conflict(
                f"{path} has changed since it was built: expected sha256 {file.sha256}, found {actual}",
                "It was not uploaded. Rehearse again: omni-release rehearse",
            )


def upload_result(completed: Completed, deadline: float) -> UploadResult:
    """What twine's exit says about the upload. Whether the index has the file, only the index's listing shows."""
    output = "\n".join(completed.tail)
    if completed.code == 0:
        return UploadResult("twine reports success", accepted=True)
    if completed.timed_out or completed.code < 0:
        return UploadResult(f"twine {completed.ended(deadline)}")
    if response := _HTTP.search(output):
        return _http_result(int(response[1]), " ".join(response[3].split()), response[2], output)
    if "RedirectDetected" in output or "InvalidDistribution" in output:
        return UploadResult(" ".join(output.split())[-500:], refused=True)
    last = next((line for line in reversed(completed.tail) if line.strip()), "no output")
    return UploadResult(f"twine {completed.ended(deadline)}: {last}", unexplained=not completed.network)


def _http_result(status: int, reason: str, url: str, output: str) -> UploadResult:
    """What an HTTP error says about the upload, with the text of the response's body as twine prints it."""
    state, why = classify_status(status, reason)
    printed = output.partition("Response from ")[2].partition("\n")[2].partition("HTTPError")[0]
    printed = re.sub(r"(?m)^\W*(?:INFO|ERROR)\b", "", printed)
    plain = re.sub(r"(?is)<(style|script|title)\b.*?</\1>|<[^>]*>", " ", printed)
    body = html.unescape(" ".join(plain.split()))[:_LONGEST_BODY].strip()
    if body and body not in why:
        why = f"{why} ({body})"
    if status == 409 or (status in (400, 403) and _EXISTS.search(why)):
        # An earlier attempt may have succeeded without being listed yet.
        return UploadResult(f"the index already has a file with this name: {why}", accepted=True)
    if state is FileState.ABSENT:  # about the address: waiting does not help
        return UploadResult(f"{why}: check that {url} is the address for uploads", refused=True)
    return UploadResult(why, refused=state is FileState.REFUSED or 300 <= status < 400)
