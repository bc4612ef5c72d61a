"""Approvals of a run: where they are found, which of them count, and who has still to approve.

An approval is outside of the commit that it approves: in a run folder, in the notes of git (`refs/notes/omni-release`),
or in a file that was handed over. Reviewers of a GitHub environment count where GitHub's API names them.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import git, programs
from omni_release.core.actions import Write
from omni_release.core.errors import Inconclusive, ToolUnavailable, UsageError, describe_os_error
from omni_release.core.journal import RUN_NAME
from omni_release.core.world import Files, Processes, ToolAnswer
from omni_release.git import ReleaseRepository
from omni_release.publishing import approval_statement, reviewers
from omni_release.publishing.approval_statement import NAMESPACE, Approval, Signature, Statement
from omni_release.publishing.approvers import ApprovalRule, Signer

FOLDER = "approvals"
"""The folder in a run folder with the approvals of its files."""

NOTES = "refs/notes/omni-release"
"""The notes of git that may have approvals, at the commit that is approved."""

_NO_SSH = "Install OpenSSH 8.2 or later; `ssh-keygen` must be on the PATH."
_OTHER_RUN = "run "


@dataclass(frozen=True)
class Context:
    """Where approvals are looked for and verified: programs, the variables of this process, and a run folder."""

    repository: ReleaseRepository
    processes: Processes
    environment: Mapping[str, str]
    run: Path
    handed: Sequence[Path] = ()


@dataclass(frozen=True)
class Tally:
    """The approvals of a statement: who has approved, and how; why others do not count.

    `unknown` says why it is not known whether reviewers on GitHub have approved; empty where it is known.
    """

    rule: ApprovalRule
    approved: Mapping[str, str]
    refused: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def missing(self) -> int:
        """How many people have still to approve."""
        return max(self.rule.needed - len(self.approved), 0)

    @property
    def others(self) -> tuple[str, ...]:
        """Who can still approve."""
        return tuple(name for name in self.rule.approvers.people if name not in self.approved)


def tally(statement: Statement, rule: ApprovalRule, context: Context) -> Tally:
    """Who has approved. GitHub is asked only where signatures are not enough.

    Raises ToolUnavailable where there is something to verify, and ssh-keygen does not.
    """
    approved: dict[str, str] = {}
    refused = [f"{rule.origin}: {problem}" for problem in rule.approvers.problems]
    of_others: list[str] = []
    seen: dict[str, set[str]] = {}  # where each signature was found
    for approval in found(context):
        if not approval.problem and (difference := statement.difference(approval.statement)):
            if not approval.origin.startswith(_OTHER_RUN):  # that has approvals of other files
                apart = of_others if approval_statement.is_of_other(approval.statement, statement) else refused
                apart.append(f"{approval.origin}: it is {difference}")
            continue
        text = approval.signature.text if approval.signature else ""
        places = seen.setdefault(text, set())
        if text and approval.origin in places:
            refused.append(f"{approval.origin}: the same signature is there twice")
        elif not text or not places:  # else it is kept in several places
            _count(approval, statement, rule, context, approved, refused)
        places.add(approval.origin)
    if len(approved) < rule.needed:  # the note of a commit may have those of other packages of a workspace
        refused += of_others
    unknown, outer = "", context.environment
    if len(approved) < rule.needed and rule.environment and outer.get("GITHUB_ACTIONS") == "true":
        try:
            logins = reviewers.who_approved(rule.environment, statement.commit, context.run, context.processes, outer)
        except Inconclusive as error:
            unknown = error.full_message
        else:
            reviewers.count(logins, rule, approved, refused)
    in_order = {person: approved[person] for person in rule.approvers.people if person in approved}
    return Tally(rule, in_order, tuple(refused), unknown)


def _count(
    approval: Approval,
    statement: Statement,
    rule: ApprovalRule,
    context: Context,
    approved: dict[str, str],
    refused: list[str],
) -> None:
    """Add the person of an approval to those who have approved, or why it does not count to what is refused."""
    if approval.signature is None:
        refused.append(f"{approval.origin}: {approval.problem}")
        return
    signer = verified(approval, statement, rule, context)
    if isinstance(signer, str):
        refused.append(f"{approval.origin}: {signer}")
        return
    person = rule.approvers.person(signer)
    if person in approved:
        refused.append(f"{approval.origin}: {person} has approved already, with {approved[person]}")
    else:
        approved[person] = f"the key {approval.signature.fingerprint}, in {approval.origin}"


def found(context: Context) -> Iterator[Approval]:
    """All approvals: in the files that were handed over, in the run folder, in other runs, and in git's notes."""
    for path in context.handed:
        yield from _in_file(path, f"the file {path}")
    runs = context.run.parent
    others = sorted(runs.iterdir()) if RUN_NAME.fullmatch(context.run.name) and runs.is_dir() else []
    for run in (context.run, *(path for path in others if RUN_NAME.fullmatch(path.name) and path != context.run)):
        for path in sorted((run / FOLDER).glob("*.approval")):
            origin = f"the run's {FOLDER}/{path.name}" if run == context.run else f"{_OTHER_RUN}{run.name}"
            yield from _in_file(path, origin)
    if note := _note(context.repository):
        yield from approval_statement.read(note, NOTES)


def _in_file(path: Path, origin: str) -> Iterator[Approval]:
    try:
        with path.open("rb") as file:
            content = file.read(approval_statement.MOST + 1)
    except OSError as error:
        yield Approval(origin, problem=f"it cannot be read: {describe_os_error(error)}")
        return
    yield from approval_statement.read(content.decode("latin-1"), origin)


def _note(repository: ReleaseRepository) -> str:
    """The note of the released commit; empty without one."""
    blob = repository.line("notes", f"--ref={NOTES}", "list", repository.commit)
    return repository.ask("cat-file", "blob", blob).out if blob else ""


def verified(approval: Approval, statement: Statement, rule: ApprovalRule, context: Context) -> Signer | str:
    """The line of the list that an approval is of; or why it does not count."""
    signature = approval.signature
    assert signature is not None
    if signature.namespace != NAMESPACE:
        return f"it was signed for {signature.namespace!r}, not for {NAMESPACE!r}"
    key = signature.fingerprint
    lines = rule.approvers.with_key(signature.key)
    if not lines:
        return f"its key {key} is not in {rule.origin}"
    still = lines if rule.still is None else rule.still.with_key(signature.key)
    if not still:
        return f"its key {key} is no longer in {rule.path} at the released commit"
    signer = _verified_by(lines, signature, statement, context)
    if isinstance(signer, Signer) and signer not in still:  # a period may have been added
        last = _verified_by(still, signature, statement, context)
        signer = signer if isinstance(last, Signer) else last
    return signer if isinstance(signer, Signer) else f"the signature of {key} is not valid: {signer}"


def _verified_by(lines: Sequence[Signer], signature: Signature, statement: Statement, context: Context) -> Signer | str:
    """The first of these lines by which ssh-keygen verifies a signature; or what it says."""
    why = ""
    for signer in lines:
        with tempfile.TemporaryDirectory(prefix="omni-release-") as folder:
            listed, signed = Path(folder, "allowed_signers"), Path(folder, "signature")
            listed.write_text(signer.line(), encoding="utf-8", newline="\n")
            signed.write_text(signature.text, encoding="ascii", newline="\n")
            options = ("-f", str(listed), "-I", signer.names[0], "-n", NAMESPACE, "-s", str(signed))
            answer = ssh_keygen(context, "-Y", "verify", *options, stdin=statement.text.encode("ascii"))
            if answer.code == 0 and f'Good "{NAMESPACE}" signature for {signer.names[0]} ' in answer.out:
                return signer
            said = answer.err.replace(f"{listed}:1: ", "").strip().splitlines() or ["ssh-keygen does not say why"]
            why = why or said[0]
    return why


def ssh_keygen(context: Context, *arguments: str, stdin: bytes = b"") -> ToolAnswer:
    """Run ssh-keygen. Raises ToolUnavailable where it is missing, too old, or crashes."""
    environment = dict(context.environment) | {"LC_ALL": "C"}
    given = programs.git_env(environment)
    cwd = context.repository.root
    answer = context.processes.ask("ssh-keygen", *arguments, cwd=cwd, environment=given, deadline=120.0, stdin=stdin)
    if answer is None:
        raise ToolUnavailable("ssh-keygen is not installed, which verifies approvals", _NO_SSH)
    if answer.code < 0 or re.search(r"(?:unknown|illegal|invalid) option|Unsupported operation", answer.err):
        raise ToolUnavailable(f"ssh-keygen ended without a result:\n{answer.err[:500]}", _NO_SSH)
    return answer


def sign(statement: Statement, key: str, context: Context) -> str:
    """The text of an approval, signed with the key in this file. Raises UsageError where it cannot be used."""
    stdin = statement.text.encode("ascii")
    answer = ssh_keygen(context, "-Y", "sign", "-f", key, "-n", NAMESPACE, stdin=stdin)
    text = approval_statement.written(statement, answer.out)
    signed = list(approval_statement.read(text, key))
    if answer.code != 0 or len(signed) != 1 or signed[0].signature is None:
        lines = [line for line in answer.err.splitlines() if line and not line.startswith("Signing data")]
        hint = "Name the file of the key: --key ~/.ssh/id_ed25519. One with a passphrase: run `ssh-add KEY` first."
        raise UsageError(f"ssh-keygen does not sign with {key}: {' '.join(lines)[-300:]}", hint)
    return text


def keep(text: str, run: Path, files: Files) -> Path:
    """Write an approval into a run folder; its file."""
    content = text.encode("ascii")
    path = run / FOLDER / f"{hashlib.sha256(content).hexdigest()[:16]}.approval"
    files.write(Write(path, content))
    return path


def keep_handed(handed: Iterable[Path], run: Path, files: Files) -> None:
    """Copy the approvals that were handed over into a run folder: the same run is then resumed without them."""
    for path in handed:
        for approval in _in_file(path, ""):
            if approval.signature:
                keep(f"{approval.statement}{approval.signature.text}", run, files)


def require_appendable(path: Path) -> str:
    """What a file of approvals has so far; empty without one. Raises UsageError for a file of something else."""
    there = path.read_text(encoding="latin-1") if path.is_file() else ""
    problems = there.strip() and any(approval.problem for approval in approval_statement.read(there, ""))
    if problems or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} is no file of approvals", "Name a new file with --to.")
    return there.strip() and there


def append_file(text: str, path: Path, files: Files) -> None:
    """Append an approval to a file of approvals. Raises UsageError for a file of something else."""
    there = require_appendable(path)
    if text not in there:
        before = f"{there.rstrip()}\n" if there else ""
        files.write(Write(path, f"{before}{text}".encode("ascii")))


def append_note(text: str, repository: ReleaseRepository) -> None:
    """Append an approval to the note of its commit. Raises UsageError where git refuses it."""
    with tempfile.TemporaryDirectory(prefix="omni-release-") as folder:
        path = Path(folder, "approval")
        path.write_text(text, encoding="ascii", newline="\n")
        answer = repository.ask("notes", f"--ref={NOTES}", "append", f"--file={path}", repository.commit)
    if answer.code != 0:
        hint = "Use --to FILE, and hand the file over with --approval FILE."
        raise UsageError(f"git does not write to {NOTES}:\n{git.excerpt(answer.err)}", hint)
