"""`version` at the root of a workspace, or for the packages that it names: all packages at once, or none."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omni_release import versions
from omni_release.cli import lane, version_output
from omni_release.cli.version_output import Arguments
from omni_release.core.errors import EXIT_FAILED, EXIT_PASSED, Conflict, NotApplicable
from omni_release.core.text import counted
from omni_release.versions import change as versions_change
from omni_release.versions.checkout import Checkout
from omni_release.versions.pep440 import equals, normalize, parse
from omni_release.workspaces import history, places
from omni_release.workspaces.model import Workspace, WorkspacePackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omni_release.core.model import Finding, Outcome
    from omni_release.core.world import FileTransactions
    from omni_release.versions.change import Index
    from omni_release.versions.tags import Tag
    from omni_release.workspaces.places import PackagePlaces, Wanted


class Packages(NamedTuple):
    """The packages that a command is about: all of the workspace, or those of these names.

    `checkout` is the one around the workspace's root.
    """

    workspace: Workspace
    checkout: Checkout
    names: tuple[str, ...]

    def check(self, arguments: Arguments) -> int:
        """`version check`: whether each package's places agree, and the requirements on others admit their versions."""
        from omni_release.core.model import REHEARSAL, Report
        from omni_release.report import json_report

        keys = [self.workspace.named(name).key for name in self.names] or [p.key for p in self.workspace.released]
        found = places.find(self.workspace, self.checkout, keys)
        tags = history.newest_tags(self.workspace)
        outcomes = [outcome for key in keys for outcome in self._outcomes(found[key], tags[key], arguments)]
        report = Report("version", self.workspace.name, None, REHEARSAL, 0.0, tuple(_merged(outcomes)))
        if arguments.as_json:
            sys.stdout.write(json_report.document(report))
        else:
            for item in found.values():
                sys.stdout.write(lane.shown(f"{_summary(item)}\n"))
            if report.exit_code or any(outcome.findings for outcome in outcomes):
                sys.stdout.write("\n")
                version_output.show(report)
        return report.exit_code

    def _outcomes(self, item: PackagePlaces, tag: Tag | None, arguments: Arguments) -> Iterator[Outcome]:
        """The outcomes of one package, under its own settings; the paths of their findings are from the root."""
        from omni_release import project
        from omni_release.git.version_checks import GOES_BACK, version_follows_tags
        from omni_release.workspaces import checks

        package = item.package
        loaded = project.load(self.workspace.folder_of(package.key))
        try:
            agree = version_output.outcome(loaded, item.found, staged=arguments.staged, as_json=arguments.as_json)
        except NotApplicable:  # only the build knows the version
            agree = None
        admitted = checks.findings(self.workspace, package.key)
        outcomes = [
            *((agree,) if agree else ()),
            version_output.judged(loaded, checks.siblings_admitted, "siblings-admitted", admitted),
        ]
        if package.version:
            back = _lower_than(tag, package, GOES_BACK.id)
            outcomes.append(version_output.judged(loaded, version_follows_tags, "version-follows-tags", back))
        for outcome in outcomes:
            said = (self._from_root(package.folder, finding) for finding in outcome.findings)
            yield replace(outcome, findings=tuple(said))

    def _from_root(self, folder: str, finding: Finding) -> Finding:
        if finding.path is None or folder == ".":
            return finding
        return replace(finding, path=Checkout.joined(f"{folder}/", finding.path))

    def show(self, arguments: Arguments) -> int:
        """`version show`: the places of each package."""
        keys = [self.workspace.named(name).key for name in self.names] or [p.key for p in self.workspace.released]
        found = places.find(self.workspace, self.checkout, keys)
        differing = {key: versions.drift(item.found.places) for key, item in found.items()}
        if arguments.as_json:
            from omni_release.core.documents import to_output

            listed = [
                {"name": item.package.name, "folder": item.package.folder}
                | version_output.document(item.found, differing[key])
                for key, item in found.items()
            ]
            sys.stdout.write(to_output({"workspace": self.workspace.name, "packages": listed}))
            return EXIT_FAILED if any(differing.values()) else EXIT_PASSED
        for key, item in found.items():
            sys.stdout.write(lane.shown(f"{item.package.name}   {item.package.folder}\n"))
            for place in item.found.places:
                mark = "  ← differs" if place in differing[key] else ""
                sys.stdout.write(lane.shown(f"  {place.value:<12} {place.role:<8} {place.where}{mark}\n"))
        return EXIT_FAILED if any(differing.values()) else EXIT_PASSED

    def change(self, arguments: Arguments, transactions: FileTransactions, index: Index | None) -> int:
        """`version sync`, `set` and `bump`: write the versions of all packages, and the pins on them, or nothing."""
        verb, value = arguments.verb, arguments.value.strip()
        keys = places.chosen(self.workspace, self.names)
        wanted = places.next_versions(self.workspace, keys, verb, value, named=bool(self.names))
        if verb != "sync":
            self._require_free(wanted, index)
        found = places.find(self.workspace, self.checkout, wanted)
        made = places.plan(self.workspace, self.checkout, found, wanted, sync=verb == "sync", docs=arguments.docs)
        if not arguments.dry_run:
            files = {Path(self.checkout.top, change.path): (change.old, change.new) for change in made.changes}
            transactions.swap(self.workspace.root.resolve(), files)
        self._say(found, made, arguments)
        return EXIT_PASSED

    def _require_free(self, wanted: dict[str, str], index: Index | None) -> None:
        """Raises Conflict where a package cannot get its version, by its tags or by the index."""
        problems = list(places.problems(self.workspace, wanted))
        for key, version in wanted.items() if index is not None and not problems else ():
            assert index is not None
            name = self.workspace.packages[key].name
            taken, unknown = versions_change.index_problems(self.workspace.folder_of(key), name, version, index)
            problems += [f"{name}: {problem}" for problem in taken]
            for reason in unknown:
                sys.stderr.write(lane.shown(f"inconclusive: the index may have {name} {version}: {reason}\n"))
        if problems:
            raise Conflict("\n".join(problems), "Nothing was changed.")

    def _say(self, found: dict[str, PackagePlaces], made: Wanted, arguments: Arguments) -> None:
        paths = [self.checkout.relative_path(change.path) for change in made.changes]
        notes = [
            f"{item.where}: requires {item.stated.strip()}, which leaves out {normalize(made.versions[item.name])}: "
            "admit it there"
            for item in made.left_out
        ]
        for item in found.values():
            said = version_output.unchanged(item.found, docs=arguments.docs)
            notes += [f"{item.package.folder}/{note}" if item.package.folder != "." else note for note in said]
        if arguments.as_json:
            from omni_release.core.documents import to_output

            changed = {self.workspace.packages[key].name: normalize(version) for key, version in made.versions.items()}
            content = {"versions": changed, "changed": paths, "dry_run": arguments.dry_run, "said": notes}
            sys.stdout.write(to_output(content))
            return
        lines = (f"{line}\n" for line in (versions_change.diff(made.changes) if arguments.dry_run else paths))
        # A diff in a pipe is for `git apply`, and keeps every byte.
        keeps = arguments.dry_run and not sys.stdout.isatty()
        sys.stdout.writelines(lines if keeps else map(lane.shown, lines))
        sys.stderr.writelines(lane.shown(f"{note}\n") for note in notes)
        for key, version in made.versions.items():
            package = self.workspace.packages[key]
            moved = not equals(package.version or "", version)
            words = f"{package.version} → {normalize(version)}" if moved else f"at {normalize(version)}"
            sys.stderr.write(lane.shown(f"{package.name} {words}\n"))
        would = "would change" if arguments.dry_run else "changed"
        sys.stderr.write(f"{counted(len(paths), 'file')} {would}\n")


def _lower_than(tag: Tag | None, package: WorkspacePackage, rule: str) -> Iterator[Finding]:
    from omni_release.core.model import Finding

    stated = parse(package.version or "")
    if tag and stated and stated.key < tag.version.key:
        yield Finding(
            f"{package.name} {package.version} is lower than {tag.version}, the previous release (tag {tag.name})", rule
        )


def _summary(item: PackagePlaces) -> str:
    """A package, its version, and how many places state it."""
    source = item.found.source
    if source is None:
        return f"{item.package.name}: {item.package.no_version or 'no file states its version'}"
    differing = versions.drift(item.found.places)
    count = counted(len(item.found.places), "place")
    agree = "1 place states it" if len(item.found.places) == 1 else f"{count} agree"
    words = f"{len(differing)} of {count} {'differs' if len(differing) == 1 else 'differ'}" if differing else agree
    return f"{item.package.name} {normalize(source.value)}: {words}"


def _merged(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """One outcome for each check: its worst status, and the findings of all packages."""
    from omni_release.core.model import worst

    by_id: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_id.setdefault(outcome.id, []).append(outcome)
    for found in by_id.values():
        said = tuple(finding for outcome in found for finding in outcome.findings)
        yield replace(found[0], status=worst(outcome.status for outcome in found), findings=said)
