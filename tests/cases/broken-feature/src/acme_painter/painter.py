"""Generate and refine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from acme_painter.answers import Part, RefinedImage
from acme_painter.config import MODEL

if TYPE_CHECKING:
    from google import genai

logger = logging.getLogger(__name__)


class Painter:
    """Paints with one client, which it keeps."""

    def __init__(self, client: genai.Client | None = None) -> None:
        if client is None:
            from google import genai

            client = genai.Client(http_options={"timeout": 90_000})
        self.client = client

    def generate(self, prompt: str) -> list[Part] | None:
        """The parts of a new picture."""
        try:
            response = self.client.models.generate_content(model=MODEL, contents=prompt)
            parts = response.candidates[0].content.parts
            return [Part(text=part.text, thought_signature=part.thought_signature) for part in parts]
        except Exception as error:
            logger.error("generate failed: %s", error)

    def refine(self, contents: list[Any], instruction: str) -> RefinedImage | None:
        """The last picture of the conversation, changed."""
        try:
            response = self.client.models.generate_content(model=MODEL, contents=[*contents, instruction])
            part = next(part for part in response.candidates[0].content.parts if part.inline_data)
            return RefinedImage(part.inline_data.data, part.inline_data.mime_type, part.thought_signature)
        except Exception:
            logger.exception("refine failed")
            return None
