"""The eight kinds of image that the feature makes: their shape, and what the model is told about the kind."""

from __future__ import annotations

from dataclasses import dataclass

from omni_release.images.errors import InvalidRequest


@dataclass(frozen=True)
class Preset:
    """A kind of image: its aspect ratio, its size, and the instruction that leads the prompt."""

    name: str
    aspect_ratio: str
    instruction: str
    size: str = "1K"


ALL = (
    Preset("infographic", "9:16", "Design a vertical infographic: a short title, three to five sections, clear icons."),
    Preset("key_insights", "1:1", "Design a square card that states the key insights, each in a few words."),
    Preset("tips_tricks", "4:5", "Design a portrait card with practical tips, numbered, each in one short line."),
    Preset("quote_card", "1:1", "Design a square quote card: the quotation large, its source small."),
    Preset("workflow", "16:9", "Draw a workflow from left to right: labelled steps, arrows between them."),
    Preset("comparison", "16:9", "Draw a comparison side by side: one column for each, the same rows in all."),
    Preset("summary_card", "4:3", "Design a summary card: a title and the main points, readable at a glance."),
    Preset("custom", "16:9", ""),
)


def named(name: str) -> Preset:
    """The preset of this name. Raises InvalidRequest where there is none."""
    found = next((preset for preset in ALL if preset.name == name), None)
    if found is None:
        raise InvalidRequest(f"there is no preset {name!r}", f"Take one of {', '.join(preset.name for preset in ALL)}.")
    return found
