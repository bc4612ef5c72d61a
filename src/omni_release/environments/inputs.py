"""What outcomes depend on beside the project: omni-release, the interpreter, the machine, variables, what is installed.

Each is a text, for `core.cache.Inputs`. No value of a variable is kept: a digest of all inputs together is.
"""

from __future__ import annotations

import csv
import functools
import os
import platform
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

import omni_release
from omni_release import environments, git_queries, programs, source_tree
from omni_release.core import documents
from omni_release.core.cache import Inputs, digest
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import installers

_OF_THE_INSTALLATION = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
"""Files of a `.dist-info` that say how it was installed, and when."""


@functools.cache
def tool() -> str:
    """omni-release, what is installed with it, its interpreter, and this machine."""
    interpreter = Path(sys.executable).resolve()
    program = f"{_stamp(interpreter)} {sys.prefix} {sys.base_prefix}"
    # Not platform.platform(), which reads the interpreter, and no `processor`, for which a program is started.
    kernel = (platform.system(), platform.node(), platform.release(), platform.version(), platform.machine())
    machine = f"{kernel} {platform.libc_ver()} {os.cpu_count()} {time.tzname} {time.timezone}"
    own = _own_source(os.path.dirname(omni_release.__file__))
    return digest((omni_release.__version__, *own, *_installed_beside(), sys.version, program, machine))


def _own_source(folder: str) -> Iterator[str]:
    """A line for each file of omni-release: it can be installed so that they change without an installer."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_file():
                yield _stamp(entry)
            elif entry.name != "__pycache__":
                yield from _own_source(entry.path)


def _installed_beside() -> Iterator[str]:
    """A line for each distribution that can be imported: an installer writes its metadata again each time."""
    for folder in filter(os.path.isdir, dict.fromkeys(sys.path)):
        for name in sorted(os.listdir(folder)):
            info, extension = os.path.join(folder, name), os.path.splitext(name)[1]
            if extension in (".dist-info", ".egg-info"):
                lists = (os.path.join(info, file) for file in ("RECORD", "METADATA", "PKG-INFO"))
                yield _stamp(Path(next(filter(os.path.exists, lists), info)))


def _stamp(file: Path | os.DirEntry[str]) -> str:
    """The path, the size and the time of the last change of a file: to read them all would take long."""
    found = file.stat()
    return f"{os.fspath(file)} {found.st_size} {found.st_mtime_ns}"


def without_places(text: str, release: Release) -> str:
    """The text without the folders that have other names in each run."""
    for name, folder in (("WORK", release.work_dir), ("RUN", release.folder)):
        text = text.replace(str(folder), f"<{name}>")
    return text


def variables(environment: Mapping[str, str], release: Release) -> str:
    """The names and values of variables that a program gets."""
    return digest(f"{name}={without_places(value, release)}" for name, value in sorted(environment.items()))


def installed(release: Release, name: str) -> str | None:
    """What is installed in the environment `name` of this run, without the project itself: the hash of each file.

    None where that cannot be known: a package that has no list of its files, or whose files are elsewhere (editable).
    """
    site = environments.site_packages(release.environment(name))
    own = _own_info(site, release)
    lines: list[str] = []
    if any(entry.suffix in (".egg-info", ".egg-link", ".egg") for entry in site.iterdir()):
        return None
    for info in site.glob("*.dist-info"):
        if info in own or info.name.startswith("omni_release_recorder-"):
            continue
        origin = documents.read_json(info / "direct_url.json")
        editable = isinstance(origin, dict) and origin.get("dir_info", {}).get("editable")
        if editable or not (info / "RECORD").is_file():
            return None
        for line in (info / "RECORD").read_text(encoding="utf-8").splitlines():
            path, _, hashed = line.partition(",")
            if path.startswith("../"):
                lines += _script(site / path, release, f"{path} {hashed}")
            elif not path.endswith(".dist-info/uv_cache.json"):
                lines.append(line)
    return digest(sorted(lines))


def _own_info(site: Path, release: Release) -> tuple[Path, ...]:
    """The `.dist-info` of the project itself. No metadata is read, which would take long."""
    own = canonicalize_name(release.project.name)
    return tuple(i for i in site.glob("*.dist-info") if canonicalize_name(i.name.partition("-")[0]) == own)


def _script(path: Path, release: Release, line: str) -> Iterator[str]:
    """A line for a file outside of the folder for packages: a script has the path of the environment in it."""
    if path.is_file() and path.stat().st_size < 1_000_000:
        content = path.read_bytes()
        if content.startswith(b"#!"):
            line = f"{line.partition(' ')[0]} {without_places(os.fsdecode(content), release)}"
    yield line


def of_artifacts(release: Release, world: World, environment: Mapping[str, str], *more: str) -> Inputs:
    """The inputs of a task that reads the distributions, and the checkout's own settings for its tool.

    `environment` are the variables of its programs, `more` is what else it depends on.
    """
    built = sorted(f"{artifact.name} {artifact.sha256}" for artifact in world.journal.artifacts())
    settings = f"{release.project.root} {release.project.settings} {release.project.packages}"
    files = (release.project.root / name for name in ("pyproject.toml", "setup.cfg", "setup.py"))
    stated = (documents.sha256(path) if path.is_file() else "" for path in files)
    return Inputs(digest((tool(), settings, variables(environment, release), *stated, *built, *more)))


def of_distributions(release: Release, world: World) -> Inputs:
    """The inputs of a task whose tool reads the distributions, and no other file but the settings."""
    return of_artifacts(release, world, programs.tool_env(world.environment, release.folder))


def of_uv_install(release: Release, world: World) -> Inputs | None:
    """The inputs of a task that looks at the release where uv has installed it."""
    if (found := of_resolved(release, world, "released-uv")) is not None:
        return found
    packages = installed(release, "released-uv")
    inner = environments.venv_env(world.environment, release.folder, release.environment("released-uv"))
    return None if packages is None else of_artifacts(release, world, inner, packages)


def of_pip_install(release: Release, world: World) -> Inputs | None:
    """The inputs of a task that looks at the release where pip has installed it."""
    return of_resolved(release, world, "released-pip")


def of_resolved(release: Release, world: World, name: str) -> Inputs | None:
    """The inputs of what is installed into the environment `name`: the versions and hashes that uv has found now."""
    path = installers.resolved_release(release)
    resolved = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not resolved:
        return None
    inner = environments.venv_env(world.environment, release.folder, release.environment(name))
    return of_artifacts(release, world, inner, without_places(resolved, release))


def of_checkout(release: Release, world: World) -> Inputs | None:
    """The inputs of a task whose tool may read all of the checkout, and uses the test environment."""
    return of_tree(release, world, programs.tool_env(world.environment, release.folder))


def of_tree(release: Release, world: World, environment: Mapping[str, str], *more: str) -> Inputs | None:
    """The inputs of a task that may read all of the checkout, and uses the test environment.

    `environment` are the variables of its programs. None where it cannot be known what is installed.
    """
    packages = installed(release, "candidate")
    if packages is None:
        return None
    found = git_queries.working_tree(release.project.root, world.processes)
    top = found.top if found else release.project.root
    names = source_tree.build_inputs(top, release.project.root, world.processes)
    tree = (f"{name} {of_file(top / name)}" for name in names)
    return of_artifacts(release, world, environment, packages, *tree, *more)


def of_folder(folder: Path) -> Iterator[str]:
    """A line for each file below a folder, without what git keeps for itself."""
    for inside, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if os.path.islink(os.path.join(inside, name))]
        for path in (Path(inside, name) for name in sorted((*names, *links)) if name != ".git"):
            yield f"{path.relative_to(folder).as_posix()} {of_file(path)}"


def of_file(path: Path) -> str:
    """The kind, the permissions and the content of a file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "absent"
    if stat.S_ISLNK(mode):
        return f"link to {os.readlink(path)}"
    return f"{mode:o} {documents.sha256(path)}" if stat.S_ISREG(mode) else f"{mode:o}"


def own_files(release: Release, name: str) -> dict[str, Path]:
    """The installed files of the project itself, by their paths relative to the folder for packages."""
    site = environments.site_packages(release.environment(name))
    found: dict[str, Path] = {}
    for info in _own_info(site, release):
        with (info / "RECORD").open(encoding="utf-8", newline="") as record:
            names = [row[0] for row in csv.reader(record) if row]
        found |= {path: site / path for path in names if path.rpartition("/")[2] not in _OF_THE_INSTALLATION}
    return found
