"""Checks of the built distributions against the project and the checkout: names, metadata, and missing modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from omni_release import distributions
from omni_release.core.errors import InvalidDistribution, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.distributions import expected_files

HOLLOW = "distributions-match/hollow-wheel"
"""The rule of a wheel without an import package, which explains what else is then missing or wrong."""

INCOMPLETE = (HOLLOW, "wheel-complete/lost-module")
"""The rules of a wheel without a module, which explain why this one is not found."""


@reports(
    Rule("artifact-unreadable", RuleClass.RELEASE, "Distribution cannot be read"),
    Rule("artifact-name", RuleClass.RELEASE, "File name does not match the project name"),
    Rule(
        "artifact-version",
        RuleClass.RELEASE,
        "File name does not match the version",
        caused_by=("versions-agree/version-drift",),
    ),
    Rule("artifact-metadata", RuleClass.RELEASE, "Metadata has another name or version"),
    Rule("hollow-wheel", RuleClass.RELEASE, "Wheel lacks an import package"),
    Rule("platform-wheel", RuleClass.RELEASE, "Only wheel is for one platform"),
    Rule("native-code", RuleClass.RELEASE, "Wheel for every platform contains code for one"),
)
def distributions_match(release: Release, world: World) -> Iterator[Finding]:
    """Built distributions match the project name and version

    The file names and the metadata of all distributions state the project's name and version, and each wheel contains
    the import packages.

    Fix: correct the place that the build reads the version from; add a missing package to what the build back end
    includes (`packages`, `sources`, `include`).
    """
    from packaging.utils import canonicalize_name

    expected = canonicalize_name(release.project.name)
    versions = set()
    for path in distributions.built(release.dist):
        try:
            name, version = distributions.name_and_version(path.name)
            metadata = distributions.metadata(path)
        except InvalidDistribution as error:
            yield Finding(error.message, "artifact-unreadable")
            continue
        versions.add(version)
        if name != expected:
            yield Finding(f"{path.name} is named {name}, but the project is {expected}", "artifact-name")
        if release.version is not None and not distributions.same_version(version, release.version):
            message = f"{path.name} has version {version}, the project has {release.version}"
            yield Finding(message, "artifact-version", subjects=(version,))
        stated = metadata["Name"] or "(no name)", metadata["Version"] or "(no version)"
        if canonicalize_name(stated[0]) != name or not distributions.same_version(stated[1], version):
            message = f"{path.name} contains the metadata of {' '.join(stated)}"
            yield Finding(message, "artifact-metadata")
        if distributions.is_wheel(path.name):
            yield from _missing_packages(release, world, path)
            yield from _only_platform(release, path)
            yield from _native_code(path)
    if len(versions) > 1:
        yield Finding(f"the distributions have different versions: {', '.join(sorted(versions))}", "artifact-version")


def _missing_packages(release: Release, world: World, wheel: Path) -> Iterator[Finding]:
    names = distributions.names(wheel)
    for package in release.project.packages:
        base = package.name.replace(".", "/")
        if not any(name.startswith((f"{base}/", f"{base}.")) for name in names):
            path = package.path.as_posix()
            message = (
                f"{wheel.name} contains no {package.name!r}: installing it would not provide {path}\n"
                f"→ {_how_to_include(release, path)}"
            )
            below = (
                name for _, name in expected_files.expected(release, world) if name.startswith((f"{base}/", f"{base}."))
            )
            yield Finding(message, "hollow-wheel", distribution=wheel.name, subjects=tuple(below))


def _how_to_include(release: Release, path: str) -> str:
    """How to get an import package into the wheel; with hatchling's `sources` it gets lost in the sdist."""
    build = table(release.project.metadata, "tool", "hatch", "build")
    if any(
        "sources" in settings for settings in (build, *table(build, "targets").values()) if isinstance(settings, dict)
    ):
        return (
            f"Remove `sources` from [tool.hatch.build]: it drops the prefix in the sdist, so the wheel built from it "
            f'finds nothing. `packages = ["{path}"]` already maps the folder.'
        )
    return f"Add {path} to what the build back end includes (`packages`, `where`, `include`)."


def _only_platform(release: Release, wheel: Path) -> Iterator[Finding]:
    """A finding if the wheel is for one platform, and the only one; a warning, for an index takes the sdist alone."""
    platform = wheel.stem.rpartition("-")[2]
    if platform == "any" or len(distributions.wheels(release.dist)) > 1:
        return
    fix = "Build one for each platform (cibuildwheel), and pass their folder: --artifacts DIR."
    if wheel.parent == release.dist:
        message = f"{wheel.name} is the only wheel, and is for {platform}"
    else:
        message = (
            f"{wheel.name} stays on this machine, since indexes refuse {platform}: only the sdist is uploaded, and "
            "every user compiles it"
        )
    yield Finding(f"{message}. {fix}", "platform-wheel", Severity.WARNING)


_LIBRARY = re.compile(r"\.(?:so|pyd|dll|dylib|node)(?:\.\d+)*$|(?:^|/)[^/.]+$")  # a program has no suffix
_EXTENSION = re.compile(r"\.(?:cpython-|cp\d|abi3|pypy)[^/]*\.(?:so|pyd)$|\.pyd$")
_FORMATS = {
    b"\x7fELF": "Linux",
    b"MZ": "Windows",
    **dict.fromkeys((b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf"), "macOS"),
}


def _native_code(wheel: Path) -> Iterator[Finding]:
    """A finding if a wheel for any platform has libraries for one only: an error for those that Python imports."""
    if not wheel.stem.endswith("-any"):
        return
    found: dict[str, str] = {}
    for entry in distributions.contents(wheel):
        if _LIBRARY.search(entry.name):
            content = entry.read()
            system = next((system for magic, system in _FORMATS.items() if content.startswith(magic)), None)
            if system is not None:
                found[entry.name] = system
    if len(set(found.values())) == 1:
        severity = Severity.ERROR if any(map(_EXTENSION.search, found)) else Severity.WARNING
        (system,) = set(found.values())
        message = f"{wheel.name} installs everywhere, but {listed(tuple(found))} runs on {system} only"
        fix = "Have the build back end tag the wheel for its platform."
        yield Finding(f"{message}. {fix}", "native-code", severity)


@reports(
    Rule("lost-module", RuleClass.RELEASE, "Module is missing from a wheel", caused_by=(HOLLOW,)),
    Rule("lost-data", RuleClass.RELEASE, "Data file is missing from a wheel", caused_by=(HOLLOW,)),
    Rule("front-end-missing", RuleClass.RELEASE, "Output of a front end is missing"),
    Rule("pattern-without-files", RuleClass.QUALITY, "Pattern of data files matches nothing"),
)
def wheel_complete(release: Release, world: World) -> Iterator[Finding]:
    """Wheels contain every module and data file

    Each wheel contains all modules and data files of the import packages in the checkout.

    Fix: add the missing files to what the build back end includes (setuptools: `packages.find` and `package-data`), or
    waive them by path if they are left out on purpose.
    """
    wheels = distributions.wheels(release.dist)
    if not wheels:
        raise NotApplicable("this build has no wheel")
    for pattern, where in expected_files.patterns_without_files(release):
        message = f"{pattern!r} matches no file: {where}"
        if expected_files.is_front_end(release, pattern):
            message += ". It is the output of a front end that is not built: run its build first"
            yield Finding(message, "front-end-missing", path=release.project.stated_in)
        else:
            yield Finding(message, "pattern-without-files", path=release.project.stated_in)
    expected = tuple(expected_files.expected(release, world))
    for wheel in wheels:
        inside = set(distributions.names(wheel))
        lost = tuple((file, name) for file, name in expected if name not in inside)
        imports = expected_files.imports(wheel) if lost else ""
        for file, name in lost:
            rule, severity = "lost-data", Severity.WARNING
            if file.suffix == ".py":
                if expected_files.has_extension(name, inside):
                    continue
                meant = expected_files.left_out_on_purpose(release.project, PurePosixPath(name), expected, imports)
                rule, severity = "lost-module", Severity.WARNING if meant else Severity.ERROR
            message, place = f"missing from {wheel.name}", file.as_posix()
            yield Finding(message, rule, severity, place, distribution=wheel.name, subjects=(name,))
