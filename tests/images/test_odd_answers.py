"""Each odd answer of a service or a proxy gives an ImageError, and an image that was paid for is kept."""

from __future__ import annotations

import contextlib
import copy
import datetime
import json
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from omni_release.emulators import responses
from omni_release.images import (
    GeminiImageProvider,
    ImageRequest,
    ImageResult,
    answer,
    error_mapping,
    errors,
    gemini,
    openai_answers,
)
from omni_release.images.api_format import encode_base64
from tests.images.conftest import PRO, planted_key, run
from tests.images.test_bad_input import bytes_of

IMAGE = encode_base64(responses.sample_image(1376, 768, "image/jpeg", 7))
ANSWER: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "x", "thoughtSignature": "AAAA"},
                    {"inlineData": {"mimeType": "image/jpeg", "data": IMAGE}, "thought": True},
                ]
            },
            "finishReason": "STOP",
            "finishMessage": "m",
        }
    ],
    "promptFeedback": {"blockReasonMessage": ""},
    "usageMetadata": {
        "promptTokenCount": 1,
        "candidatesTokenCount": 2,
        "totalTokenCount": 3,
        "thoughtsTokenCount": 4,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}],
    },
    "modelVersion": PRO,
    "responseId": "abc",
    "modelStatus": {"retirementTime": "2027-01-01T00:00:00Z"},
}
FAULT: dict[str, Any] = {
    "error": {
        "code": 429,
        "message": "m",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "x.QuotaFailure", "violations": [{"quotaId": "q", "quotaValue": "1"}]},
            {"@type": "x.RetryInfo", "retryDelay": "3s"},
            {"@type": "x.ErrorInfo", "reason": "SERVICE_DISABLED"},
            {"@type": "x.Help", "links": [{"url": "u"}]},
        ],
    }
}
ODD: tuple[Any, ...] = (
    *(None, 0, -1, 1.5, float("inf"), float("nan"), True, "", "x", "\ud800", "9" * 500),
    *([], [1], [None], ["a"], [[]], [{}], {}, {"a": 1}, {"x": {}}),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in a document."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from places(one, (*at, key))


def with_odd(document: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Copies of the document, each with one value replaced by an odd one, and its path."""
    for at in places(document):
        for odd in ODD:
            if not at:
                yield at, odd
                continue
            changed = inner = copy.deepcopy(document)
            for key in at[:-1]:
                inner = inner[key]
            inner[at[-1]] = odd
            yield at, changed


def test_answer_with_one_odd_value() -> None:
    """It gives a result that can be written, or an ImageError; fields outside of the parts cost no image."""
    for at, document in with_odd(ANSWER):
        try:
            result = gemini.read_result(json.dumps(document), PRO, "an owl", "1K", 1.0)
        except errors.ImageError as error:
            error.message.encode()
            assert not at or at[0] in ("candidates", "promptFeedback"), at
        else:
            assert ImageResult.from_json(result.to_json().encode()) == result


def test_error_with_one_odd_value() -> None:
    """It gives an ImageError, for each code."""
    now = datetime.datetime.now(datetime.UTC)
    for code in (400, 403, 404, 429, 500, 503):
        for _, document in with_odd(FAULT):
            error = error_mapping.map_error(error_mapping.ErrorAnswer(code, document, {"retry-after": "1"}, PRO, now))
            error.message.encode()
            error.hint.encode()


OPENAI_ANSWER: dict[str, Any] = {
    "created": 1,
    "data": [{"b64_json": IMAGE, "revised_prompt": "x"}],
    "usage": {
        "input_tokens": 1,
        "input_tokens_details": {"image_tokens": 1, "text_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"image_tokens": 2, "text_tokens": 0},
        "total_tokens": 3,
        "cost_in_usd_ticks": 4,
    },
}
OPENAI_FAULT: dict[str, Any] = {
    "error": {
        "message": "m",
        "type": "image_generation_user_error",
        "param": "size",
        "code": "moderation_blocked",
        "moderation_details": {"moderation_stage": "input", "categories": ["a"]},
        "inner_error": {"code": "x"},
    }
}


def test_openai_answer_with_one_odd_value() -> None:
    """It is read, or a damaged answer; a field outside of the image costs no image."""
    for at, document in with_odd(OPENAI_ANSWER):
        try:
            read = openai_answers.parse(json.dumps(document).encode())
        except errors.DamagedAnswer as error:
            error.message.encode()
            assert not at or at[0] == "data", at
        else:
            assert not isinstance(read, openai_answers.ImageAnswer) or read.text.encode() is not None


def test_openai_error_with_one_odd_value() -> None:
    """It gives an ImageError, for each code, also where the object is the body itself."""
    now = datetime.datetime.now(datetime.UTC)
    headers = {"retry-after-ms": "x", "x-ratelimit-reset-tokens": "1h"}
    for code in (200, 400, 401, 404, 429, 500, 503):
        for document in (OPENAI_FAULT, OPENAI_FAULT["error"]):
            for _, changed in with_odd(document):
                error = openai_answers.map_error(openai_answers.OpenAIError(code, changed, headers, PRO, now, "KEY"))
                (error.message + error.hint).encode()
                pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("1.5s", 1.5), ("0s", 0.0), ("-5s", 0.0), ("1000000000s", 1e9), ("1e9s", None), ("3ms", None), (48, None)],
)
def test_odd_delays(delay: object, seconds: float | None) -> None:
    """A 429 with a RetryInfo is a rate limit, even if its delay cannot be read."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [info]}}
    error = error_mapping.map_error(error_mapping.ErrorAnswer(429, body, {}, PRO, datetime.datetime.now(datetime.UTC)))
    assert isinstance(error, errors.RateLimited)
    assert error.delay == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("-1", None),
        ("soon", None),
        ("Sun, 22 Nov 2026 00:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 00:00:30 -0000", 30.0),
        ("Mon, 01 Jan 0001 00:00:00 +2300", 0.0),
    ],
)
def test_odd_retry_after(header: str, seconds: float | None) -> None:
    """Seconds or a date are read; anything else gives no delay."""
    now = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    assert error_mapping.ErrorAnswer(503, {}, {"retry-after": header}, PRO, now).delay == seconds


def test_429_of_a_proxy() -> None:
    """A proxy's page says nothing about the account."""
    error = error_mapping.map_error(
        error_mapping.ErrorAnswer(429, "<html>", {}, PRO, datetime.datetime.now(datetime.UTC))
    )
    assert type(error) is errors.RateLimited


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_truncated_image_with_a_lenient_pillow(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOAD_TRUNCATED_IMAGES, which a program may have set, does not weaken the check."""
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = bytes_of(kind)
    assert answer.decode_image(data).width == 64
    with pytest.raises(errors.DamagedAnswer):
        answer.decode_image(data[: len(data) * 9 // 10])


# -- on the wire -----------------------------------------------------------------------------------------------------


def http(body: bytes, status: str = "200 OK", *headers: str, version: str = "HTTP/1.1") -> bytes:
    """An HTTP response with exactly these bytes."""
    lines = [f"{version} {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def saying(reply: bytes) -> Iterator[str]:
    """A server that sends these bytes to each client, and disconnects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, contextlib.suppress(OSError):  # it may have heard enough
                    heard = b""
                    while b"\r\n\r\n" not in heard and (more := client.recv(65536)):
                        heard += more
                    client.sendall(reply)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


OK = json.dumps(ANSWER).encode()
ODD_WIRE = [
    (http(OK, version="HTTP/1.0"), None),
    (b"HTTP/1.0 200 OK\r\n\r\n" + OK, None),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(OK) + OK + b"\r\n0\r\n\r\n", None),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n" + http(OK), None),
    (http(b"\xef\xbb\xbf" + OK), None),
    (http(OK, "200 OK", "Content-Encoding: gzip"), errors.Disconnected),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nhello", errors.Disconnected),
    (b"SSH-2.0-x\r\n\r\n", errors.Disconnected),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", errors.Disconnected),
    (http(b"", "204 No Content"), errors.RequestRejected),
    (http(b"", "301 Moved", "Location: http://127.0.0.1:9/"), errors.ConfigurationError),
    *((http(body, "500 X"), errors.ServiceFault) for body in (b"[]", b'"oops"', b"5", b"null", b'{"error":"x"}')),
    *((http(body, "400 X"), errors.RequestRejected) for body in (b"[]", b'"oops"', b"5", b"null", b'{"error":[1]}')),
]


@pytest.mark.parametrize(("reply", "kind"), ODD_WIRE, ids=[str(at) for at in range(len(ODD_WIRE))])
def test_odd_http(reply: bytes, kind: type[errors.ImageError] | None) -> None:
    """It gives an image, or an ImageError that can be pickled."""

    async def work() -> ImageResult | errors.ImageError:
        async with GeminiImageProvider(PRO, planted_key(), url, 20.0) as provider:
            try:
                return await provider.generate(ImageRequest("an owl"))
            except errors.ImageError as error:
                return error

    with saying(reply) as url:
        came = run(work)
    if kind is None:
        assert isinstance(came, ImageResult)
        return
    assert type(came) is kind
    again = pickle.loads(pickle.dumps(came))
    assert (type(again), again.message, again.hint) == (kind, came.message, came.hint)


def test_every_error_can_be_pickled() -> None:
    """Its arguments and attempts survive."""
    last = errors.Overloaded("503", delay=3.0)
    for error in (
        errors.RetriesExhausted("m", "h", last=last),
        errors.ModelNotFound("m", "h", model="a", successor="b"),
        errors.ContentRefused("m", "h", reason="SAFETY", text="t"),
        errors.QuotaSpent("m", "h", quota="q"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert {**vars(again), "last": None} == {**vars(error), "last": None}


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"<html>a portal</html>", b'{"ok": true}'], ids=["nothing", "array", "page", "other"]
)
def test_probe_rejects_other_services(body: bytes) -> None:
    """A 200 of something other than the API does not prove that the model responds."""

    async def work() -> bool:
        async with GeminiImageProvider(PRO, planted_key(), url, 20.0) as provider:
            return (await provider.probe()).available

    with saying(http(body)) as url:
        assert not run(work)
