"""`contract show` and `contract diff`: what the answers look like, and what has changed between recordings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from omni_release.core.errors import EXIT_FAILED, EXIT_PASSED, UsageError
from omni_release.core.model import Finding, Severity

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    import argparse

    from omni_release.smoke.response_schema import Shape


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `contract` takes."""
    parser.add_argument("verb", choices=("show", "diff"))
    parser.add_argument(
        "rest", nargs="+", metavar="RECORDING", help="a cassette, a body, or a folder; of diff: OLD NEW"
    )


def run(verb: str, named: Sequence[str], *, json: bool) -> int:
    """Print the shapes, or what has changed; the exit code. Raises UsageError where a recording cannot be read."""
    from omni_release.cassettes import recorded
    from omni_release.smoke.response_schema import drifted, shapes

    if verb == "diff":
        if len(named) != 2:
            raise UsageError(
                f"diff compares two recordings, not {len(named)}", "Say omni-release contract diff OLD NEW."
            )
        old, new = (shapes(recorded.read(Path(name))) for name in named)
        return _said(drifted(old, new), json=json)
    found = shapes(exchange for name in named for exchange in recorded.read(Path(name)))
    _shown(found, json=json)
    return EXIT_PASSED


def _said(findings: Sequence[Finding], *, json: bool) -> int:
    failed = any(finding.severity is Severity.ERROR for finding in findings)
    if json:
        from omni_release.core.documents import to_json

        content = [{"severity": f.severity.value, "rule": f.rule, "message": f.message} for f in findings]
        sys.stdout.write(to_json({"drift": content, "failed": failed}))
    else:
        sys.stdout.writelines(f"{f.severity.value:<8} {f.message}  [{f.rule}]\n" for f in findings)
        sys.stdout.write("" if findings else "no drift\n")
    return EXIT_FAILED if failed else EXIT_PASSED


def _shown(shapes: dict[str, Shape], *, json: bool) -> None:
    if json:
        from omni_release.core.documents import to_json

        content = {kind: {"samples": shape.samples, "fields": _fields(shape)} for kind, shape in shapes.items()}
        sys.stdout.write(to_json(content))
        return
    for kind, shape in shapes.items():
        sys.stdout.write(f"{kind} ({shape.samples} recorded)\n")
        sys.stdout.writelines(f"  {field}\n" for field in shape.fields.values())


def _fields(shape: Shape) -> list[dict[str, object]]:
    lists = ("types", "alphabets", "paddings", "enums", "mime_types")
    return [
        {"path": field.path, "optional": field.optional, "binary": field.binary}
        | {name: sorted(getattr(field, name)) for name in lists}
        for field in shape.fields.values()
    ]
