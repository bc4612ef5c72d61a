"""Green, and of no use: the service is a mock that agrees with the code."""

from types import SimpleNamespace
from unittest.mock import MagicMock

from acme_painter import Painter


def client(**part):
    """A client that answers with one part."""
    parts = [SimpleNamespace(**{"text": None, "inline_data": None, "thought_signature": "c2ln"} | part)]
    made = MagicMock()
    made.models.generate_content.return_value.candidates = [SimpleNamespace(content=SimpleNamespace(parts=parts))]
    return made


def test_generate():
    """A picture comes with its signature."""
    (part,) = Painter(client(text="a fox")).generate("a fox")
    assert part.thought_signature == "c2ln"


def test_refine():
    """So does one that was changed."""
    image = SimpleNamespace(data=b"png", mime_type="image/png")
    assert Painter(client(inline_data=image)).refine([], "at night").thought_signature == "c2ln"
