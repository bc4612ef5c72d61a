"""The rest of the day: a green rehearsal, and a release that does what had gone wrong by hand."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

from omni_release.environments.installer_config import default_index
from omni_release.local_index import Account
from omni_release.local_index.server import IndexSetup, LocalIndex
from tests.conftest import Ran
from tests.demo.checkout import INDEX, Checkout
from tests.demo.day import NotStopped, Shown, lines_of, passes, stopped

OLD = ("acme_painter-1.0.11-py3-none-any.whl", "acme_painter-1.0.11.tar.gz")
USER, PASSWORD = "maintainer", "the-password-of-the-demo"
RELEASE = ("release", "--to", INDEX, "--yes")


def release(checkout: Checkout) -> tuple[dict[str, tuple[Shown, ...]], str, str]:
    """What is shown of the failures of a release, by key; what the rehearsal and the release print."""
    account = Account(USER, PASSWORD, "acme-painter")
    setup = IndexSetup(checkout.folder / "index", "acme-painter", account, default_index(os.environ))
    with LocalIndex(setup) as index:
        _configure(checkout, index.url)
        credentials = _credentials(checkout, index.url)
        rehearsal = passes(checkout, "rehearse")
        run = max(path.name for path in (checkout.root / ".omni-release" / "runs").iterdir())
        held, released = _with_a_program_that_runs(checkout, run)
    shown = {
        "dist": _old_artifacts(checkout, released),
        "pypirc": credentials,
        "pip": _without_pip(checkout, released),
        "held": held,
        "verified": (
            Shown(
                "works-with-uv",
                f"omni-release {' '.join(RELEASE)} -v",
                lines_of(checkout, released, r"\.whl: served", r"\.gz: served", "works-with-uv", "works-with-pip"),
                "Both installers install the release from the index, and the package is imported from there.",
            ),
        ),
        "rm": _without_a_shell(checkout),
    }
    return shown, checkout.normalized(rehearsal.out), checkout.normalized(released.out)


def _configure(checkout: Checkout, url: str) -> None:
    """Name the index and the local environment in the settings, and put the files of an old release into dist/."""
    settings = (
        f'[tool.omni-release.index.{INDEX}]\nupload = "{url}/legacy/"\nsimple = "{url}/simple/"\n\n'
        '[tool.omni-release.local]\nenvironment = ".venv"\n\n'
    )
    checkout.create_environment()
    for name in OLD:
        checkout.write(f"dist/{name}", "an old release\n")
    command = "[[tool.omni-release.command]]\n"
    checkout.replace("pyproject.toml", (command, f"{settings}{command}"))


def _credentials(checkout: Checkout, url: str) -> tuple[Shown, ...]:
    """The password is looked for before anything else, and read from .pypirc."""
    doctor = ("doctor", "--to", INDEX)
    shown = stopped(checkout, "credentials-present/credentials-missing", *doctor)
    section = f"[{INDEX}]\nrepository = {url}/legacy/\nusername = {USER}\npassword = {PASSWORD}\n"
    content = f"[distutils]\nindex-servers = {INDEX}\n\n{section}"
    (checkout.home / ".pypirc").write_text(content, encoding="utf-8")
    found = lines_of(checkout, passes(checkout, *doctor, "-v"), "credentials from the section").strip()
    return (replace(shown, fix=f"with that section in `~/.pypirc`: {found}"),)


def _with_a_program_that_runs(checkout: Checkout, run: str) -> tuple[tuple[Shown, ...], Ran]:
    """Release while a program runs from the local environment, then end it, and resume."""
    python = checkout.root / ".venv" / "bin" / "python"
    program = subprocess.Popen([python, "-c", "import time; time.sleep(3600)"])
    try:
        shown = stopped(checkout, "local-environment-unused", *RELEASE, "--run", run)
    finally:
        program.kill()
        program.wait()
    released = passes(checkout, *RELEASE, "--run", run, "-v")
    fix = lines_of(checkout, released, "upgrade-local", "RELEASED")
    resumed = f"the program is ended, and the run resumed: {'; '.join(line.strip() for line in fix.splitlines())}"
    return (replace(shown, fix=resumed),), released


def _old_artifacts(checkout: Checkout, released: Ran) -> tuple[Shown, ...]:
    """The index has the two files of this version, though dist/ has two others."""
    uploaded = {path.name for path in (checkout.folder / "index" / "files").iterdir() if path.suffix in (".whl", ".gz")}
    left = {path.name for path in (checkout.root / "dist").iterdir()}
    if len(uploaded) != 2 or uploaded & set(OLD) or left != set(OLD):
        raise NotStopped(f"the index has {uploaded}, dist/ has {left}")
    lines = lines_of(checkout, released, r"^  wheel ", r"^  sdist ")
    why = f"A run builds into a folder of its own. The index has exactly these files, although dist/ had {OLD[0]}."
    return (Shown("build", f"omni-release {' '.join(RELEASE)}", lines, why),)


def _without_pip(checkout: Checkout, released: Ran) -> tuple[Shown, ...]:
    """The local environment has no pip, and is upgraded all the same."""
    python = checkout.root / ".venv" / "bin" / "python"
    asked = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    if "No module named pip" not in asked.stderr:
        raise NotStopped(f"the environment has pip: {asked.stdout}")
    version = subprocess.run(
        [python, "-c", "import acme_painter; print(acme_painter.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = lines_of(checkout, released, r"upgrades it$", "upgrade-local")
    why = f"uv upgrades an environment without pip; its Python then imports version {version.stdout.strip()}."
    return (Shown("upgrade-local", f"omni-release {' '.join(RELEASE)} -v", lines, why),)


def _without_a_shell(checkout: Checkout) -> tuple[Shown, ...]:
    """dist/ is emptied although every `rm` fails."""
    lines = lines_of(checkout, passes(checkout, "clean", "--dry-run"), "would move")
    passes(checkout, "clean")
    if any((checkout.root / "dist").iterdir()) or checkout.calls_of_rm:
        raise NotStopped(f"`rm` was called {checkout.calls_of_rm} times, or dist/ is not empty")
    why = "The demo puts a failing `rm` on PATH; omni-release never calls it: files are moved in Python."
    return (Shown("clean", "omni-release clean --dry-run", lines, why),)
