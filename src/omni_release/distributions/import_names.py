"""The import names that a project states (PEP 794), in its metadata or in pyproject.toml, and those in its wheel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from omni_release.core.toml import table

TYPE_CHECKING = False  # see distributions/__init__.py
if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

_SINCE = (2, 5)  # the metadata version that has the fields
_MODULE = re.compile(r"(?P<name>\w+)(?:\.py|\.pyc|(?:\.[\w-]+)?\.(?:so|pyd))")


@dataclass(frozen=True)
class ImportNames:
    """What a project says that it provides: names of its own, public or private, and namespaces that it shares.

    `repeated` are the names that it states twice in ways that contradict each other.
    """

    public: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """The names that no other project provides."""
        return (*self.public, *self.private)

    @classmethod
    def of(cls, names: Iterable[str], namespaces: Iterable[str]) -> ImportNames:
        """Read the values of the two fields; an empty one stands for no name."""
        seen: dict[str, set[str]] = {}
        for kind, values in (("own", names), ("namespace", namespaces)):
            for value in values:
                name, _, private = (part.strip() for part in value.partition(";"))
                if name:
                    seen.setdefault(name, set()).add("private" if private and kind == "own" else kind)

        def of_kind(kind: str) -> tuple[str, ...]:
            return tuple(name for name, kinds in seen.items() if kind in kinds)

        repeated = tuple(name for name, kinds in seen.items() if len(kinds) > 1)
        return cls(of_kind("own"), of_kind("private"), of_kind("namespace"), repeated)

    @classmethod
    def of_metadata(cls, metadata: Message) -> ImportNames | None:
        """Those of core metadata; None where it has none of the fields, or a version that does not define them."""
        version = re.fullmatch(r"(\d+)\.(\d+)", metadata["Metadata-Version"] or "")
        names, namespaces = (metadata.get_all(f"Import-{kind}") for kind in ("Name", "Namespace"))
        if version is None or tuple(map(int, version.groups())) < _SINCE or (names is None and namespaces is None):
            return None
        return cls.of(names or (), namespaces or ())

    @classmethod
    def of_pyproject(cls, metadata: Mapping[str, object]) -> ImportNames | None:
        """Those of [project] in pyproject.toml; None where it has none of the keys."""
        project = table(metadata, "project")
        values = [project.get(key) for key in ("import-names", "import-namespaces")]
        if not any(isinstance(value, list) for value in values):
            return None
        names, namespaces = ([str(item) for item in value] if isinstance(value, list) else [] for value in values)
        return cls.of(names, namespaces)

    def unlisted(self, modules: Modules, within: str = "") -> Iterator[str]:
        """The shortest names among these modules that it does not state."""
        for name in modules.below(within):
            if name in self.namespaces and name not in self.own:
                yield from self.unlisted(modules, name)
            elif name not in self.own:
                yield name

    def parents_unlisted(self) -> Iterator[str]:
        """The names above a dotted one that it does not state."""
        known = {*self.own, *self.namespaces}
        parents = (name[: dot.start()] for name in sorted(known) for dot in re.finditer(r"\.", name))
        yield from (parent for parent in dict.fromkeys(parents) if parent not in known)


@dataclass(frozen=True)
class Modules:
    """The modules and packages in wheels, by their dotted names: also folders without `__init__` that have some."""

    names: frozenset[str]

    @classmethod
    def of(cls, files: Iterable[str]) -> Modules:
        """Those of these files of wheels; stubs are not imported."""
        found: set[str] = set()
        for file in files:
            path = PurePosixPath(re.sub(r"^[^/]+\.data/(?:purelib|platlib)/", "", file))
            module = _MODULE.fullmatch(path.name)
            parts = path.parent.parts
            if module is None or not all(part.isidentifier() for part in parts):
                continue
            whole = parts if module["name"] == "__init__" else (*parts, module["name"])
            if all(part.isidentifier() for part in whole):
                found.update(".".join(whole[:length]) for length in range(1, len(whole) + 1))
        return cls(frozenset(found))

    def below(self, package: str) -> list[str]:
        """The names one level below a package; at the top for an empty one."""
        prefix = f"{package}." if package else ""
        return sorted(name for name in self.names if name.startswith(prefix) and "." not in name[len(prefix) :])
