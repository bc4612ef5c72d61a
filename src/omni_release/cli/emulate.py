"""`emulate`: the emulator of an API alone, until it is interrupted. Its first line of output is its base URL."""

from __future__ import annotations

import sys

from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import number, port, subcommand
from omni_release.core.errors import EXIT_PASSED, UsageError, install_hint

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.cli.parser import Commands


class Arguments(cli_parser.Arguments):
    """The arguments of `emulate`; a fault rate is a model, or "" for all, and a share of its calls."""

    service: str
    port: int = 0
    script: str = ""
    fault_rate: Sequence[tuple[str, float]] = ()
    burst: float = 0.0
    seed: int = 0
    time_scale: float = 0.0


def add_parser(commands: Commands, name: str) -> None:
    """Add `emulate`."""
    described = "Serve an emulated API (Gemini, OpenAI, Anthropic) with faults"
    parser = subcommand(commands, name, described, 'emulate gemini --port 8080 --script "503; 429 after=1.5; ok"')
    seconds = number(0, 10_000)
    parser.add_argument("service", choices=("gemini", "openai", "anthropic"), help="the API to emulate")
    parser.add_argument("--port", type=port, metavar="N", help="port to listen on (default: a free one)")
    parser.add_argument("--script", help='responses to the first calls, such as "503; 429 after=1.5; hang; ok"')
    help = "share of the other calls that fails: 0.45, or gemini-3-pro-image=0.45"
    parser.add_argument("--fault-rate", type=_rate, action="append", metavar="[MODEL=]RATE", help=help)
    parser.add_argument("--burst", type=seconds, metavar="SECONDS", help="mean duration of a burst of faults")
    parser.add_argument("--seed", type=int, metavar="N", help="random seed for the faults")
    help = "1: as slow as the service; 0 (default): without delay"
    parser.add_argument("--time-scale", type=seconds, metavar="FACTOR", help=help)
    parser.set_defaults(run=run)


def _rate(text: str) -> tuple[str, float]:
    model, _, share = text.rpartition("=")
    return model, number(0, 1)(share)


def run(arguments: Arguments) -> int:
    """Serve until SIGINT or SIGTERM. Raises UsageError without the extra, and for a script that is not valid."""
    import signal
    import threading

    try:
        import PIL.Image  # noqa: F401  # each response needs it: fail now, not at the first call
        import werkzeug  # noqa: F401

        from omni_release.emulators import AnthropicEmulator, GeminiEmulator, OpenAIEmulator
    except ImportError as error:
        message = f"{error.name} is not installed, and the emulator needs it"
        raise UsageError(message, install_hint("images")) from None
    stopped = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stopped.set())
    emulators: dict[str, type[GeminiEmulator] | type[OpenAIEmulator] | type[AnthropicEmulator]] = {
        "gemini": GeminiEmulator,
        "openai": OpenAIEmulator,
        "anthropic": AnthropicEmulator,
    }
    with emulators[arguments.service](
        arguments.script,
        port=arguments.port,
        seed=arguments.seed,
        fault_rate=dict(arguments.fault_rate),
        burst=arguments.burst,
        time_scale=arguments.time_scale,
    ) as emulator:
        sys.stdout.write(f"{emulator.base_url}\n")
        sys.stdout.flush()
        while not stopped.wait(0.5):  # in pieces: on Windows no signal ends a wait without a timeout
            pass
    return EXIT_PASSED
