"""What the service does with a request: reads it as strictly as the real one, and makes an image."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omni_release.emulator import bodies, pictures
from omni_release.emulator.bodies import Reply
from omni_release.images import codec, life

PAGE = 50
SIGNATURE = 1_200
"""Bytes of a signature; real ones have up to 2.2 million."""
_TOKENS = {"1K": 1120, "2K": 1120, "4K": 2000}
_FLASH_TOKENS = {"1K": 1120, "2K": 1680, "4K": 2520}


@dataclass(frozen=True)
class Asked:
    """A call of generateContent. `step` is what the script says about it."""

    version: str
    model: str
    body: Mapping[str, Any]
    step: str
    now: datetime


def of(table: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """A field in camelCase or snake_case: the service reads both."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return table.get(name, table.get(snake, default))


def known(model: str, now: datetime) -> bool:
    """Whether calls to this model are answered on this day."""
    found = life.find(model)
    return found is not None and found.lives(now.date())


def generated(asked: Asked) -> Reply:
    """The answer to a call, as if all were well with the service."""
    if not known(asked.model, asked.now):
        return bodies.not_found(asked.version, asked.model)
    config = of(asked.body, "generationConfig", {})
    image = of(config, "imageConfig", {})
    if not isinstance(asked.body.get("contents"), list) or not asked.body["contents"]:
        return bodies.invalid("* GenerateContentRequest.contents: contents is not specified")
    shape = pictures.shape(of(image, "aspectRatio", ""), of(image, "imageSize", ""))
    if shape is None:
        return bodies.invalid(f"Invalid value at 'generation_config.image_config': {dict(image)}")
    if (wrong := _signatures(asked)) is not None:
        return wrong
    if "IMAGE" not in of(config, "responseModalities", ["TEXT", "IMAGE"]):
        return bodies.text_only(asked.model, "Yes", "MAX_TOKENS" if of(config, "maxOutputTokens") else "STOP")
    return Reply(200, _answer(asked, shape, of(image, "imageSize", "1K")))


def _signatures(asked: Asked) -> Reply | None:
    """Each image of the model's own has to come back with the signature that it came with."""
    for at, content in enumerate(asked.body["contents"], 1):
        for number, part in enumerate(content.get("parts") or (), 1):
            inline = of(part, "inlineData")
            if content.get("role") != "model" or (inline is None and "text" not in part):
                continue
            given = of(part, "thoughtSignature")
            about = codec.decoded(inline["data"]) if inline else part["text"].encode()
            if given is None and inline is not None:
                return bodies.missing_signature(at, number)
            if given is not None and not _signed(given, about):
                return bodies.invalid(f"Thought signature is not valid in content position {at}, part {number}.")
    return None


def _signed(given: str, about: bytes) -> bool:
    try:
        return pictures.is_signed(codec.decoded(given), about)
    except ValueError:
        return False


def _answer(asked: Asked, shape: tuple[int, int], size: str) -> dict[str, Any]:
    jpeg = asked.step == "jpeg" or ("-pro-" in asked.model and asked.step != "png")
    mime_type = "image/jpeg" if jpeg else "image/png"
    colour = hashlib.sha256(repr(asked.body["contents"]).encode()).digest()[0]
    data = pictures.picture(*shape, mime_type, colour)
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
        "responseId": response_id(asked.now),
    }
    if asked.step == "retiring":
        document["modelStatus"] = {"modelStage": "DEPRECATED", "retirementTime": "2027-01-31T00:00:00Z"}
    return _snaked(document) if asked.step == "snake" else document


def _parts(asked: Asked, data: bytes, mime_type: str) -> Iterator[dict[str, Any]]:
    modalities = of(of(asked.body, "generationConfig", {}), "responseModalities", ["TEXT", "IMAGE"])
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
    text = base64.b64encode(pictures.signature(about, size)).decode()  # the standard alphabet, as the service writes it
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


def response_id(now: datetime) -> str:
    """URL-safe base64 whose first four bytes, little-endian, are the Unix time; the rest is chance."""
    return base64.urlsafe_b64encode(struct.pack("<I", int(now.timestamp())) + os.urandom(12)).decode().rstrip("=")


def _snaked(value: Any) -> Any:
    """The same with all names in snake_case, as other clients of the API write them."""
    if isinstance(value, list):
        return [_snaked(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): _snaked(item) for key, item in value.items()}


def listed(page_token: str, page_size: int) -> Reply:
    """A page of the list of models. As the real one it lists names that are shut down already."""
    names = sorted(life.models())
    start = names.index(page_token) if page_token in names else 0
    page = names[start : start + max(1, min(page_size, 1000))]
    rest = names[start + len(page) :]
    body: dict[str, Any] = {"models": [_entry(name) for name in page]}
    return Reply(200, body | ({"nextPageToken": rest[0]} if rest else {}))


def got(version: str, model: str) -> Reply:
    """One model's entry."""
    return Reply(200, _entry(model)) if life.find(model) else bodies.not_found(version, model, "getModel")


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
