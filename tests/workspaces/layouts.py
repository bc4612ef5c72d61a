"""Workspaces for tests: small packages that require each other, in the layouts of several tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def package(name: str, version: str = "1.0.0", *requirements: str, more: str = "") -> str:
    """The pyproject.toml of a package."""
    listed = ", ".join(f'"{item}"' for item in requirements)
    return f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = [{listed}]\n{more}\n{HATCHLING}'


def laid_out(root: Path, files: Mapping[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


UV = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
CORE = {"packages/core/pyproject.toml": package("acme-core"), "packages/core/acme_core.py": ""}
PLUG = {
    "packages/plug/pyproject.toml": package("acme_plug", "0.3", "acme-core>=1,<2", "httpx"),
    "packages/plug/acme_plug.py": "",
}
