"""Checks of the files in the distributions: what does not belong there, and what git does not know."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from omni_release import distributions, git_queries, source_tree
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.distributions import stray_files
from omni_release.distributions.checks import HOLLOW

_MOST = 20  # findings of one kind and distribution


@reports(
    Rule("stray-file", RuleClass.RELEASE, "File does not belong in a distribution"),
    Rule("stray-version", RuleClass.RELEASE, "Wheel contains metadata of another version"),
    Rule("key-inside", RuleClass.RELEASE, "Distribution contains a secret"),
)
def no_stray_files(release: Release, world: World) -> Iterator[Finding]:
    """Distributions contain no stray files

    No distribution contains keys, `.env` files, caches, files of editors, or metadata of other versions. In an sdist,
    those of tests, examples and docs are warnings, and so is what holds no secret.

    Fix: exclude the file in the settings of the build back end, or remove it from the checkout, and revoke every key
    that was in a published file.
    """
    for path in distributions.built(release.dist):
        _, version = distributions.name_and_version(path.name)
        in_wheel = distributions.is_wheel(path.name)
        seen: Counter[stray_files.Stray] = Counter()
        for entry in distributions.contents(path):
            info = _INFO.match(entry.name) if in_wheel else None
            if info and not distributions.same_version(info["version"], version):
                yield Finding(f"{path.name} contains {entry.name} from version {info['version']}", "stray-version")
            for stray in stray_files.of(entry.name, functools.cache(entry.read), in_wheel=in_wheel):
                seen[stray] += 1
                if seen[stray] <= _MOST:
                    yield _stray(path.name, entry.name, stray)
        for stray, count in seen.items():
            if count > _MOST:
                message = f"{path.name} contains {count - _MOST} more files like these: {stray.reason}"
                yield Finding(message, stray.rule, stray.severity)


_INFO = re.compile(r"(?P<name>[^/]+?)-(?P<version>[^/-]+)\.(?:dist-info|egg-info)/")


def _stray(distribution: str, name: str, stray: stray_files.Stray) -> Finding:
    if stray.rule == "key-inside":
        line, _, secret = stray.reason.partition(": ")
        return Finding(f"{distribution} seems to contain {secret}: {name}:{line}", stray.rule, stray.severity)
    return Finding(f"{distribution} contains {name}: {stray.reason}", stray.rule, stray.severity)


@reports(
    Rule("untracked-in-sdist", RuleClass.RELEASE, "sdist contains an untracked file", caused_by=(HOLLOW,)),
    Rule("left-out-of-sdist", RuleClass.RELEASE, "sdist lacks tracked files"),
)
def sdist_tracked_files(release: Release, world: World) -> Iterator[Finding]:
    """sdist contains only tracked files

    Every file in the sdist is tracked by git, or has the bytes of a tracked file, or is one that the build generates.

    Fix: commit the file or exclude it from the sdist; list a file that the build generates in `generated` of
    [tool.omni-release].
    """
    root = release.project.root
    repository = git_queries.working_tree(root, world.processes)
    if repository is None or release.commit is None:
        raise NotApplicable("the project is not in a git repository, or has no commit yet")
    built = distributions.in_folder(release.dist)
    sdist = next((path for path in built if not distributions.is_wheel(path.name)), None)
    if sdist is None:
        raise NotApplicable("this build has no sdist")
    tracked = {str(file) for file in source_tree.tracked(root, world.processes)}
    inside = set(distributions.names(sdist))
    unknown = {name for name in inside - tracked if not _is_generated(name, release, tracked, world)}
    unknown -= _with_tracked_bytes(sdist, unknown, repository.top, world)
    for name in sorted(unknown)[:_MOST]:
        path = name if (root / name).exists() else None
        message = f"{sdist.name} contains {name}, which git does not track"
        yield Finding(message, "untracked-in-sdist", path=path, distribution=sdist.name, subjects=(name,))
    if len(unknown) > _MOST:
        message = f"{sdist.name} contains {len(unknown) - _MOST} more untracked files"
        more = tuple(sorted(unknown)[_MOST:])
        yield Finding(message, "untracked-in-sdist", distribution=sdist.name, subjects=more)
    left_out = sorted(tracked - inside)
    if left_out:
        message = f"not in the sdist: {listed(left_out)}"
        yield Finding(message, "left-out-of-sdist", Severity.NOTICE)


def _is_generated(name: str, release: Release, tracked: set[str], world: World) -> bool:
    """Whether a build writes the file: by the standard, by its settings, from a tracked source, or as we saw it do."""
    if any(fnmatch.fnmatch(name, pattern) for pattern in _generated(release.project)):
        return True
    file, (checkout, built) = PurePosixPath(name), (release.project.root / name, release.source / name)
    sources = (file.with_suffix(suffix).as_posix() for suffix in _SOURCES.get(file.suffix, ()))
    if not tracked.isdisjoint((*sources, *(f"{name}{suffix}" for suffix in _TEMPLATES))):
        return True
    if distributions.built_elsewhere(world):
        return False
    # A build in a fresh copy: what it had not, or has changed, was written by the back end.
    if not checkout.exists():
        return True
    return built.is_file() and built.stat().st_mtime_ns != checkout.stat().st_mtime_ns


# What is compiled or generated, by suffix, and the suffixes of what from.
_SOURCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((".c", ".cpp", ".cc", ".cxx", ".h"), (".pyx", ".pxd", ".py", ".y", ".l", ".re")),
    ".mo": (".po",),
    ".py": (".proto", ".lark", ".g4", ".ui", ".qrc"),
}
_TEMPLATES = (".in", ".tmpl", ".template", ".j2", ".jinja", ".mako", ".tempita")


def _with_tracked_bytes(sdist: Path, names: set[str], top: Path, world: World) -> set[str]:
    """The names of files in the sdist whose bytes git tracks at another place of the repository.

    Such as a root's LICENSE or .gitignore that is packed with each project of a monorepo.
    """
    if not names:
        return set()
    answer = world.processes.ask("git", "ls-files", "--stage", "-z", cwd=top)
    blobs = {line.split(" ")[1] for line in answer.out.split("\0") if line} if answer and answer.code == 0 else set()
    algorithm = hashlib.sha256 if any(len(blob) == hashlib.sha256().digest_size * 2 for blob in blobs) else hashlib.sha1

    def blob(content: bytes) -> str:
        return algorithm(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

    found = set()
    for entry in distributions.contents(sdist):
        if entry.name in names and entry.size:
            content = entry.read()
            if not blobs.isdisjoint((blob(content), blob(content.replace(b"\r\n", b"\n")))):
                found.add(entry.name)
    return found


def _generated(project: Project) -> tuple[str, ...]:
    """Patterns of files that a build adds to an sdist: by the standard, the back end's settings, and ours."""
    tool = table(project.metadata, "tool")
    hooks = (
        table(tool, "hatch", "build", "hooks", "vcs"),
        table(tool, "setuptools_scm"),
        table(tool, "setuptools-scm"),
        table(tool, "vcs-versioning"),
    )
    declared = [value for hook in hooks for key, value in hook.items() if key in _VERSION_FILES]
    declared += [table(tool, "pdm", "version").get("write_to"), table(tool, "versioningit", "write").get("file")]
    declared += [table(tool, "versioneer").get("versionfile_source")]
    for target in ((), ("targets", "sdist"), ("targets", "wheel")):
        build = table(tool, "hatch", "build", *target)
        artifacts = build.get("artifacts", [])
        declared += artifacts if isinstance(artifacts, list) else []
        declared += list(table(build, "force-include").values())
    named = [str(Path(str(value)).as_posix()).lstrip("/") for value in declared if value]
    return (*_STANDARD, *named, *project.settings.generated)


_VERSION_FILES = {"version-file", "version_file", "write_to"}
_STANDARD = (
    *("PKG-INFO", "*.egg-info/*", "setup.cfg", "pyproject.toml.orig", "Cargo.lock", "*/Cargo.lock"),
    *(".gitignore", ".hgignore", ".wraplock", "*/.wraplock", "AUTHORS", "ChangeLog"),
    *("_version.py", "*/_version.py", "version.py", "*/version.py", "*/_version_info.py", "*/_scm_version.py"),
    *(".git_archival.txt", "*/_generated_version.py", "*/__version__.py"),
)
