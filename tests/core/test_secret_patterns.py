"""The shapes of keys. There is no key in this file: each is composed of parts."""

from __future__ import annotations

import pytest

from omni_release.core import redaction, vendors

LETTERS = "aB3" * 40


KEYS = [
    ("AI" + "za" + LETTERS[:35], "a Google API key"),
    ("ya" + "29." + LETTERS[:35], "a Google access token"),
    ("xa" + "i-" + LETTERS[:80], "an xAI key"),
    ("sk" + "-" + "0a1b" * 8, "a DeepSeek key"),
    ("sk" + "-or-v1-" + "0a1b" * 16, "an OpenRouter key"),
    ("gs" + "k_" + LETTERS[:52], "a Groq key"),
    *(("gh" + f"{letter}_" + LETTERS[:36], "a GitHub token") for letter in "opurs"),
    ("github" + "_pat_" + LETTERS[:60], "a GitHub token"),
    ("gl" + "pat-" + LETTERS[:20], "a GitLab token"),
    *(("xo" + f"x{letter}-" + LETTERS[:24], "a Slack token") for letter in "abposr"),
    ("np" + "m_" + LETTERS[:36], "an npm token"),
    ("h" + "f_" + "aB" * 17, "a Hugging Face token"),
    ("r" + "8_" + LETTERS[:37], "a Replicate token"),
    *((f"{letter}k" + "_live_" + LETTERS[:24], "a Stripe key") for letter in "rs"),
    ("S" + "G." + LETTERS[:22] + "." + LETTERS[:43], "a SendGrid key"),
    ("sq" + "0atp-" + LETTERS[:22], "a Square token"),
    ("sq" + "0csp-" + LETTERS[:43], "a Square token"),
    ("Account" + "Key=" + LETTERS[:86] + "==", "a key of an Azure account"),
    ("da" + "pi" + "0a1b" * 8, "a Databricks token"),
    *((f"do{letter}" + "_v1_" + "0a1b" * 16, "a DigitalOcean token") for letter in "opr"),
    ("hooks.slack" + ".com/services/T" + "A1" * 5 + "/B" + "A1" * 5 + "/" + LETTERS[:24], "a webhook of Slack"),
    ("py" + "pi-AgE" + LETTERS[:80], "a PyPI token"),
    ("gh" + "p_" + LETTERS[:36], "a GitHub token"),
    ("sk" + "-proj-" + LETTERS[:48], "an OpenAI key"),
    ("sk" + "-ant-" + LETTERS[:60], "an Anthropic key"),
    ("AK" + "IA" + "ABCD" * 4, "an AWS access key"),
    ("-----BEGIN" + " PRIVATE KEY-----\n" + LETTERS, "a private key"),
    ("-----BEGIN OPENSSH" + " PRIVATE KEY-----\\n" + LETTERS, "a private key"),
    ("-----BEGIN RSA" + " PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + LETTERS, "a private key"),
    ("-----BEGIN EC" + " PRIVATE KEY-----\\n'\n    '" + LETTERS, "a private key"),
]
"""A key of each shape, and of each way to begin one."""


def test_a_key_of_each_shape() -> None:
    """There is an example of each: a text is searched only if it has a part that is listed beside the shapes."""
    assert {kind for _, kind in KEYS} == set(redaction._NAMES)


@pytest.mark.parametrize(("key", "kind"), KEYS)
def test_shape(key: str, kind: str) -> None:
    """A key is found by its shape, with its line, and is not in the result."""
    assert list(redaction.find_keys(f"first\nname = '{key}'\n".encode())) == [(2, kind)]
    assert key[:60] not in redaction.strip_unknown(f"name = '{key}'")


@pytest.mark.parametrize("before", ["", "?key=", "key%3D", "line\\n", "\t", "Bearer "])
def test_start(before: str) -> None:
    """A key may follow an escaped character."""
    for prefix, size in (("AI" + "za", 35), ("sk" + "-", 48)):
        assert list(redaction.find_keys(f"{before}{prefix}{LETTERS[:size]}".encode())), prefix


@pytest.mark.parametrize(
    "text",
    [
        *("AIza", "sk-learn", "risk-" + "a" * 20, "AKIA", "BEGIN PUBLIC KEY", "ghp_short", ""),
        "https://blog.example/universal-netmask-npm-package-used-by-270000-projects-vulnerable-cve-2021-28918/",
        "https://blog.example/sk-a-long-title-of-words-in-lower-case-with-a-year-2026/",
        "A Task-Oriented-Dialogue-System-for-2026-with-40-and-more-characters",
        "/9j/4AAQ" + "AI" + "za" + LETTERS[:80],  # within base64
        "desk-" + LETTERS[:60],
        "sk-a-long-name-of-a-class-in-a-style-sheet-for-a-page",
        "AK" + "IAIOSFODNN7EXAMPLE",
        "-----BEGIN" + " PRIVATE KEY-----",
        "if line == '-----BEGIN RSA" + " PRIVATE KEY-----':\n    found = True",
        "-----BEGIN" + " CERTIFICATE-----\n" + LETTERS,
    ],
)
def test_no_key(text: str) -> None:
    """A prefix alone is not a key, and neither are words, documented examples, and programs that look for keys."""
    assert list(redaction.find_keys(text.encode())) == []


@pytest.mark.parametrize(
    ("variables", "held"),
    [
        ({"GEMINI_API_KEY": " one ", "GOOGLE_API_KEY": "other"}, ("one", "other")),
        ({"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "other", "ACME_API_KEY": "another"}, ("other",)),
        ({"OPENAI_API_KEY": "one", "ANTHROPIC_AUTH_TOKEN": "other"}, ("one", "other")),
        ({}, ()),
    ],
)
def test_key_variables(variables: dict[str, str], held: tuple[str, ...]) -> None:
    """The keys are in the variables of the SDKs; a blank variable has none."""
    assert vendors.keys_set(variables) == held
