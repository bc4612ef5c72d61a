from dataclasses import dataclass

from pydantic import BaseModel


class Part(BaseModel):
    text: str | None = None
    thought_signature: str | None = None


@dataclass
class Refined:
    data: bytes
    thought_signature: str


def generate(part):
    return Part(text=part.text, thought_signature=part.thought_signature)  # bad


def refine(part):
    return Refined(part.inline_data.data, part.thought_signature)  # bad


def stored(part):
    return str(part.thought_signature)  # bad


def read(part):
    return part.thought_signature.decode("utf-8")  # bad


def shown(part):
    return f"data:image/png;base64,{part.inline_data.data}"  # bad


def listed(parts):
    return [Part(thought_signature=part.thought_signature or None) for part in parts]  # bad
