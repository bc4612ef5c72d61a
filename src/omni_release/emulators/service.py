"""The emulated service: reads a request as strictly as the real service, and makes an image."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from omni_release import models
from omni_release.emulators import responses, texts
from omni_release.emulators.responses import Reply
from omni_release.images.api_format import decode_base64, field, snake_case
from omni_release.models.facts import Model

DEFAULT_PAGE_SIZE = 50
SIGNATURE_SIZE = 1_200
"""In bytes; the signatures of the real service have up to 2.2 million."""
_TOKENS = {"1K": 1120, "2K": 1120, "4K": 2000}
_FLASH_TOKENS = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}
_NANO_BANANA_TOKENS = {"1K": 1120, "2K": 1680, "4K": 3780}
_MODALITIES = ["TEXT", "IMAGE"]
_SECRET = b"the emulator's own: a signature of one emulator is known to another"
_SERVED = (models.PROJECT, "gemini-api")


@dataclass(frozen=True)
class GenerateRequest:
    """A call of generateContent. `step` is the script's step for it, `salt` distinguishes it from all other calls."""

    version: str
    model: str
    body: Mapping[str, Any]
    step: str
    now: datetime
    salt: bytes = b""


_SHAPE: Any = {
    "contents": [
        {
            "role": str,
            "parts": [
                {
                    "text": str,
                    "inlineData": {"mimeType": str, "data": bytes},
                    "thoughtSignature": bytes,
                    "thought": bool,
                }
            ],
        }
    ],
    "generationConfig": {
        "responseModalities": [str],
        "imageConfig": {"aspectRatio": str, "imageSize": str},
        "maxOutputTokens": int,
    },
}
"""The fields of a request that are checked; `bytes` is base64."""


def invalid_field(value: Any, shape: Any = _SHAPE, path: str = "") -> str:
    """The path of the first field that does not have the API's shape; "" if all fields have it."""
    if value is None:
        return ""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return path
        paths = (invalid_field(field(value, name), shape[name], f"{path}.{name}") for name in shape)
        return next(filter(None, paths), "")
    if isinstance(shape, list):
        if not isinstance(value, list) or None in value:
            return path
        paths = (invalid_field(item, shape[0], f"{path}[{number}]") for number, item in enumerate(value))
        return next(filter(None, paths), "")
    if shape is bytes and isinstance(value, str):
        try:
            decode_base64(value)
        except ValueError:
            return path
        return ""
    return "" if type(value) is shape else path


def generate(request: GenerateRequest) -> Reply:
    """The reply to a call of a healthy service."""
    known = _served(request.model)
    if known is None or not known.lives(request.now.date()):
        return responses.not_found(request.version, request.model)
    if path := invalid_field(request.body):
        return responses.invalid(f"Invalid value at '{path.lstrip('.')}'.")
    config = field(request.body, "generationConfig", {})
    image = field(config, "imageConfig", {})
    if not request.body.get("contents"):
        return responses.invalid("* GenerateContentRequest.contents: contents is not specified")
    if known.kind == "text":
        return _text(request, config)
    pixels = responses.image_size(request.model, field(image, "aspectRatio", ""), field(image, "imageSize", ""))
    if pixels is None:
        return responses.invalid(f"Invalid value at 'generation_config.image_config': {dict(image)}")
    if (refusal := _check_signatures(request.body["contents"])) is not None:
        return refusal
    if "IMAGE" not in field(config, "responseModalities", _MODALITIES):
        finish_reason = "MAX_TOKENS" if field(config, "maxOutputTokens") else "STOP"
        return responses.text_only(request.model, texts.ANSWER, finish_reason)
    return Reply(200, _answer(request, pixels, field(image, "imageSize", "1K")))


def _text(request: GenerateRequest, config: Mapping[str, Any]) -> Reply:
    """The answer of a model for text: a word, or a document of the schema that the request has."""
    schema = field(config, "responseJsonSchema") or field(config, "responseSchema")
    model = "gemini-3.5-flash-lite" if request.step == "other-model" else request.model
    return responses.text_only(model, texts.answer_of(schema), "STOP")


def _check_signatures(contents: list[Any]) -> Reply | None:
    """The error if an image of the model comes back without its signature, or any part with a wrong one."""
    for content_number, content in enumerate(contents, 1):
        for part_number, part in enumerate(content.get("parts") or (), 1):
            inline = field(part, "inlineData")
            if content.get("role") != "model" or (inline is None and "text" not in part):
                continue
            signature = field(part, "thoughtSignature")
            if signature is None:
                if inline is not None:
                    return responses.missing_signature(content_number, part_number)
                continue
            if inline is None:
                signed = part["text"].encode("utf-8", "surrogatepass")
            else:
                signed = decode_base64(field(inline, "data", ""))
            if not is_signed(decode_base64(signature), signed):
                place = f"content position {content_number}, part {part_number}"
                return responses.invalid(f"Thought signature is not valid in {place}.")
    return None


def _answer(request: GenerateRequest, pixels: tuple[int, int], size: str) -> dict[str, Any]:
    jpeg = request.step == "jpeg" or ("-pro-" in request.model and request.step != "png")
    mime_type = "image/jpeg" if jpeg else "image/png"
    colour = hashlib.sha256(repr(request.body["contents"]).encode()).digest()[0]
    data = responses.sample_image(*pixels, mime_type, colour)
    if request.step == "cut-image":
        data = data[: len(data) // 2]
    elif request.step == "corrupt":
        data = b"this is not an image, whatever its MIME type says"
    parts = list(_parts(request, data, mime_type))
    document: dict[str, Any] = {
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": _usage(request.model, size),
        "modelVersion": "gemini-3.1-flash-lite-image" if request.step == "other-model" else request.model,
        "responseId": response_id(request.now, request.salt),
    }
    if request.step == "retiring":
        document["modelStatus"] = {"modelStage": "DEPRECATED", "retirementTime": "2027-01-31T00:00:00Z"}
    return _in_snake_case(document) if request.step == "snake" else document


def _parts(request: GenerateRequest, data: bytes, mime_type: str) -> Iterator[dict[str, Any]]:
    """A text, if the request asks for one, and the image; both signed, except by Gemini 2."""

    def signature(content: bytes) -> dict[str, str]:
        if "gemini-2" in request.model:
            return {}
        unpadded = request.step == "unpadded"
        signed = sign(content, SIGNATURE_SIZE + unpadded)
        text = base64.b64encode(signed).decode()  # the standard alphabet, as the service writes it
        return {"thoughtSignature": text.rstrip("=") if unpadded else text}

    if "TEXT" in field(field(request.body, "generationConfig", {}), "responseModalities", _MODALITIES):
        text = "Here it is."
        yield {"text": text} | signature(text.encode())
    part: dict[str, Any] = {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}
    if request.step == "thought":
        part["thought"] = True
    yield part | signature(data)


def sign(content: bytes, size: int) -> bytes:
    """A signature of `size` bytes (at least 48) for this content; the same content has always the same signature."""
    filling = hashlib.shake_256(_SECRET + content).digest(size - 32)
    return filling + _digest(filling, content)


def is_signed(signature: bytes, content: bytes) -> bool:
    """Whether `signature` is an unchanged signature of `sign` for this content."""
    return hmac.compare_digest(signature[-32:], _digest(signature[:-32], content))


def _digest(filling: bytes, content: bytes) -> bytes:
    return hmac.digest(_SECRET, filling + hashlib.sha256(content).digest(), "sha256")


def _usage(model: str, size: str) -> dict[str, Any]:
    if "gemini-2" in model:
        image, text, thoughts = 1290, 14, 0
    else:
        by_size = _TOKENS if "-pro-" in model else _NANO_BANANA_TOKENS if "nano-banana" in model else _FLASH_TOKENS
        image, text, thoughts = by_size.get(size, 1120), 96, 179
    usage: dict[str, Any] = {
        "promptTokenCount": 22,
        "candidatesTokenCount": image + text,
        "totalTokenCount": 22 + image + text + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 22}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": image}],  # the details do not add up
    }
    return usage | ({"thoughtsTokenCount": thoughts} if thoughts else {})


def response_id(now: datetime, salt: bytes) -> str:
    """URL-safe base64: the first four bytes are the Unix time in little-endian, the others identify the call."""
    time = struct.pack("<I", int(now.timestamp()))
    return base64.urlsafe_b64encode(time + hashlib.sha256(salt).digest()[:12]).decode().rstrip("=")


def as_stream(reply: Reply, *, sse: bool) -> Reply:
    """The reply as streamGenerateContent gives it: a chunk for each part, then an empty one with the finish reason.

    As events with `sse`, else as an array. An error keeps its plain JSON body, under the stream's content type.
    """
    if isinstance(reply.content, bytes):
        return reply
    kind = {"Content-Type": "text/event-stream"} if sse else {}
    if reply.code != 200:
        return replace(reply, headers={**kind, **reply.headers})
    chunks = list(_chunks(reply.content))
    if not sse:
        return replace(reply, content=chunks)
    events = b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)
    return replace(reply, content=events, headers={**kind, **reply.headers})


def _chunks(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    candidate = (document.get("candidates") or [{}])[0]
    for part in field(candidate, "content", {}).get("parts") or ():
        yield {**document, "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]}
    end = {key: value for key, value in candidate.items() if key != "content"}
    last = {"content": {"parts": [{"text": ""}], "role": "model"}, **end}
    yield {**document, "candidates": [last]} if "candidates" in document else dict(document)


def _in_snake_case(value: Any) -> Any:
    """A copy with all names in snake_case, as some clients of the API write them."""
    if isinstance(value, list):
        return [_in_snake_case(item) for item in value]
    if isinstance(value, dict):
        return {snake_case(key): _in_snake_case(item) for key, item in value.items()}
    return value


def _served(name: str) -> Model | None:
    """The model of this name on the Gemini API, or of the project; None if the registry has none."""
    return next(filter(None, (models.find(name, platform) for platform in _SERVED)), None)


def list_models(page_token: str, page_size: int) -> Reply:
    """A page of the list of models. Like the real list, it includes names that are shut down."""
    names = [model.name for model in models.current().models.values() if model.platform in _SERVED]
    names.sort()
    start = names.index(page_token) if page_token in names else 0
    page = names[start : start + max(1, min(page_size, 1000))]
    rest = names[start + len(page) :]
    body: dict[str, Any] = {"models": [_model_entry(name) for name in page]}
    return Reply(200, body | ({"nextPageToken": rest[0]} if rest else {}))


def get_model(version: str, model: str) -> Reply:
    """The entry of one model."""
    if _served(model) is None:
        return responses.not_found(version, model, "getModel")
    return Reply(200, _model_entry(model))


def _model_entry(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "inputTokenLimit": 65536,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent", "countTokens", "batchGenerateContent"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 1,
        "thinking": True,
    }
