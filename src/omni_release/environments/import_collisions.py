"""What the installed release and its dependencies both provide: files, and the import names that they state."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from email.parser import Parser
from importlib.metadata import Distribution

from packaging.utils import canonicalize_name

from omni_release import distributions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.distributions.import_names import ImportNames, Modules
from omni_release.environments.imports import Environment

NAME = Rule("import-name-taken", RuleClass.RELEASE, "Dependency states the same import name")
FILE = Rule("same-file", RuleClass.QUALITY, "Dependency installs the same module with other content")


@reports(NAME, FILE)
def imports_unshared(release: Release, world: World) -> Iterator[Finding]:
    """No dependency provides the same modules

    No dependency installs a module of the release with other content, or states one of its import names as its own
    (PEP 794): whatever is installed last would win.

    Fix: rename the module, or leave it out of the wheel, such as a folder `tests` at the top.
    """
    site = Environment(release, "released-uv").site
    own = canonicalize_name(release.project.name)
    found = {canonicalize_name(each.name): each for each in Distribution.discover(path=[str(site)]) if each.name}
    if own not in found:
        raise NotApplicable("the release is not installed")
    wheel = distributions.installable(release.dist)
    stated = ImportNames.of_metadata(distributions.metadata(wheel))
    ours = {path: digest for path, digest in _digests(found.pop(own)).items() if Modules.of((path,)).names}
    for name, other in sorted(found.items()):
        theirs = _stated(other)
        if stated and theirs:
            taken = {*stated.own} & {*theirs.own, *theirs.namespaces} | {*stated.namespaces} & {*theirs.own}
            if taken:
                message = f"{name} {other.version} states the same import names: {listed(sorted(taken))}"
                advice = "Share them as `import-namespaces` in both projects, or rename the package."
                yield Finding(f"{message}\n→ {advice}", NAME.id)
        same = [path for path, digest in _digests(other).items() if path in ours and ours[path] != digest]
        if same:
            message = f"{name} {other.version} installs the same modules with other content: {listed(sorted(same))}"
            yield Finding(message, FILE.id, distribution=wheel.name, subjects=tuple(sorted(same)))


def _digests(distribution: Distribution) -> Mapping[str, str]:
    """The files that a distribution has installed, by their paths, with the digests that its RECORD states."""
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    return {row[0].replace("\\", "/"): row[1] for row in rows if len(row) > 1 and row[1]}


def _stated(distribution: Distribution) -> ImportNames | None:
    """The import names that an installed distribution states; None where it states none."""
    text = distribution.read_text("METADATA") or ""
    return ImportNames.of_metadata(Parser().parsestr(text)) if "\nImport-Name" in text else None
