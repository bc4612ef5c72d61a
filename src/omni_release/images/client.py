"""The SDK's client, configured not to retry, not to hang, to bound what it reads, and to send the key to one host.

It imports google-genai and httpx2, so it is imported with the first call.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

import httpx2
from google import genai

from omni_release.images.errors import AnswerTooLarge

API = "https://generativelanguage.googleapis.com/"

_ENCODING_HEADERS = ("content-encoding", "content-length", "transfer-encoding")


class BoundedClient(httpx2.AsyncClient):
    """An HTTP client that reads at most `limit` bytes of an answer, counted after decompression."""

    def __init__(self, limit: int, **arguments: Any) -> None:  # the base class's own arguments
        super().__init__(**arguments)
        self._limit = limit

    async def send(self, request: httpx2.Request, **arguments: Any) -> httpx2.Response:
        """Send a request and read the whole answer. Raises AnswerTooLarge if it is longer than the limit."""
        arguments["stream"] = True
        response = await super().send(request, **arguments)
        announced = response.headers.get("content-length", "")
        chunks: list[bytes] = []
        size = 0
        try:
            if announced.isdigit() and int(announced) <= self._limit and "content-encoding" not in response.headers:
                await response.aread()  # HTTP itself ends the body there
                return response
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._limit:
                    break
                chunks.append(chunk)
        finally:
            await response.aclose()
        if size > self._limit:
            raise AnswerTooLarge(
                f"the answer is larger than {self._limit // 1_000_000} MB; reading stopped there",
                "No model returns such a large image: check which service answers at base_url.",
            )
        # The content is already decoded, so the headers about its encoding must go.
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _ENCODING_HEADERS]
        return httpx2.Response(response.status_code, headers=headers, content=b"".join(chunks), request=request)


def open_client(
    key: str, base_url: str | None, api_version: str, headers: dict[str, str], limit: int
) -> tuple[genai.Client, BoundedClient]:
    """A client for the Gemini API (never Vertex, whatever the environment says), and its transport.

    `headers` are sent with each call, `limit` is the size of the largest answer in bytes. The caller sets a timeout
    for each call.

    With its own transport the SDK does not use aiohttp even if it is installed, uses the environment's proxies, and
    follows no redirect: a redirect would send the key to another host.
    """
    context = _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    transport = BoundedClient(limit, verify=context, follow_redirects=False, timeout=None)
    client = genai.Client(
        vertexai=False,
        api_key=key,
        http_options=genai.types.HttpOptions(
            base_url=base_url or API,  # given explicitly, or the SDK would read it from the environment
            api_version=api_version,
            headers=headers,
            httpx_async_client=transport,
            httpx_client=httpx2.Client(verify=context, follow_redirects=False),
            async_client_args={"ssl": context},  # or it reads all certificates again, for websockets never opened
        ),
    )
    return client, transport


@functools.cache
def _ssl_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Trusts the certificates that the environment names, or the installed ones. Cached, as reading them is slow."""
    del file, folder  # the key of the cache: httpx reads the environment itself
    return httpx2.create_ssl_context()
