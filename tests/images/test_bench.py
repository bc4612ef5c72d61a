"""The claims of the bench hold in its short form, on its virtual clock."""

from __future__ import annotations

import asyncio

import pytest

from bench import resilience


def test_claims_hold() -> None:
    """Independent faults, 1,000 requests of two policies: the claims of bench/README.md hold."""

    async def work() -> dict[str, resilience.Sum]:
        names = ("the plan", "omni-release")
        return {name: await resilience.virtual(resilience.POLICIES[name], 1_000, 0.02, 0.0) for name in names}

    sums = asyncio.run(work())
    assert resilience.bounds(sums, independent=True, rare=True) == []
    assert sum(one.wasted for one in sums["the plan"].seen) > 0


@pytest.mark.parametrize("burst", resilience.ACROSS)
def test_claims_across_vendors_hold(burst: float) -> None:
    """Another vendor behind two models that fail together: 1,000 requests."""
    assert resilience.across_bounds(asyncio.run(resilience.across(1_000, burst)), burst) == []
