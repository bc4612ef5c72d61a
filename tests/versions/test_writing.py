"""All or nothing: after any failure, every file is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omni_release import versions
from omni_release.adapters import files
from omni_release.cli import main
from omni_release.core.errors import Conflict, Locked, UsageError
from omni_release.versions.place import WRITTEN
from tests.conftest import git
from tests.versions.support import change, checkout, contents


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with its version in several files."""
    return checkout("bumpers", tmp_path / "project")


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_a_failure_leaves_every_file_as_it_was(nth: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th rename fails: earlier renames are undone, and no temporary file is left."""
    before, count, real = contents(root), 0, os.replace

    def failing(source: Path, target: Path) -> None:
        nonlocal count
        count += str(source).endswith(".new")
        if count == nth and str(source).endswith(".new"):
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(Conflict, match="No space left on device"):
        change(root, "set", "2.0.0")
    assert contents(root) == before


DYING = """
import os, sys
from pathlib import Path
from omni_release.adapters import files as swap
from omni_release.cli import version as command

count = 0
def counted(real):
    def called(*args, **more):
        global count
        count += 1
        if count == int(sys.argv[2]):
            os._exit(9)
        return real(*args, **more)
    return called

os.replace, os.fsync, Path.unlink = counted(os.replace), counted(os.fsync), counted(Path.unlink)
command.change(Path(sys.argv[1]), command.Arguments(verb="set", value="2.0.0"), swap)
"""


@pytest.mark.parametrize("nth", range(1, 40, 3))
def test_a_crash_is_undone_by_the_next_call(nth: int, root: Path) -> None:
    """The process dies at any point: every file is whole, and the next change begins with all old or all new."""
    before = contents(root)
    twin = checkout("bumpers", root.parent / "twin")
    change(twin, "set", "2.0.0")
    after = contents(twin)
    code = subprocess.run([sys.executable, "-c", DYING, str(root), str(nth)], check=False).returncode
    assert code in (0, 9)
    left = {path: data for path, data in contents(root).items() if path in before}
    assert left.keys() == before.keys()
    assert all(data in (before[path], after[path]) for path, data in left.items())
    with files.alone(root):
        files.recover(root)
    left = {path: data for path, data in contents(root).items() if not path.startswith(".omni")}
    assert left in (before, after)
    change(root, "set", "2.0.0")
    assert b"2.0.0" in (root / "Dockerfile").read_bytes()
    assert not (root / files.NOTE).exists()


def test_a_dry_run_undoes_nothing(root: Path) -> None:
    """After a crash a dry run says so, and changes nothing."""
    subprocess.run([sys.executable, "-c", DYING, str(root), "16"], check=False)
    before = contents(root)
    with pytest.raises(UsageError, match="was interrupted"):
        change(root, "set", "2.0.0", dry=True)
    assert contents(root) == before


def test_one_change_at_a_time(root: Path) -> None:
    """A second change of the same project is refused while the first is under way; afterwards nothing is left."""
    with files.alone(root), pytest.raises(Locked, match="another version change is in progress"):
        change(root, "set", "2.0.0")
    change(root, "set", "2.0.0")
    assert not (root / ".omni-release").exists()


def test_many_at_once_leave_one_version(root: Path) -> None:
    """Processes that set different versions at the same time: one after the other, or refused; never a mixture."""
    script = DYING.replace('"2.0.0"', "sys.argv[3]").replace("int(sys.argv[2])", "0")
    argv = [sys.executable, "-c", script, str(root), "0"]
    started = [subprocess.Popen([*argv, f"{major}.0.0"], stderr=subprocess.PIPE) for major in range(2, 8)]
    said = [process.communicate()[1].decode() for process in started]
    assert all(process.returncode == 0 or "Locked" in text for process, text in zip(started, said, strict=True))
    found = versions.find_places(str(root)).places
    assert len({place.value for place in found if place.role in WRITTEN}) == 1
    assert not list(root.glob("**/*omni-release*"))


def test_a_file_that_changes_meanwhile_is_a_conflict(root: Path) -> None:
    """What was read is what is replaced, or nothing is."""
    path = root / "Dockerfile"
    with pytest.raises(Conflict, match="changed while it was read"):
        files.swap(root, {path: (b"something else", b"new")})
    assert b"ACME=1.2.3" in path.read_bytes()


def test_the_mode_stays(root: Path) -> None:
    """An executable file is still one."""
    (root / "Dockerfile").chmod(0o755)
    change(root, "set", "2.0.0")
    assert (root / "Dockerfile").stat().st_mode & 0o777 == 0o755
    assert not (root / ".omni-release").exists()


def test_a_link_is_not_written_through(root: Path, tmp_path: Path) -> None:
    """A link to a file outside the project is not a place."""
    outside = tmp_path / "outside.py"
    outside.write_text('VERSION = "1.2.3"\n')
    (root / "acme" / "cli.py").unlink()
    (root / "acme" / "cli.py").symlink_to(outside)
    change(root, "set", "2.0.0")
    assert outside.read_text() == 'VERSION = "1.2.3"\n'


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("one", "is not a version"),
        ("1.2.4+local", "is a local version"),
        ("0.8", "is not later than 0.9"),
        ("0.9", "is already tagged"),
    ],
)
def test_guards(version: str, said: str, root: Path) -> None:
    """The problem is reported, and nothing is changed."""
    git("commit", "--quiet", "--allow-empty", "--message=more", cwd=root)
    before = contents(root)
    with pytest.raises((Conflict, UsageError), match=said):
        change(root, "set", version)
    assert contents(root) == before


def test_a_backport_on_its_own_branch_is_fine(root: Path) -> None:
    """Only tags that HEAD descends from count."""
    git("switch", "--quiet", "--create", "next", cwd=root)
    git("commit", "--quiet", "--allow-empty", "--message=next", cwd=root)
    git("tag", "v2.0.0", cwd=root)
    git("switch", "--quiet", "main", cwd=root)
    change(root, "bump", "patch")
    with pytest.raises(Conflict, match=r"2\.0\.0 is already tagged: v2\.0\.0 is commit"):
        change(root, "set", "2.0.0")


def test_tags_of_a_sibling_do_not_count(root: Path) -> None:
    """`tools-v3.0` is another project's."""
    git("tag", "tools-v3.0", cwd=root)
    git("tag", "acme-v1.2.0", cwd=root)
    change(root, "set", "1.2.4")


@pytest.mark.parametrize("tag", ["acme-v2.0.0", "Acme_@2.0.0", "packages/acme-v2.0.0", "packages/acme/v2.0.0"])
def test_tags_that_name_the_project_count(tag: str, root: Path) -> None:
    """Also in a folder, as a repository of several projects has them: as where the tag of a release is called so."""
    git("tag", tag, cwd=root)
    git("commit", "--quiet", "--allow-empty", "--message=more", cwd=root)
    with pytest.raises(Conflict, match=f"2.0.0 is already tagged: {tag} is commit"):
        change(root, "set", "2.0.0")
    with pytest.raises(Conflict, match=f"1.9 is not later than 2.0.0, the newest version .* HEAD contains .tag {tag}"):
        change(root, "set", "1.9")


def test_git_that_does_not_work(root: Path) -> None:
    """Where git does not work in the project's repository, its tags are unknown, and nothing is changed."""
    git("tag", "v2.0.0", cwd=root)
    (root / ".git" / "HEAD").write_text("nonsense", encoding="utf-8")
    before = contents(root)
    with pytest.raises(Conflict, match="the tagged versions are unknown"):
        change(root, "set", "1.9")
    assert contents(root) == before


@pytest.mark.parametrize("verb", [("set", "4.18.0"), ("bump", "patch")])
def test_version_that_no_place_states(verb: tuple[str, str], tmp_path: Path) -> None:
    """Where only the build determines the version, and no tag exists, the change fails: it would write nothing."""
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "acme"\ndynamic = ["version"]\n[tool.hatch.version]\nsource = "vcs"\n',
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match="no place states the version") as raised:
        change(tmp_path, *verb)
    assert "tag the commit" in raised.value.hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set",), "required: VERSION"),
        (("bump", "mnor"), "Did you mean `minor`?"),
        (("sync", "1"), "unrecognized arguments: 1"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], message: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error says what is right, with exit code 2."""
    assert main.main(["version", *arguments, "--project", str(root)]) == 2
    assert message in capsys.readouterr().err


def test_the_diff_is_a_patch(root: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """What a dry run prints is what git applies: Windows line ends and a last line without one included."""
    (root / "acme" / "__init__.py").write_bytes(b'# acme\r\n__version__ = "1.2.3"\r\n# \x0c end')
    change(root, "set", "2.0.0", dry=True)
    patch = root.parent / "wanted.patch"
    patch.write_bytes(capsysbinary.readouterr().out)
    before = contents(root)
    change(root, "set", "2.0.0")
    after = contents(root)
    for path, data in before.items():
        (root / path).write_bytes(data)
    git("apply", str(patch), cwd=root)
    assert contents(root) == after


def test_escapes_are_named_where_they_stand(root: Path) -> None:
    """A version that is written with escapes is not changed, and found by its line."""
    (root / "package.json").write_text('{\n  "name": "acme",\n  "version": "1.2\\u002e3"\n}\n')
    (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.2\\u002e3"\n')
    with pytest.raises(
        Conflict, match=r"pyproject\.toml:3:12: 1\.2\.3 cannot be changed to 2\.0 safely: written with escapes"
    ):
        change(root, "set", "2.0")


def test_folder_above_projects_is_not_a_project(tmp_path: Path) -> None:
    """At the top of several projects, the error names them; modules there belong to none of them."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1.2.3"\n')
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    with pytest.raises(UsageError, match="there is no project in") as raised:
        change(tmp_path, "set", "2.0")
    assert raised.value.hint == "Name one with --project DIR: one, two."


NESTED = {
    "the other project's tag": (("v8.1.8",), ""),
    "a tag of its own": (("v8.1.8", "pool-3.0.16"), ""),
    "a setting": (("v8.1.8", "acme-pool-8.0", "py/3.0.16"), "py/{version}"),
}


@pytest.mark.parametrize("name", NESTED)
def test_tags_of_the_project_at_the_top_do_not_count(name: str, tmp_path: Path) -> None:
    """A project in a folder is held against its own tags, which a setting can name."""
    tags, template = NESTED[name]
    pool = tmp_path / "pool"
    pool.mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "8.1.9"\n', encoding="utf-8")
    settings = f'[tool.omni-release.git]\ntag = "{template}"\n' if template else ""
    text = f'[project]\nname = "acme-pool"\nversion = "3.0.16"\n{settings}'
    (pool / "pyproject.toml").write_text(text, encoding="utf-8")
    git("init", "--quiet", "--initial-branch=main", cwd=tmp_path)
    git("add", "--all", cwd=tmp_path)
    git("commit", "--quiet", "--message=start", cwd=tmp_path)
    for tag in tags:
        git("tag", tag, cwd=tmp_path)
    change(pool, "set", "3.0.17")
    if len(tags) > 1:
        with pytest.raises(Conflict, match=r"3.0.15 is not later than 3.0.16"):
            change(pool, "set", "3.0.15")
