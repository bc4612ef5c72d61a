"""Users and passwords in addresses are removed from all output."""

from __future__ import annotations

import pytest

from omni_release.adapters.secrets import Secrets
from omni_release.core import redaction

PLANTED = "hunter2-" + "hunter2"


@pytest.mark.parametrize(
    ("text_before", "expected"),
    [
        (f"fatal: unable to access 'https://me:{PLANTED}@host/a.git/': 403", "'https://[redacted]@host/a.git/'"),
        (f"https://{PLANTED}@host/a", "https://[redacted]@host/a"),
        (f"ssh://me:{PLANTED}@host:22/a", "ssh://[redacted]@host:22/a"),
        (f"http://me:{PLANTED}@a/x http://me:{PLANTED}@b/y", "http://[redacted]@a/x http://[redacted]@b/y"),
        (f"https://me:{PLANTED}@{PLANTED}@host/a", "https://[redacted]@host/a"),
        (f"https://me:{PLANTED}/{PLANTED}@host/a", "https://[redacted]@host/a"),
        (
            f"'https://me:a@b/{PLANTED}@host/a' 'https://you@host'",
            "'https://[redacted]@host/a' 'https://[redacted]@host'",
        ),
        (f"https://{PLANTED}@{PLANTED}@host/a", "https://[redacted]@host/a"),
        ("http://127.0.0.1:8080/simple/ asked, by me@host", "http://127.0.0.1:8080/simple/ asked, by me@host"),
        ("ssh://git@host/a and git@host:a", "ssh://git@host/a and git@host:a"),
        ("mail me@host, see https://host/@me", "mail me@host, see https://host/@me"),
    ],
)
def test_userinfo_is_removed(text_before: str, expected: str) -> None:
    """They are removed from text and from bytes; everything else is kept."""
    for text in (
        redaction.strip_userinfo(text_before),
        redaction.strip_userinfo_from_bytes(text_before.encode()).decode(),
        Secrets().redact(text_before),
    ):
        assert expected in text
        assert PLANTED not in text
