"""What `smoke`, `record` and `cassettes` take beside what every lane takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from omni_release import cassettes
from omni_release.cassettes import Scrubber
from omni_release.core.actions import Write
from omni_release.core.errors import EXIT_PASSED
from omni_release.core.model import Project
from omni_release.smoke import runner

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    import argparse

    from omni_release.core.model import Project
    from omni_release.core.world import Files


VERBS = ("check", "shrink")


def arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """The arguments of the command of this name."""
    if name == "cassettes":
        parser.add_argument("verb", nargs="?", choices=VERBS, default="check")
        return
    modes = parser.add_mutually_exclusive_group()
    if name == "smoke":
        modes.add_argument(
            "--recorded", dest="mode", action="store_const", const="recorded", help="on the cassettes, as `replay`"
        )
    modes.add_argument(
        "--emulated", dest="mode", action="store_const", const="emulated", help="against the emulator: needs no key"
    )
    modes.add_argument(
        "--live", dest="mode", action="store_const", const="live", default="live", help="the service (the default)"
    )
    parser.add_argument("--budget", type=_amount, default=0.0, metavar="USD", help="what the run may cost")
    parser.add_argument("--deadline", type=_amount, default=0.0, metavar="SECONDS", help="how long it may take")


def _amount(text: str) -> float:
    import argparse
    import contextlib

    with contextlib.suppress(ValueError):
        if 0 < (number := float(text)) < 1_000_000:
            return number
    raise argparse.ArgumentTypeError(f"a number above 0, and not {text!r}")


def limited(project: Project, *, budget: float, deadline: float) -> Project:
    """The project with what the command line says about money and time in place of its settings."""
    import dataclasses

    smoke = project.settings.smoke
    smoke = dataclasses.replace(smoke, budget=budget or smoke.budget, timeout=deadline or smoke.timeout)
    return dataclasses.replace(project, settings=dataclasses.replace(project.settings, smoke=smoke))


def shrink(project: Project, files: Files, *, dry: bool, json: bool) -> int:
    """`cassettes shrink`: small stubs in place of images and signatures, and no key, in cassettes that are there."""
    import os

    from omni_release.core import redaction

    changes = list(rewritten_cassettes(project, redaction.key_variables_set(os.environ)))
    for change in () if dry else changes:
        files.write(change.write)
    if json:
        import json as codec

        told = [{"path": change.path, "before": change.before, "after": change.after} for change in changes]
        sys.stdout.write(codec.dumps({"changed": told, "dry_run": dry}, indent=2) + "\n")
        return EXIT_PASSED
    for change in changes:
        sys.stdout.write(f"{change.path}: {change.before} → {change.after} bytes\n")
    would = "would change" if dry else "changed"
    sys.stderr.write(f"{len(changes)} {'cassette' if len(changes) == 1 else 'cassettes'} {would}\n")
    return EXIT_PASSED


@dataclass(frozen=True)
class Rewriting:
    """One cassette's change: its path in the project, its size in bytes before and after."""

    path: str
    before: int
    after: int
    write: Write


def rewritten_cassettes(project: Project, secrets: tuple[str, ...]) -> Iterator[Rewriting]:
    """What would be written; nothing for a cassette that is as it should be. Raises UnreadableCassette."""
    scrubber = Scrubber(secrets)
    for path in runner.recordings(project):
        found = cassettes.read(path)
        entries = [
            cassettes.entry(
                scrubber,
                (one.method, one.uri, one.sent, {"content-type": "application/json"} if one.sent else {}),
                (one.code, one.reason, one.body, one.headers),
            )
            for one in found.interactions
        ]
        before, after = path.read_bytes(), cassettes.written(entries, found.provenance).encode()
        if before != after:
            shown = path.relative_to(project.root).as_posix()
            yield Rewriting(shown, len(before), len(after), Write(path, after))
