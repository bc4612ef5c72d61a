"""Users and passwords in addresses are removed from all output."""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest

from omni_release.adapters.processes import _redacted
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
        redaction.strip_unknown_from_bytes(text_before.encode()).decode(),
        Secrets().redact(text_before),
    ):
        assert expected in text
        assert PLANTED not in text


TOKEN = "Pl4nted/t0ken+of=the?" + "index"
FORMS = {
    "plain": TOKEN,
    "in a sentence": f"the token {TOKEN} is invalid",
    "in a header": f"X-Api-Key: {TOKEN}",
    "in a header that is sent back": f"{{'X-Api-Key': '{TOKEN}', 'Host': 'a'}}",
    "Bearer": f"Authorization: Bearer {TOKEN}",
    "a part of a path": f"https://host.invalid/{quote(TOKEN, safe='')}/simple/",
    "a part of a path, unquoted": f"https://host.invalid/{TOKEN}/simple/",
    "a query": f"https://host.invalid/simple/?token={quote(TOKEN, safe='')}&a=b",
    "percent-encoded": quote(TOKEN, safe=""),
    "percent-encoded without the slash": quote(TOKEN, safe="/"),
    "percent-encoded in lower case": re.sub("%..", lambda match: match[0].lower(), quote(TOKEN, safe="")),
    "percent-encoded, for a form": quote_plus(TOKEN),
    "as a password is quoted": quote(TOKEN, safe="!$&'()*+,;=:"),
    "base64": b64encode(TOKEN.encode()).decode(),
    "base64 for URLs": urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="),
    "JSON": json.dumps({"token": TOKEN}),
    "JSON in JSON": json.dumps(json.dumps({"token": TOKEN})),
    "XML": f"<a token={quoteattr(TOKEN)}>{escape(TOKEN)}</a>",
    "a literal": repr([TOKEN]),
    "percent-encoded twice": quote(quote(TOKEN, safe=""), safe=""),
    "a page": escape(TOKEN).replace("/", "&#x2F;"),
    "coloured in its middle": f"{TOKEN[:9]}\x1b[1;36m{TOKEN[9:12]}\x1b[0m{TOKEN[12:]}",
    "each character coloured": "".join(f"\x1b[38;5;{number}m{char}" for number, char in enumerate(TOKEN)),
    "coloured, in JSON": json.dumps(f"{TOKEN[:9]}\x1b[1m{TOKEN[9:]}"),
    "coloured, in a literal": repr(f"{TOKEN[:9]}\x1b[1m{TOKEN[9:]}"),
    "coloured, in a report of tests": f"{TOKEN[:9]}#x1B[1m{TOKEN[9:]}",
    "a link begins in it": f"{TOKEN[:9]}\x1b]8;;https://a.invalid/\x07{TOKEN[9:]}\x1b]8;;\x07",
    "a line is cleared in it": f"{TOKEN[:9]}\x1b[K{TOKEN[9:]}",
    **{
        f"Basic, user of {len(user)}": f"Authorization: Basic {b64encode(f'{user}:{TOKEN}'.encode()).decode()}"
        for user in ("__token__", "a", "ab", "abc", "")
    },
    **{
        f"base64 with a user of {len(user)}, alone": b64encode(f"{user}:{TOKEN}".encode()).decode()
        for user in ("__token__", "a", "ab", "abc")
    },
}


def test_styles_are_kept() -> None:
    """Where they hide nothing, styles stay as they are, beside a secret, too."""
    secrets = Secrets.of({"SOME_TOKEN": TOKEN})
    assert secrets.redact(f"\x1b[31mERROR\x1b[0m {TOKEN} \\x1b[1m") == "\x1b[31mERROR\x1b[0m [redacted] \\x1b[1m"


@pytest.mark.parametrize("form", FORMS)
def test_known_token(form: str) -> None:
    """A token that was used is in no output, in whatever form it comes back: text, and the log of a program."""
    secrets = Secrets()
    secrets.offer({"token": lambda: TOKEN})
    secrets.resolve("token")
    text = secrets.redact(FORMS[form])
    logged = b"".join(_redacted(io.BytesIO(FORMS[form].encode()), tuple(secrets.given))).decode()
    for output in (text, logged):
        assert "[redacted]" in output
        for length in (8, len(TOKEN)):
            for at in range(len(TOKEN) - length + 1):
                part = TOKEN[at : at + length]
                assert part not in output and quote(part, safe="") not in output
                assert part not in decoded(output)


def decoded(text: str) -> str:
    """All of a text that is base64, decoded."""
    found = []
    for piece in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        for offset in range(4):
            usable = piece[offset : offset + (len(piece) - offset) // 4 * 4]
            found.append(urlsafe_b64decode(usable.replace("+", "-").replace("/", "_")).decode("latin-1"))
    return "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic dXNlcjpwYXNzd29yZDE=",
        "{'Authorization': 'Basic dXNlcjpwYXNzd29yZDE='}",
        '{"authorization": "Bearer 9f8e7d6c5b4a"}',
        "proxy-authorization: Basic dXNlcjpwYXNzd29yZDE=",
        "sent: basic dXNlcjpwYXNzd29yZDE=",
        "Authorization: token 9f8e7d6c5b4a",
        "the key AIza" + "Sy" * 17 + "0 is invalid",
        "pypi-AgE" + "x1Y" * 20,
    ],
)
def test_unknown_login(text: str) -> None:
    """A login in a header, or a key of a known shape, is removed even where this run does not know it."""
    for output in (Secrets().redact(text), redaction.strip_unknown_from_bytes(text.encode()).decode()):
        assert "[redacted]" in output
        assert not re.search("dXNlcjp|9f8e7d|SySy|x1Yx1Y", output)


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication is required",
        "Bearer tokens are refused",
        "authorization: required",
        "a basic \u00fcberblick \udcff of it",
        "BASIC AUTHENTICATION",
    ],
)
def test_words_are_kept(text: str) -> None:
    """Words after Basic and Bearer are kept."""
    assert Secrets().redact(text) == text


@pytest.mark.parametrize(
    "token", ["9f8e7d6c5b4a39281706f5e4", "Kx7pQ2mN9vB4tR8wZ1yL", "8c5f5e0a-1b7e-4b9f-9d2c-0f4e5a6b7c8d"]
)
@pytest.mark.parametrize("address", ["https://host.invalid/{}/simple/", "https://host.invalid/simple/?key={}"])
def test_token_in_an_address(token: str, address: str) -> None:
    """A token in the path or the query of an index's address is a secret; its words are none."""
    secrets = Secrets()
    secrets.know({"UV_INDEX_URL": address.format(token)})
    assert secrets.redact(f"GET /{token}/simple/acme/ failed") == "GET /[redacted]/simple/acme/ failed"
    secrets.know(
        {"PIP_INDEX_URL": "https://host.invalid/artifactory/api/pypi/company-releases-2024-python3-packages/simple"}
    )
    assert secrets.redact("company-releases-2024-python3-packages") == "company-releases-2024-python3-packages"
