"""Former names: each place where a project writes a name takes the former one for today's."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from omni_release import checklists, lane_names, lanes, project
from omni_release.checklists import sign_offs
from omni_release.cli import main
from omni_release.core import baseline, renamed, settings_reference, severity, waivers
from omni_release.core.errors import SettingsError
from omni_release.core.fingerprints import Fingerprint
from omni_release.core.model import Finding, Outcome, Project, Severity, Status
from omni_release.core.settings import Settings, SeverityLevel
from omni_release.project import former_names

PROJECT = '[project]\nname = "acme"\nversion = "1.0"\n'


@pytest.fixture(autouse=True)
def renamed_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed rule and renamed settings, beside the renamed checks that there are."""
    monkeypatch.setattr(renamed, "RULES", {"silent-failures/SWALLOWED": "silent-failures/S110"})
    monkeypatch.setattr(renamed, "SETTINGS", {"publish.index-timeout": "listing-timeout", "runs-kept": "keep-runs"})


@pytest.mark.parametrize(
    ("former", "today"),
    [
        ("failures-surface", "silent-failures"),
        ("failures-surface/BLE001", "silent-failures/BLE001"),
        ("failures-surface/SWALLOWED", "silent-failures/S110"),
        ("silent-failures/SWALLOWED", "silent-failures/S110"),
        ("SWALLOWED", "S110"),
        ("silent-failures", "silent-failures"),
        ("mine/tried", "mine/tried"),
        ("", ""),
    ],
)
def test_names(former: str, today: str) -> None:
    """A check, a rule of a renamed check, a renamed rule with its check and alone; all others stay."""
    assert renamed.current(former) == today


def test_no_name_is_given_again() -> None:
    """A former name is no name of today, and leads to one."""
    tasks = {task.id for lane in lane_names.every() for task in lane.tasks}
    assert set(renamed.TASKS.values()) <= tasks
    assert not set(renamed.TASKS) & tasks


def read(root: Path, settings: str) -> Project:
    (root / "pyproject.toml").write_text(f"{PROJECT}{settings}", encoding="utf-8")
    return project.load(root)


@pytest.mark.parametrize("name", ["failures-surface", "failures-surface/BLE001", "SWALLOWED"])
def test_waivers_and_severity(name: str, tmp_path: Path) -> None:
    """The settings are valid, and have today's name."""
    waiver = f'[[tool.omni-release.waiver]]\ncheck = "{name}"\nreason = "x"\nuntil = 2999-01-01\n'
    level = f'[tool.omni-release.severity]\n"{name}" = "error"\n'
    found = read(tmp_path, waiver + level)
    lane_names.validate(lanes.lane("gate"), found)
    assert [waiver.check for waiver in found.settings.waiver] == [renamed.current(name)]
    assert found.settings.severity == {renamed.current(name): SeverityLevel("error")}


def test_both_names(tmp_path: Path) -> None:
    """Of a level under both names, that of today's counts, in either order."""
    lines = ['failures-surface = "error"', 'silent-failures = "warning"']
    for order in (lines, lines[::-1]):
        found = read(tmp_path, "\n".join(("[tool.omni-release.severity]", *order, "")))
        assert found.settings.severity == {"silent-failures": SeverityLevel("warning")}


def test_comment(tmp_path: Path) -> None:
    """A comment with a waiver may have the former name."""
    comment = "# omni-release: allow failures-surface/SWALLOWED until 2999-01-01 because it is meant"
    (tmp_path / "a.py").write_text(f"pass  {comment}\n", encoding="utf-8")
    finding = Finding("x", "silent-failures/S110", Severity.ERROR, "a.py", 1)
    (waiver,) = waivers._in_comment(finding, read(tmp_path, ""))
    assert waiver.check == "silent-failures/S110"


def test_baseline(tmp_path: Path) -> None:
    """An entry of the baseline is that of today's rule."""
    entry = {"rule": "failures-surface/SWALLOWED", "path": "a.py", "inside": "f", "hash": "0", "number": 1}
    names = {field.name for field in dataclasses.fields(Fingerprint)}
    content = {"version": 1, "findings": [{name: entry.get(name, "") for name in names} | {"number": 1}]}
    (tmp_path / baseline.FILE).write_text(json.dumps(content), encoding="utf-8")
    assert [one.rule for one in baseline.read(tmp_path).entries] == ["silent-failures/S110"]


def test_checklists(tmp_path: Path) -> None:
    """An item may name its check by a former id, and a sign-off in a file its task."""
    (tmp_path / "checklists" / "signed").mkdir(parents=True)
    item = '[[item]]\nid = "x"\nsays = "x"\ncheck = "failures-surface"\n'
    (tmp_path / "checklists" / "mine.toml").write_text(item, encoding="utf-8")
    signed = (
        '[[sign-off]]\nitem = "live-smoke-stands"\nwho = "Ada"\nreason = "x"\n'
        "when = 2026-01-01T00:00:00Z\nversion = '1.0'\n"
    )
    (tmp_path / "checklists" / "signed" / "1.0.toml").write_text(signed, encoding="utf-8")
    assert [item.check for one in checklists.read(tmp_path) for item in one.items] == ["silent-failures"]
    committed, problems = sign_offs.read_committed(tmp_path)
    assert ([one.sign_off.id for one in committed], problems) == (["live-evidence"], ())


@pytest.mark.parametrize(
    ("settings", "value"),
    [
        ("[tool.omni-release.publish]\nindex-timeout = 7\n", lambda s: s.publish.listing_timeout == 7),
        ("[tool.omni-release.publish]\nindex_timeout = 7\n", lambda s: s.publish.listing_timeout == 7),
        ("[tool.omni-release]\nruns-kept = 7\n", lambda s: s.keep_runs == 7),
    ],
)
def test_keys(settings: str, value: Callable[[Settings], bool], tmp_path: Path) -> None:
    """A former name of a key, in either spelling, is that key."""
    assert value(read(tmp_path, settings).settings)


def test_key_under_both_names(tmp_path: Path) -> None:
    """A key that is given under both names is an error, with the line of the second one."""
    with pytest.raises(SettingsError, match=r"pyproject\.toml:6: .* is given twice"):
        read(tmp_path, "[tool.omni-release]\nkeep-runs = 7\nruns-kept = 8\n")


def test_schema_of_the_settings() -> None:
    """An editor knows a former name of a key, and which one it is now."""
    properties = settings_reference.json_schema()["properties"]
    assert properties["runs-kept"]["description"] == "former name of keep-runs"
    assert properties["publish"]["properties"]["index-timeout"]["type"] == "number"


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--only` and `explain` take a former id."""
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    here = ("--project", str(tmp_path), "--format", "json")
    main.main(["gate", "--only", "checklists-are-valid", "--dry-run", *here])
    assert [outcome["id"] for outcome in json.loads(capsys.readouterr().out)["outcomes"]] == ["checklists-valid"]
    assert main.main(["explain", "packages-are-alive/deprecated-import", *here]) == 0


def test_severity_names_are_known() -> None:
    """Today's names are those that the settings can have."""
    tasks = [task for lane in lane_names.every() for task in lane.tasks]
    assert "silent\\-failures" in {name.pattern for name in severity.names(tasks)}


FILES = {
    "pyproject.toml": f"""{PROJECT}
[tool.omni-release]
runs-kept = 7
[tool.omni-release.publish]
index-timeout = 7
[tool.omni-release.severity]
failures-surface = "warning"
[[tool.omni-release.waiver]]
check = "SWALLOWED"
reason = "x"
until = 2999-01-01
""",
    baseline.FILE: json.dumps({"version": 1, "findings": [{"rule": "failures-surface/BLE001"}] * 2}),
    "checklists/mine.toml": '[[item]]\nid = "x"\nsays = "x"\ncheck = "packages-are-alive"\n',
    "checklists/signed/1.0.toml": '[[sign-off]]\nitem = "live-smoke-stands"\n',
}


def test_notices_of_files(tmp_path: Path) -> None:
    """Each place of a former name in a file is named, with today's; none of them is an error."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    text = FILES["pyproject.toml"]
    found = list(former_names.find(tmp_path, tomllib.loads(text), text))
    assert {finding.severity for finding in found} == {Severity.WARNING}
    assert [(finding.where, finding.message.replace(" is now called ", " ")) for finding in found] == [
        ("pyproject.toml:6", "`runs-kept` `keep-runs`"),
        ("pyproject.toml:8", "`index-timeout` `listing-timeout`"),
        ("pyproject.toml:10", "`failures-surface` `silent-failures`"),
        ("pyproject.toml:12", "`SWALLOWED` `S110`"),
        (
            baseline.FILE,
            "`failures-surface/BLE001` `silent-failures/BLE001`: `omni-release baseline --update` writes that",
        ),
        ("checklists/mine.toml:4", "`packages-are-alive` `abandoned-packages`"),
        ("checklists/signed/1.0.toml:2", "`live-smoke-stands` `live-evidence`"),
    ]


def test_notice_of_a_comment(tmp_path: Path) -> None:
    """A waiver in a comment accepts the finding, and a warning says what its name is now."""
    comment = "# omni-release: allow failures-surface until 2999-01-01 because it is meant"
    (tmp_path / "a.py").write_text(f"pass  {comment}\n", encoding="utf-8")
    finding = Finding("x", "silent-failures/S110", Severity.ERROR, "a.py", 1)
    outcome = Outcome("silent-failures", "", "check", Status.FAILED, (finding,))
    judged = waivers.apply(outcome, read(tmp_path, ""), date(2026, 1, 1))
    assert [one.rule for one in judged.findings] == ["silent-failures/S110", "silent-failures/former-name"]
    assert (judged.status, judged.findings[1].where) == (Status.PASSED, "a.py:1")


@pytest.mark.parametrize(
    ("words", "former", "today"),
    [
        ("gate --dry-run --only checklists-are-valid", "checklists-are-valid", "checklists-valid"),
        ("explain SWALLOWED", "SWALLOWED", "S110"),
        ("sign live-smoke-stands --reason x --by Ada", "live-smoke-stands", "live-evidence"),
        ("try --dry-run --only checklists-valid", "try", "gate"),
    ],
)
def test_notices_of_commands(
    words: str,
    former: str,
    today: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A former name on the command line is taken, and a line on stderr says what it is now."""
    monkeypatch.setattr(renamed, "COMMANDS", {"try": "gate"})
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    main.main([*words.split(), "--project", str(tmp_path)])
    assert capsys.readouterr().err.splitlines()[0] == f"`{former}` is now called `{today}`"
