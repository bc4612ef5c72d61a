"""The nox sessions of this project: the lanes of omni-release, and its own development tasks."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nox

import omni_release.sessions
from omni_release import lane_names
from omni_release.cli import command_reference, explain
from omni_release.core import settings_reference, vendors
from omni_release.models import registry

# `tests` is a lane elsewhere (here: `omni-release tests`); in this project it runs the whole suite on each Python.
omni_release.sessions.register(*(name for name in omni_release.sessions.SESSIONS if name != "tests"))

nox.options.error_on_external_run = True
nox.options.default_venv_backend = "uv|virtualenv"


SUPPORTED = ["3.11", "3.12", "3.13", "3.14"]


def pythons() -> list[str]:
    """The supported versions of Python that are installed, the oldest first; on GitHub all of them."""
    if shutil.which("pyenv"):  # its shims run only what is chosen: choose all, the one in use first
        listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
        running = ".".join(map(str, sys.version_info[:3]))
        found = [name for name in listed.stdout.split() if name.startswith("3.")]
        os.environ["PYENV_VERSION"] = ":".join(sorted(found, key=lambda name: name != running))
    if "GITHUB_ACTIONS" in os.environ:  # there each version is a job, which installs it
        return SUPPORTED
    return [version for version in SUPPORTED if shutil.which(f"python{version}")]


PYTHONS = pythons()


@nox.session(python=PYTHONS, default=False, tags=["ci", "windows", "macos"])
def tests(session: nox.Session) -> None:
    """Run the whole suite on each installed Python; arguments go to pytest."""
    session.install("-e", ".[test]")
    starts = {"OMNI_RELEASE_FORKS": "0"}  # each command line is a new process, as users have it
    session.run("python", "-m", "pytest", "-q", "-n", "3", *session.posargs, env=starts)


@nox.session(python=PYTHONS[-1:], default=False)
def newest(session: nox.Session) -> None:
    """Run on the newest installed Python the tests that can differ by its version, and one whole rehearsal.

    They have the mark `python`: they are about source code, archives and metadata, or start Python. The session `tests`
    runs all, on each version.
    """
    session.install("-e", ".[test]")
    own = ("-m", "python and not long and not rehearsal")
    session.run("python", "-m", "pytest", "-q", "-n", "3", *own, *session.posargs)
    session.run("python", "-m", "pytest", "-q", "tests/test_rehearse.py::test_sound_project")


@nox.session(venv_backend="none", default=False, tags=["ci"])
def lint(session: nox.Session) -> None:
    """Check style and import contracts: ruff, import-linter."""
    session.run(sys.executable, "-m", "ruff", "check", ".", external=True)
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".", external=True)
    session.run(Path(sys.executable).with_name("lint-imports"), external=True)


@nox.session(venv_backend="none", default=False, tags=["ci"])
def types(session: nox.Session) -> None:
    """Check types with strict mypy, for this platform and for Windows."""
    windows = subprocess.Popen(  # at the same time, with a cache of its own: neither can use the other's
        [sys.executable, "-m", "mypy", "--platform", "win32", "--cache-dir", ".mypy_cache/win32", "src"]
    )
    try:
        session.run(sys.executable, "-m", "mypy", external=True)
    finally:
        code = windows.wait()
    if code:
        session.error("mypy found errors for Windows")


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """Run one measurement of speed: `nox -s bench -- start`."""
    name, *arguments = session.posargs or ["start"]
    session.run(sys.executable, f"bench/{name}.py", *arguments, external=True)


@nox.session(venv_backend="none", default=False, tags=["nightly"])
def fuzz(session: nox.Session) -> None:
    """Read 10,000 mutated files of each kind that states a version: no traceback, no changed file."""
    tests = ["tests/versions/test_properties.py", "-k", "fuzz", "-n", "3", "-q"]
    many = {"OMNI_RELEASE_FUZZ": "10000"}
    session.run(sys.executable, "-m", "pytest", *tests, *session.posargs, env=many, external=True)


@nox.session(venv_backend="none", default=False, tags=["nightly"])
def kill(session: nox.Session) -> None:
    """Kill a release at 300 and more points, and one of three packages at 60, and resume it each time."""
    files, many = ["tests/publishing/test_kill.py", "tests/run/test_workspace_kill.py"], {"OMNI_RELEASE_KILLS": "300"}
    options = ["-q", "-m", "long or not long", "-o", "timeout=7200"]
    session.run(sys.executable, "-m", "pytest", *files, *options, *session.posargs, env=many, external=True)


@nox.session(venv_backend="none", default=False, tags=["nightly"])
def faults(session: nox.Session) -> None:
    """Release to a failing index: each fault, all pairs, 1,000 random scripts; 50 of them with real programs."""
    tests = ["tests/publishing/test_faults.py", "-q", "-s"]
    many = {"OMNI_RELEASE_FAULTS": "1240", "OMNI_RELEASE_REAL_FAULTS": "50"}
    session.run(sys.executable, "-m", "pytest", *tests, *session.posargs, env=many, external=True)


@nox.session(venv_backend="none", default=False, tags=["nightly"])
def long(session: nox.Session) -> None:
    """Run the tests that take a minute or more each."""
    session.run(sys.executable, "-m", "pytest", "-q", "-n", "3", "-m", "long", *session.posargs, external=True)


@nox.session(default=False)
def compatibility(session: nox.Session) -> None:
    """Rehearse the listed packages of the index, or those that are named; options go to tests/compatibility."""
    session.install("-e", ".[all]", "pip")
    sdists = session.cache_dir / "sdists"
    session.run("python", "-m", "tests.compatibility", "--sdists", str(sdists.resolve()), *session.posargs)


@nox.session(venv_backend="none", default=False)
def pictures(session: nox.Session) -> None:
    """Draw the pictures of the README from real runs."""
    session.run(sys.executable, "-m", "tests.pictures", *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def demo(session: nox.Session) -> None:
    """Replay a release day on which fourteen things went wrong, and write docs/retrospective.md."""
    session.run(sys.executable, "-m", "tests.demo", *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def messages(session: nox.Session) -> None:
    """Run the suite, and write each message that it provokes into one page, to read as a user does."""
    lines, page = (session.cache_dir.resolve() / name for name in ("messages.jsonl", "messages.md"))
    lines.unlink(missing_ok=True)
    collected = {"OMNI_RELEASE_MESSAGES": str(lines)}
    suite = ("-p", "tests.messages", "-q", "-n", "2", "-m", "not long", *session.posargs)
    session.run(sys.executable, "-m", "pytest", *suite, env=collected, external=True, success_codes=range(2))
    written = session.run(sys.executable, "-m", "tests.messages", str(lines), silent=True, external=True)
    page.write_text(str(written), encoding="utf-8")
    session.log(str(page))


@nox.session(venv_backend="none", default=False)
def docs(session: nox.Session) -> None:
    """Write the pages that are generated from the code; with `-- serve` or `-- build`, make the site of all pages."""
    page = explain.page(lane_names.every())
    Path("docs/checks.md").write_text(page, encoding="utf-8", newline="\n")
    Path("docs/commands.md").write_text(command_reference.page(), encoding="utf-8", newline="\n")
    write_between("docs/how-it-works.md", "rooms", drawing_of_rooms())
    write_between("docs/settings.md", "settings", f"```toml\n{settings_reference.example()}```\n")
    write_between("docs/models.md", "platforms", registry.overview())
    write_between("docs/smoke.md", "vendors", vendors.overview())
    schema = json.dumps(settings_reference.json_schema(), indent=2, ensure_ascii=False) + "\n"
    Path("docs/settings.schema.json").write_text(schema, encoding="utf-8", newline="\n")
    session.log(
        "docs/: checks.md, commands.md, how-it-works.md, models.md, settings.md, settings.schema.json, smoke.md"
    )
    if session.posargs:
        make_site(session, *session.posargs)


@nox.session(venv_backend="none", default=False, tags=["ci"])
def site(session: nox.Session) -> None:
    """Build the site of the docs: a link to a page, a file or an anchor that does not exist is an error."""
    make_site(session, "build")


def make_site(session: nox.Session, command: str, *options: str) -> None:
    """Run Zensical, in an environment of its own: mkdocs.yml says why this program."""
    strict = ["--strict"] if command == "build" else []
    zensical = [sys.executable, "-m", "uv", "tool", "run", "zensical@0.0.73", command, *strict, *options]
    session.run(*zensical, external=True)


def write_between(page: str, name: str, text: str) -> None:
    """Replace what is between the marks of this name in a page."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    path = Path(page)
    before, _, rest = path.read_text(encoding="utf-8").partition(start)
    path.write_text(f"{before}{start}{text}{end}{rest.partition(end)[2]}", encoding="utf-8", newline="\n")


def drawing_of_rooms() -> str:
    """The layers of the import contract as a Mermaid flowchart, the highest first."""
    contracts = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    lines = ["```mermaid", "flowchart TB"]
    for number, layer in enumerate(layers):
        rooms = [name.strip() for name in layer.split("|")]
        lines += [f'  subgraph layer{number}[" "]', "    direction LR", *(f"    {name}" for name in rooms), "  end"]
    lines += [f"  layer{number} --> layer{number + 1}" for number in range(len(layers) - 1)]
    return "\n".join((*lines, "```\n"))
