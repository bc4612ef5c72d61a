"""The program that builds, with a build back end in the source tree: what it says where a build fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# The back end packs the files that `packed.txt` lists into the sdist, and runs `wheel.py` to build the wheel.
BACK_END = """
import os, pathlib, runpy, subprocess, sys, tarfile, zipfile

def build_sdist(sdist_directory, config_settings=None):
    name = "acme-1.0.tar.gz"
    with tarfile.open(os.path.join(sdist_directory, name), "w:gz") as archive:
        for file in pathlib.Path("packed.txt").read_text().split():
            archive.add(file, f"acme-1.0/{file}")
    return name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = pathlib.Path("wheel.txt").read_text().strip()
    runpy.run_path("wheel.py")
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as archive:
        archive.writestr("acme.py", "")
    return name
"""
PACKED = "back_end.py packed.txt pyproject.toml wheel.py wheel.txt"
PYPROJECT = """
[build-system]
requires = []
build-backend = "back_end"
backend-path = ["."]
"""


def build(
    folder: Path,
    script: str,
    wheel: str = "acme-1.0-py3-none-any.whl",
    which: str = "first",
    packed: str = PACKED,
    back_end: str = ".",
) -> tuple[int, str]:
    """The exit code, and the reason that the program gives. `back_end` is the folder of the back end."""
    source = folder / "source"
    pyproject = PYPROJECT.replace('"."', f'"{back_end}"')
    files = {"back_end.py": BACK_END, "packed.txt": packed, "pyproject.toml": pyproject, "wheel.py": script}
    files |= {
        "wheel.txt": wheel,
        "lib/fonts/a.ttf": "",
        "helpers.py": "",
        "VERSION": "1.0",
        "requirements/base.txt": "",
    }
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(content, encoding="utf-8")
    reason = folder / "reason.txt"
    arguments = (source, folder / "environment", folder / "run" / "dist", folder / "run" / "local-wheel", reason)
    (folder / "run").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, "-m", "omni_release.scripts.build", which, *map(str, arguments), "SECRET"],
        cwd=folder,
        env={**os.environ, "SECRET": "not for the back end"},
        check=False,
        timeout=120,
    )
    return ended.returncode, reason.read_text(encoding="utf-8") if reason.is_file() else ""


FAILURES = [
    (
        "import pathlib; pathlib.Path('lib/fonts/a.ttf').read_bytes()",
        "FileNotFoundError: [Errno 2] No such file or directory: 'lib/fonts/a.ttf'",
        "lib",
    ),
    (
        "import sys; sys.path.insert(0, '.'); import helpers",
        "ModuleNotFoundError: No module named 'helpers'",
        "helpers.py",
    ),
    (
        "import pathlib; print(pathlib.Path('VERSION').resolve().read_text())",
        "FileNotFoundError: [Errno 2] No such file or directory: 'VERSION'",
        "VERSION",
    ),
    (
        "print('acme.c:1: fatal error: acme.h: No such file'); print('see the log'); raise SystemExit(1)",
        "acme.c:1: fatal error: acme.h: No such file",
        "",
    ),
    ("raise SystemExit('the compiler is too old')", "the compiler is too old", ""),
    ("print('SomeWarning: old'); print('error: none'); raise KeyError('name')", "KeyError: 'name'", ""),
    ("print('UserWarning: helpers.py is old', flush=True); raise SystemExit('no compiler')", "no compiler", ""),
]
FIX = "→ Include {} in the sdist: it is in the checkout, and the wheel is built from the sdist."


@pytest.mark.parametrize(("script", "cause", "lacking"), FAILURES)
def test_failure(script: str, cause: str, lacking: str, tmp_path: Path) -> None:
    """The first line has the hook and the back end's own words; what the sdist lacks follows."""
    code, reason = build(tmp_path, script)
    first, *rest = reason.splitlines()
    assert (code, first) == (1, f"build_wheel of the build back end failed: {cause}")
    assert rest[0] == "This was the wheel built from the sdist."
    assert [line for line in rest if line.startswith("→")] == ([FIX.format(lacking)] if lacking else [])
    assert any(cause in line for line in rest)


@pytest.mark.parametrize(
    ("packed", "module", "said", "lacking"),
    [
        (
            "own/readme.txt",
            "",
            "Backend 'back_end' is not available: Cannot find module 'back_end' in",
            "own/back_end.py",
        ),
        ("packed.txt", "", "`backend-path` entry 'own' does not exist or is not a directory", "own"),
        ("own/back_end.py", "own/inner.py", "ModuleNotFoundError: No module named 'inner'", "own/inner.py"),
        ("own/back_end.py", "", "FileNotFoundError: [Errno 2] No such file or directory: 'wheel.txt'", "wheel.txt"),
    ],
)
def test_back_end_that_the_sdist_lacks(packed: str, module: str, said: str, lacking: str, tmp_path: Path) -> None:
    """It is named with what to do, and none of what the first hook has printed is quoted."""
    source = tmp_path / "source"
    imports = "import inner\n" if module else ""
    files = {"own/back_end.py": f"{imports}print('UserWarning: the license is old')\n{BACK_END}", "own/readme.txt": ""}
    for name, content in (files | ({module: ""} if module else {})).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(content, encoding="utf-8")
    code, reason = build(tmp_path, "", packed=f"pyproject.toml {packed}", back_end="own")
    assert (code, said in reason.splitlines()[0]) == (1, True), reason
    assert FIX.format(lacking) in reason.splitlines()
    assert "license" not in reason


@pytest.mark.parametrize(
    ("wheel", "local"),
    [
        ("acme-1.0-py3-none-any.whl", False),
        ("acme-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", False),
        ("acme-1.0-cp311-cp311-macosx_14_0_arm64.whl", False),
        ("acme-1.0-cp311-cp311-win_amd64.whl", False),
        ("acme-1.0-cp311-cp311-linux_x86_64.whl", True),
        ("acme-1.0-cp311-abi3-linux_aarch64.whl", True),
        ("acme-1.0-cp311-cp311-freebsd_14_amd64.whl", True),
    ],
)
def test_wheel_that_no_index_takes(wheel: str, local: bool, tmp_path: Path) -> None:
    """A wheel for this machine alone is kept apart from what is uploaded."""
    assert build(tmp_path, "", wheel) == (0, "")
    folder = tmp_path / "run"
    assert (folder / ("local-wheel" if local else "dist") / wheel).is_file()
    assert (folder / "local-wheel").exists() is local
    assert (folder / "dist" / "acme-1.0.tar.gz").is_file()


def test_variables_of_the_installer(tmp_path: Path) -> None:
    """The back end does not get what is for the installer alone, and its left-over programs do not stop the build."""
    script = (
        "import os, subprocess, sys\n"
        "assert 'SECRET' not in os.environ\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])\n"
    )
    assert build(tmp_path, script) == (0, "")


# What it writes depends on `varies.txt` alone, if that does not say to vary; each wheel is counted.
STEADY = """
import os, pathlib, tarfile, zipfile

def varying(kind):
    return os.urandom(8).hex() if kind in pathlib.Path("varies.txt").read_text() else ""

def build_sdist(sdist_directory, config_settings=None):
    pathlib.Path("stamp.txt").write_text(varying("sdist"))
    os.utime("stamp.txt", (1, 1))
    with tarfile.open(os.path.join(sdist_directory, "acme-1.0.tar.gz"), "w") as archive:
        for file in ("back_end.py", "pyproject.toml", "varies.txt", "stamp.txt"):
            archive.add(file, f"acme-1.0/{file}")
    return "acme-1.0.tar.gz"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.environ["COUNT"], "a") as file:
        file.write("x")
    with zipfile.ZipFile(os.path.join(wheel_directory, "acme-1.0-py3-none-any.whl"), "w") as archive:
        archive.writestr(zipfile.ZipInfo("acme.py"), varying("wheel"))
    return "acme-1.0-py3-none-any.whl"
"""


@pytest.mark.parametrize(("varies", "wheels"), [("nothing", 2), ("wheel", 3), ("sdist", 3), ("sdist and wheel", 3)])
def test_second_build(varies: str, wheels: int, tmp_path: Path) -> None:
    """The wheel is built from the sdist a second time, unless the builds before show what its bytes are."""
    source, run, count = tmp_path / "source", tmp_path / "run", tmp_path / "count.txt"
    source.mkdir()
    for name, text in {"back_end.py": STEADY, "pyproject.toml": PYPROJECT, "varies.txt": varies}.items():
        (source / name).write_text(text, encoding="utf-8")
    copy = shutil.copytree(source, tmp_path / "again")  # as a run does, with the times of the files
    dist, rebuilt = run / "dist", run / "rebuilt"
    for which, tree, target, other in (("first", source, dist, run / "local"), ("again", copy, rebuilt, dist)):
        arguments = map(str, (which, tree, tmp_path / "environment", target, other, tmp_path / "reason.txt"))
        argv = [sys.executable, "-m", "omni_release.scripts.build", *arguments]
        subprocess.run(argv, cwd=tmp_path, env={**os.environ, "COUNT": str(count)}, check=True, timeout=120)
    assert count.read_text() == "x" * wheels
    wheel, sdist = "acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz"
    assert (rebuilt / "checkout" / wheel).is_file()
    same = {name: (dist / name).read_bytes() == (rebuilt / "again" / name).read_bytes() for name in (wheel, sdist)}
    assert same == {wheel: "wheel" not in varies, sdist: "sdist" not in varies}
