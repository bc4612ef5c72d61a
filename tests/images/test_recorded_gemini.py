"""Each recorded body of the Gemini API through the real client: the result or the error, calls, cost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from omni_release.images import GeminiImageProvider, ImageRequest, ImageResult, Policy, ResilientProvider, errors
from tests.images.conftest import EVIDENCE, PRO, Answers, EventLog, needs_evidence, planted_key, run

pytestmark = needs_evidence

FIREBASE = "FirebaseExtended_vertexai-sdk-test-data__googleai_"
TABLE = [
    # file, number of its answer, the result (type, width, height, cost) or the error and its cost, calls
    ("excerpts/200_image_other.json", 0, (errors.NoImage, 0.0), 1),
    ("excerpts/200_image_safety.json", 0, (errors.ContentRefused, 0.00442), 1),
    ("excerpts/400_image_part_missing_signature.json", 0, (errors.RequestRejected, 0.0), 1),
    ("excerpts/400_user_location.json", 0, (errors.ConfigurationError, 0.0), 1),
    ("excerpts/403_key_leaked.json", 0, (errors.ConfigurationError, 0.0), 1),
    ("excerpts/429_prepay_depleted.json", 0, (errors.CreditsExhausted, 0.0), 1),
    ("excerpts/500_internal.json", 0, (errors.RetriesExhausted, 0.0), 2),
    ("excerpts/503_high_demand.json", 0, (errors.RetriesExhausted, 0.0), 2),
    ("excerpts/503_model_overloaded.json", 0, (errors.RetriesExhausted, 0.0), 2),
    (f"{FIREBASE}streaming-success-empty-parts.txt", 0, (errors.RetriesExhausted, None), 2),  # a stream is no answer
    (f"{FIREBASE}unary-failure-generativelanguage-api-not-enabled.json", 0, (errors.ConfigurationError, 0.0), 1),
    (f"{FIREBASE}unary-failure-only-prompt-feedback.json", 0, (errors.ContentRefused, 0.0), 1),
    (f"{FIREBASE}unary-failure-unknown-model.json", 0, (errors.ModelNotFound, 0.0), 1),
    ("Mirascope_mirascope__test_authentication_error_google_gemini_2_5_flash.yaml", 0,
     (errors.ConfigurationError, 0.0), 1),
    ("Mirascope_mirascope__test_model_not_found_google_gemini_2_5_flash.yaml", 0, (errors.ModelNotFound, 0.0), 1),
    ("crmne_ruby_llm__chat_real_error_scenarios_gemini_gemini-2_5-flash_handles_context_length_exceeded_errors.yml", 0,
     (errors.RetriesExhausted, 0.0), 1),  # its wait of 48 s does not fit
    ("googleapis_js-genai__Chats_Tests_sendMessage_Send_message_stream_with_error.json", 0,
     (errors.ModelNotFound, 0.0), 1),
    ("googleapis_js-genai__Client_Tests_generateContentStream_ML_Dev_should_stream_generate_content_with_image_output.json",
     "image", ("image/png", 510, 1024, None), 1),
    ("prism-php_prism__generate-image-with-image-edit-1.json", 0, ("image/png", 1024, 680, None), 1),
    ("pydantic_pydantic-ai__TestImageGenerationCapability.test_image_generation_local_fallback_google.yaml", "image",
     ("image/jpeg", 1408, 768, 0.137744), 1),
    ("pydantic_pydantic-ai__test_google_image_generation_with_text.yaml", 0, ("image/jpeg", 1408, 768, 0.138472), 1),
    ("pydantic_pydantic-ai__test_google_image_or_text_output.yaml", 0, (errors.NoImage, 0.000125), 1),
    ("pydantic_pydantic-ai__test_google_image_or_text_output.yaml", "image", ("image/png", 1024, 1024, 0.038738), 1),
    ("pydantic_pydantic-ai__test_google_model_max_tokens_thinking_model_empty_response.yaml", 0,
     (errors.NoImage, 3.9e-05), 1),
    ("pydantic_pydantic-ai__test_google_model_safety_settings.yaml", 0, (errors.ContentRefused, None), 1),
    ("pydantic_pydantic-ai__test_google_vertexai_image_generation_with_output_format.yaml", "image",
     ("image/jpeg", 1024, 1024, 0.038703), 1),
    ("pydantic_pydantic-ai__test_model_name_suggestion[google].yaml", 0, (errors.ModelNotFound, 0.0), 1),
    ("simonw_llm-gemini__test_tools_with_gemini_3_thought_signatures.yaml", 0, (errors.RetriesExhausted, None), 2),
]  # fmt: skip
NOT_CALLED = {"README.md", "simonw_llm-gemini__test_cli_gemini_models.yaml", "200_models_get.json"}
NOT_CALLED |= {"200_models_list_image_entries.json"}
"""Lists of models: `test_list_of_models` reads them."""


def answers_of(name: str) -> Iterator[tuple[int, Any]]:
    """The codes and bodies of a file, whatever its form."""
    text = (EVIDENCE / name).read_text(encoding="utf-8")
    if name.endswith(".txt"):
        yield 200, text.encode()
    elif name.endswith(".json"):
        document = json.loads(text)
        responses = [one["response"] for one in document.get("interactions", ())]
        yield from ((one["statusCode"], body) for one in responses for body in one["bodySegments"])
        if not responses:
            body = document.get("body", document)
            yield document.get("http_status") or body.get("error", {}).get("code", 200), body
    else:
        recorded = yaml.safe_load(text)
        for one in recorded.get("http_interactions") or recorded["interactions"]:
            body = one["response"].get("parsed_body") or one["response"]["body"]["string"]
            if isinstance(body, bytes) and body[:2] == b"\x1f\x8b":
                body = gzip.decompress(body)
            yield one["response"]["status"]["code"], body.encode() if isinstance(body, str) else body


def has_image(answer: tuple[int, Any]) -> bool:
    return "inlineData" in json.dumps(answer[1], default=repr)[:5_000_000]


@pytest.mark.parametrize(("name", "which", "expected", "calls"), TABLE, ids=[f"{r[0][:60]}-{r[1]}" for r in TABLE])
def test_recorded(name: str, which: Any, expected: Any, calls: int) -> None:
    """It comes out as in the table."""
    found = list(answers_of(name))
    answer = next(one for one in found if has_image(one)) if which == "image" else found[which]

    async def work() -> ImageResult | errors.ImageError:
        one = GeminiImageProvider(PRO, planted_key(), server.url, 20.0)
        async with ResilientProvider(one, None, Policy(total=30, backoff=0), log=EventLog()) as images:
            try:
                return await images.generate(ImageRequest("a siamese cat"))
            except errors.ImageError as error:
                return error

    with Answers(answer) as server:
        came = run(work)
    assert len(came.attempts) == calls
    if isinstance(came, ImageResult):
        actual: Any = (came.mime_type, came.width, came.height, came.cost_usd and round(came.cost_usd, 6))
    else:
        actual = (type(came), came.cost_usd and round(came.cost_usd, 6))
        assert came.hint
    assert actual == expected


def test_every_file_is_in_the_table() -> None:
    """A new recording is not forgotten."""
    files = {path.name for path in EVIDENCE.rglob("*") if path.is_file()}
    assert files == {name.rpartition("/")[2] for name, *_ in TABLE} | NOT_CALLED
