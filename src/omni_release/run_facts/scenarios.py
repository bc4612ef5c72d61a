"""The smoke tests of a run, in each mode that it ran them in, with small previews of the images."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from omni_release import smoke
from omni_release.report.page_facts import Attempt, Picture, Scenario
from omni_release.smoke import previews, runner

_NAME = re.compile(r"images/[\w.+-]+")
"""A file that a smoke run has kept: the tests of the project can write into its report whatever they like."""

_CODES = {429: "too many requests", 400: "rejected", 401: "bad key", 403: "forbidden", 404: "not found"}


def begin(records: Path, most: int) -> Callable[[], tuple[Scenario, ...]]:
    """Begin to read the smoke tests whose results are below `records`; what is returned waits for them.

    The previews are made in threads, while the rest of a page is gathered; together they have at most so many bytes.
    """
    from concurrent.futures import ThreadPoolExecutor

    reports = [runner.read_report(records / "smoke" / mode / runner.REPORT) for mode in smoke.MODES]
    found = [(report.mode, scenario) for report in reports for scenario in report.scenarios]
    images = {
        records / "smoke" / mode / image.file: image
        for mode, scenario in found
        for call in scenario.calls
        for image in call.images
        if _NAME.fullmatch(image.file)
    }
    pool = ThreadPoolExecutor(2, thread_name_prefix="preview")
    pictures = pool.map(lambda path: picture(path, images[path], records), images) if images else iter(())

    def ended() -> tuple[Scenario, ...]:
        with pool:
            shown, total = {}, 0
            for path, each in zip(images, pictures, strict=True):
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
            tuple(
                pictures[path] for image in call.images if (path := records / "smoke" / mode / image.file) in pictures
            ),
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
        if call.sent is not None:
            return f"{call.code}, {call.sent} + {call.received} tokens"
        number = len(call.images)
        return f"{call.code}, {number} image{'' if number == 1 else 's'}" if number else f"{call.code}, no image"
    words = _CODES.get(call.code, "fault of the service" if call.code >= 500 else "error")
    return f"{call.code}, {words}"


def picture(path: Path, image: smoke.KeptImage, records: Path) -> Picture:
    """An image and its preview. No image that is broken stops a page."""
    inside = path.relative_to(records).as_posix()
    if path.is_symlink() or not path.is_file():
        return Picture(inside, 0, note="the file is gone")
    size = path.stat().st_size
    kept = path.parent.parent / image.preview if _NAME.fullmatch(image.preview) else None
    if kept is not None and kept.is_file() and not kept.is_symlink() and kept.stat().st_size <= previews.MOST:
        content = kept.read_bytes()
        if content.startswith(b"\xff\xd8\xff"):
            note = f"{image.width} by {image.height}"
            return Picture(inside, size, content, "image/jpeg", image.width, image.height, note)
    try:
        found = previews.preview_of(path)
    except ModuleNotFoundError:
        return Picture(inside, size, note="no preview: Pillow is not installed")
    except Exception:  # noqa: BLE001 - Pillow documents no list of what a broken file raises
        return Picture(inside, size, note="no preview: it does not decode")
    if not found.content:
        return Picture(inside, size, note="no preview: it would be too large")
    note = f"{found.width} by {found.height}"
    return Picture(inside, size, found.content, found.mime_type, found.width, found.height, note)
