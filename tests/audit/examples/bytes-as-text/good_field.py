from dataclasses import dataclass


@dataclass
class Part:
    text: str
    thought_signature: bytes


def kept(part):
    return Part(part.text, thought_signature=part.thought_signature)  # good
