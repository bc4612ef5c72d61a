"""`omni-release init`: proposals as diffs, asked for one by one, or all taken; a second time changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release.cli import init, main
from tests.conftest import git, omni

PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\n'
FILES = {
    *("pyproject.toml", "noxfile.py", ".pre-commit-config.yaml"),
    *(f"checklists/{name}.toml" for name in ("after-release", "before-release", "error-handling")),
}
WORKFLOWS = {".github/workflows/gate.yml", ".github/workflows/release.yml"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a pyproject.toml and a front end, as the current folder."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(root: Path) -> set[str]:
    """The files that are new, or that changed."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    files = {path for path in paths if not path.startswith((".git/", "web/"))}
    unchanged = (root / "pyproject.toml").read_text(encoding="utf-8") == PYPROJECT
    return files - ({"pyproject.toml"} if unchanged else set())


WITHOUT_BASELINE = "settings,noxfile,hooks,checklists,workflow"


def test_all_of_it_and_twice(root: Path) -> None:
    """`--yes` writes each proposal; after it there is nothing to propose."""
    first = omni("init", "--yes", "--only", WITHOUT_BASELINE, cwd=root)
    assert (first.code, written(root)) == (0, FILES)
    assert "+strict = true" in first.out
    assert "Next: review and commit" in first.out
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    again = omni("init", "--yes", "--only", WITHOUT_BASELINE, cwd=root)
    assert (again.code, again.out) == (0, "Everything is set up. Next: nox -s release\n")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--dry-run", "--yes"], []])
def test_nothing_is_written_without_an_answer(arguments: list[str], root: Path) -> None:
    """A dry run, and a run without a terminal, show the diffs and the command that writes."""
    ran = omni("init", *arguments, cwd=root)
    assert (ran.code, written(root)) == (0, set())
    assert "+++ b/noxfile.py" in ran.out
    assert "omni-release init --yes" in ran.out


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["", "y", "YES", "\n"], FILES),
        (["y", "n", "y", "no"], {"pyproject.toml", ".pre-commit-config.yaml"}),
        (["n", "n", "n", "n"], set()),
        (["y"], {"pyproject.toml"}),  # the end of input
        (["maybe", "n", "n", "n", "n"], set()),  # asked again
    ],
)
def test_questions(
    answers: list[str],
    expected: set[str],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each proposal is asked for once; only an agreement writes."""

    class Typed:
        lines = iter([f"{answer.strip()}\n" for answer in answers])

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return next(self.lines, "")

    monkeypatch.setattr("sys.stdin", Typed())
    assert main.main(["init", "--only", "settings,noxfile,hooks,checklists"]) == 0
    assert written(root) == expected
    assert capsys.readouterr().out.count("[Y/n]") == 4 + answers.count("maybe")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, set()),
        ({".github/dependabot.yml": ""}, WORKFLOWS),
        ({".github/workflows/gate.yml": "on: push\n"}, {".github/workflows/release.yml"}),
        (
            {".github/workflows/ours.yml": "on: push\njobs: {a: {runs-on: x, steps: [{run: twine upload dist/*}]}}\n"},
            {".github/workflows/gate.yml"},
        ),
    ],
)
def test_workflows(files: dict[str, str], expected: set[str], root: Path) -> None:
    """Workflows are for a project on GitHub; none is overwritten, and none publishes where another does."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    assert omni("init", "--yes", "--only", "workflow", cwd=root).code == 0
    assert written(root) - files.keys() == expected
    assert all((root / name).read_text(encoding="utf-8") == text for name, text in files.items())


def test_a_library_gets_no_checklists(root: Path) -> None:
    """The questions of the usual checklists are about a live API and a front end."""
    (root / "web" / "package.json").unlink()
    assert "checklists/" not in omni("init", "--dry-run", cwd=root).out


def test_a_dry_run_proposes_what_the_settings_bring(root: Path) -> None:
    """The baseline belongs to `strict`, which is only proposed yet; the next command is one that works."""
    ran = omni("init", "--dry-run", cwd=root)
    assert "omni-release-baseline.json: a rehearsal lists what it finds today, and accepts that" in ran.out
    assert "then omni-release rehearse" in omni("init", "--yes", "--only", "settings", cwd=root).out
    assert "omni-release-baseline.json" not in omni("init", "--dry-run", cwd=root).out  # strict, and needed none
    assert "omni-release-baseline.json" in omni("init", "--dry-run", "--only", "baseline", cwd=root).out


def test_a_remote_on_github(root: Path) -> None:
    """A project whose remote is on GitHub gets the workflows, too."""
    git("init", "--quiet", cwd=root)
    git("remote", "add", "origin", "git@github.com:acme/acme.git", cwd=root)
    assert "gate.yml" in omni("init", "--only", "workflow", cwd=root).out


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("noxfile.py", "def (", "noxfile.py does not parse"),
        ("noxfile.py", None, "noxfile.py is a folder, not a file"),
        (".pre-commit-config.yaml", "repos: []\n", "has a form that cannot be added to"),
        ("pyproject.toml", 'tool = { a = 1 }\n[project]\nname = "a"\nversion = "1"\n', "`tool` is an inline table"),
        ("checklists", "", "checklists is a file, not a folder"),
        ("checklists/read-only", "", "checklists is read-only"),
    ],
)
def test_what_cannot_be_added_to(name: str, content: str | None, says: str, root: Path) -> None:
    """A file of another form, or one that cannot be written, is named, and nothing changes."""
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.mkdir() if content is None else path.write_text(content, encoding="utf-8")
    if path.name == "read-only":
        path.parent.chmod(0o555)
    before = {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}
    ran = omni("init", "--yes", "--only", WITHOUT_BASELINE, cwd=root)
    assert (ran.code, says in ran.out.replace(f"{root.as_posix()}/", "")) == (2, True), ran.out
    assert "Nothing was written. Correct it, or leave it out: omni-release init --only" in ran.out
    assert {path: path.is_file() and path.read_bytes() for path in root.rglob("*")} == before


def test_read_only_files_and_links(root: Path) -> None:
    """Neither is written, not even by a user who could."""
    (root / "pyproject.toml").chmod(0o444)
    assert "pyproject.toml is read-only" in omni("init", "--yes", "--only", "settings", cwd=root).out
    (root / "elsewhere.py").write_text("import nox\n", encoding="utf-8")
    (root / "noxfile.py").symlink_to("elsewhere.py")
    assert "noxfile.py is a link to elsewhere.py" in omni("init", "--yes", "--only", "noxfile", cwd=root).out
    assert (root / "elsewhere.py").read_text(encoding="utf-8") == "import nox\n"


def test_unknown_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no proposal gets the nearest one."""
    assert main.main(["init", "--only", "noxfil"]) == 2
    assert "Did you mean `noxfile`?" in capsys.readouterr().err
    assert set(WITHOUT_BASELINE.split(",")) | {"baseline"} == set(init.IDS)


@pytest.mark.rehearsal
def test_then_the_audit_passes(root: Path) -> None:
    """In a project with a silent failure `init --yes` writes the baseline, too, and the gate passes."""
    (root / "acme.py").write_text(
        "def f():\n    try:\n        g()\n    except Exception:\n        pass\n", encoding="utf-8"
    )
    git("init", "--quiet", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)
    ran = omni("init", "--yes", "--only", "settings,baseline,noxfile", cwd=root)
    assert ran.code == 0
    assert "silent-failures/BLE001" in (root / "omni-release-baseline.json").read_text(encoding="utf-8")
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=adopt", cwd=root)
    assert "2 in the baseline" in omni("audit", cwd=root).out
