"""What somebody wrote, as it may be shown: no control character of it reaches a terminal or a page."""

from __future__ import annotations

import re

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
