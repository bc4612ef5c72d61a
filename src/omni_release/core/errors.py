"""What can go wrong, as one tree; each class knows its exit code, each instance what to do about it.

    OmniReleaseError            1
    ├── UsageError              2   the call, the settings or the project cannot be worked with
    │   ├── MissingExtra        2   a package is not there that an extra brings
    │   ├── SettingsError       2   something in pyproject.toml, with its line
    │   └── Locked              2   another run is at work in this project
    ├── CannotTell              3   inconclusive: no network, no key, a service that does not answer
    │   └── Refused             3   somebody there does not want to tell us: asking again is of no use
    ├── NotApplicable           0   there is nothing to look at: skipped, with this reason
    ├── NeedsPerson             4   waiting for a person's answer
    ├── ActionFailed            1   an action was performed and did not do its work
    ├── Conflict                1   the world holds something else under our name: nothing was changed
    └── UnreadableArtifact      1   a distribution that is none: no archive, no metadata, no such name

Ctrl-C and SIGTERM are `KeyboardInterrupt` and end with 130.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
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
    """Something a user can cause and a user can mend: never shown as a traceback.

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
    """The call, the settings or the project cannot be worked with."""

    exit_code = EXIT_USAGE


class MissingExtra(UsageError):
    """A package is not there that an extra of omni-release brings."""

    def __init__(self, module: str, what: str) -> None:
        top = module.partition(".")[0]
        extra = next((name for name, modules in _BROUGHT_BY.items() if top in modules), "release")
        said = f"{top} is not installed, which {what} needs"
        super().__init__(said, install_hint(extra))


def describe_os_error(error: OSError) -> str:
    """What the system says is wrong, and where."""
    return f"{error.strerror or error}: {error.filename}" if error.filename else str(error)


def install_hint(extra: str) -> str:
    """What to do where a package is not there that this extra brings."""
    return f'Install it with: pip install "omni-release[{extra}]"'


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", *, cutoff: float = 0.5) -> str:
    """A hint at the known name nearest to `word`; `otherwise` where none is near.

    `cutoff` is how alike the two must be, from 0 to 1: see `difflib.get_close_matches`.
    """
    from difflib import get_close_matches  # only an error needs it, and start-up is measured

    nearest = get_close_matches(word, sorted(known), 1, cutoff)
    return f"Did you mean `{nearest[0]}`?" if nearest else otherwise


_BROUGHT_BY = {
    "images": ("PIL", "google", "httpx2", "structlog", "tenacity"),
    "smoke": ("pytest", "pytest_recording", "vcr"),
}


class SettingsError(UsageError):
    """Something in a settings file is wrong. `path` and `line` (from 1) say where, as far as they are known."""

    def __init__(self, message: str, hint: str = "", *, path: Path | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path.name}:{line}: " if line else f"{path.name}: "
        super().__init__(where + message, hint)
        self.path = path
        self.line = line


class Locked(UsageError):
    """Another run is at work in this project."""


class Inconclusive(OmniReleaseError):
    """A check could not find out. Inconclusive: neither passed nor failed."""

    exit_code = EXIT_INCONCLUSIVE


class PermanentRefusal(Inconclusive):
    """Who was asked does not want to tell: asking again comes to the same."""


class NotApplicable(OmniReleaseError):
    """A task has nothing to look at here. Skipped, with this reason."""

    exit_code = EXIT_PASSED


class NeedsPerson(OmniReleaseError):
    """Only a person can answer. Waiting, until somebody signs."""

    exit_code = EXIT_WAITING


class ActionFailed(OmniReleaseError):
    """An action was performed and did not do its work. `tail` holds the last lines that its program printed."""

    def __init__(self, message: str, hint: str = "", *, tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.tail = tail


class Conflict(OmniReleaseError):
    """The world holds something else under our name. Nothing was changed."""


class InvalidDistribution(OmniReleaseError):
    """A distribution that is none: not a readable archive, without metadata, or not named as one."""
