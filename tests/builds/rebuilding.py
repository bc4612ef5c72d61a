"""Projects whose build can be made to differ, and runs that have built them, without an installer and an index."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from omni_release import git_queries, project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.builds import Build, CopySource, record
from omni_release.builds.rebuild import Rebuilding, Rebuilt
from omni_release.builds.record import Built
from omni_release.core.model import Release
from omni_release.core.performing import perform
from omni_release.core.runs import RunStore
from omni_release.core.world import World
from tests.conftest import git

# Deterministic by itself: `generate.py` of the project makes it differ. It can name the wheel, and what is required.
BACK_END = """
import base64, gzip, hashlib, io, os, pathlib, runpy, tarfile, zipfile

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "946684800"))
MADE_BY = "{made_by}"


def _generated():
    path = pathlib.Path("generate.py")
    return runpy.run_path(str(path)) if path.is_file() else {{}}


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def build_sdist(sdist_directory, config_settings=None):
    tree = pathlib.Path(".")
    files = sorted(str(p) for p in tree.rglob("*") if p.is_file() and ".git" not in p.parts)
    contents = {{name: pathlib.Path(name).read_bytes() for name in files}}
    contents["PKG-INFO"] = b"Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\n"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"acme-1.0/{{name}}")
            info.size, info.mtime = len(content), EPOCH
            tar.addfile(info, io.BytesIO(content))
    (pathlib.Path(sdist_directory) / "acme-1.0.tar.gz").write_bytes(gzip.compress(raw.getvalue(), mtime=EPOCH))
    return "acme-1.0.tar.gz"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    made = _generated()
    contents = {{"acme.py": b"", **{{k: v.encode() for k, v in made.get("FILES", {{}}).items()}}}}
    contents["acme_made.py"] = MADE_BY.encode()
    contents["acme-1.0.dist-info/METADATA"] = b"Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\n"
    tag = made.get("TAG", "py3-none-any")
    contents["acme-1.0.dist-info/WHEEL"] = f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {{tag}}\\n".encode()
    record = "".join(f"{{name}},sha256={{_digest(content)}},\\n" for name, content in contents.items())
    contents["acme-1.0.dist-info/RECORD"] = record.encode()
    name = f"acme-1.0-{{tag}}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in contents.items():
            info = zipfile.ZipInfo(file, made.get("TIME", (2000, 1, 1, 0, 0, 0)))
            info.external_attr = made.get("MODE", 0o100644) << 16
            archive.writestr(info, content)
    return name


def get_requires_for_build_wheel(config_settings=None):
    return _generated().get("REQUIRES", [])
"""
_OWN = '[build-system]\nrequires = []\nbuild-backend = "back_end"\nbackend-path = ["."]\n'
PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\n'


def repository(root: Path, generate: str = "", files: Mapping[str, str] | None = None, system: str = _OWN) -> Path:
    """A repository with one commit of a project, which brings its back end unless another `system` is given."""
    contents = {"pyproject.toml": system + PYPROJECT, "acme.py": "", "generate.py": generate, ".gitignore": "*.log\n"}
    contents |= {"back_end.py": BACK_END.format(made_by="own")} if system == _OWN else {}
    for name, text in (contents | dict(files or {})).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)
    return root


def back_end_wheel(folder: Path, version: str) -> None:
    """A distribution of the back end, whose wheels say which version has made them."""
    folder.mkdir(exist_ok=True)
    info = f"acme_back_end-{version}.dist-info"
    contents = {
        "back_end.py": BACK_END.format(made_by=version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: acme-back-end\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in contents)
    with zipfile.ZipFile(folder / f"acme_back_end-{version}-py3-none-any.whl", "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)


@dataclass(frozen=True)
class Shop:
    """Builds projects and rebuilds their runs, below `folder`."""

    folder: Path
    processes: LocalProcesses
    variables: Mapping[str, str]

    def built(self, root: Path) -> Built:
        """A run that has built the project at `root`, as a rehearsal does."""
        run = RunStore(root, LocalFiles()).new_run()
        index = Rehearsal(run.path / "index", "acme")
        world = World(self.processes, LocalFiles(), SystemClock(), index, run, self.variables)
        tree = git_queries.working_tree(root, self.processes)
        commit = git_queries.commit(root, self.processes)
        inside = tree.inside(root) if tree else PurePosixPath()
        release = Release(project.load(root), "1.0", "rehearsal", commit, run.path, run.work_dir(), inside)
        for step in (CopySource(), Build()):
            for action in step.actions(release, world):
                perform(action, world)
        return record.of_run(run)

    def rebuild(self, built: Built, source: Path | str, inside: str = "") -> Rebuilt:
        """The rebuild of a run, from a clone of `source`."""
        work = self.folder / "rebuild"
        work.mkdir()
        asked = Rebuilding(built, str(source), PurePosixPath(inside), work, self.processes, self.variables)
        return asked.run()


@contextmanager
def shop(folder: Path, **variables: str) -> Iterator[Shop]:
    """A shop with these variables besides those of every program; nothing is asked of an index."""
    processes = LocalProcesses(str)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    yield Shop(folder, processes, kept | {"UV_NO_INDEX": "1"} | variables)
    processes.close()


def with_environment(built: Built, **changes: object) -> Built:
    """The same run with another environment of its build."""
    assert built.environment is not None
    return replace(built, environment=replace(built.environment, **changes))  # type: ignore[arg-type]  # its fields
