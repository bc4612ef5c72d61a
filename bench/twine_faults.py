"""What the real twine does with each fault of an index, as a person calls it, and what we do: for docs/publishing.md.

    python bench/twine_faults.py [--write]

Each fault meets the upload of a wheel and an sdist to a fresh index. In twine's columns nothing of ours is at work but
the index; in ours the upload's step and the check of the listing are, with deadlines short enough for a bench.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).parents[1]))

from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.adapters.secrets import Secrets
from omni_release.core import documents, engine
from omni_release.core.actions import Pin
from omni_release.core.journal import RunFolder
from omni_release.core.model import Project, Release, Status
from omni_release.core.settings import Publish, Settings
from omni_release.core.tasks import Lane, check, step
from omni_release.core.world import World
from omni_release.local_index.server import LocalIndex
from omni_release.publishing import steps as publishing_steps
from omni_release.publishing.checks import release_listed
from omni_release.publishing.steps import Upload
from tests.index import support

PAGE = Path(__file__).parents[1] / "docs" / "publishing.md"
BEGIN, END = "<!-- measured: bench/twine_faults.py -->\n", "<!-- end -->\n"
PATIENCE = 20.0
SHORT = Publish(attempt_timeout=6.0, upload_timeout=30.0, listing_timeout=12.0)
FAULTS = (
    ("", "none"),
    ("500", "500 once, nothing stored"),
    ("500 skip=1 times=always", "500 from the second file on"),
    ("503 after=2", "503 once, `Retry-After: 2`"),
    ("503 after=2 times=6", "503 six times, `Retry-After: 2`"),
    ("429 after=2", "429 once, `Retry-After: 2`"),
    ("403", "403 that passes by itself"),
    ("store-then-500", "500, but the file was stored"),
    ("store-then-drop", "no answer, but the file was stored"),
    ("drop at=10", "the connection drops in the upload"),
    ("hang", "the upload is never answered"),
    ("forget", "200, and the file is not there"),
    ("list-late after=3", "the file is listed 3 s later"),
    ("disagree", "one page lists it, the other does not"),
    ("other-hash", "it is listed with another hash"),
    ("other-bytes", "other bytes are served"),
    ("taken", "the name holds other bytes already"),
)


@dataclass(frozen=True)
class Ended:
    """How twine ended: None for one that had to be ended."""

    code: int | None
    said: str
    seconds: float

    def __str__(self) -> str:
        if self.code is None:
            return f"hangs (ended after {PATIENCE:g} s)"
        if self.code == 0:
            return "exit 0"
        if "Traceback" in self.said:
            return f"exit {self.code}, a traceback of {self.said.count(chr(10))} lines"
        return f"exit {self.code}: {_reason(self.said)}"


def _reason(said: str) -> str:
    """What it says that a person can use, in one line."""
    found = re.search(r"HTTPError: (.*?) from https?://\S+\s*(.*)", said, re.DOTALL)
    text = f"{found[1]}" if found else said.strip().splitlines()[-1]
    return " ".join(text.split())[:70].replace("|", "/")


def twine(index: LocalIndex, files: tuple[Path, ...]) -> Ended:
    """As a person calls it: all files at once, the password in the environment."""
    argv = [sys.executable, "-m", "twine", "upload", "--repository-url", f"{index.url}/legacy/", *map(str, files)]
    inner = support.bare() | {"TWINE_USERNAME": support.USER, "TWINE_PASSWORD": support.PASSWORD}
    begun = time.monotonic()
    try:
        ended = subprocess.run(
            argv,
            env=inner | {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
            cwd=files[0].parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ended(None, "", PATIENCE)
    return Ended(ended.returncode, ended.stdout, time.monotonic() - begun)


def stored(index: LocalIndex, files: tuple[Path, ...]) -> str:
    """What the index really has of it, as it would serve it."""
    held = {each.name: each.digests.sha256 for each in index.store.files()}
    ours = [file for file in files if held.get(file.name) == documents.sha256(file)]
    others = len([file for file in files if file.name in held]) - len(ours)
    return f"{len(ours)} of {len(files)}" + (f", {others} with other bytes" if others else "")


def measured(script: str) -> str:
    """One row's cells: the first call, what the index has then, and the same call again."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = (support.sdist(folder), support.wheel(folder))
        with support.running(folder, script="" if script == "taken" else script) as index:
            if script == "taken":
                other = support.wheel(folder / "other", more={"acme_sound.py": "VALUE = 2\n"})
                assert twine(index, (other,)).code == 0
            first = twine(index, files)
            has = stored(index, files)
            again = twine(index, files) if first.code != 0 else None
            return f"{first} | {has} | {again or ''} | {stored(index, files) if again else ''}"


def ours(script: str) -> str:
    """What the upload and the look at the listing come to, what the index has then, and after a second run."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        release, journal = prepared(folder)
        index = Rehearsal(folder / "index", "acme-sound", script="" if script == "taken" else script)
        secrets = Secrets()
        secrets.offer(index.secrets)
        processes = LocalProcesses(secrets.resolve)
        world = World(
            processes, LocalFiles(), SystemClock(), index, journal, support.bare(), publisher=publishing_steps
        )
        try:
            if script == "taken":
                send_another(folder, index, secrets)
            first = run_once(release, world)
            second = "" if first == "passed" else run_once(release, world)
            return first + (f"; then {'the same' if second == first else second}" if second else "")
        finally:
            processes.close()
            index.close()


def prepared(folder: Path) -> tuple[Release, RunFolder]:
    """A run that has built the same two files."""
    project = Project(folder, "acme-sound", (), Settings(publish=SHORT), {})
    release = Release(project, "1.0", "rehearsal", None, folder / "run", folder / "workshop", PurePosixPath())
    release.dist.mkdir(parents=True)
    support.wheel(release.dist)
    support.sdist(release.dist)
    (folder / "tree.sha256").write_text("tree", encoding="utf-8")
    journal = RunFolder(release.folder, LocalFiles())
    journal.pin(Pin(release.dist, folder / "tree.sha256", None))
    return release, journal


def send_another(folder: Path, index: Rehearsal, secrets: Secrets) -> None:
    """Somebody has used the wheel's name for other bytes."""
    other = support.wheel(folder / "other", more={"acme_sound.py": "VALUE = 2\n"})
    access = index.access()
    who = dict(access.environment) | {name: secrets.resolve(value) for name, value in access.secrets.items()}
    argv = [sys.executable, "-m", "twine", "upload", "--repository-url", index.target.upload, str(other)]
    subprocess.run(argv, env=support.bare() | who, check=True, capture_output=True)


def run_once(release: Release, world: World) -> str:
    """The verdict in a word, and the first thing that is said of it."""
    lane = Lane("publish", (step(Upload()), check(release_listed, needs="upload")))
    outcomes = list(engine.run(lane, release, world, today=datetime.date.today()))
    worst = next((o for o in outcomes if o.status not in (Status.PASSED, Status.SKIPPED)), None)
    if worst is None:
        return "passed"
    said = worst.findings[0].message.splitlines()[0].replace("|", "/")
    return f"{worst.status}: {textwrap.shorten(re.sub('[0-9a-f]{60,}', '…', said), 110, placeholder=' …')}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/publishing.md")
    arguments = parser.parse_args()
    head = "| the fault | twine | the index has | twine again | has then | omni-release |"
    lines = [head, "|---|---|---|---|---|---|"]
    for script, named in FAULTS:
        lines.append(f"| {named} | {measured(script)} | {ours(script)} |")
        print(lines[-1], flush=True)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        head, _, rest = page.partition(BEGIN)
        table = "\n".join(lines) + "\n"
        PAGE.write_text(head + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
