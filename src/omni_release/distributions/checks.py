"""What was built, held against the project, the checkout, and a second build."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path, PurePosixPath

from omni_release import distributions, source_tree
from omni_release.core.errors import InvalidDistribution, NotApplicable
from omni_release.core.model import Finding, Release, Severity, import_name
from omni_release.core.world import World

_SHOWN = 10
_COMPILED = (".so", ".pyd", ".dll", ".dylib")


def distributions_match(release: Release, world: World) -> Iterator[Finding]:
    """What was built is this project at this version: file names, metadata, import packages.

    Where the version differs, which place does the build read it from? Where a package is missing, look at what the
    back end is told to include (`packages`, `sources`, `include`).
    """
    from packaging.utils import canonicalize_name

    expected = canonicalize_name(release.project.name)
    versions = set()
    for path in distributions.in_folder(release.dist):
        try:
            name, version = distributions.name_and_version(path.name)
            message = distributions.metadata(path)
        except InvalidDistribution as error:
            yield Finding(error.message, "artifact-unreadable")
            continue
        versions.add(version)
        if name != expected:
            yield Finding(f"{path.name} is named {name}, the project is {expected}", "artifact-name")
        if release.version is not None and not distributions.same_version(version, release.version):
            yield Finding(f"{path.name} is version {version}, the project is {release.version}", "artifact-version")
        stated = message["Name"] or "no name", message["Version"] or "no version"
        if canonicalize_name(stated[0]) != name or not distributions.same_version(stated[1], version):
            yield Finding(f"the metadata in {path.name} say {' '.join(stated)}", "artifact-metadata")
        if distributions.is_wheel(path.name):
            yield from _packages(release, path)
            yield from _platform(release, path)
    if len(versions) > 1:
        yield Finding(f"the distributions are of different versions: {', '.join(sorted(versions))}", "artifact-version")


def wheel_complete(release: Release, world: World) -> Iterator[Finding]:
    """Each wheel holds each module of the import packages, and their data files.

    Tell the back end to include what is named above: with setuptools, `packages.find` and `package-data`. What is left
    out on purpose is waived, by path.
    """
    wheels = sorted(release.dist.glob("*.whl"))
    if not wheels:
        raise NotApplicable("this build has no wheel")
    expected = tuple(_expected(release, world))
    for wheel in wheels:
        inside = set(distributions.names(wheel))
        for file, name in expected:
            module = file.suffix == ".py"
            if name not in inside and not (module and _compiled(name, inside)):
                rule, severity = ("lost-module", Severity.ERROR) if module else ("lost-data", Severity.WARNING)
                yield Finding(f"is not in {wheel.name}", rule, severity, path=file.as_posix())


def _expected(release: Release, world: World) -> Iterator[tuple[PurePosixPath, str]]:
    """Each file of the import packages, and its name in a wheel."""
    files = source_tree.files(release.project.root, world.processes)
    with_tests = {file.parent for file in files if _is_test(file)}
    for file in files:
        package = next((p for p in release.project.packages if file.is_relative_to(PurePosixPath(p.as_posix()))), None)
        if package is None or file.suffix in _SOURCES or _of_tests(file, with_tests):
            continue
        base = PurePosixPath(import_name(package).replace(".", "/"))
        below = file.relative_to(PurePosixPath(package.as_posix()))
        yield file, (base / below).as_posix() if below.parts else f"{base.as_posix()}{package.suffix}"


def _compiled(name: str, inside: set[str]) -> bool:
    """Whether a module is in a wheel as an extension: `_speed.py` as `_speed.cpython-311-x86_64-linux-gnu.so`."""
    start = f"{name.removesuffix('.py')}."
    return any(other.startswith(start) and other.endswith((".so", ".pyd")) for other in inside)


# What is compiled into something else, or is there for those who work on the project.
_SOURCES = {
    ".pyx",
    ".pxd",
    ".c",
    ".h",
    ".cc",
    ".cpp",
    ".hpp",
    ".rs",
    ".f90",
    ".md",
    ".rst",
    ".po",
    ".pot",
    ".in",
    ".orig",
}


def _of_tests(file: PurePosixPath, with_tests: Set[PurePosixPath]) -> bool:
    """Whether a file is a test, or lies among tests. `testing` is more often what users are given for their own."""
    among = any(folder.name == "tests" for folder in file.parents)
    return (
        among or _is_test(file) or any(folder.name in ("test", "testing") for folder in with_tests & set(file.parents))
    )


def _is_test(file: PurePosixPath) -> bool:
    return file.name == "conftest.py" or file.name.startswith("test_")


def wheel_matches_checkout(release: Release, world: World) -> Iterator[Finding]:
    """The wheel that was built from the sdist holds what a wheel straight from the checkout holds.

    What is missing is not in the sdist, or not at the place where the back end looks for it there: compare
    `tar tf dist/*.tar.gz` with what the back end is told to include. With hatchling, `sources = ["src"]` together with
    `packages = ["src/NAME"]` drops the prefix in the sdist: leave out `sources`. Of a wheel of a platform, what was
    compiled is held against by its name alone: two builds of it seldom have the same bytes.
    """
    ours, other = _pair(release)
    published, straight = _hashes(ours), _hashes(other)
    missing = [name for name in straight if name not in published]
    added = [name for name in published if name not in straight]
    kept = [name for name in straight if name in published and not name.endswith(_COMPILED)]
    changed = [name for name in kept if published[name] != straight[name]]
    if missing:
        yield Finding(f"{ours.name} lacks {_listed(missing)}: they are in a wheel from the checkout", "lost-in-sdist")
    if added:
        yield Finding(f"{ours.name} has {_listed(added)}, which a wheel from the checkout has not", "added-by-sdist")
    if changed:
        yield Finding(
            f"in {ours.name} other bytes than in a wheel from the checkout: {_listed(changed)}", "sdist-differs"
        )


def build_reproducible(release: Release, world: World) -> Iterator[Finding]:
    """A second build gives the same bytes.

    What differs is named above. It matters where a release is rebuilt elsewhere: only the same bytes can go on.
    """
    for path in distributions.in_folder(release.dist):
        again = release.rebuilt / "again" / path.name
        if distributions.is_wheel(path.name) and not path.name.endswith("-any.whl"):
            continue
        if not again.is_file():
            yield Finding(f"the second build did not give a {path.name}", "not-reproducible", Severity.WARNING)
        elif path.read_bytes() != again.read_bytes():
            first, second = _hashes(path, record=True), _hashes(again, record=True)
            odd = sorted(name for name in first | second if first.get(name) != second.get(name))
            what = f"in {_listed(odd)}" if odd else "in the archive's own headers (times, say) alone"
            yield Finding(f"{path.name} differs from a second build {what}", "not-reproducible", Severity.WARNING)


def _packages(release: Release, wheel: Path) -> Iterator[Finding]:
    names = distributions.names(wheel)
    for package in release.project.packages:
        dotted = import_name(package)
        base = dotted.replace(".", "/")
        if not any(name.startswith((f"{base}/", f"{base}.")) for name in names):
            said = f"{wheel.name} holds no {dotted!r}: whoever installs it can import nothing of {package.as_posix()}"
            yield Finding(said, "hollow-wheel")


def _platform(release: Release, wheel: Path) -> Iterator[Finding]:
    """Told where a wheel is bound to a platform, and there is none for any other."""
    platform = wheel.stem.rpartition("-")[2]
    if platform == "any" or len(list(release.dist.glob("*.whl"))) > 1:
        return
    refused = platform.startswith("linux_")
    said = f"{wheel.name} is bound to {platform}{', which indexes refuse' if refused else ''}, and is the only wheel"
    more = "Build one for each platform (cibuildwheel), and hand the folder over: --artifacts DIR."
    yield Finding(f"{said}. {more}", "platform-wheel", Severity.ERROR if refused else Severity.WARNING)


def _pair(release: Release) -> tuple[Path, Path]:
    """A wheel and the one from the checkout: for any platform, else of the very same one.

    Raises NotApplicable where there are no such two.
    """
    straight = release.rebuilt / "checkout"
    general = tuple(next(iter(sorted(folder.glob("*-any.whl"))), None) for folder in (release.dist, straight))
    if general[0] and general[1]:
        return general[0], general[1]
    for ours in sorted(release.dist.glob("*.whl")):
        if (other := straight / ours.name).is_file():
            return ours, other
    raise NotApplicable("no wheel of one and the same platform was built from both: there are no two to compare")


def _hashes(path: Path, *, record: bool = False) -> dict[str, str]:
    """Each file's sha256. RECORD lists the others, and says nothing of its own where they are compared one by one."""
    return {
        entry.name: entry.sha256
        for entry in distributions.contents(path)
        if record or not entry.name.endswith(".dist-info/RECORD")
    }


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
