"""Retries once, falls back, and never lies about it.

One loop in all (tenacity's), over the primary model and the fallback: what the next call is, and when, is decided by
`policy.decide`. The SDK below does not retry.
"""

from __future__ import annotations

import asyncio
import datetime
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from omni_release.images.client import check_timeout
from omni_release.images.errors import (
    ImageError,
    InvalidRequest,
    ModelNotFound,
    Next,
    QuotaSpent,
    RetriesExhausted,
    TimedOut,
    Transient,
)
from omni_release.images.model import Attempt, Availability, ImageRequest, ImageResult, ModelInfo
from omni_release.images.policy import Decision, Policy, RetryState, decide
from omni_release.images.provider import Clock, Log, Progress, WallClock, never_raising, show_progress, structlog_log

if TYPE_CHECKING:
    from omni_release.images.conversation import Conversation
    from omni_release.images.provider import ImageProvider

Call = Callable[["ImageProvider", float], Awaitable[ImageResult]]


class ResilientProvider:
    """A provider over one or two others: `primary`, and the `fallback` that answers where it does not.

    Raises what the last error means: an error that no retry mends as it is, GaveUp where all that came was transient;
    its `attempts` list every call.
    """

    def __init__(
        self,
        primary: ImageProvider,
        fallback: ImageProvider | None = None,
        policy: Policy | None = None,
        *,
        clock: Clock | None = None,
        jitter: Callable[[float], float] = lambda longest: random.uniform(0, longest),  # noqa: S311  # no secret
        progress: Progress | None = None,
        log: Log | None = None,
    ) -> None:
        if isinstance(primary, ResilientProvider) or isinstance(fallback, ResilientProvider):
            raise InvalidRequest("a ResilientProvider over another one", "One loop in all: its retries would multiply.")
        self._primary = primary
        self._fallback = fallback
        self._policy = policy or Policy()
        self._clock = clock or WallClock()
        self._jitter = jitter
        self._progress = progress
        self._log = log or structlog_log()

    def __repr__(self) -> str:
        return f"ResilientProvider({self._primary!r}, {self._fallback!r}, {self._policy!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def model(self) -> str:
        """The primary model."""
        return self._primary.model

    @property
    def timeout(self) -> float:
        """The deadline of a whole request, in seconds."""
        return self._policy.total

    async def close(self) -> None:
        """Close both providers."""
        for provider in (self._primary, self._fallback):
            if provider is not None:
                await provider.close()

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image. Raises ImageError."""
        return await self._made(lambda provider, seconds: provider.generate(request, timeout=seconds), timeout)

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The next turn of a conversation. Raises ImageError."""
        return await self._made(
            lambda provider, seconds: provider.refine(conversation, instruction, timeout=seconds), timeout
        )

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the service lists."""
        return await self._primary.models()

    async def probe(self, model: str | None = None) -> Availability:
        """Whether a model answers: the primary, where none is named."""
        return await self._primary.probe(model)

    async def status(self) -> tuple[Availability, ...]:
        """Whether the primary and the fallback answer, and why not."""
        providers = [provider for provider in (self._primary, self._fallback) if provider is not None]
        return tuple(await asyncio.gather(*(provider.probe() for provider in providers)))

    async def _made(self, call: Call, timeout: float | None) -> ImageResult:
        import tenacity

        if timeout is not None:
            check_timeout(timeout)
        total = self._policy.total if timeout is None else min(timeout, self._policy.total)
        run = _Run(self._primary, self._fallback, self._policy, self._clock, self._jitter, self._log, call, total)
        loop = tenacity.AsyncRetrying(
            sleep=self._clock.sleep,
            retry=run.goes_on,
            wait=lambda _: run.decision.wait,
            stop=tenacity.stop_never,  # the decision knows the deadline
            reraise=True,
        )
        async with show_progress(self._progress, self._clock, self._policy.still_after):
            try:
                return run.finished(await loop(run.attempt))
            except ImageError:
                pass
        raise run.verdict()


class _Run:
    """One request on its way: where it stands, and the record of each call."""

    def __init__(
        self,
        primary: ImageProvider,
        fallback: ImageProvider | None,
        policy: Policy,
        clock: Clock,
        jitter: Callable[[float], float],
        log: Log,
        call: Call,
        total: float,
    ) -> None:
        self._providers = [primary] if fallback is None else [primary, fallback]
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._log = log
        self._call = call
        self._deadline = clock.monotonic() + total
        self._at = 0
        self._calls = 0
        self._begun = 0.0
        self._records: list[Attempt] = []
        self._errors: list[ImageError] = []
        first = policy.share(total, primary.timeout, fallback_ahead=fallback is not None)
        self.decision = Decision(Next.RETRY, "first call", 0.0, first)

    async def attempt(self) -> ImageResult:
        """The call that was decided on. Raises ImageError."""
        self._calls += 1
        self._begun = self._clock.monotonic()
        provider = self._providers[self._at]
        seconds = self.decision.timeout
        try:
            async with asyncio.timeout(seconds + 1):  # for a provider that does not keep to its time
                return await self._call(provider, seconds)
        except TimeoutError:
            failure = TimedOut(f"{provider.model}: no answer within {seconds:g} s")
        raise failure

    def goes_on(self, state: Any) -> bool:
        """Whether there is another call after this one; tenacity asks, with its RetryCallState."""
        error = state.outcome.exception()
        if not isinstance(error, ImageError):
            return False
        provider = self._providers[self._at]
        standing = RetryState(
            on_fallback=self._at > 0,
            calls=self._calls,
            remaining=self._deadline - self._clock.monotonic(),
            timeout=min(provider.timeout, self._policy.fallback_timeout) if self._at else provider.timeout,
            has_fallback=len(self._providers) > 1,
        )
        self.decision = decide(self._policy, error, standing, self._jitter)
        self._errors.append(error)
        self._record(type(error).__name__, self.decision, error.message)
        if self.decision.next in (Next.FALL_BACK, Next.FALL_BACK_LOUDLY):
            self._at, self._calls = self._at + 1, 0
        return self.decision.next is not Next.STOP

    def finished(self, result: ImageResult) -> ImageResult:
        """The result, with the record of how it came about, and a warning where it is not what was asked for."""
        self._record("image", Decision(Next.STOP, "an image"), "")
        warnings = result.warnings
        asked, answered = self._providers[0].model, self._providers[self._at].model
        if self._at:
            warnings += (f"{asked} made no image ({type(self._errors[-1]).__name__}); {answered} made this one",)
        for gone in (error for error in self._errors if isinstance(error, ModelNotFound)):
            warnings += (f"{gone.message}. {gone.hint}",)
            with never_raising():
                self._log.error("image model is gone", model=gone.model, successor=gone.successor, answered=answered)
        return replace(result, model_requested=asked, attempts=tuple(self._records), warnings=warnings)

    def verdict(self) -> ImageError:
        """What all that came means: a dead name, a refusal, … is never masked by what was transient."""
        attempts = tuple(self._records)
        lasting = [error for error in self._errors if not isinstance(error, Transient | QuotaSpent)]
        if all(isinstance(error, QuotaSpent) for error in self._errors):
            lasting = self._errors  # no later call of today mends that
        said = "; ".join(f"{number}. {error.message}" for number, error in enumerate(self._errors, 1))
        last = self._errors[-1]
        if len(self._errors) == 1 and lasting:
            failure = last
        elif lasting:
            failure = lasting[0]
            failure.message = f"{failure.message} (all calls: {said})"
            failure.args = (failure.message,)
        else:
            assert isinstance(last, Transient | QuotaSpent)
            calls = f"{len(attempts)} call" + "s" * (len(attempts) > 1)
            hint = self._errors[0].hint or last.hint
            failure = RetriesExhausted(f"no image after {calls} ({self.decision.why}): {said}", hint, last=last)
        failure.attempts = attempts
        return failure.with_traceback(None)

    def _record(self, came: str, decision: Decision, message: str) -> None:
        seconds = self._clock.monotonic() - self._begun
        started = self._clock.now()
        model = self._providers[self._at].model
        done = came == "image"
        step = "done" if done else decision.next.value
        started -= datetime.timedelta(seconds=seconds)
        self._records.append(Attempt(model, started, seconds, came, step, decision.why, message, decision.wait))
        if done and not self._errors:
            return  # all is well: there is nothing to warn of
        facts = {"model": model, "started": started.isoformat(), "seconds": round(seconds, 3), "came": came}
        event = "image call answered" if done else "image call failed"
        with never_raising():
            self._log.warning(event, **facts, next=step, why=decision.why, wait=round(decision.wait, 3))
