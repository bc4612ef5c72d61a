"""The server of the local index: uploads, the simple API, and redirects to another index for all other projects."""

from __future__ import annotations

import contextlib
import datetime
import hmac
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect, send_file
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import get_input_stream

from omni_release.local_index import Account, IndexPolicy, StoredFile, UploadContext, UploadRequest, faults, store
from omni_release.local_index.faults import FaultScript
from omni_release.local_index.store import Store
from omni_release.loopback import Fault, LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response as BaseResponse

    from omni_release.local_index.rules import Refusal

_ROUTES = Map(
    [
        Rule("/legacy/", endpoint="upload", methods=["POST"]),
        Rule("/simple/", endpoint="root", methods=["GET"]),
        Rule("/simple/<project>/", endpoint="project", methods=["GET"]),
        Rule("/files/<name>", endpoint="file", methods=["GET"]),
    ]
)
_CEILING = 20  # times the limit for a file: a longer body is not read to its end
_CACHED = "max-age=600, public"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class IndexSetup:
    """The settings of a local index.

    It serves `project`, a normalised name, and what is added with `LocalIndex.serve`. `fallback` is the simple API of
    the index that has all others. Any credentials in its address reach the clients that are redirected there.
    """

    folder: Path
    project: str
    account: Account
    fallback: str = field(repr=False)
    policy: IndexPolicy = field(default_factory=IndexPolicy)
    script: str = ""
    clock: Callable[[], datetime.datetime] = _now
    port: int = 0


@dataclass(frozen=True)
class _Hosted:
    """A project on the index: its files, and the account that may upload to it."""

    store: Store
    account: Account


class LocalIndex(LoopbackServer):
    """The index, see `LoopbackServer`. Raises UsageError for a fault script that cannot be read."""

    def __init__(self, setup: IndexSetup) -> None:
        self._setup = setup
        self._script = FaultScript(setup.script)
        self._hosted = {setup.project: _Hosted(Store(setup.folder), setup.account)}
        self._one_upload = threading.Lock()
        super().__init__(self._application, setup.port)
        threading.Thread(target=_import_rules, daemon=True).start()

    @property
    def store(self) -> Store:
        """The files of the project that it was set up for."""
        return self._hosted[self._setup.project].store

    def serve(self, project: str, folder: Path, account: Account) -> Store:
        """Serve another project, by its normalised name, with an account of its own; its files."""
        self._hosted[project] = _Hosted(Store(folder), account)
        return self._hosted[project].store

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self._response(Request(environ))(environ, start)

    def _response(self, request: Request) -> WSGIApplication:
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error  # among them the redirect of /legacy, with 308
        match endpoint:
            case "upload":
                return self._with_faults("upload", lambda met: self._upload(request, met), request)
            case "file":
                return self._with_faults("file", lambda met: self._file(request, arguments["name"], met), request)
            case "project":
                return self._project(request, arguments["project"])
        content_type = _content_type(request)
        return _page(request, store.root_page(sorted(self._hosted), content_type), content_type)

    def _with_faults(
        self, kind: str, answer: Callable[[tuple[Fault, ...]], BaseResponse], request: Request
    ) -> WSGIApplication:
        """The answer to a request of this kind, with the faults that the script has for it."""
        met = self._script.next(kind)
        faults.before_request(met, request, self.stopping)
        if (error := faults.error_response(met)) is not None:
            return error
        return faults.changed_response(met, answer(met), self.stopping)

    def _upload(self, request: Request, met: tuple[Fault, ...]) -> BaseResponse:
        from omni_release import local_index
        from omni_release.local_index import rules

        allowed = self._authenticated(request)
        limit = self._setup.policy.file_limit
        if not allowed:  # nothing from a stranger is written
            return _refused(rules.Refusal("credentials", 403, "Invalid or missing authentication information."))
        incoming = next(iter(allowed.values())).store.incoming()
        try:
            stream = get_input_stream(request.environ, max_content_length=_CEILING * limit)
            kind, first = request.headers.get("Content-Type", ""), next(iter(allowed.values()))
            upload = local_index.read(stream, kind, incoming, limit, first.account)
            hosted = allowed.get(canonicalize_name(upload.name), first)
            upload = replace(upload, account=hosted.account)
            with self._one_upload:
                refusal = self._stored(upload, hosted.store, met)
        except local_index.InvalidForm as error:
            refusal = rules.Refusal("file-in-payload", 400, str(error))
        except HTTPException as error:
            return error.get_response()
        finally:
            incoming.unlink(missing_ok=True)
        return _refused(refusal) if refusal else Response("OK")

    def _authenticated(self, request: Request) -> dict[str, _Hosted]:
        """The projects whose account has the username and the password of the request."""
        given = request.authorization
        if given is None or given.type != "basic":
            return {}
        name, password = (given.username or "").encode(), (given.password or "").encode()
        return {
            project: hosted
            for project, hosted in tuple(self._hosted.items())
            if all(
                [
                    hmac.compare_digest(name, hosted.account.username.encode()),
                    hmac.compare_digest(password, hosted.account.password.encode()),
                ]
            )
        }

    def _stored(self, upload: UploadRequest, store: Store, met: tuple[Fault, ...]) -> Refusal | None:
        """Store the file; in place of that, the refusal of the first rule that it breaks."""
        from omni_release.local_index import distribution_rules, rules

        now = self._setup.clock()
        context = UploadContext(upload, store.files(), store.deleted(), self._setup.policy, now)
        refusal = rules.first_refusal(context)
        if refusal is None and not any(fault.name == "forget" for fault in met):
            store.add(upload, distribution_rules.core_metadata(upload), now)
        return refusal

    def _file(self, request: Request, name: str, met: tuple[Fault, ...]) -> BaseResponse:
        paths = (hosted.store.path(name) for hosted in tuple(self._hosted.values()))
        path = next(filter(None, paths), None)
        if path is None:
            return Response("Not found", 404)
        if any(fault.name == "other-bytes" for fault in met):
            return Response(faults.other_bytes(path.read_bytes()), content_type="application/octet-stream")
        return send_file(path, request.environ, mimetype="application/octet-stream", conditional=True)

    def _project(self, request: Request, project: str) -> WSGIApplication:
        name = canonicalize_name(project)
        if (hosted := self._hosted.get(name)) is None:
            return redirect(f"{self._setup.fallback.rstrip('/')}/{name}/", 307)
        if project != name:
            return redirect(f"/simple/{name}/", 301)
        return self._with_faults("list", lambda met: self._listing(request, name, hosted.store.files(), met), request)

    def _listing(
        self, request: Request, project: str, files: tuple[StoredFile, ...], met: tuple[Fault, ...]
    ) -> BaseResponse:
        content_type, fresh = _content_type(request), "no-cache" in request.headers.get("Cache-Control", "")
        now = self._setup.clock()
        shown = self._script.listed(met, files, store.page_format(content_type), now, fresh=fresh)
        if not shown:
            return Response("Not found", 404)
        status = self._setup.policy.status
        text = store.project_page(project, shown, content_type, status, request.host_url)
        return _page(request, text, content_type)


def _content_type(request: Request) -> str:
    """The content type of the page that the client prefers; HTML where it takes any, as on PyPI."""
    accepted = request.accept_mimetypes
    preferred = accepted.best_match([store.OLD_HTML, store.JSON, store.HTML]) if accepted else None
    return preferred or store.OLD_HTML


def _page(request: Request, text: str, content_type: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Cache-Control"] = _CACHED
    response.headers["Vary"] = "Accept"
    response.add_etag()
    response.make_conditional(request.environ)
    return response


def _refused(refusal: Refusal) -> Response:
    """The reason in the status line, where twine reads it, and in the body, where uv does."""
    line = refusal.reason.encode("latin-1", "replace").decode("latin-1")[:500]
    body = {"message": refusal.reason, "code": f"{refusal.status} {refusal.reason}", "rule": refusal.rule}
    response = Response(json.dumps(body) + "\n", content_type="application/json")
    response.status = f"{refusal.status} {line}"
    return response


def _import_rules() -> None:
    """Import the slowest library of the rules while a client still starts: the first upload would wait for it."""
    with contextlib.suppress(ImportError):  # from an extra: the first upload reports it
        import trove_classifiers  # noqa: F401
