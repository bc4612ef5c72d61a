"""The written forms of a model's name: with the prefix of a client, a path, a region, a date."""

from __future__ import annotations

import re

_PREFIXES = {
    "gemini-api": "gemini google_genai google-genai google-gla google_ai_studio",
    "vertex-ai": "vertex_ai vertexai google-vertex google_vertexai vertex google-vertex-ai google_anthropic_vertex",
    "azure": "azure azure_ai azure_openai azure-openai azureopenai azure_text foundry",
    "bedrock": "bedrock bedrock_converse amazon_bedrock amazon-bedrock aws-bedrock converse",
    "openai": "openai ft openai_responses openai-responses openai-chat text-completion-openai",
    "anthropic": "anthropic claude",
    "xai": "xai x-ai grok",
    "mistral": "mistral mistralai",
    "cohere": "cohere cohere_chat",
    "deepseek": "deepseek deepseek-ai",
    "black-forest-labs": "black-forest-labs black_forest_labs bfl",
    "stability": "stability stabilityai",
}
_PLATFORM = {prefix: platform for platform, prefixes in _PREFIXES.items() for prefix in prefixes.split()}
_RESALE = frozenset(("openrouter", "litellm_proxy", "vercel", "requesty", "~"))
_BEFORE = re.compile(r"([\w.~-]+)[/:]$")
_VERTEX_PATH = re.compile(r"(?:publishers/[\w-]+/|vertex_ai/)models?/$")
REGION = re.compile(r"(?:us|eu|apac|au|jp|ca|global|us-gov)\.(?=[a-z0-9]+\.)")
"""The region in front of a model's id on Bedrock."""

_BEDROCK = re.compile(
    r"(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|stability|twelvelabs|qwen|google|minimax|moonshot(?:ai)?"
    r"|nvidia|zai|openai)\.[a-z]"
)
_BEDROCK_TAIL = re.compile(r"-v\d+(?::\d+(?::\d+k)?)?$|:\d+(?::\d+k)?$")
_SNAPSHOT = re.compile(
    r"-(?:\d{4}-\d\d-\d\d|\d{8}|\d\d-\d{4}|\d\d-\d\d|\d{4}|\d{3})$|@(?:\d{8}|\d{3}|default|latest)$|-latest$"
)


def platform_before(text: str) -> str:
    """The platform that the text in front of a name states: `vertex_ai/`, `google_genai:`, `publishers/…/models/`."""
    if _VERTEX_PATH.search(text):
        return "vertex-ai"
    found = _BEFORE.search(text)
    if found is None:
        return ""
    platform = _PLATFORM.get(found[1].lower().lstrip("~"), "")
    above = _BEFORE.search(text[: found.start()])
    if above and (above[1].lower() in _RESALE or _PLATFORM.get(above[1].lower()) in ("azure", "bedrock", "vertex-ai")):
        return _PLATFORM.get(above[1].lower(), platform)
    return platform


def split(written: str) -> tuple[str, str]:
    """The platform that a written name states (empty: none), and the name: without prefix, path, method and tail."""
    text = written.strip()
    tuned = re.match(r"ft:([^:]+)", text)
    if tuned:
        return "openai", tuned[1]
    head, slash, name = text.rpartition("/")
    if not slash and not _BEDROCK.match(REGION.sub("", text)) and ":" in text:
        head, slash, name = text.partition(":")
        if head not in _PLATFORM:
            head, slash, name = "", "", text
    name = re.sub(r":(?:generate|stream|predict|count|embed|batch|raw)\w*$", "", name)
    return platform_before(head + slash) if slash else "", name


def spellings(name: str) -> tuple[str, ...]:
    """The spellings under which a table may list a name, the nearest one first."""
    found = [name]
    if REGION.match(name):
        found.append(REGION.sub("", name))
    if name.startswith("claude-") and re.search(r"\d\.\d", name):
        found.append(re.sub(r"(?<=\d)\.(?=\d)", "-", name))
    if name.startswith("claude-") and "@" in name:
        found.append(name.removesuffix("@default").replace("@", "-"))
    if name.lower() != name:
        found.append(name.lower())
    return tuple(dict.fromkeys(found))


def is_of_bedrock(name: str) -> bool:
    """Whether a name is an id of Bedrock: `us.anthropic.claude-…-v1:0`."""
    return _BEDROCK.match(REGION.sub("", name)) is not None


def is_of_vertex(name: str) -> bool:
    """Whether a name has the form that only Vertex AI uses: `claude-…@20250514`."""
    return "@" in name


def vendor_name(bedrock_id: str) -> str:
    """The vendor's own name of a model of Bedrock: `claude-sonnet-4-5-20250929`."""
    return _BEDROCK_TAIL.sub("", REGION.sub("", bedrock_id).partition(".")[2])


def without_date(name: str) -> str:
    """The name without the date or number of its snapshot; the name itself where it has none."""
    return _SNAPSHOT.sub("", name)
