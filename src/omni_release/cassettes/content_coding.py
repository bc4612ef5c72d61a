"""Compressed bodies: `content-encoding` of gzip, deflate, br and zstd."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

LARGEST = 64_000_000
"""The most bytes that a body may have after it is decompressed."""

_CHUNK = 1_000_000


class NotDecodable(ValueError):
    """A body is not compressed as its header says, is too large, or the library for it is not installed."""


def codings(header: str) -> tuple[str, ...]:
    """The codings in a `content-encoding` header, in the order in which they were applied."""
    names = (name.strip().lower() for name in header.split(","))
    return tuple(name.removeprefix("x-") for name in names if name and name != "identity")


def decode(body: bytes, header: str) -> bytes:
    """The body without its content codings. Raises NotDecodable."""
    for name in reversed(codings(header)):
        try:
            body = _decoded(body, name)
        except (zlib.error, EOFError, ArithmeticError) as error:
            raise NotDecodable(f"its body is not {name}, as its header says ({error})") from None
    return body


def encode(body: bytes, header: str) -> bytes:
    """The body with the content codings of the header: the same bytes each time. Raises NotDecodable."""
    for name in codings(header):
        match name:
            case "gzip":
                body = gzip.compress(body, mtime=0)
            case "deflate":
                body = zlib.compress(body)
            case "br":
                body = _brotli().compress(body)
            case "zstd":
                body = _zstandard().ZstdCompressor().compress(body)
            case _:
                raise NotDecodable(f"its content-encoding is {name!r}")
    return body


def _decoded(body: bytes, name: str) -> bytes:
    match name:
        case "gzip":
            return _inflated(body, zlib.MAX_WBITS | 16)
        case "deflate":  # with a zlib header as the standard says, or without one as some servers send it
            try:
                return _inflated(body, zlib.MAX_WBITS)
            except zlib.error:
                return _inflated(body, -zlib.MAX_WBITS)
        case "br":
            brotli = _brotli()
            decompressor, parts, size = brotli.Decompressor(), [], 0
            try:
                for at in range(0, len(body), 1_000):
                    parts.append(decompressor.process(body[at : at + 1_000]))
                    size += _checked(len(parts[-1]), size)
            except brotli.error as error:
                raise zlib.error(str(error)) from None
            return b"".join(parts)
        case "zstd":
            zstandard = _zstandard()
            try:
                with zstandard.ZstdDecompressor().stream_reader(body) as reader:
                    data: bytes = reader.read(LARGEST + 1)
            except zstandard.ZstdError as error:
                raise zlib.error(str(error)) from None
            _checked(len(data), 0)
            return data
    raise NotDecodable(f"its content-encoding is {name!r}")


def _inflated(body: bytes, window: int) -> bytes:
    """Decompressed, member by member."""
    parts, size = [], 0
    while body:
        inflating = zlib.decompressobj(window)
        while not inflating.eof:
            part = inflating.decompress(body, _CHUNK)
            body = inflating.unconsumed_tail
            size += _checked(len(part), size)
            parts.append(part)
            if not part and not body:
                raise EOFError("it ends early")
        body = inflating.unused_data
    return b"".join(parts)


def _checked(more: int, size: int) -> int:
    if size + more > LARGEST:
        raise NotDecodable(f"its body has more than {LARGEST} bytes when it is decompressed")
    return more


def _brotli() -> Any:
    try:
        import brotli
    except ImportError:
        raise NotDecodable("brotli is not installed, which its body needs: pip install brotli") from None
    return brotli


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError:
        raise NotDecodable("zstandard is not installed, which its body needs: pip install zstandard") from None
    return zstandard
