"""Which place the build reads the version from: the rules of each build back end."""

from __future__ import annotations

import _ast
import re

from omni_release import source_tree
from omni_release.versions import place as versions_place
from omni_release.versions.checkout import Checkout
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import parse
from omni_release.versions.place import SOURCE, TAG, Place
from omni_release.versions.python import walk

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


def find_source(member: Member) -> list[Place]:
    """The source: one place, or the parts of one version; none where only the build can tell."""
    for rule in _RULES:
        found = rule(member)
        if found is not None:
            return found
    return tag_source(member.checkout) if is_versioned_by_tag(member) else []


def tag_source(checkout: Checkout) -> list[Place]:
    """The newest tag that HEAD descends from, as a place; form `tag`, or `tag+` where HEAD is not the tag itself."""
    described = source_tree.git_output(checkout.root, "describe", "--tags", "--long", "--match", "*[0-9]*")
    if not described:
        return []
    tag, commits, _ = described.strip().rsplit("-", 2)
    match = _TAG.search(tag)
    if not match:
        return []
    column = match.start("version") + 1
    return [Place(f"refs/tags/{tag}", 1, column, match["version"], SOURCE, form=TAG if commits == "0" else TAG + "+")]


def _static(member: Member) -> list[Place] | None:
    place = member.checkout.place(member.at + "pyproject.toml", member.table("project").get("version"), SOURCE)
    return [place] if place else None


def _in_file(member: Member, path: object, pattern: object = None) -> list[Place] | None:
    """The version in a file that the settings name: by a pattern, as a module's, or as all that it holds."""
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
        place = member.checkout.place(path, member.checkout.ini(path).get("DEFAULT", {}).get("version"), SOURCE)
        return [place] if place else []
    if path.endswith(".json"):
        place = member.checkout.place(path, member.checkout.json(path).get("version"), SOURCE, "semver")
        return [place] if place else []
    if stated := versions_place.read_bare(text.text):
        return [text.place(stated.start, stated.end, SOURCE)]
    found = _HATCH.search(text.text)
    return [text.place(*found.span("version"), SOURCE)] if found and parse(found["version"]) else []


def _incremental(member: Member) -> list[Place] | None:
    if (
        "incremental" not in member.table("tool")
        and member.table("tool", "hatch", "version").get("source") != "incremental"
    ):
        return None
    name = member.table("tool", "incremental").get("name") or member.name
    return member.attribute(f"{canonical(str(name)).replace('-', '_')}._version.__version__") or None


def _hatch(member: Member) -> list[Place] | None:
    settings = member.table("tool", "hatch", "version")
    if settings.get("source") == "nodejs":
        return _in_file(member, settings.get("path", "package.json"))
    if _TAGGERS.search(str(settings.get("source", ""))) or settings.get("source") == "vcs":
        return tag_source(member.checkout)
    return _in_file(member, settings.get("path"), settings.get("pattern"))


def _pdm(member: Member) -> list[Place] | None:
    settings = member.table("tool", "pdm", "version")
    if settings.get("source") == "scm" or settings.get("use_scm"):
        return tag_source(member.checkout)
    return _in_file(member, settings.get("path") or settings.get("from"))


def _setuptools(member: Member) -> list[Place] | None:
    dynamic = member.table("tool", "setuptools", "dynamic", "version")
    if isinstance(attribute := dynamic.get("attr"), str):
        return member.attribute(attribute)
    files = dynamic.get("file")
    return _in_file(member, files[0] if isinstance(files, list) and files else files)


def _flit(member: Member) -> list[Place] | None:
    backend = str(member.table("build-system").get("build-backend", ""))
    if not backend.startswith("flit_core"):
        return None
    name = member.table("tool", "flit", "module").get("name") or member.table("tool", "flit", "metadata").get("module")
    return member.attribute(f"{name or member.canonical.replace('-', '_')}.__version__")


def _maturin(member: Member) -> list[Place] | None:
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
    place = member.checkout.place(path, stated, SOURCE, "semver")
    return [place] if place else None


def cargo_manifest(member: Member) -> str | None:
    """The Cargo.toml of the crate that a project is built from."""
    named = member.table("tool", "maturin").get("manifest-path")
    folders = [named] if isinstance(named, str) else ["Cargo.toml", "rust/Cargo.toml", "native/Cargo.toml"]
    return next((member.at + file for file in folders if member.checkout.text(member.at + file)), None)


def _scikit(member: Member) -> list[Place] | None:
    settings = member.table("tool", "scikit-build", "metadata", "version")
    if "setuptools_scm" in str(settings.get("provider", "")):
        return tag_source(member.checkout)
    return _in_file(member, settings.get("input"), settings.get("regex"))


def _meson(member: Member) -> list[Place] | None:
    if str(member.table("build-system").get("build-backend", "")) != "mesonpy":
        return None
    return meson_version(member) or None


def meson_version(member: Member, role: str = SOURCE) -> list[Place]:
    """The version in `project(…)` of meson.build."""
    text = member.checkout.text(member.at + "meson.build")
    match = _MESON.search(text.text) if text else None
    return [text.place(*match.span("version"), role)] if text and match and parse(match["version"]) else []


def _poetry(member: Member) -> list[Place] | None:
    if member.table("tool", "poetry-dynamic-versioning").get("enable") == "true":
        return tag_source(member.checkout)
    place = member.checkout.place(member.at + "pyproject.toml", member.table("tool", "poetry").get("version"), SOURCE)
    return [place] if place else None


def _cfg(member: Member) -> list[Place] | None:
    stated = member.setup_cfg.get("metadata", {}).get("version")
    if stated is None:
        return None
    kind, _, rest = stated.partition(":")
    if kind.strip() == "attr":
        return member.attribute(rest.strip())
    if kind.strip() == "file":
        return _in_file(member, rest.split(",")[0].strip())
    place = member.checkout.place(member.at + "setup.cfg", stated, SOURCE)
    return [place] if place else None


def _setup(member: Member) -> list[Place] | None:
    read = member.checkout.module(member.at + "setup.py")
    if read is None or read[0].tree is None:
        return None
    from omni_release.versions.python import given

    module, _ = read
    for argument, value in given(read[0].tree):
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
    """The version in the file that setup.py opens: its name is in there, in one string or in several."""
    from omni_release.versions.python import opened

    for path in opened(tree):
        if "setup.py" not in path and not path.endswith((".md", ".rst", ".txt~")):
            found = _in_file(member, path)
            if found and (found[0].form != "tuple" or _asked_for(member, found[0])):
                return found
    return None


def _asked_for(member: Member, place: Place) -> bool:
    """Does a tuple stand in a module that is there to tell the version, or is its name one that setup.py looks for?"""
    text, setup = member.checkout.text(place.path), member.checkout.text(member.at + "setup.py")
    assert text is not None
    assert setup is not None
    named = re.search(r"(\w+)\s*(?::[^=\n]+)?=\s*[(\[]\s*\Z", text.text[: place.start])
    return "version" in place.path.rpartition("/")[2] or bool(named and re.search(rf"\b{named[1]}\b", setup.text))


def is_versioned_by_tag(member: Member) -> bool:
    """Does the version of a project come from a tag?"""
    required = " ".join(map(str, member.table("build-system").get("requires", ()) or ()))  # type: ignore[call-overload]  # a list, or nothing is said
    tables = [name for name in member.table("tool") if _TAGGERS.fullmatch(name)]
    setup = member.checkout.text(member.at + "setup.py")
    configured = " ".join(str(value) for value in member.setup_cfg.get("options", {}).values())
    return bool(tables or _TAGGERS.search(f"{required} {configured} {setup.text if setup else ''}"))


_RULES = (
    _static,
    _incremental,
    _hatch,
    _pdm,
    _setuptools,
    _flit,
    _maturin,
    _scikit,
    _meson,
    _poetry,
    _cfg,
    _setup,
)
"""What each back end reads; the first that says anything counts."""
