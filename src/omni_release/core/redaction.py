"""What takes secrets out of all that is printed or kept: those known by their value, and those within addresses.

`marks` is how the first are found, `redacted` how all texts of something lose them. What stands before the host in an
address may be a password, whether it is known or not: it is `left_out`.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_LONG, _SHORT = 8, 5
# `git@` is how ssh is used everywhere, and no secret. A password in an address is seldom quoted: it may have `@` in it,
# and after a colon `/`. So all up to the last `@` is taken for one: rather too much than half a password.
_TEXT = re.compile(r"(?<=://)(?!git@)(?:[^/\s:'\"]*:[^\s'\"]*|[^/\s'\"]+)@")
_BYTES = re.compile(_TEXT.pattern.encode())
_OWN_WORDS = (
    *("address", "artifacts", "id", "kind", "lane", "rule"),
    *("severity", "status", "target", "task", "verdict"),
)

Redact = Callable[[str], str]
"""A text without the secrets that are known."""


def left_out(text: str) -> str:
    """The text without the user and the password of any address in it."""
    return _TEXT.sub("[redacted]@", text)


def found(text: str) -> Iterator[str]:
    """What stands before the host in each address of the text."""
    for match in _TEXT.finditer(text):
        yield match[0][:-1]


def redacted(content: Any, redact: Redact) -> Any:
    """The same, with each text in it redacted: before it is written in a form in which a secret may look otherwise.

    A quote is another in JSON, an ampersand in XML, an underscore in Markdown. Our own words stay, whatever somebody's
    password is: a later run looks for them.
    """
    if isinstance(content, enum.Enum):
        return content
    if isinstance(content, str):
        return redact(content)
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        parts = {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
        return type(content)(**redacted(parts, redact))
    if isinstance(content, Mapping):
        return {key: redacted(value, left_out if key in _OWN_WORDS else redact) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(redacted(value, redact) for value in content)
    return content


def left_out_of_bytes(line: bytes) -> bytes:
    """The same, of what a program printed."""
    return _BYTES.sub(b"[redacted]@", line)


def marks(secrets: Iterable[str]) -> str:
    """A pattern for all of these values, the longest first; one that matches nothing where there is none.

    A short one of letters or digits alone is taken for a secret where it stands alone: as a part of other words it
    would be found in everything, `pass` in every `passed`.
    """
    ordered = sorted(filter(None, secrets), key=lambda one: (-len(one), one))  # one may be a part of another
    return (
        "|".join(re.escape(one) if is_odd(one) else rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in ordered)
        or "(?!)"
    )


def is_odd(secret: str) -> bool:
    """Whether a value is long, or odd enough, to be found in nothing else."""
    mixed = re.search(r"[A-Za-z]", secret) is not None and re.search(r"[^A-Za-z]", secret) is not None
    return len(secret) >= _LONG or (len(secret) >= _SHORT and mixed)
