"""Extras that are installed because the tests cannot be imported without them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from omni_release.core.model import Release
from omni_release.testing import extras
from omni_release.testing.results import FailedTest
from tests.environments import support

REQUIRES = ("google-auth; extra == 'gcp'", "humanize; extra == 'viz'", "humanize; extra == 'test'", "grpcio")


def failure(statement: str, module: str) -> tuple[FailedTest, str]:
    """A failed import as pytest shows it, and the module that its message names."""
    text = f"src/acme/sdk.py:6: in <module>\n    {statement}\nE   ModuleNotFoundError: No module named '{module}'"
    return FailedTest("test_a", "", text), module


@pytest.mark.parametrize(
    ("unmet", "expected"),
    [
        ([failure("import google.auth.credentials", "google")], ("gcp",)),
        ([failure("from google.auth import default", "google")], ("gcp",)),
        ([failure("import humanize", "humanize")], ("viz",)),
        ([failure("import google.auth", "google"), failure("import humanize", "humanize")], ("gcp", "viz")),
        ([failure("import google.cloud.storage", "google")], ()),
        ([failure("import grpc", "grpc")], ()),  # a dependency, which is broken then
        ([failure("import humanize", "humanize"), failure("import nowhere", "nowhere")], ()),
    ],
)
def test_needed(unmet: list[tuple[FailedTest, str]], expected: tuple[str, ...], tmp_path: Path) -> None:
    """The extras that declare all that is missing; none where something else would still be missing."""
    support.wheel(tmp_path / "dist", {"acme/__init__.py": ""}, requires=REQUIRES)
    release = SimpleNamespace(dist=tmp_path / "dist", environment=lambda name: tmp_path / name)
    assert extras.needed(cast("Release", release), unmet) == expected
