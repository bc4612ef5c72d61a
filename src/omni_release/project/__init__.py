"""pyproject.toml → `Project`: names, layout, settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_release.core import settings
from omni_release.core.errors import SettingsError, UsageError
from omni_release.core.model import Project
from omni_release.core.settings import Settings
from omni_release.core.toml import table

_NOT_PACKAGES = {"tests", "test", "testing", "docs", "doc", "examples", "example", "bench", "benchmarks", "scripts"}


def load(root: Path) -> Project:
    """The project in the folder `root`.

    Raises UsageError where there is no pyproject.toml, SettingsError where it is invalid, or no file states the
    project's name.
    """
    metadata, chosen = read(root)
    name = name_of(root, metadata)
    if not name:
        path = root / "pyproject.toml"
        raise SettingsError("[project] has no name", 'Add `name = "…"` under [project].', path=path)
    packages = tuple(_configured_packages(root, chosen.import_packages)) or tuple(_discovered_packages(root, name))
    return Project(root, name, packages, chosen, metadata)


def read(root: Path) -> tuple[Mapping[str, object], Settings]:
    """The content of the pyproject.toml in `root`, and its settings. Raises as `load`, but needs no name."""
    path = root / "pyproject.toml"
    text = _text(path)
    try:
        metadata = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column \d+\)", str(error))
        raise SettingsError(
            f"is not valid TOML: {error}",
            "Correct that line.",
            path=path,
            line=int(at[1]) if at else text.count("\n") + 1,
        ) from None
    return metadata, settings.read(metadata, path, text)


def name_of(root: Path, metadata: Mapping[str, object]) -> str:
    """The project's name, from pyproject.toml, else from setup.cfg or setup.py; empty where none states it."""
    if "project" not in metadata and "poetry" not in table(metadata, "tool"):
        from omni_release.versions.checkout import Checkout
        from omni_release.versions.member import Member

        checkout = Checkout(str(root))
        return Member(checkout, checkout.inside).name
    name = table(metadata, "project").get("name") or table(metadata, "tool", "poetry").get("name")
    return name.strip() if isinstance(name, str) else ""


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"there is no pyproject.toml in {path.parent}",
            "Run this in the folder of a Python project, or name one with --project DIR.",
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"is not UTF-8 ({error.reason} at byte {error.start})", "Save it as UTF-8.", path=path
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def _configured_packages(root: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(
                f"`import-packages` in [{settings.TABLE}] names {name!r}, which is not a valid import name",
                "Write the dotted name of an import statement, for example acme.tools.",
            )
        inside = Path(*name.split("."))
        paths = [
            base / part for base in (Path("src"), Path()) for part in (inside, inside.with_name(inside.name + ".py"))
        ]
        package = next((path for path in paths if (root / path).exists()), None)
        if package is None:
            raise UsageError(
                f"`import-packages` in [{settings.TABLE}] names {name!r}, not a package or module of the project",
                f"Looked for {', '.join(path.as_posix() for path in paths)}.",
            )
        yield package


def _discovered_packages(root: Path, name: str) -> Iterator[Path]:
    """The import packages of a project that does not name them: all of src/, else the one with the project's name."""
    if (root / "src").is_dir() and (inside := sorted(_packages_in(root, Path("src"), depth=2))):
        yield from inside
        return
    module = re.sub(r"[-_.]+", "_", name).lower()
    for entry in sorted(root.iterdir()):
        if entry.name.lower() == module and (entry / "__init__.py").is_file():
            yield Path(entry.name)
            return
        if entry.name.lower() == f"{module}.py":
            yield Path(entry.name)
            return
    dotted = Path(*name.lower().replace("-", ".").split("."))
    if len(dotted.parts) > 1 and any((root / dotted).glob("*.py")):
        yield dotted
        return
    yield from (path for path in sorted(_packages_in(root, Path(), depth=0)) if path.stem not in _NOT_PACKAGES)


def _packages_in(root: Path, base: Path, depth: int) -> Iterator[Path]:
    """Packages in `base`, and modules in src/; namespace folders are searched down to `depth` levels."""
    for entry in (root / base).iterdir():
        path = base / entry.name
        if entry.name.endswith("-stubs") and (entry / "__init__.pyi").is_file():  # PEP 561
            yield path
        if not (entry.name if entry.is_dir() else entry.stem).isidentifier():
            continue
        if entry.is_dir() and not (entry / "__init__.py").is_file():
            yield from _packages_in(root, path, depth - 1) if depth else ()
        elif entry.is_dir() or (entry.suffix == ".py" and base == Path("src")):
            yield path
