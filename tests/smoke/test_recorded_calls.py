"""Each recorded body of a text API through the meter and the contract reader, from a local server.

The bodies of the images APIs go through the real clients: see tests/images/test_recorded_gemini.py and _openai.py.
"""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from omni_release import cassettes
from omni_release.cassettes import Interaction, Scrubber, exchanges
from omni_release.smoke.answers import Call
from omni_release.smoke.metering import Meter
from omni_release.smoke.response_schema import schemas_of
from omni_release.smoke.traffic import Recording, use_recording
from tests.images.conftest import EVIDENCE, Answers, needs_evidence

pytestmark = needs_evidence


ROWS: dict[str, tuple[list[Any], dict[str, int]]] = {
    # text: each call as (answered, tokens, USD, refused), and the kinds of responses that the contract reader finds
    "text/crmne_ruby_llm__chat_error_handling_with_anthropic": (
        [("", None, None, 0.0, "authentication_error")],
        {"error authentication_error of Anthropic": 1},
    ),
    "text/crmne_ruby_llm__chat_real_error_scenarios_anthropic": (
        [("", None, None, 0.0, "")],
        {"error invalid_request_error of Anthropic": 1},
    ),
    "text/crmne_ruby_llm__moderation": (
        [("omni-moderation-latest", None, None, 0.0, "")],
        {"answer of moderations": 1},
    ),
    # 2,411 and 145 tokens of claude-sonnet-5, and 2,543 and 18 of its adviser, claude-opus-4-8
    "text/pydantic_pydantic-ai__test_anthropic_advisor_tool_stream": (
        [("claude-sonnet-5", 2411, 145, 0.019437, "")],
        {
            **{f"event content_block_{word} of messages": n for word, n in (("delta", 7), ("start", 5), ("stop", 5))},
            **{f"event message_{word} of messages": 1 for word in ("delta", "start", "stop")},
            "event ping of messages": 1,
        },
    ),
    "text/pydantic_pydantic-ai__test_anthropic_count_tokens_error": (
        [("", None, None, 0.0, "")],
        {"error not_found_error of Anthropic": 1},
    ),
    "text/pydantic_pydantic-ai__test_anthropic_explicit_effort": (
        [("", None, None, 0.0, "")],
        {"error invalid_request_error of Anthropic": 1},
    ),
    "text/pydantic_pydantic-ai__test_anthropic_model_thinking_part_redacted": (
        [
            ("claude-sonnet-4-5-20250929", 92, 196, 0.003216, ""),
            ("claude-sonnet-4-5-20250929", 168, 232, 0.003984, ""),
        ],
        {"answer of messages": 2},
    ),
    "text/pydantic_pydantic-ai__test_anthropic_model_usage_limit": (
        [("", None, None, 0.0, ""), ("claude-sonnet-4-5-20250929", 19, 77, 0.001212, "")],
        {"answer of count tokens": 1, "answer of messages": 1},
    ),
    # without a price in the table of models, the cost is unknown
    "text/pydantic_pydantic-ai__test_openai_moderation_stream": (
        [("gpt-5-2025-08-07", 13, 11, None, "")],
        {"answer of chat in chunks": 6},
    ),
    "text/pydantic_pydantic-ai__test_openai_responses_model_http_error": (
        [("", None, None, 0.0, "")],
        {"error decimal_below_min_value": 1},
    ),
    "text/pydantic_pydantic-ai__test_openai_responses_model_simple": (
        [("gpt-4o-2024-08-06", 14, 8, None, "")],
        {"answer of responses": 1},
    ),
    "text/pydantic_pydantic-ai__test_responses_usage_limit": (
        [("", None, None, 0.0, "")],
        {"answer of count tokens": 1},
    ),
    # the images API of OpenAI and xAI, the second GET included
    "openai/crmne_ruby_llm__chat_error": ([("", None, None, 0.0, "invalid_api_key")], {"error invalid_api_key": 1}),
    "openai/crmne_ruby_llm__chat_real_error": ([("", None, None, 0.0, "")], {"error context_length_exceeded": 1}),
    "openai/crmne_ruby_llm__image_basic_functionality_openai": (
        [("gpt-image-1", None, None, 0.16645, "")],
        {"answer of images": 1},
    ),
    "openai/crmne_ruby_llm__image_basic_functionality_xai": (
        [("grok-imagine-image", None, None, 0.02, ""), ("", None, None, 0.0, "")],
        {"answer of images": 1},
    ),
    "openai/crmne_ruby_llm__image_edit_functionality_with_flexible": (
        [("gpt-image-2", None, None, 0.004172, "")],
        {"answer of images": 1},
    ),
    "openai/crmne_ruby_llm__image_edit_functionality_with_local": (
        [("gpt-image-1.5", None, None, 0.011821, "")],
        {"answer of images": 1},
    ),
    "openai/crmne_ruby_llm__image_edit_functionality_with_remote_urls_rejects_edits_with_a_url_having": (
        [("", None, None, 0.0, "")],
        {"error invalid_image_file": 1},
    ),
    "openai/crmne_ruby_llm__image_edit_functionality_with_remote_urls_rejects_edits_with_a_url_that": (
        [("", None, None, 0.0, "")],
        {"error invalid_value": 1},
    ),
    "openai/pydantic_pydantic-ai__model_name_suggestion[anthropic]": (
        [("", None, None, 0.0, "")],
        {"error not_found_error of Anthropic": 1},
    ),
    "openai/pydantic_pydantic-ai__model_name_suggestion[bedrock]": ([("", None, None, 0.0, "")], {"error 400": 1}),
    "openai/pydantic_pydantic-ai__model_name_suggestion[groq]": (
        [("", None, None, 0.0, "")],
        {"error model_not_found": 1},
    ),
    "openai/pydantic_pydantic-ai__model_name_suggestion[openai-chat]": (
        [("", None, None, 0.0, "")],
        {"error model_not_found": 1},
    ),
    # text of Gemini
    "gemini/Mirascope_mirascope__test_authentication": (
        [("", None, None, 0.0, "INVALID_ARGUMENT")],
        {"error INVALID_ARGUMENT": 1},
    ),
    "gemini/Mirascope_mirascope__test_model_not_found": ([("", None, None, 0.0, "")] * 2, {"error NOT_FOUND": 2}),
    "gemini/pydantic_pydantic-ai__TestImageGenerationCapability": (
        [("gemini-3-pro-image", None, None, 0.137744, "")],
        {"answer": 1},
    ),
    "gemini/pydantic_pydantic-ai__test_google_image_generation_with_text": (
        [("gemini-3-pro-image-preview", None, None, 0.138472, "")],
        {"answer": 1},
    ),
    "gemini/pydantic_pydantic-ai__test_google_image_or_text_output": (
        [("gemini-2.5-flash-image", 18, 48, 0.0001254, ""), ("gemini-2.5-flash-image", None, None, 0.038738, "")],
        {"answer": 2},
    ),
    "gemini/pydantic_pydantic-ai__test_google_model_max_tokens": (
        [("gemini-2.5-pro", 15, 2, 0.00003875, "")],
        {"answer": 1},
    ),
    "gemini/pydantic_pydantic-ai__test_google_model_safety": (
        [("gemini-1.5-flash", 14, 0, None, "")],
        {"answer": 1},
    ),
    "gemini/pydantic_pydantic-ai__test_google_vertexai": (
        [("gemini-2.5-flash-image", None, None, 0.0387027, "")],
        {"answer": 1},
    ),
    "gemini/pydantic_pydantic-ai__test_model_name_suggestion": (
        [("", None, None, 0.0, "")],
        {"error NOT_FOUND": 1},
    ),
    "gemini/simonw_llm-gemini__test_cli_gemini_models": ([("", None, None, 0.0, "")] * 2, {"models": 2}),
    "gemini/simonw_llm-gemini__test_tools": (
        [("gemini-3-flash-preview", 60, 48, None, ""), ("gemini-3-flash-preview", 121, 9, None, "")],
        {"answer in chunks": 5},
    ),
}
NOT_RECORDED = {"gemini/crmne_ruby_llm__chat_real_error_scenarios": 429}
"""A fault of the service is no recording."""


def evidence(row: str) -> Path:
    """The file of a row."""
    folder, _, name = row.partition("/")
    (path,) = (path for path in (EVIDENCE.parent / folder).iterdir() if path.name.startswith(name))
    return path


def call(base: str, found: Interaction) -> None:
    """Make a recorded request again, at a server on this machine."""
    parts = urllib.parse.urlsplit(found.uri)
    url = base + urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
    headers = {"content-type": "application/json"}
    method = found.method.upper()
    request = urllib.request.Request(url, found.sent if method == "POST" else None, headers, method=method)
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()


def metered(path: Path, cassette: Path) -> tuple[Call, ...]:
    """The calls of a recording as the meter sees them, and a cassette of them."""
    found = cassettes.read(path).interactions
    meter = Meter(50.0)
    recording = Recording(cassette, Scrubber(), "live", replay=False)
    replies = [(each.code, each.body, {"content-type": each.headers.get("content-type", "")}) for each in found]
    with Answers(*replies) as server, use_recording(recording, meter):
        for each in found:
            call(server.url, each)
        assert len(server.received) == len(found)
    recording.write("2026-11-26T00:00:00+00:00")
    return meter.calls()


@pytest.mark.parametrize("row", ROWS)
def test_recorded(row: str, tmp_path: Path) -> None:
    """It comes out as in the table, also from the small cassette that is written of it, which holds the same shapes."""
    expected, kinds = ROWS[row]
    path, cassette = evidence(row), tmp_path / "a.yaml"
    calls = metered(path, cassette)
    said = [(each.answered, each.sent, each.received, each.usd) for each in calls]
    assert said == [(*wanted[:3], None if wanted[3] is None else pytest.approx(wanted[3])) for wanted in expected]
    for each, wanted in zip(calls, expected, strict=True):
        assert wanted[4] in each.set_up and bool(wanted[4]) == bool(each.set_up)
        assert not each.fault
    shapes = schemas_of(exchanges.read(path))
    assert {kind: shape.samples for kind, shape in shapes.items()} == kinds
    again = schemas_of(exchanges.read(cassette))
    assert {kind: set(shape.fields) for kind, shape in again.items()} == {
        kind: set(shape.fields) for kind, shape in shapes.items()
    }
    assert cassette.stat().st_size < 70_000


def test_every_file_is_in_the_table() -> None:
    """So that a new recording is tried, too; Google's own formats are read by the tests of the provider."""
    files = {path for folder in ("text", "openai", "gemini") for path in cassettes.in_folder(EVIDENCE.parent / folder)}
    rows = {evidence(row) for row in (*ROWS, *NOT_RECORDED)}
    assert files == rows
