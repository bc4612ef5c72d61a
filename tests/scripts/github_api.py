"""A server on loopback that answers as GitHub's API does."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Answers = Mapping[str, tuple[int, Any]]
"""A status and a body for each path."""


class _Api(http.server.BaseHTTPRequestHandler):
    answers: Answers
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        status, body = self.answers.get(self.path, (404, {"message": "Not Found"}))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def github(answers: Answers) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server with these answers: its address, and the paths that it was asked for, with the token."""
    seen: list[tuple[str, str]] = []
    handler = type("Api", (_Api,), {"answers": answers, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def review(login: str, state: str = "approved", environment: str = "pypi") -> dict[str, Any]:
    """A review of a run, as the API has it."""
    return {"state": state, "user": {"login": login}, "environments": [{"name": environment}], "comment": ""}
