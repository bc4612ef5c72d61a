"""What a wheel requires, always or with an extra, and which of these distributions provides a module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omni_release import distributions, environments

# What a project's own people install: users do not have it.
_FOR_DEVELOPMENT = re.compile(
    r"(dev|devel|develop|development|tests?|testing|pytest|docs?|documentation|lint|linting|typing|mypy|types|ci|qa|"
    r"build|bench|benchmarks?|coverage|cov|release|check|checks|format|style)(-.*)?|.*-(dev|tests?|docs?)"
)

# Distributions whose name does not show the module that they provide.
_PROVIDE = {
    "attr": ("attrs",),
    "brotli": ("brotli", "brotlicffi"),
    "bs4": ("beautifulsoup4",),
    "bson": ("pymongo",),
    "cairo": ("pycairo", "cairocffi"),
    "crypt_r": ("legacy-crypt",),
    "crypto": ("pycryptodome", "pycrypto"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "distutils": ("setuptools",),
    "dns": ("dnspython",),
    "faiss": ("faiss-cpu",),
    "fitz": ("pymupdf",),
    "gi": ("pygobject",),
    "git": ("gitpython",),
    "google.protobuf": ("protobuf",),
    "gridfs": ("pymongo",),
    "grpc": ("grpcio",),
    "hydra": ("hydra-core",),
    "jsonrpc": ("json-rpc",),
    "mpl_toolkits": ("matplotlib",),
    "mysqldb": ("mysqlclient",),
    "pil": ("pillow",),
    "pkg_resources": ("setuptools",),
    "psycopg2": ("psycopg2-binary",),
    "pylab": ("matplotlib",),
    "pylsp": ("python-lsp-server",),
    "pythoncom": ("pywin32",),
    "pythonjsonlogger": ("python-json-logger",),
    "rest_framework": ("djangorestframework",),
    "ruamel": ("ruamel-yaml",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "telegram": ("python-telegram-bot",),
    "umap": ("umap-learn",),
    "websocket": ("websocket-client",),
    "win32api": ("pywin32",),
    "win32con": ("pywin32",),
    "yaml": ("pyyaml", "ruamel-yaml"),
}


@dataclass(frozen=True)
class Declaration:
    """Where the wheel requires what provides a module: `distribution` as it is named there, and the extras.

    `always`: also without an extra. `marker` is the condition of a requirement without an extra, which this machine or
    interpreter does not meet.
    """

    distribution: str = ""
    extras: tuple[str, ...] = ()
    always: bool = False
    marker: str = ""

    @property
    def extras_of_users(self) -> tuple[str, ...]:
        """The extras that are not for development alone."""
        return tuple(extra for extra in self.extras if not is_for_development(extra))


@dataclass(frozen=True)
class WheelRequirements:
    """The requirements of a wheel, its extras, and the folders whose packages show which module is whose."""

    requirements: tuple[Requirement, ...]
    extras: tuple[str, ...]
    sites: tuple[Path, ...] = ()

    @classmethod
    def of(cls, wheel: Path, *sites: Path) -> WheelRequirements:
        """Those in the metadata of this wheel. Raises InvalidDistribution as `distributions.metadata` does."""
        metadata = distributions.metadata(wheel)
        requirements = tuple(filter(None, map(distributions.parsed_requirement, metadata.get_all("Requires-Dist", []))))
        extras = tuple(metadata.get_all("Provides-Extra", []))
        return cls(requirements, extras, tuple(site for site in sites if site.is_dir()))

    def declaration(self, module: str) -> Declaration:
        """Where what provides this module, dotted, is required; with no distribution where nothing does."""
        names = {*likely_distributions(module), *_installed_distributions(module, self.sites)}
        found = [requirement for requirement in self.requirements if canonicalize_name(requirement.name) in names]
        if not found:
            return Declaration()
        plain = [requirement for requirement in found if not _extras_of(requirement)]
        met = [r for r in plain if r.marker is None or r.marker.evaluate({"extra": ""})]
        named = {extra for requirement in found for extra in _extras_of(requirement)}
        extras = tuple(sorted((e for e in self.extras if canonicalize_name(e) in named), key=is_for_development))
        marker = str(plain[0].marker) if plain and not met else ""
        return Declaration(found[0].name, extras, bool(plain), marker)


def is_for_development(extra: str) -> bool:
    """Whether an extra is for the development of a project, by its name."""
    return _FOR_DEVELOPMENT.fullmatch(canonicalize_name(extra)) is not None


def _extras_of(requirement: Requirement) -> set[str]:
    """The extras that the marker of a requirement names, normalised."""
    named = re.findall(r"extra == \"([^\"]+)\"|\"([^\"]+)\" == extra", str(requirement.marker or ""))
    return {canonicalize_name(first or second) for first, second in named}


def likely_distributions(module: str) -> Iterator[str]:
    """The normalised names of distributions that may provide a module, by its name."""
    parts = module.lower().split(".")
    for length in range(1, len(parts) + 1):
        dotted = ".".join(parts[:length])
        yield from _PROVIDE.get(dotted, ())
        name = canonicalize_name(dotted)
        yield name
        if length == 1:
            yield from (f"python-{name}", f"py{name}", f"py-{name}", f"{name}-python", f"{name}-py", f"{name}py")
            yield name.removeprefix("py")


def _installed_distributions(module: str, sites: tuple[Path, ...]) -> Iterator[str]:
    """The normalised names of the distributions in these folders that have this module."""
    path = module.replace(".", "/")
    own = re.compile(rf"{re.escape(path)}(/.*|(\.[\w-]+)?\.(py|so|pyd))")
    for distribution in environments.distributions_in(*sites):
        if any(own.fullmatch(file.as_posix()) for file in distribution.files or ()):
            yield canonicalize_name(distribution.name)
