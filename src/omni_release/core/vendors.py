"""The vendors of AI services: their keys, hosts, secret headers, and the patterns of their keys.

All that depends on a vendor is looked up here, by settings, redaction, cassettes, emulators and live runs; how their
requests and answers are read is in `api_forms`. Sources: the vendors' API descriptions and SDKs of November 2026.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

VendorName = typing.Literal[
    "gemini", "openai", "anthropic", "xai", "mistral", "deepseek", "cohere", "groq", "openrouter", "azure"
]
"""The names in `vendors` of [tool.omni-release.smoke]; `VENDORS` has each of them."""


class Vendor(typing.NamedTuple):
    """A service. `keys` are the variables of its key, of which one is enough; its SDK reads the first.

    `hosts` are names of hosts, or their parent domains, `base_urls` the variables that lead its SDK to another address,
    and `headers` those that hold the key (in lower case). `parameters` are those of an address that do. `shapes` are
    patterns of its keys, by what a finding calls them. `account` are headers of the account, by their variables.
    `address` is used in a replay, where a service has none of its own, and `exact_names` is False where a name
    is one that the account chose.
    """

    title: str
    keys: tuple[str, ...]
    hosts: tuple[str, ...]
    platform: str = ""
    sdk: str = ""
    base_urls: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("authorization",)
    parameters: tuple[str, ...] = ()
    shapes: Mapping[str, bytes] = MappingProxyType({})
    account: Mapping[str, str] = MappingProxyType({})
    address: str = ""
    exact_names: bool = True

    @property
    def key_names(self) -> str:
        """The variables of its key, as messages name them."""
        return " or ".join(self.keys)


# A short prefix is also found by chance (in base64, or `task-` in an address): such a key begins a word, or follows an
# escape (%3D, \n). The shapes are public: issuers give their keys a fixed prefix so that scanners find them.
WORD_START = rb"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
_RANDOM = rb"(?=[\w-]*[0-9])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{40,}"

VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {
        "gemini": Vendor(
            "the Gemini API",
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            ("generativelanguage.googleapis.com",),
            "gemini-api",
            "google-genai",
            ("GOOGLE_GEMINI_BASE_URL",),
            ("x-goog-api-key", "authorization"),
            ("key", "access_token"),
            {
                "a Google API key": WORD_START + rb"AIza[\w-]{35}",
                "a Google access token": WORD_START + rb"ya29\.[\w.-]{30,}",
            },
        ),
        "openai": Vendor(
            "OpenAI",
            ("OPENAI_API_KEY",),
            ("api.openai.com",),
            "openai",
            "openai",
            ("OPENAI_BASE_URL",),
            shapes={"an OpenAI key": WORD_START + rb"sk-(?!ant-)" + _RANDOM},
            account={"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"},
        ),
        "anthropic": Vendor(
            "Anthropic",
            ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
            ("api.anthropic.com",),
            "anthropic",
            "anthropic",
            ("ANTHROPIC_BASE_URL",),
            ("x-api-key", "authorization"),
            shapes={"an Anthropic key": WORD_START + rb"sk-ant-" + _RANDOM},
        ),
        "xai": Vendor(
            "xAI",
            ("XAI_API_KEY",),
            ("api.x.ai",),
            "xai",
            "xai-sdk",
            shapes={"an xAI key": WORD_START + rb"xai-[0-9A-Za-z]{80}"},
        ),
        "mistral": Vendor("Mistral", ("MISTRAL_API_KEY",), ("api.mistral.ai",), "mistral", "mistralai"),
        "deepseek": Vendor(
            "DeepSeek",
            ("DEEPSEEK_API_KEY",),
            ("api.deepseek.com",),
            "deepseek",
            shapes={"a DeepSeek key": WORD_START + rb"sk-[0-9a-f]{32}(?![\w-])"},
        ),
        "cohere": Vendor(
            "Cohere",
            ("CO_API_KEY", "COHERE_API_KEY"),
            ("api.cohere.com", "api.cohere.ai"),
            "cohere",
            "cohere",
            ("CO_API_URL",),
        ),
        "groq": Vendor(
            "Groq",
            ("GROQ_API_KEY",),
            ("api.groq.com",),
            sdk="groq",
            base_urls=("GROQ_BASE_URL",),
            shapes={"a Groq key": WORD_START + rb"gsk_[0-9A-Za-z]{52}"},
        ),
        "openrouter": Vendor(
            "OpenRouter",
            ("OPENROUTER_API_KEY",),
            ("openrouter.ai",),
            shapes={"an OpenRouter key": WORD_START + rb"sk-or-v1-[0-9a-f]{64}(?![\w-])"},
        ),
        "azure": Vendor(
            "Azure OpenAI",
            ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
            ("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
            "azure",
            "openai",
            ("AZURE_OPENAI_ENDPOINT",),
            ("api-key", "authorization"),
            address="https://recorded.openai.azure.com",
            exact_names=False,
        ),
    }
)

KEY_VARIABLES = tuple(name for vendor in VENDORS.values() for name in vendor.keys)
KEY_HEADERS = frozenset(name for vendor in VENDORS.values() for name in vendor.headers)
KEY_PARAMETERS = tuple(dict.fromkeys(name for vendor in VENDORS.values() for name in vendor.parameters))


def keys_set(environment: Mapping[str, str], names: Iterable[str] = tuple(VENDORS)) -> tuple[str, ...]:
    """The keys of these vendors that an environment holds."""
    variables = (variable for name in names for variable in VENDORS[name].keys)
    return tuple(filter(None, (environment.get(variable, "").strip() for variable in variables)))


def lacking_key(environment: Mapping[str, str], names: Iterable[str]) -> tuple[Vendor, ...]:
    """Those of these vendors of which no variable holds a key."""
    return tuple(VENDORS[name] for name in names if not keys_set(environment, (name,)))


def missing_keys(vendors: Iterable[Vendor]) -> tuple[str, str]:
    """What to say of vendors without a key, and what to set."""
    found = tuple(vendors)
    named = ", ".join(f"{vendor.title} ({vendor.key_names})" for vendor in found)
    return f"there is no key of {named}", "Set " + ", and ".join(vendor.key_names for vendor in found)


_OTHER_SERVICES = (
    r"(?:^|[.-])aiplatform\.googleapis\.com$|^bedrock(?:-agent)?-runtime[.-].*\.amazonaws\.com$"
    r"|(?:^|\.)(?:api\.stability\.ai|bfl\.ai|api\.replicate\.com|api\.together\.xyz|api\.perplexity\.ai)$"
    r"|(?:^|\.)(?:api-inference|router)\.huggingface\.co$|(?:^|\.)fireworks\.ai$"
)


def is_other_service(host: str) -> bool:
    """Whether it is the host of an AI service that is not in `VENDORS`: what a call to it costs is unknown."""
    return re.search(_OTHER_SERVICES, host.lower().rstrip(".")) is not None


def vendor_at(host: str) -> str:
    """The vendor whose service has this host; empty for any other host, such as a gateway."""
    host = host.lower().rstrip(".")
    for name, vendor in VENDORS.items():
        if any(host == known or host.endswith(f".{known}") for known in vendor.hosts):
            return name
    return ""


def shapes() -> Iterator[tuple[str, bytes]]:
    """The patterns of the keys of all vendors, by what a finding calls them."""
    for vendor in VENDORS.values():
        yield from vendor.shapes.items()


def overview() -> str:
    """The vendors as a table in Markdown: what to write in the settings, and what each needs."""
    lines = ["| `vendors` | service | a key in | variable of its base URL |", "|---|---|---|---|"]
    for name, vendor in VENDORS.items():
        keys, urls = (", ".join(f"`{variable}`" for variable in names) for names in (vendor.keys, vendor.base_urls))
        lines.append(f"| `{name}` | {vendor.title} | {keys} | {urls or '–'} |")
    return "\n".join((*lines, ""))
