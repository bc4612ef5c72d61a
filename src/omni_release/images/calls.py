"""One call of any vendor: it ends in time, ends in an ImageError, is paid from the budget, and shows no key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from omni_release import models as registry
from omni_release.core.errors import Inconclusive
from omni_release.images import error_mapping
from omni_release.images import provider as base
from omni_release.images.errors import (
    ConfigurationError,
    Disconnected,
    ImageError,
    InvalidRequest,
    RequestRejected,
    TimedOut,
)
from omni_release.images.model import Availability, ImageResult
from omni_release.images.pricing import Budget

if TYPE_CHECKING:
    import datetime

T = TypeVar("T")

Translate = Callable[[Exception], ImageError]


async def call_in_time(
    call: Callable[[], Awaitable[T]],
    model: str,
    seconds: float,
    key: base.Key,
    expected: tuple[type[Exception], ...],
    translate: Translate,
) -> T:
    """Make a call that ends in time. `translate` gives the ImageError of an `expected` exception. Raises ImageError."""
    try:
        async with asyncio.timeout(seconds):
            return await call()
    except ImageError as error:
        failure = error
    except TimeoutError:
        failure = TimedOut(f"{model}: no complete answer within {seconds:g} s")
    except expected as error:
        failure = translate(error)
    # Raised outside of the handlers: the frames of the client hold the headers, and with them the key.
    failure.message, failure.hint = key.redacted(failure.message), key.redacted(failure.hint)
    failure.args = (failure.message,)
    raise failure.with_traceback(None)


def transport_error(error: Exception, model: str, seconds: float, service: str) -> ImageError:
    """The ImageError for an error of httpx2. `service` is the base URL, or the service's name."""
    import httpx2

    url = re.sub(r"(?<=://)[^/@]*@|\?.*", "", service)
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        hint = "Check the base URL and the network."
        failure = Disconnected(f"{model}: no connection to {url}: {first_line(error)}", hint)
        failure.billed = False
        return failure
    if isinstance(error, httpx2.TimeoutException):
        return TimedOut(f"{model}: no complete answer within {seconds:g} s")
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return ConfigurationError(f"{url} is not a valid URL: {first_line(error)}", "Correct base_url.")
    return Disconnected(f"{model}: the connection broke: {first_line(error)}")


async def paid(
    budget: Budget | None, model: str, estimate: float | None, call: Callable[[], Awaitable[ImageResult]]
) -> ImageResult:
    """Reserve the estimate, make the call, and settle its cost, also that of a failure. Raises ImageError."""
    reserved = budget.reserve(model, estimate) if budget is not None else 0.0
    cost: float | None = None  # unknown, until the answer or an error determines it
    try:
        result = await call()
        cost = result.cost_usd
    except ImageError as error:
        cost = error.cost_usd
        if cost is None and error.billed is False:
            cost = error.cost_usd = 0.0
        raise
    finally:
        if budget is not None:
            budget.settle(reserved, reserved if cost is None else cost)
    return result


def check_alive(model: str, today: datetime.date, platform: str) -> None:
    """Raises ModelNotFound if the name is known to be shut down on the platform: it would cost a call.

    A platform that is unknown, such as a gateway, or whose names its users choose, is "": only the project's own rows
    say something about its names.
    """
    known = registry.current().served(model, platform)
    if known is not None and not known.lives(today):
        message = f"{model}: {known.phrase(today)}; it was not called"
        raise error_mapping.model_not_found(model, today, message, platform)


async def probed(name: str, clock: base.Clock, ask: Callable[[], Awaitable[str]], platform: str) -> Availability:
    """What `ask` finds out about a model: it returns why the model is available, or raises ImageError.

    `platform` is as in `check_alive`.
    """
    started = clock.monotonic()
    available, certain, hint = False, True, ""
    try:
        why = await ask()
        available = True
    except InvalidRequest as error:
        why, hint = error.message, error.hint
    except RequestRejected as error:
        available = certain = bool(error.status)  # the API's own: it validates requests to living models alone
        why = f"it responds, but rejects the probe: {error.message}" if available else error.message
        hint = error.hint
    except ImageError as error:
        certain, why, hint = not isinstance(error, Inconclusive), error.message, error.hint
    known = registry.current().served(name, platform)
    day = clock.now().date()
    life = registry.describe(name, day, known.platform if known else platform) if known or platform else ""
    return Availability(name, available, why, hint, life, clock.monotonic() - started, certain)


def first_set(*values: str | None) -> str:
    """The first value that is not blank: a blank environment variable counts as unset."""
    return next((value.strip() for value in values if value and value.strip()), "")


def first_line(error: Exception) -> str:
    """The first line of an exception's text, shortened; its type's name if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
