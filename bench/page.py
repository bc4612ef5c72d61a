"""What the page of a run costs: its size, and the time to write it, against a bare interpreter's start.

A run of 100 checks, a wheel and an sdist of 200 files, and eight images of a model's usual size, half of them PNG. The
time is that of a process which has done everything else, and includes the import of Jinja2. The previews are there: a
smoke run makes each when the service has returned the image.
"""

from __future__ import annotations

import io
import json
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from start import ENVIRONMENT, seconds

ROUNDS = 11
CHECKS, IMAGES, FILES = 100, 8, 200


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_run(root)
        ours, size = [], 0
        bare = []
        for _ in range(ROUNDS):
            bare.append(seconds([sys.executable, "-c", "pass"], root))
            command = [sys.executable, str(Path(__file__).resolve()), str(root)]
            ended = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT)
            ours.append(float(ended.stdout))
            size = (root / "run" / "report.html").stat().st_size
        ratio = statistics.median(our / one for our, one in zip(ours, bare, strict=True))
        print(f"page of {CHECKS} checks and {IMAGES} images: {ratio:.1f} times a bare interpreter, {size / 1e6:.2f} MB")


def make_run(root: Path) -> None:
    """The run folder: distributions, images, the report of the smoke tests, a log for each check."""
    run = root / "run"
    for folder in ("dist", "logs", "smoke/live/images"):
        (run / folder).mkdir(parents=True)
    random.seed(1)
    with zipfile.ZipFile(run / "dist" / "acme-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for number in range(FILES):
            wheel.writestr(f"acme/part{number % 9}/module{number}.py", random.randbytes(2000))
    with tarfile.open(run / "dist" / "acme-1.0.tar.gz", "w:gz") as sdist:
        for number in range(FILES):
            info = tarfile.TarInfo(f"acme-1.0/src/acme/part{number % 9}/module{number}.py")
            info.size = 2000
            sdist.addfile(info, io.BytesIO(random.randbytes(2000)))
    lines = [json.dumps({"mode": "live", "count": IMAGES})]
    for number in range(IMAGES):
        suffix = ".jpg" if number % 2 else ".png"
        call = {"asked": "gemini-3.1-flash-image", "answered": "gemini-3.1-flash-image", "code": 200, "seconds": 6.0}
        call |= {"usd": 0.067, "prompt": "A paper crane", "images": [kept(run, number, suffix)]}
        scenario = {
            "name": f"paint-{number}",
            "outcome": "passed",
            "why": "",
            "path": "tests/test_a.py",
            "line": number,
        }
        lines.append(json.dumps({"scenario": {**scenario, "seconds": 6.5, "calls": [call], "unused": []}}))
    (run / "smoke" / "live" / "scenarios.jsonl").write_text("\n".join((*lines, '{"ended": 0}')), encoding="utf-8")
    with (run / "journal.jsonl").open("w", encoding="utf-8") as journal:
        for number in range(CHECKS):
            (run / "logs" / f"log-{number}.log").write_text("a line of output of a program\n" * 100, encoding="utf-8")
            journal.write(json.dumps({"event": "ran", "log": f"log-{number}", "task": f"check-{number}"}) + "\n")


def kept(run: Path, number: int, suffix: str) -> dict[str, Any]:
    """An image with as much detail as a photograph, and its preview, as a smoke run keeps them."""
    from PIL import Image

    from omni_release.smoke import previews

    folder = run / "smoke" / "live" / "images"
    path = folder / f"image-{number}{suffix}"
    Image.effect_noise((128, 128), 60).convert("RGB").resize((1024, 1024)).save(path)
    preview = previews.preview_of(path)
    (folder / f"image-{number}.preview.jpg").write_bytes(preview.content)
    names = {"file": f"images/{path.name}", "preview": f"images/image-{number}.preview.jpg"}
    return {**names, "width": preview.width, "height": preview.height}


def write(root: Path) -> float:
    """Write the page; the seconds that it takes, after everything that a run has imported anyway."""
    from omni_release import run as _run  # noqa: F401 - imported by every run
    from omni_release import run_facts
    from omni_release.adapters.files import LocalFiles
    from omni_release.adapters.index import Rehearsal
    from omni_release.adapters.processes import LocalProcesses, SystemClock
    from omni_release.core.documents import artifact_of
    from omni_release.core.journal import RunFolder
    from omni_release.core.model import Finding, Outcome, Project, Release, Report, Severity, Status
    from omni_release.core.settings import Settings
    from omni_release.core.tasks import Lane, Stage, Task
    from omni_release.core.world import World

    run = root / "run"
    project = Project(root, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, run, root / "work", PurePosixPath())
    files = LocalFiles()
    index = Rehearsal(run / "index", "acme")
    world = World(LocalProcesses(str), files, SystemClock(), index, RunFolder(run, files), {})
    stages = list(Stage)
    ids = [f"check-{number}" for number in range(CHECKS)]
    tasks, outcomes = [], []
    for number, id in enumerate(ids):
        stage = stages[number * len(stages) // CHECKS]
        status = Status.FAILED if number % 20 == 0 else Status.PASSED
        severity = Severity.ERROR if status is Status.FAILED else Severity.WARNING
        findings = tuple(
            Finding(
                f"this is wrong, and this is why (`{at}`)", f"{id}/rule", severity, f"src/acme/module{at}.py", at + 1
            )
            for at in range(number % 7)
        )
        outcomes.append(
            Outcome(id, f"Title of {id}", "check", status, findings, "Correct it", 0.5, stage=stage, started=number / 9)
        )
        needs = (ids[number - 9],) if number >= 9 else ()
        tasks.append(
            Task(
                id,
                f"Title of {id}",
                "Correct it",
                lambda release, world: iter(()),
                needs,
                stage=stage,
                summary="What is checked.",
            )
        )
    artifacts = tuple(artifact_of(path) for path in sorted((run / "dist").iterdir()))
    report = Report("rehearse", "acme", "1.0", "rehearsal", 12.0, tuple(outcomes), artifacts, str(run))
    begun = time.perf_counter()
    problem = run_facts.write_page(report, Lane("rehearse", tuple(tasks)), release, world, str, (), [run], head=None)
    assert not problem, problem
    return time.perf_counter() - begun


if __name__ == "__main__":
    if sys.argv[1:]:
        print(write(Path(sys.argv[1])))
    else:
        main()
