"""The place from which the build reads the version, by the rules of each build back end."""

from __future__ import annotations

import _ast
import os
import re
from collections.abc import Callable

from omni_release.versions import place as versions_place
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import parse
from omni_release.versions.place import SOURCE, TAG, Place
from omni_release.versions.python import walk
from omni_release.versions.setup_py import paths_in_setup, setup_arguments

_TAGGERS = re.compile(
    r"setuptools[-_]scm|hatch-vcs|versioningit|versioneer|uv-dynamic-versioning|poetry-dynamic-versioning|\bpbr\b"
    r"|dunamai|setuptools-git-versioning|vcs-versioning|miniver|flit[-_]scm|hatch-regex-commit-scm",
    re.IGNORECASE,
)
_HATCH = re.compile(r"(?im)^(?:__version__|VERSION)(?: ?\: ?str)? *= *(['\"])v?(?P<version>.+?)\1")
_MESON = re.compile(r"project\s*\((?:[^()#]|#[^\n]*)*?\bversion\s*:\s*'(?P<version>[^'\n]+)'")
_TAG = re.compile(
    r"(?:^|[^0-9.])v?(?P<version>\d+(?:\.\d+)*(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|post|dev)[-_.]?\d*)*)$", re.I
)


_Rule = Callable[[Member], list[Place] | None]
_RULES: list[_Rule] = []


def back_end(rule: _Rule) -> _Rule:
    """Register what a build back end reads. It returns None where it reads no version; the first to return counts."""
    _RULES.append(rule)
    return rule


def find_source(member: Member) -> list[Place]:
    """The place that the build reads, or the parts of one version; empty where only the build determines it."""
    for rule in _RULES:
        places = rule(member)
        if places is not None:
            return places
    return tag_source(member.checkout) if is_versioned_by_tag(member) else []


def tag_source(checkout: Checkout) -> list[Place]:
    """The newest tag that HEAD descends from, as a place; form `tag`, or `tag+` where HEAD is not the tag itself."""
    described = checkout.described
    if not described:
        return []
    tag, commits, _ = described.strip().rsplit("-", 2)
    match = _TAG.search(tag)
    if not match:
        return []
    column = match.start("version") + 1
    return [Place(f"refs/tags/{tag}", 1, column, match["version"], SOURCE, form=TAG if commits == "0" else TAG + "+")]


@back_end
def project_version(member: Member) -> list[Place] | None:
    """`version` in [project]."""
    return [
        *member.checkout.places(member.at + "pyproject.toml", member.table("project").get("version"), SOURCE)
    ] or None


def _in_file(member: Member, path: object, pattern: object = None) -> list[Place] | None:
    """The version in a file that settings name: by a pattern, as a module's attribute, or as the whole content."""
    if not isinstance(path, str):
        return None
    path = (member.at + path.removeprefix("./")).replace("\\", "/")
    text = member.checkout.text(path)
    if text is None:
        return None
    if isinstance(pattern, str):
        try:
            match = re.search(pattern, text.text, re.MULTILINE)
            form = "semver" if path.endswith(("package.json", "Cargo.toml")) else ""
            return [text.place(*match.span("version"), SOURCE, form=form)] if match and parse(match["version"]) else []
        except (re.error, IndexError):
            return []
    if path.endswith(".py"):
        for name in ("__version__", "VERSION", "version", "__VERSION__"):
            if places := member.resolved(path, name):
                return places
    if path.endswith(("settings.ini", "settings.cfg")):
        return [*member.checkout.places(path, member.checkout.ini(path).get("DEFAULT", {}).get("version"), SOURCE)]
    if path.endswith(".json"):
        return [*member.checkout.places(path, member.checkout.json(path).get("version"), SOURCE, "semver")]
    if stated := versions_place.read_bare(text.text):
        return [text.place(stated.start, stated.end, SOURCE)]
    found = _HATCH.search(text.text)
    return [text.place(*found.span("version"), SOURCE)] if found and parse(found["version"]) else []


@back_end
def incremental(member: Member) -> list[Place] | None:
    """The generated module of incremental."""
    if (
        "incremental" not in member.table("tool")
        and member.table("tool", "hatch", "version").get("source") != "incremental"
    ):
        return None
    name = member.table("tool", "incremental").get("name") or member.name
    return member.attribute(f"{canonical(str(name)).replace('-', '_')}._version.__version__") or None


@back_end
def hatch(member: Member) -> list[Place] | None:
    """The file of [tool.hatch.version], or a tag."""
    settings = member.table("tool", "hatch", "version")
    if settings.get("source") == "nodejs":
        return _in_file(member, settings.get("path", "package.json"))
    if _TAGGERS.search(str(settings.get("source", ""))) or settings.get("source") == "vcs":
        return tag_source(member.checkout)
    return _in_file(member, settings.get("path"), settings.get("pattern"))


@back_end
def pdm(member: Member) -> list[Place] | None:
    """The file of [tool.pdm.version], or a tag."""
    settings = member.table("tool", "pdm", "version")
    if settings.get("source") == "scm" or settings.get("use_scm"):
        return tag_source(member.checkout)
    return _in_file(member, settings.get("path") or settings.get("from"))


@back_end
def setuptools(member: Member) -> list[Place] | None:
    """The attribute or file of [tool.setuptools.dynamic]."""
    dynamic = member.table("tool", "setuptools", "dynamic", "version")
    if isinstance(attribute := dynamic.get("attr"), str):
        return member.attribute(attribute)
    files = dynamic.get("file")
    return _in_file(member, files[0] if isinstance(files, list) and files else files)


@back_end
def flit(member: Member) -> list[Place] | None:
    """`__version__` of the module."""
    backend = str(member.table("build-system").get("build-backend", ""))
    if not backend.startswith("flit_core"):
        return None
    name = member.table("tool", "flit", "module").get("name") or member.table("tool", "flit", "metadata").get("module")
    return member.attribute(f"{name or member.canonical.replace('-', '_')}.__version__")


@back_end
def maturin(member: Member) -> list[Place] | None:
    """The crate's version, or its workspace's."""
    if str(member.table("build-system").get("build-backend", "")) != "maturin":
        return None
    path = cargo_manifest(member)
    package = member.checkout.toml(path).get("package") if path else None
    if not path or not isinstance(package, dict):
        return None
    stated = package.get("version")
    if isinstance(stated, dict):
        folder = path.rpartition("/")[0]
        while True:
            path = f"{folder}/Cargo.toml" if folder else "Cargo.toml"
            workspace = member.checkout.toml(path).get("workspace")
            if isinstance(workspace, dict) or not folder:
                break
            folder = folder.rpartition("/")[0]
        stated = workspace.get("package", {}).get("version") if isinstance(workspace, dict) else None
    return [*member.checkout.places(path, stated, SOURCE, "semver")] or None


def cargo_manifest(member: Member) -> str | None:
    """The Cargo.toml of the crate that a project is built from."""
    named = member.table("tool", "maturin").get("manifest-path")
    folders = [named] if isinstance(named, str) else ["Cargo.toml", "rust/Cargo.toml", "native/Cargo.toml"]
    return next((member.at + file for file in folders if member.checkout.text(member.at + file)), None)


@back_end
def scikit_build(member: Member) -> list[Place] | None:
    """The file of [tool.scikit-build.metadata.version], or a tag."""
    settings = member.table("tool", "scikit-build", "metadata", "version")
    if "setuptools_scm" in str(settings.get("provider", "")):
        return tag_source(member.checkout)
    return _in_file(member, settings.get("input"), settings.get("regex"))


@back_end
def meson(member: Member) -> list[Place] | None:
    """`project(version: …)` in meson.build."""
    if str(member.table("build-system").get("build-backend", "")) != "mesonpy":
        return None
    return meson_version(member) or None


def meson_version(member: Member, role: str = SOURCE) -> list[Place]:
    """The version in `project(…)` of meson.build."""
    text = member.checkout.text(member.at + "meson.build")
    match = _MESON.search(text.text) if text else None
    return [text.place(*match.span("version"), role)] if text and match and parse(match["version"]) else []


@back_end
def poetry(member: Member) -> list[Place] | None:
    """`version` in [tool.poetry], or a tag."""
    if member.table("tool", "poetry-dynamic-versioning").get("enable") == "true":
        return tag_source(member.checkout)
    return [
        *member.checkout.places(member.at + "pyproject.toml", member.table("tool", "poetry").get("version"), SOURCE)
    ] or None


@back_end
def setup_cfg(member: Member) -> list[Place] | None:
    """`version` in setup.cfg: a literal, `attr:` or `file:`."""
    stated = member.setup_cfg.get("metadata", {}).get("version")
    if stated is None:
        return None
    kind, _, rest = stated.partition(":")
    if kind.strip() == "attr":
        return member.attribute(rest.strip())
    if kind.strip() == "file":
        return _in_file(member, rest.split(",")[0].strip())
    return [*member.checkout.places(member.at + "setup.cfg", stated, SOURCE)] or None


@back_end
def setup_py(member: Member) -> list[Place] | None:
    """`version` in `setup(…)`: a literal, a name, or a file that setup.py reads."""
    read = member.checkout.module(member.at + "setup.py")
    if read is None or read[0].tree is None:
        return None
    module, _ = read
    for argument, value in setup_arguments(read[0].tree):
        if argument == "version":
            return _setup_value(member, value) or _files_in(member, read[0].tree)
    text = module.text
    return _files_in(member, read[0].tree) if "version" in text.text and not _TAGGERS.search(text.text) else None


def _setup_value(member: Member, value: _ast.expr) -> list[Place] | None:
    path = member.at + "setup.py"
    read = member.checkout.module(path)
    assert read is not None
    if isinstance(value, _ast.Constant) and isinstance(value.value, str) and parse(value.value):
        start, end, note = read[0].literal(value)
        return [read[0].text.place(start, end, SOURCE, value.value, note=note)]
    if isinstance(value, _ast.Attribute):
        start, end = read[0].span(value)
        return member.attribute(read[0].text.text[start:end])
    if isinstance(value, _ast.Name):
        return member.resolved(path, value.id)
    names = [node.id for node in walk(value) if isinstance(node, _ast.Name)]
    return next((found for name in names if (found := member.resolved(path, name))), None)


def _files_in(member: Member, tree: _ast.Module) -> list[Place] | None:
    """The version in a file that setup.py opens: its path is in setup.py, in one string or in several."""
    for path in paths_in_setup(tree):
        of_another = path.endswith("pyproject.toml") and os.path.normpath(path).startswith("..")
        if "setup.py" not in path and not path.endswith((".md", ".rst", ".txt~")) and not of_another:
            found = _in_file(member, path)
            if found and (found[0].form != "tuple" or _is_version_tuple(member, found[0])):
                return found
    return None


def _is_version_tuple(member: Member, place: Place) -> bool:
    """Is a tuple in a module about the version, or is it assigned to a name that setup.py contains?"""
    text, setup = member.checkout.text(place.path), member.checkout.text(member.at + "setup.py")
    assert text is not None
    assert setup is not None
    named = re.search(r"(\w+)\s*(?::[^=\n]+)?=\s*[(\[]\s*\Z", text.text[: place.start])
    return "version" in place.path.rpartition("/")[2] or bool(named and re.search(rf"\b{named[1]}\b", setup.text))


def is_versioned_by_tag(member: Member) -> bool:
    """Does the version of a project come from a git tag?"""
    required = " ".join(map(str, member.table("build-system").get("requires", ()) or ()))  # type: ignore[call-overload]  # a list, or missing
    tables = [name for name in member.table("tool") if _TAGGERS.fullmatch(name)]
    pdm = member.table("tool", "pdm", "version")
    if pdm.get("source") == "scm" or pdm.get("use_scm"):
        return True
    setup = member.checkout.text(member.at + "setup.py")
    configured = " ".join(str(value) for value in member.setup_cfg.get("options", {}).values())
    return bool(tables or _TAGGERS.search(f"{required} {configured} {setup.text if setup else ''}"))
