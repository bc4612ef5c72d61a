"""Paints, with the SDK alone."""

__version__ = "1.2.3"
MODEL = "gemini-3.1-flash-image"


def paint(prompt: str, model: str = MODEL) -> bytes:
    """The bytes of an image."""
    from google import genai

    client = genai.Client()
    try:
        answer = client.models.generate_content(model=model, contents=prompt)
    finally:
        client.close()
    parts = (answer.candidates or [])[0].content.parts or []
    return next(part.inline_data.data for part in reversed(parts) if part.inline_data)
