"""The upload rules of PyPI, in its order.

They use the libraries that PyPI uses (packaging, trove-classifiers, readme-renderer). The wording is ours, except for
the openings that clients match on: `The use of local versions in`, `File already exists`, `This filename was
previously used`, `Only one sdist may be uploaded per release.`, `File too large`.
"""

from __future__ import annotations

import hmac
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from omni_release.distributions import same_version
from omni_release.local_index import MIB, UploadContext, distribution_rules, metadata_rules
from omni_release.local_index.distribution_rules import Reasons
from omni_release.local_index.store import CLOSED


@dataclass(frozen=True)
class UploadRule:
    """A rule. `row` is its row in the table of docs/rehearsal-index.md, `status` the HTTP status of a refusal.

    The status 200 ends the upload without anything being stored: the file is on the index already.
    """

    id: str
    row: int
    status: int


RULES = (
    *(UploadRule(id, 2, 403) for id in ("credentials", "token-scope", "address-verified", "second-factor")),
    *(UploadRule(id, 3, 403) for id in ("read-only", "uploads-disabled")),
    *(UploadRule(id, 4, 400) for id in ("protocol-version", "file-in-payload", "file-name-characters")),
    *(UploadRule(id, 5, 400) for id in ("core-metadata", "classifiers", "summary-length")),
    *(UploadRule(id, 5, 400) for id in ("requirement-url", "keywords", "metadata-version")),
    *(UploadRule(id, 5, 400) for id in ("email-address", "links", "license-fields")),
    UploadRule("local-version", 6, 400),
    *(UploadRule(id, 7, 400) for id in ("name-prohibited", "name-look-alike")),
    UploadRule("too-many-projects", 7, 429),
    UploadRule("project-status", 7, 403),
    UploadRule("description-renders", 8, 400),
    *(UploadRule(id, 9, 400) for id in ("file-extension", "file-name-length")),
    *(UploadRule(id, 10, 400) for id in ("file-size", "project-size")),
    UploadRule("digests", 11, 400),
    UploadRule("same-file-again", 12, 200),
    UploadRule("file-exists", 13, 400),
    UploadRule("file-name-used", 14, 400),
    UploadRule("release-age", 15, 400),
    UploadRule("one-sdist", 16, 400),
    UploadRule("archive", 17, 400),
    *(UploadRule(id, 18, 400) for id in ("sdist-name", "sdist-pkg-info", "sdist-license-files")),
    *(UploadRule(id, 19, 400) for id in ("wheel-name", "wheel-platform", "wheel-metadata")),
    *(
        UploadRule(id, 19, 400)
        for id in ("wheel-record", "wheel-record-differs", "wheel-license-files", "wheel-entry-points")
    ),
    UploadRule("attestations", 20, 400),
)
"""In PyPI's order. Row 1 (`/legacy` without its slash) is part of the server."""


@dataclass(frozen=True)
class Refusal:
    """Why an index refuses an upload. `reason` is one line."""

    rule: str
    status: int
    reason: str


def first_refusal(context: UploadContext) -> Refusal | None:
    """The refusal that PyPI would send; None where it takes the file."""
    return next(refusals(context), None)


def refusals(context: UploadContext) -> Iterator[Refusal]:
    """All refusals, in the order in which PyPI would send them, one upload after the other."""
    statuses = {rule.id: rule.status for rule in RULES}
    for check in _CHECKS:
        for rule, reason in check(context):
            yield Refusal(rule, statuses[rule], " ".join(reason.split()))


def _account(context: UploadContext) -> Reasons:
    from packaging.utils import canonicalize_name

    account, name = context.upload.account, context.upload.name
    if account is None:
        yield "credentials", "Invalid or missing authentication information."
        return
    if account.project and name and canonicalize_name(name) != account.project:
        yield "token-scope", f"This token is for another project, not for {name!r}."
    if not account.verified:
        yield "address-verified", "The account has no verified primary address: verify one before you upload."
    if not account.second_factor:
        yield "second-factor", "The account has no second factor: enable one before you upload."


def _index_open(context: UploadContext) -> Reasons:
    if context.policy.read_only:
        yield "read-only", "The index is in read-only mode: try again later."
    if context.policy.uploads_disabled:
        yield "uploads-disabled", "New uploads are temporarily disabled."


def _payload(context: UploadContext) -> Reasons:
    upload, name = context.upload, context.upload.filename or ""
    if upload.protocol != "1":
        yield "protocol-version", f"Unknown protocol version {upload.protocol!r}."
    if not name:
        yield "file-in-payload", "The upload has no file in it."
    if "/" in name or "\\" in name:
        yield "file-name-characters", "A file's name cannot have '/' or '\\' in it."
    elif not name.isprintable():
        yield "file-name-characters", f"A file's name cannot have non-printable characters in it: {name!a}."


def _local_version(context: UploadContext) -> Reasons:
    from packaging.version import InvalidVersion, Version

    try:
        local = Version(context.upload.version).local
    except InvalidVersion:
        return  # reported as invalid metadata
    if local:
        yield "local-version", f"The use of local versions in {context.upload.version!r} is not allowed."


def _project_name(context: UploadContext) -> Reasons:
    from packaging.utils import canonicalize_name

    name, policy = context.upload.name, context.policy
    forbidden = {canonicalize_name(module) for module in sys.stdlib_module_names} | policy.prohibited
    if canonicalize_name(name) in forbidden:
        yield "name-prohibited", f"The name {name!r} is not allowed: prohibited, or a module of the standard library."
    for taken in sorted(policy.taken):
        if _ultranormalized(taken) == _ultranormalized(name):
            yield "name-look-alike", f"The name {name!r} is too similar to the existing project {taken!r}."
    if policy.new_projects == 0 and not context.files:
        yield "too-many-projects", "This account has created too many new projects."
    if policy.status.name in CLOSED:  # PyPI leaves it to the permissions, so that the answer names no status
        yield "project-status", f"The project {name!r} takes no uploads: it is {policy.status.name}."


def _ultranormalized(name: str) -> str:
    """A name as PyPI compares it: characters that look alike are the same."""
    return re.sub(r"[-_.]", "", name.lower()).translate(str.maketrans("o0il1", "00111"))


_LONGEST_NAME = 255  # bytes: what a file system stores, with room for the suffix `.metadata`
_SUFFIX = len(".metadata")


def _file_name(context: UploadContext) -> Reasons:
    name, filetype = context.upload.filename or "", context.upload.filetype
    suffixes = {"sdist": (".tar.gz", ".zip"), "bdist_wheel": (".whl",)}
    if not name.endswith((".tar.gz", ".zip", ".whl")):
        yield "file-extension", f"Invalid file extension in {name!r}: use .tar.gz, .whl or .zip."
    elif filetype not in suffixes:
        yield "file-extension", f"Unknown type of file {filetype!r}."
    elif not name.endswith(suffixes[filetype]):
        yield "file-extension", f"Invalid file extension in {name!r} for the file type {filetype}."
    length, limit = len(name.encode("utf-8", "surrogateescape")), _LONGEST_NAME - _SUFFIX
    if length > limit:
        yield "file-name-length", f"The file's name is too long to store: {length} bytes, the limit is {limit}."


def _size(context: UploadContext) -> Reasons:
    size, policy = context.upload.size, context.policy
    if size > policy.file_limit:
        yield "file-size", f"File too large: the limit for a file is {policy.file_limit / MIB:g} MiB."
    if sum(file.size for file in context.files) + size > policy.project_limit:
        limit = policy.project_limit / MIB
        yield "project-size", f"Project size too large: the limit for a project is {limit:g} MiB."


def _digests(context: UploadContext) -> Reasons:
    stated, actual = context.upload.stated, context.upload.digests
    pairs = (("md5", stated.md5, actual.md5), ("sha256", stated.sha256, actual.sha256))
    given = [pair for pair in (*pairs, ("blake2_256", stated.blake2_256, actual.blake2_256)) if pair[1]]
    if not given:
        yield "digests", "The upload must state at least one digest of the file."
    for name, digest, expected in given:
        if not hmac.compare_digest((digest or "").lower().encode(), (expected or "").encode()):
            yield "digests", f"The {name} digest stated is not the one of the file."


def _existing_files(context: UploadContext) -> Reasons:
    upload = context.upload
    named = next((file for file in context.files if file.name == upload.filename), None)
    if named is not None and named.digests == upload.digests:
        yield "same-file-again", "OK (the same file was there already)"
    for file in context.files:
        same = file.digests == upload.digests
        if file.name == upload.filename and not same:
            yield "file-exists", f"File already exists ({file.name!r}, with other bytes). Raise the version."
        elif file.name != upload.filename and same:
            yield "file-exists", f"File already exists (the same bytes, under the name {file.name!r})."
    if upload.filename in context.deleted:
        reason = "This filename was previously used by a file that has since been deleted. Raise the version."
        yield "file-name-used", reason


def _existing_release(context: UploadContext) -> Reasons:
    upload, policy = context.upload, context.policy
    files = [file for file in context.files if same_version(file.version, upload.version)]
    if files and context.now - min(file.uploaded for file in files) > policy.release_age:
        days = policy.release_age.days
        yield "release-age", f"The release {upload.version} is older than {days} days: it takes no more files."
    if upload.filetype == "sdist":
        for file in files:
            if file.filetype == "sdist" and file.name != upload.filename:
                yield "one-sdist", f"Only one sdist may be uploaded per release. There is {file.name!r}."


def _attestations(context: UploadContext) -> Reasons:
    if context.upload.attestations:
        yield "attestations", "Attestations are taken from trusted publishing only, and not with a token."


_CHECKS = (
    *(_account, _index_open, _payload, metadata_rules.fields, _local_version, _project_name),
    *(metadata_rules.description, _file_name, _size, _digests, _existing_files, _existing_release),
    *(distribution_rules.archive, distribution_rules.sdist, distribution_rules.wheel, _attestations),
)
