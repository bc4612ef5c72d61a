"""The sessions of this project: the lanes that it gives to others, and its own care."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nox

import omni_release.sessions
from omni_release import lanes
from omni_release.cli import explain

# `tests` is a lane elsewhere (here: `omni-release tests`); in this project it runs the whole suite on each Python.
omni_release.sessions.register(*(name for name in omni_release.sessions.SESSIONS if name != "tests"))

nox.options.error_on_external_run = True
nox.options.default_venv_backend = "uv|virtualenv"


def pythons() -> list[str]:
    """The versions of Python that the suite supports and that are on this machine, the oldest first."""
    if shutil.which("pyenv"):  # its shims run only what is chosen: choose all, the one in use first
        listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
        running = ".".join(map(str, sys.version_info[:3]))
        found = [name for name in listed.stdout.split() if name.startswith("3.")]
        os.environ["PYENV_VERSION"] = ":".join(sorted(found, key=lambda name: name != running))
    versions = [f"3.{minor}" for minor in (11, 12, 13)]
    return [version for version in versions if shutil.which(f"python{version}")]


PYTHONS = pythons()


@nox.session(python=PYTHONS, default=False)
def tests(session: nox.Session) -> None:
    """The whole suite, on each Python that is found; arguments go to pytest."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", "-n", "2", *session.posargs)


@nox.session(python=PYTHONS[-1:], default=False)
def newest(session: nox.Session) -> None:
    """The suite without whole lanes, on the newest Python that is found."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", "-n", "2", "-m", "not long and not rehearsal", *session.posargs)


@nox.session(venv_backend="none", default=False)
def lint(session: nox.Session) -> None:
    """Ruff over all of it, and the import contracts."""
    session.run(sys.executable, "-m", "ruff", "check", ".", external=True)
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".", external=True)
    session.run(Path(sys.executable).with_name("lint-imports"), external=True)


@nox.session(venv_backend="none", default=False)
def types(session: nox.Session) -> None:
    """Mypy, strict, as on this machine and as on Windows."""
    session.run(sys.executable, "-m", "mypy", external=True)
    session.run(sys.executable, "-m", "mypy", "--platform", "win32", "src", external=True)


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """What the claims about speed rest on: `nox -s bench -- start`."""
    name, *arguments = session.posargs or ["start"]
    session.run(sys.executable, f"bench/{name}.py", *arguments, external=True)


@nox.session(venv_backend="none", default=False)
def fuzz(session: nox.Session) -> None:
    """10,000 mutated files of each kind that holds a version: never a traceback, never a changed file."""
    tests = ["tests/versions/test_properties.py", "-k", "fuzz", "-n", "2", "-q"]
    many = {"OMNI_RELEASE_FUZZ": "10000"}
    session.run(sys.executable, "-m", "pytest", *tests, *session.posargs, env=many, external=True)


@nox.session(venv_backend="none", default=False)
def kill(session: nox.Session) -> None:
    """A release that is killed 300 times and more, wherever it touches the world, and picked up each time."""
    tests, many = ["tests/publishing/test_kill.py", "-q", "-m", "long or not long"], {"OMNI_RELEASE_KILLS": "300"}
    session.run(sys.executable, "-m", "pytest", *tests, *session.posargs, env=many, external=True)


@nox.session(venv_backend="none", default=False)
def faults(session: nox.Session) -> None:
    """A release to an index that goes wrong: every case, all pairs, 1,000 random scripts; 50 with real programs."""
    tests = ["tests/publishing/test_faults.py", "-q", "-s"]
    many = {"OMNI_RELEASE_FAULTS": "1240", "OMNI_RELEASE_REAL_FAULTS": "50"}
    session.run(sys.executable, "-m", "pytest", *tests, *session.posargs, env=many, external=True)


@nox.session(venv_backend="none", default=False)
def long(session: nox.Session) -> None:
    """The tests that take a minute and more, each by itself."""
    session.run(sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "long", *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def docs(session: nox.Session) -> None:
    """Write the pages that are generated from the code."""
    page = explain.page(lanes.every())
    Path("docs/checks.md").write_text(page, encoding="utf-8", newline="\n")
    rooms = Path("docs/how-it-works.md")
    start, end = "<!-- rooms -->\n", "<!-- /rooms -->"
    before, _, rest = rooms.read_text(encoding="utf-8").partition(start)
    drawing = f"{before}{start}{drawing_of_rooms()}{end}{rest.partition(end)[2]}"
    rooms.write_text(drawing, encoding="utf-8", newline="\n")
    session.log("docs/checks.md, docs/how-it-works.md")


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
