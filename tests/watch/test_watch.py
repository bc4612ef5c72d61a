"""`omni-release watch`, with the real installers and an index on this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from omni_release.cli import main
from omni_release.core.world import IndexFile, World
from omni_release.watch import checks
from tests.conftest import Ran, child_environment, git, omni
from tests.environments.support import wheel
from tests.index.support import tarred
from tests.watch.support import GitHub, Index, served

BEFORE, DAY, AFTER = "2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z"
DEAD = "MODEL = 'gemini-2.0-flash'\n"  # shut down on 2026-06-01
WELL = {"acme/__init__.py": "import inner\n"}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index with two versions of inner: one from before the release of acme, and one from after."""
    index = Index()
    for version, time in (("1.0", BEFORE), ("1.1", AFTER)):
        index.add(wheel(tmp_path, {"inner.py": f"VERSION = '{version}'\n"}, name="inner", version=version), time)
    with served(index):
        yield index


def watched(index: Index, cwd: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Ran:
    """The watch of acme, by default; from this index alone."""
    url = index.url
    more = {"PIP_INDEX_URL": url, "UV_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
    more |= {"UV_CACHE_DIR": str(cwd / ".uv")} | dict(environment or {})
    return omni("watch", *(arguments or ("acme", "--format", "json")), cwd=cwd, environment=child_environment(**more))


def rules(ran: Ran, severity: str = "error") -> set[str]:
    """The rules of the findings."""
    return {f["rule"] for o in ran.document["outcomes"] for f in o["findings"] if f["severity"] == severity}


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a shebang")
def test_a_model_that_died(index: Index, tmp_path: Path) -> None:
    """What broke since the release is in every format of the report, and in one issue."""
    index.add(wheel(tmp_path, {**WELL, "acme/text.py": DEAD}, requires=["inner"]), DAY)
    github = GitHub.of(tmp_path / "bin")
    environment = {"PATH": f"{github.folder}{os.pathsep}{os.environ['PATH']}"}
    command = ("acme", "--format", "json", "--output", "out", "--issue")
    where = {"GH_REPO": "", "GITHUB_REPOSITORY": "github.com/acme/acme"}
    ran = watched(index, tmp_path, *command, environment=environment | where)
    assert ran.code == 1, ran.err
    assert rules(ran) == {"retired-models/model-shut-down"}
    assert rules(ran, "warning") >= {"changes-since-release/models-ended", "changes-since-release/newer-dependencies"}
    (place,) = (f["path"] for f in ran.outcome("retired-models")["findings"] if f["severity"] == "error")
    assert place == "acme/text.py"
    assert "inner 1.0 → 1.1" in str(ran.outcome("changes-since-release"))
    assert ran.outcome("works-with-uv")["status"] == ran.outcome("works-with-pip")["status"] == "passed"
    for name in ("report.json", "report.md", "report.html", "report.sarif", "report.junit.xml"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert ("gemini-2.0-flash" in text, "rehearsal index" in text) == (True, False), name
    (issue,) = github.state["issues"]
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "Acme"\nversion = "1.0"\n', encoding="utf-8")
    (tmp_path / "acme.py").touch()
    git("init", "--quiet", cwd=tmp_path)
    git("remote", "add", "origin", "git@github.com:acme/acme.git", cwd=tmp_path)
    of_checkout = environment | {"GH_REPO": "", "GITHUB_REPOSITORY": "other/other"}
    again = watched(index, tmp_path, "--issue", "--report", "out/report.json", environment=of_checkout)
    assert (again.code, github.state["issues"]) == (0, [issue]), again.out
    assert "gemini-2.0-flash: shut down 2026-06-01" in issue["body"].replace("\\", "")
    assert str(tmp_path) not in issue["body"]


@pytest.mark.long
def test_import_and_yanks(index: Index, tmp_path: Path) -> None:
    """A release that a newer dependency breaks, and that is yanked; a dependency of its day is, too."""
    broken = {"acme/__init__.py": "import inner\nassert inner.VERSION == '1.0', 'inner has changed'\n"}
    index.add(wheel(tmp_path, broken, requires=["inner<2"]), DAY, "it deletes files")
    index.add(tmp_path / "inner-1.0-py3-none-any.whl", BEFORE, "a leak")
    index.add(wheel(tmp_path, {"inner.py": ""}, name="inner", version="2.0"), AFTER)
    ran = watched(index, tmp_path)
    assert ran.code == 1, ran.err
    assert rules(ran) == {"release-not-yanked/yanked", "works-with-uv/import-fails", "works-with-pip/import-fails"}
    found = str(ran.outcome("changes-since-release"))
    assert "acme 1.0 is yanked: it deletes files" in str(ran.outcome("release-not-yanked"))
    assert "inner 1.1 (newest: 2.0)" in found
    assert "is yanked: inner 1.0: a leak" in found


@pytest.mark.long
def test_what_does_not_install(index: Index, tmp_path: Path) -> None:
    """A dependency that cannot be built any more: the release fails, and the report says what was published since."""
    index.add(wheel(tmp_path, WELL, requires=["inner"]), DAY)
    stated = b'[build-system]\nrequires = []\nbuild-backend = "missing_back_end"\n'
    files = {"inner-2.0/pyproject.toml": stated, "inner-2.0/PKG-INFO": b"Metadata-Version: 2.1\nName: inner\n"}
    index.add(tarred(tmp_path / "inner-2.0.tar.gz", files), AFTER)
    ran = watched(index, tmp_path)
    assert (ran.code, ran.outcome("install-published-with-uv")["status"]) == (1, "failed"), ran.err
    assert ran.outcome("works-with-uv")["status"] == "skipped"
    assert "inner 1.0 (newest: 2.0)" in str(ran.outcome("changes-since-release"))


@pytest.mark.long
def test_a_checkout(index: Index, tmp_path: Path) -> None:
    """The project of a checkout, by its settings and with its paths; not a newer version that was yanked."""
    requirement = {"acme/__init__.py": "", "acme/text.py": DEAD}
    index.add(wheel(tmp_path, requirement), DAY)
    index.add(wheel(tmp_path, {"acme/__init__.py": ""}, version="2.0"), AFTER, "broken")
    root = tmp_path / "checkout"
    (root / "src" / "acme").mkdir(parents=True)
    (root / "src" / "acme" / "__init__.py").touch()
    waiver = 'check = "retired-models/model-shut-down"\npath = "src/acme/text.py"\nuntil = 2027-06-01\nreason = "x"\n'
    for waived in ("", f"[[tool.omni-release.waiver]]\n{waiver}"):
        text = f'[project]\nname = "acme"\nversion = "3.0"\n{waived}'
        (root / "pyproject.toml").write_text(text, encoding="utf-8")
        ran = watched(index, root, "--format", "json")
        assert (ran.document["version"], bool(rules(ran))) == ("1.0", not waived), ran.err
        assert "src/acme/text.py" in {finding["path"] for finding in ran.outcome("retired-models")["findings"]}
    assert not (root / ".omni-release").exists()


@pytest.mark.long
def test_an_sdist_alone(index: Index, tmp_path: Path) -> None:
    """A release without a wheel is built as installers do."""
    back_end = (
        "import zipfile\n"
        "def build_wheel(folder, *given):\n"
        "    name = 'acme-1.0-py3-none-any.whl'\n"
        "    info = 'acme-1.0.dist-info/'\n"
        "    with zipfile.ZipFile(f'{folder}/{name}', 'w') as archive:\n"
        "        archive.writestr('acme.py', '')\n"
        "        archive.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\n')\n"
        "        archive.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\n'\n"
        "            'Tag: py3-none-any\\n')\n"
        "        archive.writestr(info + 'RECORD', '')\n"
        "    return name\n"
    )
    stated = '[build-system]\nrequires = []\nbuild-backend = "back_end"\nbackend-path = ["."]\n'
    files = {"back_end.py": back_end, "pyproject.toml": f'{stated}[project]\nname = "acme"\nversion = "1.0"\n'}
    files |= {"acme.py": "", "PKG-INFO": "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"}
    named = {f"acme-1.0/{name}": text.encode() for name, text in files.items()}
    index.add(tarred(tmp_path / "acme-1.0.tar.gz", named), DAY)
    ran = watched(index, tmp_path)
    assert ran.outcome("build-wheel")["status"] == ran.outcome("works-with-pip")["status"] == "passed", ran.err


def test_the_index_does_not_answer(tmp_path: Path) -> None:
    """Without an answer nothing is known, which the document says, too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        silent = Index(f"http://127.0.0.1:{free.getsockname()[1]}/simple/")
    ran = watched(silent, tmp_path)
    assert (ran.code, ran.document["exit_code"], "does not list its files" in ran.out) == (3, 3, True), ran.out


@dataclass(frozen=True)
class Listing:
    """An index that lists these files for each project."""

    listed: tuple[IndexFile, ...]

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """The files."""
        return self.listed


@pytest.mark.parametrize(
    ("requires_python", "held"), [("", True), (">=3.9", True), (">=3.99", False), ("<3.0", False), ("odd", True)]
)
def test_held_back(requires_python: str, held: bool, world: World) -> None:
    """A newer version that this Python cannot have is not excluded by the requirements."""
    files = (
        IndexFile("inner-1.0.tar.gz", None, "", datetime.fromisoformat(BEFORE)),
        IndexFile("inner-2.0.tar.gz", None, "", datetime.fromisoformat(AFTER), None, requires_python),
    )
    asked = replace(world, default_index=Listing(files))  # type: ignore[arg-type]  # as much of it as is used
    current = {"inner": "1.0"}
    found = checks._on_the_index(current, current, datetime.fromisoformat(DAY), asked)
    assert [finding.rule for finding in found] == [checks.HELD_BACK.id] * held


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("acme>=1",), "is no release"),
        (("acme==1==2",), "is no release"),
        (("acme", "--repo", "a/b"), "Add --issue"),
        (("acme", "--issue"), "Name it with --repo"),
        (("--issue", "--report", "missing.json"), "cannot be read"),
        (("--issue", "--report", "other.json"), "is no report of a whole watch"),
    ],
)
def test_wrong_calls(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong with a command line is said before anything is asked."""
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for variable in ("GH_REPO", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(variable, raising=False)
    assert main.main(["watch", *arguments]) == 2
    assert says in capsys.readouterr().err
