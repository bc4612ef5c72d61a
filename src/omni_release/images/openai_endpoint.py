"""An address that speaks the OpenAI images API: who runs it, its key and headers, and each call to it."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from omni_release.core.vendors import VENDORS, vendor_at
from omni_release.images import calls, openai_answers, openai_requests
from omni_release.images import provider as base
from omni_release.images.errors import DamagedAnswer, ImageError, InvalidRequest

if TYPE_CHECKING:
    import httpx2

    from omni_release.images.transport import BoundedClient

API = f"https://{VENDORS['openai'].hosts[0]}/v1"
_BASE_URL = VENDORS["openai"].base_urls[0]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_DOWNLOAD_WAITS = (0.5, 2.0)
"""In seconds, before each further download of an image."""

_NOT_YET = (404, 408, 425, 429)
"""The codes of an address that may have the image in a moment, besides 5xx."""

T = TypeVar("T")


class Endpoint:
    """The service at a base URL, by default OpenAI's own. Raises ConfigurationError without a key.

    The arguments are those of OpenAIImageProvider. `platform` is the one of the registry, whose dates hold here: by the
    host, or else by the `vendor` that is given; "" elsewhere.
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        vendor: str,
        key_header: str,
        headers: Mapping[str, str],
        environment: Mapping[str, str],
        clock: base.Clock,
        most_bytes: int,
    ) -> None:
        url = calls.first_set(base_url, environment.get(_BASE_URL), API)
        self._base_url = base.checked_base_url(url, _BASE_URL) or API
        host = (urllib.parse.urlsplit(self._base_url).hostname or "").lower().rstrip(".")
        known = vendor_at(host)
        self.vendor = vendor or known or ("openai" if host in _LOOPBACK else host)
        own = VENDORS.get(known or vendor)
        self.platform = own.platform if own and own.exact_names else ""
        self._variables = (VENDORS.get(self.vendor) or VENDORS["openai"]).keys[0]
        self._headers = _Headers(self.vendor, headers, environment)
        key = calls.first_set(api_key, environment.get(self._variables))
        self._key = base.Key(key, self._variables, self._headers.values)
        self._key_header = key_header
        self._clock = clock
        self._most_bytes = most_bytes
        self._opened: tuple[BoundedClient, asyncio.AbstractEventLoop] | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.vendor!r})"

    async def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[1] is asyncio.get_running_loop():
            await opened[0].aclose()

    def open(self) -> BoundedClient:
        """The client of this event loop, which is kept."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[1] is not loop:  # connections belong to the loop that opened them
            from omni_release.images.transport import open_transport

            self._opened = (open_transport(self._most_bytes), loop)
        return self._opened[0]

    async def post(
        self, client: BoundedClient, model: str, sent: openai_requests.Sent
    ) -> tuple[openai_answers.ImageAnswer, str]:
        """The answer to a request for an image, and the id of the call. Raises ImageError."""
        response = await self._send(client, "POST", model, sent.path, sent.body, sent.content_type)
        answer = openai_answers.parse(self._key.redacted(response.text).encode())
        if not isinstance(answer, openai_answers.ImageAnswer):  # an error under a 200, as some gateways send it
            code = answer["error"].get("code") if isinstance(answer["error"], dict) else None
            raise self._error(code if type(code) is int else response.status_code, answer, response, model)
        return answer, self._key.redacted(response.headers.get("x-request-id", ""))

    async def get(self, path: str, model: str, seconds: float) -> dict[str, Any]:
        """The object at a path. Raises ImageError."""

        async def get(client: BoundedClient) -> dict[str, Any]:
            response = await self._send(client, "GET", model, path)
            document = _parsed(self._key.redacted(response.text))
            if not isinstance(document, dict):
                raise DamagedAnswer(f"{model}: the answer is not that of an OpenAI API", "Correct base_url.")
            return document

        return await self.call(model, seconds, get)

    async def fetch(self, client: BoundedClient, model: str, url: str) -> bytes:
        """The image at the address that the answer gives: without the key, which is not that host's."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" and (parts.scheme != "http" or self._base_url.startswith("https:")):
            raise DamagedAnswer(f"{model}: the image's address is not one of https")
        response = await self._download(client, url)
        if response.status_code != 200:
            raise DamagedAnswer(f"{model}: the image's address answers {response.status_code}")
        return response.content

    async def _download(self, client: BoundedClient, url: str) -> httpx2.Response:
        """The response of an image's address. It is asked again before the image is made and paid a second time."""
        from httpx2 import TransportError

        for wait in _DOWNLOAD_WAITS:
            try:
                response = await client.get(url)
            except TransportError:
                pass
            else:
                if response.status_code < 500 and response.status_code not in _NOT_YET:
                    return response
            await self._clock.sleep(wait)
        return await client.get(url)

    async def call(self, model: str, seconds: float, call: Callable[[BoundedClient], Awaitable[T]]) -> T:
        """Make a call that ends in time. Raises ImageError for every error."""
        client = self.open()
        from httpx2 import HTTPError, InvalidURL

        def translate(error: Exception) -> ImageError:
            if isinstance(error, HTTPError | InvalidURL):
                return calls.transport_error(error, model, seconds, self._address_of(error))
            return DamagedAnswer(f"{model}: the answer cannot be read: {calls.first_line(error)}")

        expected = (HTTPError, InvalidURL, ValueError)
        return await calls.call_in_time(lambda: call(client), model, seconds, self._key, expected, translate)

    def _address_of(self, error: Exception) -> str:
        """The address that failed: the base URL, or the host of an image's own address."""
        try:
            parts = urllib.parse.urlsplit(str(error.request.url))  # type: ignore[attr-defined]  # InvalidURL has none
        except (AttributeError, RuntimeError, ValueError):
            return self._base_url
        own = urllib.parse.urlsplit(self._base_url)
        is_own = (parts.hostname, parts.port) == (own.hostname, own.port)
        return self._base_url if is_own else f"{parts.scheme}://{parts.hostname}"

    async def _send(
        self, client: BoundedClient, method: str, model: str, path: str, body: bytes = b"", content_type: str = ""
    ) -> httpx2.Response:
        """The response of 200. Raises the ImageError of any other."""
        bearer = "Bearer " if self._key_header.lower() == "authorization" else ""
        headers = {**self._headers.named, self._key_header: bearer + self._key.value}
        if content_type:
            headers["Content-Type"] = content_type
        parts = urllib.parse.urlsplit(self._base_url)
        url = urllib.parse.urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))
        response = await client.request(method, url, content=body or None, headers=headers)
        if response.status_code != 200:
            body_read = self._key.redacted_body(_parsed(response.text))
            raise self._error(response.status_code, body_read, response, model)
        return response

    def _error(self, code: int, body: Any, response: httpx2.Response, model: str) -> ImageError:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return openai_answers.map_error(
            openai_answers.OpenAIError(code, body, headers, model, self._clock.now(), self._variables, self.platform)
        )


class _Headers:
    """The headers of each call; their values may be secret, so they are in no repr."""

    def __init__(self, vendor: str, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        account = VENDORS[vendor].account if vendor in VENDORS else {}
        found = {header: environment.get(variable, "").strip() for variable, header in account.items()}
        self.named = {name: value for name, value in {**found, **given}.items() if value}
        self.values = tuple(given.values())
        for name, value in self.named.items():
            if not (name + value).isascii() or not (name + value).isprintable():
                raise InvalidRequest(f"the header {name!r} contains invalid characters", "Pass ASCII in one line.")

    def __repr__(self) -> str:
        return f"<headers {', '.join(self.named)}>"


def _parsed(text: str) -> Any:
    """A parsed body; the text itself if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
