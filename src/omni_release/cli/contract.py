"""`contract`: the shape of recorded responses, and how it changed between recordings."""

from __future__ import annotations

import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, subcommand, verbs
from omni_release.core.errors import EXIT_FAILED, EXIT_PASSED, Inconclusive

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.cli.parser import Commands
    from omni_release.smoke.response_schema import ResponseSchema


class Arguments(cli_parser.Arguments):
    """The arguments of `contract`: `recordings` of show, `old` and `new` of diff."""

    recordings: Sequence[Path] = ()
    old: Path
    new: Path


def add_parser(commands: Commands, name: str) -> None:
    """Add `contract` and its verbs."""
    described = "Show or compare the shape of recorded API responses"
    parser = subcommand(commands, name, described, "contract show cassettes", "contract diff old.yaml new.yaml")
    add_format(parser)
    added = verbs(parser, required=True)
    showing = subcommand(added, "show", "Show the shape of the recorded responses", "contract show cassettes")
    recording = "a cassette, a response body, or a folder of them"
    showing.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING", help=recording)
    showing.set_defaults(run=show)
    diffing = subcommand(added, "diff", "Compare the shapes in two recordings", "contract diff old.yaml new.yaml")
    diffing.add_argument("old", type=Path, metavar="OLD", help=recording)
    diffing.add_argument("new", type=Path, metavar="NEW", help=recording)
    diffing.set_defaults(run=diff)
    for verb in (showing, diffing):
        add_format(verb)


def show(arguments: Arguments) -> int:
    """`contract show`. Raises UsageError where a recording cannot be read."""
    from omni_release.cassettes import exchanges
    from omni_release.smoke.response_schema import schemas_of

    found = schemas_of(exchange for path in arguments.recordings for exchange in exchanges.read(path))
    if arguments.as_json:
        from omni_release.core.documents import to_output

        content = {kind: {"samples": shape.samples, "fields": _fields(shape)} for kind, shape in found.items()}
        sys.stdout.write(to_output(content))
        return EXIT_PASSED
    for kind, shape in found.items():
        sys.stdout.write(lane.shown(f"{kind} ({shape.samples} recorded)\n"))
        sys.stdout.writelines(lane.shown(f"  {field}\n") for field in shape.fields.values())
    return EXIT_PASSED


def _fields(shape: ResponseSchema) -> list[dict[str, object]]:
    lists = ("types", "alphabets", "paddings", "enums", "mime_types")
    return [
        {"path": field.path, "optional": field.optional, "binary": field.binary}
        | {name: sorted(getattr(field, name)) for name in lists}
        for field in shape.fields.values()
    ]


def diff(arguments: Arguments) -> int:
    """`contract diff`: exit code 1 where a client could break, 3 where nothing can be compared.

    Raises UsageError where a recording cannot be read.
    """
    from omni_release.cassettes import exchanges
    from omni_release.core.model import Severity
    from omni_release.smoke.drift import drift_between
    from omni_release.smoke.response_schema import schemas_of

    old, new = (schemas_of(exchanges.read(path)) for path in (arguments.old, arguments.new))
    if not old.keys() & new.keys():
        message = f"no kind of response is in both: {', '.join(old) or 'none'}, and {', '.join(new) or 'none'}"
        raise Inconclusive(message, "Compare recordings of the same calls.")
    findings = drift_between(old, new)
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    if arguments.as_json:
        from omni_release.core.documents import to_output

        drift = [{"severity": f.severity.value, "rule": f.rule, "message": f.message} for f in findings]
        sys.stdout.write(to_output({"drift": drift, "failed": failed}))
    else:
        sys.stdout.writelines(lane.shown(f"{f.severity.value:<8} {f.message}  [{f.rule}]\n") for f in findings)
        sys.stdout.write("" if findings else "no drift\n")
    return EXIT_FAILED if failed else EXIT_PASSED
