"""`omni-release prepare`: all of it in one commit, or nothing changed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from omni_release.preparation import LoggedCommit, message, suggestion
from tests.conftest import child_environment, git, omni

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- x\n\n## 1.2.3 - 2025-01-02\n\n- y\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a project at 1.2.3, which states its version twice and has a changelog."""
    root = tmp_path / "acme"
    (root / "src" / "acme").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.2.3"\n', encoding="utf-8")
    (root / "src" / "acme" / "__init__.py").write_text('__version__ = "1.2.3"\n', encoding="utf-8")
    (root / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("config", "user.name", "Someone", cwd=root)
    git("config", "user.email", "someone@example.invalid", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)
    git("tag", "v1.2.3", cwd=root)
    (root / "README.md").write_text("acme\n", encoding="utf-8")
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=feat: a README", cwd=root)
    return root


def state(root: Path) -> tuple[str, ...]:
    """What a failure leaves as it was: HEAD, the refs, the index and the files."""
    commands = (("rev-parse", "HEAD"), ("for-each-ref",), ("status", "--porcelain"), ("diff", "HEAD"))
    return tuple(git(*command, cwd=root) for command in commands)


@pytest.mark.parametrize(
    ("what", "version"), [("minor", "1.3.0"), ("2.0.0", "2.0.0"), ("patch", "1.2.4"), ("rc", "1.2.4rc1")]
)
def test_one_commit(what: str, version: str, root: Path) -> None:
    """The version everywhere and the changelog are in one commit on the branch, by the author of this repository."""
    ran = omni("prepare", what, "--yes", cwd=root)
    assert ran.code == 0, ran.err
    assert git("log", "-1", "--format=%an %s", cwd=root) == f"Someone Release {version}\n"
    assert git("show", "--name-only", "--format=", cwd=root).split() == [
        "CHANGELOG.md",
        "pyproject.toml",
        "src/acme/__init__.py",
    ]
    assert git("status", "--porcelain", cwd=root) == ""
    assert f"\n## {version} - 2" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'"{version}"' in (root / "src" / "acme" / "__init__.py").read_text(encoding="utf-8")
    assert "Next: omni-release rehearse" in ran.out


@pytest.mark.parametrize(
    ("heading", "note"),
    [
        ("## Unreleased", "CHANGELOG.md: heading for 1.3.0"),
        ("## 1.3.0 (unreleased)", "CHANGELOG.md: released today"),
        ("## 1.3.0 - 2025-02-03", "CHANGELOG.md: has a heading for 1.3.0"),
        ("", "CHANGELOG.md: heading for 1.3.0, with the commits since v1.2.3 below it: edit them"),
    ],
)
def test_the_note_says_what_was_done(heading: str, note: str, root: Path) -> None:
    """A heading that is written, one that gets the day, and one that was there."""
    (root / "CHANGELOG.md").write_text(CHANGELOG.replace("## Unreleased", heading), encoding="utf-8")
    git("commit", "--all", "--quiet", "--allow-empty", "--message=x", cwd=root)
    assert f"\n{note}\n" in omni("prepare", "minor", "--dry-run", cwd=root).out


def test_dry_run_and_nobody_to_ask(root: Path) -> None:
    """A dry run shows the diff and the message; without a terminal and --yes nothing is committed."""
    before = state(root)
    ran = omni("prepare", "minor", "--dry-run", cwd=root)
    assert (ran.code, "+## 1.3.0" in ran.out, "Release 1.3.0" in ran.out) == (0, True, True)
    asked = omni("prepare", "minor", cwd=root)
    assert (asked.code, "Add --yes to commit" in asked.err) == (2, True)
    assert state(root) == before


@pytest.mark.parametrize(
    ("files", "commands", "what", "says"),
    [
        ({"new.txt": ""}, [], "minor", "changed or not tracked: new.txt"),
        ({"pyproject.toml": '[project]\nname = "acme"\nversion = "9"\n'}, [], "minor", "pyproject.toml"),
        ({}, ["checkout --quiet --detach"], "minor", "HEAD is detached"),
        ({}, [], "1.2.3", "already tagged"),
        ({}, [], "1.2.2", "not later than 1.2.3"),
        ({}, [], "nonsense", "is not a version"),
        ({}, [], "nonsense", "Parts: major, minor, patch"),
        ({}, [], "mnor", "Did you mean `minor`?"),
        ({"CHANGELOG.md": "# Changelog\n"}, ["commit --all --quiet --message=x"], "minor", "no heading Unreleased"),
        ({".git/hooks/pre-commit": "#!/bin/sh\necho refused by us >&2\nexit 1\n"}, [], "minor", "refused by us"),
        (
            {"towncrier.toml": "[tool.other]\n"},
            ["add --all", "commit --quiet --message=x"],
            "minor",
            "towncrier",
        ),
    ],
)
def test_refused(files: dict[str, str], commands: list[str], what: str, says: str, root: Path) -> None:
    """What is not ready is named; branch, index and files stay as they were."""
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
        (root / name).chmod(0o755)
    for command in commands:
        git(*command.split(), cwd=root)
    before = state(root)
    ran = omni("prepare", what, "--yes", cwd=root)
    assert (ran.code in (1, 2), says in ran.err) == (True, True), ran.err
    assert state(root) == before


def test_without_a_changelog(root: Path) -> None:
    """The commits since the last tag are in the message; message and branch follow the settings."""
    git("rm", "--quiet", "CHANGELOG.md", cwd=root)
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('[tool.omni-release.prepare]\nmessage = "{name} {version}"\nbranch = "release/{version}"\n')
    git("commit", "--all", "--quiet", "--message=fix: no changelog", cwd=root)
    main = git("rev-parse", "main", cwd=root)
    assert omni("prepare", "patch", "--yes", cwd=root).code == 0
    assert git("symbolic-ref", "--short", "HEAD", cwd=root) == "release/1.2.4\n"
    assert git("rev-parse", "main", cwd=root) == main
    body = git("log", "-1", "--format=%B", cwd=root)
    assert body.startswith("acme 1.2.4\n\n- fix: no changelog\n- feat: a README")


@pytest.mark.parametrize(
    ("before", "title", "heading"),
    [
        ("", "acme {version}", "acme 1.3.0"),
        ("## v1.2.3\n", "{version}", "v1.3.0"),
        ("## v1.2.3\n", "v{version}", "v1.3.0"),
    ],
)
def test_fragments(before: str, title: str, heading: str, root: Path) -> None:
    """towncrier joins its fragments, under a title in the form of the one before; they go with the commit."""
    pytest.importorskip("towncrier")
    start = "<!-- towncrier release notes start -->\n"
    settings = f'[tool.towncrier]\nfilename = "NEWS.md"\ndirectory = "news"\ntitle_format = "## {title}"\n'
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(settings)
    (root / "CHANGELOG.md").unlink()
    (root / "NEWS.md").write_text(f"{start}{before}", encoding="utf-8")
    (root / "news").mkdir()
    (root / "news" / "12.feature.md").write_text("A new thing.\n", encoding="utf-8")
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=x", cwd=root)
    ran = omni("prepare", "minor", "--yes", cwd=root)
    assert ran.code == 0, ran.err
    written = (root / "NEWS.md").read_text(encoding="utf-8")
    assert f"## {heading}\n" in written
    assert "A new thing." in written
    assert not (root / "news" / "12.feature.md").exists()
    assert git("status", "--porcelain", cwd=root) == ""


def test_in_a_folder_of_the_repository(root: Path, tmp_path: Path) -> None:
    """A project below the top of its repository is prepared there, and nothing else."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=outer)
    (outer / "CHANGELOG.md").write_text("# Not ours\n", encoding="utf-8")
    git("-C", str(root), "archive", "--output", str(tmp_path / "x.tar"), "HEAD", cwd=root)
    (outer / "pkg").mkdir()
    subprocess.run(["tar", "-xf", str(tmp_path / "x.tar"), "-C", str(outer / "pkg")], check=True)
    git("add", "--all", cwd=outer)
    git("commit", "--quiet", "--message=start", cwd=outer)
    environment = child_environment(
        GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b.invalid", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b.invalid"
    )
    assert omni("prepare", "minor", "--yes", cwd=outer / "pkg", environment=environment).code == 0
    assert all(name.startswith("pkg/") for name in git("show", "--name-only", "--format=", cwd=outer).split())


@pytest.mark.parametrize(
    ("subjects", "part", "number"),
    [
        ([], "", 0),
        (["Update the docs"], "", 0),
        (["fix: a", "docs: b", "perf: c"], "patch", 2),
        (["fix: a", "feat(core): b"], "minor", 1),
        (["fix!: a", "feat: b"], "major", 1),
        (["chore: a\n\nBREAKING CHANGE: b", "feat: b"], "major", 1),
        (["Fix: a"], "patch", 1),
    ],
)
def test_suggestions(subjects: list[str], part: str, number: int) -> None:
    """Conventional commits suggest the part; those of that kind say why. A breaking change of 0.y.z is a minor one."""
    commits = [LoggedCommit("abc1234", *subject.split("\n\n")) for subject in subjects]
    found, reasons = suggestion(commits)
    assert (found, len(reasons)) == (part, number)
    assert suggestion(commits, initial=True)[0] == part.replace("major", "minor")


def test_suggestion_on_the_command_line(root: Path) -> None:
    """Without a part or a version, the command says what the commits suggest, and which: those since the own tag."""
    git("tag", "other-9.0.0", cwd=root)
    ran = omni("prepare", cwd=root)
    assert ran.code == 0
    suggested = r"minor, because of 1 of 1 commits since v1.2.3:\n  \w+ feat: a README\nAPI .*\n"
    assert re.fullmatch(rf"{suggested}Next: omni-release prepare minor\n", ran.out)


def test_an_unknown_word_is_refused_first(tmp_path: Path) -> None:
    """Outside of a repository, and of a project, the word is what is wrong."""
    assert "Did you mean `minor`?" in omni("prepare", "mnor", cwd=tmp_path).err


def test_message() -> None:
    """The subject, and the commits where there are any; what a bot repeats is there once."""
    assert message("Release {version}", "acme", "1.0", []) == "Release 1.0\n"
    assert message(
        "{name} {version}",
        "acme",
        "1.0",
        [LoggedCommit("abc", "x"), LoggedCommit("def", "y"), LoggedCommit("fed", "x")],
    ) == ("acme 1.0\n\n- x\n- y\n")
