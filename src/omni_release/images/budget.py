"""A budget for a run: asked before each call, so that it stops BEFORE the call that would exceed it."""

from __future__ import annotations

import math

from omni_release.images.errors import BudgetExceeded, InvalidRequest


class Budget:
    """USD that a run may spend, shared by all providers that it is handed to; used from one event loop.

    A call reserves its estimate and settles with what it cost. A call that was cut off may have been billed: its
    reservation stays spent.
    """

    def __init__(self, usd: float) -> None:
        if not 0 < usd < math.inf:
            raise InvalidRequest(f"a budget of {usd} USD", "Give it a number above 0.")
        self.usd = usd
        self.spent = 0.0
        self._reserved = 0.0

    @property
    def left(self) -> float:
        """What is neither spent nor reserved, in USD."""
        return self.usd - self.spent - self._reserved

    def reserve(self, model: str, estimate: float | None) -> float:
        """Set an estimate aside. Raises BudgetExceeded where it does not fit, or cannot be made."""
        if estimate is None:
            raise BudgetExceeded(
                f"{model}: no price is known, so the budget of ${self.usd:.2f} cannot be kept",
                "Name a model whose price stands in models.toml, or set no budget.",
            )
        if estimate > self.left + 1e-9:
            raise BudgetExceeded(
                f"{model}: the next image costs up to ${estimate:.3f}, and ${max(self.left, 0):.3f} of the budget of "
                f"${self.usd:.2f} are left; it was not asked for",
                "Raise the budget, or ask for fewer or smaller images.",
            )
        self._reserved += estimate
        return estimate

    def settle(self, reserved: float, cost: float) -> None:
        """Give a reservation back, and book what the call cost."""
        self._reserved -= reserved
        self.spent += cost
