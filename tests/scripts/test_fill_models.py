"""Classes of each kind, filled from answers as the real SDK gives them."""

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


class Bytes(BaseModel):
    thought_signature: bytes | None = None


class Aliased(BaseModel):
    signature: str = Field(default="", validation_alias="sig")


class Coded(BaseModel):
    """Converts what comes in: nothing is wrong with it."""

    thought_signature: str = ""

    @field_validator("thought_signature", mode="before")
    @classmethod
    def coded(cls, value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class Needy(BaseModel):
    """Has a field that no answer has."""

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
    """A module with the classes, importable under a name of its own."""
    name = f"acme_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(CLASSES, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def answer(*parts: dict[str, Any], kind: str = "generate", finish: str = "STOP") -> dict[str, Any]:
    """A recorded answer."""
    body = {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}]}
    return {"name": f"{kind}.yaml (1)", "kind": kind, "model": "gemini-3-pro-image", "body": body}


def image(signature: bytes = SIGNATURE, mime_type: str = "image/jpeg") -> dict[str, Any]:
    """A part with an image and a signature, as the service writes them."""
    data = {"mimeType": mime_type, "data": base64.b64encode(b"\xff\xd8\xff image").decode()}
    return {"inlineData": data, "thoughtSignature": base64.b64encode(signature).decode()}


def filled(module: str, name: str, *answers: dict[str, Any], **model: Any) -> dict[str, Any]:
    """What comes of filling one class."""
    wanted = {"class": f"{module}:{name}", "path": PART, "where": "", "calls": [], "fields": {}} | model
    return fill_models.work({"models": [wanted], "answers": list(answers or [answer(image())])})


def said(done: dict[str, Any]) -> list[tuple[str, str]]:
    """Field and trouble of each finding."""
    return [(trouble["field"], trouble["said"]) for trouble in done["troubles"]]


def test_a_signature_in_a_field_for_text(module: str) -> None:
    """It is found for each kind of call, with the field's own line."""
    done = filled(module, "Text", answer(image()), answer(image(), kind="refine"))
    assert done["sdk"].startswith("google-genai")
    assert [trouble["kind"] for trouble in done["troubles"]] == ["generate", "refine"]
    assert done["filled"][0]["filled"] == {"generate": 1, "refine": 1}
    (first, _) = done["troubles"]
    line = next(n for n, text in enumerate(CLASSES.splitlines(), 1) if "thought_signature: str | None = None" in text)
    assert (Path(first["file"]).name, first["line"]) == (f"{module}.py", line)
    assert "unicode" in first["said"] and first["said"].endswith(f"the SDK gives bytes ({len(SIGNATURE)})")


def test_only_the_kinds_that_are_wanted(module: str) -> None:
    """`calls` leaves the others out, `where` what has it not."""
    done = filled(module, "Text", answer(image()), answer(image(), kind="refine"), calls=["refine"])
    assert [trouble["kind"] for trouble in done["troubles"]] == ["refine"]
    signed = {"text": "t", "thoughtSignature": image()["thoughtSignature"]}
    assert len(filled(module, "Text", answer(signed, image()))["troubles"]) == 2
    done = filled(module, "Text", answer(signed, image()), where="inline_data")
    assert [trouble["where"] for trouble in done["troubles"]] == ["candidates.0.content.parts.1"]


def test_bytes_that_happen_to_be_text(module: str) -> None:
    """Pydantic takes them for text without a word: it is found all the same."""
    ((field, trouble),) = said(filled(module, "Text", answer(image(b"abc"))))
    assert field == "thought_signature" and "by luck" in trouble


@pytest.mark.parametrize("name", ["Bytes", "Coded", "Converted", "Converting", "Needy", "Aliased"])
def test_what_holds(name: str, module: str) -> None:
    """Bytes in bytes; a validator, a converter, a __post_init__ that encodes; fields that no answer has."""
    assert said(filled(module, name)) == []


@pytest.mark.parametrize(
    ("name", "field"), [("Attrs", "thought_signature"), ("Typed", "thought_signature"), ("Plain", "thought_signature")]
)
def test_classes_that_do_not_look_themselves(name: str, field: str, module: str) -> None:
    """Values are held to the declared types."""
    fields = {"mime_type": "inline_data.mime_type", "data": "inline_data.data"} if name == "Plain" else {}
    ((found, trouble),) = said(filled(module, name, fields=fields))
    assert found == field and trouble.startswith("it is declared ")
    assert trouble.endswith(f"and the SDK gives bytes ({len(SIGNATURE)})")


def test_mapped_fields(module: str) -> None:
    """From deeper in the answer, under an alias, and one that is not there."""
    mapped = {"mime_type": "inline_data.mime_type", "data": "inline_data.data", "kind": "inline_data.mime_type"}
    png = answer({"inlineData": image(mime_type="image/png")["inlineData"]})
    assert [field for field, _ in said(filled(module, "Plain", png, fields=mapped))] == ["kind"]
    assert said(filled(module, "Plain", answer({"inlineData": image()["inlineData"]}), fields=mapped)) == []
    assert [f for f, _ in said(filled(module, "Aliased", fields={"signature": "thought_signature"}))] == ["signature"]
    found = said(filled(module, "Plain", fields={"mime_type": "inline_data.kind", "data": "inline_data.data"}))
    assert ("mime_type", "is filled from `inline_data.kind`, which is not there") in found


def test_nested_classes_and_enums(module: str) -> None:
    """What stands below is filled too; an enum of the SDK is text."""
    ((field, trouble),) = said(filled(module, "Nested"))
    assert field == "inline_data" and "data" in trouble
    assert said(filled(module, "Choice", path="candidates.*")) == []
    assert said(filled(module, "Choice", answer(finish="NEW_REASON_OF_2027"), path="candidates.*")) == []


def test_what_cannot_be_filled_at_all(module: str) -> None:
    """A class that is not there, is none, or is of another kind; a path that leads nowhere; a validator that raises."""
    for name, why in (("Nobody", "cannot be imported"), ("function", "is no class"), ("Other", "is no pydantic model")):
        (broken,) = filled(module, name)["broken"]
        assert why in broken["said"]
    assert "cannot be imported" in filled("no_such_module_at_all", "X")["broken"][0]["said"]
    assert filled(module, "Text", path="candidates.*.elsewhere")["filled"][0]["filled"] == {}
    ((_, trouble),) = said(filled(module, "Raising", answer({"text": "x"})))
    assert trouble == "RuntimeError: no"


def test_without_the_sdk(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parsed JSON is what the project gets then: text, in camelCase."""
    monkeypatch.setitem(sys.modules, "google", None)
    done = filled(module, "Text")
    assert (done["sdk"], done["troubles"]) == ("", [])
    assert [field for field, _ in said(filled(module, "Bytes"))] == ["thought_signature"]


def test_an_answer_that_the_sdk_cannot_read(module: str) -> None:
    """It is told by name; the others are used."""
    bad = answer()
    bad["body"] = {"candidates": [{"content": "not an object"}]}
    done = filled(module, "Bytes", bad, answer(image()))
    assert [one["answer"] for one in done["unread"]] == ["generate.yaml (1)"]
    assert done["filled"][0]["filled"] == {"generate": 1}


def test_no_value_is_written_down(module: str, tmp_path: Path) -> None:
    """As the program that it is: TASK in, RESULT out, and nothing of an answer in it."""
    wanted = {"class": f"{module}:Text", "path": PART, "where": "", "calls": [], "fields": {}}
    task, result = tmp_path / "task.json", tmp_path / "result.json"
    secret = b"\xffvery-secret-signature"
    task.write_text(json.dumps({"models": [wanted], "answers": [answer(image(secret))]}), encoding="utf-8")
    fill_models.main([str(result), str(task)])
    written = result.read_text(encoding="utf-8")
    assert json.loads(written)["troubles"]
    assert "very-secret" not in written and base64.b64encode(secret).decode() not in written
