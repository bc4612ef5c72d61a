"""The registry: its facts, its written forms, and what a stage means on a day."""

from __future__ import annotations

import csv
import os
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from omni_release import models
from omni_release.core.settings import Settings
from omni_release.models.facts import GONE, PLATFORMS, Claim, Introductory, Model, Price, Stage

EVIDENCE = Path(os.environ.get("OMNI_RELEASE_EVIDENCE", Path(__file__).parents[3] / "shared/evidence/gemini")).parent
TABLE = EVIDENCE / "models" / "models.csv"
TODAY = date(2026, 11, 26)
REGISTRY = models.builtin()
PLATFORM = {"google-gemini-api": "gemini-api", "google-vertex-ai": "vertex-ai", "aws-bedrock": "bedrock"}
STAGES = {
    "stable; not before": "stable",
    "listed, no date": "listed",
    "unknown": "listed",
    "shut-down?": "unconfirmed",
    "routed-from": "routed",
    "never-existed": "never",
}


@pytest.mark.skipif(not TABLE.is_file(), reason="the collected facts are not at hand: set OMNI_RELEASE_EVIDENCE")
def test_table_has_the_collected_facts() -> None:
    """Each collected name has its kind, stage, dates and hand; the dates of first-hand rows are the same exactly."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(REGISTRY.models)
    for row in rows:
        model = REGISTRY.models[PLATFORM.get(row["vendor"], row["vendor"]), row["model"]]
        end = model.not_before if row["stage"] == "stable; not before" else model.end
        facts = (model.kind, model.stage, str(end or ""), model.released, model.first_hand)
        stage = STAGES.get(row["stage"], row["stage"])
        assert facts == (row["kind"], stage, row["shutdown"], row["released"], row["first_hand"]), model.name
        assert model.source == row["source"]
        assert all(heir in row["replacement"] for heir in model.successors)
        assert bool(model.successors) == bool(row["replacement"])


def test_each_fact_has_its_source() -> None:
    """Each row has a source and its day; a price says whether it was read at the vendor."""
    for model in REGISTRY.models.values():
        assert model.source and date(2026, 1, 1) <= model.checked <= date(2026, 12, 31), model.name
        assert model.stage not in GONE or model.end is None or model.end <= TODAY, f"{model.name}: not yet gone"
        assert model.stage is not Stage.UNCONFIRMED or model.end
        if model.price:
            assert model.price.source and model.price.checked, model.name
        assert model.stage is not Stage.ROUTED or model.successors


def test_data_files_are_sorted_with_one_model_a_line() -> None:
    """A change of a fact is a change of one line."""
    for platform in PLATFORMS:
        lines = (Path(models.__file__).parent / "data" / f"{platform}.json").read_text(encoding="utf-8").splitlines()
        names = [found[1] for line in lines if (found := re.match(r'    \{"name": "([^"]+)"', line))]
        assert names == sorted(names) == [model.name for model in REGISTRY.of_platform(platform)]


@pytest.mark.parametrize(
    ("name", "phrase", "heir"),
    [
        ("gemini-2.0-flash", "shut down 2026-06-01", "gemini-3.6-flash"),
        ("imagen-3.0-generate-002", "shut down 2025-11-10", "gemini-nano-banana-2.1"),  # by way of imagen-4.0
        ("gemini-3.1-flash-image", "deprecated since 2026-10-06, no shutdown date announced", "gemini-nano-banana-2.1"),
        ("gemini-3.5-flash", "routed since 2026-10-08", "gemini-3.6-flash"),
        ("gemini-2.5-pro", "routed from 2026-12-01", "gemini-3.8-flash"),
        ("grok-imagine-image-quality", "routed since 2026-11-02", "grok-imagine-image-2.0"),
        (
            "veo-3.1-generate-preview",
            "earliest end 2026-10-22 has passed, shutdown not confirmed",
            "gemini-omni-1.2-flash",
        ),
        ("gpt-5.1-mini", "never a model", None),
        ("gpt-4o", "deprecated, shuts down 2027-01-14", "gpt-6-luna"),
        ("code-davinci-edit-001", "shut down 2024-01-04", "gpt-6-luna"),  # by way of gpt-4o, which is deprecated
        ("gemini-2.5-flash-image", "shuts down 2027-03-15", "gemini-3.1-flash-lite-image"),
        ("gemini-3-pro-image", "stable, no shutdown date announced", None),
        ("claude-haiku-4-5", "stable, no shutdown date announced", None),
        ("gemini-flash-latest", "alias that moves to newer models", None),
        # Written forms.
        ("models/gemini-2.0-flash:generateContent", "shut down 2026-06-01", "gemini-3.6-flash"),
        ("openrouter/openai/gpt-4o", "deprecated, shuts down 2027-01-14", "gpt-6-luna"),
        ("~openai/gpt-5-mini", "deprecated, shuts down 2026-12-11", "gpt-6.1-terra"),
        ("google_genai:gemini-2.0-flash", "shut down 2026-06-01", "gemini-3.6-flash"),
        ("google-vertex:gemini-2.5-flash", "shut down 2026-10-20", "gemini-3.8-flash"),
        ("vertex_ai/text-embedding-004", "shuts down 2027-04-01", None),
        ("publishers/google/models/gemini-3.6-flash", "shut down 2026-11-19", "gemini-3.8-flash"),
        ("ft:gpt-4o-2024-08-06:org::id", "deprecated, shuts down 2027-01-14", "gpt-6-luna"),
        ("anthropic/claude-sonnet-4.5", "deprecated, shuts down 2026-11-30", "claude-sonnet-5-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "deprecated, shuts down 2027-04-08", None),
        ("bedrock/amazon.nova-canvas-v1:0", "shut down 2026-09-30", None),
        ("azure/gpt-image-1.5", "shuts down 2026-12-16", "gpt-image-2"),
    ],
)
def test_stage_and_successor(name: str, phrase: str, heir: str | None) -> None:
    """Each stage has its phrase, each written form its platform's dates, each chain its living end."""
    model = REGISTRY.find(name)
    assert model is not None
    assert (model.phrase(TODAY), REGISTRY.successor(name, TODAY)) == (phrase, heir)


@pytest.mark.parametrize(
    ("name", "nearest", "relatives_gone", "elsewhere"),
    [
        ("gemini-3.0-pro-image", "gemini-3-pro-image", False, None),
        ("gemini-2.0-flash-002", None, True, "gemini-2.0-flash"),
        ("gemini-2.0-ultra-exp", None, True, None),
        ("gpt-5-mega", None, False, None),
        ("azure/gpt-4o", "gpt-4o", False, "gpt-4o"),
        ("claude-sonnet-4@20250514", None, False, "claude-sonnet-4-20250514"),
        ("eu.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5-20251101", False, "claude-opus-4-5-20251101"),
        ("acme-1", None, False, None),
        ("zai-glm-5-3", None, False, None),  # the successor of a dead one
    ],
)
def test_unknown_name(name: str, nearest: str | None, relatives_gone: bool, elsewhere: str | None) -> None:
    """An unknown name never reads as fine: it has its nearest ones, its relatives, or the same name elsewhere."""
    assert REGISTRY.find(name) is None
    unknown = REGISTRY.unknown(name, TODAY)
    assert (unknown.nearest[0] if unknown.nearest else None) == nearest
    assert unknown.relatives_are_gone(TODAY) is relatives_gone
    assert (unknown.elsewhere.name if unknown.elsewhere else None) == elsewhere


def test_contested_end_has_both_values() -> None:
    """What the sources disagree about is kept with each of them."""
    contested = {model.name for model in REGISTRY.models.values() if model.contested}
    assert {
        "gemini-3.1-flash-image",
        "gemini-omni-flash-preview",
        "gpt-4-1106-preview",
        "claude-mythos-preview",
    } < contested
    model = REGISTRY.find("gpt-4-1106-preview")
    assert model is not None
    assert [claim.end for claim in model.contested] == [date(2026, 10, 23), date(2026, 3, 26)]


@pytest.mark.parametrize(
    ("stage", "before", "after"),
    [
        (Stage.SHUT_DOWN, "scheduled", "shut-down"),
        (Stage.DEPRECATED, "deprecated", "shut-down"),
        (Stage.SCHEDULED, "scheduled", "shut-down"),
        (Stage.ROUTED, "scheduled", "routed"),
        (Stage.UNCONFIRMED, "scheduled", "unconfirmed"),
        (Stage.CONTESTED, "contested", "contested"),
    ],
)
def test_stage_on_a_day(stage: Stage, before: str, after: str) -> None:
    """The end is the first day on which a model does not respond."""
    end = date(2026, 6, 1)
    model = Model("m", "openai", "openai", "text", stage, "s", TODAY, end=end, contested=(Claim(end, "s"),))
    assert (model.stage_on(end - timedelta(days=1)), model.stage_on(end)) == (before, after)


def test_introductory_price() -> None:
    """A price that ends holds through its last day."""
    price = Price(input=4.0, text_output=20.0, introductory=Introductory(date(2026, 11, 30), 2.0, 10.0))
    assert price.on(date(2026, 11, 30)).input == 2.0
    assert price.on(date(2026, 12, 1)).text_output == 20.0


def test_age_of_the_table() -> None:
    """A platform's facts are old from 61 days after its newest source on."""
    read = REGISTRY.platforms["openai"].read
    assert not REGISTRY.stale("openai", read + timedelta(days=60))
    assert REGISTRY.stale("openai", read + timedelta(days=61))


def test_default_models_live() -> None:
    """Neither default is deprecated, or ends within 60 days of the table's newest source; each size has a price."""
    newest = max(platform.read for platform in REGISTRY.platforms.values())
    for name in (Settings().image_model, Settings().image_fallback_model):
        model = REGISTRY.find(name)
        assert model is not None and model.is_current(newest), f"{name}: {model and model.phrase(newest)}"
        assert model.price is not None and {"1K", "2K", "4K"} <= set(model.price.per_image)
