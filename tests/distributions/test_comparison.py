"""Comparison of two wheels: what back ends write differently is no difference of the project."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from omni_release.distributions import comparison

INFO = "acme-1.0.dist-info"
SCM = "__version__ = version = '1.0'\n__commit_id__ = commit_id = {}\n"
VERSIONEER = '{{\n "dirty": {},\n "full-revisionid": "{}",\n "version": "1.0"\n}}\n'
META = "Metadata-Version: 2.4\nName: acme\nVersion: 1.0\n{}\n\nAbout acme\n"


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("acme/_version.py", SCM.format("None"), SCM.format("'g8d39ac2'")),
        ("acme/_version.py", "version = '1.0'\n", "version = '1.0'\n# at commit 8d39ac2\n"),
        ("acme/_version.py", VERSIONEER.format("false", "8d39"), VERSIONEER.format("true", "aa11")),
        ("acme/_version.py", "version = '1.0'\n", "version = '1.0'\ngit_revision: str = '8d39ac2'\n"),
        ("acme/build_info.json", '{"build_date": "2026-01-01"}', '{"build_date": "2026-01-02"}'),
        (f"{INFO}/METADATA", META.format("Classifier: A\nClassifier: B"), META.format("Classifier: B\nClassifier: A")),
        (f"{INFO}/top_level.txt", "acme\n", "acme\n_acme\n"),
        (f"{INFO}/top_level.txt", "acme\n", None),
        (f"{INFO}/WHEEL", "Generator: setuptools (82)\n", "Generator: setuptools (83)\n"),
        (f"{INFO}/sboms/acme.cyclonedx.json", '{"serialNumber": "1"}', '{"serialNumber": "2"}'),
        ("acme/config.py", "prefix = '{work}/source/acme'\n", "prefix = '{work}/tmp123/acme-1.0/acme'\n"),
    ],
)
def test_expected(name: str, one: str, two: str | None, tmp_path: Path) -> None:
    """The file is listed as one that is expected to differ."""
    found = compared(tmp_path, name, one, two)
    assert found == comparison.Differences((), (), (), (name,))


@pytest.mark.parametrize("name", ["acme/fast.cpython-311-x86_64-linux-gnu.so", "acme/libacme.so.1.2", "acme/tool.exe"])
def test_compiled(name: str, tmp_path: Path) -> None:
    """Compiled files are compared by name."""
    assert compared(tmp_path, name, "one", "two") == comparison.Differences((), (), (), ())


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("acme/__init__.py", "x = 1\n", "x = 2\n"),
        ("acme/_version.py", SCM.format("None"), SCM.format("'g8d39ac2'").replace("1.0", "1.1.dev0")),
        (f"{INFO}/METADATA", META.format("Requires-Dist: rich"), META.format("Classifier: A")),
        (f"{INFO}/METADATA", META.format("Classifier: A"), META.format("Classifier: A").replace("About", "On")),
        (f"{INFO}/entry_points.txt", "[a]\nb = c:d\n", "[a]\nb = c:e\n"),
    ],
)
def test_changed(name: str, one: str, two: str, tmp_path: Path) -> None:
    """Code, versions, fields of the metadata and entry points are the project's."""
    assert compared(tmp_path, name, one, two).changed == (name,)


def test_missing_and_added(tmp_path: Path) -> None:
    """A file of one wheel alone is missing in it, or added by it."""
    assert compared(tmp_path, "acme/words.py", "x", None).added == ("acme/words.py",)
    assert compared(tmp_path, "acme/words.py", None, "x").missing == ("acme/words.py",)


@pytest.mark.parametrize(
    ("published", "straight", "differs"),
    [
        (
            {"licenses/AUTHORS": "Ann", "METADATA": META.format("License-File: AUTHORS")},
            {"METADATA": META.format("")},
            "",
        ),
        ({"AUTHORS": "Ann", "METADATA": META.format("License-File: AUTHORS")}, {"METADATA": META.format("")}, ""),
        ({"METADATA": META.format("")}, {"licenses/COPYING": "MIT", "METADATA": META.format("")}, "licenses/COPYING"),
        ({"notes.txt": "x", "METADATA": META.format("")}, {"METADATA": META.format("")}, "notes.txt"),
    ],
    ids=["written", "written-by-older", "lost", "no-license"],
)
def test_license_files(published: dict[str, str], straight: dict[str, str], differs: str, tmp_path: Path) -> None:
    """A license file that the build of the sdist writes is expected; one that the sdist lost is not."""
    paths = tmp_path / "one.whl", tmp_path / "two.whl"
    for path, files in zip(paths, (published, straight), strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in ({"METADATA": META.format("")} | files).items():
                archive.writestr(f"{INFO}/{name}", content.replace("1.0\n\n", "1.0\n"))
    found = comparison.compare(*paths, tmp_path)
    assert (*found.missing, *found.added, *found.changed) == ((f"{INFO}/{differs}",) if differs else ())


def compared(folder: Path, name: str, one: str | None, two: str | None) -> comparison.Differences:
    """The comparison of two wheels in which one file has these contents; None where it has not got it."""
    paths = folder / "one.whl", folder / "two.whl"
    for path, content in zip(paths, (one, two), strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("acme/common.py", "x = 1\n")
            if content is not None:
                archive.writestr(name, content.replace("{work}", str(folder)))
    return comparison.compare(*paths, folder)
