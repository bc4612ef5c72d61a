"""What lies in a virtual environment: is this wheel, byte for byte, what was installed there?"""

from __future__ import annotations

from pathlib import Path

from omni_release.distributions import artifacts
from omni_release.environments.venv import site_packages


def holds(environment: Path, wheel: Path, *, by: str | None = None) -> bool:
    """Whether each file of the wheel stands in the environment with the very same bytes, put there `by` that installer.

    Scripts and data (`*.data/`) go elsewhere, RECORD is rewritten by the installer: these are passed over.
    """
    return holds_at(site_packages(environment), wheel, by=by)


def holds_at(base: Path, wheel: Path, *, by: str | None = None) -> bool:
    """The same, of an environment whose packages are in `base`."""
    if not base.is_dir():
        return False
    for entry in artifacts.contents(wheel):
        top, _, rest = entry.name.partition("/")
        if rest == "METADATA" and by is not None and not _says(base / top / "INSTALLER", by):
            return False
        if top.endswith(".data") or (top.endswith(".dist-info") and rest == "RECORD"):
            continue
        installed = base / entry.name
        if not installed.is_file() or installed.read_bytes() != entry.data:
            return False
    return True


def distributions(environment: Path) -> tuple[str, ...]:
    """What is installed there, as `name==version`, sorted."""
    from importlib.metadata import distributions as found

    return tuple(sorted(f"{dist.name}=={dist.version}" for dist in found(path=[str(site_packages(environment))])))


def complete(environment: Path) -> bool:
    """Whether each distribution in the environment finds all that it requires there (extras apart)."""
    from importlib.metadata import distributions

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = {canonicalize_name(dist.name): dist for dist in distributions(path=[str(site_packages(environment))])}
    for dist in found.values():
        for requirement in map(Requirement, dist.requires or ()):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            other = found.get(canonicalize_name(requirement.name))
            if other is None or not requirement.specifier.contains(other.version, prereleases=True):
                return False
    return bool(found)


def satisfied_at(base: Path, project: str, python: str) -> bool:
    """Whether the project, and all that it requires, and what that requires, is among the packages in `base`.

    Extras apart. `python` is the version of the interpreter that they are for.
    """
    from importlib.metadata import distributions

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = {canonicalize_name(dist.name): dist for dist in distributions(path=[str(base)])}
    about = {"extra": "", "python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    seen, wanted = set(), [Requirement(project)]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate(about):
            continue
        dist = found.get(name)
        if dist is None or not requirement.specifier.contains(dist.version, prereleases=True):
            return False
        if name not in seen:
            seen.add(name)
            wanted.extend(map(Requirement, dist.requires or ()))
    return True


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8").strip() == text
