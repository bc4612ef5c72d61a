"""What a provider is given: key, model, base URL, timeout; read and checked before a call is spent on it."""

from __future__ import annotations

import importlib.util
import math
import re
import urllib.parse
from typing import Any

from omni_release.core.errors import to_install
from omni_release.images import error_mapping
from omni_release.images.errors import InvalidRequest, NotSetUp
from omni_release.models import registry

_SHORT = 8


class Key:
    """The key, in something that does not show it."""

    def __init__(self, value: str) -> None:
        self.value = value.strip()
        if not self.value:
            raise NotSetUp("there is no API key", f"Set {error_mapping.KEYS} in the environment.")
        if not self.value.isascii() or not self.value.isprintable() or " " in self.value:
            raise NotSetUp(
                "the API key has characters that no key has", f"Set {error_mapping.KEYS} anew, without quotes."
            )

    def __repr__(self) -> str:
        return "<key>"

    def __reduce__(self) -> str:
        raise TypeError("a provider with its key is not pickled: make one in each process")

    def redacted(self, text: str) -> str:
        """The text without the key. One of a few characters is no secret, and may stand in any image's base64."""
        return text if len(self.value) < _SHORT else text.replace(self.value, "[redacted]")

    def taken_from(self, body: Any) -> Any:
        """A parsed body without the key. Before any text is cut short: half a key is no longer found."""
        if isinstance(body, str):
            return self.redacted(body)
        if isinstance(body, list):
            return [self.taken_from(one) for one in body]
        return {name: self.taken_from(one) for name, one in body.items()} if isinstance(body, dict) else body


def check_installed() -> None:
    """Raises NotSetUp where a part of the extra is missing."""
    try:
        missing = [name for name in ("google.genai", "PIL") if importlib.util.find_spec(name) is None]
    except ModuleNotFoundError:  # there is no `google` at all
        missing = ["google.genai"]
    if missing:
        raise NotSetUp(f"{' and '.join(missing)} cannot be imported", to_install("images"))


def said(*values: str | None) -> str:
    """The first that says something: a variable that is set to nothing is the same as none."""
    return next((value.strip() for value in values if value and value.strip()), "")


def check_timeout(seconds: float) -> None:
    """Raises InvalidRequest where it is no number of seconds above 0."""
    if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise InvalidRequest(f"a timeout of {seconds} seconds", "Give a finite number above 0.")


def model_name(model: str) -> str:
    """A model's name, as it may stand in a URL's path."""
    name = registry.bare(model) if isinstance(model, str) else ""
    if not re.fullmatch(r"(tunedModels/)?[A-Za-z0-9][\w.-]*", name, re.ASCII) or ".." in name:
        raise InvalidRequest(f"{model!r} is no model's name", "Name one as gemini-3-pro-image.")
    return name


def base_url(text: str) -> str | None:
    """The base URL; None where none is given. Raises NotSetUp where it is none."""
    if not text:
        return None
    try:
        parts = urllib.parse.urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, an address without its bracket
        good = False
    if not good or not text.isprintable() or " " in text:
        raise NotSetUp(
            "the base URL is none: it begins with https:// or http://, and names a host",
            "Mend base_url or GOOGLE_GEMINI_BASE_URL.",
        )
    return text
