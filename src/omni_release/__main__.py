"""`python -m omni_release` and the `omni-release` program."""

import sys

from omni_release import cli


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
