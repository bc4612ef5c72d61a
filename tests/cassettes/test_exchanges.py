"""Recorded traffic in the forms of other recorders."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from omni_release.cassettes import exchanges
from omni_release.core.errors import UsageError


def test_the_end_of_a_stream(tmp_path: Path) -> None:
    """`data: [DONE]`, as OpenAI's streams end, is no chunk."""
    path = tmp_path / "stream.txt"
    path.write_text('data: {"a": 1}\n\ndata: {"a": 2}\n\ndata: [DONE]\n\n')
    (exchange,) = exchanges.read(path)
    assert (exchange.bodies, exchange.streamed) == (({"a": 1}, {"a": 2}), True)


def test_http_archive(tmp_path: Path) -> None:
    """A HAR file is refused: it would be taken for one response."""
    path = tmp_path / "browser.json"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": []}}))
    with pytest.raises(UsageError, match="HAR"):
        exchanges.read(path)


def test_bytes_of_ruby(tmp_path: Path) -> None:
    """A compressed body with Ruby's tag for bytes is read."""
    import base64

    body = base64.b64encode(gzip.compress(b'{"a": 1}')).decode()
    path = tmp_path / "ruby.yml"
    path.write_text(
        "http_interactions:\n- request: {method: get, uri: 'http://h/'}\n"
        f"  response: {{status: {{code: 200}}, body: {{string: !binary '{body}'}}}}\n"
    )
    (exchange,) = exchanges.read(path)
    assert exchange.bodies == ({"a": 1},)
