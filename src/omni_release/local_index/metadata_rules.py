"""The upload rules on the metadata that a distribution states: rows 5 and 8 of the table in docs/rehearsal-index.md."""

from __future__ import annotations

import datetime
import email.utils
import io
from email.message import EmailMessage
from typing import TYPE_CHECKING, NamedTuple

from omni_release.local_index import UploadContext
from omni_release.local_index.distribution_rules import Reasons, license_files

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata


class AcceptedMetadata(NamedTuple):
    """A version of core metadata that PyPI takes, since when, and where that is known from."""

    version: str
    since: datetime.date
    source: str


_PYPI = "https://github.com/pypi/warehouse"
ACCEPTED = (
    *(
        AcceptedMetadata(version, datetime.date(2018, 3, 14), f"{_PYPI}/pull/2373")  # that day or before
        for version in ("1.0", "1.1", "1.2", "2.1")
    ),
    *(AcceptedMetadata(version, datetime.date(2024, 2, 26), f"{_PYPI}/pull/13606") for version in ("2.2", "2.3")),
    AcceptedMetadata("2.4", datetime.date(2024, 11, 13), f"{_PYPI}/pull/16949"),
    AcceptedMetadata("2.5", datetime.date(2026, 2, 17), f"{_PYPI}/pull/19254"),
)
"""The versions of core metadata that PyPI took on 2026-08-21, the latest last.

packaging may know later ones, such as 2.6 (PEP 808). Source of the whole list: `SUPPORTED_METADATA_VERSIONS` in
https://github.com/pypi/warehouse/blob/6b62157124ab7865029afeeadf282bce27d601d9/warehouse/forklift/metadata.py.
"""

_SUMMARY = 512
_LABEL = 32


def fields(context: UploadContext) -> Reasons:
    """Core metadata is valid; classifiers exist; the other fields are as PyPI takes them."""
    from packaging.metadata import InvalidMetadata, Metadata

    metadata = context.upload.metadata
    for name in context.upload.unparsed:
        yield "core-metadata", f"{name} is not a field of core metadata, or is there more than once."
    unaccepted = [*_metadata_version(context)]  # packaging knows fewer versions, or more
    yield from unaccepted
    try:
        Metadata.from_raw(metadata if license_files(context.upload) else _without_license_files(metadata))
    except ExceptionGroup as group:
        for error in group.exceptions:
            if unaccepted and isinstance(error, InvalidMetadata) and error.field == "metadata-version":
                continue
            field = f"{error.field}: " if isinstance(error, InvalidMetadata) else ""
            yield "core-metadata", f"Invalid core metadata: {field}{error}"
    yield from _classifiers(context)
    length = len(metadata.get("summary", ""))
    if length > _SUMMARY:
        yield "summary-length", f"Invalid core metadata: summary: {length} characters, the limit is {_SUMMARY}."
    for rule in (_requirements, _addresses, _links, _license):
        yield from rule(context)
    for keyword in metadata.get("keywords", []):
        if "\n" in keyword.strip() or "\r" in keyword.strip() or not keyword.strip().isprintable():
            yield "keywords", f"Invalid core metadata: keywords: {keyword!r} is not one printable line."


def _without_license_files(metadata: RawMetadata) -> RawMetadata:
    copy = metadata.copy()
    copy.pop("license_files", None)
    return copy


def _metadata_version(context: UploadContext) -> Reasons:
    """The metadata version is one that PyPI takes; one that is no version at all is reported as invalid metadata."""
    stated = context.upload.metadata.get("metadata_version", "")
    latest = ACCEPTED[-1]
    if stated.replace(".", "").isdecimal() and stated not in {known.version for known in ACCEPTED}:
        advice = f"PyPI takes up to {latest.version} (since {latest.since}). Build with a back end that writes that."
        yield "metadata-version", f"Invalid core metadata: metadata-version: {stated}; {advice}"


def _requirements(context: UploadContext) -> Reasons:
    """No requirement has a URL; those that packaging does not read are requirements."""
    from packaging.requirements import InvalidRequirement, Requirement

    metadata = context.upload.metadata
    lists = {
        "requires-dist": metadata.get("requires_dist", []),
        "provides-dist": metadata.get("provides_dist", []),
        "obsoletes-dist": metadata.get("obsoletes_dist", []),
    }
    for field, requirement in ((field, text) for field, texts in lists.items() for text in texts):
        try:
            url = Requirement(requirement).url
        except InvalidRequirement as error:
            if field != "requires-dist":  # that one is reported as invalid metadata
                yield "core-metadata", f"Invalid core metadata: {field}: {requirement!r} is invalid: {error}"
            continue
        if url:
            reason = f"Invalid core metadata: {field}: can't have a direct dependency: {requirement!r}."
            yield "requirement-url", reason


def _addresses(context: UploadContext) -> Reasons:
    """The first address of the author and of the maintainer is valid, where there is one."""
    metadata = context.upload.metadata
    stated = {"author-email": metadata.get("author_email"), "maintainer-email": metadata.get("maintainer_email")}
    for field, value in stated.items():
        _, address = email.utils.parseaddr(value or "")
        if not address:
            continue
        import email_validator

        try:
            email_validator.validate_email(address, check_deliverability=False)
        except email_validator.EmailNotValidError as error:
            reason = f"Invalid core metadata: {field}: {address!r} is not a valid email address: {error}"
            yield "email-address", reason


def _links(context: UploadContext) -> Reasons:
    """The project's links have a label of at most 32 characters, and are http or https."""
    metadata = context.upload.metadata
    for field, url in (("home-page", metadata.get("home_page")), ("download-url", metadata.get("download_url"))):
        if url is not None and not _is_link(url):
            yield "links", f"Invalid core metadata: {field}: {url!r} is not an http or https URL."
    for label, url in metadata.get("project_urls", {}).items():
        about = "Invalid core metadata: project-url:"
        if not label:
            yield "links", f"{about} {url!r} has no label."
        elif len(label) > _LABEL:
            yield "links", f"{about} the label {label!r} has {len(label)} characters, the limit is {_LABEL}."
        elif not _is_link(url):
            yield "links", f"{about} {url!r} is not an http or https URL."


def _is_link(url: str) -> bool:
    from rfc3986 import exceptions, uri_reference, validators

    validator = validators.Validator().allow_schemes("http", "https").require_presence_of("scheme")
    validator.check_validity_of("scheme", "host", "port", "path", "query")
    try:
        validator.validate(uri_reference(url).normalize())
    except (exceptions.RFC3986Exception, ValueError):
        return False
    return True


def _license(context: UploadContext) -> Reasons:
    metadata = context.upload.metadata
    if metadata.get("license") and metadata.get("license_expression"):
        yield "license-fields", "Invalid core metadata: license: not allowed next to License-Expression."


def _classifiers(context: UploadContext) -> Reasons:
    import trove_classifiers

    for classifier in context.upload.metadata.get("classifiers", []):
        if classifier.startswith("Private ::"):
            yield "classifiers", f"The classifier {classifier!r} forbids the upload to an index."
        elif classifier in trove_classifiers.deprecated_classifiers:
            instead = ", ".join(trove_classifiers.deprecated_classifiers[classifier]) or "none"
            yield "classifiers", f"The classifier {classifier!r} is deprecated; use in its place: {instead}."
        elif classifier not in trove_classifiers.classifiers:
            yield "classifiers", f"The classifier {classifier!r} is not a known one."


def description(context: UploadContext) -> Reasons:
    """The description renders, for its content type (reStructuredText where it states none)."""
    text = context.upload.metadata.get("description", "")
    if not text.strip():
        return
    header = EmailMessage()
    header["content-type"] = context.upload.metadata.get("description_content_type") or "text/x-rst"
    kind, parameters = header.get_content_type(), header["content-type"].params
    errors = io.StringIO()
    if _render(text, kind, parameters.get("variant"), errors) is None:
        lines = errors.getvalue().strip().splitlines()
        reason = f": {lines[0]}" if lines else ""
        yield "description-renders", f"The description does not render as {kind}{reason}."


def _render(text: str, kind: str, variant: str | None, errors: io.StringIO) -> str | None:
    """The description as HTML; None where it does not render."""
    if kind == "text/markdown":
        import readme_renderer.markdown

        return readme_renderer.markdown.render(text, stream=errors, variant=variant or "GFM")
    if kind == "text/x-rst":
        import readme_renderer.rst

        return readme_renderer.rst.render(text, stream=errors)
    import readme_renderer.txt

    return readme_renderer.txt.render(text, stream=errors)
