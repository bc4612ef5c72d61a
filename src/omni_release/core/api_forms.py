"""The forms of the vendors' APIs: how a request is recognised, and where its answer has model, tokens and cost.

Sources: the vendors' API descriptions and SDKs of November 2026, and recorded traffic. Where the table of models has no
price, tokens are counted and the cost is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from omni_release.core.vendors import VendorName


@dataclass(frozen=True)
class Tokens:
    """Where a usage object has its counts, each a path of names (a number is an item of a list).

    `input` and `output` are added up; the first of each must be there, unless the service `may_lack` one that is 0.
    `cached` were read from a cache, and are part of the input, unless `cached_apart`. They cost `cached_at` of the
    price of the input, where the table of models has no price of them. `written` were written to a cache, by what each
    costs of that price; `written_total` is their sum, and may be all that is there. What `total` has beyond both is
    output. `unpriced` are counts of what has other prices: with any of these the cost is unknown. `stated` are costs,
    by what a unit of them is in USD.
    """

    input: tuple[str, ...]
    output: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()
    written: Mapping[str, float] = field(default_factory=dict)
    total: str = ""
    unpriced: tuple[str, ...] = ()
    stated: Mapping[str, float] = field(default_factory=dict)
    cached_apart: bool = False
    cached_at: float = 1.0
    written_total: str = ""
    may_lack: bool = False


@dataclass(frozen=True)
class Form:
    """A kind of call: the pattern of its path, and how its answer, or each event of a stream, is read.

    The model that was asked is `model` of the path, or that of the body. `answered` and `usage` are the places of the
    model and of the usage; those of a later event count. A stream is whole when one of `ended` is there. `marks`
    recognise an answer without its request: a place and its value (empty: any). `limits` are the places of the most
    tokens of an answer, `tier` those of its service tier. `extras` are types of items of an answer that are billed
    apart. `wire` is the vendor whose API it is, where the host does not say: a gateway, a server on this machine.
    """

    name: str
    path: str
    wire: VendorName = "openai"
    free: bool = False
    answered: tuple[str, ...] = ("model",)
    usage: tuple[str, ...] = ("usage",)
    tokens: Tokens = Tokens(())
    ended: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    limits: tuple[str, ...] = ()
    tier: tuple[str, ...] = ("service_tier",)
    extras: frozenset[str] = frozenset()


_OPENAI_COSTS = {"cost_in_usd_ticks": 1e-10, "cost": 1.0}
"""Of xAI (10^10 ticks of a dollar: from a recorded image of $0.02), and of OpenRouter (its credits are USD)."""

_CHAT_TOKENS = Tokens(
    input=("prompt_tokens",),
    output=("completion_tokens",),
    cached=("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens"),
    total="total_tokens",
    unpriced=(
        *("prompt_tokens_details.audio_tokens", "completion_tokens_details.audio_tokens"),
        *("prompt_tokens_details.cache_write_tokens", "num_sources_used"),
    ),
    stated=_OPENAI_COSTS,
)
_CHAT_LIMITS = ("max_completion_tokens", "max_tokens")

FORMS: tuple[Form, ...] = (
    # Counting tokens, listing models and moderating cost nothing.
    Form("count tokens", r":countTokens$|/messages/count_tokens$|/responses/input_tokens$", free=True),
    Form("moderations", r"/moderations$", free=True, marks=(("results.0.flagged", ""),)),
    Form(
        "generateContent",
        r"models/(?P<model>[^/:]+):(?:g|streamG)enerateContent$",
        "gemini",
        answered=("modelVersion",),
        usage=("usageMetadata",),
        tokens=Tokens(
            input=("promptTokenCount", "toolUsePromptTokenCount"),
            output=("candidatesTokenCount", "thoughtsTokenCount"),
            cached=("cachedContentTokenCount",),
            total="totalTokenCount",
            may_lack=True,
        ),
        ended=("candidates.0.finishReason", "promptFeedback.blockReason"),
        marks=(("candidates", ""), ("promptFeedback", "")),
        limits=("generationConfig.maxOutputTokens",),
        tier=("usageMetadata.serviceTier",),
    ),
    Form(
        "messages",
        r"/messages$|models/(?P<model>[^/:]+):(?:r|streamR)awPredict$",
        "anthropic",
        answered=("message.model", "model"),
        usage=("message.usage", "usage"),
        tokens=Tokens(
            input=("input_tokens",),
            output=("output_tokens",),
            cached=("cache_read_input_tokens",),
            # Anthropic's prices of prompt caching: a tenth to read, 1.25 times for five minutes, twice for an hour.
            written={"cache_creation.ephemeral_5m_input_tokens": 1.25, "cache_creation.ephemeral_1h_input_tokens": 2.0},
            written_total="cache_creation_input_tokens",
            cached_apart=True,
            cached_at=0.1,
            unpriced=("server_tool_use.web_search_requests", "server_tool_use.code_execution_requests"),
        ),
        ended=("delta.stop_reason", "stop_reason"),
        marks=(("type", "message"), ("type", "message_start")),
        limits=("max_tokens",),
        tier=("message.usage.service_tier", "usage.service_tier"),
    ),
    Form(
        "responses",
        r"/responses$",
        answered=("response.model", "model"),
        usage=("response.usage", "usage"),
        tokens=Tokens(
            input=("input_tokens",),
            output=("output_tokens",),
            cached=("input_tokens_details.cached_tokens",),
            total="total_tokens",
            stated=_OPENAI_COSTS,
        ),
        ended=("response.usage", "usage"),
        marks=(("object", "response"), ("response.object", "response")),
        limits=("max_output_tokens",),
        tier=("response.service_tier", "service_tier"),
        extras=frozenset(
            (
                *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
                *("x_search_call", "shell_call"),
            )
        ),
    ),
    Form(
        "chat",
        r"/chat/completions$",
        tokens=_CHAT_TOKENS,
        ended=("choices.0.finish_reason",),
        marks=(("object", "chat.completion"), ("object", "chat.completion.chunk")),
        limits=_CHAT_LIMITS,
    ),
    Form(
        "completions",
        r"/completions$",
        tokens=_CHAT_TOKENS,
        ended=("choices.0.finish_reason",),
        marks=(("object", "text_completion"),),
        limits=_CHAT_LIMITS,
    ),
    Form(
        "chat of Cohere",
        r"/v2/chat$",
        "cohere",
        answered=(),
        usage=("delta.usage", "usage"),
        tokens=Tokens(input=("billed_units.input_tokens",), output=("billed_units.output_tokens",)),
        ended=("delta.finish_reason", "finish_reason"),
        limits=("max_tokens",),
    ),
    Form(
        "images",
        r"/images/(?:generations|edits|variations)$",
        tokens=Tokens(input=("input_tokens",), output=("output_tokens",), stated=_OPENAI_COSTS),
        marks=(("data.0.b64_json", ""), ("type", "image_generation.completed"), ("type", "image_edit.completed")),
    ),
    Form(
        "embeddings",
        r"/embeddings$",
        tokens=Tokens(input=("prompt_tokens",), total="total_tokens"),
        marks=(("data.0.embedding", ""),),
    ),
)
"""All kinds of calls that are known. Each other call to a vendor has a cost that is unknown."""

LIST_TIERS = frozenset(("", "default", "standard", "auto"))
"""The service tiers at the listed price, in lower case; that of any other tier is unknown."""


def form_at(path: str) -> tuple[Form | None, str]:
    """The form of a request to this path, and the model in the path (empty: it is in the body)."""
    for form in FORMS:
        if match := re.search(form.path, path):
            return form, match.groupdict().get("model") or ""
    return None, ""
