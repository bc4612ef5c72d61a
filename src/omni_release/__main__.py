"""`python -m omni_release` and the `omni-release` program."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        if sys.argv[1:2] == ["version"] and _agrees():
            sys.exit(0)
        from omni_release.cli import main as cli_main

        sys.exit(cli_main.main())
    except KeyboardInterrupt:  # while it was still starting
        sys.stderr.write("omni-release: interrupted\n")
        sys.exit(130)


def _agrees() -> bool:
    """Was that a look at versions which agree? It is over before the command line would have been read."""
    from omni_release.cli import version
    from omni_release.core.errors import OmniReleaseError

    try:
        return version.clean(sys.argv[1:])
    except (OmniReleaseError, OSError, UnicodeError):
        return False  # the command line tells it


if __name__ == "__main__":
    main()
