"""Shared by the tests of installed releases: wheels of a few files, and environments that have them."""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import uv

from omni_release import distributions, environments
from tests.index import support


def wheel(
    folder: Path,
    files: Mapping[str, str],
    *,
    name: str = "acme",
    version: str = "1.0",
    requires: Sequence[str] = (),
    entry_points: str = "",
) -> Path:
    """A wheel of these files; its metadata has the extras that `requires` names."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    extras = sorted({name for line in requires for name in re.findall("extra == '(.*?)'", line)})
    lines = (*(f"Requires-Dist: {line}" for line in requires), *(f"Provides-Extra: {extra}" for extra in extras))
    more = {**files, **({f"{info}/entry_points.txt": entry_points} if entry_points else {})}
    stated = support.metadata(version, *lines, name=name)
    content = support.wheel_files(stated, info=info, more=more)
    del content["acme_sound.py"]
    del content[f"{info}/RECORD"]
    content[f"{info}/RECORD"] = support.record(content, f"{info}/RECORD")
    return support.zipped(folder / f"{module}-{version}-py3-none-any.whl", content)


def environment(folder: Path, *wheels: Path) -> Path:
    """A virtual environment with these wheels, unpacked."""
    if not folder.exists():
        argv = [uv.find_uv_bin(), "venv", "--quiet", "--no-project", "--no-config", "--python", sys.executable]
        subprocess.run([*argv, str(folder)], check=True, env=dict(os.environ))
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(environments.site_packages(folder))
    return folder


@contextlib.contextmanager
def index(folder: Path, *files: Path) -> Iterator[str]:
    """The address of a simple index as plain files, with these distributions."""
    for file in files:
        page = folder / "simple" / distributions.name_and_version(file.name)[0]
        page.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, page)
        links = "".join(f'<a href="{path.name}">{path.name}</a>\n' for path in page.glob("*-*"))
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>\n{links}</body></html>", encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, *given: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()
