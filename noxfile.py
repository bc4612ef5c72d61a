"""The sessions of this project: the lanes that it gives to others, and its own care."""

import sys
from pathlib import Path

import nox

import omni_release.sessions
from omni_release import lanes
from omni_release.report import catalogue

omni_release.sessions.register()

nox.options.error_on_external_run = True


@nox.session(venv_backend="none", default=False)
def lint(session: nox.Session) -> None:
    """Ruff, over all of it."""
    session.run(sys.executable, "-m", "ruff", "check", ".", external=True)
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".", external=True)


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
    page = catalogue.page(lanes.every())
    Path("docs/checks.md").write_text(page, encoding="utf-8", newline="\n")
    session.log("docs/checks.md")
