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


def strip_userinfo(text: str) -> str:
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
        return {key: redacted(value, strip_userinfo if key in _OWN_WORDS else redact) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(redacted(value, redact) for value in content)
    return content


def strip_userinfo_from_bytes(line: bytes) -> bytes:
    """The same, of what a program printed."""
    return _BYTES.sub(b"[redacted]@", line)


def secret_pattern(secrets: Iterable[str]) -> str:
    """A pattern for all of these values, the longest first; one that matches nothing where there is none.

    A short one of letters or digits alone is taken for a secret where it stands alone: as a part of other words it
    would be found in everything, `pass` in every `passed`.
    """
    ordered = sorted(filter(None, secrets), key=lambda one: (-len(one), one))  # one may be a part of another
    return (
        "|".join(re.escape(one) if is_distinctive(one) else rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in ordered)
        or "(?!)"
    )


def is_distinctive(secret: str) -> bool:
    """Whether a value is long, or odd enough, to be found in nothing else."""
    mixed = re.search(r"[A-Za-z]", secret) is not None and re.search(r"[^A-Za-z]", secret) is not None
    return len(secret) >= _LONG or (len(secret) >= _SHORT and mixed)


# Control characters but tab and line feed, and those that turn the direction of text: both make a line say another.
# And the bytes of a file's name that are no text, as Python holds them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with each control character as its escape: `\\x1b`. Lines stay lines."""
    return _CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
"""What may hold a key of the Gemini API; for its SDK the second goes over the first."""


# Each shape is public: issuers give their keys a fixed beginning so that scanners find them.
_SHAPES = {
    "a Google API key": rb"AIza[0-9A-Za-z_-]{35}",
    "a PyPI token": rb"pypi-AgE[0-9A-Za-z_-]{50,}",
    "a GitHub token": rb"(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60,})",
    "a GitLab token": rb"glpat-[0-9A-Za-z_-]{20,}",
    "an OpenAI key": rb"sk-(?:proj-)?[0-9A-Za-z_-]{40,}",
    "an Anthropic key": rb"sk-ant-[0-9A-Za-z_-]{40,}",
    "an AWS access key": rb"(?<![0-9A-Z])AKIA[0-9A-Z]{16}(?![0-9A-Z])",
    "a Slack token": rb"xox[abposr]-[0-9A-Za-z-]{20,}",
    "an npm token": rb"npm_[0-9A-Za-z]{36}",
    "a private key": rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
}

_ANY = re.compile(b"|".join(b"(?P<k%d>%s)" % (n, shape) for n, shape in enumerate(_SHAPES.values())))

_NAMES = tuple(_SHAPES)


def key_variables_set(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of the Gemini API that an environment holds."""
    return tuple(filter(None, (environment.get(name, "").strip() for name in KEY_VARIABLES)))


def find_keys(data: bytes) -> Iterator[tuple[int, str]]:
    """Where something has the shape of a key: its line (from 1) and what it looks like, never the key itself."""
    for match in _ANY.finditer(data):
        kind = next(int(name[1:]) for name, value in match.groupdict().items() if value is not None)
        yield data.count(b"\n", 0, match.start()) + 1, _NAMES[kind]
