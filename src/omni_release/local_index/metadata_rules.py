"""The upload rules on core metadata: rows 5 and 8 of the table in docs/index.md.

They use the libraries that PyPI uses: packaging, trove-classifiers and readme-renderer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from email.message import EmailMessage

from omni_release.local_index import UploadContext

_SUMMARY = 512

Reasons = Iterator[tuple[str, str]]
"""The rules that an upload breaks, by id, and why."""


def fields(context: UploadContext) -> Reasons:
    """Core metadata is valid; classifiers exist; summary, requirements and keywords are as PyPI takes them."""
    from packaging.errors import ExceptionGroup
    from packaging.metadata import InvalidMetadata, Metadata
    from packaging.requirements import InvalidRequirement, Requirement

    metadata = context.upload.metadata
    for name in context.upload.unparsed:
        yield "core-metadata", f"{name} is not a field of core metadata, or is there more than once."
    try:
        Metadata.from_raw(metadata)
    except ExceptionGroup as group:
        for error in group.exceptions:
            field = f"{error.field}: " if isinstance(error, InvalidMetadata) else ""
            yield "core-metadata", f"Invalid core metadata: {field}{error}"
    yield from _classifiers(context)
    length = len(metadata.get("summary", ""))
    if length > _SUMMARY:
        yield "summary-length", f"Invalid core metadata: summary: {length} characters, the limit is {_SUMMARY}."
    for requirement in metadata.get("requires_dist", []):
        try:
            url = Requirement(requirement).url
        except InvalidRequirement:
            continue  # reported as invalid metadata
        if url:
            reason = f"Invalid core metadata: requires-dist: can't have a direct dependency: {requirement!r}."
            yield "requirement-url", reason
    for keyword in metadata.get("keywords", []):
        if "\n" in keyword.strip() or "\r" in keyword.strip() or not keyword.strip().isprintable():
            yield "keywords", f"Invalid core metadata: keywords: {keyword!r} is not one printable line."


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
