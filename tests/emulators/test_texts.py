"""The emulated text APIs: through the meter and the contract reader, and as strict as the services."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from omni_release.cassettes.api_calls import asked, parsed
from omni_release.emulators import AnthropicEmulator, GeminiEmulator, OpenAIEmulator, texts
from omni_release.emulators.server import Emulator
from omni_release.smoke.answers import Call, read_answer

CLAUDE, GPT, GEMINI = "claude-sonnet-5", "gpt-5.4", "gemini-3.6-flash"
TURNS = [{"role": "user", "content": "Is it?"}]
CALLS: dict[str, tuple[type[Any], str, dict[str, Any]]] = {
    "chat": (OpenAIEmulator, "/v1/chat/completions", {"model": GPT, "messages": TURNS}),
    "responses": (OpenAIEmulator, "/v1/responses", {"model": GPT, "input": "Is it?"}),
    "messages": (AnthropicEmulator, "/v1/messages", {"model": CLAUDE, "max_tokens": 9, "messages": TURNS}),
    "generateContent": (
        GeminiEmulator,
        f"/v1beta/models/{GEMINI}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Is it?"}]}]},
    ),
}
HEADERS = {"x-api-key": "k", "authorization": "Bearer k", "x-goog-api-key": "k", "anthropic-version": "2023-06-01"}


@pytest.fixture
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """The emulator of a row."""
    with CALLS[request.param][0]() as running:
        yield running


def post(emulator: Emulator, path: str, body: Any, headers: dict[str, str] = HEADERS) -> tuple[int, bytes]:
    """Status and body of a call."""
    given = {"content-type": "application/json", **headers}
    request = urllib.request.Request(emulator.url + path, json.dumps(body).encode(), given)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def read(path: str, sent: dict[str, Any], reply: tuple[int, bytes]) -> Call:
    """The call as the meter reads it."""
    call = Call(asked("POST", f"http://127.0.0.1{path}", sent), code=reply[0])
    read_answer(call, sent, reply[1])
    return call


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("emulator", "row"), [(name, name) for name in CALLS], indirect=["emulator"])
def test_answer(emulator: Emulator, row: str, streamed: bool) -> None:
    """Whole and streamed, the meter finds the model, the tokens and a known cost."""
    _, path, sent = CALLS[row]
    if streamed:
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
        sent = sent | {"stream": True, "stream_options": {"include_usage": True}}
    reply = post(emulator, path, sent)
    call = read(path, sent, reply)
    assert (call.code, call.answered) == (200, call.model), reply
    assert call.sent and call.received
    assert parsed(reply[1])[1] is streamed
    assert (call.usd is not None and call.usd > 0) or row == "generateContent"  # the table has no price of it


@pytest.mark.parametrize(("emulator", "row"), [(name, name) for name in CALLS], indirect=["emulator"])
def test_other_model(emulator: Emulator, row: str) -> None:
    """A script lets another model answer."""
    _, path, sent = CALLS[row]
    emulator.script("other-model")
    call = read(path, sent, post(emulator, path, sent))
    assert call.answered not in ("", call.model)


@pytest.mark.parametrize(("emulator", "row"), [(n, n) for n in list(CALLS)[:3]], indirect=["emulator"])
def test_odd_answers(emulator: Emulator, row: str) -> None:
    """Without a usage the cost is unknown; an error in a stream is a fault; a limit ends an answer early."""
    _, path, sent = CALLS[row]
    emulator.script("no-usage; stream-error; max-tokens; ok")
    assert read(path, sent, post(emulator, path, sent)).usd is None
    assert read(path, sent, post(emulator, path, sent | {"stream": True})).unanswered
    assert b"max_" in (body := post(emulator, path, sent)[1]) or b'"length"' in body
    assert read(path, sent, post(emulator, path, sent)).usd


@pytest.mark.parametrize("step", ["529", "500", "504", "429"])
def test_faults_of_anthropic(step: str) -> None:
    """They are transient to the meter, and have the shape of the service's errors."""
    _, path, sent = CALLS["messages"]
    with AnthropicEmulator(step) as emulator:
        code, body = post(emulator, path, sent)
    document = json.loads(body)
    assert (code, document["type"]) == (int(step), "error") and document["request_id"].startswith("req_")
    assert read(path, sent, (code, body)).unanswered


STRICT: dict[str, tuple[dict[str, Any], int, str]] = {
    "no model of this name": ({"model": "claude-0"}, 404, "not_found_error"),
    "a dead model": ({"model": "claude-2.1"}, 404, "not_found_error"),
    "no turn": ({"messages": []}, 400, "invalid_request_error"),
    "no limit": ({"max_tokens": None}, 400, "invalid_request_error"),
    "a role that is unknown": ({"messages": [{"role": "system", "content": "x"}]}, 400, "invalid_request_error"),
    "a thought without its signature": (
        {"messages": [*TURNS, {"role": "assistant", "content": [{"type": "thinking", "thinking": "I"}]}]},
        400,
        "invalid_request_error",
    ),
}


@pytest.mark.parametrize("name", STRICT)
def test_strict(name: str) -> None:
    """A request that the service rejects is rejected."""
    _, path, sent = CALLS["messages"]
    more, code, kind = STRICT[name]
    with AnthropicEmulator() as emulator:
        status, body = post(emulator, path, sent | more)
    assert (status, json.loads(body)["error"]["type"]) == (code, kind)


def test_keys_of_anthropic() -> None:
    """Without a key, with an invalid one, and without a version, there is no answer; either header has the key."""
    _, path, sent = CALLS["messages"]
    version = {"anthropic-version": "2023-06-01"}
    with AnthropicEmulator() as emulator:
        codes = [
            post(emulator, path, sent, headers | version)[0]
            for headers in ({}, {"x-api-key": "invalid"}, {"x-api-key": "k"}, {"authorization": "Bearer k"})
        ]
        codes.append(post(emulator, path, sent, {"x-api-key": "k"})[0])
    assert codes == [401, 401, 200, 200, 400]


def test_a_thought_is_sent_back() -> None:
    """A thought comes with a signature, and is accepted in the next turn."""
    _, path, sent = CALLS["messages"]
    with AnthropicEmulator() as emulator:
        first = json.loads(post(emulator, path, sent | {"thinking": {"type": "enabled", "budget_tokens": 1024}})[1])
        assert [block["type"] for block in first["content"]] == ["thinking", "text"]
        turns = [*TURNS, {"role": "assistant", "content": first["content"]}, *TURNS]
        assert post(emulator, path, sent | {"messages": turns})[0] == 200


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "more": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    },
}


@pytest.mark.parametrize(
    ("row", "more"),
    [
        ("chat", {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}),
        ("responses", {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}}),
        ("messages", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
        ("generateContent", {"generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA}}),
    ],
)
def test_a_schema(row: str, more: dict[str, Any]) -> None:
    """A request for JSON gets a document of its schema."""
    kind, path, sent = CALLS[row]
    with kind() as emulator:
        body = post(emulator, path, sent | more)[1]
    expected = json.dumps(json.dumps({"name": texts.ANSWER, "kind": "a", "sizes": [1], "more": True}))
    assert expected in body.decode()
