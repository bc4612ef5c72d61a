"""`omni-release explain`: checks, steps and rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omni_release import lane_names
from omni_release.cli import explain, main
from omni_release.core import renamed
from tests.conftest import omni


def test_families_of_rules() -> None:
    """The rules that another program defines are shown as people write them."""
    page = explain.page(lane_names.every())
    shown = re.findall(r"^- `([^`]+)`: ", page, re.MULTILINE)
    assert {"wheel-contents/WNNN", "upload-rules/index-NAME"} < set(shown)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+(, [\w-]+)*", name) for name in shown)


def test_each_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each task of each lane, in each of its modes, has an explanation."""
    entries = explain.entries(lane_names.every())
    assert {"smoke-emulated", "smoke-live", "recorded-emulated"} <= set(entries)
    for id, entry in entries.items():
        assert main.main(["explain", id, "--project", str(tmp_path)]) == 0
        shown = capsys.readouterr().out
        assert f"{id} ({entry.task.kind}, {entry.task.stage})\n  {entry.task.title}\n" in shown
        assert ("Cannot be waived" in shown) is not entry.task.waivable
    assert main.main(["explain", "smoke-emulated", "--project", str(tmp_path)]) == 0
    assert "In smoke: needs distributions-match" in capsys.readouterr().out


def test_needs_differ_by_lane(tmp_path: Path) -> None:
    """What a task needs is shown for each lane: the audit needs no build."""
    shown = omni("explain", "bug-patterns", cwd=tmp_path).out
    assert "In rehearse: needs copy-source, project-valid\n  In gate, audit: needs nothing" in shown


def test_list(tmp_path: Path) -> None:
    """Without an ID all tasks are listed by stage; with --format json in one document."""
    shown = omni("explain", cwd=tmp_path).out
    stages = [line for line in shown.splitlines() if line and line[0] != " "]
    assert stages[:3] == ["Preflight", "Source", "Build"]
    tasks = omni("explain", "--format", "json", cwd=tmp_path).document["tasks"]
    assert {task["id"] for task in tasks} == set(explain.entries(lane_names.every()))
    assert all(f"  {task['id']} " in shown for task in tasks)


def test_json(tmp_path: Path) -> None:
    """With --format json stdout is one document."""
    document = omni("explain", "versions-agree", "--format", "json", cwd=tmp_path).document
    assert (document["id"], document["kind"], document["needs"]) == ("versions-agree", "check", [])
    assert {"rehearse", "gate", "version"} <= set(document["lanes"])


@pytest.mark.parametrize("id", ["silent-failures/BLE001", "BLE001"])
def test_rule(id: str, tmp_path: Path) -> None:
    """A rule is found with and without its check, and explained together with it."""
    shown = omni("explain", id, cwd=tmp_path).out
    assert shown.startswith("silent-failures/BLE001 (quality rule)\n")
    assert "\nsilent-failures (check, code)\n" in shown
    document = omni("explain", id, "--format", "json", cwd=tmp_path).document
    assert (document["id"], document["rule"]["id"]) == ("silent-failures", "BLE001")


def test_bug_pattern(tmp_path: Path) -> None:
    """A bug pattern is a rule of its check; its file is named."""
    shown = omni("explain", "bytes-as-text", cwd=tmp_path).out
    assert shown.startswith("bug-patterns/bytes-as-text (quality rule)\n  A bug pattern, defined in omni_release/code/")


def test_former_ids(tmp_path: Path) -> None:
    """A former id leads to today's, which exists."""
    ran = omni("explain", "failures-surface", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "`failures-surface` is now called `silent-failures`\n")
    assert ran.out.startswith("silent-failures (check, code)\n")
    entries = explain.entries(lane_names.every())
    assert set(renamed.TASKS.values()) <= set(entries)
    assert not set(renamed.TASKS) & set(entries)


def test_unknown(tmp_path: Path) -> None:
    """An unknown id gets the nearest one, and exit code 2."""
    ran = omni("explain", "versions-agre", cwd=tmp_path)
    assert (ran.code, "Did you mean `versions-agree`?" in ran.err) == (2, True)
