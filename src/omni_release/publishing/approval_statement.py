"""What is approved, as the text that an approver signs; and approvals: the text with its SSH signature."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omni_release import distributions
from omni_release.core.errors import UsageError
from omni_release.core.model import Artifact

NAMESPACE = "omni-release-approval"
"""The namespace of the signatures (`ssh-keygen -n`): a signature for git or for a file of mail approves nothing."""

MOST = 1_000_000
"""Bytes of approvals that are read from one place."""

_FIRST = "omni-release approval 1"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_FIELDS = {
    "project": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*"),
    "version": re.compile(r"[a-z0-9]+(?:[.!+][a-z0-9]+)*"),
    "commit": re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"),
    "hash": re.compile(r"[0-9a-f]{64}"),
    "name": re.compile(r"[A-Za-z0-9][\w.+!-]*", re.ASCII),
}


@dataclass(frozen=True)
class Statement:
    """A project, one version and commit of it, and its files: pairs of sha256 and name, sorted.

    Its `text` is canonical: no field has a blank or a line break, so that one text states one thing alone. Raises
    ValueError for a field that has.
    """

    project: str
    version: str
    commit: str
    files: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        fields = [("project", self.project), ("version", self.version), ("commit", self.commit)]
        fields += [pair for sha256, name in self.files for pair in (("hash", sha256), ("name", name))]
        for field, value in fields:
            if not _FIELDS[field].fullmatch(value):
                raise ValueError(f"{value!r} is no {field} that can be approved")
        if not self.files or sorted(self.files) != list(self.files):
            raise ValueError("the files are not sorted, or there is none")

    @property
    def text(self) -> str:
        """What is signed."""
        lines = [_FIRST, f"project {self.project}", f"version {self.version}", f"commit {self.commit}"]
        return "\n".join((*lines, *(f"sha256 {sha256} {name}" for sha256, name in self.files), ""))

    def difference(self, text: str) -> str:
        """In what another statement differs from this one, to follow `it is `; empty where it is the same."""
        if text == self.text:
            return ""
        other = parse(text)
        if other is None:
            return "for no release: its statement is malformed"
        for field in ("project", "version", "commit"):
            theirs, own = getattr(other, field), getattr(self, field)
            if theirs != own:
                return f"for {field} {theirs}, and this is {own}"
        hashes = {name: sha256 for sha256, name in self.files}
        changed = [name for sha256, name in other.files if hashes.get(name, sha256) != sha256]
        if changed:
            return f"for other bytes of {', '.join(changed)}"
        return f"for other files: {', '.join(name for _, name in other.files)}"


def of_run(artifacts: Sequence[Artifact], commit: str | None) -> Statement:
    """The statement about the files of a run. Raises UsageError where they cannot be approved."""
    from packaging.utils import canonicalize_name

    if not artifacts:
        raise UsageError("this run has no distributions to approve", "Run `omni-release rehearse` first.")
    if commit is None:
        hint = "Commit the project, then rehearse it again."
        raise UsageError("this run was not built from a commit, so there is nothing that an approval is bound to", hint)
    project, version = distributions.project_and_version(artifacts)
    files = tuple(sorted((artifact.sha256, artifact.name) for artifact in artifacts))
    try:
        return Statement(str(canonicalize_name(project)), version, commit, files)
    except ValueError as error:
        raise UsageError(f"this run cannot be approved: {error}", "Build it again with another name.") from None


def parse(text: str) -> Statement | None:
    """The statement of a canonical text; None for any other text."""
    lines = [line.split(" ") for line in text.split("\n")]
    try:
        (first, (_, project), (_, version), (_, commit), *files, _) = lines
        found = Statement(project, version, commit, tuple((sha256, name) for _, sha256, name in files))
    except ValueError:
        return None
    return found if " ".join(first) == _FIRST and found.text == text else None


def is_of_other(text: str, statement: Statement) -> bool:
    """Whether a text is the statement about another project, such as another package of a workspace."""
    other = parse(text)
    return other is not None and other.project != statement.project


@dataclass(frozen=True)
class Signature:
    """An SSH signature (PROTOCOL.sshsig of OpenSSH): its text, and what it states of its key and its namespace."""

    text: str
    key: bytes
    namespace: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its key, as OpenSSH shows it."""
        return fingerprint(self.key)


def fingerprint(key: bytes) -> str:
    """The fingerprint of a public key, as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Approval:
    """A statement with a signature. `origin` is where it was found; with a `problem` it cannot be read."""

    origin: str
    statement: str = ""
    signature: Signature | None = None
    problem: str = ""


def written(statement: Statement, signature: str) -> str:
    """The text of an approval; `signature` is what ssh-keygen prints."""
    return f"{statement.text}{signature.strip()}\n"


def read(content: str, origin: str) -> Iterator[Approval]:
    """The approvals in a text, one after the other; what is none of them has a problem."""
    text = content.replace("\r\n", "\n")
    if len(text) > MOST or not text.isascii() or re.search(r"[^\n -~]", text):
        yield Approval(origin, problem="it is too large, or has characters that no approval has")
        return
    before, *blocks = f"{text}\n".split(f"{_BEGIN}\n")
    for block in blocks:
        body, end, after = block.partition(f"{_END}\n")
        statement = before.strip("\n")
        before = after
        if not statement:
            yield Approval(origin, problem="a signature has no statement before it")
            continue
        try:
            signature = _signature(body, whole=bool(end))
        except ValueError as error:
            yield Approval(origin, problem=f"its signature cannot be read: {error}")
            continue
        yield Approval(origin, f"{statement}\n", signature)
    if before.strip() or not blocks:
        yield Approval(origin, problem="it has a text without a signature" if text.strip() else "it is empty")


def _signature(body: str, *, whole: bool) -> Signature:
    """A signature from the lines between its first and its last one. Raises ValueError where it is none."""
    if not whole:
        raise ValueError("its end is missing")
    blob = base64.b64decode("".join(body.split("\n")), validate=True)
    if blob[:10] != b"SSHSIG\0\0\0\1":
        raise ValueError("it is no SSH signature of version 1")
    fields, at = [], 10
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "big")
        fields.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(blob) or len(fields) != 5:
        raise ValueError("it was cut short, or has more than a signature")
    return Signature(f"{_BEGIN}\n{body}{_END}\n", fields[0], fields[1].decode("ascii"))
