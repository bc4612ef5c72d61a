"""The retry policy, and the provider that follows it: a single loop over the primary model and its fallback.

`decide` determines the next call and its time. The SDK below does not retry.
"""

from __future__ import annotations

import asyncio
import datetime
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from omni_release.images import provider as base
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
from omni_release.images.provider import Clock, ImageProvider, Log, Progress
from omni_release.images.requests import Conversation

Call = Callable[[ImageProvider, float], Awaitable[ImageResult]]


@dataclass(frozen=True)
class Policy:
    """How often and how long to try, and what a dead name means. All times in seconds.

    `total` is the deadline of a whole request, with all its calls and waits; 90 + 90 + 30 fit. The first wait is drawn
    evenly from 0 to `backoff`, which doubles up to `longest_backoff`, so that many callers do not retry at once. With
    `dead_model_falls_back` the fallback answers after a 404, with warnings; without it, the request fails.
    """

    retries: int = 1
    fallback_retries: int = 1
    total: float = 210.0
    fallback_timeout: float = 30.0
    backoff: float = 1.0
    longest_backoff: float = 8.0
    still_after: float = 8.0
    dead_model_falls_back: bool = True

    def __post_init__(self) -> None:
        for name in ("total", "fallback_timeout", "still_after"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidRequest(f"invalid Policy({name}={getattr(self, name)})", "Pass a finite number above 0.")
        for name in ("retries", "fallback_retries", "backoff", "longest_backoff"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidRequest(f"invalid Policy({name}={getattr(self, name)})", "Pass a finite number from 0 up.")

    def share(self, remaining: float, timeout: float, *, fallback_ahead: bool) -> float:
        """The part of the remaining time that a call may take: a fallback that may follow keeps its own share."""
        reserved = min(self.fallback_timeout, remaining / 2) if fallback_ahead else 0.0
        return max(0.0, min(timeout, remaining - reserved))


@dataclass(frozen=True)
class RetryState:
    """The state of a request: `calls` so far to this model, `remaining` seconds, the model's own `timeout`."""

    on_fallback: bool
    calls: int
    remaining: float
    timeout: float
    has_fallback: bool


@dataclass(frozen=True)
class Decision:
    """What comes next and why: a call with a timeout of `timeout` seconds, after `wait` seconds."""

    next: Next
    why: str
    wait: float = 0.0
    timeout: float = 0.0


def decide(policy: Policy, error: ImageError, state: RetryState, jitter: Callable[[float], float]) -> Decision:
    """What follows this error: a pure function. `jitter(x)` draws evenly from 0 to x."""
    kind = type(error).__name__
    if error.next is Next.STOP:
        return Decision(Next.STOP, f"{kind}: another call would fail the same way")
    if error.next is Next.FALL_BACK_LOUDLY:
        if not policy.dead_model_falls_back:
            return Decision(Next.STOP, f"{kind}: the policy does not allow a fallback for a dead name")
        return _fall_back(policy, state, f"{kind}: a retry cannot help", Next.FALL_BACK_LOUDLY)
    if error.next is Next.FALL_BACK:
        return _fall_back(policy, state, f"{kind}: the model does not answer today")
    assert isinstance(error, Transient)
    allowed = policy.fallback_retries if state.on_fallback else policy.retries
    if state.calls > allowed:
        return _fall_back(policy, state, f"{kind}: the policy allows {state.calls} calls")
    wait = (error.delay or 0.0) + jitter(min(policy.longest_backoff, policy.backoff * 2 ** (state.calls - 1)))
    fallback_ahead = state.has_fallback and not state.on_fallback
    timeout = policy.share(state.remaining - wait, state.timeout, fallback_ahead=fallback_ahead)
    if timeout < min(state.timeout, policy.total) / 3:  # such a call would be cut off before it can answer
        return _fall_back(policy, state, f"{kind}: no time for a wait of {wait:.1f} s in {state.remaining:.1f} s")
    return Decision(Next.RETRY, f"{kind}: it may succeed in a moment", wait, timeout)


def _fall_back(policy: Policy, state: RetryState, why: str, how: Next = Next.FALL_BACK) -> Decision:
    if state.on_fallback or not state.has_fallback:
        return Decision(Next.STOP, f"{why}; no fallback model is left")
    timeout = min(policy.fallback_timeout, state.remaining)
    if timeout <= 0:
        return Decision(Next.STOP, f"{why}; no time is left")
    return Decision(how, why, 0.0, timeout)


class ResilientProvider:
    """A provider over one or two others: `primary`, and the `fallback` that answers if the primary does not.

    Raises the error that describes all calls: one that a retry cannot fix as it is, RetriesExhausted if all of them
    were transient. Its `attempts` list every call.
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
        self._providers = (primary,) if fallback is None else (primary, fallback)
        if any(isinstance(provider, ResilientProvider) for provider in self._providers):
            raise InvalidRequest("a ResilientProvider over another one would multiply the retries", "Use one of them.")
        self._policy = policy or Policy()
        self._clock = clock or base.SystemClock()
        self._jitter = jitter
        self._log = log or base.StructlogLog()
        self._progress = progress

    def __repr__(self) -> str:
        return f"ResilientProvider({', '.join(map(repr, (*self._providers, self._policy)))})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def model(self) -> str:
        return self._providers[0].model

    @property
    def vendor(self) -> str:
        return self._providers[0].vendor

    def limits(self, asked: ImageRequest | Conversation) -> tuple[str, ...]:
        return self._providers[0].limits(asked)

    @property
    def timeout(self) -> float:
        """The deadline of a whole request, in seconds."""
        return self._policy.total

    async def close(self) -> None:
        for provider in self._providers:
            await provider.close()

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        return await self._request(lambda provider, seconds: provider.generate(request, timeout=seconds), timeout)

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        return await self._request(
            lambda provider, seconds: provider.refine(conversation, instruction, timeout=seconds), timeout
        )

    async def models(self) -> tuple[ModelInfo, ...]:
        return await self._providers[0].models()

    async def probe(self, model: str | None = None) -> Availability:
        return await self._providers[0].probe(model)

    async def status(self) -> tuple[Availability, ...]:
        """Whether the primary and the fallback respond, and why not."""
        return tuple(await asyncio.gather(*(provider.probe() for provider in self._providers)))

    async def _request(self, call: Call, timeout: float | None) -> ImageResult:
        import tenacity

        if timeout is not None:
            base.check_timeout(timeout)
        run = _Run(self, call, self._policy.total if timeout is None else min(timeout, self._policy.total))
        loop = tenacity.AsyncRetrying(
            sleep=self._clock.sleep,
            retry=run.decide_next,
            wait=lambda _: run.decision.wait,
            stop=tenacity.stop_never,  # the decision knows the deadline
            reraise=True,
        )
        async with base.show_progress(self._progress, self._clock, self._policy.still_after):
            try:
                return run.finish(await loop(run.attempt))
            except ImageError:
                pass
        raise run.final_error()


class _Run:
    """One request: its state, and the record of each call."""

    def __init__(self, owner: ResilientProvider, call: Call, total: float) -> None:
        self._owner = owner
        self._call = call
        self._deadline = owner._clock.monotonic() + total
        self._number = 0  # 0 is the primary, 1 the fallback
        self._calls = 0
        self._started = 0.0
        self._records: list[Attempt] = []
        self._errors: list[ImageError] = []
        primary, *fallback = owner._providers
        first = owner._policy.share(total, primary.timeout, fallback_ahead=bool(fallback))
        self.decision = Decision(Next.RETRY, "first call", 0.0, first)

    @property
    def _provider(self) -> ImageProvider:
        return self._owner._providers[self._number]

    async def attempt(self) -> ImageResult:
        """Make the call that was decided on. Raises ImageError."""
        self._calls, self._started = self._calls + 1, self._owner._clock.monotonic()
        seconds = self.decision.timeout
        try:
            async with asyncio.timeout(seconds + 1):  # for a provider that exceeds its timeout
                return await self._call(self._provider, seconds)
        except TimeoutError:
            failure = TimedOut(f"{self._provider.model}: no answer within {seconds:g} s")
        raise failure

    def decide_next(self, state: Any) -> bool:
        """Whether another call follows; tenacity asks, with its RetryCallState."""
        error = state.outcome.exception()
        if not isinstance(error, ImageError):
            return False
        policy, timeout, on_fallback = self._owner._policy, self._provider.timeout, self._number > 0
        timeout = min(timeout, policy.fallback_timeout) if on_fallback else timeout
        remaining = self._deadline - self._owner._clock.monotonic()
        retry_state = RetryState(on_fallback, self._calls, remaining, timeout, len(self._owner._providers) > 1)
        self.decision = decide(policy, error, retry_state, self._owner._jitter)
        self._errors.append(error)
        self._record(type(error).__name__, self.decision, error.message)
        if self.decision.next in (Next.FALL_BACK, Next.FALL_BACK_LOUDLY):
            self._number, self._calls = self._number + 1, 0
        return self.decision.next is not Next.STOP

    def finish(self, result: ImageResult) -> ImageResult:
        """The result with the record of all calls, and a warning for each difference from the request."""
        self._record("image", Decision(Next.STOP, "an image"), "")
        warnings = result.warnings
        requested, answered = self._owner.model, self._provider.model
        if self._number:
            warnings += (f"{requested} made no image ({type(self._errors[-1]).__name__}); {answered} made this one",)
        for error in (error for error in self._errors if isinstance(error, ModelNotFound)):
            warnings += (f"{error.message}. {error.hint}",)
            facts = {"model": error.model, "successor": error.successor, "answered": answered}
            with base.suppress_log_errors():
                self._owner._log.error("image model is gone", **facts)
        return replace(result, model_requested=requested, attempts=tuple(self._records), warnings=warnings)

    def final_error(self) -> ImageError:
        """The error that describes all calls: a transient one never masks a permanent one, such as a dead name."""
        permanent = [error for error in self._errors if not isinstance(error, Transient | QuotaSpent)]
        if all(isinstance(error, QuotaSpent) for error in self._errors):
            permanent = self._errors  # no later call of today can succeed
        messages = "; ".join(f"{number}. {error.message}" for number, error in enumerate(self._errors, 1))
        if permanent:
            failure = permanent[0]
            if len(self._errors) > 1:
                failure.message = f"{failure.message} (all calls: {messages})"
                failure.args = (failure.message,)
        else:
            last = self._errors[-1]
            assert isinstance(last, Transient | QuotaSpent)
            calls = f"{len(self._records)} call" + "s" * (len(self._records) > 1)
            message = f"no image after {calls} ({self.decision.why}): {messages}"
            failure = RetriesExhausted(message, self._errors[0].hint or last.hint, last=last)
        failure.attempts = tuple(self._records)
        return failure.with_traceback(None)

    def _record(self, came: str, decision: Decision, message: str) -> None:
        seconds = self._owner._clock.monotonic() - self._started
        started = self._owner._clock.now() - datetime.timedelta(seconds=seconds)
        model, step = self._provider.model, "done" if came == "image" else decision.next.value
        self._records.append(Attempt(model, started, seconds, came, step, decision.why, message, decision.wait))
        if not self._errors:
            return  # the first call has answered: nothing to warn of
        facts = {"model": model, "started": started.isoformat(), "seconds": round(seconds, 3), "came": came}
        event = "image call answered" if came == "image" else "image call failed"
        with base.suppress_log_errors():
            self._owner._log.warning(event, **facts, next=step, why=decision.why, wait=round(decision.wait, 3))
