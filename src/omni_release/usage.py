"""A call that argparse does not take: told as it tells it, or as JSON where that was asked for."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Container, Sequence

from omni_release.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from typing import Never


class WrongCall(UsageError):
    """What is wrong with the call; the hint is the usage of the command."""


class Parser(argparse.ArgumentParser):
    """One whose errors are ours."""

    def error(self, message: str) -> Never:
        """Raises WrongCall."""
        raise WrongCall(message, self.format_usage().strip())


def refused(argv: Sequence[str], commands: Container[str], error: WrongCall) -> int:
    """Say what is wrong with the call; the exit code."""
    if "--format=json" in argv or ("--format", "json") in itertools.pairwise(argv):
        from omni_release.report import json

        sys.stdout.write(json.error_document(next((word for word in argv if word in commands), ""), error))
    else:
        sys.stderr.write(f"{error.hint}\nomni-release: error: {error.message}\n")
    return error.exit_code
