"""The shapes of keys. No key stands in this file: each is put together here."""

from __future__ import annotations

import pytest

from omni_release.core import redaction

LETTERS = "aB3" * 40


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("AI" + "za" + LETTERS[:35], "a Google API key"),
        ("py" + "pi-AgE" + LETTERS[:80], "a PyPI token"),
        ("gh" + "p_" + LETTERS[:36], "a GitHub token"),
        ("sk" + "-proj-" + LETTERS[:48], "an OpenAI key"),
        ("AK" + "IA" + "ABCD" * 4, "an AWS access key"),
        ("-----BEGIN RSA" + " PRIVATE KEY-----", "a private key"),
        ("-----BEGIN" + " PRIVATE KEY-----", "a private key"),
    ],
)
def test_shape(key: str, what: str) -> None:
    """A key is found by its shape, at its line; what is said of it does not hold it."""
    assert list(redaction.find_keys(f"first\nname = '{key}'\n".encode())) == [(2, what)]


@pytest.mark.parametrize("text", ["AIza", "sk-learn", "risk-" + "a" * 20, "AKIA", "BEGIN PUBLIC KEY", "ghp_short", ""])
def test_no_key(text: str) -> None:
    """What only begins like one is none."""
    assert list(redaction.find_keys(text.encode())) == []


@pytest.mark.parametrize(
    ("variables", "held"),
    [
        ({"GEMINI_API_KEY": " one ", "GOOGLE_API_KEY": "other"}, ("one", "other")),
        ({"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "other", "ACME_API_KEY": "another"}, ("other",)),
        ({}, ()),
    ],
)
def test_held(variables: dict[str, str], held: tuple[str, ...]) -> None:
    """The service's keys are where its SDK looks for them; a variable that is set to nothing holds none."""
    assert redaction.key_variables_set(variables) == held
