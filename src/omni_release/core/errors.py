"""The errors, as a tree with their exit codes; each instance says what to do about it.

    OmniReleaseError            1
    ├── UsageError              2   the command line, the settings or the project is invalid
    │   ├── MissingExtra        2   a package is not installed; most often an extra installs it
    │   ├── SettingsError       2   a setting is invalid, with its line
    │   └── Locked              2   another run is in progress in this project
    ├── Inconclusive            3   not determined: no network, no key, a service that does not answer
    │   ├── PermanentRefusal    3   the service refuses to answer, also next time
    │   └── ToolUnavailable     3   an external tool is missing, or ended without a result
    ├── NotApplicable           0   there is nothing to check: skipped, with this reason
    ├── NeedsPerson             4   waiting for a person's answer
    ├── ActionFailed            1   an action was performed without success
    ├── Conflict                1   something else has our name: nothing was changed
    └── InvalidDistribution     1   a file that is not a valid distribution

Ctrl-C and SIGTERM are `KeyboardInterrupt` and exit with 130.
"""

from __future__ import annotations

TYPE_CHECKING = False  # a type checker takes it for True; to import it from typing costs more than this whole module
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EXIT_PASSED = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_WAITING = 4
EXIT_INTERRUPTED = 130


class OmniReleaseError(Exception):
    """An error that a user can cause and can fix; it is never shown as a traceback.

    `message` says what is wrong and where, `hint` what to do.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def full_message(self) -> str:
        """The message, and the hint on a line of its own."""
        return f"{self.message}\n{self.hint}".rstrip()


class UsageError(OmniReleaseError):
    """The command line, the settings or the project is invalid."""

    exit_code = EXIT_USAGE


class MissingExtra(UsageError):
    """A package is not installed that omni-release, or an extra of it, requires; `what` needs it."""

    def __init__(self, module: str, what: str) -> None:
        top = module.partition(".")[0]
        extra = next((name for name, modules in _MODULES_OF_EXTRA.items() if top in modules), "")
        super().__init__(f"{top} is not installed, which {what} needs", install_hint(extra))


def describe_os_error(error: OSError) -> str:
    """The message of the operating system, and the file that it is about."""
    return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)


def from_os_error(error: OSError) -> Inconclusive:
    """An error of this machine: a full or read-only disk says nothing about the release."""
    import errno

    hint = {
        errno.ENOSPC: "Free space on the disk",
        errno.EDQUOT: "Free space within the quota",
        errno.EROFS: "Make the disk writable",
        errno.EACCES: "Correct the permissions",
        errno.EPERM: "Correct the permissions",
        errno.EMFILE: "Allow more open files (`ulimit -n`)",
    }.get(error.errno or 0, "Correct what the operating system reports")
    return Inconclusive(describe_os_error(error), f"{hint}, then run the same command again.")


def install_hint(extra: str = "") -> str:
    """How to install an extra of omni-release, or without one all that it requires, into the installation that runs."""
    from omni_release.core import own_installation  # only an error needs it, and start-up is measured

    return own_installation.how_to_add(extra)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", *, cutoff: float = 0.7) -> str:
    """A hint at the known name nearest to `word`; `otherwise` where none is near.

    `cutoff` is how alike the two must be, from 0 to 1: see `difflib.get_close_matches`.
    """
    from difflib import get_close_matches  # only an error needs it, and start-up is measured

    nearest = get_close_matches(word, sorted(known), 1, cutoff)
    return f"Did you mean `{nearest[0]}`?" if nearest else otherwise


_MODULES_OF_EXTRA = {
    "provenance": ("pypi_attestations", "sigstore"),
    "images": ("PIL", "google", "httpx2", "structlog"),
    "smoke": ("pytest", "pytest_recording", "vcr"),
}


class SettingsError(UsageError):
    """A setting is invalid. `path` and `line` (from 1) say where, as far as they are known."""

    def __init__(self, message: str, hint: str = "", *, path: Path | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path.name}:{line}: " if line else f"{path.name}: "
        super().__init__(where + message, hint)
        self.path = path
        self.line = line


class Locked(UsageError):
    """Another run is in progress in this project."""


class Inconclusive(OmniReleaseError):
    """A check could not determine its result: it has neither passed nor failed."""

    exit_code = EXIT_INCONCLUSIVE


class PermanentRefusal(Inconclusive):
    """A permanent refusal: to ask again gives the same answer."""


class ToolUnavailable(Inconclusive):
    """An external tool is missing, or ended without a result; `hint` is the command that brings it.

    A check that can only advise is skipped then; one that decides about a release is inconclusive. So is one that the
    project itself has `configured`.
    """

    def __init__(self, message: str, hint: str = "", *, configured: bool = False) -> None:
        super().__init__(message, hint)
        self.configured = configured


class NotApplicable(OmniReleaseError):
    """A task has nothing to do here: it is skipped, with this reason."""

    exit_code = EXIT_PASSED


class NeedsPerson(OmniReleaseError):
    """Only a person can answer: the task waits for a sign-off."""

    exit_code = EXIT_WAITING


class ActionFailed(OmniReleaseError):
    """An action was performed without success. `tail` holds the last lines of its program's output."""

    def __init__(self, message: str, hint: str = "", *, tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.tail = tail


class Conflict(OmniReleaseError):
    """Something else already has our name. Nothing was changed."""


class InvalidDistribution(OmniReleaseError):
    """A file is not a valid distribution: not a readable archive, without metadata, or with an invalid name."""
