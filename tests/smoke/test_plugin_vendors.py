"""The pytest plugin with the vendors of the settings: keys, records and replays, in processes of the real pytest."""

from __future__ import annotations

import base64
import gzip
import json
import urllib.parse
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from omni_release import cassettes
from omni_release.cassettes import exchanges
from omni_release.core.errors import Inconclusive
from omni_release.core.settings import Settings
from omni_release.core.vendors import VENDORS, lacking_key, missing_keys
from omni_release.emulators import AnthropicEmulator, GeminiEmulator, OpenAIEmulator
from omni_release.images import ImageRequest
from omni_release.loopback import LoopbackServer
from omni_release.smoke import EMULATED
from omni_release.smoke.mode_environment import require_emulators
from omni_release.smoke.response_schema import schemas_of
from omni_release.smoke.service import Service
from omni_release.smoke.traffic import same_service
from tests.smoke.test_plugin import run

pytestmark = pytest.mark.thorough

SETTINGS = """[project]
name = "acme"
version = "1"
[tool.omni-release.smoke]
vendors = {vendors}
budget = 2.0
"""
CALLS = """
import base64, json, os, pathlib, urllib.parse, urllib.request
import pytest

pytestmark = pytest.mark.smoke


def post(url, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return answer.read()


def openai(path, body, **headers):
    base = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    return post(base + path, body, authorization="Bearer " + os.environ["OPENAI_API_KEY"], **headers)


def claude(body):
    base = os.environ.get("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
    headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    return post(base + "/v1/messages?beta=true", body, **headers)


def gemini(body):
    base = os.environ.get("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")
    path = "/v1beta/models/gemini-2.5-pro:generateContent"
    return post(base + path, body, **{"x-goog-api-key": os.environ["GEMINI_API_KEY"]})


TURNS = [{"role": "user", "content": "Is it?"}]

"""
TEXT = (
    CALLS
    + """
def test_chat():
    assert b"Yes" in openai("/chat/completions", {"model": "gpt-5.4", "messages": TURNS, "max_tokens": 50})

def test_stream():
    sent = {"model": "gpt-5.4", "messages": TURNS, "stream": True, "stream_options": {"include_usage": True}}
    assert b"[DONE]" in openai("/chat/completions", sent)

def test_responses():
    assert b"Yes" in openai("/responses", {"model": "gpt-5.4", "input": "Is it?", "max_output_tokens": 50})

def test_form():
    boundary = os.urandom(8).hex()
    parts = [("prompt", "a fox"), ("model", "gpt-image-2"), ("size", "1024x1024"), ("quality", "low")]
    begin = f'--{boundary}\\r\\nContent-Disposition: form-data; name='
    head = "".join(f'{begin}"{name}"\\r\\n\\r\\n{value}\\r\\n' for name, value in parts)
    head += f'{begin}"image"; filename="a.png"\\r\\n\\r\\n'
    image = pathlib.Path(__file__).with_name("a.png").read_bytes()
    body = head.encode() + image + f"\\r\\n--{boundary}--\\r\\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    assert b"b64_json" in openai("/images/edits", body, **kind)

def test_message():
    assert b"Yes" in claude({"model": "claude-sonnet-5", "max_tokens": 50, "messages": TURNS})

def test_thought():
    sent = {"model": "claude-sonnet-5", "max_tokens": 50, "messages": TURNS, "thinking": {"type": "enabled"}}
    first = json.loads(claude(sent))
    turns = [*TURNS, {"role": "assistant", "content": first["content"]}, *TURNS]
    assert b"Yes" in claude(sent | {"messages": turns, "stream": True})

def test_routed():
    claude({"model": "claude-sonnet-5", "max_tokens": 50, "messages": [{"role": "user", "content": "another"}]})

def test_gemini():
    assert b"Yes" in gemini({"contents": [{"role": "user", "parts": [{"text": "Is it?"}]}]})

def test_keys():
    assert os.environ["OPENAI_API_KEY"] != os.environ.get("REAL", "")
"""
)


def project(root: Path, code: str, *names: str) -> Path:
    """A project with smoke tests of these vendors."""
    (root / "pyproject.toml").write_text(SETTINGS.format(vendors=json.dumps(names)), encoding="utf-8")
    (root / "test_acme.py").write_text(code, encoding="utf-8")
    from omni_release.emulators.responses import sample_image

    (root / "a.png").write_bytes(sample_image(640, 480, "image/png", 9) + b"\0" * 5_000)
    return root


def test_record_and_replay_text(tmp_path: Path) -> None:
    """Calls of three vendors are recorded, priced and counted, and replay without network or keys."""
    project(tmp_path, TEXT, "gemini", "openai", "anthropic")
    key = "sk-" + "scratch-0123456789"
    script = "ok; ok; ok; other-model"
    with GeminiEmulator() as google, OpenAIEmulator() as gpt, AnthropicEmulator(script) as claude:
        live = {
            "GOOGLE_GEMINI_BASE_URL": google.base_url,
            "OPENAI_BASE_URL": gpt.base_url,
            "ANTHROPIC_BASE_URL": claude.base_url,
            "GEMINI_API_KEY": key,
            "OPENAI_API_KEY": key,
            "ANTHROPIC_AUTH_TOKEN": key,
            "ANTHROPIC_API_KEY": key,
        }
        recorded = run(tmp_path, "--smoke=live", "--smoke-record=cassettes", **live)
    assert recorded.code == 0, recorded.out
    calls = {scenario.name: scenario.calls for scenario in recorded.report.scenarios}
    assert all(call.usd for name in calls for call in calls[name]), calls
    assert all(call.sent and call.received for name in calls if name != "form" for call in calls[name])
    assert [(call.answered, call.other) for call in calls["routed"]] == [("claude-haiku-5-5", True)]
    assert not any(call.other for name in calls if name != "routed" for call in calls[name])
    files = cassettes.in_folder(tmp_path / "cassettes")
    assert len(files) == 8 and all(path.stat().st_size < 6_000 for path in files)
    assert {"answer", "answer of chat", "answer of messages", "answer of responses", "answer of images"} <= {
        *schemas_of(exchanges.read(tmp_path / "cassettes"))
    }
    replayed = run(tmp_path, REAL=key, OPENAI_API_KEY=key, MISTRAL_API_KEY=key)
    assert replayed.code == 0, replayed.out
    assert not any(scenario.unused for scenario in replayed.report.scenarios)


LEAKS = (
    CALLS
    + """
VARIABLES = json.loads(os.environ["VARIABLES"])


@pytest.mark.parametrize("variable", VARIABLES)
def test_sent(variable):
    key, header = os.environ[variable], VARIABLES[variable]
    coded = base64.b64encode(b"user:" + key.encode()).decode()
    quoted = urllib.parse.quote(key, safe="")
    url = f"{os.environ['ECHO']}/v1/chat/completions?key={quoted}&other={coded}"
    sent = {"model": "gpt-5.4", "note": [key, coded, quoted], "messages": [{"role": "user", "content": key}]}
    assert post(url, sent, **{header: key, "x-other": key, "authorization": "Bearer " + key})


@pytest.mark.parametrize("variable", list(VARIABLES)[:3])
def test_shown(variable, record_property):
    key = os.environ[variable]
    record_property("key", key)
    print("printed", key)
    raise RuntimeError("the service says: " + urllib.parse.quote(key, safe=""))
"""
)


def echo(environ: Any, start: Any) -> Any:
    """An answer with all of the request in it, compressed."""
    request = Request(environ)
    query, body = request.query_string.decode(), request.get_data(as_text=True)
    echoed = {"headers": dict(request.headers), "query": query, "body": body}
    document = {"object": "chat.completion", "model": body, "echo": echoed, "error": {"message": json.dumps(echoed)}}
    data = gzip.compress(json.dumps(document).encode())
    return Response(data, 200, {"content-encoding": "gzip"}, content_type="application/json")(environ, start)


def test_no_key_of_any_vendor_is_written(tmp_path: Path) -> None:
    """In no file and no output: not as it is, percent-encoded or in base64, nor in what was compressed."""
    variables = {key: vendor.headers[0] for vendor in VENDORS.values() for key in vendor.keys}
    keys = {name: f"key+of/{name.lower()}=A1b2C3" for name in variables}
    project(tmp_path, LEAKS, *VENDORS)
    with LoopbackServer(echo) as server:
        live = {"ECHO": server.url, "VARIABLES": json.dumps(variables), **keys}
        recorded = ("--smoke=live", "--smoke-record=cassettes", "--smoke-budget=100")
        ran = run(tmp_path, *recorded, "--junitxml=junit.xml", "--showlocals", "-rA", **live)
    outcomes = {scenario.name: scenario.outcome for scenario in ran.report.scenarios}
    sent = {f"sent[{name}]": "passed" for name in variables}
    assert outcomes == sent | {f"shown[{name}]": "failed" for name in list(variables)[:3]}, ran.out
    assert len(cassettes.in_folder(tmp_path / "cassettes")) == len(variables)
    (tmp_path / "output.txt").write_text(ran.out, encoding="utf-8")
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    texts += [
        each
        for path in cassettes.in_folder(tmp_path / "cassettes")
        for found in cassettes.read(path).interactions
        for each in (found.sent, found.body, found.uri.encode())
    ]
    for key in keys.values():
        coded = [base64.b64encode(b"\0" * n + key.encode())[4:-4] for n in range(3)]
        for text in (key.encode(), urllib.parse.quote(key, safe="").encode(), *coded):
            assert not any(text in data for data in texts), text
    assert "[redacted]" in ran.out


def test_lacking_keys() -> None:
    """A live run names the variables of each vendor without a key, and no other."""
    lacking = lacking_key({"ANTHROPIC_AUTH_TOKEN": "set-to-something"}, ["openai", "anthropic", "mistral"])
    assert missing_keys(lacking) == (
        "there is no key of OpenAI (OPENAI_API_KEY), Mistral (MISTRAL_API_KEY)",
        "Set OPENAI_API_KEY, and MISTRAL_API_KEY",
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://api.openai.com/v1/models", "https://api.openai.com/v1/models", True),
        ("https://api.openai.com/v1/models", "https://api.anthropic.com/v1/models", False),
        ("https://api.openai.com/v1/models", "https://gateway.example.com/v1/models", True),
        ("http://127.0.0.1:4000/v1/models", "https://api.anthropic.com/v1/models", True),
        ("https://eu.api.mistral.ai/v1/models", "https://api.mistral.ai/v1/models", True),
    ],
)
def test_two_vendors_with_one_path(one: str, other: str, same: bool) -> None:
    """A recorded answer of one vendor is not played for another, whose path and body are the same."""
    from vcr.request import Request as Sent

    requests = [Sent("GET", url, None, {}) for url in (one, other)]
    with nullcontext() if same else pytest.raises(AssertionError):
        same_service(*requests)


@pytest.mark.parametrize(("names", "missing"), [(["gemini", "openai", "anthropic"], ""), (["mistral"], "Mistral")])
def test_emulators(names: list[str], missing: str) -> None:
    """An emulated run says which of its vendors has no emulator."""
    with nullcontext() if not missing else pytest.raises(Inconclusive, match=f"there is no emulator of {missing}"):
        require_emulators(names)


def test_images_of_another_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture calls the vendor of the settings' model: of OpenAI as of Gemini."""
    for variable in ("IMAGE_MODEL", "IMAGE_FALLBACK_MODEL"):
        monkeypatch.delenv(variable, raising=False)
    with OpenAIEmulator() as gpt, GeminiEmulator() as google:
        for name, address in (("openai", gpt.base_url), ("gemini", google.base_url)):
            monkeypatch.setenv(VENDORS[name].keys[0], "placeholder")
            monkeypatch.setenv(VENDORS[name].base_urls[0], address)
        for model in ("gpt-image-2", "gemini-nano-banana-2.1"):
            service = Service(EMULATED, Settings(image_model=model), ())
            result = service.images().generate(ImageRequest("an owl"))
            service.close()
            assert (result.model_answered, result.cost_usd is not None) == (model, True)
        assert len(gpt.calls) == len(google.calls) == 1
