"""Files that do not belong into a distribution, by their names and contents, and how bad each is where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from omni_release.core import redaction
from omni_release.core.model import Severity


@dataclass(frozen=True)
class Stray:
    """A file that does not belong: the rule that says so, what is wrong with the file, and how bad it is."""

    rule: str
    reason: str
    severity: Severity


@dataclass(frozen=True)
class _Kind:
    """A kind of stray file: what it is, and whether it matters in an sdist: it is not imported from there.

    `secret`: it may hold a secret, so that it matters in an sdist, too. Where its content does not confirm that, it is
    advice; nothing where it is `common` without one.
    """

    reason: str
    secret: bool = False
    confirms: Callable[[bytes], bool] = lambda data: True
    common: bool = False
    unconfirmed: str = "settings that can hold secrets"


def _sets_a_secret(data: bytes) -> bool:
    """Whether a file of settings gives a value to a variable that is called a key, a token or a password."""
    return _SECRET_SETTING.search(data) is not None


_SECRET_SETTING = re.compile(
    rb"(?im)^\s*(?:export\s+)?\w*(?:key|token|secret|passw(?:or)?d|pwd|credential|auth|dsn)\w*\s*[=:]\s*"
    rb"(?!['\"]?(?:$|\s|#|\$|<|\{|x{3,}|\*{3,}|changeme|change-me|your|example|dummy|fake|test|none|null|true|false))\S"
)
_NO_SECRET = rb"(?:\$|<|\{|%|x{3,}|\*{3,}|\.{3}|change-?me|your|my-|example|dummy|fake|test|none|null|true|false|env:)"
_SECRET_VALUE = re.compile(
    rb"(?i)[\w-]*(?:key|token|secret|passw(?:or)?d|credential)[\w-]*[\"']?\s*[:=]\s*[\"'](?!"
    + _NO_SECRET
    + rb")[^\"'\s]{8,}[\"']"
    rb"|\b(?:bearer|basic)\s+(?!"
    + _NO_SECRET
    + rb")[\w.~+/=-]{16,}|://[^/\s:@\"']+:(?!"
    + _NO_SECRET
    + rb")[^/\s@\"']{3,}@"
)


def _holds_a_secret(data: bytes) -> bool:
    """Whether a file of settings, as JSON, TOML, YAML or shell, has a key, a token, a password or a login in it."""
    return _sets_a_secret(data) or _SECRET_VALUE.search(data) is not None


_SETTINGS = _Kind("settings with secrets", secret=True, confirms=_sets_a_secret)
_TOOL_SETTINGS = _Kind("settings with secrets", secret=True, confirms=_holds_a_secret, common=True)
_CREDENTIALS = _Kind("credentials", secret=True)
_PRIVATE_KEY = _Kind("a private key", secret=True)
_KEY_STORE = _Kind("a store of keys", secret=True)
_COMPILED = _Kind("compiled Python")
_MANAGER = _Kind("a leftover of the file manager")
_EDITOR = _Kind("a leftover of an editor")
_EDITORS_SETTINGS = _Kind("an editor's settings")
_PATCH = _Kind("a leftover of a patch or merge")
_CACHE = _Kind("a cache")
_COVERAGE = _Kind("coverage data")
_REPOSITORY = _Kind("the repository itself", secret=True)
_ENVIRONMENT = _Kind("a virtual environment", secret=True)

# Shell patterns of the names of files and folders.
_KINDS = {
    **dict.fromkeys([".env", ".env.*", ".envrc"], _SETTINGS),
    **dict.fromkeys([".pypirc", ".netrc", "_netrc", ".git-credentials", ".aws", ".ssh", ".gnupg"], _CREDENTIALS),
    **dict.fromkeys([".pgpass", ".my.cnf", ".boto", ".s3cfg", ".dockercfg", ".databrickscfg"], _CREDENTIALS),
    **dict.fromkeys([".vault-token", "application_default_credentials.json"], _CREDENTIALS),
    # Of agents and editors, of clouds and of deployments. Many repositories have such files without a secret.
    **dict.fromkeys([".mcp.json", "mcp.json", "mcp_config.json", "mcp-config.json", ".claude.json"], _TOOL_SETTINGS),
    **dict.fromkeys(["claude_desktop_config.json", ".aider*", "opencode.json", "auth.json"], _TOOL_SETTINGS),
    **dict.fromkeys([".codex", ".continue", ".gemini", ".roo", ".windsurf", ".cline", ".zed"], _TOOL_SETTINGS),
    **dict.fromkeys([".docker", ".kube", "kubeconfig", "*.tfvars", "*.tfstate", ".terraformrc"], _TOOL_SETTINGS),
    **dict.fromkeys(["*credentials*.json", "*client_secret*.json", "*service?account*.json"], _TOOL_SETTINGS),
    **dict.fromkeys(["secrets.toml", "secrets.y*ml", "secrets.json", ".secrets", "credentials"], _TOOL_SETTINGS),
    **dict.fromkeys(["*.env", ".flaskenv", ".dev.vars", ".yarnrc.yml", "credentials.toml"], _TOOL_SETTINGS),
    ".npmrc": _Kind("settings of npm", secret=True, confirms=lambda data: b"_auth" in data),
    **dict.fromkeys(["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"], _PRIVATE_KEY),
    **dict.fromkeys(["*.p12", "*.pfx", "*.jks", "*.keystore"], _KEY_STORE),
    **dict.fromkeys(["*.pyc", "*.pyo", "__pycache__"], _COMPILED),
    **dict.fromkeys([".DS_Store", "Thumbs.db", "desktop.ini"], _MANAGER),
    **dict.fromkeys(["*.swp", "*.swo", "*~"], _EDITOR),
    **dict.fromkeys([".idea", ".vscode", ".claude", ".cursor"], _EDITORS_SETTINGS),
    **dict.fromkeys(["*.orig", "*.rej"], _PATCH),
    **dict.fromkeys([".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints"], _CACHE),
    **dict.fromkeys([".tox", ".nox", ".eggs"], _CACHE),
    **dict.fromkeys([".coverage", "htmlcov"], _COVERAGE),
    ".git": _REPOSITORY,
    ".venv": _ENVIRONMENT,
    "node_modules": _Kind("installed packages of npm"),
    "settings.local.json": _Kind("local settings of an agent", secret=True),
    ".omni-release": _Kind("the run folder", secret=True),
}
_READ = (_sets_a_secret, _holds_a_secret)
_TEMPLATES = re.compile(r"\.(?:example|sample|template|dist|tmpl|default|ci|test|testing)$")
_ORIGINAL = "pyproject.toml.orig"  # uv_build writes its own pyproject.toml, and keeps the project's under this name
_TRIALS = frozenset(
    ["doc", "docs", "example", "examples", "fixtures", "sample", "samples", "test", "testing", "testdata", "tests"]
)


def of(name: str, read: Callable[[], bytes], *, in_wheel: bool) -> Iterator[Stray]:
    """What is wrong with the file of this name in a distribution; `read` gives its content."""
    path = PurePosixPath(name)
    trial = _is_trial(path)
    if kind := _kind(path):
        confirmed = kind.confirms(read())
        blocks = confirmed and (in_wheel or (kind.secret and not trial))
        if confirmed or not kind.common:
            reason = kind.reason if confirmed else f"{kind.unconfirmed}, but none was found in it"
            yield Stray("stray-file", reason, Severity.ERROR if blocks else Severity.WARNING)
    for line, found in redaction.find_keys(read()):
        # The key of a server in a test is no secret, and neither is what an example shows. One in a recording is.
        advice = trial and not _is_recording(path) and (not in_wheel or found == "a private key")
        yield Stray("key-inside", f"{line}: {found}", Severity.WARNING if advice else Severity.ERROR)


def _kind(path: PurePosixPath) -> _Kind | None:
    """The kind of stray file that a name is of; None for a file that may be there."""
    if path.as_posix() == _ORIGINAL:
        return None
    kinds = [
        kind
        for part in path.parts
        for pattern, kind in _KINDS.items()
        if fnmatchcase(part, pattern) and not (kind.confirms in _READ and _TEMPLATES.search(part))
    ]
    # The first one that may hold a secret; one that is common without a secret hides no other.
    return max(kinds, key=lambda kind: (kind.secret, not kind.common), default=None)


def _is_trial(path: PurePosixPath) -> bool:
    """Whether a file is of tests, examples or documentation."""
    return not _TRIALS.isdisjoint(part.lower() for part in path.parts[:-1])


def _is_recording(path: PurePosixPath) -> bool:
    """Whether a file is recorded traffic with a service, whose keys were real."""
    return any("cassette" in part.lower() or "recording" in part.lower() for part in path.parts)
