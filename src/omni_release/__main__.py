"""`python -m omni_release` and the `omni-release` program.

`omni-release version` runs at every commit. Where all places agree, it ends here, before a parser is built.
"""

import errno
import io
import os
import sys

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from typing import Any

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # `python -m` puts the working directory there: a project's own json.py is not ours to import


def main() -> None:
    """Run the command line and exit with its code."""
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)
    try:
        if sys.argv[1:2] == ["version"] and _versions_agree(sys.argv[2:]):
            sys.exit(0)
        import gc

        from omni_release.cli import main as cli_main

        gc.set_threshold(200_000)  # a run makes many objects and few cycles: collections took a twentieth of it
        sys.setswitchinterval(0.0005)  # seconds: a thread that starts the next program does not wait for one that reads
        _end(cli_main.main())
    except KeyboardInterrupt:  # during the imports
        sys.stderr.write("omni-release: interrupted\n")
        sys.exit(130)


def _end(code: int) -> None:
    """Exit at once: to take all modules apart takes a twentieth of a run. Nothing here waits for the end of Python."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # closed, or cannot be written to
        sys.exit(code)  # Python says what is wrong with the stream
    os._exit(code)


class _Pipe(io.FileIO):
    """A pipe whose reader may close it, as `head` does: what is written after that goes nowhere."""

    def write(self, data: "Any", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and (os.name != "nt" or error.errno != errno.EINVAL):
                raise
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)
        return len(data)


def _lasting(stream: "Any") -> "Any":
    """The stream of this process, so that a command goes on to its end, and its exit code, when the reader has gone."""
    if type(stream) is not io.TextIOWrapper or stream.isatty():
        return stream
    stream.flush()
    pipe = io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False))
    by_line, at_once = stream.line_buffering, stream.write_through
    return io.TextIOWrapper(pipe, stream.encoding, stream.errors, line_buffering=by_line, write_through=at_once)


def _versions_agree(arguments: list[str]) -> bool:
    """Whether this is `version [check] [--staged] [--project DIR]` and all places agree, which is then printed.

    Otherwise nothing is printed: the command line repeats the check, with waivers, formats and messages.
    """
    match arguments:
        case [] | ["check"] | ["check", "--staged"]:
            root = "."
        case ["--project", root] | ["check", "--project", root]:
            pass
        case _:
            return False
    import os.path

    from omni_release import versions
    from omni_release.core.errors import OmniReleaseError
    from omni_release.versions import tags
    from omni_release.versions.pep440 import normalize
    from omni_release.versions.place import DERIVED, DOC

    if os.path.exists(os.path.join(root, ".omni-release", "swap.json")):
        return False
    staged = arguments[-1:] == ["--staged"]
    try:
        checkout = versions.open_checkout(root, staged=staged)
        settings = (checkout.toml(checkout.inside + "pyproject.toml").get("tool") or {}).get("omni-release")
        if settings is not None:
            from pathlib import Path

            from omni_release import project

            project.read(Path(root).absolute())  # raises SettingsError, which the command line reports
        found = versions.find_places(root, checkout)
        if versions.may_be_workspace(checkout, found.siblings):
            return False
    except (OmniReleaseError, OSError, UnicodeError):
        return False
    versions.remember(checkout, found, root, staged=staged)
    if not found.name.isprintable() or "::" in found.name:
        return False
    if not found.name or found.source is None or found.unreadable or found.unheaded or versions.drift(found.places):
        return False
    template = ((settings or {}).get("git") or {}).get("tag", "")
    if versions.version_of(found.places) and tags.has_later(root, found.name, template, found.source.value):
        return False
    stated = sum(place.role not in (DERIVED, DOC) for place in found.places)
    agree = "1 place states it" if stated == 1 else f"{stated} places agree"
    sys.stdout.write(f"{found.name} {normalize(found.source.value)}: {agree}\n")
    return True


if __name__ == "__main__":
    main()
