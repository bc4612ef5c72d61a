"""pytest's own settings in the project, and the plug-ins that they need."""

from __future__ import annotations

import configparser
import fnmatch
import glob
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from omni_release.core.toml import read_values, table

_PYTHON_FILES = ("test_*.py", "*_test.py")

# The files that pytest reads, by precedence, and the table or section in each.
# https://docs.pytest.org/en/stable/reference/customize.html
_TOML = (
    ("pytest.toml", ("pytest",)),
    (".pytest.toml", ("pytest",)),
    ("pyproject.toml", ("tool", "pytest", "ini_options")),
    ("pyproject.toml", ("tool", "pytest")),
)
_INI = (("pytest.ini", "pytest"), (".pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))

_OPTIONS = (
    (r"-n|--numprocesses|--dist|--maxprocesses|--tx|--max-worker-restart", "pytest-xdist"),
    (r"--(no-)?cov(-.*)?", "pytest-cov"),
    (r"--benchmark-.*", "pytest-benchmark"),
    (r"--mypy(-.*)?", "pytest-mypy"),
    (r"--timeout(-.*|_.*)?|--session-timeout", "pytest-timeout"),
    (r"--reruns(-.*)?|--only-rerun|--rerun-except", "pytest-rerunfailures"),
    (r"--randomly-.*", "pytest-randomly"),
    (r"--random-order(-.*)?", "pytest-random-order"),
    (r"--doctest-plus(-.*)?|--doctest-rst|--text-file-format", "pytest-doctestplus"),
    (r"--remote-data", "pytest-remotedata"),
    (r"--arraydiff(-.*)?", "pytest-arraydiff"),
    (r"--mpl(-.*)?", "pytest-mpl"),
    (r"--asyncio-.*", "pytest-asyncio"),
    (r"--(disable|allow)-socket|--allow-hosts|--allow-unix-socket", "pytest-socket"),
    (r"--block-network|--record-mode|--disable-recording", "pytest-recording"),
    (r"--ds|--dc|--reuse-db|--create-db|--nomigrations|--no-migrations", "pytest-django"),
    (r"--ruff(-.*)?", "pytest-ruff"),
    (r"--flake8", "pytest-flake8"),
    (r"--black", "pytest-black"),
    (r"--isort", "pytest-isort"),
    (r"--pylint(-.*)?", "pytest-pylint"),
    (r"--nbval(-.*)?|--sanitize-with", "nbval"),
    (r"--nbmake", "nbmake"),
    (r"--html|--self-contained-html", "pytest-html"),
    (r"--json-report(-.*)?", "pytest-json-report"),
    (r"--snapshot-.*", "syrupy"),
    (r"--inline-snapshot", "inline-snapshot"),
    (r"--codspeed(-.*)?", "pytest-codspeed"),
    (r"--beartype-packages", "pytest-beartype"),
    (r"--typeguard-packages", "typeguard"),
    (r"--check-links(-.*)?", "pytest-check-links"),
    (r"--docker-compose(-.*)?", "pytest-docker"),
    (r"--spec", "pytest-spec"),
    (r"--memray|--most-allocations", "pytest-memray"),
    (r"--hypothesis-.*", "hypothesis"),
    (r"--pspec|--testdox", "pytest-testdox"),
    (
        r"--run-parallel|--parallel-threads|--iterations|--skip-thread-unsafe|--mark-warnings-as-.*",
        "pytest-run-parallel",
    ),
    (r"--suppress-no-test-exit-code|--suppress-empty-suite-exit-code", "pytest-custom-exit-code"),
    (r"--instafail", "pytest-instafail"),
    (r"--sugar|--force-sugar|--old-summary", "pytest-sugar"),
)

_KEYS = {
    "asyncio_mode": "pytest-asyncio",
    "asyncio_default_fixture_loop_scope": "pytest-asyncio",
    "asyncio_default_test_loop_scope": "pytest-asyncio",
    "anyio_mode": "anyio>=4.10",
    "trio_mode": "pytest-trio",
    "trio_run": "pytest-trio",
    "timeout": "pytest-timeout",
    "timeout_method": "pytest-timeout",
    "timeout_func_only": "pytest-timeout",
    "session_timeout": "pytest-timeout",
    "env": "pytest-env",
    "env_files": "pytest-dotenv",
    "DJANGO_SETTINGS_MODULE": "pytest-django",
    "DJANGO_CONFIGURATION": "pytest-django",
    "django_find_project": "pytest-django",
    "mypy_plugin_": "pytest-mypy-plugins",
    "doctest_plus": "pytest-doctestplus",
    "doctest_norecursedirs": "pytest-doctestplus",
    "remote_data_strict": "pytest-remotedata",
    "flake8-ignore": "pytest-flake8",
    "flake8-max-line-length": "pytest-flake8",
    "httpx_mock_": "pytest-httpx",
    "mock_use_standalone_module": "pytest-mock",
    "mock_traceback_monkeypatch": "pytest-mock",
    "freezegun_ignore_list": "pytest-freezegun",
    "qt_api": "pytest-qt",
    "qt_": "pytest-qt",
    "twisted_": "pytest-twisted",
    "xfail_tb": "",
    "xdist_": "pytest-xdist",
    "rsyncdirs": "pytest-xdist",
    "looponfailroots": "pytest-xdist",
    "reruns": "pytest-rerunfailures",
    "mpl-": "pytest-mpl",
    "markdown-docs-": "pytest-markdown-docs",
    "pytester_": "",
    "subtests_": "",
    "structlog_": "pytest-structlog",
    "benchmark_": "pytest-benchmark",
    "celery_": "pytest-celery",
    "snapshot_": "syrupy",
    "typeguard-packages": "typeguard",
    "beartype_packages": "pytest-beartype",
}

# `-p NAME` that is not named as its distribution is.
_PLUGINS = {
    "xdist": "pytest-xdist",
    "xdist.plugin": "pytest-xdist",
    "pytest_cov": "pytest-cov",
    "sphinx.testing.fixtures": "sphinx",
    "hypothesis.extra.pytestplugin": "hypothesis",
}


@dataclass(frozen=True)
class PytestSettings:
    """What pytest reads: the `file`, its keys, and the words of `addopts`."""

    file: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def python_files(self) -> tuple[str, ...]:
        """The globs of files with tests."""
        stated = self.keys.get("python_files")
        words = stated if isinstance(stated, list) else str(stated or "").split()
        return tuple(map(str, words)) or _PYTHON_FILES

    def collects(self, file: PurePosixPath) -> bool:
        """Whether a file of this name has tests; `folders` says where such files are looked for."""
        return any(
            fnmatch.fnmatchcase(file.name, glob) or ("/" in glob and fnmatch.fnmatchcase(file.as_posix(), f"*{glob}"))
            for glob in self.python_files
        )

    def folders(self, root: Path) -> tuple[PurePosixPath, ...]:
        """Where pytest looks for tests, below `root`: in all of it, where `testpaths` has no tests."""
        stated = self.keys.get("testpaths")
        words = map(str, stated) if isinstance(stated, list) else str(stated or "").split()
        names = {os.path.normpath(name) for word in words for name in glob.glob(word, root_dir=root, recursive=True)}
        found = tuple(PurePosixPath(Path(name).as_posix()) for name in sorted(names) if self._has_tests(root / name))
        return found or (PurePosixPath(),)

    def _has_tests(self, path: Path) -> bool:
        files = (path,) if path.is_file() else path.rglob("*.py")
        return any(self.collects(PurePosixPath(file.as_posix())) for file in files)

    def measures_coverage(self) -> bool:
        """Whether pytest-cov measures the coverage of a source folder, which the tests of a wheel do not reach."""
        return any(word == "--cov" or word.startswith("--cov=") for word in self.options)

    def plugins(self) -> Iterator[tuple[str, str]]:
        """Each requirement that the settings need, and the setting."""
        for word in self.options:
            option = word.partition("=")[0]
            if re.fullmatch(r"-n\d*\w*", option):
                option = "-n"
            for pattern, plugin in _OPTIONS:
                if re.fullmatch(pattern, option):
                    yield plugin, f"`{option}`"
        for first, second in zip(("", *self.options), self.options, strict=False):
            name = second if first == "-p" else second[2:] if second.startswith("-p") and len(second) > 2 else ""
            if name in _PLUGINS:
                yield _PLUGINS[name], f"`-p {name}`"
        for key in self.keys:
            for known, plugin in _KEYS.items():
                if plugin and (key == known or (known[-1] in "-_" and key.startswith(known))):
                    yield plugin, f"`{key}`"
        required = self.keys.get("required_plugins", ())
        for line in required if isinstance(required, list) else str(required).splitlines():
            for requirement in _split_requirements(str(line)):
                yield requirement, "`required_plugins`"


def read(root: Path, metadata: Mapping[str, object]) -> PytestSettings:
    """pytest's settings in the project at `root`, whose parsed pyproject.toml is `metadata`."""
    for name, keys in _TOML:
        document = metadata if name == "pyproject.toml" else read_toml(root / name)
        if found := table(document, *keys):
            return _settings(name, found)
    for name, section in _INI:
        parser = read_ini(root / name)
        if parser is not None and parser.has_section(section):
            return _settings(name, dict(parser.items(section)))
    return PytestSettings()


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; empty where there is none, or it is invalid."""
    try:
        return read_values(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}


def read_ini(path: Path) -> configparser.RawConfigParser | None:
    """A file of sections, whose keys keep their case; None where there is none, or it is invalid."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, inline_comment_prefixes=(" #",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # as the documentation says
    try:
        return parser if parser.read(path, encoding="utf-8-sig") else None
    except (OSError, ValueError, configparser.Error):
        return None


def _settings(file: str, keys: Mapping[str, Any]) -> PytestSettings:
    stated = keys.get("addopts") or ""
    try:
        words = list(map(str, stated)) if isinstance(stated, list) else shlex.split(str(stated), comments=True)
    except ValueError:
        words = str(stated).split()
    return PytestSettings(file, keys, tuple(words))


def _split_requirements(line: str) -> Iterator[str]:
    """The requirements of a line of `required_plugins`: blanks separate them, and may follow an operator."""
    yield from re.sub(r"\s*([<>=!~]=?|===|,)\s*", r"\1", line).split()
