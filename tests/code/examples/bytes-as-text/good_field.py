from dataclasses import dataclass


@dataclass
class Part:
    text: str
    signature: bytes


def kept(part):
    return Part(part.text, signature=part.thought_signature)  # good
