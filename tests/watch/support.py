"""Shared by the tests of the watch: an index that states upload times and yanks, and a stand-in for gh."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omni_release import distributions

SIMPLE = "application/vnd.pypi.simple.v1+json"


@dataclass
class Index:
    """An index of files, each with the time of its upload and the reason for which it was yanked."""

    url: str = ""
    files: dict[str, tuple[Path, str, str | None]] = field(default_factory=dict)

    def add(self, path: Path, uploaded: str, yanked: str | None = None) -> None:
        """Add a file, or state other facts about it."""
        self.files[path.name] = (path, uploaded, yanked)

    def page(self, project: str) -> bytes | None:
        """The page of a project (PEP 691, PEP 700)."""
        own = {n: f for n, f in self.files.items() if distributions.name_and_version(n)[0] == project}
        versions = sorted({distributions.name_and_version(name)[1] for name in own})
        listed = [self._listed(name) for name in own]
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": versions, "files": listed}
        return json.dumps(page).encode() if own else None

    def _listed(self, name: str) -> dict[str, Any]:
        path, uploaded, yanked = self.files[name]
        content = path.read_bytes()
        facts: dict[str, Any] = {"filename": name, "url": f"/files/{name}", "size": len(content)}
        facts |= {"hashes": {"sha256": hashlib.sha256(content).hexdigest()}}
        facts |= {"yanked": False if yanked is None else yanked or True}
        return facts | ({"upload-time": uploaded} if uploaded else {})


@contextlib.contextmanager
def served(index: Index) -> Iterator[Index]:
    """Serve the index on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer with a page or a file."""
            name = self.path.strip("/").rpartition("/")[2]
            if self.path.startswith("/files/"):
                content, kind = index.files[name][0].read_bytes(), "application/octet-stream"
            else:
                content, kind = index.page(name) or b"", SIMPLE
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - the name of a method of HTTP

        def log_message(self, *given: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index.url = f"http://127.0.0.1:{server.server_port}/simple/"
        yield index
        server.shutdown()


_GH = """\
import json, os, pathlib, sys
kept = pathlib.Path(__file__).with_name("kept.json")
state = json.loads(kept.read_text()) if kept.exists() else {"issues": [], "labels": [], "calls": [], "variables": []}
trouble = pathlib.Path(__file__).with_name("trouble")
if trouble.exists():
    code, said = trouble.read_text().split(" ", 1)
    sys.exit(print(said, file=sys.stderr) or int(code))
subject, verb, *rest = sys.argv[1:]
def option(name):
    return rest[rest.index(name) + 1] if name in rest else None
assert option("--repo") == "github.com/acme/acme"
state["variables"] = sorted(os.environ)
if verb != "list":
    state["calls"].append(f"{subject} {verb}")
body = option("--body")
if option("--body-file"):
    body = pathlib.Path(option("--body-file")).read_text(encoding="utf-8")
own = [one for one in state["issues"] if rest and str(one["number"]) in rest[2:3]]
if (subject, verb) == ("label", "create"):
    state["labels"].append(rest[2])
elif verb == "list":
    print(json.dumps([one for one in state["issues"] if option("--label") in one["labels"]]))
elif verb == "create":
    assert option("--label") in state["labels"]
    number = len(state["issues"]) + 1
    state["issues"].append({"number": number, "url": f"https://github.com/acme/acme/issues/{number}", "state": "OPEN",
                            "title": option("--title"), "body": body, "labels": [option("--label")], "comments": []})
elif verb == "comment":
    own[0]["comments"].append(body)
elif verb == "edit":
    own[0].update(title=option("--title"), body=body)
elif verb in ("close", "reopen"):
    own[0]["state"] = {"close": "CLOSED", "reopen": "OPEN"}[verb]
kept.write_text(json.dumps(state))
"""


@dataclass(frozen=True)
class GitHub:
    """A stand-in for gh in a folder, which keeps the issues in a file."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> GitHub:
        """Write the program."""
        folder.mkdir()
        (folder / "gh").write_text(f"#!{sys.executable}\n{_GH}", encoding="utf-8")
        (folder / "gh").chmod(0o755)
        return cls(folder)

    @property
    def state(self) -> dict[str, Any]:
        """The issues, the labels, the calls that changed something, and the variables of the last call."""
        path = self.folder / "kept.json"
        empty: dict[str, Any] = {"issues": [], "labels": [], "calls": [], "variables": []}
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else empty

    def change(self, **facts: Any) -> None:
        """Change the state."""
        (self.folder / "kept.json").write_text(json.dumps(self.state | facts), encoding="utf-8")

    def fail(self, answer: str) -> None:
        """Make gh end with this exit code and message from now on."""
        (self.folder / "trouble").write_text(answer, encoding="utf-8")
