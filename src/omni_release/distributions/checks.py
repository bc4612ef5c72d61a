"""Checks of the built distributions against the project, the checkout, and a second build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from omni_release import distributions, source_tree
from omni_release.core.errors import InvalidDistribution, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World

_SHOWN = 10
_COMPILED = (".so", ".pyd", ".dll", ".dylib")
# Files that are compiled into others, or are meant for those who work on the project.
_SOURCES = frozenset(
    [".pyx", ".pxd", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".f90", ".md", ".rst", ".po", ".pot", ".in", ".orig"]
)


@reports(
    Rule("artifact-unreadable", RuleClass.RELEASE, "Distribution cannot be read"),
    Rule("artifact-name", RuleClass.RELEASE, "File name does not match the project name"),
    Rule("artifact-version", RuleClass.RELEASE, "File name does not match the version"),
    Rule("artifact-metadata", RuleClass.RELEASE, "Metadata has another name or version"),
    Rule("hollow-wheel", RuleClass.RELEASE, "Wheel lacks an import package"),
    Rule("platform-wheel", RuleClass.RELEASE, "Only wheel is for one platform"),
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
    for path in distributions.in_folder(release.dist):
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
            yield Finding(f"{path.name} has version {version}, the project has {release.version}", "artifact-version")
        stated = metadata["Name"] or "no name", metadata["Version"] or "no version"
        if canonicalize_name(stated[0]) != name or not distributions.same_version(stated[1], version):
            yield Finding(f"the metadata of {path.name} says {' '.join(stated)}", "artifact-metadata")
        if distributions.is_wheel(path.name):
            yield from _missing_packages(release, path)
            yield from _only_platform(release, path)
    if len(versions) > 1:
        yield Finding(f"the distributions have different versions: {', '.join(sorted(versions))}", "artifact-version")


def _missing_packages(release: Release, wheel: Path) -> Iterator[Finding]:
    names = distributions.names(wheel)
    for package in release.project.packages:
        base = package.name.replace(".", "/")
        if not any(name.startswith((f"{base}/", f"{base}.")) for name in names):
            message = (
                f"{wheel.name} contains no {package.name!r}: installing it would not provide {package.path.as_posix()}"
            )
            yield Finding(message, "hollow-wheel")


def _only_platform(release: Release, wheel: Path) -> Iterator[Finding]:
    """A finding if the wheel is for one platform, and the only one."""
    platform = wheel.stem.rpartition("-")[2]
    if platform == "any" or len(list(release.dist.glob("*.whl"))) > 1:
        return
    refused = platform.startswith("linux_")
    message = f"{wheel.name} is the only wheel, and is for {platform}{', which indexes refuse' if refused else ''}"
    fix = "Build one for each platform (cibuildwheel), and pass their folder: --artifacts DIR."
    yield Finding(f"{message}. {fix}", "platform-wheel", Severity.ERROR if refused else Severity.WARNING)


@reports(
    Rule("lost-module", RuleClass.RELEASE, "Module is missing from a wheel"),
    Rule("lost-data", RuleClass.RELEASE, "Data file is missing from a wheel"),
)
def wheel_complete(release: Release, world: World) -> Iterator[Finding]:
    """Wheels contain every module and data file

    Each wheel contains all modules and data files of the import packages in the checkout.

    Fix: add the missing files to what the build back end includes (setuptools: `packages.find` and `package-data`), or
    waive them by path if they are left out on purpose.
    """
    wheels = sorted(release.dist.glob("*.whl"))
    if not wheels:
        raise NotApplicable("this build has no wheel")
    expected = tuple(_expected_files(release, world))
    for wheel in wheels:
        inside = set(distributions.names(wheel))
        for file, name in expected:
            is_module = file.suffix == ".py"
            if name in inside or (is_module and _has_extension(name, inside)):
                continue
            rule, severity = ("lost-module", Severity.ERROR) if is_module else ("lost-data", Severity.WARNING)
            yield Finding(f"missing from {wheel.name}", rule, severity, path=file.as_posix())


def _expected_files(release: Release, world: World) -> Iterator[tuple[PurePosixPath, str]]:
    """Each file of the import packages, and its name in a wheel. Tests and sources of extensions are left out."""
    files = source_tree.files(release.project.root, world.processes)
    with_tests = {file.parent for file in files if _is_test(file)}
    packages = tuple((package, PurePosixPath(package.path.as_posix())) for package in release.project.packages)
    for file in files:
        package, folder = next(((p, folder) for p, folder in packages if file.is_relative_to(folder)), (None, file))
        if package is None or file.suffix in _SOURCES or _is_test(file):
            continue
        # `testing` is more often a package for the users' own tests, unless tests are in it.
        parents = set(file.parents)
        if any(parent.name == "tests" for parent in parents):
            continue
        if any(parent.name in ("test", "testing") for parent in with_tests & parents):
            continue
        base = PurePosixPath(package.name.replace(".", "/"))
        below = file.relative_to(folder)
        yield file, (base / below).as_posix() if below.parts else f"{base.as_posix()}{package.path.suffix}"


def _is_test(file: PurePosixPath) -> bool:
    return file.name == "conftest.py" or file.name.startswith("test_")


def _has_extension(name: str, inside: set[str]) -> bool:
    """Whether a wheel has a module as an extension: `_speed.py` as `_speed.cpython-311-x86_64-linux-gnu.so`."""
    start = f"{name.removesuffix('.py')}."
    return any(other.startswith(start) and other.endswith((".so", ".pyd")) for other in inside)


@reports(
    Rule("lost-in-sdist", RuleClass.RELEASE, "Published wheel lacks files of the checkout"),
    Rule("added-by-sdist", RuleClass.RELEASE, "Published wheel has files that the checkout lacks"),
    Rule("sdist-differs", RuleClass.RELEASE, "Published wheel differs from the checkout"),
)
def wheel_matches_checkout(release: Release, world: World) -> Iterator[Finding]:
    """Wheel built from the sdist equals a wheel built from the checkout

    The wheel to publish contains the same files and bytes as a wheel built straight from the checkout; compiled files
    of a platform are compared by name alone.

    Fix: include the missing files in the sdist, at the place where the build back end looks for them. With hatchling,
    do not combine `sources = ["src"]` with `packages = ["src/NAME"]`, which drops the prefix in the sdist.
    """
    published_wheel, checkout_wheel = _comparable_wheels(release)
    published, straight = _hashes(published_wheel), _hashes(checkout_wheel)
    missing = [name for name in straight if name not in published]
    added = [name for name in published if name not in straight]
    common = [name for name in straight if name in published and not name.endswith(_COMPILED)]
    changed = [name for name in common if published[name] != straight[name]]
    name = published_wheel.name
    if missing:
        yield Finding(f"{name} lacks {_listed(missing)}, which a wheel from the checkout has", "lost-in-sdist")
    if added:
        yield Finding(f"{name} has {_listed(added)}, which a wheel from the checkout lacks", "added-by-sdist")
    if changed:
        yield Finding(f"{name} differs from a wheel from the checkout in: {_listed(changed)}", "sdist-differs")


def _comparable_wheels(release: Release) -> tuple[Path, Path]:
    """A built wheel and the one from the checkout: those for any platform, else two of one file name.

    Raises NotApplicable where there are no such two.
    """
    straight = release.rebuilt / "checkout"
    general = tuple(next(iter(sorted(folder.glob("*-any.whl"))), None) for folder in (release.dist, straight))
    if general[0] and general[1]:
        return general[0], general[1]
    for published in sorted(release.dist.glob("*.whl")):
        if (other := straight / published.name).is_file():
            return published, other
    raise NotApplicable("no wheel of the same platform was built both ways")


@reports(Rule("not-reproducible", RuleClass.QUALITY, "Second build differs"))
def build_reproducible(release: Release, world: World) -> Iterator[Finding]:
    """Build is reproducible

    A second build gives the same bytes; wheels of one platform are not compared.

    Fix: make the build deterministic: take times from SOURCE_DATE_EPOCH, and sort generated content.
    """
    for path in distributions.in_folder(release.dist):
        again = release.rebuilt / "again" / path.name
        if distributions.is_wheel(path.name) and not path.name.endswith("-any.whl"):
            continue
        if not again.is_file():
            yield Finding(f"the second build has no {path.name}", "not-reproducible", Severity.WARNING)
        elif path.read_bytes() != again.read_bytes():
            first, second = _hashes(path, record=True), _hashes(again, record=True)
            changed = sorted(name for name in first | second if first.get(name) != second.get(name))
            place = f"in {_listed(changed)}" if changed else "only in the headers of the archive, such as times"
            yield Finding(f"{path.name} differs from a second build {place}", "not-reproducible", Severity.WARNING)


def _hashes(path: Path, *, record: bool = False) -> dict[str, str]:
    """The sha256 of each file by name; RECORD, which only lists the others, is left out unless asked for."""
    return {
        entry.name: entry.sha256
        for entry in distributions.contents(path)
        if record or not entry.name.endswith(".dist-info/RECORD")
    }


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
