"""The shape of answers: derived from real recordings, and each kind of change found between two."""

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

from omni_release.cassettes import recorded
from omni_release.core.errors import UsageError
from omni_release.emulators import GeminiEmulator
from omni_release.images.api_format import decode_base64
from omni_release.smoke.response_schema import drift, drifted, shape, shapes
from tests.conftest import omni
from tests.images.conftest import EVIDENCE, needs_evidence

PRO, OLD = "gemini-3-pro-image", "gemini-2.5-flash-image"
PARTS = "candidates[].content.parts"


def answered(emulator: GeminiEmulator, script: str = "", model: str = PRO) -> Any:
    """The parsed body that the emulator answers with."""
    emulator.script(script)
    sent = {"contents": [{"role": "user", "parts": [{"text": "a fox"}]}]}
    request = urllib.request.Request(
        f"{emulator.url}/v1beta/models/{model}:generateContent",
        json.dumps(sent).encode(),
        {"x-goog-api-key": "emulated", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def changed(old: Any, new: Any) -> dict[str, str]:
    """Severity of each change, by what is said of it."""
    return {f.message: f.severity.value for f in drift(shape("answer", [old]), shape("answer", [new]))}


@needs_evidence
def test_from_flash_to_pro_as_recorded(tmp_path: Path) -> None:
    """Signatures on text and on images, a count of thoughts, JPEG in place of PNG: in the service's own traffic."""
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
    found = shapes(recorded.read(EVIDENCE))
    assert {kind: one.samples for kind, one in found.items()} == {
        "answer": 20,
        "answer in chunks": 17,
        "error INVALID_ARGUMENT": 1,
        "error NOT_FOUND": 5,
        "error PERMISSION_DENIED": 1,
        "error RESOURCE_EXHAUSTED": 1,
        "models": 2,
    }
    assert "error.details[ErrorInfo].reason" in found["error INVALID_ARGUMENT"].fields
    exchanges = recorded.read(EVIDENCE / "simonw_llm-gemini__test_tools_with_gemini_3_thought_signatures.yaml")
    assert [exchange.kind for exchange in exchanges] == ["generate", "refine"]


@pytest.fixture(scope="module")
def body() -> Callable[..., Any]:
    """Bodies of one emulator, on a day on which the older model still answered."""
    emulator = GeminiEmulator(now=lambda: datetime(2026, 9, 1, tzinfo=UTC))
    return lambda script="", model=PRO: answered(emulator, script, model)


def test_two_runs_of_the_same_call(body: Callable[..., Any]) -> None:
    """Nothing is found between them, whichever alphabet chance gave the signatures, and in either order."""
    bodies = [body() for _ in range(4)]
    for old in bodies:
        for new in bodies:
            assert changed(old, new) == {}


def test_a_signature_where_there_was_none(body: Callable[..., Any]) -> None:
    """From 2.5 to 3, on text and on the image; the way back is an error."""
    said = changed(body("png", OLD), body("png"))
    signatures = [message for message in said if message.startswith("a signature where there was none")]
    assert [message.split(": ")[1] for message in signatures] == [
        f"{PARTS}[inlineData].thoughtSignature",
        f"{PARTS}[text].thoughtSignature",
    ]
    assert {said[message] for message in signatures} == {"warning"}
    assert said["new: usageMetadata.thoughtsTokenCount: integer"] == "notice"
    assert "error" not in said.values()
    back = changed(body("png"), body("png", OLD))
    assert sorted(severity for severity in back.values()) == ["error", "error", "notice"]


@pytest.mark.parametrize(
    ("script", "said", "severity"),
    [
        ("png", f"mime type changed: {PARTS}[inlineData].inlineData.mimeType was image/jpeg, is image/png", "error"),
        ("snake", "gone: usageMetadata: object", "error"),
        ("snake", "new: usage_metadata: object", "notice"),
        ("text", f"gone: {PARTS}[inlineData]: object", "error"),
        ("refused", "gone: candidates[].content.parts: array", "error"),
        ("refused", "new value: candidates[].finishReason is IMAGE_SAFETY, and was STOP", "notice"),
        ("retiring", "new: modelStatus: object", "notice"),
        ("thought", f"new: {PARTS}[inlineData].thought: boolean", "notice"),
    ],
)
def test_each_kind_of_change(script: str, said: str, severity: str, body: Callable[..., Any]) -> None:
    """What the emulator answers otherwise is found, at its place."""
    assert changed(body("jpeg"), body(script)).get(said) == severity


def test_the_alphabet_of_base64(body: Callable[..., Any]) -> None:
    """The URL-safe one, as the SDK's own dump writes it, in place of the standard one; padding is a notice."""
    old = body("jpeg")
    new = json.loads(json.dumps(old))
    for part in new["candidates"][0]["content"]["parts"]:
        for held, key in ((part, "thoughtSignature"), (part.get("inlineData", {}), "data")):
            if key in held:
                held[key] = base64.urlsafe_b64encode(decode_base64(held[key])).decode()
    said = changed(old, new)
    image = f"{PARTS}[inlineData].thoughtSignature"
    assert said[f"base64 alphabet changed: {image} was standard, is url-safe"] == "error"
    assert {message.split(":")[0] for message in said} == {"base64 alphabet changed"}
    padded = body("unpadded")
    for part in padded["candidates"][0]["content"]["parts"]:
        part["thoughtSignature"] += "=" * (-len(part["thoughtSignature"]) % 4)
    unpadded = changed(padded, body("unpadded"))
    assert set(unpadded.values()) == {"notice"} and all("base64 padding" in said for said in unpadded)


def test_a_changed_type_and_an_encoding_that_is_gone(body: Callable[..., Any]) -> None:
    """A count that is a text, and bytes that are no base64 any more."""
    old = body("jpeg")
    new = json.loads(json.dumps(old))
    new["usageMetadata"]["totalTokenCount"] = "1297"
    new["candidates"][0]["content"]["parts"][1]["inlineData"]["data"] = "see: https://example.invalid/1.jpeg"
    said = changed(old, new)
    assert said["type changed: usageMetadata.totalTokenCount was integer, is string"] == "error"
    assert said[f"encoding changed: {PARTS}[inlineData].inlineData.data was base64, and is not"] == "error"


def test_what_comes_and_goes(body: Callable[..., Any]) -> None:
    """A field that was missing once before may be missing; one that was always there has become optional."""
    whole, without = body(), body()
    del without["responseId"]
    usual = shape("answer", [whole, without, whole])
    assert usual.fields["responseId"].optional
    assert [f.severity.value for f in drift(usual, shape("answer", [without]))] == ["notice"]
    assert drift(usual, shape("answer", [whole])) == ()
    (found,) = drift(shape("answer", [whole, whole]), shape("answer", [whole, without]))
    assert (found.severity.value, found.message) == ("warning", "has become optional: responseId")
    (found,) = drift(shape("answer", [whole, whole]), shape("answer", [without]))
    assert (found.severity.value, found.rule) == ("error", "drift-gone")


def test_a_kind_that_one_side_lacks(body: Callable[..., Any]) -> None:
    """Errors have a shape of their own: where only one side has one, that is a notice."""
    error = {"error": {"code": 404, "status": "NOT_FOUND", "message": "no"}}
    path = Path("x.json")
    exchanges = [recorded.Exchange(path, 1, None, "", "", code, (one,)) for code, one in ((200, body()), (404, error))]
    (found,) = drifted(shapes(exchanges[:1]), shapes(exchanges))
    assert (found.severity.value, found.rule) == ("notice", "drift-unseen")


def test_forms_of_files(tmp_path: Path, body: Callable[..., Any]) -> None:
    """A cassette, a body, a list of chunks and a stream of the same answer have the same fields."""
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
        (exchange,) = recorded.read(tmp_path / name)
        found.append([str(field) for field in shape("answer", exchange.bodies).fields.values()])
    assert found[0] == found[1] == found[2] == found[3]
    assert (exchange.streamed, recorded.read(tmp_path / "a.yaml")[0].model) == (True, PRO)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "a: 1\nb: {", ":2: this is neither a cassette nor a body: this is no YAML"),
        ("a.yaml", "- 1", ":1: .* the whole of it must be a mapping, not a list"),
        ("a.yaml", "a: 1", ":1: .* it has no interactions"),
        ("a.yaml", "a: 1\ninteractions: 2", ":2: .* `interactions` must be a list, not a number"),
        ("a.yaml", "interactions: []", " holds no answer"),
        ("a.json", "", ":1: this is neither a cassette nor a body: no JSON"),
        ("a.json", '{"a": 1,\n}', ":[12]: this is neither a cassette nor a body: no JSON"),
        ("a.json", '{"interactions":\n[{}]}', r":2: .* `interactions\[0\]` has no `request`"),
        ("a.json", '{"interactions": [\n{"request": {},\n "response": []}]}', r":3: .*\.response` must be a mapping"),
        ("a.json", b"{\n\xff\xfe", ":2: this is no UTF-8, so neither a cassette nor a body"),
    ],
)
def test_what_is_no_recording(name: str, text: str | bytes, said: str, tmp_path: Path) -> None:
    """It is told by name and line, with what is expected; the command line ends with 2."""
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=f"{name}{said}"):
        recorded.read(tmp_path / name)


def test_the_command_line(tmp_path: Path, body: Callable[..., Any]) -> None:
    """`show` prints a line a field; what is not there, or one recording too few, is one line and a 2."""
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
    assert "no recording lies in b" in omni("contract", "show", "b", cwd=tmp_path).err
