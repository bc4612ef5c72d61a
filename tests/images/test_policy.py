"""The retry policy: as a pure function, and on a virtual clock."""

from __future__ import annotations

import asyncio
import copy
import datetime
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_release.emulators import GeminiEmulator
from omni_release.images import Availability, Conversation, ImageRequest, ImageResult, ModelInfo, Policy
from omni_release.images import ResilientProvider as Resilient
from omni_release.images.errors import (
    BudgetExceeded,
    ConfigurationError,
    ContentRefused,
    CreditsExhausted,
    ImageError,
    InvalidRequest,
    ModelNotFound,
    Next,
    NoImage,
    Overloaded,
    QuotaSpent,
    RateLimited,
    RequestRejected,
    RetriesExhausted,
    TimedOut,
)
from omni_release.images.model import Part
from omni_release.images.retry_policy import RetryState, decide
from tests.images.conftest import FLASH, PRO, EventLog, run_request

FIRST = RetryState(on_fallback=False, calls=1, remaining=208.0, timeout=90.0, has_fallback=True)


def none(longest: float) -> float:
    """No jitter."""
    return 0.0


def whole(longest: float) -> float:
    """The longest jitter."""
    return longest


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Overloaded("busy"), Next.RETRY),
        (RateLimited("slow down", delay=48), Next.RETRY),
        (RateLimited("slow down", delay=160), Next.FALL_BACK),  # a call of 18 s would be cut off
        (QuotaSpent("none left"), Next.FALL_BACK),
        (ModelNotFound("gone", model=PRO), Next.FALL_BACK_LOUDLY),
        (ContentRefused("no", reason="IMAGE_SAFETY"), Next.STOP),
    ],
)
def test_first_failure(error: ImageError, expected: Next) -> None:
    """The type and the delay of the first error determine what follows."""
    assert decide(Policy(), error, FIRST, none).next is expected


def test_fallback_keeps_its_share_of_the_time() -> None:
    """90 + 90 + 30 fit in 210; a slow first call leaves less time for the second, never for the fallback."""
    policy = Policy()
    assert policy.share(210, 90, fallback_ahead=True) == 90
    after = decide(policy, TimedOut("slow"), RetryState(False, 1, 119.0, 90.0, True), none)
    assert (after.next, after.timeout) == (Next.RETRY, 89.0)
    assert decide(policy, TimedOut("slow"), RetryState(False, 2, 30.0, 90.0, True), none).timeout == 30.0


def test_jitter_is_full_and_bounded() -> None:
    """The wait is drawn from 0 to a bound that doubles, and is added to the requested delay."""
    policy = Policy(retries=9, backoff=1.0, longest_backoff=3.0)
    for calls, longest in ((1, 1.0), (2, 2.0), (3, 3.0), (4, 3.0)):
        at = RetryState(on_fallback=False, calls=calls, remaining=200, timeout=90, has_fallback=False)
        assert decide(policy, Overloaded("busy"), at, whole).wait == longest
        assert decide(policy, Overloaded("busy", delay=5), at, none).wait == 5


@pytest.mark.parametrize("field", ["total", "fallback_timeout", "backoff", "retries"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_invalid_policy(field: str, value: float) -> None:
    """The error names the invalid field."""
    with pytest.raises(InvalidRequest, match=field):
        Policy(**{field: value})  # type: ignore[arg-type]


# -- on a virtual clock ----------------------------------------------------------------------------------------------


class Virtual:
    """A clock that does not wait."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> datetime.datetime:
        return datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


RESULT = ImageResult("p", b"i", "image/png", 1, 1, PRO, PRO, "STOP", 1.0, 0.1, "usage", None)


class Scripted:
    """A provider whose calls take the given seconds, and end in the given error or an image."""

    def __init__(
        self, model: str, clock: Virtual, script: list[tuple[float, ImageError | None]], vendor: str = "gemini"
    ) -> None:
        self.model = model
        self.vendor = vendor
        self.timeout = 90.0 if model == PRO else 30.0
        self._clock = clock
        self._script = script
        self.given: list[float] = []
        self.unable = ""

    def limits(self, asked: ImageRequest | Conversation) -> tuple[str, ...]:
        if self.unable:
            raise InvalidRequest(self.unable)
        return ()

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        assert timeout is not None
        self.given.append(timeout)
        seconds, error = self._script.pop(0) if self._script else (1.0, None)
        await self._clock.sleep(min(seconds, timeout))
        if seconds > timeout:
            raise TimedOut(f"{self.model}: too slow")
        if error is not None:
            raise error
        return RESULT

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        return await self.generate(ImageRequest(instruction), timeout=timeout)

    async def models(self) -> tuple[ModelInfo, ...]:
        return ()

    async def probe(self, model: str | None = None) -> Availability:
        return Availability(self.model, True, "", "", "", 0.0)

    async def close(self) -> None:
        pass


OUTCOMES = st.tuples(
    st.floats(0, 400),
    st.sampled_from(
        [
            None,
            Overloaded("busy"),
            RateLimited("wait", delay=30),
            RateLimited("wait long", delay=300),
            QuotaSpent("none left"),
            ModelNotFound("gone", model=PRO),
            ContentRefused("no", reason="IMAGE_SAFETY"),
        ]
    ),
)


@settings(deadline=None)
@given(st.lists(OUTCOMES, max_size=6), st.lists(OUTCOMES, max_size=6), st.floats(0, 1))
def test_never_more_than_four_calls_nor_210_seconds(
    pro: list[tuple[float, ImageError | None]], flash: list[tuple[float, ImageError | None]], luck: float
) -> None:
    """For any outcomes there are at most 2 + 2 calls, within the deadline, and each is recorded."""
    clock = Virtual()
    primary, fallback = Scripted(PRO, clock, list(pro)), Scripted(FLASH, clock, list(flash))
    provider = Resilient(primary, fallback, clock=clock, jitter=lambda longest: longest * luck, log=EventLog())
    try:
        attempts = asyncio.run(provider.generate(ImageRequest("x"))).attempts
    except ImageError as error:
        attempts = error.attempts
    assert len(primary.given) <= 2
    assert len(fallback.given) <= 2
    assert len(attempts) == len(primary.given) + len(fallback.given)
    assert clock.time <= 210.001


def test_two_timeouts_leave_the_fallback_its_time() -> None:
    """After two calls that never end, the fallback still has its 30 s."""
    clock = Virtual()
    primary = Scripted(PRO, clock, [(999, None), (999, None)])
    fallback = Scripted(FLASH, clock, [(6, None)])
    result = asyncio.run(
        Resilient(primary, fallback, clock=clock, jitter=none, log=EventLog()).generate(ImageRequest("x"))
    )
    assert [a.came for a in result.attempts] == ["TimedOut", "TimedOut", "image"]
    assert fallback.given == [30.0]


def test_without_time_there_is_no_further_call() -> None:
    """A caller's shorter deadline applies."""
    clock = Virtual()
    primary = Scripted(PRO, clock, [(999, None)])
    with pytest.raises(RetriesExhausted):
        asyncio.run(
            Resilient(primary, clock=clock, jitter=none, log=EventLog()).generate(ImageRequest("x"), timeout=20)
        )
    assert clock.time == 20


def test_shorter_deadline_leaves_a_retry() -> None:
    """Whether a retry is worth its time depends on the request's own deadline, not on the provider's timeout."""
    clock = Virtual()
    primary = Scripted(PRO, clock, [(1.0, Overloaded("busy"))])
    provider = Resilient(primary, Scripted(FLASH, clock, []), clock=clock, jitter=none, log=EventLog())
    asyncio.run(provider.generate(ImageRequest("x"), timeout=20))
    assert primary.given == [10.0, 9.5]


def test_fallback_of_a_fallback_has_its_own_timeout() -> None:
    """The policy's limit is for a fallback of the primary's vendor alone."""
    clock = Virtual()
    spent: list[tuple[float, ImageError | None]] = [(1.0, copy.deepcopy(DAY))]
    others = [Scripted(OTHER, clock, spent, "openai"), Scripted("gpt-image-1.5", clock, [], "openai")]
    for other in others:
        other.timeout = 60.0
    primary = Scripted(PRO, clock, [(1.0, copy.deepcopy(DAY))])
    provider = Resilient(primary, others, clock=clock, jitter=none, log=EventLog())
    asyncio.run(provider.generate(ImageRequest("x")))
    assert [other.given for other in others] == [[60.0], [60.0]]


def test_two_providers_of_one_name() -> None:
    """The primary's errors are its own; a permanent failure is logged as one."""
    clock, log = Virtual(), EventLog()
    primary = Scripted(PRO, clock, [(1.0, copy.deepcopy(EMPTY))])
    second = Scripted(PRO, clock, [(1.0, copy.deepcopy(BUSY))], "gateway")
    provider = Resilient(primary, second, clock=clock, jitter=none, log=log)
    result = asyncio.run(provider.generate(ImageRequest("x")))
    assert f"{PRO} made no image (CreditsExhausted)" in result.warnings[0]
    assert [event for level, event, _ in log.events if level == "error"] == ["image call failed permanently"]


def test_daily_quota_is_not_transient(emulator: GeminiEmulator) -> None:
    """If all errors are quotas, the error is the quota's, which does not suggest a retry."""
    for script, calls in (("429-day", 1), ("429-day times=2", 2)):
        outcome = run_request(emulator, script, fallback=calls == 2)
        assert type(outcome.error) is QuotaSpent
        assert len(outcome.error.attempts) == calls
        assert "midnight" in outcome.error.hint


def test_nested_resilient_provider() -> None:
    """It is refused: it would multiply the calls."""
    inner = Resilient(Scripted(PRO, Virtual(), []), log=EventLog())
    with pytest.raises(InvalidRequest, match="over another one"):
        Resilient(inner, log=EventLog())


# -- several vendors -------------------------------------------------------------------------------------------------

OTHER = "gpt-image-2"
BUSY, SLOW, LIMIT = Overloaded("busy"), TimedOut("slow"), RateLimited("wait")
EMPTY, KEY = CreditsExhausted("empty", "Add credits."), ConfigurationError("bad key", "Set it.")
GONE, BAD = ModelNotFound("gone", model=PRO), RequestRejected("bad", "Fix it.")
REFUSED = ContentRefused("no", reason="IMAGE_SAFETY")
TEXT = NoImage("text alone", reason="STOP")
DEAR = BudgetExceeded("too dear")
DAY = QuotaSpent("none left")


def answered_by(
    pro: list[ImageError], flash: list[ImageError], other: list[ImageError], policy: Policy | None = None
) -> tuple[ImageResult | ImageError, str]:
    """The outcome, and the models called, as letters: pro, flash, the other vendor's."""
    clock = Virtual()
    providers = [
        Scripted(model, clock, [*((1.0, error) for error in errors)], vendor)
        for model, errors, vendor in ((PRO, pro, "gemini"), (FLASH, flash, "gemini"), (OTHER, other, "openai"))
    ]
    first, *fallbacks = providers
    provider = Resilient(first, fallbacks, policy, clock=clock, jitter=none, log=EventLog())
    came: ImageResult | ImageError
    try:
        came = asyncio.run(provider.generate(ImageRequest("x")))
    except ImageError as error:
        came = error
    letters = {PRO: "p", FLASH: "f", OTHER: "o"}
    return came, "".join(letters[attempt.model] for attempt in came.attempts)


ACROSS = [
    # the errors of each model, the models called, what is raised (None: an image)
    ([BUSY], [], [], "pp", None),
    ([BUSY, BUSY], [], [], "ppo", None),  # the same vendor's fallback is skipped
    ([BUSY, LIMIT], [], [BUSY], "ppoo", None),  # the other vendor may be called twice
    ([BUSY, BUSY], [], [BUSY, BUSY], "ppoo", RetriesExhausted),
    ([LIMIT, LIMIT], [], [], "ppf", None),  # a rate limit is one of the model alone
    ([SLOW, SLOW], [BUSY], [], "ppfo", None),  # the last call is for another vendor
    ([SLOW, SLOW], [BUSY], [BUSY], "ppfo", RetriesExhausted),
    ([DAY], [DAY], [], "pfo", None),
    ([DAY], [DAY], [DAY], "pfo", QuotaSpent),
    ([EMPTY], [], [], "po", None),
    ([EMPTY], [], [BUSY], "poo", None),
    ([EMPTY], [], [EMPTY], "po", CreditsExhausted),
    ([BUSY, EMPTY], [], [], "ppo", None),
    ([GONE], [], [], "pf", None),  # loudly, as without another vendor
    ([GONE], [GONE], [], "pf", ModelNotFound),
    ([GONE], [EMPTY], [], "pfo", None),
    ([KEY], [], [], "p", ConfigurationError),
    ([BAD], [], [], "p", RequestRejected),
    ([TEXT], [], [], "p", NoImage),
    ([DEAR], [], [], "p", BudgetExceeded),
    ([REFUSED], [], [], "p", ContentRefused),
    ([BUSY, REFUSED], [], [], "pp", ContentRefused),
    ([BUSY, BUSY], [], [REFUSED], "ppo", ContentRefused),
    ([BUSY, BUSY], [], [KEY], "ppo", ConfigurationError),
]


@pytest.mark.parametrize(("pro", "flash", "other", "calls", "raised"), ACROSS)
def test_another_vendor(
    pro: list[ImageError], flash: list[ImageError], other: list[ImageError], calls: str, raised: type | None
) -> None:
    """Which errors lead to another vendor, and in which order."""
    came, called = answered_by(*copy.deepcopy((pro, flash, other)))
    assert called == calls
    if raised is not None:
        assert type(came) is raised
        return
    assert isinstance(came, ImageResult)
    assert any("empty. Add credits." in said for said in came.warnings) == (EMPTY in [*pro, *flash])
    assert [attempt.vendor for attempt in came.attempts][-1] == ("openai" if calls.endswith("o") else "gemini")
    if calls.endswith("o"):
        assert any(f"{OTHER} of openai made this one" in said for said in came.warnings)


@pytest.mark.parametrize(
    ("error", "across", "calls"),
    [
        (GONE, (ModelNotFound,), "p"),  # the order is the caller's: the vendor's own fallback comes first
        (KEY, (ConfigurationError,), "po"),
        (BAD, (RequestRejected,), "po"),
        (BAD, (ConfigurationError,), "p"),
        (TEXT, (NoImage,), "po"),
        (REFUSED, (NoImage,), "p"),
        (REFUSED, (ImageError,), "p"),
        (DEAR, (ImageError,), "p"),
    ],
)
def test_errors_that_the_policy_names(error: ImageError, across: tuple[type[ImageError], ...], calls: str) -> None:
    """They lead to another vendor, with a warning; a refusal and the budget never do."""
    came, called = answered_by(*copy.deepcopy(([error], [], [])), Policy(across=across))
    assert called == (calls if error is not GONE else "pf")
    if calls == "po":
        assert isinstance(came, ImageResult)
        assert any(error.message in said for said in came.warnings)


def test_dead_name_across() -> None:
    """With dead_model_falls_back=False it fails, unless the policy names it for another vendor."""
    for policy, calls in (
        (Policy(dead_model_falls_back=False), "p"),
        (Policy(dead_model_falls_back=False, across=(ModelNotFound,)), "po"),
    ):
        assert answered_by([copy.deepcopy(GONE)], [], [], policy)[1] == calls


@pytest.mark.parametrize("kind", [ContentRefused, BudgetExceeded, ValueError, "RateLimited"])
def test_invalid_across(kind: Any) -> None:
    """A policy that asks for what is never done is refused."""
    with pytest.raises(InvalidRequest, match="across"):
        Policy(across=(kind,))


def test_fallback_that_is_unable() -> None:
    """A model that cannot make what is asked for is not called; that is known before a call, and said at the end."""
    clock = Virtual()
    pro = Scripted(PRO, clock, [(1.0, BUSY)] * 2)
    other = Scripted(OTHER, clock, [], "openai")
    other.unable = "no such ratio"
    provider = Resilient(pro, other, clock=clock, jitter=none, log=EventLog())
    said = f"{OTHER} cannot stand in for {PRO}: no such ratio"
    assert provider.limits(ImageRequest("x")) == (said,)
    with pytest.raises(RetriesExhausted) as raised:
        asyncio.run(provider.generate(ImageRequest("x")))
    assert said in raised.value.message
    assert other.given == []


@pytest.mark.parametrize(
    ("maker", "may_leave", "errors", "calls"),
    [
        ("gemini", False, [BUSY, BUSY], "ppff"),
        ("gemini", True, [BUSY, BUSY], "ppo"),
        ("", False, [BUSY, BUSY], "ppff"),
        ("openai", False, [], "o"),  # the image stays where it was made
        ("openai", True, [], "p"),
        ("elsewhere", False, [], ""),
    ],
)
def test_refinement_across_vendors(maker: str, may_leave: bool, errors: list[ImageError], calls: str) -> None:
    """An image leaves the vendor that made it only where the policy allows it."""
    clock = Virtual()
    pro, flash = Scripted(PRO, clock, [(1.0, e) for e in errors]), Scripted(FLASH, clock, [(1.0, BUSY)] * 2)
    other = Scripted(OTHER, clock, [], "openai")
    provider = Resilient(
        pro, [flash, other], Policy(images_may_leave=may_leave), clock=clock, jitter=none, log=EventLog()
    )
    made = replace(RESULT, vendor=maker, parts=(Part(image=b"i"),))
    conversation = Conversation.start(ImageRequest("x"), made)
    try:
        attempts = asyncio.run(provider.refine(conversation, "bluer")).attempts
    except InvalidRequest as error:
        assert "images_may_leave" in error.hint and maker in error.message
        attempts = ()
    except RetriesExhausted as error:
        assert "may not leave gemini" in error.message
        attempts = error.attempts
    letters = {PRO: "p", FLASH: "f", OTHER: "o"}
    assert "".join(letters[attempt.model] for attempt in attempts) == calls
