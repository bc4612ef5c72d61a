"""Withdrawing a release: an index that a person yanks it on, a stand-in for gh, and a real repository."""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from omni_release.core.model import Target
from omni_release.core.world import IndexFile
from omni_release.index import PYPI_SIMPLE
from omni_release.publishing.recall import OnIndex
from tests.conftest import Ran, child_environment, git, omni

NAMES = ("acme-1.2.3.tar.gz", "acme-1.2.3-py3-none-any.whl")
REASON = "sign() loses data"
GH = """\
import json, pathlib, sys
kept = pathlib.Path(__file__).with_name("kept.json")
view = json.loads(kept.read_text())
_, verb, tag, *rest = sys.argv[1:]
assert tag == "v1.2.3" and rest[rest.index("--repo") + 1] == "github.example/acme/acme"
if verb == "view":
    print(json.dumps(view))
else:
    assert verb == "edit"
    view["name"] = rest[rest.index("--title") + 1]
    view["body"] = pathlib.Path(rest[rest.index("--notes-file") + 1]).read_text()
    view["edits"] += 1
    kept.write_text(json.dumps(view))
"""
CHANGELOG = """\
# Changelog

## Unreleased

### Fixed

- A typo.

## 1.2.3 - 2026-11-20

- Signing.
"""


@dataclass
class Index:
    """An index that lists the files of 1.2.3, yanked or not; it is down if `status` is another one than 200."""

    yanked: bool | str = False
    status: int = 200
    port: int = field(default=0)

    def page(self) -> bytes:
        """The project's page (PEP 691)."""
        files: list[dict[str, Any]] = [
            {
                "filename": name,
                "url": f"/{name}",
                "hashes": {},
                "yanked": self.yanked,
                "upload-time": "2026-11-20T10:11:00Z",
            }
            for name in (*NAMES, "acme-1.2.2.tar.gz")
        ]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": "acme", "files": files}).encode()


@pytest.fixture
def index() -> Iterator[Index]:
    """A running index."""
    found = Index()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.page()
            self.send_response(found.status)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()


class Repository:
    """A checkout of acme at 1.2.3, with its tag, a release on GitHub, and an index."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.root, self.bin = folder / "acme", folder / "bin"
        self.root.mkdir()
        self.bin.mkdir()
        url = f"http://127.0.0.1:{index.port}"
        settings = f'[tool.omni-release.index.mine]\nupload = "{url}/legacy/"\nsimple = "{url}/simple/"\n'
        settings += '[[tool.omni-release.downstream]]\nname = "acme-web"\n'
        self.write("pyproject.toml", f'[project]\nname = "acme"\nversion = "1.2.3"\n{settings}')
        self.write("CHANGELOG.md", CHANGELOG)
        (self.bin / "gh").write_text(f"#!{sys.executable}\n{GH}", encoding="utf-8")
        (self.bin / "gh").chmod(0o755)
        view = {"url": "https://github.example/r", "name": "v1.2.3", "body": "Signing.", "edits": 0}
        (self.bin / "kept.json").write_text(json.dumps(view), encoding="utf-8")
        for command in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "--all"),
            ("commit", "--quiet", "--message=start"),
        ):
            git(*command, cwd=self.root)
        git("config", "user.name", "Someone", cwd=self.root)
        git("config", "user.email", "someone@example.invalid", cwd=self.root)
        git("tag", "v1.2.3", cwd=self.root)
        git("remote", "add", "origin", "git@github.example:acme/acme.git", cwd=self.root)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.root / name).write_text(text, encoding="utf-8")

    def recall(self, *options: str) -> Ran:
        """Withdraw 1.2.3."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        environment = child_environment(PATH=path, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
        arguments = ("recall", "1.2.3", "--to", "mine", "--reason", REASON, *options)
        return omni(*arguments, cwd=self.root, environment=environment)

    @property
    def on_github(self) -> dict[str, Any]:
        """The release on GitHub."""
        view: dict[str, Any] = json.loads((self.bin / "kept.json").read_text(encoding="utf-8"))
        return view


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a shebang")
def test_recall(tmp_path: Path, index: Index) -> None:
    """All is shown first; then GitHub is marked and the next version prepared, each once; the yank is for a person."""
    repository = Repository(tmp_path, index)
    head, tag = (git("rev-parse", name, cwd=repository.root) for name in ("HEAD", "v1.2.3"))
    planned = repository.recall("--dry-run")
    assert planned.code == 0, planned.err
    for part in (
        *NAMES,
        "uploaded 2026-11-20 10:11 UTC",
        "Who has it is unknown",
        "Known to require acme, by the settings: acme-web.",
        "1. Yank 1.2.3",
        "release edit v1.2.3",
    ):
        assert part in planned.out
    assert "+## 1.2.4" in planned.out and f"+- 1.2.3 is withdrawn: {REASON}" in planned.out
    assert (repository.on_github["edits"], git("rev-parse", "HEAD", cwd=repository.root)) == (0, head)
    assert repository.recall("--yes").code == 4
    assert repository.on_github["name"] == "v1.2.3 (withdrawn)"
    assert repository.on_github["body"] == f"**1.2.3 is withdrawn**: {REASON}\n\nSigning.\n"
    changelog = (repository.root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert (
        changelog.index("## 1.2.4")
        < changelog.index(REASON)
        < changelog.index("### Fixed")
        < changelog.index("## 1.2.3")
    )
    index.yanked = f"\x1b[31m{REASON}\n"
    again = repository.recall("--yes")
    assert (again.code, repository.on_github["edits"]) == (0, 1), again.err
    for part in (
        f"yanked: [31m{REASON}\n",
        "done: installers skip it",
        "is marked as withdrawn",
        "states 1.2.4, which is prepared",
    ):
        assert part in again.out
    assert git("rev-parse", "v1.2.3", cwd=repository.root) == tag
    assert git("rev-parse", "HEAD~1", cwd=repository.root) == head


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a shebang")
def test_index_is_down(tmp_path: Path, index: Index) -> None:
    """An index that does not answer is inconclusive, and the rest is done."""
    repository, index.status = Repository(tmp_path, index), 503
    ran = repository.recall("--yes")
    assert (ran.code, repository.on_github["edits"]) == (3, 1)
    assert "does not list its files" in ran.out
    assert 'version = "1.2.4"' in (repository.root / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a shebang")
def test_refusals(tmp_path: Path, index: Index) -> None:
    """What GitHub refuses, and a checkout with changes, are said: the rest goes on, and a person has to act."""
    repository, index.yanked = Repository(tmp_path, index), REASON
    gh = repository.bin / "gh"
    refusing = GH.replace('    assert verb == "edit"\n', '    sys.exit("HTTP 403: Resource not accessible")\n')
    gh.write_text(f"#!{sys.executable}\n{refusing}", encoding="utf-8")
    repository.write("pyproject.toml", (repository.root / "pyproject.toml").read_text(encoding="utf-8") + "# changed\n")
    ran = repository.recall("--yes")
    assert ran.code == 4, ran.err
    assert "HTTP 403: Resource not accessible" in ran.out
    assert "is not prepared:" in ran.out and "it stays" in ran.out


def test_steps_on_pypi() -> None:
    """On PyPI the page and what to type are named; nothing is left to do for files that are yanked."""
    from omni_release.index.targets import destination

    target = destination("pypi", {}, {"HOME": os.devnull}).target
    files = [IndexFile(name, None, "") for name in (*NAMES, "acme-1.2.2.tar.gz", "readme.exe")]
    found = OnIndex.of(target, "acme", "1.2.3", files)
    assert [file.name for file in found.files] == list(NAMES)
    assert found.steps(REASON) == [
        f"Open {PYPI_SIMPLE.removesuffix('simple/')}manage/project/acme/releases/ and log in (PyPI has no API for it).",
        "At 1.2.3: Options, then Yank.",
        f"Reason, which installers show: {REASON}",
        "Type 1.2.3 and confirm.",
    ]
    yanked = OnIndex.of(target, "acme", "1.2.3", [IndexFile(name, None, "", None, "") for name in NAMES])
    assert yanked.is_yanked and yanked.steps(REASON) == []
    assert OnIndex.of(Target("mine"), "acme", "9", files).lines() == ["mine has no file of acme 9"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("1.x", "--reason", "r", "--yes"), "'1.x' is not a version"),
        (("1.2.3", "--reason", " ", "--yes"), "the reason is empty"),
        (("1.2.3", "--reason", "r"), "stdin is not a terminal"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    """A call that says too little is refused before anything is asked."""
    ran = omni("recall", *arguments, cwd=tmp_path)
    assert (ran.code, says in ran.err) == (2, True), ran.err
