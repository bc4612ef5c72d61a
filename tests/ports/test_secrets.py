"""Secrets: looked up when they are needed, and kept out of what is written."""

from __future__ import annotations

import pytest

from omni_release.ports.secrets import Secrets


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
