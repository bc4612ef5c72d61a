"""What can go wrong with an image, as one tree. The TYPE says what to do next; nothing ever matches on a text.

    ImageError                    next
    ├── Transient                 retry     it may work in a moment: `delay` is what the service asked for, in seconds
    │   ├── Overloaded                      503
    │   ├── ServiceFault                    500 and other 5xx
    │   ├── RateLimited                     429 with a delay, or with no more than a rate behind it
    │   ├── TimedOut                        no answer in time
    │   ├── Disconnected                    the connection failed or broke off, a base URL that is down
    │   ├── DamagedAnswer                   JSON that is not JSON, an image that does not decode
    │   └── GaveUp                          all attempts that the policy allows came to one of these
    ├── QuotaSpent                fall back a quota per day, or of zero: this model does not answer today
    ├── ModelGone                 fall back, loudly: the name is dead; `successor` is the living end of its chain
    ├── NoImage                   stop      a 200 without an image
    │   └── Refused               stop      … because a policy says so
    ├── AccountEmpty              stop      the credits are used up
    ├── NotSetUp                  stop      no key, a bad or a leaked key, an API that is not enabled, a location
    ├── RequestRejected           stop      the service does not take our request
    │   └── InvalidRequest        stop      … which we could tell before a call was spent
    ├── AnswerTooLarge            stop
    └── BudgetExceeded            stop      before the call that would have exceeded it

Those that say nothing about the release itself (Transient, QuotaSpent, AccountEmpty, NotSetUp) are also `CannotTell`:
a check that ends in one is inconclusive.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omni_release.core.errors import Inconclusive, OmniReleaseError, UsageError

if TYPE_CHECKING:
    from omni_release.images.model import Attempt


class Next(enum.StrEnum):
    """What an error allows to be done after it."""

    RETRY = "retry"
    FALL_BACK = "fall back"
    FALL_BACK_LOUDLY = "fall back, loudly"
    STOP = "stop"


class ImageError(OmniReleaseError):
    """No image came of it. `attempts` are the records of all calls that were made."""

    next = Next.STOP
    attempts: tuple[Attempt, ...] = ()
    billed: bool | None = False
    """Whether the failed call cost anything; None where nobody can tell (it was cut off on its way)."""

    def __reduce__(self) -> tuple[Callable[..., ImageError], tuple[type[ImageError], tuple[Any, ...], dict[str, Any]]]:
        """For pickle and copy: by its fields, as not every subclass can be made from its message alone."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[ImageError], args: tuple[Any, ...], fields: dict[str, Any]) -> ImageError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class Transient(ImageError, Inconclusive):
    """It may work in a moment. `delay` is the wait that the service asked for, in seconds."""

    next = Next.RETRY

    def __init__(self, message: str, hint: str = "Try again in a few minutes.", *, delay: float | None = None) -> None:
        super().__init__(message, hint)
        self.delay = delay


class Overloaded(Transient):
    """503: the model has more to do than it can."""


class ServiceFault(Transient):
    """A 5xx other than 503."""


class RateLimited(Transient):
    """429: too much in too short a time."""


class TimedOut(Transient):
    """No whole answer in the time that it was given."""

    billed: bool | None = None


class Disconnected(Transient):
    """The connection could not be made, or broke off."""

    billed: bool | None = None


class DamagedAnswer(Transient):
    """An answer that is not what it says it is: JSON that is not JSON, an image that does not decode."""

    billed: bool | None = None


class RetriesExhausted(Transient):
    """All attempts that the policy allows came to nothing that lasts. `last` is what the last one came to."""

    def __init__(self, message: str, hint: str, *, last: Transient | QuotaSpent) -> None:
        super().__init__(message, hint)
        self.last = last


class QuotaSpent(ImageError, Inconclusive):
    """A quota per day is used up, or there is none (zero) for this model. `quota` is its name."""

    next = Next.FALL_BACK

    def __init__(self, message: str, hint: str = "", *, quota: str = "") -> None:
        super().__init__(message, hint)
        self.quota = quota


class ModelNotFound(ImageError):
    """The model's name is dead or unknown. `successor` is a living one, where we know it."""

    next = Next.FALL_BACK_LOUDLY

    def __init__(self, message: str, hint: str = "", *, model: str, successor: str | None = None) -> None:
        super().__init__(message, hint)
        self.model = model
        self.successor = successor


class NoImage(ImageError):
    """The service answered, without an image. `reason` is its finish or block reason, `text` what it said instead."""

    def __init__(self, message: str, hint: str = "", *, reason: str, text: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason
        self.text = text


class ContentRefused(NoImage):
    """The service's policy forbids this image. The same request is refused again."""


class CreditsExhausted(ImageError, Inconclusive):
    """The account's credits are used up. No model answers, so neither does a fallback."""


class ConfigurationError(ImageError, Inconclusive):
    """The key, the project, the place or the installation is not ready for this call."""


class RequestRejected(ImageError):
    """The service does not take the request as it is. `status` is its word for it."""

    def __init__(self, message: str, hint: str = "", *, status: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


class InvalidRequest(RequestRejected, UsageError):
    """The request cannot work; found before a call was spent on it."""


class AnswerTooLarge(ImageError):
    """The answer is larger than what is read."""

    billed: bool | None = None


class BudgetExceeded(ImageError, UsageError):
    """The next call would cost more than the budget has left; it was not made."""
