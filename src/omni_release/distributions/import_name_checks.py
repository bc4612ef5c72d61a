"""Whether the import names that a project states (PEP 794) are those that its wheels contain."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import distributions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.distributions.checks import HOLLOW
from omni_release.distributions.import_names import ImportNames, Modules

MISSING = Rule(
    "import-name-missing", RuleClass.RELEASE, "Wheel lacks a module that the metadata name", caused_by=(HOLLOW,)
)
AMBIGUOUS = Rule("import-name-ambiguous", RuleClass.RELEASE, "Import name is stated in two ways")
DIFFER = Rule("import-names-differ", RuleClass.RELEASE, "Distributions state different import names")
UNLISTED = Rule("import-name-unlisted", RuleClass.QUALITY, "Metadata do not name a module of the wheel")
LOST = Rule("import-names-lost", RuleClass.QUALITY, "Metadata lack the import names of pyproject.toml")


@reports(MISSING, AMBIGUOUS, DIFFER, UNLISTED, LOST)
def import_names_match(release: Release, world: World) -> Iterator[Finding]:
    """Stated import names are those in the wheel

    Each `Import-Name` and `Import-Namespace` of the metadata (PEP 794) is in a wheel, each module of the wheels is
    below one of them, and all distributions state the same ones.

    Fix: correct `import-names` and `import-namespaces` in [project], or what the build back end includes.
    """
    stated: dict[str, ImportNames | None] = {}
    dynamic = False
    for path in distributions.built(release.dist):
        metadata = distributions.metadata(path)
        stated[path.name] = ImportNames.of_metadata(metadata)
        changing = {field.strip().lower() for field in metadata.get_all("Dynamic", [])}
        dynamic = dynamic or bool(changing & {"import-name", "import-namespace"})
    in_project = ImportNames.of_pyproject(release.project.metadata)
    known = {name: names for name, names in stated.items() if names is not None}
    if not known:
        if in_project is None:
            raise NotApplicable("no import names are stated (PEP 794)")
        message = (
            "[project] states import names, but the metadata of the distributions do not: "
            "the build back end writes an older metadata version than 2.5\n"
            "→ Require a newer one in [build-system], or ask it for version 2.5; until then nothing reads these keys"
        )
        yield Finding(message, LOST.id, path=release.project.stated_in)
        return
    if not dynamic and len({names and _sorted(names) for names in stated.values()}) > 1:
        said = "; ".join(f"{name}: {_described(names)}" for name, names in stated.items())
        yield Finding(f"the distributions state different import names: {said}", DIFFER.id)
    names = next(iter(known.values()))
    for name in names.repeated:
        message = f"{name} is stated twice, as a name of its own, a private one or a namespace: state it once"
        yield Finding(message, AMBIGUOUS.id)
    yield from _compared(release, next((known[name] for name in known if distributions.is_wheel(name)), names))


def _sorted(names: ImportNames) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sorted(kind)) for kind in (names.public, names.private, names.namespaces))


def _described(names: ImportNames | None) -> str:
    return listed([*names.own, *names.namespaces]) or "no name" if names else "none"


def _compared(release: Release, names: ImportNames) -> Iterator[Finding]:
    """The findings about the names and the modules of all wheels together: a module may be of one platform."""
    wheels = distributions.wheels(release.dist)
    if not wheels:
        return
    modules = Modules.of(file for wheel in wheels for file in distributions.names(wheel))
    subject = wheels[0].name if len(wheels) == 1 else "the wheels"
    for name in (*names.own, *names.namespaces):
        if name not in modules.names:
            message = f"the metadata state the import name {name}, but {subject} contains no such module or package"
            subjects = (f"{name.replace('.', '/')}/__init__.py",)
            yield Finding(message, MISSING.id, distribution=wheels[0].name, subjects=subjects)
    if unlisted := [*names.unlisted(modules)]:
        message = f"the metadata do not state what else can be imported from {subject}: {listed(unlisted)}"
        advice = "Add it to `import-names` (with `; private` if it is not for users), or leave it out of the wheel."
        yield Finding(f"{message}\n→ {advice}", UNLISTED.id, subjects=tuple(unlisted))
    if parents := [*names.parents_unlisted()]:
        message = f"the metadata state dotted import names without what is above them: {listed(parents)}"
        yield Finding(f"{message}\n→ Add it to `import-namespaces`, or to `import-names`.", UNLISTED.id)
    if not names.own and not names.namespaces and not modules.names:
        yield Finding("the metadata state that nothing can be imported", severity=Severity.NOTICE)
