"""What imports of the installed release show, as findings: in one line what is missing, where, and who declares it."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from omni_release import distributions
from omni_release.core.documents import parse_python
from omni_release.core.model import Finding, Severity
from omni_release.core.world import World
from omni_release.environments.code_places import CodePlaces
from omni_release.environments.imports import START, Imported, ImportFailure, is_module
from omni_release.environments.installed_release import InstalledRelease, extras, is_in
from omni_release.environments.requirements import Declaration

SCRIPTS = ("console_scripts", "gui_scripts")
"""The groups of the entry points that are programs. A program of another project loads those of any other group."""


def of_module(
    installed: InstalledRelease, name: str, imported: Imported, works: Collection[str] = ()
) -> Iterator[Finding]:
    """What is wrong with the import of a package of the project; those in `works` can be imported.

    A part of a namespace beside another one, and a package beside that with the project's name, may be for an extra
    alone, as any other module below the top.
    """
    if failure := imported.failure:
        missing = installed.third_party(failure)
        optional = _is_beside(name, works, installed.environment.release.project.name)
        if missing and optional and installed.requirements.declaration(missing).extras_of_users:
            message = f"`import {name}` {installed.needs(missing)}"
            yield installed.finding(message, "import-fails", failure, Severity.WARNING)
        elif missing:
            message = f"`import {name}` {installed.needs(missing)}"
            fix = "move it to `dependencies`" if "only the extra" in message else "add it to `dependencies`"
            if "in the checkout" in message:
                fix = "add it to the wheel"
            message += f"\n→ {fix[0].upper()}{fix[1:]}, or import it where it is used."
            yield installed.finding(message, "import-fails", failure)
        else:
            message = f"`import {name}` {how_it_failed(failure)}\n{_try(installed, name)}"
            yield installed.finding(message, "import-fails", failure)
        return
    folder = installed.environment.folder
    if imported.file is not None and not _is_inside(Path(imported.file), folder):
        yield Finding(f"`import {name}` loads {imported.file}, not the installed package", "import-elsewhere")


def _is_beside(name: str, works: Collection[str], project: str) -> bool:
    own = canonicalize_name(project)
    if "." in name:
        return bool({*works} - {name})
    return canonicalize_name(name) != own and own in map(canonicalize_name, works)


def of_versions(stated: Mapping[str, str | None], project: str, version: str) -> Iterator[Finding]:
    """The `__version__` of modules that is another one than the release's.

    A module can have a version of its own where another one of the project states the release's.
    """
    right = [name for name, own in stated.items() if own is not None and distributions.same_version(own, version)]
    for name, own in stated.items():
        if own is None or name in right:
            continue
        severity = Severity.ERROR
        if not _is_version(own) or (right and canonicalize_name(name) != canonicalize_name(project)):
            severity = Severity.WARNING
        message = f"{name}.__version__ is {own}, the release is {version}"
        message += f"\n→ Write {version} where {name} states it, or read it from the installed metadata."
        yield Finding(message, "installed-version", severity)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_inside(file: Path, folder: Path) -> bool:
    """Whether a file is in a folder: by its path, for an installer can link it from its cache, or by what it is."""
    return file.is_relative_to(folder) or file.resolve().is_relative_to(folder.resolve())


def how_it_failed(failure: ImportFailure) -> str:
    """How an import failed, to follow what was imported."""
    if not failure.type:
        return f"ends the process: the import {failure.message}"
    if failure.type == "SystemExit":
        return f"ends the program: {failure.message or 0}"
    lines = failure.message.strip().splitlines()
    rest = "\n".join(lines[:10])
    return f"fails: {failure.type}: {rest}".rstrip(": ")


def _try(installed: InstalledRelease, module: str, attribute: str = "") -> str:
    """The command that shows a failed import again; its interpreter is there after the run."""
    code = f"from {module} import {attribute}" if attribute else f"import {module}"
    return f"To try it: {shlex.join((str(installed.environment.interpreter), '-I', '-c', code))}"


def of_entry_point(installed: InstalledRelease, point: EntryPoint, imported: Imported | None) -> Iterator[Finding]:
    """What is wrong with an entry point; `imported` is None where its value is not the name of an object."""
    name = f"`{point.name}` of {point.group}"
    is_script = point.group in SCRIPTS
    if imported is None:
        yield Finding(f"the entry point {name} is invalid: `{point.value}` is not `module:object`", "entry-point")
    elif imported.failure is not None:
        yield _failed_entry_point(installed, point, imported.failure)
    elif is_script and not point.attr:
        message = f"the entry point {name} names the module {point.module}, not a function: write `module:function`"
        yield Finding(message, "entry-point")
    elif is_script and not imported.callable:
        yield Finding(f"the entry point {name} names {point.value}, which cannot be called", "entry-point")


def _failed_entry_point(installed: InstalledRelease, point: EntryPoint, failure: ImportFailure) -> Finding:
    """The finding of an entry point that does not load: no error where it is meant for a host, or for an extra."""
    name = f"`{point.name}` of {point.group}"
    missing = installed.third_party(failure)
    declared = installed.requirements.declaration(missing) if missing else Declaration()
    if missing and not declared.distribution and is_in(point.module, missing):
        message = f"the entry point {name} names {missing}, which the wheel does not contain"
        wheel, lost = installed.lost(failure)
        return Finding(message, "entry-point", distribution=wheel, subjects=lost)
    if missing and point.group not in SCRIPTS:
        host = f"its host is not installed here ({missing})"
        reason = f"it needs the {extras(declared.extras)} ({missing})" if declared.extras else host
        message = f"the entry point {name} was not loaded: {reason}"
        return installed.finding(message, "entry-point", failure, Severity.NOTICE)
    if missing:
        message = f"the entry point {name} {installed.needs(missing)}"
        if _is_guarded(installed, point, declared):
            return installed.finding(message, "entry-point", failure, Severity.WARNING)
        return installed.finding(f"{message}\n→ Add it to `dependencies`.", "entry-point", failure)
    if own := next((module for module in failure.missing if installed.is_own(module)), None):
        message = f"the entry point {name} does not load: the wheel does not contain {own}"
        return installed.finding(message, "entry-point", failure)
    if failure.type == "AttributeError" and (line := _line_under_main(installed, point)):
        message = f"the entry point {name} does not load: {point.module} has `{point.attr}` only under"
        message += ' `if __name__ == "__main__"`, which is not run\n→ Import or define it above.'
        return replace(Finding(message, "entry-point"), path=line[0], line=line[1])
    message = f"the entry point {name} does not load: it {how_it_failed(failure)}\n"
    return installed.finding(message + _try(installed, point.module, point.attr), "entry-point", failure)


def _is_guarded(installed: InstalledRelease, point: EntryPoint, declared: Declaration) -> bool:
    """Whether a program works with an extra for users, or needs what this machine cannot have."""
    own = {canonicalize_name(extra) for extra in installed.requirements.extras}
    named = any(canonicalize_name(extra) in own for extra in point.extras)
    return named or bool(declared.extras_of_users) or bool(declared.marker)


def _line_under_main(installed: InstalledRelease, point: EntryPoint) -> tuple[str | None, int] | None:
    """The place of the name of an entry point, where its module binds it under `if __name__ == "__main__"` alone."""
    site = installed.environment.site
    base = site.joinpath(*point.module.split("."))
    file = next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)
    if file is None:
        return None
    if (tree := parse_python(file.read_bytes())) is None:
        return None
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            for inner in ast.walk(node):
                if point.attr.partition(".")[0] in _bound(inner):
                    places = CodePlaces.installed(installed.environment.release.project, site)
                    return places.in_checkout(str(file)), getattr(inner, "lineno", node.lineno)
    return None


def _bound(node: ast.AST) -> Collection[str]:
    """The names that a statement binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return (node.name,)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return (node.id,)
    return ()


def object_of(point: EntryPoint) -> str | None:
    """The object of an entry point, as `Environment.import_all` takes it; None where its value is invalid."""
    try:
        valid = is_module(point.module) and (not point.attr or is_module(point.attr))
        return f"{point.module}:{point.attr or ''}" if valid else None
    except (AttributeError, AssertionError):  # of importlib.metadata, where the value matches no pattern
        return None


def of_installed(
    installed: InstalledRelease, world: World, version: str, label: str
) -> tuple[list[Finding], list[str]]:
    """The findings of the installed release, and what could not be imported in time; `label` names the log."""
    release = installed.environment.release
    points = {point: object_of(point) for point in installed.entry_points}
    objects = list(dict.fromkeys([*installed.modules, *filter(None, points.values())]))
    each = release.project.settings.verify.timeout
    done = installed.environment.import_all(world, objects, label=label, each=each, total=each * len(objects) + START)
    slow = [name for name in objects if (found := done.get(name)) is None or (found.failure and found.failure.slow)]
    findings: list[Finding] = []
    works = {name for name in installed.modules if name not in slow and done[name].failure is None}
    for name in installed.modules:
        if name not in slow:
            findings += of_module(installed, name, done[name], works)
    if not slow:
        findings += of_versions({name: done[name].version for name in installed.modules}, release.project.name, version)
    for point, value in points.items():
        if value not in slow:
            findings += of_entry_point(installed, point, done[value] if value else None)
    return findings, slow
