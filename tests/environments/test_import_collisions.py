"""Modules and import names that the release and a dependency of it both provide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import site_packages
from omni_release.environments.import_collisions import imports_unshared
from tests.index.support import metadata, record
from tests.wheels import write_wheel

ACME = {"acme.py": "", "tests/__init__.py": "", "space/__init__.py": "", "data/x.json": ""}


def installed(site: Path, name: str, version: str, files: Mapping[str, str], lines: Sequence[str]) -> None:
    """Install a distribution as an installer does: its files, and its RECORD; of two files, the last one stays."""
    info = f"{name}-{version}.dist-info"
    content = {path: text.encode() for path, text in files.items()}
    content[f"{info}/METADATA"] = metadata(version, *lines, name=name, form="2.5").encode()
    content[f"{info}/RECORD"] = record(content, f"{info}/RECORD")
    for path, data in content.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(data)


def found(release: Release, files: Mapping[str, str], lines: Sequence[str]) -> list[tuple[str, str]]:
    """What is found where the release is installed with `other`, which has these files and states these names."""
    write_wheel(release.dist, "acme", "1.0", ACME, *OWN, form="2.5")
    site = site_packages(release.environment("released-uv"))
    installed(site, "acme", "1.0", ACME, OWN)
    installed(site, "other", "2.0", files, lines)
    return [(finding.rule, finding.message) for finding in imports_unshared(release, cast(World, None))]


OWN = ("Import-Name: acme", "Import-Name: tests; private", "Import-Namespace: space")


@pytest.mark.parametrize(
    ("files", "lines", "rule", "part"),
    [
        ({"other.py": "", "data/x.json": "{}"}, (), "", ""),
        ({"other.py": "", "tests/__init__.py": "", "tests/test_other.py": "x = 1"}, (), "", ""),
        ({"space/__init__.py": "", "space/b.py": ""}, ("Import-Namespace: space", "Import-Name: space.b"), "", ""),
        (
            {"tests/__init__.py": "x = 1"},
            (),
            "same-file",
            "other 2.0 installs the same modules with other content: tests/",
        ),
        ({"acme.py": "x = 1"}, (), "same-file", "content: acme.py"),
        ({"other.py": ""}, ("Import-Name: acme",), "import-name-taken", "other 2.0 states the same import names: acme"),
        ({"other.py": ""}, ("Import-Namespace: acme",), "import-name-taken", "names: acme"),
        ({"other.py": ""}, ("Import-Name: space; private",), "import-name-taken", "names: space"),
    ],
)
def test_dependency(
    files: Mapping[str, str], lines: Sequence[str], rule: str, part: str, release: Release, tmp_path: Path
) -> None:
    """The same module with other content and the same own name are found; the same bytes and namespaces are fine."""
    made = replace(release, folder=tmp_path / "run")
    said = found(made, files, lines)
    assert [rule for rule, _ in said] == [rule] * bool(rule)
    assert all(part in message for _, message in said)


def test_not_installed(release: Release) -> None:
    """Without an installation there is nothing to compare."""
    site_packages(release.environment("released-uv")).mkdir(parents=True)
    with pytest.raises(NotApplicable):
        list(imports_unshared(release, cast(World, None)))
