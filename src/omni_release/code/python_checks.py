"""Does the code need a newer Python than `requires-python` allows?"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from omni_release import file_roles, programs, source_tree
from omni_release.code import imports, select_sources, uses
from omni_release.code.checks import run_ruff
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, display_path
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World

_FIRST, _LAST = 7, 14  # the minor versions that each supported ruff knows
_ON_OLDER = re.compile(r"\bon Python 3\.\d+ \(syntax was \w+ in Python 3\.\d+\)")
_LAST_PATCH = 40  # no minor version of Python has had more releases

_ANNOTATIONS = {"585": ("`list[int]`", 9), "604": ("`int | None`", 10)}  # by the PEP that ruff names

# Source: "Added in version" of https://docs.python.org/3/library/. A module counts where it is imported, a class or
# function also where it is used, `name(keyword)` where it is called with this keyword.
_ADDED = {
    7: "contextvars dataclasses importlib.resources breakpoint contextlib.nullcontext",
    8: "importlib.metadata functools.cached_property functools.singledispatchmethod math.comb math.dist math.isqrt "
    "math.perm math.prod shlex.join shutil.copytree(dirs_exist_ok) typing.Final typing.Literal typing.Protocol "
    "typing.TypedDict typing.get_args typing.get_origin typing.runtime_checkable unittest.IsolatedAsyncioTestCase",
    9: "graphlib zoneinfo argparse.BooleanOptionalAction ast.unparse asyncio.to_thread functools.cache "
    "importlib.resources.files math.lcm math.nextafter random.randbytes typing.Annotated",
    10: "aiter anext contextlib.aclosing "
    "dataclasses.KW_ONLY dataclasses.dataclass(kw_only) dataclasses.dataclass(slots) dataclasses.field(kw_only) "
    "glob.glob(root_dir) inspect.get_annotations itertools.pairwise sys.orig_argv sys.stdlib_module_names "
    "types.EllipsisType types.NoneType types.UnionType typing.Concatenate typing.ParamSpec typing.TypeAlias "
    "typing.TypeGuard typing.is_typeddict zip(strict)",
    11: "tomllib BaseExceptionGroup ExceptionGroup asyncio.Barrier asyncio.Runner asyncio.TaskGroup asyncio.timeout "
    "asyncio.timeout_at contextlib.chdir datetime.UTC enum.ReprEnum enum.StrEnum enum.verify hashlib.file_digest "
    "importlib.resources.abc logging.getLevelNamesMapping math.cbrt math.exp2 operator.call sys.exception "
    "typing.LiteralString typing.Never typing.NotRequired typing.Required typing.Self typing.TypeVarTuple "
    "typing.Unpack typing.assert_never typing.assert_type typing.dataclass_transform typing.reveal_type wsgiref.types",
    12: "collections.abc.Buffer inspect.markcoroutinefunction itertools.batched math.sumprod random.binomialvariate "
    "shutil.rmtree(onexc) sqlite3.connect(autocommit) tempfile.NamedTemporaryFile(delete_on_close) "
    "types.get_original_bases typing.TypeAliasType typing.override",
    13: "PythonFinalizationError copy.replace glob.translate itertools.batched(strict) math.fma os.process_cpu_count "
    "queue.ShutDown re.PatternError typing.NoDefault typing.ReadOnly typing.TypeIs warnings.deprecated",
    14: "annotationlib compression concurrent.interpreters functools.Placeholder map(strict) string.templatelib",
}


@reports(
    Rule("newer-syntax", RuleClass.QUALITY, "Syntax is newer than `requires-python`"),
    Rule("newer-module", RuleClass.QUALITY, "Part of the standard library is newer than `requires-python`"),
)
def code_fits_python(release: Release, world: World) -> Iterator[Finding]:
    """Code fits the oldest Python

    No module that ships has syntax that the oldest Python lacks which `requires-python` allows, by ruff, or uses a part
    of the standard library that came later. What the module does without, or imports in a function, is neither.

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
    yield from _newer_parts(release, sources, oldest)
    options = (f"--target-version=py3{min(max(oldest, _FIRST), _LAST)}", "--select=E902,FA102")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(project.root, release.folder, Path(folder), world.environment)
        for batch in programs.batches(sources):
            for entry in run_ruff(context, world, batch, *options, name="ruff-syntax"):
                at, path = entry["location"], display_path(project.root, Path(entry["filename"]))
                if message := _of_syntax(entry, oldest, project.root / path):
                    yield Finding(message, "newer-syntax", path=path, line=at["row"], column=at["column"])


def _of_syntax(entry: Mapping[str, Any], oldest: int, path: Path) -> str:
    """What is newer than the oldest Python, by an entry of ruff; empty where nothing is."""
    message: str = entry["message"]
    if entry["code"] != "FA102":
        return message if _ON_OLDER.search(message) else ""
    form = next((form for number, form in _ANNOTATIONS.items() if f"PEP {number}" in message), None)
    tree = imports.parse(path)
    evaluated = (getattr(node, "lineno", 0) for node in uses.walk(tree, lazy=False)) if tree else ()
    if form is None or oldest >= form[1] or entry["location"]["row"] not in evaluated:
        return ""
    return f"an annotation such as {form[0]} fails on Python 3.{oldest}: add `from __future__ import annotations`"


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


def _newer_parts(release: Release, files: Sequence[PurePosixPath], oldest: int) -> Iterator[Finding]:
    """Imports, when a module is loaded, and uses of what the oldest Python does not have."""
    project = release.project
    newer = {name: minor for minor, names in _ADDED.items() if minor > oldest for name in names.split()}
    if not newer:
        return
    files = [file for file in files if _mentions(project.root / file, newer)]
    declared = {entry.name for entry in imports.declared_requirements(project.root, project.metadata) if entry.runtime}
    found: dict[tuple[str, int, int], str] = {}
    for file in files:
        for site in imports.read_imports(project.root, file):
            backports = {site.module.partition(".")[0], f"{site.module.partition('.')[0]}-backport"}
            if not site.guarded and not site.in_function and declared.isdisjoint(backports) and site.module in newer:
                found.setdefault((site.path, site.line, site.column), f"imports {site.module}")
    for use in uses.in_files(project.root, files):
        if not use.is_import and (name := _newer_name(use, newer)):
            found.setdefault((use.path, use.line, use.column), f"uses {name}")
    for (path, line, column), what in found.items():
        name = what.partition(" ")[2]
        message = f"{what}, which came with Python 3.{newer[name]}: requires-python allows 3.{oldest}"
        yield Finding(message, "newer-module", path=path, line=line, column=column)


def _mentions(path: Path, newer: Iterable[str]) -> bool:
    """Whether a file can use one of these: it has the first and the last word of the name. Others are not parsed."""
    try:
        words = set(re.findall(rb"\w+", path.read_bytes()))
    except OSError:
        return False
    return any({parts[0], parts[-1]} <= words for name in newer if (parts := re.findall(rb"\w+", name.encode())))


def _newer_name(use: uses.Use, newer: Collection[str]) -> str:
    """What is newer of a use: a name in a module, or a keyword of a call; empty where nothing is."""
    path = "" if use.module == "builtins" else use.module
    for name in use.names:
        path = f"{path}.{name}".lstrip(".")
        if path in newer:
            return path
    return next((called for keyword in use.keywords if (called := f"{path}({keyword})") in newer), "")
