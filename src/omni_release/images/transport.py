"""The HTTP client of all vendors: it bounds what it reads, follows no redirect, and trusts what the environment names.

It imports httpx2, so it is imported with the first call.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

import httpx2

from omni_release.images.errors import AnswerTooLarge

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


def open_transport(limit: int) -> BoundedClient:
    """A client without a timeout of its own (the caller sets one for each call), for answers of at most `limit` bytes.

    It uses the environment's proxies, and follows no redirect: a redirect would send the key to another host.
    """
    return BoundedClient(limit, verify=ssl_context(), follow_redirects=False, timeout=None)


def ssl_context() -> ssl.SSLContext:
    """Trusts the certificates that the environment names, or the installed ones."""
    return _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _ssl_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Cached, as reading the certificates is slow."""
    del file, folder  # the key of the cache: httpx reads the environment itself
    return httpx2.create_ssl_context()
