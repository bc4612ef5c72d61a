"""Which environment variables hold secrets, by their names: child processes get such a variable only by its name.

`omni-release version` uses this for git, so it imports nothing.
"""

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

OF_OTHER_PUBLISHERS = (
    "FLIT_PASSWORD",
    "FLIT_USERNAME",
    "HATCH_INDEX_",
    "PDM_PUBLISH_",
    "POETRY_HTTP_BASIC_",
    "POETRY_PYPI_TOKEN_",
    "UV_PUBLISH_",
)
"""The prefixes of the variables with which programs other than twine publish."""

_PREFIXES = ("TWINE_", *OF_OTHER_PUBLISHERS, "ACTIONS_ID_TOKEN_", "PYPI_", "TESTPYPI_")

# Each as a whole word, or as the end of one: GH_TOKEN, POSTGRES_PASSWORD, PGPASSWORD, but not TOKENIZERS_PARALLELISM.
_WORDS = (
    "APIKEY",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "CREDENTIAL",
    "CREDENTIALS",
    "API_KEY",
)
_LAST_WORDS = (
    *("_KEY", "_PASS", "_PAT", "_PWD", "_JWT", "_KEY_ID"),
    *("_AUTH", "_AUTH_CONFIG", "_COOKIE", "_CONNECTION_STRING", "_WEBHOOK", "_WEBHOOK_URL"),
)

_INSTALLERS = ("PIP_", "UV_")


def is_named_like_secret(name: str) -> bool:
    """Does the name of a variable say that its value is a secret?"""
    upper = name.upper()
    return upper.endswith(_LAST_WORDS) or any(f"{word}_" in f"{upper}_" for word in _WORDS)


def installer_logins(outer: "Mapping[str, str]") -> dict[str, str]:
    """The settings of pip and uv that log in to an index: users, passwords, and addresses with these."""
    return {name: value for name, value in outer.items() if _is_login(name.upper(), value)}


def _is_login(name: str, value: str) -> bool:
    if not name.startswith(_INSTALLERS) or name.startswith(_PREFIXES):
        return False
    return name.endswith(("_USERNAME", "_PASSWORD")) or ("://" in value and "@" in value)


def withheld(outer: "Mapping[str, str]", given: "Collection[str]" = ()) -> tuple[str, ...]:
    """The names of the variables with secrets that `without_secrets` leaves out."""
    return tuple(sorted(outer.keys() - without_secrets(outer, given).keys()))


def without_secrets(outer: "Mapping[str, str]", given: "Collection[str]" = ()) -> dict[str, str]:
    """The variables without secrets and settings of publishers; those in `given` are kept."""
    return {name: value for name, value in outer.items() if name in given or not _is_withheld(name, value)}


def _is_withheld(name: str, value: str) -> bool:
    upper = name.upper()
    return upper.startswith(_PREFIXES) or is_named_like_secret(name) or _is_login(upper, value)
