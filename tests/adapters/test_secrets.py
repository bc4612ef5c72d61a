"""Secrets: looked up when they are needed, and kept out of what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import pytest

from omni_release.adapters.secrets import Secrets


@pytest.fixture
def secrets() -> Secrets:
    """Some secrets, none of them given away yet."""
    offered = Secrets()
    offered.offer({"token": lambda: "s3cret", "longer": lambda: "s3cret-and-more", "empty": lambda: ""})
    return offered


def test_resolve(secrets: Secrets) -> None:
    """A secret is given by its name; later offers add to it, and replace one of the same name."""
    assert secrets.resolve("token") == "s3cret"
    secrets.offer({"other": lambda: "another", "token": lambda: "new"})
    assert secrets.resolve("other") == "another"
    assert secrets.resolve("token") == "new"
    assert secrets.resolve("longer") == "s3cret-and-more"
    assert secrets.redact("s3cret another new") == "[redacted] [redacted] [redacted]"


def test_unknown(secrets: Secrets) -> None:
    """A name that nobody offered is none."""
    with pytest.raises(KeyError):
        secrets.resolve("unknown")


def test_looked_up_late() -> None:
    """A value is looked up each time that it is needed, and not before."""
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
    """Each value that was given away is hidden wherever it stands; one that was not given is not known."""
    assert secrets.redact("s3cret") == "s3cret"
    secrets.resolve("token")
    assert secrets.redact("a s3cret\nxs3crets3crety") == "a [redacted]\nx[redacted][redacted]y"
    assert secrets.redact("nothing in here") == "nothing in here"
    assert secrets.redact("") == ""


def test_redact_one_within_another(secrets: Secrets) -> None:
    """A secret that begins with another one is hidden to its end."""
    secrets.resolve("token")
    secrets.resolve("longer")
    assert secrets.redact("s3cret-and-more s3cret") == "[redacted] [redacted]"


def test_redact_of_an_empty_value(secrets: Secrets) -> None:
    """An empty value hides nothing."""
    assert secrets.resolve("empty") == ""
    assert secrets.redact("said") == "said"


def test_not_shown(secrets: Secrets) -> None:
    """No value stands in what Python shows of it."""
    value = secrets.resolve("token")
    assert value not in f"{secrets!r} {secrets}"


def test_what_the_environment_holds() -> None:
    """Variables whose names say that they are secrets are kept out of texts, whoever prints them."""
    secrets = Secrets()
    secrets.know(
        {"GEMINI_API_KEY": "abc-def-ghi", "HOME": "/home/ada-lovelace", "MY_TOKEN": "short", "KEYBOARD": "x" * 9}
    )
    assert secrets.redact("abc-def-ghi /home/ada-lovelace short") == "[redacted] /home/ada-lovelace short"
    assert secrets.given == {"abc-def-ghi"}


@pytest.mark.parametrize("write", [json.dumps, repr, escape, quoteattr, quote])
def test_as_programs_write_it(write: Callable[[str], str]) -> None:
    """What another program writes into JSON, XML, an address or a literal is found there too."""
    value = "a\"b&c<d\\e\n'" + "planted"
    assert "planted" not in Secrets.of({"SOME_TOKEN": value}).redact(f"said {write(value)}")


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
    """The password of an index that is not the target's is kept out, plain and percent-encoded."""
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
    """What stands in the user's files is kept out too, also where a file is malformed or not what twine reads."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    secrets = Secrets()
    secrets.know_of_files({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")})
    assert secrets.redact(f"said {PLANTED}, by me") == "said [redacted], by me"


def test_a_short_word_is_left(tmp_path: Path) -> None:
    """A password that is a short word would be found in everything; one of letters and digits is kept out."""
    (tmp_path / ".pypirc").write_text("[a]\npassword = test\n[b]\npassword = hunter2\n", encoding="utf-8")
    secrets = Secrets()
    secrets.know_of_files({"HOME": str(tmp_path)})
    assert secrets.given == {"hunter2"}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, no text at all: nothing is known, and nothing is raised."""
    (tmp_path / ".netrc").mkdir()
    (tmp_path / ".pypirc").write_bytes(b"\xff\xfe\0[")
    secrets = Secrets()
    secrets.know_of_files({"HOME": str(tmp_path)})
    assert not secrets.given


def test_a_short_password_in_use() -> None:
    """It is kept out where it stands alone, and what only has it in it can be read."""
    secrets = Secrets()
    secrets.offer({"password": lambda: "pass"})
    secrets.resolve("password")
    assert secrets.redact("passed tests-pass bypassed") == "passed tests-pass bypassed"
    assert secrets.redact("-p pass, 'pass' me:pass@host") == "-p [redacted], '[redacted]' me:[redacted]@host"
