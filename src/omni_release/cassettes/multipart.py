"""Forms with files (multipart/form-data): their parts, and a boundary that is the same in each recording.

Clients make a boundary by chance for each request, so a form would match no recording of itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_BOUNDARY = re.compile(rb"--([0-9A-Za-z'()+_,./:=?-]{1,70})\r\n")
_PARAMETER = re.compile(r"(?i)(boundary=)(\"[^\"]*\"|[^;\s]*)")
_STABLE = b"omni-release-form"

Part = tuple[bytes, bytes]
"""The headers of a part, and its content."""


def split(body: bytes) -> tuple[bytes, list[Part]] | None:
    """The boundary and the parts of a form; None for anything else, and for a form that cannot be joined again."""
    match = _BOUNDARY.match(body)
    if match is None:
        return None
    boundary = match[1]
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    parts = [tuple(piece.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)) for piece in pieces[1:-1]]
    whole = [(part[0], part[1]) for part in parts if len(part) == 2]
    if len(whole) != len(parts) or not whole or join(boundary, whole) != body.removesuffix(b"\r\n") + b"\r\n":
        return None
    return boundary, whole


def join(boundary: bytes, parts: Sequence[Part]) -> bytes:
    """The form of these parts."""
    lines = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, head, content) for head, content in parts]
    return b"".join((*lines, b"--%s--\r\n" % boundary))


def is_file(part: Part) -> bool:
    """Whether a part holds binary data: an image or another file that is no text."""
    try:
        part[1].decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def with_stable_boundary(body: bytes, content_type: str) -> tuple[bytes, str]:
    """A form, and its content type, with the boundary of all recordings; any other body as it is."""
    found = split(body)
    if found is None or any(_STABLE in content for part in found[1] for content in part):
        return body, content_type
    return join(_STABLE, found[1]), _PARAMETER.sub(lambda match: match[1] + _STABLE.decode(), content_type)
