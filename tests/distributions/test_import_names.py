"""Import names that a project states (PEP 794): read, compared with the wheel, and used for what is imported."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

import pytest

from omni_release import project
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Release, importable
from omni_release.distributions.import_name_checks import import_names_match
from omni_release.distributions.import_names import ImportNames, Modules
from omni_release.environments.imports import Environment
from omni_release.environments.installed_release import InstalledRelease
from omni_release.project.checks import project_valid
from tests.conftest import RunCheck
from tests.wheels import write_wheel

ACME = ("acme/__init__.py", "acme/inner/a.py")
CLOUD = ("google/cloud/acme/__init__.py", "google/cloud/acme/api.py")


def stated(*lines: str, form: str = "2.5") -> Message:
    """Core metadata with these lines."""
    message = Message()
    for line in (f"Metadata-Version: {form}", *lines):
        name, _, value = line.partition(":")
        message[name] = value.strip()
    return message


@pytest.mark.parametrize(
    ("lines", "form", "expected"),
    [
        ((), "2.5", None),
        (("Import-Name: acme",), "2.4", None),
        (("Import-Name: acme",), "2.10", ImportNames(("acme",))),
        (("Import-Name: acme", "Import-Name: _acme ;private"), "2.5", ImportNames(("acme",), ("_acme",))),
        (("Import-Name: ",), "2.5", ImportNames()),
        (("Import-Namespace: google",), "2.5", ImportNames(namespaces=("google",))),
        (("Import-Name: a", "Import-Name: a; private"), "2.5", ImportNames(("a",), ("a",), (), ("a",))),
        (("Import-Name: a", "Import-Namespace: a"), "2.5", ImportNames(("a",), (), ("a",), ("a",))),
        (("Import-Name: a", "Import-Name: a"), "2.5", ImportNames(("a",))),
    ],
)
def test_metadata(lines: Sequence[str], form: str, expected: ImportNames | None) -> None:
    """The fields are read from the version that defines them on; an empty one says that there is no name."""
    assert ImportNames.of_metadata(stated(*lines, form=form)) == expected


def test_modules() -> None:
    """Modules of all kinds count, also in a namespace or an installation scheme; stubs, data and scripts do not."""
    files = (
        *("a.py", "b/__init__.py", "c/d/e.py", "f.cpython-311-x86_64-linux-gnu.so", "g.abi3.so", "h.pyd", "i.pyc"),
        *("acme-1.0.data/purelib/j.py", "acme-1.0.data/scripts/k.py", "acme-1.0.dist-info/l.py", "m-stubs/__init__.py"),
        *("data/file.txt", "n.pyi", "share/acme.json"),
    )
    assert sorted(Modules.of(files).names) == ["a", "b", "c", "c.d", "c.d.e", "f", "g", "h", "i", "j"]


CASES: list[tuple[Sequence[str], Sequence[str], list[tuple[str, str]]]] = [
    (ACME, ("Import-Name: acme",), []),
    ((*ACME, "_acme.abi3.so"), ("Import-Name: acme", "Import-Name: _acme; private"), []),
    (CLOUD, ("Import-Name: google.cloud.acme", "Import-Namespace: google", "Import-Namespace: google.cloud"), []),
    (("data/x.txt",), ("Import-Name: ",), [("", "nothing can be imported")]),
    (ACME, ("Import-Name: acme", "Import-Name: other"), [("import-name-missing", "import name other")]),
    (("data/x.txt",), ("Import-Name: acme",), [("import-name-missing", "import name acme")]),
    (ACME, ("Import-Name: acme", "Import-Namespace: ns"), [("import-name-missing", "import name ns")]),
    (
        (*ACME, "tests/__init__.py"),
        ("Import-Name: acme",),
        [("import-name-unlisted", "imported from acme-1.0-py3-none-any.whl: tests")],
    ),
    (ACME, ("Import-Name: ",), [("import-name-unlisted", ": acme")]),
    (
        (*CLOUD, "google/cloud/more.py"),
        ("Import-Name: google.cloud.acme", "Import-Namespace: google", "Import-Namespace: google.cloud"),
        [("import-name-unlisted", ": google.cloud.more")],
    ),
    (
        CLOUD,
        ("Import-Name: google.cloud.acme", "Import-Namespace: google"),
        [("import-name-unlisted", "whl: google.cloud"), ("import-name-unlisted", "above them: google.cloud")],
    ),
    (ACME, ("Import-Name: acme", "Import-Namespace: acme"), [("import-name-ambiguous", "acme is stated twice")]),
]


@pytest.mark.parametrize(("files", "lines", "expected"), CASES)
def test_wheel(
    files: Sequence[str], lines: Sequence[str], expected: list[tuple[str, str]], tmp_path: Path, run_check: RunCheck
) -> None:
    """What is stated and not there, there and not stated, or stated twice is found; what fits is not."""
    write_wheel(tmp_path / "run" / "dist", "acme", "1.0", dict.fromkeys(files, ""), *lines, form="2.5")
    found = [(finding.rule, finding.message.partition("\n")[0]) for finding in run_check(import_names_match)]
    assert [rule for rule, _ in found] == [rule for rule, _ in expected]
    for (_, message), (_, part) in zip(found, expected, strict=True):
        assert part in message


def add_sdist(dist: Path, *lines: str, form: str = "2.5") -> None:
    """An sdist with these lines in its metadata."""
    content = "\n".join((f"Metadata-Version: {form}", "Name: acme", "Version: 1.0", *lines, "")).encode()
    with tarfile.open(dist / "acme-1.0.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("acme-1.0/PKG-INFO")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("lines", "form", "differ"),
    [
        (("Import-Name: acme",), "2.5", False),
        (("Import-Name: acme; private",), "2.5", True),
        ((), "2.5", True),
        (("Import-Name: acme",), "2.4", True),
        (("Dynamic: Import-Name",), "2.5", False),
    ],
)
def test_distributions_agree(
    lines: Sequence[str], form: str, differ: bool, tmp_path: Path, run_check: RunCheck
) -> None:
    """An sdist states the same names as the wheel, unless the build determines them."""
    dist = tmp_path / "run" / "dist"
    write_wheel(dist, "acme", "1.0", dict.fromkeys(ACME, ""), "Import-Name: acme", form="2.5")
    add_sdist(dist, *lines, form=form)
    assert [finding.rule for finding in run_check(import_names_match)] == ["import-names-differ"] * differ


def test_of_one_platform(tmp_path: Path, run_check: RunCheck) -> None:
    """A module that only one of the wheels has is there."""
    dist, lines = tmp_path / "run" / "dist", ("Import-Name: acme", "Import-Name: acme_nt; private")
    made = write_wheel(dist, "acme", "1.0", dict.fromkeys(ACME, ""), *lines, form="2.5")
    made.rename(dist / "acme-1.0-py3-none-manylinux_2_28_x86_64.whl")
    made = write_wheel(dist, "acme", "1.0", dict.fromkeys((*ACME, "acme_nt.py"), ""), *lines, form="2.5")
    made.rename(dist / "acme-1.0-py3-none-win_amd64.whl")
    assert run_check(import_names_match) == []


PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\n'


@pytest.mark.parametrize(("lines", "rules"), [("", None), ('import-names = ["acme"]\n', ["import-names-lost"])])
def test_not_in_the_metadata(lines: str, rules: list[str] | None, tmp_path: Path, run_check: RunCheck) -> None:
    """A back end that leaves them out of the metadata is advice; without any, nothing is to be compared."""
    write_wheel(tmp_path / "run" / "dist", "acme", "1.0", dict.fromkeys(ACME, ""))
    files = {"pyproject.toml": PYPROJECT + lines, "acme/__init__.py": ""}
    if rules is None:
        with pytest.raises(NotApplicable):
            run_check(import_names_match, files)
    else:
        assert [finding.rule for finding in run_check(import_names_match, files)] == rules


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        ('import-names = ["one"]', ("one/__init__.py", "two/__init__.py"), ("one",)),
        ('import-names = ["src_of.inner"]', ("src/src_of/inner/__init__.py",), ("src_of.inner",)),
        ('import-names = ["acme", "_acme ; private"]', ("acme/__init__.py", "src/_acme.py"), ("acme", "_acme")),
        ('import-names = ["acme", "_native; private"]', ("acme/__init__.py",), ("acme", "_native")),
        ("import-names = []", ("acme/__init__.py",), ()),
        ('import-namespaces = ["ns"]', ("src/ns/acme/__init__.py",), ("ns.acme",)),
        ('import-names = ["not a name"]', ("acme/__init__.py",), ()),
        ('import-names = ["one"]\n[tool.omni-release]\nimport-packages = ["two"]', ("one.py", "two.py"), ("two",)),
    ],
)
def test_project(lines: str, files: Sequence[str], expected: tuple[str, ...], tmp_path: Path) -> None:
    """What a project imports as is what [project] states; the setting goes first."""
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "pyproject.toml").write_text(f"{PYPROJECT}{lines}\n", encoding="utf-8")
    assert importable(project.load(tmp_path)) == expected


def test_no_names_are_valid(run_check: RunCheck) -> None:
    """A project that states that it has no import names needs no import package."""
    files = {"pyproject.toml": f"{PYPROJECT}import-names = []\n", "data.txt": ""}
    assert "import-package" not in [finding.rule for finding in run_check(project_valid, files)]


def test_files_without_a_checkout(tmp_path: Path, release: Release) -> None:
    """The import of a wheel without a checkout begins with the names that its metadata state."""
    files = dict.fromkeys((*CLOUD, "google/other.py"), "")
    made = write_wheel(tmp_path, "acme", "1.0", files, "Import-Name: google.cloud.acme", form="2.5")
    assert InstalledRelease(Environment(release, "released-uv"), made).modules == ("google.cloud.acme",)
