"""The smoke tests of a run, in each mode that it ran them in, with small previews of the images."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release import smoke
from omni_release.report.page_facts import Attempt, Picture, Scenario
from omni_release.smoke import runner

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 480  # pixels of a preview
_PREVIEW = 150_000  # bytes, with the third that base64 adds
_QUALITIES = (82, 65, 45)
_CODES = {429: "too many requests", 400: "rejected", 401: "bad key", 403: "forbidden", 404: "not found"}


def scenarios(records: Path, most: int) -> tuple[Scenario, ...]:
    """The smoke tests whose results are below `records`; their previews have at most so many bytes together."""
    from concurrent.futures import ThreadPoolExecutor

    reports = [runner.read_report(records / "smoke" / mode / runner.REPORT) for mode in smoke.MODES]
    found = [(report.mode, scenario) for report in reports for scenario in report.scenarios]
    paths = [
        records / "smoke" / mode / name for mode, scenario in found for call in scenario.calls for name in call.images
    ]
    with ThreadPoolExecutor(4) as pool:  # Pillow decodes and encodes outside of the interpreter's lock
        pictures = dict(zip(paths, pool.map(lambda path: picture(path, records), paths), strict=True)) if paths else {}
    total = 0
    shown = {}
    for path, each in pictures.items():
        total += len(each.preview)
        over = total > most and each.preview
        shown[path] = Picture(each.path, each.size, note="no preview: the page has many images") if over else each
    return tuple(_scenario(mode, scenario, records, shown) for mode, scenario in found)


def _scenario(mode: str, scenario: smoke.Scenario, records: Path, pictures: Mapping[Path, Picture]) -> Scenario:
    attempts = tuple(
        Attempt(
            call.asked,
            call.answered,
            _result(call),
            call.seconds,
            call.usd,
            call.prompt,
            tuple(pictures[records / "smoke" / mode / name] for name in call.images),
        )
        for call in scenario.calls
    )
    place = f"{scenario.path}:{scenario.line}"
    return Scenario(scenario.name, mode, scenario.outcome, scenario.why, place, scenario.seconds, attempts)


def _result(call: smoke.CallRecord) -> str:
    """What a call came to, in words."""
    if call.code is None:
        return "no answer"
    if call.code < 400:
        number = len(call.images)
        return f"{call.code}, {number} image{'' if number == 1 else 's'}" if number else f"{call.code}, no image"
    words = _CODES.get(call.code, "fault of the service" if call.code >= 500 else "error")
    return f"{call.code}, {words}"


def picture(path: Path, records: Path) -> Picture:
    """An image and its preview, a JPEG of at most 150 kB as a `data:` address. No image that is broken stops a page."""
    inside = path.relative_to(records).as_posix()
    try:
        size = path.stat().st_size
    except OSError:
        return Picture(inside, 0, note="the file is gone")
    try:
        content, width, height = _preview(path)
    except ModuleNotFoundError:
        return Picture(inside, size, note="no preview: Pillow is not installed")
    except Exception:  # noqa: BLE001 - Pillow documents no list of what a broken file raises
        return Picture(inside, size, note="no preview: it does not decode")
    if not content:
        return Picture(inside, size, note="no preview: it would be too large")
    preview = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return Picture(inside, size, preview, width, height, f"{width} by {height}")


def _preview(path: Path) -> tuple[bytes, int, int]:
    """A small JPEG, and the size of the original in pixels. Raises what Pillow raises for a broken image."""
    from PIL import Image

    from omni_release.images.answer import IMAGE_FORMATS, MOST_PIXELS

    with Image.open(path, formats=IMAGE_FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            return b"", width, height
        image.draft("RGB", (_SIDE, _SIDE))  # a JPEG is decoded at a fraction of its size
        image.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)
        small = _on_white(image)
    for quality in _QUALITIES:
        written = io.BytesIO()
        small.save(written, "JPEG", quality=quality)
        if len(written.getvalue()) * 4 // 3 < _PREVIEW:
            return written.getvalue(), width, height
    return b"", width, height


def _on_white(image: Image) -> Image:
    """The image without transparency, which a JPEG has not."""
    from PIL.Image import new

    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
