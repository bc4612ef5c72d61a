"""The schema of responses is derived from real recordings, and each kind of change between two is found."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from omni_release.cassettes import exchanges as recordings
from omni_release.core.errors import UsageError
from omni_release.core.model import Finding
from omni_release.emulators import GeminiEmulator
from omni_release.images.api_format import decode_base64
from omni_release.smoke.drift import drift_between
from omni_release.smoke.response_schema import ResponseSchema, schema_of, schemas_of
from tests.conftest import omni
from tests.images.conftest import EVIDENCE, needs_evidence

PRO, OLD = "gemini-3-pro-image", "gemini-2.5-flash-image"
PARTS = "candidates[].content.parts"


def response_of(emulator: GeminiEmulator, script: str = "", model: str = PRO) -> Any:
    """The parsed body of a response of the emulator."""
    emulator.script(script)
    sent = {"contents": [{"role": "user", "parts": [{"text": "a fox"}]}]}
    request = urllib.request.Request(
        f"{emulator.url}/v1beta/models/{model}:generateContent",
        json.dumps(sent).encode(),
        {"x-goog-api-key": "emulated", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def drift_of_kind(old: ResponseSchema, new: ResponseSchema) -> tuple[Finding, ...]:
    """The findings for the changes of one kind of responses."""
    return drift_between({old.kind: old}, {new.kind: new})


def changed(old: Any, new: Any) -> dict[str, str]:
    """The severity of each change, by its message."""
    return {f.message: f.severity.value for f in drift_of_kind(schema_of("answer", [old]), schema_of("answer", [new]))}


@needs_evidence
def test_from_flash_to_pro_as_recorded(tmp_path: Path) -> None:
    """In recorded traffic: signatures on text and images, a count of thoughts, JPEG instead of PNG."""
    flash, pro = (
        EVIDENCE / f"pydantic_pydantic-ai__test_google_image_{name}.yaml"
        for name in ("or_text_output", "generation_with_text")
    )
    ran = omni("contract", "diff", flash, pro, "--format", "json", cwd=tmp_path)
    rules = [(entry["severity"], entry["rule"], entry["message"].split(": ")[1]) for entry in ran.document["drift"]]
    assert rules == [
        ("warning", "drift-signature", f"{PARTS}[inlineData].thoughtSignature"),
        ("warning", "drift-signature", f"{PARTS}[text].thoughtSignature"),
        ("notice", "drift-new", "usageMetadata.thoughtsTokenCount"),
        ("error", "drift-mime-type", f"{PARTS}[inlineData].inlineData.data was image/png, is image/jpeg"),
        ("error", "drift-mime-type", f"{PARTS}[inlineData].inlineData.mimeType was image/png, is image/jpeg"),
    ]
    assert ran.code == 1
    assert omni("contract", "diff", pro, pro, cwd=tmp_path).out == "no drift\n"


@needs_evidence
def test_each_recorded_form_is_read() -> None:
    """YAML of three kinds, the test server's JSON, bare bodies, a stream, gzipped and binary bodies."""
    found = schemas_of(recordings.read(EVIDENCE))
    assert {kind: schema.samples for kind, schema in found.items()} == {
        "answer": 20,
        "answer in chunks": 17,
        "error INVALID_ARGUMENT": 1,
        "error NOT_FOUND": 5,
        "error PERMISSION_DENIED": 1,
        "error RESOURCE_EXHAUSTED": 1,
        "models": 2,
    }
    assert "error.details[ErrorInfo].reason" in found["error INVALID_ARGUMENT"].fields
    exchanges = recordings.read(EVIDENCE / "simonw_llm-gemini__test_tools_with_gemini_3_thought_signatures.yaml")
    assert [exchange.kind for exchange in exchanges] == ["generate", "refine"]


@pytest.fixture(scope="module")
def body() -> Callable[..., Any]:
    """Response bodies of one emulator, at a time when the older model was available."""
    emulator = GeminiEmulator(now=lambda: datetime(2026, 9, 1, tzinfo=UTC))
    return lambda script="", model=PRO: response_of(emulator, script, model)


def test_two_runs_of_the_same_call(body: Callable[..., Any]) -> None:
    """They have no drift in either order, whatever the alphabet of their signatures."""
    bodies = [body() for _ in range(4)]
    for old in bodies:
        for new in bodies:
            assert changed(old, new) == {}


def test_new_signature(body: Callable[..., Any]) -> None:
    """From 2.5 to 3, on text and on the image, it is a warning; the reverse is an error."""
    severities = changed(body("png", OLD), body("png"))
    signatures = [message for message in severities if message.startswith("new signature")]
    assert [message.split(": ")[1] for message in signatures] == [
        f"{PARTS}[inlineData].thoughtSignature",
        f"{PARTS}[text].thoughtSignature",
    ]
    assert {severities[message] for message in signatures} == {"warning"}
    assert severities["new: usageMetadata.thoughtsTokenCount: integer"] == "notice"
    assert "error" not in severities.values()
    back = changed(body("png"), body("png", OLD))
    assert sorted(severity for severity in back.values()) == ["error", "error", "notice"]


@pytest.mark.parametrize(
    ("script", "message", "severity"),
    [
        ("png", f"MIME type changed: {PARTS}[inlineData].inlineData.mimeType was image/jpeg, is image/png", "error"),
        ("snake", "gone: usageMetadata: object", "error"),
        ("snake", "new: usage_metadata: object", "notice"),
        ("text", f"gone: {PARTS}[inlineData]: object", "error"),
        ("refused", "gone: candidates[].content.parts: array", "error"),
        ("refused", "new value: candidates[].finishReason is IMAGE_SAFETY, was STOP", "notice"),
        ("retiring", "new: modelStatus: object", "notice"),
        ("thought", f"new: {PARTS}[inlineData].thought: boolean", "notice"),
    ],
)
def test_each_kind_of_change(script: str, message: str, severity: str, body: Callable[..., Any]) -> None:
    """Each change of the emulator's response is found at its place."""
    assert changed(body("jpeg"), body(script)).get(message) == severity


def test_the_alphabet_of_base64(body: Callable[..., Any]) -> None:
    """The URL-safe one, as the SDK writes it, instead of the standard one is an error; padding is a notice."""
    old = body("jpeg")
    new = json.loads(json.dumps(old))
    for part in new["candidates"][0]["content"]["parts"]:
        for held, key in ((part, "thoughtSignature"), (part.get("inlineData", {}), "data")):
            if key in held:
                held[key] = base64.urlsafe_b64encode(decode_base64(held[key])).decode()
    severities = changed(old, new)
    image = f"{PARTS}[inlineData].thoughtSignature"
    assert severities[f"base64 alphabet changed: {image} was standard, is url-safe"] == "error"
    assert {message.split(":")[0] for message in severities} == {"base64 alphabet changed"}
    padded = body("unpadded")
    for part in padded["candidates"][0]["content"]["parts"]:
        part["thoughtSignature"] += "=" * (-len(part["thoughtSignature"]) % 4)
    unpadded = changed(padded, body("unpadded"))
    assert set(unpadded.values()) == {"notice"} and all("base64 padding" in message for message in unpadded)


def test_changed_type_and_encoding(body: Callable[..., Any]) -> None:
    """A count that became text, and bytes that are not base64 any more."""
    old = body("jpeg")
    new = json.loads(json.dumps(old))
    new["usageMetadata"]["totalTokenCount"] = "1297"
    new["candidates"][0]["content"]["parts"][1]["inlineData"]["data"] = "see: https://example.invalid/1.jpeg"
    severities = changed(old, new)
    assert severities["type changed: usageMetadata.totalTokenCount was integer, is string"] == "error"
    assert severities[f"encoding changed: {PARTS}[inlineData].inlineData.data was base64, is not any more"] == "error"


def test_optional_fields(body: Callable[..., Any]) -> None:
    """A field that was optional before may be missing; one that was always there became optional."""
    whole, without = body(), body()
    del without["responseId"]
    usual = schema_of("answer", [whole, without, whole])
    assert usual.fields["responseId"].optional
    assert [f.severity.value for f in drift_of_kind(usual, schema_of("answer", [without]))] == ["notice"]
    assert drift_of_kind(usual, schema_of("answer", [whole])) == ()
    (found,) = drift_of_kind(schema_of("answer", [whole, whole]), schema_of("answer", [whole, without]))
    assert (found.severity.value, found.message) == ("warning", "became optional: responseId")
    (found,) = drift_of_kind(schema_of("answer", [whole, whole]), schema_of("answer", [without]))
    assert (found.severity.value, found.rule) == ("error", "drift-gone")


def test_kind_in_one_recording(body: Callable[..., Any]) -> None:
    """A kind of response that only one recording has is a notice."""
    error = {"error": {"code": 404, "status": "NOT_FOUND", "message": "no"}}
    path = Path("x.json")
    exchanges = [
        recordings.Exchange(path, 1, None, "", "", code, (one,)) for code, one in ((200, body()), (404, error))
    ]
    (found,) = drift_between(schemas_of(exchanges[:1]), schemas_of(exchanges))
    assert (found.severity.value, found.rule) == ("notice", "drift-unseen")


def test_forms_of_files(tmp_path: Path, body: Callable[..., Any]) -> None:
    """A cassette, a body, a list of chunks and a stream of the same response have the same fields."""
    one = body()
    text = json.dumps(one)
    interaction = {
        "request": {"uri": f"https://x.invalid/v1beta/models/{PRO}:generateContent", "method": "POST", "body": "{}"},
        "response": {"status": {"code": 200}, "headers": {}, "body": {"string": text}},
    }
    forms = {
        "a.yaml": yaml.safe_dump({"interactions": [interaction], "version": 1}),
        "a.json": text,
        "chunks.json": f"[{text}]",
        "a.sse": f"data: {text}\n\n",
    }
    found = []
    for name, content in forms.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        (exchange,) = recordings.read(tmp_path / name)
        found.append([str(field) for field in schema_of("answer", exchange.bodies).fields.values()])
    assert found[0] == found[1] == found[2] == found[3]
    assert (exchange.streamed, recordings.read(tmp_path / "a.yaml")[0].model) == (True, PRO)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: 1\nb: {", ":2: neither a cassette nor a body: not YAML"),
        ("a.yaml", "- 1", ":1: .* the document must be a mapping, not a list"),
        ("a.yaml", "a: 1", ":1: .* it has no interactions"),
        ("a.yaml", "a: 1\ninteractions: 2", ":2: .* `interactions` must be a list, not a number"),
        ("a.yaml", "interactions: []", " has no responses"),
        ("a.json", "", ":1: neither a cassette nor a body: not JSON"),
        ("a.json", '{"a": 1,\n}', ":[12]: neither a cassette nor a body: not JSON"),
        ("a.json", '{"interactions":\n[{}]}', r":2: .* `interactions\[0\]` has no `request`"),
        ("a.json", '{"interactions": [\n{"request": {},\n "response": []}]}', r":3: .*\.response` must be a mapping"),
        ("a.json", b"{\n\xff\xfe", ":2: neither a cassette nor a body: not UTF-8"),
    ],
)
def test_invalid_recording(name: str, text: str | bytes, message: str, tmp_path: Path) -> None:
    """The error has the file, the line and the expected type."""
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=f"{name}{message}"):
        recordings.read(tmp_path / name)


CHUNK = '{"candidates": [{"content": {"parts": [{"text": "a"}]}}]}'
FAILURE = '{"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}'


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"data: {CHUNK}\n\ndata: {CHUNK}\n\ndata: [DONE]\n", {"answer in chunks": 2}),
        (f"event: a\nid: 1\ndata: {CHUNK}\n\n", {"answer in chunks": 1}),
        (f": hello\n\nretry: 5\ndata: {CHUNK}\r\n\r\n", {"answer in chunks": 1}),
        ('data: {"candidates":\ndata: []}\n\n', {"answer in chunks": 1}),
        (f"data: {CHUNK}\n\ndata: {FAILURE}\n\n", {"answer in chunks": 1, "error UNAVAILABLE": 1}),
        (f"data: {CHUNK}\n\n{FAILURE}\n", {"answer in chunks": 1, "error UNAVAILABLE": 1}),
        (f"data: {CHUNK}\n{FAILURE}", {"answer in chunks": 1, "error UNAVAILABLE": 1}),
        (f"data: {CHUNK}\n\ndata: {CHUNK[:30]}", {"answer in chunks": 1}),
        (f"[{CHUNK},\n{FAILURE}]", {"answer in chunks": 1, "error UNAVAILABLE": 1}),
        (f"[{CHUNK},\n{CHUNK}\n,\n{CHUNK[:30]}", {"answer in chunks": 2}),
        ('{"access_token": "x", "expires_in": 3599, "token_type": "Bearer"}', {"token": 1}),
    ],
)
def test_streams_and_tokens(text: str, kinds: dict[str, int], tmp_path: Path) -> None:
    """An error within a stream counts as one, also without `data:`; what came whole of a stream that broke counts."""
    (tmp_path / "a.txt").write_text(text)
    found = schemas_of(recordings.read(tmp_path / "a.txt"))
    assert {kind: schema.samples for kind, schema in found.items()} == kinds


@pytest.mark.parametrize("text", ["data: [DONE]\n", "data: \n\n", f"data: {CHUNK[:30]}", "[]"])
def test_empty_stream(text: str, tmp_path: Path) -> None:
    """A stream without a document cannot be compared with anything."""
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "b.txt").write_text(f"data: {CHUNK}\n\n")
    ran = omni("contract", "diff", "a.txt", "b.txt", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "stream without a document" in ran.err


def test_nothing_in_common(tmp_path: Path) -> None:
    """Two recordings without a kind of response in common are not compared: that is no success."""
    (tmp_path / "a.txt").write_text(FAILURE)
    (tmp_path / "b.txt").write_text(CHUNK)
    ran = omni("contract", "diff", "a.txt", "b.txt", cwd=tmp_path)
    assert ran.code == 3
    assert "error UNAVAILABLE" in ran.err and "answer" in ran.err


def test_methods(tmp_path: Path) -> None:
    """Responses of other methods have schemas of their own."""
    uri = "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro-image:"
    interactions = [
        {
            "request": {"uri": f"{uri}{verb}", "body": ""},
            "response": {"status": {"code": 200}, "body": {"string": body}},
        }
        for verb, body in (("generateContent", CHUNK), ("countTokens", '{"totalTokens": 3}'))
    ]
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"interactions": interactions}))
    assert list(schemas_of(recordings.read(tmp_path / "a.yaml"))) == ["answer", "answer of countTokens"]


def test_the_command_line(tmp_path: Path, body: Callable[..., Any]) -> None:
    """`show` prints a line a field; a missing file, or a missing argument, is a usage error of one line and a hint."""
    (tmp_path / "a.json").write_text(json.dumps(body("jpeg")), encoding="utf-8")
    shown = omni("contract", "show", "a.json", cwd=tmp_path)
    assert "answer (1 recorded)\n" in shown.out
    assert f"  {PARTS}[inlineData].inlineData.mimeType: string, image/jpeg\n" in shown.out
    fields = omni("contract", "show", "a.json", "--format", "json", cwd=tmp_path).document["answer"]["fields"]
    assert {"path": "modelVersion", "types": ["string"]}.items() <= next(
        field for field in fields if field["path"] == "modelVersion"
    ).items()
    for arguments in (["show", "b.json"], ["diff", "a.json"]):
        ran = omni("contract", *arguments, cwd=tmp_path)
        assert (ran.code, len(ran.err.splitlines())) == (2, 2)
    (tmp_path / "b").mkdir()
    assert "no recordings in b" in omni("contract", "show", "b", cwd=tmp_path).err


CHAT = {"id": "c", "object": "chat.completion", "model": "gpt-5.4", "choices": [{"message": {"content": "Yes"}}]}
DELTA = {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "Yes"}}]}
MESSAGE = {"type": "message", "model": "claude-sonnet-5", "content": [{"type": "text", "text": "Yes"}]}
RESPONSE = {"object": "response", "error": None, "output": [{"type": "message", "content": [{"type": "output_text"}]}]}
KINDS: dict[str, tuple[str | None, int, Any, list[str]]] = {
    # what it is: path of the request (None: a bare body), code, body, kinds of responses
    "chat": ("/v1/chat/completions", 200, CHAT, ["answer of chat"]),
    "a bare chat": (None, 200, CHAT, ["answer of chat"]),
    "chat, streamed": ("/v1/chat/completions", 200, [DELTA, DELTA], ["answer of chat in chunks"]),
    "responses": ("/v1/responses", 200, RESPONSE, ["answer of responses"]),
    "responses, streamed": (
        "/v1/responses",
        200,
        [{"type": "response.created", "response": RESPONSE}, {"type": "response.output_text.delta", "delta": "Yes"}],
        ["event response.created of responses", "event response.output_text.delta of responses"],
    ),
    "messages": ("/v1/messages", 200, MESSAGE, ["answer of messages"]),
    "a bare message": (None, 200, MESSAGE, ["answer of messages"]),
    "messages, streamed": (
        None,
        200,
        [{"type": "message_start", "message": MESSAGE}, {"type": "ping"}, {"type": "message_stop"}],
        [f"event {name} of messages" for name in ("message_start", "message_stop", "ping")],
    ),
    "an error in a stream": (
        "/v1/messages",
        200,
        [{"type": "message_start", "message": MESSAGE}, {"type": "error", "error": {"type": "overloaded_error"}}],
        ["error overloaded_error of Anthropic", "event message_start of messages"],
    ),
    "images": ("/v1/images/edits", 200, {"created": 1, "data": [{"b64_json": "QQ=="}]}, ["answer of images"]),
    "embeddings": ("/v1/embeddings", 200, {"object": "list", "data": [{"embedding": [0.1]}]}, ["answer of embeddings"]),
    "models of OpenAI": ("/v1/models", 200, {"object": "list", "data": [{"object": "model"}]}, ["models of OpenAI"]),
    "models of Anthropic": ("/v1/models", 200, {"data": [{"type": "model"}]}, ["models of Anthropic"]),
    "a model of Anthropic": ("/v1/models/m", 200, {"type": "model", "id": "m"}, ["model of Anthropic"]),
    "tokens": ("/v1/messages/count_tokens", 200, {"input_tokens": 1}, ["answer of count tokens"]),
    "an error by its code": ("/v1/responses", 400, {"error": {"code": "x", "type": "y"}}, ["error x"]),
    "an error by its type": ("/v1/responses", 400, {"error": {"code": None, "type": "y"}}, ["error y"]),
    "an error of Anthropic": (
        "/v1/messages",
        401,
        {"type": "error", "error": {"type": "authentication_error"}},
        ["error authentication_error of Anthropic"],
    ),
    "an error of xAI": ("/v1/responses", 400, {"code": "invalid argument", "error": "m"}, ["error invalid argument"]),
    "an error of a gateway": ("/v1/responses", 502, {"detail": "no upstream"}, ["error 502"]),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_all_vendors(name: str, tmp_path: Path) -> None:
    """Answers, events and errors of each vendor have schemas of their own, also without their request."""
    url, code, body, kinds = KINDS[name]
    events = body if isinstance(body, list) else []
    text = "".join(f"event: x\ndata: {json.dumps(event)}\n\n" for event in events) or json.dumps(body)
    path = tmp_path / ("a.yaml" if url else "a.txt")
    if url:
        request = {"method": "GET" if "models" in url else "POST", "uri": f"https://h{url}", "body": "{}"}
        response = {"status": {"code": code}, "body": {"string": text}}
        text = yaml.safe_dump({"interactions": [{"request": request, "response": response}]})
    path.write_text(text)
    assert list(schemas_of(recordings.read(path))) == kinds


FAILED = RESPONSE | {"error": {"code": "x"}}
TOOL = {"type": "tool_use", "id": "t", "name": "n", "input": {"city": "Oslo"}}
CHANGES: dict[str, tuple[Any, Any, dict[str, str]]] = {
    # what changed: before, after, the severity by the rule of each finding
    "nothing": (MESSAGE, MESSAGE, {}),
    "the arguments of a function": (
        MESSAGE | {"content": [TOOL]},
        MESSAGE | {"content": [TOOL | {"input": {"town": 1}}]},
        {},
    ),
    "a tool is not called": (MESSAGE | {"content": [TOOL, *MESSAGE["content"]]}, MESSAGE, {"drift-gone": "notice"}),
    "there is no text": (
        MESSAGE | {"content": [*MESSAGE["content"], TOOL]},
        MESSAGE | {"content": [TOOL]},
        {"drift-gone": "error"},
    ),
    "null becomes an object": (
        RESPONSE,
        RESPONSE | {"error": {"code": "x"}},
        {"drift-new": "notice", "drift-value": "notice"},
    ),
    "an object becomes null": (
        RESPONSE | {"error": {"code": "x"}},
        RESPONSE,
        {"drift-gone": "notice", "drift-optional": "warning"},
    ),
    "a text becomes a number": (MESSAGE, MESSAGE | {"model": 5}, {"drift-type": "error"}),
    "a text is gone": (CHAT, {k: v for k, v in CHAT.items() if k != "model"}, {"drift-gone": "error"}),
    "a new reason": (
        MESSAGE | {"stop_reason": "end_turn"},
        MESSAGE | {"stop_reason": "pause_turn"},
        {"drift-value": "notice"},
    ),
    "a seal is new": (
        MESSAGE | {"content": [{"type": "thinking", "thinking": "I"}]},
        MESSAGE | {"content": [{"type": "thinking", "thinking": "I", "signature": "QUJD" * 30}]},
        {"drift-signature": "warning"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_all_vendors(name: str) -> None:
    """What a client can rely on is an error when it is gone; what is null or depends on the model is none."""
    old, new, rules = CHANGES[name]
    found = drift_of_kind(schema_of("answer", [old]), schema_of("answer", [new]))
    assert {finding.rule: finding.severity.value for finding in found} == rules


@pytest.mark.skipif(not EVIDENCE.is_dir(), reason="the recorded traffic is not available")
@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        (
            "text/pydantic_pydantic-ai__test_openai_responses_model_simple_response.yaml",
            "answer of responses",
            {
                "model": "string",
                "status": "string, e.g. completed",
                "output[message].content[output_text].text": "string",
                "usage.input_tokens_details.cached_tokens": "integer",
                "error": "null, optional",
            },
        ),
        (
            "text/pydantic_pydantic-ai__test_openai_moderation_stream.yaml",
            "answer of chat in chunks",
            {
                "choices[].delta.content": "string, optional",
                "choices[].finish_reason": "null or string, e.g. stop, optional",
                "usage": "null or object, optional",
                "usage.completion_tokens_details.reasoning_tokens": "integer",
            },
        ),
        (
            "text/pydantic_pydantic-ai__test_anthropic_model_thinking_part_redacted.yaml",
            "answer of messages",
            {
                "content[redacted_thinking].data": "string, base64, padded, standard",
                "stop_reason": "string, e.g. end_turn",
                "usage.cache_creation.ephemeral_1h_input_tokens": "integer",
            },
        ),
        (
            "text/pydantic_pydantic-ai__test_anthropic_advisor_tool_stream.yaml",
            "event message_delta of messages",
            {"delta.stop_reason": "string, e.g. end_turn", "usage.iterations[advisor_message].model": "string"},
        ),
        (
            "openai/crmne_ruby_llm__image_basic_functionality_openai_gpt-image-1_can_paint_images.yml",
            "answer of images",
            {
                "data[].b64_json": "string, base64, padded, standard, image/png",
                "usage.output_tokens_details.image_tokens": "integer",
            },
        ),
    ],
)
def test_recorded_shapes(name: str, kind: str, fields: dict[str, str]) -> None:
    """The shapes of recorded answers of OpenAI and Anthropic."""
    found = schemas_of(recordings.read(EVIDENCE.parent / name))[kind].fields
    described = {path: ", ".join(sorted(found[path].described.split(", "))) for path in fields}
    assert described == {path: ", ".join(sorted(text.split(", "))) for path, text in fields.items()}
