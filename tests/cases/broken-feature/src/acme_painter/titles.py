"""A title for a picture."""

from __future__ import annotations


def title(prompt: str) -> str:
    """A short title, by a small text model."""
    import google.generativeai as genai

    return genai.GenerativeModel("gemini-2.0-flash-lite").generate_content(f"A title for: {prompt}").text
