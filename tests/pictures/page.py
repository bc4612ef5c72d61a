"""The page of a failed rehearsal as a PNG: its top, as a maintainer sees it first."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path

from omni_release.report.files import PAGE
from tests.conftest import omni
from tests.pictures import terminal

SIZE = {"width": 1200, "height": 1100}
COLOURS = 256


def draw(folder: Path) -> list[Path]:
    """Draw the page of the rehearsal that `failed.svg` shows into this folder; the path of the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        root = terminal.broken(Path(scratch))
        omni("rehearse", cwd=root)
        (written,) = root.glob(f".omni-release/runs/*/{PAGE}")
        target = folder / "report.png"
        target.write_bytes(_small(_screenshot(written)))
    return [target]


def _screenshot(file: Path) -> bytes:
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as started:
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=chromium, args=arguments)
        opened = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        opened.goto(file.as_uri())
        picture = opened.screenshot()
        browser.close()
    return picture


def _small(png: bytes) -> bytes:
    """The picture with a palette."""
    from PIL import Image

    written = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(COLOURS).save(written, "PNG", optimize=True)
    return written.getvalue()
