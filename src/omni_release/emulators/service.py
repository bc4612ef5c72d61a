"""What the service does with a request: reads it as strictly as the real one, and makes an image."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from omni_release import models
from omni_release.emulators import responses as emulators_responses
from omni_release.emulators.responses import Reply
from omni_release.images.api_format import decode_base64, field, snake_case

PAGE = 50
SIGNATURE = 1_200
"""Bytes of a signature; real ones have up to 2.2 million."""
_TOKENS = {"1K": 1120, "2K": 1120, "4K": 2000}
_FLASH_TOKENS = {"1K": 1120, "2K": 1680, "4K": 2520}


@dataclass(frozen=True)
class Asked:
    """A call of generateContent. `step` is what the script says about it, `salt` tells it from all others."""

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
"""What is looked at of a request; `bytes` is base64."""


def misshapen(value: Any, shape: Any = _SHAPE, where: str = "") -> str:
    """Where a request is not of the API's shape; "" where it is."""
    if value is None:
        return ""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return where
        return next(
            (found for name in shape if (found := misshapen(field(value, name), shape[name], f"{where}.{name}"))), ""
        )
    if isinstance(shape, list):
        if not isinstance(value, list) or None in value:
            return where
        return next(
            (found for at, one in enumerate(value) if (found := misshapen(one, shape[0], f"{where}[{at}]"))), ""
        )
    if shape is bytes:
        return "" if isinstance(value, str) and _is_base64(value) else where
    return "" if type(value) is shape else where


def _is_base64(text: str) -> bool:
    try:
        decode_base64(text)
    except ValueError:
        return False
    return True


def known(model: str, now: datetime) -> bool:
    """Whether calls to this model are answered on this day."""
    found = models.find(model)
    return found is not None and found.lives(now.date())


def generated(asked: Asked) -> Reply:
    """The answer to a call, as if all were well with the service."""
    if not known(asked.model, asked.now):
        return emulators_responses.not_found(asked.version, asked.model)
    if where := misshapen(asked.body):
        return emulators_responses.invalid(f"Invalid value at '{where.lstrip('.')}'.")
    config = field(asked.body, "generationConfig", {})
    image = field(config, "imageConfig", {})
    if not asked.body.get("contents"):
        return emulators_responses.invalid("* GenerateContentRequest.contents: contents is not specified")
    shape = emulators_responses.shape(field(image, "aspectRatio", ""), field(image, "imageSize", ""))
    if shape is None:
        return emulators_responses.invalid(f"Invalid value at 'generation_config.image_config': {dict(image)}")
    if (wrong := _signatures(asked)) is not None:
        return wrong
    if "IMAGE" not in field(config, "responseModalities", ["TEXT", "IMAGE"]):
        return emulators_responses.text_only(
            asked.model, "Yes", "MAX_TOKENS" if field(config, "maxOutputTokens") else "STOP"
        )
    return Reply(200, _answer(asked, shape, field(image, "imageSize", "1K")))


def _signatures(asked: Asked) -> Reply | None:
    """Each image of the model's own has to come back with the signature that it came with."""
    for at, content in enumerate(asked.body["contents"], 1):
        for number, part in enumerate(content.get("parts") or (), 1):
            inline = field(part, "inlineData")
            if content.get("role") != "model" or (inline is None and "text" not in part):
                continue
            given = field(part, "thoughtSignature")
            about = (
                part["text"].encode("utf-8", "surrogatepass")
                if inline is None
                else decode_base64(field(inline, "data", ""))
            )
            if given is None and inline is not None:
                return emulators_responses.missing_signature(at, number)
            if given is not None and not _signed(given, about):
                return emulators_responses.invalid(
                    f"Thought signature is not valid in content position {at}, part {number}."
                )
    return None


def _signed(given: str, about: bytes) -> bool:
    return emulators_responses.is_signed(decode_base64(given), about)


def _answer(asked: Asked, shape: tuple[int, int], size: str) -> dict[str, Any]:
    jpeg = asked.step == "jpeg" or ("-pro-" in asked.model and asked.step != "png")
    mime_type = "image/jpeg" if jpeg else "image/png"
    colour = hashlib.sha256(repr(asked.body["contents"]).encode()).digest()[0]
    data = emulators_responses.picture(*shape, mime_type, colour)
    if asked.step == "cut-image":
        data = data[: len(data) // 2]
    elif asked.step == "corrupt":
        data = b"this is no image, whatever the type beside it says"
    answered = "gemini-3.1-flash-lite-image" if asked.step == "other-model" else asked.model
    document: dict[str, Any] = {
        "candidates": [
            {
                "content": {"parts": list(_parts(asked, data, mime_type)), "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": _usage(asked.model, size),
        "modelVersion": answered,
        "responseId": response_id(asked.now, asked.salt),
    }
    if asked.step == "retiring":
        document["modelStatus"] = {"modelStage": "DEPRECATED", "retirementTime": "2027-01-31T00:00:00Z"}
    return _snaked(document) if asked.step == "snake" else document


def _parts(asked: Asked, data: bytes, mime_type: str) -> Iterator[dict[str, Any]]:
    modalities = field(field(asked.body, "generationConfig", {}), "responseModalities", ["TEXT", "IMAGE"])
    signs = "gemini-2" not in asked.model
    if "TEXT" in modalities:
        text = "Here it is."
        yield {"text": text} | (_sealed(text.encode(), asked.step) if signs else {})
    part: dict[str, Any] = {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}
    if asked.step == "thought":
        part["thought"] = True
    yield part | (_sealed(data, asked.step) if signs else {})


def _sealed(about: bytes, step: str) -> dict[str, str]:
    size = SIGNATURE + 1 if step == "unpadded" else SIGNATURE
    text = base64.b64encode(
        emulators_responses.signature(about, size)
    ).decode()  # the standard alphabet, as the service writes it
    return {"thoughtSignature": text.rstrip("=") if step == "unpadded" else text}


def _usage(model: str, size: str) -> dict[str, Any]:
    if "gemini-2" in model:
        image, text, thoughts = 1290, 14, 0
    else:
        image, text, thoughts = (_TOKENS if "-pro-" in model else _FLASH_TOKENS).get(size, 1120), 96, 179
    usage: dict[str, Any] = {
        "promptTokenCount": 22,
        "candidatesTokenCount": image + text,
        "totalTokenCount": 22 + image + text + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 22}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": image}],  # the details do not sum up
    }
    return usage | ({"thoughtsTokenCount": thoughts} if thoughts else {})


def response_id(now: datetime, salt: bytes) -> str:
    """URL-safe base64 whose first four bytes, little-endian, are the Unix time; the rest tells calls apart."""
    time = struct.pack("<I", int(now.timestamp()))
    return base64.urlsafe_b64encode(time + hashlib.sha256(salt).digest()[:12]).decode().rstrip("=")


def streamed(reply: Reply, *, sse: bool) -> Reply:
    """The same as streamGenerateContent gives it: a chunk a part, then an empty one with the reason of its end.

    With `sse` as events, else as an array. An error keeps its plain JSON body, under the stream's content type.
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
    candidates = document.get("candidates") or [{}]
    parts = field(candidates[0], "content", {}).get("parts") or ()
    end = {key: value for key, value in candidates[0].items() if key != "content"}
    for part in parts:
        yield {**document, "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]}
    closing = {"content": {"parts": [{"text": ""}], "role": "model"}, **end}
    yield {**document, "candidates": [closing]} if "candidates" in document else dict(document)


def _snaked(value: Any) -> Any:
    """The same with all names in snake_case, as other clients of the API write them."""
    if isinstance(value, list):
        return [_snaked(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {snake_case(key): _snaked(item) for key, item in value.items()}


def listed(page_token: str, page_size: int) -> Reply:
    """A page of the list of models. As the real one it lists names that are shut down already."""
    names = sorted(models.all_models())
    start = names.index(page_token) if page_token in names else 0
    page = names[start : start + max(1, min(page_size, 1000))]
    rest = names[start + len(page) :]
    body: dict[str, Any] = {"models": [_entry(name) for name in page]}
    return Reply(200, body | ({"nextPageToken": rest[0]} if rest else {}))


def got(version: str, model: str) -> Reply:
    """One model's entry."""
    return (
        Reply(200, _entry(model)) if models.find(model) else emulators_responses.not_found(version, model, "getModel")
    )


def _entry(name: str) -> dict[str, Any]:
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
