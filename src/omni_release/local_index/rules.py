"""What PyPI refuses at an upload, in its order: each rule a small function that says why not, or nothing.

The judges are the ones that PyPI itself uses (packaging, trove-classifiers, readme-renderer). The wording is ours,
except for the openings that clients match on: `The use of local versions in`, `File already exists`,
`This filename was previously used`, `Only one sdist may be uploaded per release.`, `File too large`.
"""

from __future__ import annotations

import hmac
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from omni_release.distributions import same_version
from omni_release.local_index import MIB, Case, distribution_rules, metadata_rules


@dataclass(frozen=True)
class Rule:
    """`row` is the row of the table in docs/index.md; `judge` yields a reason for each thing that is wrong.

    The status 200 ends the judging without anything being written: the file is there already.
    """

    id: str
    row: int
    status: int
    judge: Callable[[Case], Iterator[str]]


@dataclass(frozen=True)
class Refusal:
    """What a rule said. `reason` is one line."""

    rule: str
    status: int
    reason: str


def judged(case: Case) -> Refusal | None:
    """What PyPI would say first; None where it takes the file."""
    return next(everything(case), None)


def everything(case: Case) -> Iterator[Refusal]:
    """All that PyPI would say, one upload after the other, in its order."""
    for rule in RULES:
        for reason in rule.judge(case):
            yield Refusal(rule.id, rule.status, " ".join(reason.split()))


def _credentials(case: Case) -> Iterator[str]:
    if case.submission.account is None:
        yield "Invalid or missing authentication information."


def _token_scope(case: Case) -> Iterator[str]:
    from packaging.utils import canonicalize_name

    account, name = case.submission.account, case.submission.name
    if account and account.project and name and canonicalize_name(name) != account.project:
        yield f"This token is for another project, not for {name!r}."


def _address(case: Case) -> Iterator[str]:
    if case.submission.account and not case.submission.account.verified:
        yield "The account has no verified primary address: verify one before you upload."


def _second_factor(case: Case) -> Iterator[str]:
    if case.submission.account and not case.submission.account.second_factor:
        yield "The account has no second factor: enable one before you upload."


def _read_only(case: Case) -> Iterator[str]:
    if case.policy.read_only:
        yield "The index is in read-only mode: try again later."


def _uploads_disabled(case: Case) -> Iterator[str]:
    if case.policy.uploads_disabled:
        yield "New uploads are temporarily disabled."


def _protocol(case: Case) -> Iterator[str]:
    if case.submission.protocol != "1":
        yield f"Unknown protocol version {case.submission.protocol!r}."


def _no_file(case: Case) -> Iterator[str]:
    if not case.submission.filename:
        yield "The upload has no file in it."


def _file_name(case: Case) -> Iterator[str]:
    name = case.submission.filename or ""
    if "/" in name or "\\" in name:
        yield "A file's name cannot have '/' or '\\' in it."
    elif not name.isprintable():
        yield f"A file's name cannot have non-printable characters in it: {name!a}."


def _local_version(case: Case) -> Iterator[str]:
    from packaging.version import InvalidVersion, Version

    try:
        local = Version(case.submission.version).local
    except InvalidVersion:
        return  # the metadata's own rule has said so
    if local:
        yield f"The use of local versions in {case.submission.version!r} is not allowed."


def _prohibited(case: Case) -> Iterator[str]:
    from packaging.utils import canonicalize_name

    name = case.submission.name
    forbidden = {canonicalize_name(module) for module in sys.stdlib_module_names} | case.policy.prohibited
    if canonicalize_name(name) in forbidden:
        yield f"The name {name!r} is not allowed: it is prohibited, or a module of the standard library."


def _look_alike(case: Case) -> Iterator[str]:
    wanted = case.submission.name
    for taken in sorted(case.policy.taken):
        if _ultra(taken) == _ultra(wanted):
            yield f"The name {wanted!r} is too similar to the existing project {taken!r}."


def _ultra(name: str) -> str:
    """A name as PyPI compares it: without what looks alike."""
    return re.sub(r"[-_.]", "", name.lower()).translate(str.maketrans("o0il1", "00111"))


def _too_many(case: Case) -> Iterator[str]:
    if case.policy.new_projects == 0 and not case.held:
        yield "Too many new projects were made by this account."


def _extension(case: Case) -> Iterator[str]:
    name, filetype = case.submission.filename or "", case.submission.filetype
    suffixes = {"sdist": (".tar.gz", ".zip"), "bdist_wheel": (".whl",)}
    if not name.endswith((".tar.gz", ".zip", ".whl")):
        yield f"Invalid file extension in {name!r}: use .tar.gz, .whl or .zip."
    elif filetype not in suffixes:
        yield f"Unknown type of file {filetype!r}."
    elif not name.endswith(suffixes[filetype]):
        yield f"Invalid file extension in {name!r} for the file type {filetype}."


_LONGEST_NAME = 255  # bytes: what a file system stores, with room for `.metadata` beside it
_BESIDE = len(".metadata")


def _name_length(case: Case) -> Iterator[str]:
    length = len((case.submission.filename or "").encode("utf-8", "surrogateescape"))
    if length > _LONGEST_NAME - _BESIDE:
        yield f"The file's name is too long to store: {length} bytes, the limit is {_LONGEST_NAME - _BESIDE}."


def _file_size(case: Case) -> Iterator[str]:
    if case.submission.size > case.policy.file_limit:
        yield f"File too large: the limit for a file is {case.policy.file_limit / MIB:g} MiB."


def _project_size(case: Case) -> Iterator[str]:
    size = sum(held.size for held in case.held) + case.submission.size
    if size > case.policy.project_limit:
        yield f"Project size too large: the limit for a project is {case.policy.project_limit / MIB:g} MiB."


def _digests(case: Case) -> Iterator[str]:
    stated, real = case.submission.stated, case.submission.digests
    pairs = (("md5", stated.md5, real.md5), ("sha256", stated.sha256, real.sha256))
    given = [pair for pair in (*pairs, ("blake2_256", stated.blake2_256, real.blake2_256)) if pair[1]]
    if not given:
        yield "The upload must state at least one digest of the file."
    for name, said, is_ in given:
        if not hmac.compare_digest((said or "").lower().encode(), (is_ or "").encode()):
            yield f"The {name} digest stated is not the one of the file."


def _same_again(case: Case) -> Iterator[str]:
    found = next((held for held in case.held if held.name == case.submission.filename), None)
    if found is not None and found.digests == case.submission.digests:
        yield "OK (the same file was there already)"


def _exists(case: Case) -> Iterator[str]:
    for held in case.held:
        if held.name == case.submission.filename:
            if held.digests != case.submission.digests:
                yield f"File already exists ({held.name!r}, with other bytes). Raise the version."
        elif held.digests == case.submission.digests:
            yield f"File already exists (the same bytes, under the name {held.name!r})."


def _name_used(case: Case) -> Iterator[str]:
    if case.submission.filename in case.deleted:
        yield "This filename was previously used by a file that has since been deleted. Raise the version."


def _release_age(case: Case) -> Iterator[str]:
    uploads = [held.uploaded for held in case.held if same_version(held.version, case.submission.version)]
    if uploads and case.now - min(uploads) > case.policy.release_age:
        days = case.policy.release_age.days
        yield f"The release {case.submission.version} is older than {days} days: it takes no more files."


def _second_sdist(case: Case) -> Iterator[str]:
    if case.submission.filetype == "sdist":
        for held in case.held:
            other = held.name != case.submission.filename
            if held.filetype == "sdist" and other and same_version(held.version, case.submission.version):
                yield f"Only one sdist may be uploaded per release. There is {held.name!r}."


def _attestations(case: Case) -> Iterator[str]:
    if case.submission.attestations:
        yield "Attestations are taken from trusted publishing only, and not with a token."


RULES = (
    Rule("credentials", 2, 403, _credentials),
    Rule("token-scope", 2, 403, _token_scope),
    Rule("address-verified", 2, 403, _address),
    Rule("second-factor", 2, 403, _second_factor),
    Rule("read-only", 3, 403, _read_only),
    Rule("uploads-disabled", 3, 403, _uploads_disabled),
    Rule("protocol-version", 4, 400, _protocol),
    Rule("file-in-payload", 4, 400, _no_file),
    Rule("file-name-characters", 4, 400, _file_name),
    Rule("core-metadata", 5, 400, metadata_rules.valid),
    Rule("classifiers", 5, 400, metadata_rules.classifiers),
    Rule("summary-length", 5, 400, metadata_rules.summary),
    Rule("requirement-url", 5, 400, metadata_rules.requirements),
    Rule("keywords", 5, 400, metadata_rules.keywords),
    Rule("local-version", 6, 400, _local_version),
    Rule("name-prohibited", 7, 400, _prohibited),
    Rule("name-look-alike", 7, 400, _look_alike),
    Rule("too-many-projects", 7, 429, _too_many),
    Rule("description-renders", 8, 400, metadata_rules.description),
    Rule("file-extension", 9, 400, _extension),
    Rule("file-name-length", 9, 400, _name_length),
    Rule("file-size", 10, 400, _file_size),
    Rule("project-size", 10, 400, _project_size),
    Rule("digests", 11, 400, _digests),
    Rule("same-file-again", 12, 200, _same_again),
    Rule("file-exists", 13, 400, _exists),
    Rule("file-name-used", 14, 400, _name_used),
    Rule("release-age", 15, 400, _release_age),
    Rule("one-sdist", 16, 400, _second_sdist),
    Rule("archive", 17, 400, distribution_rules.readable),
    Rule("sdist-name", 18, 400, distribution_rules.sdist_name),
    Rule("sdist-pkg-info", 18, 400, distribution_rules.sdist_pkg_info),
    Rule("sdist-license-files", 18, 400, distribution_rules.sdist_licenses),
    Rule("wheel-name", 19, 400, distribution_rules.wheel_name),
    Rule("wheel-platform", 19, 400, distribution_rules.wheel_platform),
    Rule("wheel-metadata", 19, 400, distribution_rules.wheel_metadata),
    Rule("wheel-record", 19, 400, distribution_rules.wheel_record),
    Rule("wheel-license-files", 19, 400, distribution_rules.wheel_licenses),
    Rule("wheel-entry-points", 19, 400, distribution_rules.wheel_entry_points),
    Rule("attestations", 20, 400, _attestations),
)
"""In PyPI's order. Row 1 (`/legacy` without its slash) is the router's."""
