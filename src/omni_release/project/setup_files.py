"""What setup.cfg and setup.py state, as far as it is written out: neither is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release.core.model import Package
from omni_release.core.project_files import read_whole
from omni_release.project.layout import Find, Installed, is_import_name, is_package, plain, search, strings
from omni_release.versions.setup_py import PROJECT_SECTIONS, runs_setup, setup_arguments


@dataclass(frozen=True)
class SetupFiles:
    """The sections of setup.cfg, and the literal arguments of `setup(…)`; what is computed is left out.

    `of_project` is False for a setup.cfg that only configures tools, and for another module called setup.py.
    """

    sections: Mapping[str, Mapping[str, str]]
    arguments: Mapping[str, object]
    of_project: bool = False

    def option(self, section: str, key: str) -> str:
        """An option of setup.cfg, in which `-` and `_` are the same; empty where there is none."""
        options = self.sections.get(section, {})
        return options.get(key) or options.get(key.replace("_", "-")) or ""

    def option_lines(self, section: str, key: str) -> list[str]:
        """The items of a list in setup.cfg: one a line, or separated by commas."""
        return split_list(self.option(section, key))

    def metadata(self, name: str) -> dict[str, object]:
        """The same as a [project] table; all keys but the name are dynamic, for pyproject.toml does not state them."""
        scripts = self.sections.get("options.entry_points", {}), self.arguments.get("entry_points")
        stated = {
            "name": name,
            "requires-python": self.option("options", "python_requires") or self.arguments.get("python_requires"),
            "dependencies": _lines(self.option("options", "install_requires"))
            or _lines(self.arguments.get("install_requires")),
            "optional-dependencies": self._extras(),
            **{kind: found for kind, group in _SCRIPTS.items() if (found := _entry_points(group, *scripts))},
        }
        table = {key: value for key, value in stated.items() if value}
        return table | {"dynamic": ["version", "dependencies", "optional-dependencies"]}

    def _extras(self) -> dict[str, list[str]]:
        stated = self.arguments.get("extras_require")
        extras = dict(stated) if isinstance(stated, dict) else {}
        extras |= self.sections.get("options.extras_require", {})
        return {name: _lines(requirements) for name, requirements in extras.items()}


_SCRIPTS = {"scripts": "console_scripts", "gui-scripts": "gui_scripts"}


def split_list(text: str) -> list[str]:
    """The items of a list in setup.cfg: one a line, or separated by commas."""
    items = text.splitlines() if "\n" in text else text.split(",")
    return [item.strip() for item in items if item.strip()]


def _lines(value: object) -> list[str]:
    """A list of requirements: a list of strings, or a string with one a line."""
    if isinstance(value, str):
        lines = (line.partition(" #")[0].strip() for line in value.splitlines())
        return [line for line in lines if line and not line.startswith(("#", "file:"))]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _entry_points(group: str, *stated: object) -> dict[str, str]:
    """The entry points of a group, as a table: from `name = value` lines."""
    found = {}
    for groups in stated:
        for line in _lines(groups.get(group)) if isinstance(groups, Mapping) else ():
            name, _, value = line.partition("=")
            found[name.strip()] = value.strip()
    return found


def read(root: Path) -> SetupFiles:
    """The setup.cfg and setup.py in `root`; empty where they are missing or cannot be read."""
    texts = []
    for name in ("setup.cfg", "setup.py"):
        try:
            texts.append(read_whole(root / name))
        except OSError:
            texts.append(b"")
    return of_texts(*texts)


def of_texts(setup_cfg: bytes, source: bytes) -> SetupFiles:
    """What a setup.cfg and a setup.py of this content state; each is empty where there is none."""
    if not (setup_cfg or source):
        return SetupFiles({}, {})
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of extras keep their case
    try:
        parser.read_string(setup_cfg.decode("utf-8-sig"))
    except (UnicodeDecodeError, configparser.Error):
        parser = configparser.RawConfigParser()
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    of_project = bool(PROJECT_SECTIONS & sections.keys())
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return SetupFiles(sections, {}, of_project)
    names = dict(_assigned(tree))
    arguments = {name: _value(node, names) for name, node in setup_arguments(tree)}
    arguments = {name: value for name, value in arguments.items() if value is not None}
    return SetupFiles(sections, arguments, of_project or runs_setup(source.decode("utf-8", "replace")))


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


_DEEPEST = 20


def _value(node: ast.expr | None, names: Mapping[str, ast.expr], depth: int = 0) -> object:
    """The value of a literal expression, with the names that the module assigns; None for what is computed.

    Of a list or a table, the computed items are left out.
    """
    if node is None or depth > _DEEPEST:
        return None
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _value(names.get(node.id), names, depth + 1)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        items = (_value(item, names, depth + 1) for item in node.elts)
        return [item for item in items if item is not None]
    if isinstance(node, ast.Dict):
        pairs = [(_value(key, names, depth + 1), _value(value, names, depth + 1)) for key, value in _pairs(node)]
        return {key: value for key, value in pairs if isinstance(key, str) and value is not None}
    if isinstance(node, ast.JoinedStr):
        values = (part.value if isinstance(part, ast.FormattedValue) else part for part in node.values)
        parts = [_value(value, names, depth + 1) for value in values]
        return None if None in parts else "".join(map(str, parts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _value(node.left, names, depth + 1), _value(node.right, names, depth + 1)
        if isinstance(left, list) or isinstance(right, list):
            return [*(left if isinstance(left, list) else [left]), *(right if isinstance(right, list) else [right])]
        return left + right if isinstance(left, str) and isinstance(right, str) else None
    return _call(node, names, depth) if isinstance(node, ast.Call) else None


def _pairs(node: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(node.keys, node.values, strict=True)


def _call(node: ast.Call, names: Mapping[str, ast.expr], depth: int) -> object:
    """What `find_packages(…)`, `dict(…)` and `Extension("name", …)` are called with."""
    function = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
    given = {keyword.arg: _value(keyword.value, names, depth + 1) for keyword in node.keywords if keyword.arg}
    if function == "dict":
        return {key: value for key, value in given.items() if value is not None}
    if "Extension" in function:
        return given.get("name") or (_value(node.args[0], names, depth + 1) if node.args else None)
    if function not in ("find_packages", "find_namespace_packages", "find"):
        return None
    given |= {
        key: _value(item, names, depth + 1)
        for key, item in zip(("where", "exclude", "include"), node.args, strict=False)
    }
    where, include, exclude = (given.get(key) for key in ("where", "include", "exclude"))
    return Find(
        (where,) if isinstance(where, str) else (".",),
        tuple(_lines(include)) or ("*",),
        tuple(_lines(exclude)),
        namespaces=function == "find_namespace_packages",
    )


def installed(root: Path, settings: Mapping[str, object], setup: SetupFiles) -> list[Installed | Package] | None:
    """What setuptools installs by packages, package-dir, py-modules and ext-modules; None for no modules at all.

    `settings` are [tool.setuptools]. The list is empty where nothing is stated: setuptools then searches.
    """
    found: list[Installed | Package] = []
    folders = settings.get("package-dir") or _folders(setup)
    folders = {str(key): plain(str(path)) for key, path in folders.items()} if isinstance(folders, dict) else {}
    modules = strings(settings.get("py-modules")) or setup.option_lines("options", "py_modules")
    modules = modules or strings(setup.arguments.get("py_modules"))
    packages = settings.get("packages")
    if packages is None:
        packages = _packages_in_cfg(setup) or setup.arguments.get("packages")
    if isinstance(packages, dict):
        packages = _search_of(packages.get("find"))
    for item in packages if isinstance(packages, list | tuple) else [packages]:
        if isinstance(item, Find):
            found += search(root, item, folders.get("", ""))
        elif isinstance(item, str):
            path = _setuptools_folder(item, folders)
            named = is_package(root / path)
            found.append(Package(Path(path), item) if named else Installed(path, item.replace(".", "/")))
    for module in modules:
        found.append(Installed(f"{_setuptools_folder(module, folders)}.py", f"{module.replace('.', '/')}.py"))
    extensions = settings.get("ext-modules") or setup.arguments.get("ext_modules")
    for extension in extensions if isinstance(extensions, list) else ():
        name = extension.get("name") if isinstance(extension, dict) else extension
        if isinstance(name, str) and is_import_name(name):
            found.append(Installed("", name))
    if packages is None and not modules and folders.get("", ".") != ".":
        found += search(root, Find((folders[""],), namespaces=True))
    stated = "packages" in settings or "py-modules" in settings or "packages" in setup.arguments
    return None if stated and packages in (None, []) and not modules and not extensions else found


def _folders(setup: SetupFiles) -> object:
    lines = (line.partition("=") for line in setup.option_lines("options", "package_dir"))
    return {key.strip(): path.strip() for key, _, path in lines} or setup.arguments.get("package_dir")


def _packages_in_cfg(setup: SetupFiles) -> object:
    stated = setup.option("options", "packages") or setup.option("files", "packages")  # pbr's
    if stated.strip() not in ("find:", "find_namespace:"):
        return split_list(stated)
    section = {key: split_list(value) for key, value in setup.sections.get("options.packages.find", {}).items()}
    return _search_of({**section, "namespaces": stated.strip() == "find_namespace:"})


def _search_of(settings: object) -> Find:
    found = settings if isinstance(settings, dict) else {}
    where, include, exclude = (tuple(strings(found.get(key))) for key in ("where", "include", "exclude"))
    return Find(where or (".",), include or ("*",), exclude, namespaces=found.get("namespaces") is not False)


def _setuptools_folder(dotted: str, folders: Mapping[str, str]) -> str:
    parts = dotted.split(".")
    for count in range(len(parts), -1, -1):
        if (folder := folders.get(".".join(parts[:count]))) is not None:
            return PurePosixPath(folder, *parts[count:]).as_posix()
    return "/".join(parts)
