"""Tags of wheels with native code, as auditwheel and abi3audit judge them."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

import pytest

from omni_release.core.actions import Run
from omni_release.core.errors import NotApplicable, ToolUnavailable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.settings import Settings
from omni_release.core.world import Completed, World
from omni_release.distributions import tag_checks

X86 = "x86_64.whl"


def audited(name: str, printed: object, tmp_path: Path) -> list[Finding]:
    """The findings about a wheel of this name, where its tool prints this."""

    def run(command: Run) -> Completed:
        assert command.log is not None
        command.log.write_text(printed if isinstance(printed, str) else f"note: {json.dumps(printed)}\n")
        return Completed(1, (), 0.1)

    (tmp_path / "dist").mkdir()
    zipfile.ZipFile(tmp_path / "dist" / name, "w").close()
    project = Project(tmp_path, "acme", (), Settings(), {})
    release = Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path, PurePosixPath())
    (tmp_path / "logs").mkdir()
    world = cast(World, SimpleNamespace(processes=SimpleNamespace(run=run), environment={}))
    return list(tag_checks.wheel_tags(release, world))


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both tools are installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("tags", "needed", "wrong"),
    [
        (f"cp311-manylinux_2_17_{X86}", "manylinux_2_17_x86_64", ""),
        (f"cp311-manylinux2014_x86_64.manylinux_2_17_{X86}", "manylinux_2_17_x86_64", ""),
        (f"cp311-manylinux_2_28_{X86}", "manylinux_2_17_x86_64", ""),
        (f"cp311-manylinux1_{X86}", "manylinux_2_17_x86_64", "manylinux1_x86_64"),
        (f"cp311-manylinux2014_x86_64.manylinux_2_28_{X86}", "manylinux_2_28_x86_64", "manylinux2014_x86_64"),
        (f"cp311-manylinux_2_28_{X86}", "linux_x86_64", "manylinux_2_28_x86_64"),
        (f"cp311-musllinux_1_1_{X86}", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64"),
        (f"cp311-musllinux_1_2_{X86}", "musllinux_1_1_x86_64", ""),
    ],
)
def test_platform_tags(tags: str, needed: str, wrong: str, tmp_path: Path) -> None:
    """A tag that promises an older system than the code needs is an error; a newer one is not."""
    found = audited(f"acme-1.0-cp311-{tags}", {"overall_tag": needed, "versioned_symbols": {"libc.so.6": []}}, tmp_path)
    assert [finding.rule for finding in found] == (["platform-tag"] if wrong else [])
    assert all(f"is tagged {wrong}, but its code needs {needed} (symbols of libc.so.6)" in f.message for f in found)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("private", "newer", "count"), [([], {}, 0), (["PyUnicode_New"], {}, 1), ([], {"PyX_New": "3.13"}, 1)]
)
def test_stable_abi(private: list[str], newer: dict[str, str], count: int, tmp_path: Path) -> None:
    """A symbol outside of the stable ABI, or of a later Python, is an error."""
    result = {"baseline": "3.9", "non_abi3_symbols": private, "future_abi3_objects": newer}
    report = {"specs": {"acme": {"kind": "wheel", "wheel": [{"name": "_x.abi3.so", "result": result}]}}}
    found = audited("acme-1.0-cp39-abi3-win_amd64.whl", report, tmp_path)
    assert [finding.rule for finding in found] == ["stable-abi"] * count
    assert all("_x.abi3.so uses what is not of the stable ABI of Python 3.9: Py" in f.message for f in found)


@pytest.mark.parametrize("name", ["acme-1.0-py3-none-any.whl", "acme-1.0-cp311-cp311-win_amd64.whl"])
def test_other_wheels(name: str, tmp_path: Path) -> None:
    """Nothing is asked about a wheel without such a tag."""
    with pytest.raises(NotApplicable, match="no wheel has a manylinux"):
        audited(name, "", tmp_path)


def test_without_the_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where they are not installed, the check is skipped with the command; where one is, the other is named."""
    present: dict[str, Any] = {}
    monkeypatch.setattr(importlib.util, "find_spec", present.get)
    name = f"acme-1.0-cp39-abi3-manylinux_2_17_{X86}"
    with pytest.raises(NotApplicable, match=r"abi3audit is not installed.*install.*auditwheel is not installed"):
        audited(name, "", tmp_path)
    present["auditwheel"] = "there"
    (tmp_path / "two").mkdir()
    (found,) = audited(name, {"overall_tag": "manylinux_2_17_x86_64"}, tmp_path / "two")
    assert found.severity is Severity.NOTICE and found.message.startswith("abi3audit is not installed")


@pytest.mark.usefixtures("both")
def test_tool_that_breaks(tmp_path: Path) -> None:
    """A tool that prints no JSON is inconclusive."""
    with pytest.raises(ToolUnavailable, match="auditwheel"):
        audited(f"acme-1.0-cp311-cp311-manylinux_2_17_{X86}", "Traceback: no patchelf", tmp_path)
