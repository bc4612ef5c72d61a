"""Secrets are looked up when they are needed, and redacted."""

from __future__ import annotations

import base64
import html
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import pytest

from omni_release.adapters.processes import LocalProcesses
from omni_release.adapters.secrets import Secrets
from omni_release.core import redaction
from omni_release.core.actions import Run


@pytest.fixture
def secrets() -> Secrets:
    """Some secrets, none of them resolved yet."""
    offered = Secrets()
    offered.offer({"token": lambda: "s3cret", "longer": lambda: "s3cret-and-more", "empty": lambda: ""})
    return offered


def test_resolve(secrets: Secrets) -> None:
    """A secret is resolved by its name; a later offer replaces one of the same name."""
    assert secrets.resolve("token") == "s3cret"
    secrets.offer({"other": lambda: "another", "token": lambda: "new"})
    assert secrets.resolve("other") == "another"
    assert secrets.resolve("token") == "new"
    assert secrets.resolve("longer") == "s3cret-and-more"
    assert secrets.redact("s3cret another new") == "[redacted] [redacted] [redacted]"


def test_unknown(secrets: Secrets) -> None:
    """An unknown name is an error."""
    with pytest.raises(KeyError):
        secrets.resolve("unknown")


def test_lazy_lookup() -> None:
    """A value is looked up each time it is resolved, and not before."""
    asked: list[int] = []

    def look() -> str:
        asked.append(1)
        return f"value-{len(asked)}"

    secrets = Secrets()
    secrets.offer({"token": look})
    assert asked == []
    assert [secrets.resolve("token"), secrets.resolve("token")] == ["value-1", "value-2"]
    assert secrets.redact("value-1 value-2 value-3") == "[redacted] [redacted] value-3"


def test_redact(secrets: Secrets) -> None:
    """Every resolved value is redacted; an unresolved one is not known."""
    assert secrets.redact("s3cret") == "s3cret"
    secrets.resolve("token")
    assert secrets.redact("a s3cret\nxs3crets3crety") == "a [redacted]\nx[redacted][redacted]y"
    assert secrets.redact("nothing in here") == "nothing in here"
    assert secrets.redact("") == ""


def test_redact_nested_values(secrets: Secrets) -> None:
    """A secret that starts with another one is redacted completely."""
    secrets.resolve("token")
    secrets.resolve("longer")
    assert secrets.redact("s3cret-and-more s3cret") == "[redacted] [redacted]"


def test_redact_empty_value(secrets: Secrets) -> None:
    """An empty value redacts nothing."""
    assert secrets.resolve("empty") == ""
    assert secrets.redact("said") == "said"


def test_repr(secrets: Secrets) -> None:
    """The representation shows no value."""
    value = secrets.resolve("token")
    assert value not in f"{secrets!r} {secrets}"


def test_secrets_of_the_environment() -> None:
    """Variables with names like secrets are redacted."""
    secrets = Secrets()
    secrets.know(
        {"GEMINI_API_KEY": "abc-def-ghi", "HOME": "/home/ada-lovelace", "MY_TOKEN": "short", "KEYBOARD": "x" * 9}
    )
    assert secrets.redact("abc-def-ghi /home/ada-lovelace short") == "[redacted] /home/ada-lovelace short"
    assert secrets.given == set(redaction.encodings("abc-def-ghi"))


@pytest.mark.parametrize("write", [json.dumps, repr, escape, quoteattr, quote])
def test_encodings(write: Callable[[str], str]) -> None:
    """A secret in JSON, XML, a URL or a literal is redacted."""
    value = "a\"b&c<d\\e\n'" + "planted"
    assert "planted" not in Secrets.of({"SOME_TOKEN": value}).redact(f"said {write(value)}")


TOKEN = "pL4nted/To+ken=With&Odd<9Chars~x"
CUT = 20


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "plain": TOKEN,
    "in a path": f"https://host.invalid/{TOKEN}/simple",
    "quoted in a path": f"https://host.invalid/{quote(TOKEN, safe='')}/simple",
    "quoted, with slashes": quote(TOKEN),
    "in a header that is sent back": f"X-Echo: {TOKEN}",
    "base64": base64_of(TOKEN),
    "base64 of a user and a password": f"Authorization: Basic {base64_of(f'user:{TOKEN}')}",
    "base64 within other bytes": base64_of(f"{{'a': '{TOKEN}'}}"),
    "base64 of URLs": base64.urlsafe_b64encode(TOKEN.encode()).decode(),
    "in hexadecimal": TOKEN.encode().hex(),
    "in hexadecimal, upper case": TOKEN.encode().hex().upper(),
    "each character quoted": "".join(f"%{ord(char):02x}" for char in TOKEN),
    "each character quoted, upper case": "".join(f"%{ord(char):02X}" for char in TOKEN),
    "JSON": json.dumps(TOKEN),
    "JSON of PHP": json.dumps(TOKEN).replace("/", "\\/"),
    "JSON of Go": json.dumps(TOKEN).replace("&", "\\u0026").replace("<", "\\u003c"),
    "HTML": html.escape(TOKEN),
    "HTML in XML": html.escape(html.escape(TOKEN)),
    "the begin of a message that is too long": f"AssertionError: {TOKEN[:CUT]}...",
    "with an ellipsis": f"AssertionError: {TOKEN[:CUT]}…",
    "without its middle": f"'{TOKEN[:12]}...{TOKEN[-12:]}'",
    "base64 without its end": f"['{base64_of(f'user:{TOKEN}')[:30]}...,",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str, tmp_path: Path) -> None:
    """No form of a token, and no larger piece of one, is left in a text or in the log of a program."""
    secrets = Secrets.of({"SOME_TOKEN": TOKEN})
    processes = LocalProcesses(str, known=lambda: secrets.given)
    log = tmp_path / "log"
    argv = (sys.executable, "-c", f"print({FORMS[form]!r}); print('end')")
    try:
        processes.run(Run(argv, tmp_path, dict(os.environ) | {"PYTHONUTF8": "1"}, log, 60))
    finally:
        processes.close()
    for text in (secrets.redact(FORMS[form]), log.read_text(encoding="utf-8")):
        assert "[redacted]" in text
        for encoded in redaction.encodings(TOKEN):
            pieces = (encoded[at : at + 8] for at in range(len(encoded) - 7))
            assert not any(piece in text for piece in pieces), text


def test_lines_of_a_secret() -> None:
    """Of a secret of several lines each is redacted, as it is printed and as it is in base64."""
    lines = ("b3BlbnNzaC1rZXktdjEAAAAAC", "QUFBQUFBQUFBQUFBQUFBQUFCQ")
    key = "\n".join(("-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----"))
    secrets = Secrets.of({"SIGNING_KEY": key})
    for line in (*lines, *map(base64_of, lines)):
        assert line[2:20] not in secrets.redact(f"it says {line}, indented")


def test_an_ordinary_ellipsis() -> None:
    """What is cut and is no secret is left as it is."""
    secrets = Secrets.of({"SOME_TOKEN": TOKEN})
    text = "tests/a.py ........ [ 10%] pL4nted... 'first...last' …"
    assert secrets.redact(text) == text


PLANTED = "pl4nted-s3cret/0123"


@pytest.mark.parametrize(
    "variable",
    [
        {"UV_INDEX_PRIVATE_PASSWORD": PLANTED},
        {"TWINE_REPOSITORY_URL": f"https://me:{PLANTED}@host.invalid/legacy/"},
        {"UV_INDEX": f"https://a.invalid/ ours=https://me:{PLANTED}@host.invalid/simple/"},
        {"PIP_EXTRA_INDEX_URL": "https://me:pl4nted-s3cret%2F0123@host.invalid/simple"},
        {"UV_INDEX_URL": "https://pl4nted-s3cret%2F0123@host.invalid/simple/"},
        {"https_proxy": f"http://me:{PLANTED}@proxy.invalid:3128"},
        {"HATCH_INDEX_AUTH": PLANTED},
    ],
    ids=lambda variable: next(iter(variable)),
)
def test_other_indexes_of_the_environment(variable: dict[str, str]) -> None:
    """The passwords of other indexes are redacted, plain and percent-encoded."""
    secrets = Secrets()
    secrets.know(variable)
    assert secrets.redact(f"said {PLANTED} pl4nted-s3cret%2F0123") == "said [redacted] [redacted]"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".pypirc", f"[distutils]\nindex-servers = a\n[a]\nusername = me\n[b]\nPassword : {PLANTED} \n"),
        (".pypirc", f"password = {PLANTED}\n[a]\n[a]\n"),
        (".pypirc", f"[a]\nrepository = https://me:{PLANTED}@host.invalid/\n"),
        (".netrc", f"machine host.invalid login me password {PLANTED}\n"),
        (".config/pip/pip.conf", f"[global]\nextra-index-url = https://me:{PLANTED}@host.invalid/simple\n"),
        (".config/uv/uv.toml", f'[[index]]\nname = "ours"\nurl = "https://me:{PLANTED}@host.invalid/simple/"\n'),
    ],
    ids=["of a section that is not listed", "malformed", "in an address", "netrc", "pip", "uv"],
)
def test_other_indexes_of_files(name: str, text: str, tmp_path: Path) -> None:
    """Passwords in the user's files are redacted, also in a malformed file."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    secrets = Secrets()
    secrets.know_of_files({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")})
    assert secrets.redact(f"said {PLANTED}, by me") == "said [redacted], by me"


def test_short_word(tmp_path: Path) -> None:
    """A password that is a short word is not redacted; one of letters and digits is."""
    (tmp_path / ".pypirc").write_text("[a]\npassword = test\n[b]\npassword = hunter2\n", encoding="utf-8")
    secrets = Secrets()
    secrets.know_of_files({"HOME": str(tmp_path)})
    assert secrets.redact("test hunter2") == "test [redacted]"


def test_unreadable_files(tmp_path: Path) -> None:
    """A folder or a binary file gives no secrets and no error."""
    (tmp_path / ".netrc").mkdir()
    (tmp_path / ".pypirc").write_bytes(b"\xff\xfe\0[")
    secrets = Secrets()
    secrets.know_of_files({"HOME": str(tmp_path)})
    assert not secrets.given


def test_short_password_in_use() -> None:
    """A short password is redacted as a word of its own, and not within other words."""
    secrets = Secrets()
    secrets.offer({"password": lambda: "pass"})
    secrets.resolve("password")
    assert secrets.redact("passed tests-pass bypassed") == "passed tests-pass bypassed"
    assert secrets.redact("-p pass, 'pass' me:pass@host") == "-p [redacted], '[redacted]' me:[redacted]@host"
