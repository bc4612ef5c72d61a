"""The sessions of this project: the lanes that it gives to others, and its own care."""

import sys

import nox

import omni_release.sessions

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
    session.run(sys.executable, "-m", "mypy", "--platform", "win32", external=True)


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """What the claims about speed rest on: `nox -s bench -- start`."""
    name, *arguments = session.posargs or ["start"]
    session.run(sys.executable, f"bench/{name}.py", *arguments, external=True)
