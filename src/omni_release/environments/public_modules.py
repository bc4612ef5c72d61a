"""The public modules of the installed release, and which of them cannot be imported without an extra."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from omni_release.core.model import Finding, Severity
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.environments.import_findings import SCRIPTS, how_it_failed
from omni_release.environments.imports import Imported, ImportFailure, is_module
from omni_release.environments.installed_release import InstalledRelease, is_in

_EACH, _TOTAL = 20.0, 60.0  # seconds: of one import, and of all

# An error that another order of the imports can cause is looked at again, by itself: so many of them.
_AGAIN = 20
_SHOWN = 3

# Packages whose modules are not for users of the project: its tests, copies of others, files to be copied.
_NOT_PUBLIC = re.compile(
    r"_.*|tests?|conftest|test_.*|.*_tests?|vendor(ed|s)?|extern(als?)?|third_?party|templates?|examples?|samples?|"
    r"docs|bench(marks?)?"
)

_PLATFORMS = re.compile(
    r"(?<![a-z])(win(dows|32|64|api|reg)?|nt|posix|unix|linux|darwin|mac(os)?(x)?|osx|emscripten|wasm|pyodide|jython|"
    r"ironpython|android|ios|cygwin)(?![a-z])|windll|platform",
    re.IGNORECASE,
)

# What a mistake in the code raises; anything else a module may raise on purpose.
_MISTAKES = {"AttributeError", "ImportError", "IndentationError", "ModuleNotFoundError", "NameError", "SyntaxError"}
_MISTAKES |= {"TypeError", "UnboundLocalError"}


def public_modules(files: Iterable[str], packages: Iterable[str]) -> Iterator[str]:
    """The public modules among the files of a wheel that are below these import packages."""
    names = set(files)
    tops = {package: PurePosixPath(*package.split(".")) for package in packages}
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.suffix != ".py" or (path.name == "__init__.py" and str(path.parent) in map(str, tops.values())):
            continue
        top = next((top for top in tops.values() if path.is_relative_to(top)), None)
        if top is None:
            continue
        module = path.parent if path.name == "__init__.py" else path.with_suffix("")
        between = [folder for folder in module.parents if folder != top and folder.is_relative_to(top)]
        if all(f"{folder}/__init__.py" in names for folder in between):
            dotted = ".".join(module.parts)
            if is_module(dotted) and not any(map(_NOT_PUBLIC.fullmatch, module.relative_to(top).parts)):
                yield dotted


def failures(installed: InstalledRelease, world: World) -> tuple[dict[str, ImportFailure], list[str]]:
    """The public modules whose import fails, and those for which there was no time.

    All are imported in one process. Where something is wrong other than that a module of another project is missing,
    the module is imported once more, in a process of its own.
    """
    modules = list(public_modules(installed.files, installed.modules))
    if not modules:
        return {}, []
    end = world.clock.monotonic() + _TOTAL
    found = _import(installed, world, [*installed.modules, *modules], end)
    failing_packages = [name for name in installed.modules if name in _failed(found)]  # another check reports them
    modules = [name for name in modules if not any(is_in(name, package) for package in failing_packages)]
    found = {name: result for name, result in found.items() if name in modules}
    doubtful = [name for name, failure in _failed(found).items() if not installed.third_party(failure)]
    for name in doubtful[:_AGAIN]:
        if world.clock.monotonic() < end:
            found |= _import(installed, world, [name], end)
    failed = _failed(found)
    slow = [name for name in modules if name not in found or (name in failed and failed[name].slow)]
    return {name: failure for name, failure in failed.items() if not failure.slow}, slow


def _import(installed: InstalledRelease, world: World, modules: list[str], end: float) -> dict[str, Imported]:
    total = end - world.clock.monotonic()
    return installed.environment.import_all(
        world, modules, label="public-modules", each=_EACH, total=total, background=True
    )


def _failed(imported: Mapping[str, Imported]) -> dict[str, ImportFailure]:
    return {name: result.failure for name, result in imported.items() if result.failure is not None}


def findings(installed: InstalledRelease, failed: Mapping[str, ImportFailure]) -> Iterator[Finding]:
    """One finding for each missing module of another project, and for each other error."""
    hosts = set(_hosts(installed, failed))
    needing: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for name, failure in failed.items():
        missing = installed.third_party(failure)
        if _is_for_other_platforms(installed, name, failure) or _is_explained(failure) or missing in hosts:
            continue
        if missing:
            needing.setdefault(missing, []).append(name)
        else:
            others.setdefault(how_it_failed(failure), []).append(name)
    for missing, names in needing.items():
        message = f"`import {names[0]}` {installed.needs(missing)}{_more(names)}"
        yield installed.finding(message, "module-needs-extra", failed[names[0]])
    for error, names in others.items():
        failure = failed[names[0]]
        severity = Severity.ERROR if failure.type in _MISTAKES else Severity.NOTICE
        yield installed.finding(f"`import {names[0]}` {error}{_more(names)}", "module-fails", failure, severity)


def _hosts(installed: InstalledRelease, failed: Mapping[str, ImportFailure]) -> Iterator[str]:
    """The missing modules of the programs that load this project's entry points, and that bring them along."""
    for point in installed.entry_points:
        if point.group not in SCRIPTS:
            for name, failure in failed.items():
                missing = installed.third_party(failure)
                if missing and is_in(point.value.partition(":")[0].strip(), name):
                    if not installed.requirements.declaration(missing).extras:
                        yield missing


def _is_for_other_platforms(installed: InstalledRelease, name: str, failure: ImportFailure) -> bool:
    if installed.of_other_platforms(failure) or any(map(_PLATFORMS.search, name.split("."))):
        return True
    return not failure.missing and _PLATFORMS.search(failure.message) is not None


def _is_explained(failure: ImportFailure) -> bool:
    """Whether the error of a missing module says by itself what to install."""
    says = failure.type != "ModuleNotFoundError" or not failure.message.startswith("No module named")
    return bool(failure.missing) and says and re.search(r"install|extra|\[\w", failure.message) is not None


def _more(names: list[str]) -> str:
    """The other modules, to end a sentence about the first."""
    return f"; so does {listed([f'`{name}`' for name in names[1:]], _SHOWN)}" if len(names) > 1 else ""
