"""The SDK's client, made so that it neither retries, nor hangs, nor reads without end, nor sends the key elsewhere."""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import re
import ssl
import urllib.parse
from typing import TYPE_CHECKING, Any

import httpx2
from google import genai

from omni_release import models
from omni_release.core.errors import install_hint
from omni_release.images import error_mapping
from omni_release.images.errors import AnswerTooLarge, ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


class BoundedClient(httpx2.AsyncClient):
    """Reads an answer up to `most` bytes, counted after decompression."""

    def __init__(self, most: int, **arguments: Any) -> None:  # the base class's own arguments
        super().__init__(**arguments)
        self._most = most

    async def send(self, request: httpx2.Request, **arguments: Any) -> httpx2.Response:
        """Send a request, and read the whole answer. Raises AnswerTooLarge."""
        arguments["stream"] = True
        response = await super().send(request, **arguments)
        announced = response.headers.get("content-length", "")
        read: list[bytes] = []
        size = 0
        try:
            if announced.isdigit() and int(announced) <= self._most and "content-encoding" not in response.headers:
                await response.aread()  # HTTP itself ends it there
                return response
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._most:
                    break
                read.append(chunk)
        finally:
            await response.aclose()
        if size > self._most:
            raise AnswerTooLarge(
                f"the answer has more than {self._most // 1_000_000} MB, and is not read further",
                "No image of the models is as large: look at what answers under base_url.",
            )
        # It is decoded already: what says how it was encoded must go.
        said = [(name, value) for name, value in response.headers.multi_items() if name not in _ENCODING]
        return httpx2.Response(response.status_code, headers=said, content=b"".join(read), request=request)


API = "https://generativelanguage.googleapis.com/"

_ENCODING = ("content-encoding", "content-length", "transfer-encoding")


def opened(
    key: str, base_url: str | None, api_version: str, headers: dict[str, str], most: int
) -> tuple[genai.Client, BoundedClient]:
    """A client for the Gemini API (never Vertex, whatever the environment says), and what it sends with.

    `headers` go with each call, `most` is the largest answer in bytes. Whoever calls sets a timeout over the call.

    The transport is ours: that keeps aiohttp out where it is installed, the environment's proxies in, and follows no
    redirect, as one would carry the key to another host.
    """
    context = _trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    transport = BoundedClient(most, verify=context, follow_redirects=False, timeout=None)
    client = genai.Client(
        vertexai=False,
        api_key=key,
        http_options=genai.types.HttpOptions(
            base_url=base_url or API,  # named, as the SDK would look into the environment itself
            api_version=api_version,
            headers=headers,
            httpx_async_client=transport,
            httpx_client=httpx2.Client(verify=context, follow_redirects=False),
            async_client_args={"ssl": context},  # or it reads all certificates anew, for websockets that we never open
        ),
    )
    return client, transport


@functools.cache
def _trusting(file: str | None, folder: str | None) -> ssl.SSLContext:
    """What trusts the certificates that the environment names, or else those that are installed: read once."""
    del file, folder  # httpx looks into the environment itself
    return httpx2.create_ssl_context()


def fault_of(error: genai.errors.APIError) -> tuple[int, Any, Mapping[str, str]]:
    """Code, parsed body and headers (in lower case) of an error answer."""
    headers = getattr(error.response, "headers", None) or {}
    return error.code, error.details, {name.lower(): value for name, value in headers.items()}


_SHORT = 8


class Key:
    """The key, in something that does not show it."""

    def __init__(self, value: str) -> None:
        self.value = value.strip()
        if not self.value:
            raise ConfigurationError("there is no API key", f"Set {error_mapping.KEYS} in the environment.")
        if not self.value.isascii() or not self.value.isprintable() or " " in self.value:
            raise ConfigurationError(
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
        raise ConfigurationError(f"{' and '.join(missing)} cannot be imported", install_hint("images"))


def first_set(*values: str | None) -> str:
    """The first that says something: a variable that is set to nothing is the same as none."""
    return next((value.strip() for value in values if value and value.strip()), "")


def check_timeout(seconds: float) -> None:
    """Raises InvalidRequest where it is no number of seconds above 0."""
    if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise InvalidRequest(f"a timeout of {seconds} seconds", "Give a finite number above 0.")


def checked_model_name(model: str) -> str:
    """A model's name, as it may stand in a URL's path."""
    name = models.bare_name(model) if isinstance(model, str) else ""
    if not re.fullmatch(r"(tunedModels/)?[A-Za-z0-9][\w.-]*", name, re.ASCII) or ".." in name:
        raise InvalidRequest(f"{model!r} is no model's name", "Name one as gemini-3-pro-image.")
    return name


def checked_base_url(text: str) -> str | None:
    """The base URL; None where none is given. Raises NotSetUp where it is none."""
    if not text:
        return None
    try:
        parts = urllib.parse.urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, an address without its bracket
        good = False
    if not good or not text.isprintable() or " " in text:
        raise ConfigurationError(
            "the base URL is none: it begins with https:// or http://, and names a host",
            "Mend base_url or GOOGLE_GEMINI_BASE_URL.",
        )
    return text
