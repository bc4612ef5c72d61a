"""What stands before the host in an address may be a password: it is left out of all that is printed or kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

# `git@` is how ssh is used everywhere, and no secret. A password in an address is seldom quoted: it may have `@` in it,
# and after a colon `/`. So all up to the last `@` is taken for one: rather too much than half a password.
_TEXT = re.compile(r"(?<=://)(?!git@)(?:[^/\s:'\"]*:[^\s'\"]*|[^/\s'\"]+)@")
_BYTES = re.compile(_TEXT.pattern.encode())


def left_out(text: str) -> str:
    """The text without the user and the password of any address in it."""
    return _TEXT.sub("[redacted]@", text)


def found(text: str) -> Iterator[str]:
    """What stands before the host in each address of the text."""
    for match in _TEXT.finditer(text):
        yield match[0][:-1]


def left_out_of_bytes(line: bytes) -> bytes:
    """The same, of what a program printed."""
    return _BYTES.sub(b"[redacted]@", line)
