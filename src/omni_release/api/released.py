"""The last release before a version: its wheel on the index, else the packages at the tag of git."""

from __future__ import annotations

import contextlib
import functools
import shutil
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import distributions, git
from omni_release.core.cache import user_cache
from omni_release.core.errors import Inconclusive, InvalidDistribution, NotApplicable, UsageError
from omni_release.core.model import Project, Release
from omni_release.core.world import DefaultIndex, IndexFile, ToolAnswer, World
from omni_release.git import release_tag
from omni_release.versions import tags as version_tags
from omni_release.versions.pep440 import Version, parse
from omni_release.versions.tags import Tag, TagOwner

_READ = (".py", ".pyi")


@dataclass(frozen=True)
class LastRelease:
    """The release that a version is compared with: a wheel of the index, or a tag where the index has no release."""

    version: Version
    file: IndexFile | None = None
    tag: Tag | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        return "of the index" if self.tag is None else f"at the tag {self.tag.name}"

    @property
    def identity(self) -> str:
        """What it is, byte for byte."""
        return f"{self.file.name} {self.file.sha256}" if self.file else f"{self.tag}"


@functools.lru_cache(maxsize=8)  # of one run: the inputs of a check are asked for before it, and after it
def _listed(index: DefaultIndex, project: str) -> tuple[IndexFile, ...]:
    return index.files(project)


def find(release: Release, world: World, version: str) -> LastRelease:
    """The last final release before the version, as the index has it, else as git's tags have it.

    Raises NotApplicable where there is none, Inconclusive where the index does not answer.
    """
    new = parse(version)
    if new is None:
        raise NotApplicable(f"{version} is not a version of PEP 440")
    if (last := on_index(world.default_index, release.project.name, new)) is not None:
        return last
    with contextlib.suppress(NotApplicable, UsageError):
        repository = git.open_repository(release, world)
        merged = f"--merged={repository.commit}"
        names = repository.line("for-each-ref", merged, "--format=%(refname:strip=2)", "refs/tags")
        if (last := tagged(names.splitlines(), release_tag.tag_owner(release), new)) is not None:
            return last
    raise NotApplicable(f"neither the index nor git has a release before {version}")


def on_index(
    index: DefaultIndex, name: str, new: Version | None = None, *, inclusive: bool = False
) -> LastRelease | None:
    """The last final release before `new` (None: of all) that has a wheel on the index. Raises as `files` does.

    With `inclusive` it may be `new` itself.
    """
    from packaging.utils import canonicalize_name

    wheels = wheels_of(_listed(index, canonicalize_name(name)))
    final = (known for known in wheels if version_tags.is_final(known))
    before = [known for known in final if new is None or known.key < new.key or (inclusive and known.key == new.key)]
    last = max(before, key=lambda known: known.key, default=None)
    return LastRelease(last, preferred(wheels[last])) if last else None


def tagged(names: Iterable[str], owner: TagOwner, new: Version | None = None) -> LastRelease | None:
    """The last final release before `new` (None: of all) by these tags."""
    own = version_tags.own_tags(names, owner)
    tags = [tag for tag in own if version_tags.is_final(tag.version) and (new is None or tag.version.key < new.key)]
    last = max(tags, key=lambda tag: tag.version.key, default=None)
    return LastRelease(last.version, tag=last) if last else None


def wheels_of(files: Iterable[IndexFile]) -> dict[Version, list[IndexFile]]:
    """The wheels of each version that are not yanked."""
    found: dict[Version, list[IndexFile]] = {}
    for file in files:
        with contextlib.suppress(InvalidDistribution):
            if distributions.is_wheel(file.name) and file.yanked is None:
                if version := parse(distributions.name_and_version(file.name)[1]):
                    found.setdefault(version, []).append(file)
    return found


def preferred(wheels: Sequence[IndexFile]) -> IndexFile:
    """The wheel with the most Python in it: one for all platforms if there is one."""
    return min(wheels, key=lambda file: (not file.name.endswith("-any.whl"), file.name))


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder of the wheels that were downloaded, in the user's cache."""
    return user_cache(environment) / "wheels"


def sides(last: LastRelease, release: Release, world: World, work: Path) -> tuple[Path, Path]:
    """What is compared: two wheels, or the packages at the tag and in the checkout, in the folder `work`.

    Raises Inconclusive where the wheel cannot be downloaded, or git does not export the packages.
    """
    if last.file is not None:
        old = world.default_index.fetch(last.file, cache_folder(world.environment))
        return old, distributions.installable(release.dist)
    repository = git.open_repository(release, world)
    old = at_tag(last, release.project, repository.ask, work / "tag")
    return old, copy_packages(release.project, release.source, work / "checkout")


def at_tag(last: LastRelease, project: Project, ask: Callable[..., ToolAnswer], folder: Path) -> Path:
    """The packages at the tag, each in a folder by its import name. `ask` runs git.

    Raises NotApplicable where the tag has none of them, Inconclusive where git does not export them.
    """
    assert last.tag is not None
    shutil.rmtree(folder, ignore_errors=True)  # of the same run, which was resumed
    copied = folder / "tree"
    copied.mkdir(parents=True)
    ref, archive = f"refs/tags/{last.tag.name}", folder / "tree.tar"
    paths = [package.path.as_posix() for package in project.packages]
    there = [path for path in paths if ask("ls-tree", "--name-only", ref, "--", path).out.strip()]
    if not there:
        raise NotApplicable(f"{last.tag.name} has none of the packages: {', '.join(paths) or 'none is known'}")
    answer = ask("archive", "--format=tar", f"--output={archive}", ref, "--", *there)
    if answer.code != 0:
        raise Inconclusive(f"git does not export {last.tag.name}: {answer.err.strip()}", "Run `git fsck`.")
    with tarfile.open(archive) as tar:
        tar.extractall(copied, filter="data")
    return copy_packages(project, copied, folder / "packages")


def copy_packages(project: Project, root: Path, folder: Path) -> Path:
    """Copy the packages below `root`, each into `folder` by its import name; the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in project.packages:
        source, target = root / package.path, folder.joinpath(*package.name.split("."))
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target.with_suffix(source.suffix))
            continue
        for path in source.rglob("*"):
            if path.suffix in _READ and path.is_file() and not path.is_symlink():
                copied = target / path.relative_to(source)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copied)
    return folder
