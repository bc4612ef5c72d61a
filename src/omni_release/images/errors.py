"""The errors of the image provider. The TYPE of an error says what to do next; nothing matches on its text.

    ImageError                    next
    ├── Transient                 retry     may succeed in a moment: `delay` is the service's request, in seconds
    │   ├── Overloaded                      503
    │   ├── ServiceFault                    500 and other 5xx, 409, 499
    │   ├── RateLimited                     429 with a delay, or about a rate alone
    │   ├── TimedOut                        no answer in time
    │   ├── Disconnected                    the connection failed or broke, a base URL that is down
    │   ├── DamagedAnswer                   invalid JSON, an image that does not decode
    │   └── RetriesExhausted                all attempts that the policy allows ended in one of these
    ├── QuotaSpent                fall back a quota per day, or of zero: this model does not answer today
    ├── ModelNotFound             fall back, loudly: the name is dead; `successor` is its current replacement
    ├── NoImage                   stop      a 200 without an image
    │   └── ContentRefused        stop      … because of a policy
    ├── CreditsExhausted          stop      the account has no credits left; another vendor may go on
    ├── ConfigurationError        stop      no key, a bad or leaked key, an API that is not enabled, a location
    ├── RequestRejected           stop      the service rejects the request
    │   └── InvalidRequest        stop      … as was detected before the call
    ├── AnswerTooLarge            stop
    └── BudgetExceeded            stop      before the call that would exceed it

The errors that say nothing about the release (Transient, QuotaSpent, CreditsExhausted, ConfigurationError) are also
`Inconclusive`: a check that ends in one is inconclusive.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omni_release.core.errors import Inconclusive, OmniReleaseError, UsageError

if TYPE_CHECKING:
    from omni_release.images.model import Attempt


class Next(enum.StrEnum):
    """What may follow an error."""

    RETRY = "retry"
    FALL_BACK = "fall back"
    FALL_BACK_LOUDLY = "fall back, loudly"
    STOP = "stop"


class ImageError(OmniReleaseError):
    """No image was made. `attempts` are the records of all calls."""

    next = Next.STOP
    attempts: tuple[Attempt, ...] = ()
    billed: bool | None = False
    """Whether the failed call was billed; None if that is unknown, as after a broken connection."""
    cost_usd: float | None = None
    """The cost of the failed call in USD; None if it is unknown."""

    def __reduce__(self) -> tuple[Callable[..., ImageError], tuple[type[ImageError], tuple[Any, ...], dict[str, Any]]]:
        """For pickle and copy: by its fields, as not every subclass can be created from its message alone."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[ImageError], args: tuple[Any, ...], fields: dict[str, Any]) -> ImageError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class Transient(ImageError, Inconclusive):
    """The call may succeed in a moment. `delay` is the wait that the service asked for, in seconds."""

    next = Next.RETRY

    def __init__(self, message: str, hint: str = "Try again in a few minutes.", *, delay: float | None = None) -> None:
        super().__init__(message, hint)
        self.delay = delay


class Overloaded(Transient):
    """503: the model is overloaded."""


class ServiceFault(Transient):
    """A 5xx other than 503; 409 or 499, by which a service ends a call itself."""


class RateLimited(Transient):
    """429: too many calls in too short a time."""


class TimedOut(Transient):
    """The answer did not arrive in time."""

    billed: bool | None = None


class Disconnected(Transient):
    """The connection failed or broke."""

    billed: bool | None = None


class DamagedAnswer(Transient):
    """An invalid answer: the JSON cannot be parsed, or the image does not decode."""

    billed: bool | None = None


class RetriesExhausted(Transient):
    """All attempts that the policy allows failed, and none permanently. `last` is the error of the last attempt."""

    def __init__(self, message: str, hint: str, *, last: Transient | QuotaSpent) -> None:
        super().__init__(message, hint)
        self.last = last


class QuotaSpent(ImageError, Inconclusive):
    """A daily quota is used up, or the model has none (zero). `quota` is its name."""

    next = Next.FALL_BACK

    def __init__(self, message: str, hint: str = "", *, quota: str = "") -> None:
        super().__init__(message, hint)
        self.quota = quota


class ModelNotFound(ImageError):
    """The model is shut down or unknown. `successor` is a living model, if one is known."""

    next = Next.FALL_BACK_LOUDLY

    def __init__(self, message: str, hint: str = "", *, model: str, successor: str | None = None) -> None:
        super().__init__(message, hint)
        self.model = model
        self.successor = successor


class NoImage(ImageError):
    """The answer has no image. `reason` is its finish or block reason, `text` is the text it has instead."""

    def __init__(self, message: str, hint: str = "", *, reason: str, text: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason
        self.text = text


class ContentRefused(NoImage):
    """The service's policy forbids this image. It refuses the same request again."""


class CreditsExhausted(ImageError, Inconclusive):
    """The account's credits are used up. No model answers, the fallback included."""


class ConfigurationError(ImageError, Inconclusive):
    """The key, the project, the location or the installation is not ready for this call."""


class RequestRejected(ImageError):
    """The service rejects the request. `status` is its own word, such as INVALID_ARGUMENT."""

    def __init__(self, message: str, hint: str = "", *, status: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


class InvalidRequest(RequestRejected, UsageError):
    """The request is invalid; detected before the call."""


class AnswerTooLarge(ImageError):
    """The answer is larger than the limit."""

    billed: bool | None = None


class BudgetExceeded(ImageError, UsageError):
    """The next call would cost more than is left of the budget; it was not made."""
