"""The SDK's client, made so that it neither retries, nor hangs, nor reads without end, nor sends the key elsewhere."""

from __future__ import annotations

import functools
import os
import ssl
from typing import TYPE_CHECKING, Any

import httpx2
from google import genai

from omni_release.images.errors import AnswerTooLarge

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
