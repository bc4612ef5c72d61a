import base64
from base64 import b64encode

from google.genai import types
from google.genai.types import Content, Part as SdkPart, ThinkingConfig

from acme.answers import Part


def encoded(part):
    return Part(thought_signature=base64.b64encode(part.thought_signature).decode("ascii"))  # good


def shown(part):
    return f"data:image/png;base64,{b64encode(part.inline_data.data).decode()}"  # good


def sent(part):
    return types.Part(text=part.text, thought_signature=part.thought_signature)  # good


def sent_again(part):
    return SdkPart(thought_signature=part.thought_signature)  # good


def sent_with_others(part):
    return ThinkingConfig(part.thought_signature)  # good


def counted(part):
    return f"{len(part.inline_data.data)} bytes"  # good


def held(part, signature):
    part.thought_signature = signature  # good
