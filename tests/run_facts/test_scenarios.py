"""The smoke tests of a run with small previews of their images."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from omni_release.images import answer
from omni_release.report.page_facts import Picture
from omni_release.run_facts import scenarios
from omni_release.smoke import KeptImage


def picture(folder: Path, name: str, size: tuple[int, int], mode: str = "RGB") -> Path:
    """An image with as much detail as a photograph."""
    small = Image.effect_noise((size[0] // 4 or 1, size[1] // 4 or 1), 80).convert(mode).resize(size)
    path = folder / name
    small.save(path)
    return path


def shown(path: Path) -> Picture:
    """The image as a page shows it, without a preview of the smoke run."""
    return scenarios.picture(path, KeptImage(path.name), path.parent)


@pytest.mark.parametrize(
    ("name", "size", "mode"),
    [
        ("large.png", (1024, 1024), "RGB"),
        ("large.jpg", (2048, 900), "RGB"),
        ("large.webp", (800, 1600), "RGB"),
        ("transparent.png", (900, 900), "RGBA"),
        ("palette.png", (700, 700), "P"),
        ("grey.png", (700, 700), "L"),
    ],
)
def test_preview(name: str, size: tuple[int, int], mode: str, tmp_path: Path) -> None:
    """A preview is a small JPEG of the same shape; the size is that of the original."""
    found = shown(picture(tmp_path, name, size, mode))
    assert (found.path, found.width, found.height, found.mime_type) == (name, *size, "image/jpeg")
    assert 1000 < len(found.preview) < 112_000  # 150 kB in base64
    with Image.open(io.BytesIO(found.preview)) as small:
        assert max(small.size) == 480
        assert abs(small.width / small.height - size[0] / size[1]) < 0.05


def test_small_image_is_its_own_preview(tmp_path: Path) -> None:
    """A small image is shown as it is."""
    path = tmp_path / "stub.png"
    Image.new("1", (1408, 768)).save(path)
    found = shown(path)
    assert (found.preview, found.mime_type, found.width) == (path.read_bytes(), "image/png", 1408)


def test_no_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken, an enormous and a missing image have none, and the reason is given; nor has any without Pillow."""
    large = picture(tmp_path, "large.png", (800, 800))
    (tmp_path / "broken.png").write_bytes(large.read_bytes()[:5000])
    (tmp_path / "text.png").write_bytes(b"\x89PNG is what it says")
    notes = [shown(tmp_path / name).note for name in ("broken.png", "text.png", "gone.png")]
    assert notes == ["no preview: it does not decode", "no preview: it does not decode", "the file is gone"]
    monkeypatch.setattr(answer, "MOST_PIXELS", 1000)
    assert "too large" in shown(large).note
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "Pillow is not installed" in shown(large).note


def test_scenarios(tmp_path: Path) -> None:
    """Each mode has its scenarios with their calls in words; with too many previews the last ones are links alone."""
    images = tmp_path / "smoke" / "emulated" / "images"
    images.mkdir(parents=True)
    names = [picture(images, f"{at}.png", (600, 600)).relative_to(images.parent).as_posix() for at in range(3)]
    call = {"asked": "a", "answered": "b", "code": 200, "seconds": 1.0, "usd": 0.5, "prompt": "draw"}
    call["images"] = [{"file": name} for name in names]
    calls = [
        call,
        {**call, "code": None, "images": []},
        {**call, "code": 429, "images": []},
        {**call, "code": 503, "images": []},
    ]
    scenario = {"name": "paint", "outcome": "failed", "why": "no", "path": "t.py", "line": 3, "seconds": 2.0}
    lines = [{"mode": "emulated", "count": 1}, {"scenario": {**scenario, "calls": calls, "unused": []}}, {"ended": 0}]
    report = images.parent / "scenarios.jsonl"
    report.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    one = len(shown(images / "0.png").preview)
    (found,) = scenarios.begin(tmp_path, one * 5 // 2)()
    assert (found.mode, found.place, found.usd) == ("emulated", "t.py:3", 2.0)
    results = ["200, 3 images", "no answer", "429, too many requests", "503, fault of the service"]
    assert [attempt.result for attempt in found.attempts] == results
    assert [bool(each.preview) for each in found.attempts[0].pictures] == [True, True, False]
    assert found.attempts[0].pictures[2].note == "no preview: the page has many images"


def test_no_smoke_tests(tmp_path: Path) -> None:
    """A run without smoke tests has none."""
    assert scenarios.begin(tmp_path, 1000)() == ()


def test_preview_of_the_smoke_run(tmp_path: Path) -> None:
    """A preview that the smoke run has made is taken, if it is a JPEG of its folder and small; else one is made."""
    folder = tmp_path / "smoke" / "live"
    (folder / "images").mkdir(parents=True)
    path = picture(folder / "images", "crane-1.png", (700, 700))
    small = folder / "images" / "crane-1.preview.jpg"
    Image.new("RGB", (40, 40), "red").save(small)
    (tmp_path / "secret.jpg").write_bytes(b"\xff\xd8\xff secret")

    def preview(name: str) -> bytes:
        return scenarios.picture(path, KeptImage("images/crane-1.png", name, 700, 700), tmp_path).preview

    assert preview("images/crane-1.preview.jpg") == small.read_bytes()
    made = preview("")
    assert preview("../../secret.jpg") == preview("images/../../../secret.jpg") == preview("images/none.jpg") == made
    small.write_bytes(b"no image")
    assert preview("images/crane-1.preview.jpg") == made
    small.write_bytes(b"\xff\xd8\xff" + bytes(200_000))
    assert preview("images/crane-1.preview.jpg") == made


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/hostname", "images/a/b.png", "images\\a.png", ""])
def test_only_files_of_its_folder(name: str, tmp_path: Path) -> None:
    """The tests of a project can write any path into the report of a smoke run: no file elsewhere is read."""
    folder = tmp_path / "records" / "smoke" / "live"
    folder.mkdir(parents=True)
    picture(tmp_path, "secret.png", (700, 700))
    call = {"asked": "a", "answered": "b", "code": 200, "seconds": 1.0, "usd": 0.5, "images": [{"file": name}]}
    scenario = {"name": "paint", "outcome": "passed", "why": "", "path": "t.py", "line": 3, "seconds": 2.0}
    line = json.dumps({"mode": "live", "scenario": {**scenario, "calls": [call], "unused": []}})
    (folder / "scenarios.jsonl").write_text(line, encoding="utf-8")
    (found,) = scenarios.begin(tmp_path / "records", 1_000_000)()
    assert found.attempts[0].pictures == ()
