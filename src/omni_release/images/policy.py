"""What is done after a failed call: a pure function of the error's type, of what was tried, and of the time left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from omni_release.images.errors import ImageError, InvalidRequest, Next, Transient


@dataclass(frozen=True)
class Policy:
    """How often, how long, and what a dead name means. All times in seconds.

    `total` is the deadline of a whole request, all calls and waits in it; 90 + 90 + 30 fit. `backoff` is the longest
    wait before a first retry (it doubles, up to `longest_backoff`); the wait is drawn evenly between 0 and it, so that
    many callers do not come back at once. `dead_model_falls_back`: a fallback after a 404 succeeds with warnings; set
    to False, the request fails in its place.
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
                raise InvalidRequest(
                    f"Policy({name}={getattr(self, name)})", "Give a finite number of seconds above 0."
                )
        for name in ("retries", "fallback_retries", "backoff", "longest_backoff"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidRequest(f"Policy({name}={getattr(self, name)})", "Give a finite number, 0 or above.")

    def share(self, remaining: float, timeout: float, *, fallback_ahead: bool) -> float:
        """What a call may take of the time that remains: a fallback that may follow keeps its own share."""
        kept = min(self.fallback_timeout, remaining / 2) if fallback_ahead else 0.0
        return max(0.0, min(timeout, remaining - kept))


@dataclass(frozen=True)
class RetryState:
    """Where a request stands: `calls` so far to this model, `remaining` seconds, the model's own `timeout`."""

    on_fallback: bool
    calls: int
    remaining: float
    timeout: float
    has_fallback: bool


@dataclass(frozen=True)
class Decision:
    """What comes next: after `wait` seconds, a call that may take `timeout` seconds."""

    next: Next
    why: str
    wait: float = 0.0
    timeout: float = 0.0


def decide(policy: Policy, error: ImageError, at: RetryState, jitter: Callable[[float], float]) -> Decision:
    """What is done after this error. `jitter(x)` draws evenly from 0 to x."""
    kind = type(error).__name__
    if error.next is Next.STOP:
        return Decision(Next.STOP, f"{kind}: another call would come to the same")
    if error.next is Next.FALL_BACK_LOUDLY:
        if not policy.dead_model_falls_back:
            return Decision(Next.STOP, f"{kind}: the settings say that a dead name fails")
        return _fallback(policy, at, f"{kind}: no retry brings a name back", Next.FALL_BACK_LOUDLY)
    if error.next is Next.FALL_BACK:
        return _fallback(policy, at, f"{kind}: it does not answer today")
    assert isinstance(error, Transient)
    allowed = policy.fallback_retries if at.on_fallback else policy.retries
    if at.calls > allowed:
        return _fallback(policy, at, f"{kind}, and {at.calls} calls are what the policy allows")
    wait = (error.delay or 0.0) + jitter(min(policy.longest_backoff, policy.backoff * 2 ** (at.calls - 1)))
    ahead = at.has_fallback and not at.on_fallback
    timeout = policy.share(at.remaining - wait, at.timeout, fallback_ahead=ahead)
    if timeout < min(at.timeout, policy.total) / 3:  # a call that is cut off before it can answer is a call wasted
        return _fallback(policy, at, f"{kind}, and a wait of {wait:.1f} s does not fit in {at.remaining:.1f} s")
    return Decision(Next.RETRY, f"{kind}: it may work in a moment", wait, timeout)


def _fallback(policy: Policy, at: RetryState, why: str, how: Next = Next.FALL_BACK) -> Decision:
    if at.on_fallback or not at.has_fallback:
        return Decision(Next.STOP, f"{why}; there is no further model")
    timeout = min(policy.fallback_timeout, at.remaining)
    if timeout <= 0:
        return Decision(Next.STOP, f"{why}; no time is left")
    return Decision(how, why, 0.0, timeout)
