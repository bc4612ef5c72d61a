"""Sound releases of the index pass without settings, and the page says what came of each."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from omni_release.core.errors import Inconclusive
from tests.compatibility import LIST, PAGE, RESULTS, Package, packages
from tests.compatibility.__main__ import read
from tests.compatibility.page import page
from tests.compatibility.rehearsal import child_environment, rehearse

LISTED = packages()
QUICK = {"iniconfig", "ifaddr", "llm-echo"}
"""With a [project] table, with a setup.py alone, and a plugin of an AI tool: the other small ones are long."""
SMALL = [
    pytest.param(package, id=package.name, marks=[] if package.name in QUICK else [pytest.mark.long])
    for package in LISTED
    if package.in_ci
]


@pytest.mark.rehearsal
@pytest.mark.parametrize("package", SMALL)
def test_small_ones_pass(package: Package, tmp_path: Path) -> None:
    """A small sound release of each kind passes without settings."""
    try:
        result = rehearse(package, tmp_path / "rehearsal", sdists=tmp_path / "sdists", checkouts=None)
    except Inconclusive as error:
        pytest.skip(f"the index cannot be reached: {error.message}")
    assert (result.verdict, result.blocked) == ("passed", ())


def test_the_page_is_up_to_date() -> None:
    """docs/compatibility.md is what `nox -s compatibility` writes from the list and the kept results."""
    assert PAGE.read_text(encoding="utf-8") == page(LISTED, read(RESULTS))


def test_each_name_of_the_list_is_a_package() -> None:
    """What the list says of packages, it says of those that it lists."""
    names, document = {package.name for package in LISTED}, tomllib.loads(LIST.read_text(encoding="utf-8"))
    assert {*document["uses-ai"], *document["in-ci"], *document["parts-of-tests"], *document["opinions"]} <= names


def test_no_key_reaches_a_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of a package gets no credential, and no variable of a CI service."""
    for name in ("OPENAI_API_KEY", "TWINE_PASSWORD", "GITHUB_ACTIONS", "OMNI_RELEASE_RUN"):
        monkeypatch.setenv(name, "1")
    assert not {"OPENAI_API_KEY", "TWINE_PASSWORD", "GITHUB_ACTIONS", "OMNI_RELEASE_RUN"} & set(
        child_environment(tmp_path)
    )
