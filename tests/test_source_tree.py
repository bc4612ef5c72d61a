"""The files of a checkout, as the real git lists them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from omni_release import git_queries, source_tree
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.processes import LocalProcesses
from omni_release.core.actions import Copy
from omni_release.core.errors import Inconclusive
from tests.conftest import git


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No repository above `tmp_path` is seen, and none that a git hook has named."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def processes() -> Iterator[LocalProcesses]:
    """The real processes."""
    started = LocalProcesses(str)
    yield started
    started.close()


def written(root: Path, *names: str) -> Path:
    """Files of these names, each holding its own name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8", errors="surrogateescape", newline="")
    return root


def repository(root: Path, *names: str) -> Path:
    """A repository with one commit of these files."""
    written(root, *names)
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--allow-empty", "--message=start", cwd=root)
    return root


def names(root: Path, processes: LocalProcesses) -> list[str]:
    """What `files` finds there."""
    return [str(file) for file in source_tree.files(root, processes)]


def test_files_of_a_repository(tmp_path: Path, processes: LocalProcesses) -> None:
    """Tracked and untracked files, sorted; none that is ignored, none that was deleted."""
    root = repository(tmp_path, "b.txt", "sub/a.txt", "gone.txt", "kept.log")
    written(root, "new.txt", "sub/new.txt", "noise.log", "dist/acme.whl")
    (root / ".gitignore").write_text("*.log\n/dist/\n", encoding="utf-8")
    (root / "gone.txt").unlink()
    assert names(root, processes) == [".gitignore", "b.txt", "kept.log", "new.txt", "sub/a.txt", "sub/new.txt"]


def test_what_tools_leave_in_a_repository(tmp_path: Path, processes: LocalProcesses) -> None:
    """It is left out where nothing ignores it, but not where it is tracked, or a package of such a name is new."""
    theirs = (
        *(".venv/lib/x.py", "my [env]/pyvenv.cfg", "my [env]/lib/x.py", "conda/conda-meta/history", "conda/lib/x.py"),
        *("src/a/__pycache__/a.pyc", "src/.DS_Store", "src/a.py~", "src/.a.py.swp", "src/.ipynb_checkpoints/a.py"),
        *("a.egg-info/x", ".eggs/x/x.py", ".coverage", ".idea/x.xml", "__pypackages__/3.11/lib/x.py"),
    )
    kept = (
        "data/env/lib/x.py",
        "data/env/pyvenv.cfg",
        "data/node_modules/x.js",
        "data/x.egg-info/PKG-INFO",
        "my [env]/doc",
    )
    root = repository(tmp_path, *kept)
    new = ("build/new.py", "data/env/new.py", "src/my [env]/new.py")
    written(root, *theirs, *new)
    assert names(root, processes) == sorted([*kept, *new])
    assert set(source_tree.file_names(str(root))) == {*kept, *new}
    assert names(root / "my [env]", processes) == ["doc", "lib/x.py", "pyvenv.cfg"]


def test_deleted_file_that_became_a_folder(tmp_path: Path, processes: LocalProcesses) -> None:
    """What replaces a tracked file, or a tracked folder, is listed once, as what it is now."""
    root = repository(tmp_path, "one", "two/inside")
    (root / "one").unlink()
    shutil.rmtree(root / "two")
    written(root, "one/inside", "two")
    assert names(root, processes) == ["one/inside", "two"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_odd_names(tmp_path: Path, processes: LocalProcesses) -> None:
    """Names that are not ASCII, hold a newline, a quote or a backslash come out as they are."""
    odd = ["with space", "line\nbreak", 'a "quote"', "back\\slash", "größe/日本.txt", "-dash"]
    assert sorted(names(repository(tmp_path, *odd), processes)) == sorted(odd)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse a name that is not UTF-8")
def test_name_that_is_not_utf8(tmp_path: Path, processes: LocalProcesses) -> None:
    """A name that is not UTF-8 can be listed, hashed and copied."""
    odd = os.fsdecode(b"latin-\xe9.txt")
    root = repository(tmp_path / "root", odd)
    assert names(root, processes) == [odd]
    assert len(source_tree.fingerprint(root, processes)) == 64
    LocalFiles().copy(Copy(root, tmp_path / "copy", source_tree.files(root, processes)))
    assert (tmp_path / "copy" / odd).is_file()


def test_part_of_a_repository(tmp_path: Path, processes: LocalProcesses) -> None:
    """A project in a folder of a larger repository has the files of that folder, relative to it."""
    repository(tmp_path, "other/file", "project/pyproject.toml", "project/src/acme.py")
    assert names(tmp_path / "project", processes) == ["pyproject.toml", "src/acme.py"]


def test_submodule(tmp_path: Path, processes: LocalProcesses) -> None:
    """A submodule's files are listed, and can be copied; one that is not checked out has none."""
    inner = repository(tmp_path / "inner", "data/one.json", "two.json")
    root = repository(tmp_path / "root", "file")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendored", cwd=root)
    git("commit", "--quiet", "--message=submodule", cwd=root)
    files = source_tree.files(root, processes)
    assert [str(file) for file in files] == [".gitmodules", "file", "vendored/data/one.json", "vendored/two.json"]
    LocalFiles().copy(Copy(root, tmp_path / "copy", files))
    assert (tmp_path / "copy/vendored/data/one.json").read_text(encoding="utf-8") == "data/one.json"
    git("clone", "--quiet", str(root), str(tmp_path / "bare"), cwd=tmp_path)
    assert names(tmp_path / "bare", processes) == [".gitmodules", "file"]


def test_outside_a_repository(tmp_path: Path, processes: LocalProcesses) -> None:
    """All files but what tools leave; `build` is left out at the top alone, below it may well be a package."""
    ours = ["README.md", "src/acme/__init__.py", "src/acme/build/__init__.py"]
    theirs = [
        ".nox/tests/x",
        ".omni-release/lock",
        ".pytest_cache/x",
        "build/lib/x",
        "dist/acme.whl",
        "env/pyvenv.cfg",
        "env/lib/x",
        "src/acme.egg-info/PKG-INFO",
        "src/acme/__pycache__/x.pyc",
        "src/acme/.DS_Store",
        "src/acme/x.py~",
        "conda/conda-meta/history",
        "conda/lib/x",
    ]
    written(tmp_path, *ours, *theirs)
    assert names(tmp_path, processes) == ours


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_links_outside_a_repository(tmp_path: Path, processes: LocalProcesses) -> None:
    """A link to a folder is listed as the link that it is, as git does."""
    outside = written(tmp_path / "elsewhere", "secret").resolve()
    root = written(tmp_path / "root", "file")
    (root / "link").symlink_to(outside, target_is_directory=True)
    assert names(root, processes) == ["file", "link"]


def test_machine_without_git(tmp_path: Path, processes: LocalProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a repository, a missing git is inconclusive; outside a repository, git is not needed."""
    root = repository(tmp_path / "root", "a.txt", "inner/b.txt")
    plain = written(tmp_path / "plain", "a.txt")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    for folder in (root, root / "inner"):
        for asked in (git_queries.working_tree, git_queries.commit, source_tree.files, source_tree.tracked):
            with pytest.raises(Inconclusive, match="git is not installed"):
                asked(folder, processes)
    assert git_queries.working_tree(plain, processes) is None
    assert names(plain, processes) == ["a.txt"]


def test_repository_without_files(tmp_path: Path, processes: LocalProcesses) -> None:
    """A repository in which nothing is listed is looked through, without its .git."""
    git("init", "--quiet", cwd=tmp_path)
    assert names(tmp_path, processes) == []
    written(tmp_path, "file")
    (tmp_path / ".git/info/exclude").write_text("*\n", encoding="utf-8")
    assert names(tmp_path, processes) == ["file"]


def test_fingerprint_is_the_same_wherever_it_is_checked_out(tmp_path: Path, processes: LocalProcesses) -> None:
    """Two checkouts of one commit have one fingerprint, and so has an unpacked copy outside of any repository."""
    root = repository(tmp_path / "root", "a.txt", "sub/größe.txt")
    git("clone", "--quiet", "root", "clone", cwd=tmp_path)
    shutil.copytree(root, tmp_path / "plain", ignore=shutil.ignore_patterns(".git"))
    found = {source_tree.fingerprint(tmp_path / name, processes) for name in ("root", "clone", "plain")}
    assert len(found) == 1


def test_fingerprint_changes_with_the_tree(tmp_path: Path, processes: LocalProcesses) -> None:
    """A changed byte, a new file, a new name and a deleted file change it; going back brings it back."""
    root = repository(tmp_path, "a.txt", "b.txt")
    seen = [source_tree.fingerprint(root, processes)]
    (root / "a.txt").write_text("A.txt", encoding="utf-8")
    seen.append(source_tree.fingerprint(root, processes))
    written(root, "c.txt")
    seen.append(source_tree.fingerprint(root, processes))
    (root / "c.txt").rename(root / "d.txt")
    seen.append(source_tree.fingerprint(root, processes))
    (root / "b.txt").unlink()
    seen.append(source_tree.fingerprint(root, processes))
    assert len(set(seen)) == len(seen)
    (root / "d.txt").unlink()
    written(root, "a.txt", "b.txt")
    assert source_tree.fingerprint(root, processes) == seen[0]


def test_fingerprint_tells_contents_apart(tmp_path: Path, processes: LocalProcesses) -> None:
    """The border between two files cannot be moved without being noticed."""
    for name, contents in {"one": ("ab", "c"), "two": ("a", "bc")}.items():
        root = written(tmp_path / name, "x", "y")
        (root / "x").write_text(contents[0], encoding="utf-8")
        (root / "y").write_text(contents[1], encoding="utf-8")
    assert source_tree.fingerprint(tmp_path / "one", processes) != source_tree.fingerprint(tmp_path / "two", processes)


def test_fingerprint_passes_over_what_is_ignored(tmp_path: Path, processes: LocalProcesses) -> None:
    """What git ignores does not change it."""
    root = repository(tmp_path, "a.txt")
    (root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    before = source_tree.fingerprint(root, processes)
    written(root, "noise.log")
    assert source_tree.fingerprint(root, processes) == before


def test_build_inputs(tmp_path: Path, processes: LocalProcesses) -> None:
    """What a build may read: the repository's files, and the project's own ignored ones, but no leftovers."""
    top = repository(tmp_path, "shared/LICENSE", "acme/pyproject.toml", "acme/src/acme.py")
    written(top, "acme/src/_version.py", "acme/dist/acme.whl", "acme/.nox/x", "other/ignored.py")
    (top / ".gitignore").write_text("_version.py\nignored.py\ndist/\n.nox/\n", encoding="utf-8")
    found = [str(file) for file in source_tree.build_inputs(top, top / "acme", processes)]
    assert found == [".gitignore", "acme/pyproject.toml", "acme/src/_version.py", "acme/src/acme.py", "shared/LICENSE"]


def test_repository_in_which_git_fails(tmp_path: Path, processes: LocalProcesses) -> None:
    """A repository in which git does not work is inconclusive, not absent."""
    root = repository(tmp_path / "root", "a.txt")
    (root / ".git" / "config").write_text("[broken", encoding="utf-8")
    asked = (
        git_queries.working_tree,
        git_queries.commit,
        source_tree.files,
        source_tree.tracked,
        source_tree.fingerprint,
    )
    for ask in asked:
        with pytest.raises(Inconclusive, match="git does not work"):
            ask(root, processes)


def test_own_output(tmp_path: Path, processes: LocalProcesses) -> None:
    """A file that our own output goes to is none of the checkout: it changes while we look. Another one is."""
    root = repository(tmp_path, "a.py")
    code = (
        "import sys; from pathlib import Path; from omni_release import source_tree; "
        "from omni_release.adapters.processes import LocalProcesses; "
        "print('a line', flush=True); print(source_tree.fingerprint(Path('.'), LocalProcesses(str)), file=sys.stderr)"
    )
    before = source_tree.fingerprint(root, processes)
    with (root / "out.txt").open("wb") as output:
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=root, stdout=output, stderr=subprocess.PIPE, text=True, check=True
        )
    assert ended.stderr.strip() == before
    assert source_tree.fingerprint(root, processes) != before
    assert "out.txt" in source_tree.file_hashes(root, processes)


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="only Linux says who reads a pipe")
@pytest.mark.parametrize("pipeline", ["{} | tee out.txt >&2", "{} | cat | tee out.txt >&2", "{} 2>&1 | tee -a out.txt"])
def test_own_output_through_a_pipe(pipeline: str, tmp_path: Path, processes: LocalProcesses) -> None:
    """Neither is the file that a program writes which reads our output, or what another one makes of it."""
    root = repository(tmp_path / "project", "a.py")
    before = source_tree.fingerprint(root, processes)
    code = (
        "import sys, time; from pathlib import Path; from omni_release import source_tree; "
        "from omni_release.adapters.processes import LocalProcesses; print('a line', flush=True)\n"
        "while not Path('out.txt').exists() or not Path('out.txt').stat().st_size: time.sleep(0.01)\n"
        "Path(sys.argv[1]).write_text(source_tree.fingerprint(Path('.'), LocalProcesses(str)))"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} ../seen"
    subprocess.run(["bash", "-c", pipeline.format(command)], cwd=root, capture_output=True, check=True, timeout=30)
    assert (root.parent / "seen").read_text() == before


def test_neither_file_nor_folder(tmp_path: Path, processes: LocalProcesses) -> None:
    """A pipe or a socket is no file of the project, whether git ignores it or not."""
    root = repository(tmp_path, "a.py")
    before = source_tree.build_inputs(root, root, processes)
    (root / ".gitignore").write_text("*.sock\n")
    for name in ("a.pipe", "b.sock"):
        os.mkfifo(root / name)
    assert set(source_tree.build_inputs(root, root, processes)) - set(before) == {PurePosixPath(".gitignore")}
