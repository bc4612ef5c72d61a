"""The provider that follows the retry policy: a single loop over the primary model and its fallbacks.

`retry_policy.decide` determines the next call and its time. The clients below do not retry.
"""

from __future__ import annotations

import asyncio
import datetime
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from omni_release.images import provider as base
from omni_release.images.errors import (
    ConfigurationError,
    CreditsExhausted,
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
from omni_release.images.retry_policy import Decision, Policy, RetryState, decide, next_model

Call = Callable[[ImageProvider, float], Awaitable[ImageResult]]


class ResilientProvider:
    """A provider over others: `primary`, and the `fallback`, or several, that answer if the primary does not.

    A fallback may be of another vendor: `retry_policy` has the rules. Raises the error that describes all calls: one
    that a retry cannot fix as it is, RetriesExhausted if all of them were transient. Its `attempts` list every call.
    """

    def __init__(
        self,
        primary: ImageProvider,
        fallback: ImageProvider | Sequence[ImageProvider] | None = None,
        policy: Policy | None = None,
        *,
        clock: Clock | None = None,
        jitter: Callable[[float], float] = lambda longest: random.uniform(0, longest),  # noqa: S311  # no secret
        progress: Progress | None = None,
        log: Log | None = None,
    ) -> None:
        fallbacks = () if fallback is None else tuple(fallback) if isinstance(fallback, Sequence) else (fallback,)
        self._providers: tuple[ImageProvider, ...] = (primary, *fallbacks)
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
        """Those of the primary model, and each fallback that cannot stand in for it."""
        return (*self._providers[0].limits(asked), *self._fallbacks(asked)[1])

    def _fallbacks(self, asked: ImageRequest | Conversation) -> tuple[list[int], list[str]]:
        """The fallbacks that can make what is asked for, by their numbers, and why each other one cannot."""
        able, unable = [], []
        for number, provider in enumerate(self._providers[1:], 1):
            try:
                provider.limits(asked)
            except InvalidRequest as error:
                unable.append(f"{provider.model} cannot stand in for {self.model}: {error.message}")
            else:
                able.append(number)
        return able, unable

    @property
    def timeout(self) -> float:
        """The deadline of a whole request, in seconds."""
        return self._policy.total

    async def close(self) -> None:
        for provider in self._providers:
            await provider.close()

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        able, unable = self._fallbacks(request)
        return await self._request(
            lambda provider, seconds: provider.generate(request, timeout=seconds), timeout, [0, *able], unable
        )

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The next turn, by a model of the vendor that made the last image; by another one if the policy allows it."""
        conversation.check(instruction)
        able, unable = self._fallbacks(conversation)
        numbers = [0, *able]
        image = conversation.last_image
        vendor = (image[1] if image else "") or self.vendor
        if not self._policy.images_may_leave:
            kept = [number for number in numbers if self._providers[number].vendor == vendor]
            unable += [
                f"{self._providers[number].model} was not called: the image may not leave {vendor}"
                for number in numbers
                if number not in kept
            ]
            numbers = kept
        if not numbers:
            raise InvalidRequest(
                f"the image was made by {vendor}, and no model of {vendor} is here to refine it",
                "Add a provider of it, or set Policy(images_may_leave=True), which sends the image to another vendor.",
            )
        return await self._request(
            lambda provider, seconds: provider.refine(conversation, instruction, timeout=seconds),
            timeout,
            numbers,
            unable,
        )

    async def models(self) -> tuple[ModelInfo, ...]:
        return await self._providers[0].models()

    async def probe(self, model: str | None = None) -> Availability:
        return await self._providers[0].probe(model)

    async def status(self) -> tuple[Availability, ...]:
        """Whether the primary and each fallback respond, and why not."""
        return tuple(await asyncio.gather(*(provider.probe() for provider in self._providers)))

    async def _request(self, call: Call, timeout: float | None, numbers: list[int], unable: list[str]) -> ImageResult:
        """Call the providers of these numbers in turn. `unable` says why the others are not called."""
        import tenacity

        if timeout is not None:
            base.check_timeout(timeout)
        total = self._policy.total if timeout is None else min(timeout, self._policy.total)
        run = _Run(self, call, total, numbers, unable)
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

    def __init__(
        self, owner: ResilientProvider, call: Call, total: float, numbers: list[int], unable: list[str]
    ) -> None:
        self._owner = owner
        self._call = call
        self._unable = unable
        self._total = total
        self._deadline = owner._clock.monotonic() + total
        self._number, *self._untried = numbers  # of the provider that is called, and of those that may follow
        self._vendors = [provider.vendor for provider in owner._providers]
        self._called_vendors = {self._vendors[self._number]}
        self._started = 0.0
        self._records: list[Attempt] = []
        self._errors: list[ImageError] = []
        self._errors_of: dict[int, list[ImageError]] = {}  # by the number of the provider
        first = owner._policy.share(total, self._timeout_of(self._number), fallback_ahead=bool(self._untried))
        self.decision = Decision(Next.RETRY, "first call", 0.0, first)

    @property
    def _provider(self) -> ImageProvider:
        return self._owner._providers[self._number]

    async def attempt(self) -> ImageResult:
        """Make the call that was decided on. Raises ImageError."""
        self._started = self._owner._clock.monotonic()
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
        self._errors.append(error)
        own = self._errors_of.setdefault(self._number, [])
        own.append(error)
        policy, vendor = self._owner._policy, self._vendors[self._number]
        if isinstance(error, CreditsExhausted | ConfigurationError):  # it is true of all models of this vendor
            self._untried = [number for number in self._untried if self._vendors[number] != vendor]
        following = next_model(policy, own, self._number, self._untried, self._vendors)
        self.decision = decide(policy, error, self._state(following), self._owner._jitter)
        self._record(type(error).__name__, self.decision, error.message, _cost_of(error))
        if self.decision.next in (Next.FALL_BACK, Next.FALL_BACK_LOUDLY):
            assert following is not None
            self._number = following
            self._untried.remove(following)
            self._called_vendors.add(self._vendors[following])
        return self.decision.next is not Next.STOP

    def _state(self, following: int | None) -> RetryState:
        policy, vendor = self._owner._policy, self._vendors[self._number]
        after = None if following is None else self._vendors[following]
        return RetryState(
            on_fallback=self._number > 0,
            calls=len(self._errors_of[self._number]),
            remaining=self._deadline - self._owner._clock.monotonic(),
            timeout=self._timeout_of(self._number),
            has_fallback=following is not None,
            across=after is not None and after != vendor,
            is_fresh=after is not None and after not in self._called_vendors,
            next_timeout=math.inf if following is None else self._timeout_of(following),
            has_more=len(self._untried) > 1,
            calls_left=policy.most_calls - len(self._errors),
            total=self._total,
        )

    def _timeout_of(self, number: int) -> float:
        """The longest call of a provider: the policy's for a fallback of the primary's vendor, else its own."""
        own = self._owner._providers[number].timeout
        is_fallback = number > 0 and self._vendors[number] == self._owner.vendor
        return min(own, self._owner._policy.fallback_timeout) if is_fallback else own

    def finish(self, result: ImageResult) -> ImageResult:
        """The result with the record of all calls, and a warning for each difference from the request."""
        self._record("image", Decision(Next.STOP, "an image"), "", result.cost_usd)
        warnings = result.warnings
        requested, answered = self._owner.model, self._provider.model
        if self._number:
            own = self._errors_of.get(0)
            why = f"{requested} made no image ({type(own[-1]).__name__})" if own else f"{requested} was not called"
            of = f" of {self._provider.vendor}" if self._provider.vendor != self._owner.vendor else ""
            warnings += (f"{why}; {answered}{of} made this one",)
        for error in (error for error in self._errors if not isinstance(error, Transient | QuotaSpent)):
            warnings += (f"{error.message}. {error.hint}",)
            facts: dict[str, object] = {"error": type(error).__name__, "answered": answered}
            event = "image call failed permanently"
            if isinstance(error, ModelNotFound):
                event, facts = "image model is gone", facts | {"model": error.model, "successor": error.successor}
            with base.suppress_log_errors():
                self._owner._log.error(event, **facts)
        return replace(result, model_requested=requested, attempts=tuple(self._records), warnings=warnings)

    def final_error(self) -> ImageError:
        """The error that describes all calls: a transient one never masks a permanent one, such as a dead name."""
        permanent = [error for error in self._errors if not isinstance(error, Transient | QuotaSpent)]
        if all(isinstance(error, QuotaSpent) for error in self._errors):
            permanent = self._errors  # no later call of today can succeed
        messages = "; ".join(f"{number}. {error.message}" for number, error in enumerate(self._errors, 1))
        messages = "; ".join((messages, *self._unable))
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
        costs = [record.cost_usd for record in self._records]
        known = [cost for cost in costs if cost is not None]
        failure.attempts, failure.cost_usd = tuple(self._records), sum(known) if len(known) == len(costs) else None
        return failure.with_traceback(None)

    def _record(self, came: str, decision: Decision, message: str, cost: float | None) -> None:
        seconds = self._owner._clock.monotonic() - self._started
        started = self._owner._clock.now() - datetime.timedelta(seconds=seconds)
        model, vendor = self._provider.model, self._provider.vendor
        step = "done" if came == "image" else decision.next.value
        self._records.append(
            Attempt(model, started, seconds, came, step, decision.why, message, decision.wait, cost, vendor)
        )
        if not self._errors:
            return  # the first call has answered: nothing to warn of
        facts = {"model": model, "started": started.isoformat(), "seconds": round(seconds, 3), "came": came}
        event = "image call answered" if came == "image" else "image call failed"
        with base.suppress_log_errors():
            self._owner._log.warning(event, **facts, next=step, why=decision.why, wait=round(decision.wait, 3))


def _cost_of(error: ImageError) -> float | None:
    """The cost of a failed call in USD; None if it is unknown."""
    return 0.0 if error.cost_usd is None and error.billed is False else error.cost_usd
