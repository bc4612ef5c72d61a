"""Whether the service answers for a model: called, at the lowest price."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
