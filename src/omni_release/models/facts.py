"""A model and its price, as the registry states them, and what they mean on a day."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

GEMINI_API = "gemini-api"

PLATFORMS = (
    GEMINI_API,
    "openai",
    "anthropic",
    "xai",
    "mistral",
    "cohere",
    "deepseek",
    "black-forest-labs",
    "stability",
    "vertex-ai",
    "azure",
    "bedrock",
)
"""The platforms of the built-in table. A name without its platform is looked up in this order."""


RESALE = ("vertex-ai", "azure", "bedrock")
"""The platforms that serve the models of other vendors, or under dates of their own."""


class Stage(enum.StrEnum):
    """How far a model's life has come. The value is the word of the data files.

    `LISTED`: a source lists the name and no more. `ROUTED`: another model answers for the name.
    `UNCONFIRMED`: the earliest date of its end has passed, and no source states that the end has come.
    `CONTESTED`: the sources disagree on whether it has ended. `ALIAS`: a name that moves to newer models by itself.
    `NEVER`: a source lists the name, and says that it was never a model.
    """

    STABLE = "stable"
    PREVIEW = "preview"
    LISTED = "listed"
    ALIAS = "alias"
    DEPRECATED = "deprecated"
    SCHEDULED = "scheduled"
    ROUTED = "routed"
    UNCONFIRMED = "unconfirmed"
    CONTESTED = "contested"
    SHUT_DOWN = "shut-down"
    NEVER = "never"


CURRENT = frozenset((Stage.STABLE, Stage.PREVIEW, Stage.LISTED))
"""The stages of a model to use: its end is not announced."""

GONE = frozenset((Stage.SHUT_DOWN, Stage.NEVER))


@dataclass(frozen=True)
class Introductory:
    """The prices in USD per million tokens up to the day `until`, which is the last."""

    until: datetime.date
    input: float
    text_output: float


@dataclass(frozen=True)
class Price:
    """Prices in USD per million tokens, None if unknown. `per_image` is in USD, by size ("1K", "low 1024x1024").

    `input` is for text. `second_hand`: read on pages that quote the source, not on the source itself.
    """

    input: float | None = None
    text_output: float | None = None
    image_output: float | None = None
    per_image: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    checked: datetime.date | None = None
    second_hand: bool = False
    cached_input: float | None = None
    image_input: float | None = None
    cached_image_input: float | None = None
    introductory: Introductory | None = None

    def on(self, day: datetime.date) -> Price:
        """The prices of this day."""
        first = self.introductory
        if first is None or day > first.until:
            return self
        return replace(self, input=first.input, text_output=first.text_output)


@dataclass(frozen=True)
class Claim:
    """What one source states of a contested end; None: no end."""

    end: datetime.date | None
    source: str

    def __str__(self) -> str:
        return f"{self.end or 'no date'} ({self.source})"


@dataclass(frozen=True)
class Model:
    """A model of the registry. `end` is the first day on which it no longer responds, or on which another one does.

    `stage` is the one that the source states; `stage_on` that of a day. `not_before` is a promise of the vendor's, not
    an end. `successors` are what the source recommends, the first one first. `first_hand` says what was read at the
    vendor itself: "yes" or "mirror" (a copy of the vendor's page), "date" (the end), "name", or "no".
    """

    name: str
    platform: str
    vendor: str
    kind: str
    stage: Stage
    source: str
    checked: datetime.date
    first_hand: str = "no"
    released: str = ""
    deprecated: datetime.date | None = None
    end: datetime.date | None = None
    not_before: datetime.date | None = None
    successors: tuple[str, ...] = ()
    contested: tuple[Claim, ...] = ()
    price: Price | None = None
    note: str = ""

    def stage_on(self, day: datetime.date) -> Stage:
        """The stage on this day, as far as is known."""
        if self.stage in (Stage.NEVER, Stage.CONTESTED) or self.end is None:
            return self.stage
        if day < self.end:
            announced = self.deprecated <= day if self.deprecated else self.stage is Stage.DEPRECATED
            return Stage.DEPRECATED if announced else Stage.SCHEDULED
        return self.stage if self.stage in (Stage.ROUTED, Stage.UNCONFIRMED) else Stage.SHUT_DOWN

    def lives(self, on: datetime.date) -> bool:
        """Whether it responds on this day, as far as is known."""
        return self.stage_on(on) not in GONE

    def is_current(self, on: datetime.date) -> bool:
        """Whether it responds, and no end of it is announced."""
        return self.stage_on(on) in CURRENT

    @property
    def shut_down(self) -> datetime.date | None:
        """The first day on which it no longer responds; None also where another model responds from then on."""
        return None if self.stage is Stage.ROUTED else self.end

    @property
    def end_is_first_hand(self) -> bool:
        """Whether the date of its end was read at the vendor itself."""
        return self.first_hand in ("yes", "mirror", "date")

    def phrase(self, on: datetime.date) -> str:
        """Its life span on this day, as a phrase without the name."""
        stage, end = self.stage_on(on), self.end
        if stage is Stage.SHUT_DOWN:
            return f"shut down {end}" if end else "shut down"
        if stage is Stage.ROUTED:
            return f"routed since {end or self.deprecated}" if end or self.deprecated else "routed"
        if stage is Stage.UNCONFIRMED:
            return f"earliest end {end} has passed, shutdown not confirmed"
        if stage is Stage.CONTESTED:
            return f"end contested: {'; '.join(map(str, self.contested)) or 'the sources disagree'}"
        if stage is Stage.NEVER:
            return "never a model"
        if stage is Stage.ALIAS:
            return "alias that moves to newer models"
        if end is not None and self.stage is Stage.ROUTED:
            return f"routed from {end}"
        if end is not None and self.stage is Stage.UNCONFIRMED:
            return f"{'deprecated, ' * (stage is Stage.DEPRECATED)}earliest end {end}"
        if end is not None:
            return f"{'deprecated, ' * (stage is Stage.DEPRECATED)}shuts down {end}"
        since = f" since {self.deprecated}" if stage is Stage.DEPRECATED and self.deprecated else ""
        return f"{stage}{since}, no shutdown date announced"
