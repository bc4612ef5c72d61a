"""Text that is safe to print."""

from __future__ import annotations

import pytest

from omni_release.core.redaction import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe\t𝄞\n→ “x” ✋", "größe\t𝄞\n→ “x” ✋"),
        ("a\x1b[2Jb\x07\x7f\x9b2K", "a\\x1b[2Jb\\x07\\x7f\\x9b2K"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        ("\u202egpj.exe\u2069", "\\u202egpj.exe\\u2069"),
        (b"caf\xe9.py".decode("utf-8", "surrogateescape"), "caf\\xe9.py"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    """Text and line feeds are kept; control characters are escaped."""
    assert printable(text) == shown
