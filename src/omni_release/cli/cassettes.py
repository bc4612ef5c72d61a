"""`cassettes`: check the recorded API traffic, and shrink it."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli.parser import add_dry_run, add_format, add_project, subcommand, verbs
from omni_release.core.errors import EXIT_PASSED

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Iterator

    from omni_release.cli.parser import Commands
    from omni_release.core.actions import Write
    from omni_release.core.model import Project

Arguments = lane.Arguments


def add_parser(commands: Commands, name: str) -> None:
    """Add `cassettes` and its verbs; `check` is the default."""
    described = "Check recordings for secrets, size, age and faults, or shrink them"
    parser = subcommand(commands, name, described, "cassettes", "cassettes shrink --dry-run")
    added = verbs(parser)
    check = subcommand(added, "check", f"{lane.describe(name)} (default)", "cassettes check")
    for checking in (parser, check):
        lane.add_options(checking)
        checking.set_defaults(run=lane.run)
    described = "Replace images and signatures in the cassettes by small stubs, and remove keys"
    shrinking = subcommand(added, "shrink", described, "cassettes shrink --dry-run")
    add_project(shrinking)
    add_format(shrinking)
    add_dry_run(shrinking)
    shrinking.set_defaults(run=shrink)


def shrink(arguments: Arguments) -> int:
    """`cassettes shrink`: rewrite the cassettes that are not small yet."""
    import os

    from omni_release.cli import lane
    from omni_release.core import redaction

    project = arguments.load_project()
    files = lane.files()
    changes = list(rewritten_cassettes(project, redaction.key_variables_set(os.environ)))
    for _, _, write in () if arguments.dry_run else changes:
        files.write(write)
    sizes = [(path, before, len(write.data)) for path, before, write in changes]
    if arguments.as_json:
        from omni_release.core.documents import to_json

        changed = [{"path": path, "before": before, "after": after} for path, before, after in sizes]
        sys.stdout.write(to_json({"changed": changed, "dry_run": arguments.dry_run}))
        return EXIT_PASSED
    sys.stdout.writelines(f"{path}: {before} → {after} bytes\n" for path, before, after in sizes)
    would = "would change" if arguments.dry_run else "changed"
    sys.stderr.write(f"{len(changes)} {'cassette' if len(changes) == 1 else 'cassettes'} {would}\n")
    return EXIT_PASSED


def rewritten_cassettes(project: Project, secrets: tuple[str, ...]) -> Iterator[tuple[str, int, Write]]:
    """Each cassette that shrinking changes: its path in the project, its size in bytes, and the new file.

    Raises UnreadableCassette.
    """
    from omni_release import cassettes
    from omni_release.core.actions import Write

    scrubber = cassettes.Scrubber(secrets)
    for path in cassettes.of_project(project):
        cassette = cassettes.read(path)
        entries = [
            cassettes.to_entry(
                scrubber,
                (call.method, call.uri, call.sent, {"content-type": "application/json"} if call.sent else {}),
                (call.code, call.reason, call.body, call.headers),
            )
            for call in cassette.interactions
        ]
        before, after = path.read_bytes(), cassettes.to_yaml(entries, cassette.provenance).encode()
        if before != after:
            yield path.relative_to(project.root).as_posix(), len(before), Write(path, after)
