"""What a call may cost, and what it has cost: each form of an answer, and all that makes a cost unknown."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from vcr.request import Request

from omni_release import cassettes
from omni_release.cassettes import Scrubber, content_coding
from omni_release.cassettes.api_calls import asked
from omni_release.images.errors import BudgetExceeded
from omni_release.smoke import LIVE, RECORDED, CallRecord, Scenario
from omni_release.smoke.answers import Call, is_same_model, read_answer
from omni_release.smoke.checks import retiring_models
from omni_release.smoke.metering import Meter
from omni_release.smoke.traffic import Recording, SecretInTraffic
from tests.images.conftest import planted_key

OPENAI, ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com/v1"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro"
GPT, CLAUDE = "gpt-5.4", "claude-sonnet-5"  # $2.50 and $15, $2 and $10 a million tokens
CHAT, USAGE = f"{OPENAI}/chat/completions", {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
TEXT = {"id": "msg_1", "type": "message", "model": CLAUDE, "content": [], "stop_reason": "end_turn"}
TURN: dict[str, Any] = {"content": {"parts": [{"text": "Yes"}], "role": "model"}, "finishReason": "STOP"}
COUNTS = {"promptTokenCount": 1000, "candidatesTokenCount": 60, "thoughtsTokenCount": 40, "totalTokenCount": 1100}


def events(*documents: Any, end: str = "data: [DONE]\n\n") -> bytes:
    """A stream of server-sent events."""
    lines = (f"event: {d.get('type', 'chunk')}\ndata: {json.dumps(d)}\n\n" for d in documents)
    return ("".join(lines) + end).encode()


def chat(**more: Any) -> dict[str, Any]:
    """An answer of OpenAI's chat."""
    return {
        "id": "c",
        "object": "chat.completion",
        "model": f"{GPT}-2026-03-05",
        "choices": [CHOICE],
        "usage": USAGE,
        **more,
    }


def chunk(choices: Any, usage: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk of OpenAI's chat."""
    return {"object": "chat.completion.chunk", "model": GPT, "choices": choices, "usage": usage, **more}


def response(**more: Any) -> dict[str, Any]:
    """An answer of OpenAI's responses."""
    usage = {
        "input_tokens": 1000,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 100,
        "total_tokens": 1100,
    }
    return {"id": "r", "object": "response", "model": GPT, "status": "completed", "output": [], "usage": usage, **more}


def message(**usage: Any) -> dict[str, Any]:
    """An answer of Anthropic."""
    return TEXT | {"usage": {"input_tokens": 1000, "output_tokens": 100, **usage}}


def gemini(**more: Any) -> dict[str, Any]:
    """An answer of Gemini."""
    return {"candidates": [TURN], "usageMetadata": COUNTS, "modelVersion": "gemini-2.5-pro", **more}


DELTA = chunk([{"index": 0, "delta": {"content": "Yes"}, "finish_reason": None}])
STOP = chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
BEGIN = {"type": "message_start", "message": TEXT | {"usage": {"input_tokens": 1000, "output_tokens": 1}}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 100}}
CREATED = {"type": "response.created", "response": response(status="in_progress", usage=None)}
DONE = {"type": "response.completed", "response": response()}
HALF = {"candidates": [{"content": TURN["content"]}], "usageMetadata": COUNTS, "modelVersion": "gemini-2.5-pro"}

PRICED: dict[str, tuple[str, str, Any, float]] = {
    # what it is: address, model, answer, USD
    "chat": (CHAT, GPT, chat(), 0.004),
    "chat through a gateway": ("https://llm.example.com/v1/chat/completions", GPT, chat(), 0.004),
    "chat of a server on this machine": ("http://127.0.0.1:4000/chat/completions", f"openai/{GPT}", chat(), 0.004),
    "chat, streamed": (CHAT, GPT, events(DELTA, STOP, chunk([], USAGE)), 0.004),
    "chat, reasoning beyond the completion": (CHAT, GPT, chat(usage=USAGE | {"total_tokens": 1200}), 0.0055),
    "responses": (f"{OPENAI}/responses", GPT, response(), 0.004),
    "responses, streamed": (f"{OPENAI}/responses", GPT, events(CREATED, DONE, end=""), 0.004),
    "messages": (f"{ANTHROPIC}/messages", CLAUDE, message(), 0.003),
    "messages, streamed": (f"{ANTHROPIC}/messages?beta=true", CLAUDE, events(BEGIN, END, end=""), 0.003),
    "messages, read from a cache": (f"{ANTHROPIC}/messages", CLAUDE, message(cache_read_input_tokens=1000), 0.0032),
    "messages, written to a cache": (
        f"{ANTHROPIC}/messages",
        CLAUDE,
        message(
            cache_creation_input_tokens=2000,
            cache_creation={"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 1000},
        ),
        0.0095,
    ),
    "messages, written for an unknown time": (
        f"{ANTHROPIC}/messages",
        CLAUDE,
        message(cache_creation_input_tokens=1000),
        0.007,
    ),
    "Gemini": (f"{GEMINI}:generateContent", "", gemini(), 0.00225),
    "Gemini, streamed": (f"{GEMINI}:streamGenerateContent?alt=sse", "", events(HALF, gemini(), end=""), 0.00225),
    "Gemini, streamed as a list": (f"{GEMINI}:streamGenerateContent", "", [HALF, gemini()], 0.00225),
    "xAI states the cost": (
        "https://api.x.ai/v1/chat/completions",
        "grok-4",
        chat(model="grok-4", usage=USAGE | {"cost_in_usd_ticks": 37_000_000}),
        0.0037,
    ),
    "OpenRouter states the cost": (
        "https://openrouter.ai/api/v1/chat/completions",
        "openai/gpt-5.4",
        chat(model="openai/gpt-5.4", usage=USAGE | {"cost": 0.0042}),
        0.0042,
    ),
    "an error is not billed": (CHAT, GPT, (400, {"error": {"message": "m", "type": "invalid_request_error"}}), 0.0),
    "counting tokens": (f"{ANTHROPIC}/messages/count_tokens", CLAUDE, {"input_tokens": 5}, 0.0),
    "moderation": (f"{OPENAI}/moderations", "omni-moderation-latest", {"model": "m", "results": []}, 0.0),
    "another service": ("https://acme.example.com/hook", "", {"ok": True}, 0.0),
}
UNKNOWN: dict[str, tuple[str, str, Any]] = {
    "chat without a usage": (CHAT, GPT, chat(usage=None)),
    "chat, streamed without a usage": (CHAT, GPT, events(DELTA, STOP)),
    "chat, streamed and cut": (CHAT, GPT, events(DELTA, end="")),
    "responses, cut": (f"{OPENAI}/responses", GPT, events(CREATED, end="")),
    "messages, cut": (f"{ANTHROPIC}/messages", CLAUDE, events(BEGIN, end="")),
    "Gemini, cut": (f"{GEMINI}:streamGenerateContent?alt=sse", "", events(HALF, end="")),
    "half of a usage": (CHAT, GPT, chat(usage={"prompt_tokens": 10})),
    "a usage of texts": (CHAT, GPT, chat(usage={"prompt_tokens": "10", "completion_tokens": "1"})),
    "a negative count": (CHAT, GPT, chat(usage=USAGE | {"completion_tokens": -1})),
    "an empty usage": (f"{ANTHROPIC}/messages", CLAUDE, TEXT | {"usage": {}}),
    "a model without a price": (CHAT, "gpt-4o", chat(model="gpt-4o-2024-08-06")),
    "an unknown model": (CHAT, "acme-1", chat(model="acme-1")),
    "another model without a price": (CHAT, GPT, chat(model="acme-1")),
    "an adviser without a price": (
        f"{ANTHROPIC}/messages",
        CLAUDE,
        message(iterations=[{"type": "advisor_message", "model": "acme-1", "input_tokens": 1, "output_tokens": 1}]),
    ),
    "OpenAI's model at Azure": ("https://a.openai.azure.com/openai/deployments/d/chat/completions", GPT, chat()),
    "a dearer tier": (CHAT, GPT, chat(service_tier="priority")),
    "a tier of Anthropic": (f"{ANTHROPIC}/messages", CLAUDE, message(service_tier="priority")),
    "a tier of Gemini": (f"{GEMINI}:generateContent", "", gemini(usageMetadata=COUNTS | {"serviceTier": "PRIORITY"})),
    "sound": (CHAT, GPT, chat(usage=USAGE | {"completion_tokens_details": {"audio_tokens": 5}})),
    "sound of Gemini": (
        f"{GEMINI}:generateContent",
        "",
        gemini(usageMetadata=COUNTS | {"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}]}),
    ),
    "a search": (f"{OPENAI}/responses", GPT, response(output=[{"type": "web_search_call"}])),
    "a search of Anthropic": (f"{ANTHROPIC}/messages", CLAUDE, message(server_tool_use={"web_search_requests": 1})),
    "no JSON": (CHAT, GPT, b"<html>a proxy's page</html>"),
    "a list": (CHAT, GPT, b"[1, 2]"),
    "an empty body": (CHAT, GPT, b""),
    "a path that is not known": (f"{OPENAI}/audio/speech", "gpt-4o-mini-tts", b"ID3"),
    "a service that is not in the table": (
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse",
        "",
        {"usage": {"inputTokens": 1}},
    ),
    "a method of Google that is not known": (f"{GEMINI}:embedContent", "", {"embedding": {}}),
}


def metered(url: str, model: str, reply: Any, budget: float | None = None) -> tuple[Call, Meter]:
    """A call with this answer, as the meter sees it."""
    code, content = reply if isinstance(reply, tuple) else (200, reply)
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = {"model": model, "messages": [{"role": "user", "content": "Is it?"}], "max_tokens": 100} if model else {}
    request = Request("POST", url, json.dumps(sent), {"content-type": "application/json"})
    meter = Meter(budget)
    meter.begin(request)
    meter.end(request, {"status": {"code": code}, "headers": {}, "body": {"string": body}})
    (call,) = meter.calls()
    return call, meter


@pytest.mark.parametrize("name", PRICED)
def test_priced(name: str) -> None:
    """The cost is that of the table of models, or the one that the answer states; the budget counts it."""
    url, model, reply, usd = PRICED[name]
    call, meter = metered(url, model, reply, budget=5.0)
    assert call.usd == pytest.approx(usd)
    assert meter.budget is not None and meter.budget.spent == pytest.approx(usd)
    if usd > 0:
        assert (call.sent, call.received) != (None, None) and call.answered


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_is_not_free(name: str) -> None:
    """The cost is unknown, and the budget counts what was reserved for the call."""
    call, meter = metered(*UNKNOWN[name], budget=5.0)
    assert call.usd is None
    assert meter.budget is not None and meter.budget.spent == pytest.approx(call.reserved) and call.reserved > 0


LIMITS: dict[str, tuple[str, dict[str, Any], float]] = {
    # the most that a call may cost: its limit of tokens at the price of the model, and its text
    "chat": (CHAT, {"model": GPT, "max_tokens": 1000}, 0.015),
    "the newer name": (CHAT, {"model": GPT, "max_completion_tokens": 1000}, 0.015),
    "several answers": (CHAT, {"model": GPT, "max_tokens": 1000, "n": 4}, 0.06),
    "no limit": (CHAT, {"model": GPT}, 0.12),
    "responses": (f"{OPENAI}/responses", {"model": GPT, "max_output_tokens": 1000}, 0.015),
    "messages": (f"{ANTHROPIC}/messages", {"model": CLAUDE, "max_tokens": 1000}, 0.01),
    "Gemini": (f"{GEMINI}:generateContent", {"generationConfig": {"maxOutputTokens": 1000}}, 0.01),
    "text": (CHAT, {"model": GPT, "max_tokens": 1, "messages": [{"content": "x" * 100_000}]}, 0.25),
    "a picture": (
        CHAT,
        {"model": GPT, "max_tokens": 1, "messages": [{"image_url": {"url": "data:image/png;base64," + "A" * 100_000}}]},
        0.004,
    ),
    "a picture of Anthropic": (
        f"{ANTHROPIC}/messages",
        {
            "model": CLAUDE,
            "max_tokens": 1,
            "messages": [{"source": {"media_type": "image/png", "data": "A" * 100_000}}],
        },
        0.0032,
    ),
    "an embedding": (f"{OPENAI}/embeddings", {"model": GPT, "input": "x" * 1000}, 0.0025),
    "a model without a price": (CHAT, {"model": "acme-1", "max_tokens": 1000}, 0.05),
    "an image": (
        f"{OPENAI}/images/generations",
        {"model": "gpt-image-2", "size": "1024x1024", "quality": "high"},
        0.12,
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_estimate(name: str) -> None:
    """What a call may cost is reserved before it is made."""
    url, sent, usd = LIMITS[name]
    meter = Meter(5.0)
    meter.begin(Request("POST", url, json.dumps(sent), {}))
    assert meter.budget is not None
    assert 5.0 - meter.budget.left == pytest.approx(usd, rel=0.05)


def test_one_budget() -> None:
    """Calls of three vendors share it; the call that may exceed it is not made, and an unknown price is said."""
    meter = Meter(0.04)
    for url, model in ((CHAT, GPT), (f"{ANTHROPIC}/messages", CLAUDE)):
        meter.begin(Request("POST", url, json.dumps({"model": model, "max_tokens": 1000}), {}))
    with pytest.raises(BudgetExceeded, match="acme-1: the next call costs up to"):
        meter.begin(Request("POST", CHAT, json.dumps({"model": "acme-1", "max_tokens": 1000}), {}))
    assert "its price is unknown, so it counts as the most expensive model" in meter.exceeded
    assert len(meter.calls()) == 2


REFUSED: dict[str, tuple[str, int, Any, str, bool]] = {
    # address, code, body, what says that the key or the account was refused, whether it is a fault
    "OpenAI's key": (CHAT, 401, {"error": {"code": "invalid_api_key", "message": "m"}}, "invalid_api_key", False),
    "OpenAI's account": (
        CHAT,
        429,
        {"error": {"type": "insufficient_quota", "message": "m"}},
        "insufficient_quota",
        True,
    ),
    "Anthropic's key": (
        f"{ANTHROPIC}/messages",
        401,
        {"type": "error", "error": {"type": "authentication_error", "message": "m"}},
        "authentication_error",
        False,
    ),
    "Anthropic's permission": (
        f"{ANTHROPIC}/messages",
        403,
        {"type": "error", "error": {"type": "permission_error", "message": "m"}},
        "permission_error",
        False,
    ),
    "Anthropic is overloaded": (
        f"{ANTHROPIC}/messages",
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
        "",
        True,
    ),
    "a dead model": (CHAT, 404, {"error": {"code": "model_not_found", "message": "m"}}, "", False),
    "a wrong request": (CHAT, 400, {"error": {"code": "invalid_value", "message": "m"}}, "", False),
    "xAI's error is a text": (
        "https://api.x.ai/v1/chat/completions",
        400,
        {"code": "invalid argument", "error": "no such argument"},
        "",
        False,
    ),
    "an error in a stream": (
        f"{ANTHROPIC}/messages",
        200,
        events(BEGIN, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, end=""),
        "",
        True,
    ),
    "a response that failed": (
        f"{OPENAI}/responses",
        200,
        events(
            {
                "type": "response.failed",
                "response": response(usage=None, error={"code": "server_error", "message": "m"}),
            }
        ),
        "",
        True,
    ),
    "an error of Gemini in a stream": (
        f"{GEMINI}:streamGenerateContent?alt=sse",
        200,
        events(HALF, {"error": {"code": 503, "status": "UNAVAILABLE", "message": "m"}}, end=""),
        "",
        True,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """A refused key says nothing about the release, nor does a fault, also one in the middle of an answer."""
    url, code, body, said, is_fault = REFUSED[name]
    call, _ = metered(url, "m", (code, body))
    assert said in call.set_up and bool(said) == bool(call.set_up)
    assert call.unanswered == is_fault


SAME = [
    ("gpt-4o", "gpt-4o-2024-08-06", True),
    ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", True),
    ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5-20250929", True),
    ("models/gemini-2.5-pro", "gemini-2.5-pro", True),
    ("gemini-flash-latest", "gemini-3.8-flash", True),
    ("openai/gpt-5.4", "gpt-5.4-2026-03-05", True),
    ("openai/gpt-5.4:free", "openai/gpt-5.4", True),
    ("claude-sonnet-4-0", "claude-sonnet-4-20250514", True),
    ("ft:gpt-4o-2024-08-06:org::id", "ft:gpt-4o-2024-08-06:org::id", True),
    ("gemini-2.0-flash", "gemini-2.0-flash-001", True),
    ("grok-4", "grok-4-0709", True),
    ("gpt-5.4", "gpt-5.4-pro", False),
    ("gemini-3.5-flash", "gemini-3.6-flash", False),
    ("gemini-2.5-pro", "gemini-3.8-flash", False),
    ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
    ("gpt-5.4", "gpt-6-sol", False),
    ("claude-opus-4-1", "claude-opus-4-8", False),
]


@pytest.mark.parametrize(("wanted", "answered", "same"), SAME)
def test_the_model_that_answers(wanted: str, answered: str, same: bool) -> None:
    """A snapshot, a prefix and an alias are the model that was asked; any other name is another model."""
    assert is_same_model(wanted, answered) is same


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"modelStage": "DEPRECATED", "retirementTime": "2027-01-31T00:00:00Z"}, "ends on 2027-01-31"),
        ({"modelStage": "LEGACY"}, "is legacy"),
        ({"modelStage": "STABLE"}, ""),
        ({"modelStage": 3, "retirementTime": None}, ""),
        ("DEPRECATED", ""),
        (None, ""),
    ],
)
def test_end_of_the_model(status: object, said: str) -> None:
    """What an answer says about the end of its model is noted, and warned of after a live run alone."""
    call = Call(asked("POST", f"{GEMINI}:generateContent", {}), code=200)
    read_answer(call, {}, json.dumps({"candidates": [], "modelStatus": status}).encode())
    assert call.retires == said
    record = CallRecord("gemini-3-pro-image", "", 200, 1.0, 0.0, retires=call.retires)
    scenario = Scenario("draw", "passed", "", "test_draw.py", 1, 1.0, (record, record))
    found = [finding.message for finding in retiring_models([scenario], LIVE)]
    assert found == ([f"gemini-3-pro-image: the service says that it {said}"] if said else [])
    assert not list(retiring_models([scenario], RECORDED))


def test_nothing_of_a_call_shows_a_key() -> None:
    """Its repr has no body, and its address is not kept."""
    key = planted_key()
    call = Call(asked("POST", f"{GEMINI}:generateContent?key={key}", {}), code=200)
    read_answer(call, {}, json.dumps({"error": key}).encode())
    assert key not in repr(call)


def coded(coding: str, data: bytes) -> bytes:
    """The bytes in this content coding."""
    return content_coding.encode(data, coding)


@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "br", "zstd", "gzip, br"])
def test_compressed_bodies(coding: str, tmp_path: Path) -> None:
    """A call is priced, scrubbed and recorded as its client reads it, whichever way it was compressed."""
    key = planted_key()
    sent = json.dumps({"model": GPT, "messages": [], "max_tokens": 9, "note": key}).encode()
    headers = {"content-type": "application/json", "content-encoding": coding}
    answer = json.dumps(chat(note=key)).encode()
    request = Request("POST", CHAT, coded(coding, sent), headers)
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": [coding], "Content-Type": ["application/json"]},
        "body": {"string": coded(coding, answer)},
    }
    meter = Meter(1.0)
    meter.begin(request)
    meter.end(request, response)
    assert meter.calls()[0].usd == pytest.approx(0.004)
    recording = Recording(tmp_path / "a.yaml", Scrubber((key,)), "live", replay=False)
    recording.save_cassette("", {"requests": [request], "responses": [response]}, None)
    path = recording.write("2026-11-26T00:00:00+00:00")
    assert path is not None and key.encode() not in path.read_bytes()
    (found,) = cassettes.read(path).interactions
    assert json.loads(found.body)["usage"] == USAGE and json.loads(found.sent)["model"] == GPT


def test_a_body_that_stays_compressed(tmp_path: Path) -> None:
    """What cannot be searched for keys is not recorded."""
    request = Request("POST", CHAT, json.dumps({"model": GPT}), {})
    response = {"status": {"code": 200}, "headers": {"content-encoding": ["lzma"]}, "body": {"string": b"\xfd7zXZ\xff"}}
    recording = Recording(tmp_path / "a.yaml", Scrubber(), "live", replay=False)
    recording.save_cassette("", {"requests": [request], "responses": [response]}, None)
    with pytest.raises(SecretInTraffic, match="compressed"):
        recording.write("2026-11-26T00:00:00+00:00")
    assert not (tmp_path / "a.yaml").exists()


ODD: tuple[Any, ...] = (None, True, 0, -1, 10**12, 1.5, "", "x", [], {}, [1], {"a": 1}, [None], [[]])


def mutated(value: Any, chance: random.Random) -> Any:
    """A copy of a document in which some values have another type, or are gone."""
    if chance.random() < 0.08:
        return chance.choice(ODD)
    if isinstance(value, dict):
        return {name: mutated(item, chance) for name, item in value.items() if chance.random() > 0.03}
    return [mutated(item, chance) for item in value] if isinstance(value, list) else value


def test_odd_answers() -> None:
    """Whatever an answer has in place of what is expected, it is read, and its cost is unknown or not below 0."""
    chance = random.Random(3)
    known = [(url, model, reply) for url, model, reply, *_ in (*PRICED.values(), *UNKNOWN.values())]
    answers = [(url, model, reply) for url, model, reply in known if isinstance(reply, dict)]
    for _ in range(600):
        url, model, reply = chance.choice(answers)
        sent = mutated(
            {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "n": 1}, chance
        )
        request = Request("POST", url, json.dumps(sent), {})
        meter = Meter(1e12)
        meter.begin(request)
        body = json.dumps(mutated(reply, chance)).encode()
        code = chance.choice((200, 200, 400, 429, 500))
        meter.end(request, {"status": {"code": code}, "headers": {}, "body": {"string": body}})
        (call,) = meter.calls()
        assert call.usd is None or call.usd >= 0
