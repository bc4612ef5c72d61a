"""Does the code need a newer Python than `requires-python` allows?"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from omni_release import file_roles, programs, source_tree
from omni_release.code import imports, select_sources
from omni_release.code.checks import run_ruff
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, display_path
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World

_FIRST, _LAST = 7, 14  # the minor versions that each supported ruff knows
_ON_OLDER = re.compile(r"\bon Python 3\.\d+ \(syntax was \w+ in Python 3\.\d+\)")
_LAST_PATCH = 40  # no minor version of Python has had more releases

# Source: "Added in version" of https://docs.python.org/3/library/. A class or function counts where it is imported.
_ADDED = {
    7: "contextvars dataclasses importlib.resources contextlib.nullcontext",
    8: "importlib.metadata functools.cached_property functools.singledispatchmethod typing.Final typing.Literal "
    "typing.Protocol typing.TypedDict typing.runtime_checkable unittest.IsolatedAsyncioTestCase",
    9: "graphlib zoneinfo asyncio.to_thread functools.cache importlib.resources.files typing.Annotated",
    10: "contextlib.aclosing dataclasses.KW_ONLY inspect.get_annotations itertools.pairwise types.EllipsisType "
    "types.NoneType types.UnionType typing.Concatenate typing.ParamSpec typing.TypeAlias typing.TypeGuard "
    "typing.is_typeddict",
    11: "tomllib asyncio.Runner asyncio.TaskGroup asyncio.timeout contextlib.chdir datetime.UTC enum.ReprEnum "
    "enum.StrEnum enum.verify hashlib.file_digest importlib.resources.abc typing.LiteralString typing.Never "
    "typing.NotRequired typing.Required typing.Self typing.TypeVarTuple typing.Unpack typing.assert_never "
    "typing.assert_type typing.dataclass_transform typing.reveal_type wsgiref.types",
    12: "collections.abc.Buffer itertools.batched typing.TypeAliasType typing.override",
    13: "copy.replace typing.NoDefault typing.ReadOnly typing.TypeIs warnings.deprecated",
    14: "annotationlib compression concurrent.interpreters string.templatelib",
}


@reports(
    Rule("newer-syntax", RuleClass.QUALITY, "Syntax is newer than `requires-python`"),
    Rule("newer-module", RuleClass.QUALITY, "Part of the standard library is newer than `requires-python`"),
)
def code_fits_python(release: Release, world: World) -> Iterator[Finding]:
    """Code fits the oldest Python

    No module that ships has syntax that the oldest Python lacks which `requires-python` allows, by ruff, or imports a
    part of the standard library that came later. An import that the module does without, or in a function, is neither.

    Fix: raise `requires-python`, or do without it on older versions: `if sys.version_info >= (3, 11):`.
    """
    project = release.project
    oldest = _oldest(table(project.metadata, "project").get("requires-python"))
    roles = file_roles.of_project(project)
    files = source_tree.files_at_start(project.root, world.processes)
    shipped = [file for file in files if file.suffix == ".py" and roles.role(file) is file_roles.Role.SHIPPED]
    sources = select_sources(project.root, shipped, project.settings.audit.ignore).files
    if not sources:
        raise NotApplicable("no file that ships is Python")
    yield from _imports(release, sources, oldest)
    options = (f"--target-version=py3{min(max(oldest, _FIRST), _LAST)}", "--select=E902")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(project.root, release.folder, Path(folder), world.environment)
        for batch in programs.batches(sources):
            for entry in run_ruff(context, world, batch, *options, name="ruff-syntax"):
                if _ON_OLDER.search(entry["message"]):
                    at, path = entry["location"], display_path(project.root, Path(entry["filename"]))
                    yield Finding(entry["message"], "newer-syntax", path=path, line=at["row"], column=at["column"])


def _oldest(stated: object) -> int:
    """The oldest minor version of Python 3 that `requires-python` allows. Raises NotApplicable where it states none."""
    try:
        allowed = SpecifierSet(stated) if isinstance(stated, str) else None
    except InvalidSpecifier:
        allowed = None  # project-valid reports it
    for minor in range(100) if allowed else ():
        if allowed and any(allowed.contains(f"3.{minor}.{patch}") for patch in range(_LAST_PATCH)):
            if minor or not allowed.contains("2.7"):
                return minor
            break
    raise NotApplicable("the project states no oldest Python 3 in `requires-python`")


def _imports(release: Release, files: Sequence[PurePosixPath], oldest: int) -> Iterator[Finding]:
    """Imports, when a module is loaded, of what the oldest Python does not have."""
    project = release.project
    newer = {name: minor for minor, names in _ADDED.items() if minor > oldest for name in names.split()}
    if not newer:
        return
    words = sorted({name.rpartition(".")[2] for name in newer})
    mentions = re.compile(rf"\b(?:{'|'.join(words)})\b".encode())
    declared = {entry.name for entry in imports.declared_requirements(project.root, project.metadata) if entry.runtime}
    for file in files:
        for site in imports.read_imports(project.root, file, mentions):
            minor = newer.get(site.module)
            backports = {site.module.partition(".")[0], f"{site.module.partition('.')[0]}-backport"}
            if minor and not site.guarded and not site.in_function and declared.isdisjoint(backports):
                message = f"imports {site.module}, which came with Python 3.{minor}: requires-python allows 3.{oldest}"
                yield Finding(message, "newer-module", path=site.path, line=site.line, column=site.column)
