"""The rehearsal index: takes what PyPI takes, serves the simple API, sends every other name elsewhere."""

from __future__ import annotations

import contextlib
import datetime
import hmac
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map
from werkzeug.routing import Rule as Route
from werkzeug.utils import redirect, send_file
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import get_input_stream

from omni_release.local_index import Account, Case, Policy, faults
from omni_release.local_index import store as local_index_store
from omni_release.local_index.faults import FaultScript, other_bytes
from omni_release.local_index.store import Store
from omni_release.loopback import Fault, LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response as BaseResponse

_ROUTES = Map(
    [
        Route("/legacy/", endpoint="upload", methods=["POST"]),
        Route("/simple/", endpoint="root", methods=["GET"]),
        Route("/simple/<project>/", endpoint="project", methods=["GET"]),
        Route("/files/<name>", endpoint="file", methods=["GET"]),
    ]
)
_CEILING = 20  # a body of so many times the limit for a file is not even read to its end
_CACHED = "max-age=600, public"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Setup:
    """What an index is to be like.

    It answers for `project` alone (a normalised name). `elsewhere` is the simple API that knows every other name; it
    may have credentials in it, which then reach whoever is sent there.
    """

    folder: Path
    project: str
    account: Account
    elsewhere: str = field(repr=False)
    policy: Policy = field(default_factory=Policy)
    script: str = ""
    clock: Callable[[], datetime.datetime] = _now
    port: int = 0


class RehearsalIndex(LoopbackServer):
    """The index, see `LoopbackServer`. Raises UsageError for a script that cannot be read."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._script = FaultScript(setup.script)
        self._store = Store(setup.folder)
        self._judging = threading.Lock()
        super().__init__(self._application, setup.port)
        threading.Thread(target=_warm_up, daemon=True).start()

    @property
    def store(self) -> Store:
        """What it holds."""
        return self._store

    def _application(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start)

    def _answer(self, request: Request) -> WSGIApplication:
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return error  # among them the redirect of /legacy, with 308
        match endpoint:
            case "upload":
                return self._faulty("upload", lambda met: self._upload(request, met), request)
            case "file":
                return self._faulty("file", lambda met: self._file(request, arguments["name"], met), request)
            case "project":
                return self._project(request, arguments["project"])
        page = _wanted(request)
        return _page(request, local_index_store.root_page([self._setup.project], page), page)

    def _faulty(
        self, kind: str, answer: Callable[[tuple[Fault, ...]], BaseResponse], request: Request
    ) -> WSGIApplication:
        """The answer to a request of this kind, with the faults that the script has for it."""
        met = self._script.next(kind)
        faults.before_request(met, request, self.stopping)
        return faults.error_response(met) or faults.changed_response(met, answer(met), self.stopping)

    def _upload(self, request: Request, met: tuple[Fault, ...]) -> BaseResponse:
        from omni_release.local_index import form, rules

        account = self._account(request)
        limit = self._setup.policy.file_limit
        if account is None:  # nothing of a stranger's is written
            return _refused(rules.Refusal("credentials", 403, "Invalid or missing authentication information."))
        incoming = self._store.incoming()
        try:
            stream = get_input_stream(request.environ, max_content_length=_CEILING * limit)
            given = form.read(stream, request.headers.get("Content-Type", ""), incoming, limit)
            with self._judging:
                refusal = self._judged(form.submission(given, incoming, account), met)
        except form.BadForm as error:
            refusal = rules.Refusal("file-in-payload", 400, str(error))
        except HTTPException as error:
            return error.get_response()
        finally:
            incoming.unlink(missing_ok=True)
        return _refused(refusal) if refusal else Response("OK")

    def _judged(self, given: Submission, met: tuple[Fault, ...]) -> Refusal | None:
        """Hold the file, unless a rule speaks against it."""
        from omni_release.local_index import distribution_rules, rules

        now = self._setup.clock()
        case = Case(given, self._store.held(), self._store.deleted(), self._setup.policy, now)
        refusal = rules.judged(case)
        if refusal is None and not any(fault.name == "forget" for fault in met):
            self._store.keep(given, distribution_rules.core_metadata(given), now)
        return refusal

    def _account(self, request: Request) -> Account | None:
        """The account, where the request proves to be its owner's."""
        known, given = self._setup.account, request.authorization
        if given is None or given.type != "basic":
            return None
        pairs = ((given.username or "", known.username), (given.password or "", known.password))
        right = [hmac.compare_digest(one.encode(), two.encode()) for one, two in pairs]
        return known if all(right) else None

    def _file(self, request: Request, name: str, met: tuple[Fault, ...]) -> BaseResponse:
        path = self._store.path(name)
        if path is None:
            return Response("Not found", 404)
        if any(fault.name == "other-bytes" for fault in met):
            return Response(other_bytes(path.read_bytes()), content_type="application/octet-stream")
        return send_file(path, request.environ, mimetype="application/octet-stream", conditional=True)

    def _project(self, request: Request, project: str) -> WSGIApplication:
        name = canonicalize_name(project)
        if name != self._setup.project:
            return redirect(f"{self._setup.elsewhere.rstrip('/')}/{name}/", 307)
        if project != name:
            return redirect(f"/simple/{name}/", 301)
        return self._faulty("list", lambda met: self._listing(request, met), request)

    def _listing(self, request: Request, met: tuple[Fault, ...]) -> BaseResponse:
        page, fresh = _wanted(request), "no-cache" in request.headers.get("Cache-Control", "")
        now, held = self._setup.clock(), self._store.held()
        shown = self._script.listed(met, held, local_index_store.page_format(page), now, fresh=fresh)
        if not shown:
            return Response("Not found", 404)
        return _page(request, local_index_store.project_page(self._setup.project, shown, page), page)


def _wanted(request: Request) -> str:
    """The kind of page that is asked for; HTML where any will do, as PyPI has it."""
    accepted = request.accept_mimetypes
    best = (
        accepted.best_match([local_index_store.OLD_HTML, local_index_store.JSON, local_index_store.HTML])
        if accepted
        else None
    )
    return best or local_index_store.OLD_HTML


def _page(request: Request, text: str, page: str) -> Response:
    response = Response(text, content_type=page)
    response.headers["Cache-Control"] = _CACHED
    response.headers["Vary"] = "Accept"
    response.add_etag()
    response.make_conditional(request.environ)
    return response


def _refused(refusal: Refusal) -> Response:
    """The reason in the status line, where twine reads it, and in the body, where uv does."""
    line = refusal.reason.encode("latin-1", "replace").decode("latin-1")[:500]
    status = f"{refusal.status} {line}"
    body = {"message": refusal.reason, "code": f"{refusal.status} {refusal.reason}", "rule": refusal.rule}
    response = Response(json.dumps(body) + "\n", content_type="application/json")
    response.status = status
    return response


def _warm_up() -> None:
    """Import the judges while a client still starts: the first upload would wait for them."""
    with contextlib.suppress(ImportError):  # of the extras: who uploads is told then
        import trove_classifiers  # noqa: F401


if TYPE_CHECKING:
    from omni_release.local_index import Submission
    from omni_release.local_index.rules import Refusal
