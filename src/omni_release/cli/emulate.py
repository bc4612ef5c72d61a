"""`omni-release emulate gemini`: the emulator alone, until it is interrupted. Its first line is its base URL."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Sequence

from omni_release.core.errors import EXIT_PASSED, UsageError, install_hint


def _rate(text: str) -> tuple[str, float]:
    model, _, number = text.rpartition("=")
    return model, _between(number, 0, 1)


def _port(text: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= (number := int(text)) < 65536:  # the socket would take the number modulo 65536
            return number
    raise argparse.ArgumentTypeError(f"a number from 0 to 65535, and not {text!r}")


def _seconds(text: str) -> float:
    return _between(text, 0, 10_000)


def _between(text: str, least: float, most: float) -> float:
    with contextlib.suppress(ValueError):
        if least <= (number := float(text)) <= most:
            return number
    raise argparse.ArgumentTypeError(f"a number from {least:g} to {most:,g}, and not {text!r}")


def parser() -> argparse.ArgumentParser:
    """Its arguments."""
    made = argparse.ArgumentParser("omni-release emulate", description=__doc__, allow_abbrev=False)
    made.add_argument("service", choices=("gemini",))
    made.add_argument("--port", type=_port, default=0, help="0 (the default) takes a free one")
    made.add_argument("--script", default="", help='what the first calls meet: "503; 429 after=1.5; hang; ok"')
    made.add_argument(
        "--fault-rate",
        type=_rate,
        action="append",
        default=[],
        metavar="[MODEL=]RATE",
        help="how many of the other calls fail: 0.45, or gemini-3-pro-image=0.45",
    )
    made.add_argument("--burst", type=_seconds, default=0.0, help="faults come in spells of so many seconds on average")
    made.add_argument("--seed", type=int, default=0, help="the same seed makes the same faults")
    made.add_argument("--time-scale", type=_seconds, default=0.0, help="1: as slow as the service; 0: answers at once")
    return made


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM. Raises UsageError without the extra, and on a script that cannot be read."""
    arguments = parser().parse_args(argv)
    try:
        import PIL.Image  # noqa: F401  # each answer needs it: told now, not with the first call
        import werkzeug  # noqa: F401

        from omni_release.emulators.server import GeminiEmulator
    except ImportError as error:
        said = f"{error.name} is not installed, and the emulator needs it"
        raise UsageError(said, install_hint("images")) from None
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with GeminiEmulator(
        arguments.script,
        port=arguments.port,
        seed=arguments.seed,
        fault_rate=dict(arguments.fault_rate),
        burst=arguments.burst,
        time_scale=arguments.time_scale,
    ) as emulator:
        sys.stdout.write(f"{emulator.url}\n")
        sys.stdout.flush()
        while not over.wait(0.5):  # in pieces: on Windows a wait without end hears no signal
            pass
    return EXIT_PASSED
