"""Rebuilds of real runs with a real git: what differs is found, what cannot be repeated is said."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release.builds.rebuild import Rebuilt
from omni_release.builds.record import BuildEnvironment, Built
from omni_release.core.errors import Inconclusive, OmniReleaseError, UsageError
from omni_release.core.model import Artifact
from omni_release.distributions import differences
from tests.builds.rebuilding import Shop, back_end_wheel, repository, shop, with_environment
from tests.conftest import git

WHEEL = "acme-1.0-py3-none-any.whl"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="umask and paths of POSIX")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Shop]:
    """A shop without an index."""
    with shop(tmp_path) as opened:
        yield opened


def told(rebuilt: Rebuilt) -> str:
    """All that is said about the differences."""
    found = [(each, differences.advice(each, rebuilt.folders)) for file in rebuilt.files for each in file.differences]
    return "\n".join(f"{difference} {' '.join(difference.lines)}\n{advice}" for difference, advice in found)


def test_time(here: Shop, tmp_path: Path) -> None:
    """A time in a generated file makes the wheel another one, and the file is named; the sdist is equal."""
    root = repository(tmp_path / "timed", "import time\nFILES = {'acme_built.py': f'AT = {time.time()}\\n'}\n")
    rebuilt = here.rebuild(here.built(root), root)
    assert rebuilt.result == "different"
    assert [file.is_equal for file in rebuilt.files if file.artifact.name != WHEEL] == [True]
    assert "acme_built.py: content - AT = " in told(rebuilt)
    assert "Take the time in acme_built.py from SOURCE_DATE_EPOCH" in told(rebuilt)
    assert git("status", "--short", cwd=root) == ""


@pytest.mark.long
def test_equal(here: Shop, tmp_path: Path) -> None:
    """The same bytes are equal, and nothing else is said."""
    root = repository(tmp_path / "sound", "FILES = {'acme_built.py': 'x = 1\\n'}")
    rebuilt = here.rebuild(here.built(root), root)
    assert (rebuilt.result, rebuilt.why, rebuilt.notes, told(rebuilt)) == ("equal", "", (), "")


DIFFERING = {
    "folder of the build": ("import os\nFILES = {'a.py': os.getcwd()}", "Leave the folder of the build out of a.py"),
    "home": ("import os\nFILES = {'a.py': os.environ['HOME']}", "Leave the folder of the build out of a.py"),
    "temporary files": (
        "import os\nFILES = {'a.py': os.environ['TMPDIR']}",
        "Leave the folder of the build out of a.py",
    ),
    "order of lines": (
        (
            "import random\nlines = [f'n{i} = {i}' for i in range(40)]\nrandom.shuffle(lines)\n"
            "FILES = {'a.py': '\\n'.join(lines)}"
        ),
        "Sort what is written to a.py",
    ),
    "order in a line": (
        "import random\nwords = [f'n{i}' for i in range(40)]\nrandom.shuffle(words)\nFILES = {'a.py': repr(words)}",
        "Sort what is written to a.py",
    ),
    "random": ("import uuid\nFILES = {'a.py': f'ID = \"{uuid.uuid4()}\"'}", "Write no random value to a.py"),
    "names": ("import time\nFILES = {f'a{time.time_ns()}.py': ''}", "Commit what the build needs"),
    "umask": (
        "import os\nFILES, MODE = {}, 0o100666 & ~os.umask(0o777)",
        "they follow the umask",
    ),
    "time in the archive": (
        "import time\nTIME = time.gmtime()[:6]\ntime.sleep(2)",
        "Take times from SOURCE_DATE_EPOCH",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", DIFFERING)
def test_cause(kind: str, here: Shop, tmp_path: Path) -> None:
    """Each usual cause is found, and the advice is about it."""
    generate, advice = DIFFERING[kind]
    root = repository(tmp_path / "acme", generate)
    rebuilt = here.rebuild(here.built(root), root)
    assert rebuilt.result == "different", rebuilt
    assert advice in told(rebuilt)


@pytest.mark.long
def test_pins(tmp_path: Path) -> None:
    """The versions of the run are installed, although a newer back end would build otherwise; also what it asks for."""
    links = tmp_path / "links"
    back_end_wheel(links, "1.0")
    system = '[build-system]\nrequires = ["acme-back-end"]\nbuild-backend = "back_end"\n'
    with shop(tmp_path, UV_FIND_LINKS=str(links), UV_NO_CACHE="1") as here:
        root = repository(tmp_path / "acme", "REQUIRES = ['acme-back-end>=1']", system=system)
        built = here.built(root)
        assert built.environment is not None
        assert built.environment.pins == ("acme-back-end==1.0",)
        assert built.environment.requirements == ("acme-back-end", "acme-back-end>=1")
        back_end_wheel(links, "1.1")
        assert here.rebuild(built, root).result == "equal"
        (links / "acme_back_end-1.0-py3-none-any.whl").unlink()
        (tmp_path / "rebuild").rename(tmp_path / "first")
        with pytest.raises(Inconclusive, match="environment of the build could not be made") as error:
            here.rebuild(built, root)
        assert "acme-back-end==1.0" in error.value.hint


@pytest.mark.long
@pytest.mark.parametrize(
    ("tag", "same", "result"),
    [
        ("cp311-cp311-manylinux_2_28_x86_64", True, "equal"),
        ("cp311-cp311-manylinux_2_28_x86_64", False, "inconclusive"),
        ("cp311-cp311-linux_x86_64", False, "equal"),
    ],
)
def test_compiled(tag: str, same: bool, result: str, here: Shop, tmp_path: Path) -> None:
    """A compiled wheel depends on the compiler: other bytes say nothing. One for this machine alone is not compared."""
    content = "''" if same else "str(time.time_ns())"
    root = repository(tmp_path / "acme", f"import time\nTAG = '{tag}'\nFILES = {{'a.py': {content}}}")
    assert here.rebuild(here.built(root), root).result == result


def _dirty(root: Path) -> None:
    (root / "acme.py").write_text("changed = True\n")
    (root / "new.py").touch()


def _ignored(root: Path) -> None:
    (root / "made.log").write_text("by an earlier build\n")
    (root / "generate.py").write_text("FILES = {'a.py': open('made.log').read()}")
    git("commit", "--quiet", "--all", "--message=x", cwd=root)


def _gone(root: Path) -> None:
    (root / "other.py").touch()
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=x", cwd=root)


@pytest.mark.long
def test_dirty(here: Shop, tmp_path: Path) -> None:
    """A run that was built from other files than the commit's is refused, with their names."""
    root = repository(tmp_path / "acme")
    _dirty(root)
    with pytest.raises(UsageError, match=r"acme.py .changed., new.py .not committed."):
        here.rebuild(here.built(root), root)


@pytest.mark.long
def test_ignored_file(here: Shop, tmp_path: Path) -> None:
    """A file that git ignores is in the build and not in the clone: it does not build, or differs."""
    root = repository(tmp_path / "acme")
    _ignored(root)
    rebuilt = here.rebuild(here.built(root), root)
    assert (rebuilt.result, "does not build" in rebuilt.why, "made.log" in rebuilt.why) == ("different", True, True)


@pytest.mark.long
@pytest.mark.parametrize("source", ["local", "bare", "worktree", "detached", "unreachable", "shallow"])
def test_sources(source: str, here: Shop, tmp_path: Path) -> None:
    """Each kind of repository can be cloned, if it has the commit."""
    root = repository(tmp_path / "acme")
    _gone(root)
    origin = tmp_path / "origin"
    if source == "worktree":
        git("worktree", "add", "--quiet", "--detach", str(origin), cwd=root)
        root = origin
    built = here.built(root)
    if source == "bare":
        git("clone", "--quiet", "--bare", str(root), str(origin), cwd=tmp_path)
    elif source == "shallow":
        git("clone", "--quiet", "--depth=1", f"file://{root}", str(origin), cwd=tmp_path)
    elif source == "detached":
        git("checkout", "--quiet", "--detach", cwd=root)
    elif source == "unreachable":
        git("reset", "--quiet", "--hard", "HEAD~1", cwd=root)
    rebuilt = here.rebuild(built, origin if source in ("bare", "shallow") else root)
    assert (rebuilt.result, rebuilt.notes) == ("equal", ("the clone is shallow",) if source == "shallow" else ())


@pytest.mark.long
def test_settings_of_the_user(tmp_path: Path) -> None:
    """The user's own settings of git, hooks and templates change nothing in the clone."""
    hook = "#!/bin/sh\ntouch made-by-a-hook.py\n"
    for folder in ("hooks", "template/hooks"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "post-checkout").write_text(hook)
        (tmp_path / folder / "post-checkout").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {tmp_path}/hooks\n[init]\n\ttemplateDir = {tmp_path}/template\n"
        "[clone]\n\tdefaultRemoteName = upstream\n[checkout]\n\tguess = false\n[protocol]\n\tversion = 1\n"
        '[filter "lfs"]\n\tprocess = no-such-program\n\trequired = true\n'
    )
    root = repository(tmp_path / "acme", files={".gitattributes": "*.bin filter=lfs\n", "data.bin": "data\n"})
    with shop(tmp_path, HOME=str(tmp_path), GIT_CONFIG_NOSYSTEM="1") as here:
        assert here.rebuild(here.built(root), root).result == "equal"
    assert not list(tmp_path.rglob("made-by-a-hook.py"))


@pytest.mark.long
def test_commit_that_is_not_there(here: Shop, tmp_path: Path) -> None:
    """A repository without the commit is named, with what to do; so is an address that does not answer."""
    root = repository(tmp_path / "acme")
    origin = tmp_path / "origin"
    git("clone", "--quiet", "--bare", str(root), str(origin), cwd=tmp_path)
    _gone(root)
    built = here.built(root)
    with pytest.raises(Inconclusive, match="does not have the commit") as error:
        here.rebuild(built, origin)
    assert "--from URL" in error.value.hint
    (tmp_path / "rebuild").rename(tmp_path / "first")
    with pytest.raises(Inconclusive, match=r"git clone does not work for https://.redacted.@127.0.0.1:9/x"):
        here.rebuild(built, "https://user:word@127.0.0.1:9/x")


@pytest.mark.long
def test_submodules(here: Shop, tmp_path: Path) -> None:
    """Submodules are checked out, nested ones too, and from the user's copies, as their own repository may be gone."""
    inner = repository(tmp_path / "inner", files={"data.txt": "inner"})
    middle = repository(tmp_path / "middle", files={"data.txt": "middle"})
    allowed = ("-c", "protocol.file.allow=always")
    git(*allowed, "submodule", "--quiet", "add", str(inner), "inner", cwd=middle)
    git("commit", "--quiet", "--message=inner", cwd=middle)
    root = repository(tmp_path / "acme")
    git(*allowed, "submodule", "--quiet", "add", "--name", "the/middle", str(middle), "middle", cwd=root)
    git(*allowed, "submodule", "--quiet", "update", "--init", "--recursive", cwd=root)
    git("commit", "--quiet", "--message=middle", cwd=root)
    built = here.built(root)
    inner.rename(tmp_path / "gone")
    middle.rename(tmp_path / "gone as well")
    rebuilt = here.rebuild(built, root)
    assert rebuilt.result == "equal", rebuilt
    assert (tmp_path / "rebuild" / "clone" / "middle" / "inner" / "data.txt").read_text() == "inner"
    # A checkout without them, as that of a runner, is rebuilt without them.
    (tmp_path / "rebuild").rename(tmp_path / "first")
    git("submodule", "--quiet", "deinit", "--all", "--force", cwd=root)
    rebuilt = here.rebuild(here.built(root), root)
    assert rebuilt.result == "equal", rebuilt
    assert not list((tmp_path / "rebuild" / "clone" / "middle").iterdir())


@pytest.mark.long
def test_folder_of_a_repository(here: Shop, tmp_path: Path) -> None:
    """A project in a folder of its repository is rebuilt there, and may read what is beside it."""
    top = tmp_path / "top"
    root = top / "packages" / "acme"
    repository(root)
    (root / ".git").rename(top / ".git")
    (top / "shared.txt").write_text("shared")
    generate = "import pathlib, os\nup = pathlib.Path('../../shared.txt')\nFILES = {'a.py': str(up.is_file())}"
    (root / "generate.py").write_text(generate)
    git("add", "--all", cwd=top)
    git("commit", "--quiet", "--message=packages", cwd=top)
    assert here.rebuild(here.built(root), top, "packages/acme").result == "equal"


def not_built(root: Path) -> Built:
    """What a run says that has built the commit of this repository, on this Python."""
    python = ".".join(map(str, sys.version_info[:3]))
    environment = BuildEnvironment(python, sys.implementation.name, "linux-x86_64", 1, "022", WHEEL, (), ())
    commit = git("rev-parse", "HEAD", cwd=root).strip()
    return Built("20261126-000000-000", commit, "t", "", (Artifact(WHEEL, 1, "a" * 64),), environment)


def test_large_files_that_are_pointers(here: Shop, tmp_path: Path) -> None:
    """Files in git-lfs are fetched where the run had them; without git-lfs, or its server, it is said."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n"
    root = repository(tmp_path / "acme", files={"data.bin": pointer, ".gitattributes": "*.bin -text\n"})
    with pytest.raises(OmniReleaseError) as error:
        here.rebuild(not_built(root), root)
    assert "git-lfs" in error.value.full_message


def test_what_cannot_be_repeated(here: Shop, tmp_path: Path) -> None:
    """Each reason says what to do, and nothing is cloned."""
    root = repository(tmp_path / "acme")
    built = not_built(root)
    reasons: list[tuple[Built, type[OmniReleaseError], str, str]] = [
        (dataclasses.replace(built, artifacts=()), UsageError, "no distributions", "omni-release runs"),
        (dataclasses.replace(built, tree="prebuilt 1"), UsageError, "were given to it", "the run that has built"),
        (dataclasses.replace(built, commit="--upload-pack=x"), UsageError, "outside of a git repository", "Commit"),
        (dataclasses.replace(built, commit=None), UsageError, "outside of a git repository", "Commit"),
        (dataclasses.replace(built, environment=None), Inconclusive, "does not state", "omni-release rehearse"),
        (with_environment(built, python="3.9.1"), Inconclusive, "built with cpython 3.9.1", "uvx --python 3.9 "),
        (with_environment(built, implementation="pypy"), Inconclusive, "built with pypy", "uvx --python pypy@"),
    ]
    for changed, kind, message, hint in reasons:
        with pytest.raises(kind, match=message) as error:
            here.rebuild(changed, root)
        assert hint in error.value.hint
        assert list((tmp_path / "rebuild").iterdir()) == []
        (tmp_path / "rebuild").rmdir()
