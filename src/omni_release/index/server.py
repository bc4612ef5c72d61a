"""The rehearsal index: takes uploads (with a password), serves the simple API, sends every other name elsewhere."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.utils import redirect, secure_filename
from werkzeug.wrappers import Request, Response

from omni_release.journal import sha256

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response as BaseResponse

_ROUTES = Map(
    [
        Rule("/legacy/", endpoint="upload", methods=["POST"]),
        Rule("/simple/<project>/", endpoint="project", methods=["GET"]),
        Rule("/files/<name>", endpoint="file", methods=["GET"]),
    ]
)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        pass


class RehearsalIndex:
    """A server on a free port of 127.0.0.1, with its files in `folder`. Ready when the constructor returns.

    It answers for `project` alone (a normalised name); `elsewhere` is the simple API that knows every other name.
    """

    def __init__(self, folder: Path, project: str, *, username: str, password: str, elsewhere: str) -> None:
        self._folder = folder
        self._project = project
        self._credentials = (username, password)
        self._elsewhere = elsewhere.rstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=_Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> RehearsalIndex:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start)

    def _answer(self, request: Request) -> WSGIApplication:
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error
        if endpoint == "upload":
            return self._upload(request)
        if endpoint == "file":
            return self._file(arguments["name"])
        return self._listing(arguments["project"])

    def _upload(self, request: Request) -> Response:
        given = request.authorization
        if given is None or (given.username, given.password) != self._credentials:
            return Response("403 Invalid or non-existent authentication information.", 403)
        content = request.files.get("content")
        if content is None:
            return Response("400 Upload payload does not have a file.", 400)
        content.save(self._folder / secure_filename(content.filename or "unnamed"))
        return Response()

    def _file(self, name: str) -> Response:
        path = self._folder / secure_filename(name)
        if not path.is_file():
            return NotFound().get_response()
        return Response(path.read_bytes(), content_type="application/octet-stream")

    def _listing(self, project: str) -> BaseResponse:
        if re.sub(r"[-_.]+", "-", project).lower() != self._project:
            return redirect(f"{self._elsewhere}/{project}/", 307)
        links = (
            f'<a href="/files/{html.escape(path.name)}#sha256={sha256(path)}">{html.escape(path.name)}</a><br>'
            for path in sorted(self._folder.iterdir())
        )
        return Response("<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>", content_type="text/html")
