"""Each answer of the service through the real SDK: how many calls, what came of it, what a person is told."""

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
from tests.images.conftest import EVIDENCE, FLASH, PRO, made, needs_evidence, planted_key, run

TABLE = [
    # what the service answers, calls made, what is raised (None: an image), a word of the message or the hint
    ("503", [PRO, PRO], None, ""),
    ("503-overloaded", [PRO, PRO], None, ""),
    ("503-unavailable", [PRO, PRO], None, ""),
    ("500", [PRO, PRO], None, ""),
    ("504", [PRO, PRO], None, ""),
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
    ("empty", [PRO], errors.NoImage, "EMPTY"),
    ("huge", [PRO], errors.AnswerTooLarge, "40 MB"),
]


@pytest.mark.parametrize(("script", "models", "kind", "said"), TABLE, ids=[row[0] for row in TABLE])
def test_answer(emulator: GeminiEmulator, script: str, models: list[str], kind: type | None, said: str) -> None:
    """The calls that were made, and the outcome."""
    got = made(emulator, f"{script}; ok; ok; ok", timeout=60.0)
    assert got.models == models
    if kind is None:
        assert got.result is not None
        assert got.result.model_answered == models[-1]
        assert len(got.result.attempts) == len(models)
    else:
        assert got.error is not None
        assert type(got.error) is kind
        assert said in f"{got.error.message} {got.error.hint}"
        assert len(got.error.attempts) == 1


def test_a_dead_model_is_told_aloud(emulator: GeminiEmulator) -> None:
    """The fallback's image warns of the dead name, and an error is logged."""
    got = made(emulator, "404; ok")
    assert got.result is not None
    assert any("404 NOT_FOUND" in warning for warning in got.result.warnings)
    assert ("error", "image model is gone") in [said[:2] for said in got.log.said]


def test_a_dead_model_fails_by_setting(emulator: GeminiEmulator) -> None:
    """With dead_model_falls_back=False there is no second call."""
    got = made(emulator, "404; ok", Policy(backoff=0, dead_model_falls_back=False))
    assert isinstance(got.error, errors.ModelNotFound)
    assert got.models == [PRO]


def test_a_dead_model_is_not_masked(emulator: GeminiEmulator) -> None:
    """Where the fallback fails too, the error is still the dead name's, and tells all calls."""
    got = made(emulator, "404; 503; 503")
    assert isinstance(got.error, errors.ModelNotFound)
    assert got.models == [PRO, FLASH, FLASH]
    assert "503 UNAVAILABLE" in got.error.message


def test_a_refusal_after_a_failure_is_a_refusal(emulator: GeminiEmulator) -> None:
    """What comes of the retry counts, and is not asked of the fallback."""
    got = made(emulator, "503; refused; ok")
    assert isinstance(got.error, errors.ContentRefused)
    assert got.models == [PRO, PRO]
    assert len(got.error.attempts) == 2


def test_the_server_s_delay_is_kept(emulator: GeminiEmulator) -> None:
    """RetryInfo and Retry-After are waited for."""
    for script in ("429 after=0.4; ok", "503 after=0.4; ok"):
        got = made(emulator, script)
        assert got.result is not None
        assert got.result.attempts[0].wait == pytest.approx(0.4)
        between = got.result.attempts[1].started - got.result.attempts[0].started
        assert between.total_seconds() >= 0.39


# -- the recorded bodies ---------------------------------------------------------------------------------------------


@contextmanager
def answering(code: int, body: Any, headers: dict[str, str] | None = None) -> Iterator[str]:
    """A server that answers everything with this body."""

    @Request.application
    def application(request: Request) -> Response:
        request.get_data()
        return Response(json.dumps(body), code, headers, content_type="application/json; charset=UTF-8")

    server = make_server("127.0.0.1", 0, application, threaded=True)
    server.log = lambda *_: None  # type: ignore[method-assign]  # quiet
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        server.server_close()


def raised(code: int, body: Any, headers: dict[str, str] | None = None) -> errors.ImageError:
    """What the provider makes of this answer."""

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
    """A recorded body, through the real SDK, is what the table says; the service's own words are kept."""
    document = json.loads((EVIDENCE / name).read_text(encoding="utf-8"))
    body = document.get("body", document)
    error = raised(document.get("http_status") or body.get("error", {}).get("code", 200), body)
    assert type(error) is RECORDED[name]
    if "error" in body:
        assert body["error"]["message"].strip()[:60] in error.message
    assert error.hint


@needs_evidence
def test_recorded_rate_limit() -> None:
    """The recorded 429: its RetryInfo is 48 s, and its quota is one per minute."""
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
    """The bodies that were recorded compressed."""
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
    """The bodies that were recorded as YAML."""
    response = yaml.safe_load((EVIDENCE / name).read_text(encoding="utf-8"))["interactions"][0]["response"]
    assert type(raised(response["status"]["code"], response["parsed_body"])) is kind
