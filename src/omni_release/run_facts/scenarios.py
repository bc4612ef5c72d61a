"""The smoke tests of a run, in each mode that it ran them in, with small previews of the images."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release import smoke
from omni_release.report.page_facts import Attempt, Picture, Scenario
from omni_release.smoke import runner

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 480  # pixels of a preview
_PREVIEW = 150_000  # bytes on the page, with the third that base64 adds
_SMALL = 30_000  # bytes of an image that is its own preview
_QUALITIES = (82, 65, 45)
_CODES = {429: "too many requests", 400: "rejected", 401: "bad key", 403: "forbidden", 404: "not found"}


def begin(records: Path, most: int) -> Callable[[], tuple[Scenario, ...]]:
    """Begin to read the smoke tests whose results are below `records`; what is returned waits for them.

    The previews are made in threads, while the rest of a page is gathered; together they have at most so many bytes.
    """
    from concurrent.futures import ThreadPoolExecutor

    reports = [runner.read_report(records / "smoke" / mode / runner.REPORT) for mode in smoke.MODES]
    found = [(report.mode, scenario) for report in reports for scenario in report.scenarios]
    paths = [
        records / "smoke" / mode / name for mode, scenario in found for call in scenario.calls for name in call.images
    ]
    pool = ThreadPoolExecutor(2, thread_name_prefix="preview")
    pictures = pool.map(lambda path: picture(path, records), paths) if paths else iter(())

    def ended() -> tuple[Scenario, ...]:
        with pool:
            shown, total = {}, 0
            for path, each in zip(paths, pictures, strict=True):
                total += len(each.preview)
                over = total > most and each.preview
                shown[path] = (
                    Picture(each.path, each.size, note="no preview: the page has many images") if over else each
                )
            return tuple(_scenario(mode, scenario, records, shown) for mode, scenario in found)

    return ended


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
    """An image and its preview, at most 150 kB on the page. No image that is broken stops a page."""
    inside = path.relative_to(records).as_posix()
    try:
        size = path.stat().st_size
    except OSError:
        return Picture(inside, 0, note="the file is gone")
    try:
        content, mime_type, (width, height) = _preview(path, size)
    except ModuleNotFoundError:
        return Picture(inside, size, note="no preview: Pillow is not installed")
    except Exception:  # noqa: BLE001 - Pillow documents no list of what a broken file raises
        return Picture(inside, size, note="no preview: it does not decode")
    if not content:
        return Picture(inside, size, note="no preview: it would be too large")
    return Picture(inside, size, content, mime_type, width, height, f"{width} by {height}")


def _preview(path: Path, size: int) -> tuple[bytes, str, tuple[int, int]]:
    """A small JPEG or the image itself if it is small, its type, and the size of the original in pixels.

    Raises what Pillow raises for a broken image.
    """
    from PIL import Image

    from omni_release.images.answer import IMAGE_FORMATS, MOST_PIXELS

    with Image.open(path, formats=IMAGE_FORMATS) as image:
        original = image.size
        if original[0] * original[1] > MOST_PIXELS:
            return b"", "", original
        image.draft("RGB", (_SIDE, _SIDE))  # a JPEG is decoded at a fraction of its size
        if size < _SMALL:
            image.load()
            return path.read_bytes(), Image.MIME[image.format or ""], original
        image.thumbnail((_SIDE, _SIDE), reducing_gap=1.0)
        small = _on_white(image)
    for quality in _QUALITIES:
        written = io.BytesIO()
        small.save(written, "JPEG", quality=quality)
        if len(written.getvalue()) * 4 // 3 < _PREVIEW:
            return written.getvalue(), "image/jpeg", original
    return b"", "", original


def _on_white(image: Image) -> Image:
    """The image without transparency, which a JPEG has not."""
    from PIL.Image import new

    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
