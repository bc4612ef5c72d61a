"""A new version, and the changes that write it into all places: no other byte changes."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterable, Iterator
from pathlib import Path

from omni_release import git_queries
from omni_release.core.errors import Conflict, Inconclusive, MissingExtra, UsageError
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import canonical
from omni_release.versions.pep440 import Version, equals, parse
from omni_release.versions.place import DOC, TAG, WRITTEN, Place, Text
from omni_release.versions.spelling import NoSpelling, respell
from omni_release.versions.tags import commits_of_tags, is_final, own_tags, owner_of

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from omni_release.core.model import Artifact
    from omni_release.core.world import FileStatus, IndexFile

    class Index(Protocol):
        """An index that is only read: see `world.Index`."""

        def files(self, project: str) -> Sequence[IndexFile]: ...

        def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> Sequence[FileStatus]: ...


class Change(namedtuple("Change", "path old new")):
    """A file's bytes before and after. `path` is relative to the repository's top."""

    __slots__ = ()

    path: str
    old: bytes
    new: bytes


def plan(checkout: Checkout, places: Iterable[Place], version: str, *, docs: bool = False) -> tuple[Change, ...]:
    """The changes that write the version into each place that has another one, in the place's own spelling.

    Raises Conflict with all places that cannot be written; then nothing may be changed.
    """
    return plan_all(checkout, ((place, version) for place in places), docs=docs)


def plan_all(checkout: Checkout, wanted: Iterable[tuple[Place, str]], *, docs: bool = False) -> tuple[Change, ...]:
    """The same for places that each get a version of their own. Raises as `plan`."""
    roles = (*WRITTEN, DOC) if docs else WRITTEN
    edits: dict[str, list[tuple[Place, str]]] = {}
    problems: list[str] = []
    for place, version in wanted:
        if place.role not in roles or place.form.startswith(TAG) or equals(place.value, version, place.form):
            continue
        try:
            if place.note:
                raise NoSpelling(place.note)
            text = _text(checkout, place.path).text
            quote = "'" if text.count("'") > text.count('"') else '"'
            spelled = respell(text[place.start : place.end], version, place.form, quote)
            if place.form in ("tuple", "call"):
                spelled = _in_own_words(text, spelled, place.form)
            edits.setdefault(place.path, []).append((place, spelled))
        except NoSpelling as error:
            problems.append(f"{place.where}: {place.value} cannot be changed to {version} safely: {error}")
    changes = [_changed(checkout, path, file_edits, problems) for path, file_edits in edits.items()]
    if problems:
        raise Conflict(
            "\n".join(problems), "Nothing was changed. Change these places by hand, then repeat the command."
        )
    return tuple(change for change in changes if change is not None)


def _in_own_words(module: str, spelled: str, form: str) -> str:
    """The items of a tuple, with `candidate` where the module says that for `rc`.

    Raises NoSpelling for a stage in a call's arguments that the module does not mention: only it knows its words.
    """

    def mentions(word: str) -> bool:
        return f'"{word}"' in module or f"'{word}'" in module

    if mentions("candidate"):
        spelled = re.sub(r"""(["'])rc\1""", r"\1candidate\1", spelled)
    stage = re.search(r"""["']([a-z]+)["']""", spelled)
    if form == "call" and stage and stage[1] != "final" and not mentions(stage[1]):
        arguments = " ".join(spelled.split())
        raise NoSpelling(f"only the project knows its word for {stage[1]!r}: write the arguments ({arguments}) by hand")
    return spelled


def diff(changes: Iterable[Change]) -> Iterator[str]:
    """The changes as a unified diff."""
    import difflib

    for change in changes:
        # Lines as git counts them, each with its end.
        old, new = (
            re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8", "replace")) for data in (change.old, change.new)
        )
        for line in difflib.unified_diff(old, new, f"a/{change.path}", f"b/{change.path}"):
            yield line.removesuffix("\n")
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


def _changed(checkout: Checkout, path: str, edits: list[tuple[Place, str]], problems: list[str]) -> Change | None:
    text = _text(checkout, path)
    new, at = "", 0
    for place, spelled in sorted(edits, key=lambda edit: edit[0].start):
        if place.start < at:
            problems.append(f"{place.where}: two places overlap")
            return None
        new += text.text[at : place.start] + spelled
        at = place.end
    try:
        return Change(checkout.path_from_top(path), text.data, text.encoded(new + text.text[at:]))
    except UnicodeEncodeError:
        problems.append(f"{path}: its encoding, {text.codec}, has no characters for the version")
        return None


def _text(checkout: Checkout, path: str) -> Text:
    text = checkout.text(checkout.path_from_top(path))
    assert text is not None, path
    return text


PARTS = ("major", "minor", "patch", "alpha", "beta", "rc", "post", "dev", "stable")


_STAGES = {"alpha": "a", "beta": "b", "rc": "rc"}


_NUMBERS = {"major": 0, "minor": 1, "patch": 2}


def bump(current: str, part: str) -> str:
    """The version that follows `current`. Raises UsageError where there is none."""
    version = parse(current)
    if version is None:
        raise UsageError(f"{current!r} is not a version, so it cannot be bumped", "Run omni-release version set X.")
    version = version._replace(local="")
    if part in _NUMBERS:
        return str(_next_release(version, _NUMBERS[part]))
    if part in _STAGES:
        return str(_stage(version, _STAGES[part], part))
    return str({"post": _post, "dev": _dev, "stable": _stable}[part](version))


def _next_release(version: Version, which: int) -> Version:
    """The next version at this component; a pre-release of such a version becomes final."""
    release = version.release + (0,) * (which + 1 - len(version.release))
    leads = version.pre is not None or (version.dev is not None and version.post is None)
    if not (leads and not any(release[which + 1 :])):
        release = (*release[:which], release[which] + 1, *(0 for _ in release[which + 1 :]))
    return Version(version.epoch, release, None, None, None, "")


def _stage(version: Version, stage: str, part: str) -> Version:
    final = version._replace(pre=None, post=None, dev=None)
    if version.pre is None:
        before = version.dev is not None and version.post is None
        return (final if before else _next_patch(final))._replace(pre=(stage, 1))
    name, number = version.pre
    if name > stage:
        raise UsageError(
            f"{version} is past its {part} releases", "Bump to a later stage, or run omni-release version set X."
        )
    if name == stage:
        return final._replace(pre=(stage, number if version.dev is not None else number + 1))
    return final._replace(pre=(stage, 1))


def _post(version: Version) -> Version:
    if version.pre or (version.dev is not None and version.post is None):
        raise UsageError(f"{version} is a pre-release, which has no post-release", "Bump to stable first.")
    if version.dev is not None:
        return version._replace(dev=None)
    return version._replace(post=1 if version.post is None else version.post + 1)


def _dev(version: Version) -> Version:
    if version.dev is not None:
        return version._replace(dev=version.dev + 1)
    if version.post is not None:
        return version._replace(post=version.post + 1, dev=1)
    if version.pre:
        return version._replace(pre=(version.pre[0], version.pre[1] + 1), dev=1)
    return _next_patch(version)._replace(dev=1)


def _stable(version: Version) -> Version:
    if version.dev is not None and version.post is not None:
        return version._replace(dev=None)
    if version.pre is None and version.dev is None:
        raise UsageError(f"{version} is already stable", "Bump major, minor or patch.")
    return version._replace(pre=None, post=None, dev=None)


def _next_patch(version: Version) -> Version:
    """The smallest release after a final one: its last component (of three at least) plus one."""
    return _next_release(version._replace(pre=None, post=None, dev=None), max(2, len(version.release) - 1))


def local_problems(root: Path, name: str, new: str, template: str = "", beside: str = "") -> Iterator[str]:
    """Why the project at `root` cannot become `new`, judging by the version and by git's tags.

    `template` is the setting `tag`, which says which tags are the project's. `beside` is the project's version where
    there are other projects in the repository: a later tag that names no project is then one of theirs.
    """
    version = parse(new)
    if version is None:
        yield f"{new!r} is not a version (PEP 440): write it as 1.2.3, 1.2.3rc1, 1.2.3.post1 or 1.2.3.dev1"
        return
    if version.local:
        yield f"{new} is a local version, which indexes refuse: remove +{version.local}"
    head = (git_queries.output(str(root), "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not head:
        in_repository = any((folder / ".git").exists() for folder in (root, *root.parents))
        if in_repository and git_queries.output(str(root), "rev-parse", "--git-dir") is None:
            yield f"git does not work in {root}, so the tagged versions are unknown: run `git status` there"
        return
    commits = _tag_commits(root)
    owner, current = owner_of(str(root), name, template), parse(beside)
    tags = own_tags(commits, owner)
    if owner.folder and current:
        tags = [tag for tag in tags if tag.named or tag.version.key <= current.key]
    same = [tag.name for tag in tags if tag.version.key == version.key]
    for name in same:
        if commits[name] != head:
            yield f"{new} is already tagged: {name} is commit {commits[name][:12]}, HEAD is {head[:12]}"
    merged = _tag_commits(root, "--merged", "HEAD")
    # A final version is compared with final ones: a later version may never have become final.
    comparable = (tag for tag in tags if tag.name in merged and (is_final(tag.version) or not is_final(version)))
    newest = max(comparable, key=lambda tag: tag.version.key, default=None)
    if newest and not same and version.key <= newest.version.key:
        yield f"{new} is not later than {newest.version}, the newest version that HEAD contains (tag {newest.name})"


def _tag_commits(root: Path, *options: str) -> dict[str, str]:
    """The tags, and their commits."""
    return commits_of_tags(lambda *arguments: git_queries.output(str(root), *arguments) or "", *options)


def index_problems(root: Path, name: str, new: str, index: Index) -> tuple[list[str], list[str]]:
    """Why an index prevents the version, and what it left undetermined.

    A file name can never be reused: so a file of this version that dist/ does not have is a problem as well.
    """
    from omni_release import distributions
    from omni_release.core import documents
    from omni_release.core.world import FileState

    try:
        listed = {file.name for file in index.files(canonical(name)) if distributions.is_of(file.name, new)}
    except Inconclusive as error:
        return [], [error.message]
    except ImportError:
        return [], [MissingExtra("pypi_simple", "reading an index").full_message]
    dist = root / "dist"
    files = sorted(dist.iterdir()) if listed and dist.is_dir() else []
    ours = [documents.artifact_of(file) for file in files if file.is_file() and distributions.is_of(file.name, new)]
    problems = [
        f"{new} is already on the index, with a file that is not in dist/: {file}. File names can never be reused"
        for file in sorted(listed - {artifact.name for artifact in ours})
    ]
    undetermined = []
    for status in index.file_statuses(canonical(name), ours) if ours else ():
        if status.state is FileState.OTHER_BYTES:
            problems.append(f"{new} is already on the index, with other bytes: {status.name} ({status.why})")
        elif status.state in (FileState.INCONCLUSIVE, FileState.REFUSED):
            undetermined.append(f"{status.name}: {status.why}")
    return problems, undetermined
