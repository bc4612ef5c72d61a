"""The rules about core metadata: rows 5 and 8 of the table. packaging, trove-classifiers and readme-renderer judge."""

from __future__ import annotations

import io
from collections.abc import Iterator
from email.message import EmailMessage

from omni_release.local_index import Case

_SUMMARY = 512


def valid(case: Case) -> Iterator[str]:
    """Names, versions, specifiers, license expressions and all else that core metadata are made of."""
    from packaging.errors import ExceptionGroup
    from packaging.metadata import InvalidMetadata, Metadata

    for unread in case.submission.unread:
        yield f"{unread} is no field of core metadata, or stands there more than once."
    try:
        Metadata.from_raw(case.submission.metadata)
    except ExceptionGroup as group:
        for error in group.exceptions:
            field = f"{error.field}: " if isinstance(error, InvalidMetadata) else ""
            yield f"Invalid core metadata: {field}{error}"


def classifiers(case: Case) -> Iterator[str]:
    """Each one known, none deprecated, none of the kind that forbids an upload."""
    import trove_classifiers

    for given in case.submission.metadata.get("classifiers", []):
        if given.startswith("Private ::"):
            yield f"The classifier {given!r} forbids the upload to an index."
        elif given in trove_classifiers.deprecated_classifiers:
            instead = ", ".join(trove_classifiers.deprecated_classifiers[given]) or "none"
            yield f"The classifier {given!r} is deprecated; in its place: {instead}."
        elif given not in trove_classifiers.classifiers:
            yield f"The classifier {given!r} is not a known one."


def summary(case: Case) -> Iterator[str]:
    """Short enough."""
    length = len(case.submission.metadata.get("summary", ""))
    if length > _SUMMARY:
        yield f"Invalid core metadata: summary: {length} characters, the limit is {_SUMMARY}."


def requirements(case: Case) -> Iterator[str]:
    """None by URL."""
    from packaging.requirements import InvalidRequirement, Requirement

    for given in case.submission.metadata.get("requires_dist", []):
        try:
            url = Requirement(given).url
        except InvalidRequirement:
            continue  # the rule above has said so
        if url:
            yield f"Invalid core metadata: requires-dist: can't have a direct dependency: {given!r}."


def keywords(case: Case) -> Iterator[str]:
    """On one line."""
    for given in case.submission.metadata.get("keywords", []):
        if "\n" in given.strip() or "\r" in given.strip() or not given.strip().isprintable():
            yield f"Invalid core metadata: keywords: {given!r} is not one printable line."


def description(case: Case) -> Iterator[str]:
    """It renders, for its content type (reStructuredText where it states none)."""
    given = case.submission.metadata.get("description", "")
    if not given.strip():
        return
    header = EmailMessage()
    header["content-type"] = case.submission.metadata.get("description_content_type") or "text/x-rst"
    kind, parameters = header.get_content_type(), header["content-type"].params
    said = io.StringIO()
    if _rendered(given, kind, parameters.get("variant"), said) is None:
        why = said.getvalue().strip().splitlines()
        yield f"The description does not render as {kind}{': ' + why[0] if why else ''}."


def _rendered(text: str, kind: str, variant: str | None, said: io.StringIO) -> str | None:
    if kind == "text/markdown":
        import readme_renderer.markdown

        return readme_renderer.markdown.render(text, stream=said, variant=variant or "GFM")
    if kind == "text/x-rst":
        import readme_renderer.rst

        return readme_renderer.rst.render(text, stream=said)
    import readme_renderer.txt

    return readme_renderer.txt.render(text, stream=said)
