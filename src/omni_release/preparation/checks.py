"""Does the changelog say what has changed since the last release?"""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import file_roles, git, versions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted, listed
from omni_release.core.world import World
from omni_release.file_roles import Role
from omni_release.git import ReleaseRepository, release_tag
from omni_release.preparation import changelog, fragments, newest_tag
from omni_release.versions import prose
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member
from omni_release.versions.place import Text
from omni_release.versions.tags import Tag

NO_ENTRY = Rule("no-changelog-entry", RuleClass.QUALITY, "Changelog entry is missing")


@reports(NO_ENTRY)
def changelog_entry(release: Release, world: World) -> Iterator[Finding]:
    """Changelog says what has changed

    A package that has changed since its last release has an entry in its changelog, or a fragment for towncrier or
    scriv. Projects that write the changelog when they release are not asked.

    Fix: write what has changed below the heading Unreleased, or into a fragment. A project that does not want this
    advice sets `changelog-entry` in [tool.omni-release.severity].
    """
    root = release.project.root
    checkout = Checkout(str(root))
    program = fragments.program_of(checkout, root)
    texts = [] if program else list(prose.changelogs(Member(checkout, checkout.inside)))
    if not program and not texts:
        raise NotApplicable("the project has neither a changelog nor fragments of one")
    repository = git.open_repository(release, world)
    tag = newest_tag(repository.line, repository.commit, release_tag.tag_owner(release))
    if tag is None:
        raise NotApplicable("no earlier release has a tag in the history of the commit")
    if program:
        if program.fragments(root):
            return
        where, place = f"{program.folder} has no fragment", None
    else:
        if any(changelog.has_entry(text.text, tag.version) for text in texts):
            return
        if not any(_is_kept(text, tag, repository) for text in texts):
            raise NotApplicable("the changelog gets its entries with each release, not before")
        where, place = f"{texts[0].path} has no entry", texts[0].path
    if changed := _changed_files(release, repository, tag):
        files = f"{counted(len(changed), 'file')} changed: {listed(changed, 3)}"
        message = f"{where} since {tag.name} ({files})"
        yield Finding(message, NO_ENTRY.id, path=place, subjects=(tag.name,))


_TOP = 40  # lines, in which the newest version has its heading


def _is_kept(text: Text, tag: Tag, repository: ReleaseRepository) -> bool:
    """Whether the changelog has a heading Unreleased between releases: now, at the last one, or shortly before it."""
    if changelog.has_unreleased(text.text) or any(map(changelog.is_unreleased, text.text.splitlines()[:_TOP])):
        return True
    options = ("--max-count=5", "--format=", "--patch", "--unified=0")
    history = repository.line("log", *options, f"refs/tags/{tag.name}", "--", text.path)
    removed = (line[1:] for line in history.splitlines() if line.startswith("-"))
    return any(changelog.is_unreleased(line) for line in removed)


def _changed_files(release: Release, repository: ReleaseRepository, tag: Tag) -> list[str]:
    """The files of the package that the commit and the tag have differently, in more than the version."""
    stated = [place.path for place in versions.places_of(release.project)]
    roles = file_roles.of_project(release.project)
    commits = (f"refs/tags/{tag.name}", repository.commit)
    numbers = repository.line("diff", "--numstat", "--no-renames", "--relative", *commits, "--", ".")
    changed = []
    for line in numbers.splitlines():
        added, removed, path = line.split("\t")
        of_version = {added, removed} <= {str(number) for number in range(stated.count(path) + 1)}
        if roles.shipped and roles.role(path) is Role.SHIPPED and not of_version:
            changed.append(path)
    return changed
