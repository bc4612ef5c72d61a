"""Each answer of the service through the real SDK: the number of calls, the outcome, the message."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from omni_release.emulators import GeminiEmulator
from omni_release.images import GeminiImageProvider, ImageRequest, Policy, errors
from tests.images.conftest import EVIDENCE, FLASH, PRO, needs_evidence, planted_key, run, run_request

TABLE = [
    # what the service answers, calls made, what is raised (None: an image), a word of the message or the hint
    ("503", [PRO, PRO], None, ""),
    ("503-overloaded", [PRO, PRO], None, ""),
    ("503-unavailable", [PRO, PRO], None, ""),
    ("500", [PRO, PRO], None, ""),
    ("504", [PRO, PRO], None, ""),
    ("409", [PRO, PRO], None, ""),
    ("499", [PRO, PRO], None, ""),
    ("200-error", [PRO, PRO], None, ""),
    ("402", [PRO], errors.CreditsExhausted, "Add credits"),
    ("armor", [PRO], errors.ContentRefused, "MODEL_ARMOR"),
    ("audio", [PRO], errors.NoImage, "audio/wav"),
    ("function", [PRO], errors.NoImage, "the function draw"),
    ("429 after=0.05", [PRO, PRO], None, ""),
    ("drop", [PRO, PRO], None, ""),
    ("truncate", [PRO, PRO], None, ""),
    ("proxy-502", [PRO, PRO], None, ""),
    ("not-json", [PRO, PRO], None, ""),
    ("corrupt", [PRO, PRO], None, ""),
    ("cut-image", [PRO, PRO], None, ""),
    ("429-day", [PRO, FLASH], None, ""),
    ("429-zero", [PRO, FLASH], None, ""),
    ("429 after=200", [PRO, FLASH], None, ""),
    ("404", [PRO, FLASH], None, ""),
    ("429-credits", [PRO], errors.CreditsExhausted, "Add credits"),
    ("bad-key", [PRO], errors.ConfigurationError, "GEMINI_API_KEY"),
    ("403-leaked", [PRO], errors.ConfigurationError, "Create a new key"),
    ("403-disabled", [PRO], errors.ConfigurationError, "Enable the API for the key's project: https://console."),
    ("400-location", [PRO], errors.ConfigurationError, "supported location"),
    ("redirect", [PRO], errors.ConfigurationError, "base_url"),
    ("400", [PRO], errors.RequestRejected, "Fix the request"),
    ("400-signature", [PRO], errors.RequestRejected, "missing a thought_signature"),
    ("blocked", [PRO], errors.ContentRefused, "PROHIBITED_CONTENT"),
    ("refused", [PRO], errors.ContentRefused, "IMAGE_SAFETY"),
    ("prohibited", [PRO], errors.ContentRefused, "Rephrase"),
    ("image-other", [PRO], errors.NoImage, "Unable to show"),
    ("no-image", [PRO], errors.NoImage, "NO_IMAGE"),
    ("max-tokens", [PRO], errors.NoImage, "MAX_TOKENS"),
    ("text", [PRO], errors.NoImage, "answered with text"),
    ("empty", [PRO, PRO], None, ""),
    ("huge", [PRO], errors.AnswerTooLarge, "40 MB"),
]


@pytest.mark.parametrize(("script", "models", "kind", "said"), TABLE, ids=[row[0] for row in TABLE])
def test_answer(emulator: GeminiEmulator, script: str, models: list[str], kind: type | None, said: str) -> None:
    """The number of calls, and the outcome."""
    outcome = run_request(emulator, f"{script}; ok; ok; ok", timeout=60.0)
    assert outcome.models == models
    if kind is None:
        assert outcome.result is not None
        assert outcome.result.model_answered == models[-1]
        assert len(outcome.result.attempts) == len(models)
    else:
        assert outcome.error is not None
        assert type(outcome.error) is kind
        assert said in f"{outcome.error.message} {outcome.error.hint}"
        assert len(outcome.error.attempts) == 1


def test_dead_model_is_reported(emulator: GeminiEmulator) -> None:
    """The fallback's result warns of the dead name, and an error is logged."""
    outcome = run_request(emulator, "404; ok")
    assert outcome.result is not None
    assert any("404 NOT_FOUND" in warning for warning in outcome.result.warnings)
    assert ("error", "image model is gone") in [said[:2] for said in outcome.log.events]


def test_dead_model_fails_by_policy(emulator: GeminiEmulator) -> None:
    """With dead_model_falls_back=False there is no second call."""
    outcome = run_request(emulator, "404; ok", Policy(backoff=0, dead_model_falls_back=False))
    assert isinstance(outcome.error, errors.ModelNotFound)
    assert outcome.models == [PRO]


def test_dead_model_is_not_masked(emulator: GeminiEmulator) -> None:
    """If the fallback fails too, the error is still the dead name's, and lists all calls."""
    outcome = run_request(emulator, "404; 503; 503")
    assert isinstance(outcome.error, errors.ModelNotFound)
    assert outcome.models == [PRO, FLASH, FLASH]
    assert "503 UNAVAILABLE" in outcome.error.message


def test_refusal_after_a_failure(emulator: GeminiEmulator) -> None:
    """The outcome of the retry counts, and the fallback is not called."""
    outcome = run_request(emulator, "503; refused; ok")
    assert isinstance(outcome.error, errors.ContentRefused)
    assert outcome.models == [PRO, PRO]
    assert len(outcome.error.attempts) == 2


def test_requested_delay(emulator: GeminiEmulator) -> None:
    """The delay of RetryInfo and Retry-After is observed."""
    for script in ("429 after=0.4; ok", "503 after=0.4; ok"):
        outcome = run_request(emulator, script)
        assert outcome.result is not None
        assert outcome.result.attempts[0].wait == pytest.approx(0.4)
        between = outcome.result.attempts[1].started - outcome.result.attempts[0].started
        assert between.total_seconds() >= 0.39


def parts(*items: dict[str, Any], reason: str = "STOP") -> dict[str, Any]:
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1300, "thoughtsTokenCount": 200}
    candidate = {"content": {"parts": list(items)}, "finishReason": reason}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": PRO}


def fault(code: int, status: str, *details: dict[str, Any]) -> dict[str, Any]:
    listed = [{**detail, "@type": f"type.googleapis.com/google.rpc.{detail['@type']}"} for detail in details]
    return {"error": {"code": code, "status": status, "message": "what it says", "details": listed}}


JUDGED = [
    # code, body, what is raised, words of the message and the hint, cost
    (402, fault(402, ""), errors.CreditsExhausted, ["Add credits"], 0.0),
    (409, fault(409, "ABORTED"), errors.ServiceFault, ["ABORTED"], 0.0),
    (499, fault(499, "CANCELLED"), errors.ServiceFault, ["CANCELLED"], 0.0),
    (429, fault(429, "RESOURCE_EXHAUSTED", {"@type": "ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED",
     "metadata": {"quota_limit": "ImagesPerMinute", "quota_limit_value": "0"}}), errors.QuotaSpent,
     ["ImagesPerMinute", "Enable billing"], 0.0),
    (400, fault(400, "INVALID_ARGUMENT", {"@type": "BadRequest", "fieldViolations": [
     {"field": "generation_config", "description": "no such size"}]}), errors.RequestRejected,
     ["generation_config: no such size"], 0.0),
    (500, fault(500, "INTERNAL", {"@type": "DebugInfo", "detail": "a stack\nof frames"}), errors.ServiceFault,
     ["(a stack)"], 0.0),
    (403, fault(403, "PERMISSION_DENIED", {"@type": "ErrorInfo", "reason": "CONSUMER_SUSPENDED"}),
     errors.ConfigurationError, ["CONSUMER_SUSPENDED"], 0.0),
    (200, b"", errors.DamagedAnswer, [], None),
    (200, {}, errors.DamagedAnswer, ["empty"], None),
    (200, fault(503, "UNAVAILABLE"), errors.DamagedAnswer, ["UNAVAILABLE what it says"], None),
    (200, parts(reason="MODEL_ARMOR"), errors.ContentRefused, ["MODEL_ARMOR", "Rephrase"], 0.0056),
    (200, parts(reason="MALFORMED_RESPONSE"), errors.DamagedAnswer, ["MALFORMED_RESPONSE"], 0.0056),
    (200, parts(reason="MISSING_THOUGHT_SIGNATURE"), errors.NoImage, ["signature"], 0.0056),
    (200, parts(reason="MAX_TOKENS"), errors.NoImage, ["cut off"], 0.0056),
    (200, parts(reason="OTHER"), errors.NoImage, ["Try again once"], 0.0056),
    (200, parts(reason="IMAGE_OTHER"), errors.NoImage, ["Try again once"], 0.0056),
    (200, parts(reason="LANGUAGE"), errors.NoImage, ["language"], 0.0056),
    (200, parts({"functionCall": {"name": "draw", "args": {}}}), errors.NoImage, ["the function draw"], 0.0056),
    (200, parts({"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}), errors.NoImage,
     ["audio/wav", "makes images"], 0.0056),
    (200, parts({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}), errors.DamagedAnswer, ["decode"], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "body", "kind", "said", "cost"), JUDGED, ids=[f"{row[0]}-{n}" for n, row in enumerate(JUDGED)]
)
def test_judgement(code: int, body: Any, kind: type, said: list[str], cost: float | None) -> None:
    """The type, what the service's details say, the hint, and the cost of an answer without an image."""
    error = raised(code, body)
    assert type(error) is kind
    for words in said:
        assert words in f"{error.message} {error.hint}"
    if cost is None:
        assert error.billed is None
    else:
        assert error.cost_usd == pytest.approx(cost)


# -- the recorded bodies ---------------------------------------------------------------------------------------------


@contextmanager
def answering(code: int, body: Any, headers: dict[str, str] | None = None) -> Iterator[str]:
    """A server that answers each request with this body."""

    @Request.application
    def application(request: Request) -> Response:
        request.get_data()
        return Response(
            body if isinstance(body, bytes) else json.dumps(body),
            code,
            headers,
            content_type="application/json; charset=UTF-8",
        )

    server = make_server("127.0.0.1", 0, application, threaded=True)
    server.log = lambda *_: None  # type: ignore[method-assign]  # quiet
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        server.server_close()


def raised(code: int, body: Any, headers: dict[str, str] | None = None) -> errors.ImageError:
    """The error that the provider raises for this answer."""

    async def work() -> errors.ImageError:
        async with GeminiImageProvider(PRO, planted_key(), url, 20.0) as provider:
            with pytest.raises(errors.ImageError) as caught:
                await provider.generate(ImageRequest("an axolotl"))
            return caught.value

    with answering(code, body, headers) as url:
        return run(work)


RECORDED = {
    "excerpts/500_internal.json": errors.ServiceFault,
    "excerpts/503_high_demand.json": errors.Overloaded,
    "excerpts/503_model_overloaded.json": errors.Overloaded,
    "excerpts/429_prepay_depleted.json": errors.CreditsExhausted,
    "excerpts/403_key_leaked.json": errors.ConfigurationError,
    "excerpts/400_user_location.json": errors.ConfigurationError,
    "excerpts/400_image_part_missing_signature.json": errors.RequestRejected,
    "excerpts/200_image_safety.json": errors.ContentRefused,
    "excerpts/200_image_other.json": errors.NoImage,
    "FirebaseExtended_vertexai-sdk-test-data__googleai_unary-failure-unknown-model.json": errors.ModelNotFound,
    "FirebaseExtended_vertexai-sdk-test-data__googleai_unary-failure-generativelanguage-api-not-enabled.json": (
        errors.ConfigurationError
    ),
    "FirebaseExtended_vertexai-sdk-test-data__googleai_unary-failure-only-prompt-feedback.json": errors.ContentRefused,
}


@needs_evidence
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_error(name: str) -> None:
    """A recorded body gives the error of the table, with the service's own message."""
    document = json.loads((EVIDENCE / name).read_text(encoding="utf-8"))
    body = document.get("body", document)
    error = raised(document.get("http_status") or body.get("error", {}).get("code", 200), body)
    assert type(error) is RECORDED[name]
    if "error" in body:
        assert body["error"]["message"].strip()[:60] in error.message
    assert error.hint


@needs_evidence
def test_recorded_rate_limit() -> None:
    """The recorded 429 has a RetryInfo of 48 s and a quota per minute."""
    name = (
        "crmne_ruby_llm__chat_real_error_scenarios_gemini_gemini-2_5-flash_handles_context_length_exceeded_errors.yml"
    )
    recorded = yaml.safe_load((EVIDENCE / name).read_text(encoding="utf-8"))["http_interactions"][0]["response"]
    error = raised(recorded["status"]["code"], json.loads(recorded["body"]["string"]))
    assert isinstance(error, errors.RateLimited)
    assert error.delay == 48.0


@needs_evidence
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mirascope_mirascope__test_authentication_error_google_gemini_2_5_flash.yaml", errors.ConfigurationError),
        ("Mirascope_mirascope__test_model_not_found_google_gemini_2_5_flash.yaml", errors.ModelNotFound),
    ],
)
def test_recorded_gzip_error(name: str, kind: type) -> None:
    """Compressed recorded bodies give the right error."""
    response = yaml.safe_load((EVIDENCE / name).read_text(encoding="utf-8"))["interactions"][0]["response"]
    error = raised(response["status"]["code"], json.loads(gzip.decompress(response["body"]["string"])))
    assert type(error) is kind


@needs_evidence
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pydantic_pydantic-ai__test_model_name_suggestion[google].yaml", errors.ModelNotFound),
        ("pydantic_pydantic-ai__test_google_model_safety_settings.yaml", errors.ContentRefused),
        ("pydantic_pydantic-ai__test_google_model_max_tokens_thinking_model_empty_response.yaml", errors.NoImage),
    ],
)
def test_recorded_parsed_body(name: str, kind: type) -> None:
    """Recorded bodies in YAML give the right error."""
    response = yaml.safe_load((EVIDENCE / name).read_text(encoding="utf-8"))["interactions"][0]["response"]
    assert type(raised(response["status"]["code"], response["parsed_body"])) is kind
