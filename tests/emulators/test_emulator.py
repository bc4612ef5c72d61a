"""The emulator: its script, its answers, its random faults, its command."""

from __future__ import annotations

import datetime
import gzip
import http.client
import io
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from omni_release import loopback
from omni_release.core.errors import UsageError
from omni_release.emulators import GeminiEmulator, responses
from omni_release.emulators.fixtures import gemini_emulator  # noqa: F401  # a fixture, as a project would take it
from omni_release.emulators.gemini import FAULTS
from omni_release.emulators.server import FaultModel
from omni_release.images.api_format import decode_base64, encode_base64
from tests.conftest import child_environment, omni

PRO = "gemini-3-pro-image"
BODY: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "an owl"}]}]}


def asked(
    url: str, path: str, body: dict[str, Any] | None = None, key: str = "k", accept_encoding: str = "identity"
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and document of one raw call: POST with a body, GET without."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        content = None if body is None else json.dumps(body)
        with_key = {"x-goog-api-key": key} if key else {}
        connection.request(
            "GET" if body is None else "POST", path, content, {**with_key, "Accept-Encoding": accept_encoding}
        )
        response = connection.getresponse()
        data = response.read()
        said = {name.lower(): value for name, value in response.getheaders()}
        if said.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        return response.status, said, json.loads(data)
    finally:
        connection.close()


def generated(url: str, body: dict[str, Any], model: str = PRO, version: str = "v1beta") -> tuple[int, dict[str, Any]]:
    """Status and document of a call for an image."""
    status, _, document = asked(url, f"/{version}/models/{model}:generateContent", body)
    return status, document


@pytest.fixture
def running() -> Iterator[GeminiEmulator]:
    """A new emulator."""
    with GeminiEmulator() as emulator:
        yield emulator


# -- the script ------------------------------------------------------------------------------------------------------


def test_script() -> None:
    """Faults, with their options."""
    faults = loopback.parse("503; 429 after=1.5; hang times=2 skip=1;; ok model=m times=always ;", FAULTS)
    assert [(fault.name, fault.skip, fault.times, fault.after, fault.options["model"]) for fault in faults] == [
        *(("503", 0, 1, None, ""), ("429", 0, 1, 1.5, ""), ("hang", 1, 2, None, ""), ("ok", 0, None, None, "m")),
    ]
    assert loopback.parse("", FAULTS) == ()


def test_faults_are_played_in_order(running: GeminiEmulator) -> None:
    """`times` and `skip` count calls; after the script all calls are answered."""
    running.script("500 times=2; 503 skip=1; 400 times=0")
    assert [generated(running.url, BODY)[0] for _ in range(5)] == [500, 500, 200, 503, 200]
    running.script("500 times=always; 503")
    assert [generated(running.url, BODY)[0] for _ in range(3)] == [500, 500, 500]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("50x", "fault '50x'"),
        ("hangs", "fault 'hangs'"),
        ("429 after=soon", "after='soon'"),
        ("429 after=-1", "after='-1'"),
        ("429 later=1", "option 'later'"),
        ("ok model=", "model=''"),
    ],
)
def test_a_script_that_cannot_be_read(text: str, said: str) -> None:
    """The error names the fault and the option, and lists what there is."""
    with pytest.raises(UsageError) as raised:
        GeminiEmulator(text)
    assert said in raised.value.message
    assert raised.value.hint


def test_each_fault(running: GeminiEmulator) -> None:
    """Every listed name is a fault; all but those below HTTP answer in JSON, with the service's headers."""
    for name in responses.NAMES:
        if name in (*responses.CONNECTION_STEPS, "not-json", "proxy-502", "redirect", "huge"):
            continue
        running.script(name)
        status, headers, document = asked(running.url, f"/v1beta/models/{PRO}:generateContent", BODY)
        assert headers["content-type"] == "application/json; charset=UTF-8"
        assert headers["server"] == "scaffolding on HTTPServer2"
        assert "server-timing" in headers
        assert (status == 200) == ("error" not in document or name == "200-error"), name
        if status != 200:
            assert document["error"]["code"] == status
            assert document["error"]["status"].isupper()


def test_fault_for_one_model(running: GeminiEmulator) -> None:
    """Other models are not affected."""
    running.script(f"503 model={PRO}; 500")
    assert generated(running.url, BODY, "gemini-3.1-flash-image")[0] == 500
    assert generated(running.url, BODY)[0] == 503
    assert generated(running.url, BODY)[0] == 200


# -- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize(("model", "mime_type"), [(PRO, "image/jpeg"), ("gemini-3.1-flash-image", "image/png")])
def test_image(running: GeminiEmulator, version: str, model: str, mime_type: str) -> None:
    """It has the requested shape and the model's type, is signed and small, in standard base64."""
    config = {"imageConfig": {"aspectRatio": "9:16", "imageSize": "2K"}, "responseModalities": ["TEXT", "IMAGE"]}
    status, document = generated(running.url, BODY | {"generationConfig": config}, model, version)
    (candidate,) = document["candidates"]
    text, pictured = candidate["content"]["parts"]
    data = decode_base64(pictured["inlineData"]["data"])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, Image.MIME[image.format or ""]) == ((1536, 2752), mime_type)
        image.load()
    assert pictured["inlineData"]["mimeType"] == mime_type
    assert {"thoughtSignature"} <= text.keys() & pictured.keys()
    assert (status, candidate["finishReason"], document["modelVersion"]) == (200, "STOP", model)
    usage = document["usageMetadata"]
    assert usage["totalTokenCount"] == sum(usage[f"{one}TokenCount"] for one in ("prompt", "candidates", "thoughts"))
    seconds = int.from_bytes(decode_base64(document["responseId"])[:4], "little")
    assert abs(seconds - time.time()) < 60
    assert len(data) < 60_000


def test_both_spellings_are_read(running: GeminiEmulator) -> None:
    """A second turn may be in camelCase with standard base64, or in snake_case with URL-safe base64."""
    _, document = generated(running.url, BODY)
    answer = document["candidates"][0]["content"]
    snaked = {"role": "model", "parts": []}
    for part in answer["parts"]:
        one: dict[str, Any] = {"thought_signature": encode_base64(decode_base64(part["thoughtSignature"]))}
        if "text" in part:
            one["text"] = part["text"]
        else:
            data = encode_base64(decode_base64(part["inlineData"]["data"]))
            one["inline_data"] = {"mime_type": part["inlineData"]["mimeType"], "data": data}
        snaked["parts"].append(one)  # type: ignore[attr-defined]
    more = {"role": "user", "parts": [{"text": "bluer"}]}
    for second in (answer, snaked):
        assert generated(running.url, {"contents": [*BODY["contents"], second, more]})[0] == 200
    del answer["parts"][1]["thoughtSignature"]
    status, document = generated(running.url, {"contents": [*BODY["contents"], answer, more]})
    assert status == 400
    assert document["error"]["message"].startswith(
        "Image part is missing a thought_signature in content position 2, part position 2."
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"contents": []}, 400),
        (BODY | {"generationConfig": {"imageConfig": {"aspectRatio": "7:5"}}}, 400),
        (BODY | {"generation_config": {"image_config": {"image_size": "8K"}}}, 400),
        (BODY | {"generationConfig": {"responseModalities": ["TEXT"]}}, 200),
    ],
)
def test_requests_are_read_strictly(running: GeminiEmulator, body: dict[str, Any], status: int) -> None:
    """The emulator rejects requests that the service rejects."""
    assert generated(running.url, body)[0] == status


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [None]},
        {"contents": ["x"]},
        {"contents": {"parts": []}},
        {"contents": [{"parts": "x"}]},
        {"contents": [{"role": "model", "parts": [{"inlineData": {}}]}]},
        {"contents": [{"role": "model", "parts": [{"inlineData": {"data": "é"}}]}]},
        {"contents": [{"role": "model", "parts": [{"text": "x", "thoughtSignature": 5}]}]},
        BODY | {"generationConfig": []},
        BODY | {"generationConfig": {"imageConfig": "x"}},
        BODY | {"generationConfig": {"imageConfig": {"aspectRatio": []}}},
    ],
    ids=json.dumps,
)
def test_request_of_another_shape(running: GeminiEmulator, body: dict[str, Any]) -> None:
    """It is a 400 with the place, never a 500: that would look like the service's own fault."""
    status, document = generated(running.url, body)
    assert (status, document["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_reproducible_bytes() -> None:
    """The same calls, seed and time give the same bytes; each call has its own responseId."""
    now = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    seen = []
    for seed in (1, 1, 2):
        with GeminiEmulator("ok; thought; 429 after=2", seed=seed, now=lambda: now) as emulator:
            seen.append([generated(emulator.url, BODY) for _ in range(3)])
    assert seen[0] == seen[1]
    ids = [document["responseId"] for run in seen[1:] for _, document in run[:2]]
    assert len(set(ids)) == 4


def test_stream(running: GeminiEmulator) -> None:
    """The SDK's stream has a chunk for each part, then an empty one with the reason; errors are raised."""
    from google import genai

    client = genai.Client(api_key="k", http_options=genai.types.HttpOptions(base_url=running.url))
    try:
        chunks = list(client.models.generate_content_stream(model=PRO, contents="an owl"))
        said = [json.loads(chunk.model_dump_json(exclude_none=True))["candidates"][0] for chunk in chunks]
        parts = [candidate["content"]["parts"][0] for candidate in said]
        assert [part.keys() & {"text", "inline_data"} for part in parts] == [{"text"}, {"inline_data"}, {"text"}]
        assert [candidate.get("finish_reason") for candidate in said] == [None, None, "STOP"]
        assert Image.open(io.BytesIO(decode_base64(parts[1]["inline_data"]["data"]))).size == (1408, 768)
        running.script("404; 503")
        for code in (404, 503):
            with pytest.raises(genai.errors.APIError) as raised:
                list(client.models.generate_content_stream(model=PRO, contents="an owl"))
            assert raised.value.code == code
    finally:
        client.close()
    status, headers, array = asked(running.url, f"/v1beta/models/{PRO}:streamGenerateContent", BODY)
    assert (status, len(array)) == (200, 3)
    assert headers["content-type"].startswith("application/json")


def test_keys(running: GeminiEmulator) -> None:
    """A missing key and a wrong key are rejected, and keys are not recorded."""
    path = f"/v1beta/models/{PRO}:generateContent"
    assert asked(running.url, path, BODY, key="")[2]["error"]["status"] == "PERMISSION_DENIED"
    status, _, document = asked(running.url, path, BODY, key="invalid-one")
    assert (status, document["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    assert all("x-goog-api-key" not in call.headers for call in running.calls)
    with GeminiEmulator(key="right") as strict:
        assert asked(strict.url, path, BODY, key="wrong")[0] == 400
        assert asked(strict.url, path, BODY, key="right")[0] == 200


def test_models_in_pages(running: GeminiEmulator) -> None:
    """The list has pages with tokens, includes dead names, and is compressed if the client accepts gzip."""
    seen: list[str] = []
    token = ""
    while True:
        path = f"/v1beta/models?pageSize=10&pageToken={token}"
        _, headers, page = asked(running.url, path, accept_encoding="gzip")
        assert headers["content-encoding"] == "gzip"
        seen += [model["name"] for model in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert len(seen) == len(set(seen)) > 20
    assert "models/gemini-3-pro-image-preview" in seen
    assert asked(running.url, f"/v1/models/{PRO}")[2]["name"] == f"models/{PRO}"
    assert asked(running.url, "/v1/models/nobody")[0] == 404


@pytest.mark.parametrize("model", ["gemini-3-pro-image-preview", "gemini-9-image"])
def test_dead_or_unknown_model(running: GeminiEmulator, model: str) -> None:
    """It is a 404 in the service's words, listed or not."""
    status, document = generated(running.url, BODY, model)
    assert status == 404
    assert document["error"]["message"].startswith(f"models/{model} is not found for API version v1beta, or is not ")


def test_below_http(running: GeminiEmulator) -> None:
    """A drop closes at once, a truncated answer stops in the middle, a hang lasts until the client disconnects."""
    running.script("drop; truncate; hang")
    path = f"/v1beta/models/{PRO}:generateContent"
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        asked(running.url, path, BODY)
    with pytest.raises(http.client.IncompleteRead):
        asked(running.url, path, BODY)
    content = json.dumps(BODY)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nx-goog-api-key: k\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(running.url).port or 0)) as client:
        client.sendall((head + content).encode())
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert running.wait_for(lambda calls: any(call.left for call in calls))


def test_trickle(running: GeminiEmulator) -> None:
    """The body arrives slowly and completely; a client that disconnects is recorded."""
    running.script("trickle after=0.5; trickle after=20")
    begun = time.monotonic()
    assert generated(running.url, BODY)[0] == 200
    assert time.monotonic() - begun > 0.45
    assert running.wait_for(lambda calls: len(calls) == 1)  # it is recorded after its last byte
    content = json.dumps(BODY)
    head = f"POST /v1/models/{PRO}:generateContent HTTP/1.1\r\nHost: x\r\nx-goog-api-key: k\r\nContent-Length: "
    with socket.create_connection(("127.0.0.1", urlsplit(running.url).port or 0)) as client:
        client.sendall(f"{head}{len(content)}\r\n\r\n{content}".encode())
        assert client.recv(100)
    assert running.wait_for(lambda calls: len(calls) == 2)
    assert [call.left for call in running.calls] == [False, True]


class Waits(GeminiEmulator):
    """Records the delay of each answer, in seconds."""

    held: list[float]

    def _wait(self, peer: socket.socket, seconds: float) -> bool:
        self.held.append(seconds)
        return super()._wait(peer, seconds)


def test_latency_is_scaled() -> None:
    """The 17 to 29 s of pro, at a hundredth."""
    with Waits(time_scale=0.01) as slow:
        slow.held = []
        begun = time.monotonic()
        generated(slow.url, BODY)
        took = time.monotonic() - begun
    (held,) = slow.held
    assert 0.17 <= held <= 0.29
    assert took >= held


# -- random faults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("burst", [0.0, 60.0])
def test_random_faults(burst: float) -> None:
    """The same seed gives the same faults; in the long run 45 % is bad; in bursts neighbours are alike."""

    def faults(seed: int) -> list[bool]:
        model = FaultModel(0.45, burst, random.Random(seed))
        return [model.fails(second * 5.0) for second in range(20_000)]

    said = faults(1)
    assert said == faults(1) != faults(2)
    assert sum(said) / len(said) == pytest.approx(0.45, abs=0.03)
    alike = sum(a == b for a, b in itertools.pairwise(said)) / len(said)
    assert alike > 0.9 if burst else alike < 0.55


def test_faults_by_chance() -> None:
    """A model may have its own rate."""
    with GeminiEmulator(fault_rate={PRO: 1.0, "": 0.0}) as emulator:
        assert {generated(emulator.url, BODY)[0] for _ in range(8)} <= {503, 500, 429}
        assert generated(emulator.url, BODY, "gemini-3.1-flash-image")[0] == 200


# -- the command -----------------------------------------------------------------------------------------------------


@contextmanager
def emulated(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The first line of the running command, and its process."""
    command = [sys.executable, "-m", "omni_release", "emulate", "gemini", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=child_environment()) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def test_command() -> None:
    """Its first line is its base URL; it plays the script, and ends on SIGTERM."""
    with emulated("--port", "0", "--script", "503; 429 after=1.5; ok") as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert [generated(url, BODY)[0] for _ in range(3)] == [503, 429, 200]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0 or os.name == "nt"  # where it is not told, but ended


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--script", "50x"], "unknown fault '50x'"),
        (["--fault-rate", "2"], "a number from 0 to"),
        (["--port", "70000"], "a number from 0 to"),
        (["--colour", "red"], "unrecognized"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, tmp_path: Any) -> None:
    """They give a message and exit code 2."""
    ran = omni("emulate", "gemini", *arguments, cwd=tmp_path, timeout=60)
    assert ran.code == 2
    assert said in ran.err


def test_an_unknown_service(tmp_path: Any) -> None:
    """The error lists the service that exists."""
    assert "gemini" in omni("emulate", "bard", cwd=tmp_path).err


def test_fixture(gemini_emulator: GeminiEmulator) -> None:  # noqa: F811  # that is how a fixture is used
    """It works as in a project's own tests."""
    gemini_emulator.script("503")
    assert generated(gemini_emulator.url, BODY)[0] == 503
