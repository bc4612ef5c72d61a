"""Real files with their provenance, from the sdist of pypi-attestations: nothing of it is part of this repository."""

from __future__ import annotations

import importlib.metadata
import os
import tarfile
from pathlib import Path

import pytest

from omni_release.core import documents
from omni_release.core.errors import OmniReleaseError
from omni_release.environments.installer_config import default_index
from omni_release.index import downloads

GITHUB = "pypi_attestations-0.0.19.tar.gz"
GOOGLE = "gcb_attestation_test-0.0.0.tar.gz"
CIRCLECI = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"
_LIBRARY = "pypi-attestations"


def unpacked(folder: Path) -> Path:
    """The folder with the files; skips the test where the library is not installed, or its sdist is not to be had."""
    pytest.importorskip("pypi_attestations", reason="verifies the attestations")
    version = importlib.metadata.version(_LIBRARY)
    try:
        paths = downloads.download(default_index(os.environ), _LIBRARY, version, folder)
    except OmniReleaseError as error:
        pytest.skip(f"the sdist of {_LIBRARY} {version} is not to be had: {error.message}")
    sdist = next((path for path in paths if path.name.endswith(".tar.gz")), None)
    if sdist is None:
        pytest.skip(f"there is no sdist of {_LIBRARY} {version}")
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if "/test/assets/" in member.name]
        archive.extractall(folder, members, filter="data")
    (assets,) = folder.glob("*/test/assets")
    missing = [name for name in (GITHUB, GOOGLE, CIRCLECI) if not (assets / f"{name}.provenance").is_file()]
    if missing:
        pytest.skip(f"the sdist of {_LIBRARY} {version} has no provenance of {', '.join(missing)}")
    return assets


def sha256(assets: Path, name: str) -> str:
    """Of the bytes of one of the files."""
    return documents.sha256(assets / name)
