"""A checkout → `Project`: names, import packages, settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from omni_release.core import settings
from omni_release.core.errors import SettingsError, UsageError
from omni_release.core.project_files import read_whole
from omni_release.core.settings import Settings
from omni_release.core.text import listed
from omni_release.core.toml import read_values, table

TYPE_CHECKING = False  # `omni-release version` reads the settings with this module: see bench/start.py
if TYPE_CHECKING:
    from omni_release.core.model import Package, Project
    from omni_release.project.back_ends import BackEndFiles
    from omni_release.project.layout import FoundPackages


def load(root: Path, instead: Settings | None = None) -> Project:
    """The project in the folder `root`, with these settings `instead` of its own.

    Raises UsageError where there is none, SettingsError where pyproject.toml is invalid, or no file states the
    project's name.
    """
    from omni_release.core.model import Project
    from omni_release.project import back_ends, setup_files
    from omni_release.project.back_ends import BackEndFiles

    metadata, chosen = read(root, instead)
    name = name_of(root, metadata)
    if not name:
        if not (root / "pyproject.toml").exists():
            raise SettingsError(
                "states no name that can be read", "Write the name as a string.", path=root / "setup.py"
            )
        hint = "" if _states_metadata(metadata) else _projects_below(root)
        path = root / "pyproject.toml"
        raise SettingsError("[project] has no name", hint or 'Add `name = "…"` under [project].', path=path)
    checkout = BackEndFiles(root, name, metadata, setup_files.read(root))
    found = back_ends.find(checkout)
    packages, compiled = found.packages, found.compiled
    if chosen.import_packages:
        packages, compiled = _configured_packages(checkout, found, chosen.import_packages)
    elif stated := _stated_packages(checkout, found):
        packages, compiled = stated
    stated_in = "pyproject.toml"
    if checkout.setup.of_project and not _states_metadata(metadata):
        metadata = {**metadata, "project": checkout.setup.metadata(name)}
        # setup.cfg is the one that is read where both state something.
        stated_in = "setup.cfg" if checkout.setup.option("metadata", "name") else "setup.py"
    return Project(root, name, packages, chosen, metadata, compiled, stated_in)


def found_packages(project: Project) -> FoundPackages:
    """Where the import packages of a project were looked for, whatever `import-packages` says."""
    from omni_release.project import back_ends, setup_files
    from omni_release.project.back_ends import BackEndFiles

    return back_ends.find(BackEndFiles(project.root, project.name, project.metadata, setup_files.read(project.root)))


def read(root: Path, instead: Settings | None = None) -> tuple[Mapping[str, object], Settings]:
    """The content of the pyproject.toml in `root`, and its settings, or those `instead`.

    Raises as `load`, but needs no name.

    Without a pyproject.toml, beside a setup.cfg or setup.py, both are empty.
    """
    path = root / "pyproject.toml"
    if not path.exists():
        from omni_release.project import setup_files

        if setup_files.read(root).of_project:
            return {}, instead or Settings()
    text = _text(path)
    try:
        metadata = read_values(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column \d+\)", str(error))
        raise SettingsError(
            f"is not valid TOML: {error}",
            "Correct that line.",
            path=path,
            line=int(at[1]) if at else text.count("\n") + 1,
        ) from None
    return metadata, instead or settings.read(metadata, path, text)


def _states_metadata(metadata: Mapping[str, object]) -> bool:
    return "project" in metadata or "poetry" in table(metadata, "tool")


def name_of(root: Path, metadata: Mapping[str, object]) -> str:
    """The project's name, from pyproject.toml, else from setup.cfg or setup.py; empty where none states it."""
    if not _states_metadata(metadata):
        from omni_release.versions.checkout import Checkout
        from omni_release.versions.member import Member

        checkout = Checkout(str(root))
        return Member(checkout, checkout.inside).name
    name = table(metadata, "project").get("name") or table(metadata, "tool", "poetry").get("name")
    return name.strip() if isinstance(name, str) else ""


def _projects_below(root: Path) -> str:
    """What to do in the root of a repository of several projects; empty where none is in a folder of it."""
    from omni_release.file_roles import FileRoles, Role

    found = [path.relative_to(root) for depth in ("*", "*/*") for path in sorted(root.glob(f"{depth}/pyproject.toml"))]
    roles = FileRoles(())
    folders = [path.parent.as_posix() for path in found if roles.role(path.as_posix()) is Role.SHIPPED]
    return f"Name the project of this repository: --project {listed(folders, 5)}" if folders else ""


def _text(path: Path) -> str:
    try:
        return read_whole(path).decode("utf-8-sig").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"there is no pyproject.toml in {path.parent}",
            _projects_below(path.parent)
            or "Run this in the folder of a Python project, or name one with --project DIR.",
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"is not UTF-8 ({error.reason} at byte {error.start})", "Save it as UTF-8.", path=path
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


def _configured_packages(
    checkout: BackEndFiles, found: FoundPackages, names: tuple[str, ...]
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """The packages that the setting names, and the modules without Python source. Raises UsageError for any other."""
    from omni_release.core.model import Package
    from omni_release.project import back_ends

    packages, compiled = [], []
    for name in names:
        if (package := _at_path(checkout.root, found, name)) is not None:
            packages.append(package)
            continue
        if not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(
                f"`import-packages` in [{settings.TABLE}] names {name!r}, which is neither an import name nor the path "
                "of a package or module of the project",
                "Write the dotted name of an import statement (acme.tools), or a path (lib/acme).",
            )
        candidates = list(_candidates(found, name))
        path = next((path for path in candidates if (checkout.root / path).exists()), None)
        if path is not None:
            packages.append(Package(Path(path), name))
        elif name in found.compiled or back_ends.compiles(checkout.metadata):
            compiled.append(name)
        else:
            raise UsageError(
                f"`import-packages` in [{settings.TABLE}] names {name!r}, not a package or module of the project",
                f"Looked for {', '.join(path.as_posix() for path in candidates)}.",
            )
    return tuple(packages), tuple(compiled)


def _stated_packages(
    checkout: BackEndFiles, found: FoundPackages
) -> tuple[tuple[Package, ...], tuple[str, ...]] | None:
    """The packages that `import-names` in [project] states (PEP 794), and the modules without Python source.

    None where it states no names of its own: then those that the build back end installs are all that is known.
    """
    from omni_release.core.model import Package
    from omni_release.distributions.import_names import ImportNames

    stated = ImportNames.of_pyproject(checkout.metadata)
    if stated is None or not stated.own:
        return None if stated is None or stated.namespaces else ((), ())
    packages, compiled = [], []
    for name in stated.own:
        path = next((path for path in _candidates(found, name) if (checkout.root / path).exists()), None)
        if path is not None:
            packages.append(Package(Path(path), name))
        elif all(part.isidentifier() for part in name.split(".")):
            compiled.append(name)
    return tuple(packages), tuple(compiled)


def _at_path(root: Path, found: FoundPackages, path: str) -> Package | None:
    """The package at a path; its name is as the back end installs it, else its path below its source folder."""
    from omni_release.core.model import Package
    from omni_release.project.layout import SOURCE_FOLDERS, is_import_name, is_package

    inside = PurePosixPath(path.removeprefix("./").rstrip("/"))
    full = root / inside
    if (
        inside.is_absolute()
        or ".." in inside.parts
        or ("/" not in path and not inside.name.endswith((".py", "-stubs")))
    ):
        return None
    if not (full.is_dir() if full.suffix == "" else full.suffix == ".py" and full.is_file()):
        return None
    for package in found.packages:
        if package.path == Path(inside):
            return package
        if Path(inside).is_relative_to(package.path):
            below = inside.relative_to(package.path.as_posix()).with_suffix("").parts
            return Package(Path(inside), ".".join((package.name, *below)))
    parts = inside.with_suffix("").parts
    first = next((n for n in range(len(parts)) if is_package(root.joinpath(*parts[: n + 1]))), len(parts) - 1)
    first = 1 if len(parts) > 1 and parts[0] in SOURCE_FOLDERS and not is_package(root / parts[0]) else first
    dotted = ".".join(parts[first:])
    return Package(Path(inside), dotted) if is_import_name(dotted) else None


def _candidates(found: FoundPackages, name: str) -> Iterator[Path]:
    """The paths that a package or module of this name may have: where the back end finds others, and in src/."""
    inside = Path(*name.split("."))
    bases = []
    for package in found.packages:
        parts = package.name.split(".")
        if name == package.name:
            yield package.path
        below = package.path.with_suffix("").parts
        if below[-len(parts) :] == tuple(parts):
            bases.append(Path(*below[: -len(parts)]))
        elif name.startswith(f"{package.name}."):
            rest = package.path.joinpath(*name.split(".")[len(parts) :])
            yield from (rest, rest.with_name(f"{rest.name}.py"))
    for base in dict.fromkeys((Path("src"), Path(), *bases)):
        yield from (base / inside, base / inside.with_name(f"{inside.name}.py"))
