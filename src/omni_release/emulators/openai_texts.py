"""The text APIs of the emulated OpenAI: chat completions and responses, whole and streamed, as in recorded traffic."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from omni_release.emulators import openai_responses as responses
from omni_release.emulators import texts
from omni_release.emulators.api import Asked, Played
from omni_release.emulators.responses import Reply

METHODS = ("chat/completions", "responses", "moderations")
_OTHER_MODEL = "gpt-6-luna"
_FAILED = {"code": "server_error", "message": "The server had an error while processing your request."}


def reply(asked: Asked, played: Played) -> Reply:
    """The reply of a healthy service to a request whose model is served."""
    body, name = asked.body, "messages" if asked.method == "chat/completions" else "input"
    if not body.get(name):
        return responses.invalid(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    temperature = body.get("temperature")
    if isinstance(temperature, int | float) and not 0 <= temperature <= 2:
        return responses.invalid("Invalid 'temperature'.", "temperature", "decimal_out_of_range")
    if asked.method == "moderations":
        return Reply(200, {"id": "modr-1", "model": asked.model, "results": [{"flagged": False, "categories": {}}]})
    document = _chat(asked, played) if name == "messages" else _response(asked, played)
    if not body.get("stream"):
        return Reply(200, document)
    if name == "messages":
        return texts.as_events(_chunks(document, body, played), "data: [DONE]\n\n", named=False)
    return texts.as_events(_events(document, played), named=True)


def _answered(asked: Asked, played: Played) -> str:
    return _OTHER_MODEL if played.step == "other-model" else asked.model


def _id(prefix: str, played: Played) -> str:
    return f"{prefix}{hashlib.sha256(played.salt).hexdigest()[:29]}"


def _chat(asked: Asked, played: Played) -> dict[str, Any]:
    body = asked.body
    schema = _value_at(body, "response_format", "json_schema", "schema")
    wants_json = _value_at(body, "response_format", "type") == "json_object"
    text = texts.answer_of({} if wants_json and schema is None else schema)
    sent, received = texts.tokens(body["messages"]), texts.tokens(text)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    ended = "length" if played.step == "max-tokens" else "stop"
    document = {
        "id": _id("chatcmpl-", played),
        "object": "chat.completion",
        "created": int(played.now.timestamp()),
        "model": _answered(asked, played),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": ended}],
        "usage": {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }
    if played.step == "no-usage":
        del document["usage"]
    return document


def _chunks(document: Mapping[str, Any], body: Mapping[str, Any], played: Played) -> Iterator[dict[str, Any]]:
    """The chunks of a stream: the usage is in the last one, if the request asks for it."""
    shared = {name: document[name] for name in ("id", "created", "model", "service_tier", "system_fingerprint")}
    shared = {**shared, "object": "chat.completion.chunk"}
    asks = bool(_value_at(body, "stream_options", "include_usage")) and "usage" in document
    usage = {"usage": None} if asks else {}
    (choice,) = document["choices"]
    deltas = ({"role": "assistant", "content": "", "refusal": None}, {"content": choice["message"]["content"]})
    for delta in deltas:
        yield {**shared, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **usage}
        if played.step == "stream-error":
            yield {"error": {**_FAILED, "type": "server_error", "param": None}}
            return
    yield {**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}], **usage}
    if asks:
        yield {**shared, "choices": [], "usage": document["usage"]}


def _response(asked: Asked, played: Played) -> dict[str, Any]:
    body = asked.body
    form = _value_at(body, "text", "format")
    text = texts.answer_of(form.get("schema") if isinstance(form, Mapping) else None)
    sent, received = texts.tokens(body["input"]), texts.tokens(text)
    cut = played.step == "max-tokens"
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"id": _id("msg_", played), "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    document = {
        "id": _id("resp_", played),
        "object": "response",
        "created_at": int(played.now.timestamp()),
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": {},
        "model": _answered(asked, played),
        "output": [item],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": received,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + received,
        },
        "user": None,
    }
    return document | ({"usage": None} if played.step == "no-usage" else {})


def _events(document: Mapping[str, Any], played: Played) -> Iterator[dict[str, Any]]:
    """The events of a stream of responses; the last one has the whole response, with its usage."""
    begun = {**document, "status": "in_progress", "output": [], "usage": None}
    (item,) = document["output"]
    (part,) = item["content"]
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    empty = {**part, "text": ""}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**place, "part": empty}),
        ("response.output_text.delta", {**place, "delta": part["text"], "logprobs": []}),
    ]
    if played.step == "stream-error":
        kinds.append(("response.failed", {"response": {**begun, "status": "failed", "error": _FAILED}}))
    else:
        kinds += [
            ("response.output_text.done", {**place, "text": part["text"], "logprobs": []}),
            ("response.content_part.done", {**place, "part": part}),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            (f"response.{document['status']}", {"response": document}),
        ]
    for number, (kind, more) in enumerate(kinds):
        yield {"type": kind, "sequence_number": number, **more}


def _value_at(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document
