"""Classes of each kind, filled from responses as the real SDK returns them."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from omni_release.scripts import fill_models

SIGNATURE = b"\xff\xfe\x00 not text"
PART = "candidates.*.content.parts.*"

CLASSES = '''
from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, Optional, TypedDict

import attrs
from pydantic import BaseModel, Field, field_validator

if TYPE_CHECKING:
    from nowhere import Unknown


class Text(BaseModel):
    text: str | None = None
    thought_signature: str | None = None


class Said(BaseModel):
    """Wrong on purpose: the text of an answer is no number."""

    text: int = 0
    content: int = 0


class Bytes(BaseModel):
    thought_signature: bytes | None = None


class Aliased(BaseModel):
    signature: str = Field(default="", validation_alias="sig")


class Coded(BaseModel):
    """Converts its input, so it is correct."""

    thought_signature: str = ""

    @field_validator("thought_signature", mode="before")
    @classmethod
    def coded(cls, value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class Needy(BaseModel):
    """Has a field that no response has."""

    prompt: str
    thought_signature: bytes | None = None


class Nested(BaseModel):
    class Blob(BaseModel):
        mime_type: str
        data: str

    inline_data: Blob | None = None


@dataclasses.dataclass
class Plain:
    mime_type: str
    data: bytes
    thought_signature: Annotated[Optional[str], "as text"] = None
    kind: Literal["image/jpeg"] | None = None
    unknown: Unknown | None = None
    count: int = 0


@dataclasses.dataclass
class Converted:
    thought_signature: str = ""

    def __post_init__(self) -> None:
        self.thought_signature = base64.b64encode(self.thought_signature).decode()


@attrs.define
class Attrs:
    _hidden: int = 0
    thought_signature: str = attrs.field(default="")
    text: str = attrs.field(default="", validator=attrs.validators.instance_of(str))


@attrs.define
class Converting:
    thought_signature: str = attrs.field(default="", converter=lambda value: base64.b64encode(value).decode())


class Typed(TypedDict):
    thought_signature: str
    text: NotRequired[str]


class Choice(BaseModel):
    finish_reason: str
    index: int = 0


class Raising(BaseModel):
    text: str | None = None

    @field_validator("text")
    @classmethod
    def refused(cls, value: Any) -> Any:
        raise RuntimeError("no\\nsecond line")


class Other:
    pass


function = len
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable module with the classes, under a unique name."""
    name = f"acme_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(CLASSES, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def answer(*parts: dict[str, Any], kind: str = "generate", finish: str = "STOP") -> dict[str, Any]:
    """A recorded response."""
    body = {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}]}
    return {"name": f"{kind}.yaml (1)", "kind": kind, "model": "gemini-3-pro-image", "body": body}


def image(signature: bytes = SIGNATURE, mime_type: str = "image/jpeg") -> dict[str, Any]:
    """A part with an image and a signature, as in a response of the service."""
    data = {"mimeType": mime_type, "data": base64.b64encode(b"\xff\xd8\xff image").decode()}
    return {"inlineData": data, "thoughtSignature": base64.b64encode(signature).decode()}


def filled(module: str, name: str, *answers: dict[str, Any], **model: Any) -> dict[str, Any]:
    """The result of filling one class."""
    task = {"class": f"{module}:{name}", "path": PART, "where": "", "calls": [], "fields": {}} | model
    return fill_models.fill_all({"models": [task], "answers": list(answers or [answer(image())])})


def problems(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Field and problem of each mismatch."""
    return [(mismatch["field"], mismatch["problem"]) for mismatch in result["mismatches"]]


def test_signature_in_text_field(module: str) -> None:
    """It is found for each kind of call, with the line of the field."""
    result = filled(module, "Text", answer(image()), answer(image(), kind="refine"))
    assert result["sdk"].startswith("google-genai")
    assert [mismatch["kind"] for mismatch in result["mismatches"]] == ["generate", "refine"]
    assert result["filled"][0]["filled"] == {"generate": 1, "refine": 1}
    (first, _) = result["mismatches"]
    line = next(n for n, text in enumerate(CLASSES.splitlines(), 1) if "thought_signature: str | None = None" in text)
    assert (Path(first["file"]).name, first["line"]) == (f"{module}.py", line)
    assert "unicode" in first["problem"] and first["problem"].endswith(f"the SDK returns bytes ({len(SIGNATURE)})")


def test_calls_and_where_filter(module: str) -> None:
    """`calls` excludes other kinds of calls, `where` excludes values without that field."""
    result = filled(module, "Text", answer(image()), answer(image(), kind="refine"), calls=["refine"])
    assert [mismatch["kind"] for mismatch in result["mismatches"]] == ["refine"]
    signed = {"text": "t", "thoughtSignature": image()["thoughtSignature"]}
    assert len(filled(module, "Text", answer(signed, image()))["mismatches"]) == 2
    result = filled(module, "Text", answer(signed, image()), where="inline_data")
    assert [mismatch["where"] for mismatch in result["mismatches"]] == ["candidates.0.content.parts.1"]


def test_bytes_that_are_valid_utf8(module: str) -> None:
    """pydantic accepts them as text, but they are reported."""
    ((field, problem),) = problems(filled(module, "Text", answer(image(b"abc"))))
    assert field == "thought_signature" and "only happens to work" in problem


@pytest.mark.parametrize("name", ["Bytes", "Coded", "Converted", "Converting", "Needy", "Aliased"])
def test_correct_class(name: str, module: str) -> None:
    """Bytes in bytes; a validator, a converter, a __post_init__ that encodes; fields that no response has."""
    assert problems(filled(module, name)) == []


@pytest.mark.parametrize(
    ("name", "field"), [("Attrs", "thought_signature"), ("Typed", "thought_signature"), ("Plain", "thought_signature")]
)
def test_classes_without_validation(name: str, field: str, module: str) -> None:
    """Values are compared to the declared types."""
    fields = {"mime_type": "inline_data.mime_type", "data": "inline_data.data"} if name == "Plain" else {}
    ((found, problem),) = problems(filled(module, name, fields=fields))
    assert found == field and problem.startswith("it is declared ")
    assert problem.endswith(f"but the SDK returns bytes ({len(SIGNATURE)})")


def test_mapped_fields(module: str) -> None:
    """From deeper in the response, under an alias, and a path that does not exist."""
    mapped = {"mime_type": "inline_data.mime_type", "data": "inline_data.data", "kind": "inline_data.mime_type"}
    png = answer({"inlineData": image(mime_type="image/png")["inlineData"]})
    assert [field for field, _ in problems(filled(module, "Plain", png, fields=mapped))] == ["kind"]
    assert problems(filled(module, "Plain", answer({"inlineData": image()["inlineData"]}), fields=mapped)) == []
    assert [f for f, _ in problems(filled(module, "Aliased", fields={"signature": "thought_signature"}))] == [
        "signature"
    ]
    found = problems(filled(module, "Plain", fields={"mime_type": "inline_data.kind", "data": "inline_data.data"}))
    assert ("mime_type", "is filled from `inline_data.kind`, which does not exist") in found


def test_nested_classes_and_enums(module: str) -> None:
    """Nested classes are filled too; an enum of the SDK is text."""
    ((field, problem),) = problems(filled(module, "Nested"))
    assert field == "inline_data" and "data" in problem
    assert problems(filled(module, "Choice", path="candidates.*")) == []
    assert problems(filled(module, "Choice", answer(finish="NEW_REASON_OF_2027"), path="candidates.*")) == []


def test_unusable_classes(module: str) -> None:
    """A missing class, an object that is not a class, one of another kind, a wrong path, a validator that raises."""
    reasons = {"Unknown": "cannot be imported", "function": "is not a class", "Other": "is not a pydantic model"}
    for name, reason in reasons.items():
        (broken,) = filled(module, name)["broken"]
        assert reason in broken["problem"]
    assert "cannot be imported" in filled("no_such_module_at_all", "X")["broken"][0]["problem"]
    assert filled(module, "Text", path="candidates.*.unknown")["filled"][0]["filled"] == {}
    ((_, problem),) = problems(filled(module, "Raising", answer({"text": "x"})))
    assert problem == "RuntimeError: no"


def test_without_the_sdk(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes get the parsed JSON: text, in camelCase."""
    monkeypatch.setitem(sys.modules, "google", None)
    result = filled(module, "Text")
    assert (result["sdk"], result["mismatches"]) == ("", [])
    assert [field for field, _ in problems(filled(module, "Bytes"))] == ["thought_signature"]


def test_response_that_the_sdk_cannot_read(module: str) -> None:
    """It is reported by name; the others are used."""
    bad = answer()
    bad["body"] = {"candidates": [{"content": "not an object"}]}
    result = filled(module, "Bytes", bad, answer(image()))
    assert [unread["answer"] for unread in result["unread"]] == ["generate.yaml (1)"]
    assert result["filled"][0]["filled"] == {"generate": 1}


def test_result_has_no_values(module: str, tmp_path: Path) -> None:
    """The program reads TASK and writes RESULT, without any value of a response."""
    model = {"class": f"{module}:Text", "path": PART, "where": "", "calls": [], "fields": {}}
    task, result = tmp_path / "task.json", tmp_path / "result.json"
    secret = b"\xffvery-secret-signature"
    task.write_text(json.dumps({"models": [model], "answers": [answer(image(secret))]}), encoding="utf-8")
    fill_models.main([str(result), str(task)])
    written = result.read_text(encoding="utf-8")
    assert json.loads(written)["mismatches"]
    assert "very-secret" not in written and base64.b64encode(secret).decode() not in written


TEXT = {"role": "assistant", "content": "Yes"}
FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "chat": ({"object": "chat.completion", "choices": [{"index": 0, "message": TEXT}]}, "choices.*.message"),
    "messages": ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Yes"}]}, "content.*"),
    "responses": (
        {"object": "response", "output": [{"type": "message", "content": [{"type": "output_text", "text": "Yes"}]}]},
        "output.*.content.*",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_answers_of_other_vendors(form: str, module: str) -> None:
    """A class is filled from answers of OpenAI and Anthropic, by their SDK where it is installed."""
    body, path = FORMS[form]
    one = {"name": "a.yaml (1)", "kind": "generate", "model": "m", "form": form, "body": body}
    result = filled(module, "Said", one, path=path)
    assert result["filled"][0]["filled"] == {"generate": 1} and not result["unread"]
    found = problems(result)
    assert [field for field, _ in found] == ["content" if form == "chat" else "text"]
