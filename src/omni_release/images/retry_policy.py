"""The retry policy: what follows an error, as a pure function.

Models of one vendor fail together, so what an error says about another vendor differs:

    error                            same vendor                  another vendor
    Transient                        retry, then its fallback     goes on; first of all after two overloads
    QuotaSpent                       its fallback                 goes on
    ModelNotFound                    its fallback, loudly         stops
    CreditsExhausted                 stops                        goes on, with a warning
    ConfigurationError, RequestRejected, NoImage, AnswerTooLarge    stop
    ContentRefused, BudgetExceeded   stop, whatever the policy says

`Policy(across=…)` names further errors after which another vendor is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omni_release.images.errors import (
    BudgetExceeded,
    ContentRefused,
    CreditsExhausted,
    ImageError,
    InvalidRequest,
    ModelNotFound,
    Next,
    Overloaded,
    QuotaSpent,
    RateLimited,
    ServiceFault,
    Transient,
)


@dataclass(frozen=True)
class Policy:
    """How often and how long to try, and what a dead name means. All times in seconds.

    `total` is the deadline of a whole request, with all its calls and waits; 90 + 90 + 30 fit. There are at most
    `most_calls` calls. The first wait is drawn evenly from 0 to `backoff`, which doubles up to `longest_backoff`, so
    that many callers do not retry at once. `fallback_timeout` limits a call of the same vendor's fallback; one of
    another vendor has its own timeout. With `dead_model_falls_back` the vendor's fallback answers after a 404, with
    warnings; without it, the request fails. `across` names errors after which another vendor is called, besides those
    that always lead there. With `images_may_leave` a refinement may go to another vendor, and with it the image.
    """

    retries: int = 1
    fallback_retries: int = 1
    total: float = 210.0
    fallback_timeout: float = 30.0
    backoff: float = 1.0
    longest_backoff: float = 8.0
    still_after: float = 8.0
    dead_model_falls_back: bool = True
    most_calls: int = 4
    across: tuple[type[ImageError], ...] = ()
    images_may_leave: bool = False

    def __post_init__(self) -> None:
        for name in ("total", "fallback_timeout", "still_after", "most_calls"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidRequest(f"invalid Policy({name}={getattr(self, name)})", "Pass a finite number above 0.")
        for name in ("retries", "fallback_retries", "backoff", "longest_backoff"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidRequest(f"invalid Policy({name}={getattr(self, name)})", "Pass a finite number from 0 up.")
        object.__setattr__(self, "across", tuple(self.across))
        for kind in self.across:
            if not isinstance(kind, type) or not issubclass(kind, ImageError):
                raise InvalidRequest(f"invalid Policy(across={kind!r})", "Name errors of omni_release.images.errors.")
            if issubclass(kind, ContentRefused | BudgetExceeded):
                raise InvalidRequest(
                    f"invalid Policy(across={kind.__name__})",
                    "Leave it out: what one vendor refuses, and what the budget does not allow, no other one is asked.",
                )

    def share(self, remaining: float, timeout: float, *, fallback_ahead: bool) -> float:
        """The part of the remaining time that a call may take: a fallback that may follow keeps its own share."""
        reserved = min(self.fallback_timeout, remaining / 2) if fallback_ahead else 0.0
        return max(0.0, min(timeout, remaining - reserved))

    def crosses(self, error: ImageError) -> bool:
        """Whether another vendor may be called after this error."""
        if isinstance(error, ContentRefused | BudgetExceeded):
            return False
        return isinstance(error, (Transient, QuotaSpent, CreditsExhausted, *self.across))

    def stays(self, error: ImageError) -> bool:
        """Whether another model of the same vendor may be called after this error."""
        return error.next is not Next.STOP and (self.dead_model_falls_back or not isinstance(error, ModelNotFound))


@dataclass(frozen=True)
class RetryState:
    """The state of a request: `calls` so far to this model, `remaining` seconds, the model's own `timeout`.

    `has_fallback`: another model may be called after this error; `across`: it is one of another vendor; `is_fresh`: of
    a vendor that was not called yet; `next_timeout` limits a call of it. `has_more`: further models are left after that
    one. `calls_left` may still be made by the policy. `total` is the deadline of the whole request, in seconds.
    """

    on_fallback: bool
    calls: int
    remaining: float
    timeout: float
    has_fallback: bool
    across: bool = False
    is_fresh: bool = False
    next_timeout: float = math.inf
    has_more: bool = False
    calls_left: int = 3
    total: float = math.inf


@dataclass(frozen=True)
class Decision:
    """What comes next and why: a call with a timeout of `timeout` seconds, after `wait` seconds."""

    next: Next
    why: str
    wait: float = 0.0
    timeout: float = 0.0


def next_model(
    policy: Policy, errors: Sequence[ImageError], current: int, untried: Sequence[int], vendors: Sequence[str]
) -> int | None:
    """The model to call after the `errors` of the `current` one, if no retry follows; None if there is none.

    After nothing but overloads, a model of another vendor comes first: those of one vendor fail at the same time.
    """
    error = errors[-1]
    own = [number for number in untried if vendors[number] == vendors[current] and policy.stays(error)]
    others = [number for number in untried if vendors[number] != vendors[current] and policy.crosses(error)]
    overloads = [isinstance(one, Overloaded | ServiceFault | RateLimited) for one in errors]
    is_down = len(errors) > 1 and all(overloads) and not all(isinstance(one, RateLimited) for one in errors)
    ordered = [*others, *own] if is_down else sorted((*others, *own))
    return ordered[0] if ordered else None


def decide(policy: Policy, error: ImageError, state: RetryState, jitter: Callable[[float], float]) -> Decision:
    """What follows this error: a pure function. `jitter(x)` draws evenly from 0 to x."""
    kind = type(error).__name__
    if isinstance(error, ModelNotFound) and state.has_fallback:
        return _fall_back(policy, state, f"{kind}: a retry cannot help", Next.FALL_BACK_LOUDLY)
    if isinstance(error, ModelNotFound) and not policy.dead_model_falls_back:
        return Decision(Next.STOP, f"{kind}: the policy does not allow a fallback for a dead name")
    if error.next is Next.STOP:
        if state.has_fallback and state.across and policy.crosses(error):
            return _fall_back(policy, state, f"{kind}: another vendor may answer", Next.FALL_BACK_LOUDLY)
        return Decision(Next.STOP, f"{kind}: another call would fail the same way")
    if not isinstance(error, Transient):
        return _fall_back(policy, state, f"{kind}: the model does not answer today")
    allowed = policy.fallback_retries if state.on_fallback else policy.retries
    if state.calls > allowed:
        return _fall_back(policy, state, f"{kind}: the policy allows {state.calls} calls")
    if state.on_fallback and state.is_fresh and state.calls_left == 1:
        return _fall_back(policy, state, f"{kind}: the last call is for a vendor that was not called yet")
    if state.calls_left < 1:
        return Decision(Next.STOP, f"{kind}: the policy allows {policy.most_calls} calls")
    wait = (error.delay or 0.0) + jitter(min(policy.longest_backoff, policy.backoff * 2 ** (state.calls - 1)))
    fallback_ahead = state.has_fallback and state.calls_left > 1
    timeout = policy.share(state.remaining - wait, state.timeout, fallback_ahead=fallback_ahead)
    if timeout < min(state.timeout, state.total) / 3:  # such a call would be cut off before it can answer
        return _fall_back(policy, state, f"{kind}: no time for a wait of {wait:.1f} s in {state.remaining:.1f} s")
    return Decision(Next.RETRY, f"{kind}: it may succeed in a moment", wait, timeout)


def _fall_back(policy: Policy, state: RetryState, why: str, how: Next = Next.FALL_BACK) -> Decision:
    if not state.has_fallback:
        return Decision(Next.STOP, f"{why}; no fallback model is left")
    if state.calls_left < 1:
        return Decision(Next.STOP, f"{why}; the policy allows {policy.most_calls} calls in all")
    timeout = policy.share(state.remaining, state.next_timeout, fallback_ahead=state.has_more and state.calls_left > 1)
    if timeout <= 0:
        return Decision(Next.STOP, f"{why}; no time is left")
    return Decision(how, why, 0.0, timeout)
