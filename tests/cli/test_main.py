"""The command line: each mistake of a user ends in a message and the right exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from omni_release import __version__
from omni_release.cli import lane, main
from tests.conftest import Ran, child_environment, omni

DOCS = Path(__file__).parents[2] / "docs"
MINIMAL = '[project]\nname = "acme"\nversion = "1.0"\n'


def schema(name: str) -> dict[str, Any]:
    """A JSON schema of the docs."""
    read: dict[str, Any] = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("ascii", "3 problems · 2 warnings", "3 problems | 2 warnings"),
        ("ascii", "cut… → next", "cut... -> next"),
        ("ascii", "名前 \udcff", "?? ?"),
        ("cp1252", "cut… → next ·", "cut… -> next ·"),
        ("utf-8", "cut… → 名前", "cut… → 名前"),
    ],
)
def test_any_text_on_a_console(encoding: str, text: str, written: str) -> None:
    """A console whose encoding lacks a character shows what is like it."""

    class Console(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    written_to = io.BytesIO()
    stream = Console(written_to, encoding=encoding)
    main._accept_any_text(stream)
    stream.write(text)
    stream.flush()
    assert written_to.getvalue().decode(encoding) == written


def validated(ran: Ran, name: str = "report") -> dict[str, Any]:
    """The document on stdout, validated against its schema."""
    jsonschema.validate(ran.document, schema(name), cls=jsonschema.Draft202012Validator)
    return ran.document


def test_version_of_the_program(tmp_path: Path) -> None:
    """`--version` prints the version."""
    assert omni("--version", cwd=tmp_path).out == f"omni-release {__version__}\n"


@pytest.mark.parametrize("arguments", [["rehears"], ["rehearse", "--dry"], ["version", "--format", "yaml"]])
def test_wrong_call(arguments: list[str], tmp_path: Path) -> None:
    """A usage error is a usage message and exit code 2."""
    ran = omni(*arguments, cwd=tmp_path)
    assert ran.code == 2
    assert "usage:" in ran.err


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "arguments",
    [("release", "--to", "pypi", "--too", "{}"), ("version", "{}"), ("rehearse", "--project", "{}")],
    ids=["unknown option", "wrong word", "no such folder"],
)
def test_no_secret_in_usage_errors(arguments: tuple[str, ...], form: str, tmp_path: Path) -> None:
    """A usage error quotes no password, neither of an address nor of the environment."""
    for secret in ("https://u:pl4nted-1@h/", "pl4nted-1"):
        words = [word.format(secret) for word in arguments]
        ran = omni(*words, "--format", form, cwd=tmp_path, environment=child_environment(TWINE_PASSWORD="pl4nted-1"))
        assert (ran.code, "[redacted]" in ran.out + ran.err) == (2, True)
        assert "pl4nted-1" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no pyproject.toml"),
        ("x = " + "[" * 9000 + "]" * 9000, "pyproject.toml:1: is not valid TOML: "),
        ("[project\n", "pyproject.toml:1: is not valid TOML"),
        (MINIMAL + "[tool.omni-release]\nkeep_run = 3\n", "pyproject.toml:5: `keep_run`"),
        (MINIMAL + "[tool.omni-release]\nkeep-run = 3\n", "Did you mean `keep-runs`?"),
        (MINIMAL + '[tool.omni-release.tests]\ntimeout = "long"\n', "pyproject.toml:5: `timeout`"),
        (MINIMAL + "[tool.omni-release]\ntests = 3\n", "must be a table, not a whole number (3)"),
    ],
)
@pytest.mark.parametrize("command", ["rehearse", "version"])
def test_unusable_project(command: str, text: str | None, message: str, tmp_path: Path) -> None:
    """A project that cannot be used is one line with place and hint, and exit code 2."""
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    ran = omni(command, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert not (tmp_path / ".omni-release").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[project]\nversion = "1"\n', "has no name"),
        (MINIMAL + '[tool.omni-release]\nimport-packages = ["nowhere"]\n', "not a package or module"),
    ],
)
def test_version_without_name_or_packages(text: str, message: str, tmp_path: Path) -> None:
    """A rehearsal needs a name and existing packages, `version` needs neither."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    ran = omni("rehearse", cwd=tmp_path)
    assert (ran.code, ran.out, message in ran.err) == (2, "", True)
    assert omni("version", cwd=tmp_path).code == 0


def test_unusable_project_as_json(tmp_path: Path) -> None:
    """With --format json the message is a document of the same shape."""
    ran = omni("rehearse", "--format", "json", cwd=tmp_path)
    document = validated(ran)
    assert (ran.code, document["verdict"], document["exit_code"]) == (2, "error", 2)
    assert "pyproject.toml" in document["error"]["message"]


def test_no_such_folder(tmp_path: Path) -> None:
    """A missing project folder is named."""
    ran = omni("rehearse", "--project", "nowhere", cwd=tmp_path)
    assert (ran.code, "there is no folder nowhere" in ran.err) == (2, True)


def test_no_such_run(case: Callable[[str], Path]) -> None:
    """A missing run is named, with the existing ones."""
    ran = omni("rehearse", "--run", "yesterday", cwd=case("sound"))
    assert ran.code == 2
    assert "there is no run 'yesterday'" in ran.err


def test_rehearsal_inside_a_rehearsal(case: Callable[[str], Path]) -> None:
    """A run that another run started is refused, with the way out."""
    ran = omni("rehearse", cwd=case("sound"), environment=child_environment(OMNI_RELEASE_RUN="outer"))
    assert ran.code == 2
    assert "this process was started by run outer" in ran.err


def test_version_agrees(case: Callable[[str], Path]) -> None:
    """`version` passes where the places agree, without a run folder."""
    root = case("sound")
    ran = omni("version", "--format", "json", cwd=root)
    assert validated(ran)["verdict"] == "passed"
    assert (ran.code, ran.document["run"]) == (0, None)
    assert not (root / ".omni-release").exists()


def test_version_drift(case: Callable[[str], Path]) -> None:
    """`version` names the place that differs by path, line and column."""
    ran = omni("version", "--format", "json", cwd=case("drifted"))
    (finding,) = validated(ran)["outcomes"][0]["findings"]
    assert ran.code == 1
    assert (finding["path"], finding["line"], finding["column"]) == ("src/acme_drifted/__init__.py", 3, 16)
    assert "1.2.2" in finding["message"]
    assert "pyproject.toml:7 says 1.2.3" in finding["message"]


def test_version_show(case: Callable[[str], Path]) -> None:
    """`version show` lists all places with their roles, and marks those that differ."""
    document = validated(omni("version", "show", "--format", "json", cwd=case("drifted")), "version")
    assert (document["version"], document["source"]) == ("1.2.3", "pyproject.toml:7")
    assert [place["role"] for place in document["places"]] == ["source", "mirror"]
    assert [place["value"] for place in document["drift"]] == ["1.2.2"]
    assert "← differs" in omni("version", "show", cwd=case("sound").parent / "drifted").out


def test_github_annotations(case: Callable[[str], Path]) -> None:
    """On GitHub a finding is an annotation at its line."""
    ran = omni("version", cwd=case("drifted"), environment=child_environment(GITHUB_ACTIONS="true"))
    assert "::error file=src/acme_drifted/__init__.py,line=3,col=16,title=versions-agree/version-drift::" in ran.out


def test_no_secret_in_live_output(tmp_path: Path) -> None:
    """No secret is in an annotation, which escapes `%`, nor in a task's lines, even if it has several lines."""
    secret = "pl4%nted-\nlate-secret"
    (tmp_path / "pyproject.toml").write_text(MINIMAL, encoding="utf-8")
    (tmp_path / "checklists").mkdir()
    item = f'[[item]]\nid = "a"\nsays = "It is so"\n{json.dumps("of " + secret)} = 1\n'
    (tmp_path / "checklists" / "mine.toml").write_text(item, encoding="utf-8")
    ran = omni("checklist", cwd=tmp_path, environment=child_environment(GITHUB_ACTIONS="true", SOME_TOKEN=secret))
    assert ran.code == 1, ran.err
    assert "::error file=checklists/mine.toml," in ran.out
    assert ran.out.count("[redacted]") >= 2
    assert "nted-" not in ran.out
    assert "late-secret" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "lane", "message"),
    [
        (["rehears"], "", "invalid choice: 'rehears'"),
        (["rehearse", "--dry"], "rehearse", "unrecognized arguments: --dry"),
        (["release"], "release", "required: --to"),
        (["gate", "--only"], "gate", "expected one argument"),
        (["version", "set"], "version", "required: VERSION"),
        (["contract", "dif"], "contract", "invalid choice: 'dif'. Did you mean `diff`?"),
        (["sign"], "sign", "without an ID, `sign` prompts"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_wrong_call_as_json(
    arguments: list[str],
    lane: str,
    message: str,
    before: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With --format json a usage error is one document on stdout, and exit code 2."""
    (tmp_path / "pyproject.toml").write_text(MINIMAL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    option = ["--format", "json"] if before and arguments[0] != "rehears" else ["--format=json"]
    assert main.main([arguments[0], *option, *arguments[1:]]) == 2
    output = capsys.readouterr()
    document = json.loads(output.out)
    jsonschema.validate(document, schema("report"), cls=jsonschema.Draft202012Validator)
    assert (document["lane"], document["exit_code"], output.err) == (lane, 2, "")
    assert message in document["error"]["message"]


@pytest.mark.parametrize(
    "arguments", [["checklist", "init"], ["checklist", "show"], ["models", "list"], ["cassettes", "shrink"]]
)
def test_report_formats_of_other_commands(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that is no lane refuses JUnit, and does nothing."""
    (tmp_path / "pyproject.toml").write_text(MINIMAL, encoding="utf-8")
    assert main.main([*arguments, "--format", "junit", "--project", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert (output.out, "invalid choice: 'junit'. Choose from: text, json" in output.err) == ("", True)
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_all_skipped(tmp_path: Path) -> None:
    """A run with only skipped tasks is SKIPPED, with exit code 0."""
    (tmp_path / "pyproject.toml").write_text(MINIMAL, encoding="utf-8")
    ran = omni("cassettes", cwd=tmp_path)
    assert (ran.code, "SKIPPED in " in ran.out, "PASSED" in ran.out) == (0, True, False)
    assert validated(omni("cassettes", "--format", "json", cwd=tmp_path))["verdict"] == "skipped"


def test_unknown_waiver(tmp_path: Path) -> None:
    """A waiver of an unknown check is an error at its line, with the nearest name."""
    waiver = '[[tool.omni-release.waiver]]\ncheck = "version-drft"\nreason = "x"\nuntil = 2999-01-01\n'
    (tmp_path / "pyproject.toml").write_text(MINIMAL + waiver, encoding="utf-8")
    ran = omni("gate", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "pyproject.toml:5: `check` in [[tool.omni-release.waiver]] names 'version-drft'" in ran.err
    assert "Did you mean `version-drift`?" in ran.err
    assert not (tmp_path / ".omni-release" / "gate").exists()


def test_clean(case: Callable[[str], Path], tmp_path: Path) -> None:
    """The files of dist/ move to .omni-release/removed/; a link moves as a link, its target stays."""
    root = case("sound")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    (root / "dist" / "old").mkdir(parents=True)
    (root / "dist" / "old" / "acme_sound-1.0.tar.gz").write_bytes(b"old")
    (root / "dist" / "link").symlink_to(outside)
    dry = omni("clean", "--dry-run", cwd=root)
    assert "would move" in dry.out
    assert (root / "dist" / "old").exists()
    assert omni("clean", cwd=root).code == 0
    assert list((root / "dist").iterdir()) == []
    (removed,) = (root / ".omni-release" / "removed").iterdir()
    assert (removed / "old" / "acme_sound-1.0.tar.gz").read_bytes() == b"old"
    assert (removed / "link").is_symlink()
    assert (outside / "precious").read_text() == "keep"
    assert omni("clean", cwd=root).code == 0


def test_clean_of_a_link(case: Callable[[str], Path], tmp_path: Path) -> None:
    """A dist/ that is a link stays unchanged, and is an error."""
    root = case("sound")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    (root / "dist").symlink_to(outside)
    ran = omni("clean", cwd=root)
    assert (ran.code, "is a link" in ran.out) == (1, True)
    assert (outside / "precious").read_text() == "keep"


def test_dry_run_changes_nothing(case: Callable[[str], Path]) -> None:
    """A dry run prints the actions, writes no file, and ends with 0."""
    root = case("sound")
    before = sorted(root.rglob("*"))
    ran = omni("rehearse", "--dry-run", "--format", "json", cwd=root)
    assert validated(ran)["verdict"] == "planned"
    assert ran.outcome("versions-agree")["status"] == "passed"
    assert "omni_release.scripts.build" in ran.outcome("build")["actions"][0]
    assert ran.code == 0
    assert [path for path in sorted(root.rglob("*")) if ".git/" not in str(path)] == [
        path for path in before if ".git/" not in str(path)
    ]


def test_sign(case: Callable[[str], Path]) -> None:
    """A sign-off needs a run, an existing task and a reason; it is recorded with name and time."""
    root = case("sound")
    assert "there is no run to sign" in omni("sign", "tests-pass", "--reason", "x", "--by", "Ada", cwd=root).err
    run = root / ".omni-release" / "runs" / "20260101-000000-000"
    run.mkdir(parents=True)
    assert "there is no task" in omni("sign", "no-such", "--reason", "x", "--by", "Ada", cwd=root).err
    ran = omni("sign", "tests-pass", "--reason", "seen", "--by", "Ada", "--format", "json", cwd=root)
    assert ran.code == 0
    assert (ran.document["who"], ran.document["reason"]) == ("Ada", "seen")
    assert '"event": "signed"' in (run / "journal.jsonl").read_text(encoding="utf-8")


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing extra is one line with the command to install it, also in JSON."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")

    def missing(arguments: object) -> int:
        raise ModuleNotFoundError("No module named 'filelock'", name="filelock")

    monkeypatch.setattr(lane, "run", missing)
    assert main.main(["clean", "--project", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert (output.out, "filelock" in output.err, "Install it with: " in output.err) == ("", True, True)
    assert main.main(["clean", "--project", str(tmp_path), "--format", "json"]) == 2
    assert "filelock" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_address_without_scheme(case: Callable[[str], Path]) -> None:
    """An address without a scheme is not printed: it may hold a token."""
    planted = "planted-" + "token"
    ran = omni("doctor", "--to", f"__token__:{planted}@index.example.invalid/", cwd=case("sound"))
    assert (ran.code, planted in ran.out + ran.err) == (2, False)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0),
        ("version", 0),
        ("status", 0),
        ("init --dry-run", 0),
        ("gate --only versions-agree --format sarif", 0),
        ("contract show old.json", 0),
        ("contract diff old.json new.json", 1),
        ("explain no-such-check", 2),
    ],
)
def test_reader_that_has_gone(arguments: str, code: int, case: Callable[[str], Path]) -> None:
    """A command whose reader closes the pipe (`| head`) goes on to its end, and says nothing of it."""
    root = case("sound")
    for name, content in (("old", {"role": "model", "parts": [{"text": "x"}]}), ("new", {"role": "model"})):
        body = {"candidates": [{"content": content, "finishReason": "STOP"}]}
        (root / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-u", "-m", "omni_release", *arguments.split()],
        cwd=root,
        env=child_environment(),
        stdout=writer,
        stderr=writer if code == 2 else subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    said = (ended.stderr or b"").lower()
    assert (ended.returncode, b"pipe" in said, b"traceback" in said) == (code, False, False), said
