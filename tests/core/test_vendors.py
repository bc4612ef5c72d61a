"""The table of vendors is whole, and the only one: nothing that names a vendor is written a second time."""

from __future__ import annotations

import ast
import tomllib
import typing
from pathlib import Path

import pytest

from omni_release.cassettes.scrubbing import REDACTED, Scrubber, is_secret_header
from omni_release.core import api_forms, settings, vendors
from omni_release.core.errors import EXIT_USAGE, SettingsError, UsageError
from omni_release.core.secret_variables import withheld
from omni_release.core.vendors import VENDORS
from omni_release.models.facts import PLATFORMS
from omni_release.smoke import evidence, gateway

SOURCE = Path(vendors.__file__).parents[1]
WIRE = (
    "models/sources.py",
    "emulators/anthropic.py",
    "emulators/gemini.py",
    "emulators/openai.py",
    "images/openai.py",
    "images/openai_endpoint.py",
)
"""What writes and reads the header of a key names it."""

PROSE = ("smoke/scenarios.py",)
"""A test that looks for the variable in a hint."""


def read(text: str) -> settings.Settings:
    """The settings of a pyproject.toml with this table."""
    text = f"[tool.omni-release.smoke]\n{text}\n"
    return settings.read(tomllib.loads(text), Path("pyproject.toml"), text)


def test_each_name_is_a_setting() -> None:
    """The settings accept the names of the table, in any order, and no other."""
    assert set(typing.get_args(vendors.VendorName)) == set(VENDORS)
    names = sorted(VENDORS)
    assert read(f"vendors = {names}".replace("'", '"')).smoke.vendors == tuple(names)
    assert read("").smoke.vendors == ("gemini",)


@pytest.mark.parametrize("name", ["gogle", "OpenAI", "", "google"])
def test_unknown_name(name: str) -> None:
    """The error has the line, and the known names."""
    with pytest.raises(SettingsError) as raised:
        read(f'budget = 1\nvendors = ["openai", "{name}"]')
    assert (raised.value.line, raised.value.exit_code) == (3, EXIT_USAGE)
    assert "`vendors` in [tool.omni-release.smoke] must be one of" in raised.value.message
    assert all(repr(known) in raised.value.message for known in VENDORS)


@pytest.mark.parametrize("name", VENDORS)
def test_a_row(name: str) -> None:
    """Its variables are withheld from programs, its headers and parameters are secret, its hosts are found."""
    vendor = VENDORS[name]
    assert withheld(dict.fromkeys(vendor.keys, "value")) == tuple(sorted(vendor.keys))
    assert all(is_secret_header(header) and is_secret_header(header.title()) for header in vendor.headers)
    for parameter in vendor.parameters:
        assert Scrubber().key_free_uri(f"https://h/p?{parameter}=abc&b=1") == f"https://h/p?{parameter}={REDACTED}&b=1"
    for host in vendor.hosts:
        found = [vendors.vendor_at(each) for each in (host, f"eu.{host}", host.upper(), f"{host}.")]
        assert found == [name] * 4
        assert not vendors.vendor_at(f"{host}.example.com") and not vendors.vendor_at(f"not{host}")
    assert vendor.platform in (*PLATFORMS, "")
    environment = {vendor.keys[-1]: " key-of-the-vendor "}
    assert vendors.keys_set(environment) == ("key-of-the-vendor",)
    assert vendors.lacking_key(environment, [name]) == () and vendors.lacking_key({}, [name]) == (vendor,)
    assert vendor.key_names in vendors.missing_keys([vendor])[1]


def test_no_second_list() -> None:
    """No other module has a host, a variable or a header of a vendor as a value."""
    values = (text for v in VENDORS.values() for text in (*v.keys, *v.hosts, *v.base_urls, *v.headers, *v.account))
    named = frozenset(map(str.lower, values)) - {"authorization"}
    found = []
    for path in SOURCE.rglob("*.py"):
        name, text = path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8")
        if name in ("core/vendors.py", *WIRE, *PROSE) or not any(word in text.lower() for word in named):
            continue
        constants = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        found += [(name, node.value) for node in constants if str(node.value).lower() in named]
    assert not found


PATHS = {
    "/v1/chat/completions": "chat",
    "/openai/v1/chat/completions": "chat",
    "/openai/deployments/mine/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/responses": "responses",
    "/v1/responses/input_tokens": "count tokens",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count tokens",
    "/v1beta/models/gemini-3-pro-image:generateContent": "generateContent",
    "/v1/projects/p/publishers/google/models/gemini-3.6-flash:streamGenerateContent": "generateContent",
    "/v1/projects/p/publishers/anthropic/models/claude-opus-5:streamRawPredict": "messages",
    "/v1beta/models/gemini-3-pro-image:countTokens": "count tokens",
    "/v1/images/generations": "images",
    "/v1/images/edits": "images",
    "/v1/embeddings": "embeddings",
    "/v1/moderations": "moderations",
    "/v2/chat": "chat of Cohere",
    "/v1/audio/speech": None,
    "/v1/models": None,
    "/": None,
}


@pytest.mark.parametrize("path", PATHS)
def test_form_of_a_path(path: str) -> None:
    """A request is recognised by its path, whatever host it goes to."""
    form, model = api_forms.form_at(path)
    assert (form.name if form else None) == PATHS[path]
    assert model == (
        path.rpartition("/")[2].partition(":")[0] if form and form.name != "count tokens" and ":" in path else ""
    )


def test_base_urls() -> None:
    """One address is that of the first vendor; a table names them, and knows the vendors."""
    assert gateway(read('base-url = "https://g"').smoke) == {"GOOGLE_GEMINI_BASE_URL": "https://g"}
    both = '{ openai = "https://g/v1", anthropic = "https://g" }'
    named = read(f'vendors = ["openai", "anthropic"]\nbase-url = {both}').smoke
    assert gateway(named) == {"OPENAI_BASE_URL": "https://g/v1", "ANTHROPIC_BASE_URL": "https://g"}
    assert gateway(read("").smoke) == {}
    with pytest.raises(SettingsError, match="must be one of"):
        read('base-url = { opnai = "https://g/v1" }')
    with pytest.raises(SettingsError, match="must be a string"):
        read("base-url = 5")
    with pytest.raises(UsageError, match="names Mistral, which has no variable for it"):
        gateway(read('vendors = ["mistral"]\nbase-url = "https://g"').smoke)


ADDRESSES = [
    ('vendors = ["openai"]', {}, ""),
    ('vendors = ["openai"]', {"OPENAI_BASE_URL": "https://api.openai.com/v1"}, ""),
    ('vendors = ["openai"]', {"OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}, ""),
    ('vendors = ["openai"]', {"OPENAI_BASE_URL": "https://me:pw@g/v1"}, "https://[redacted]@g/v1"),
    ('vendors = ["openai"]', {"ANTHROPIC_BASE_URL": "https://g"}, ""),
    ('vendors = ["azure"]', {"AZURE_OPENAI_ENDPOINT": "https://acme.openai.azure.com"}, ""),
    ('vendors = ["openai"]\nbase-url = "https://g/v1"', {"OPENAI_BASE_URL": "https://other"}, "https://g/v1"),
    (
        'vendors = ["openai", "anthropic"]\nbase-url = "https://g/v1"',
        {"ANTHROPIC_BASE_URL": "https://other"},
        "https://g/v1, https://other",
    ),
]


@pytest.mark.parametrize(("text", "environment", "expected"), ADDRESSES)
def test_addresses_in_place_of_the_service(text: str, environment: dict[str, str], expected: str) -> None:
    """An address of the service itself is no other one; a gateway is, whether the settings or a variable names it."""
    assert evidence.addresses(read(text).smoke, environment) == expected
