"""The check of a second build: what it names, and how much it matters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Severity
from omni_release.distributions.rebuild_checks import build_reproducible
from tests.conftest import RunCheck
from tests.distributions.test_differences import FILES, sdist, wheel

WHEEL, SDIST, COMPILED = "acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz", "acme-1.0-cp311-cp311-linux_x86_64.whl"
CHANGED = FILES | {"acme/b.py": b"y = 3\n"}
KINDS: dict[str, tuple[str, Mapping[str, bytes], dict[str, int], str, Severity | None]] = {
    "the same": (WHEEL, FILES, {}, "", None),
    "content of a wheel": (WHEEL, CHANGED, {}, "differs from a second build in acme/b.py", Severity.WARNING),
    "times in a wheel": (
        WHEEL,
        FILES,
        {"year": 2001},
        "only in what the archive says of files: timestamps",
        Severity.WARNING,
    ),
    "content of an sdist": (SDIST, CHANGED, {"gzip": 5}, "in acme/b.py", Severity.WARNING),
    "times in an sdist": (SDIST, FILES, {"time": 5, "mode": 0o600}, "permissions, timestamps", Severity.NOTICE),
}


@pytest.mark.parametrize("kind", KINDS)
def test_second_build(kind: str, run_check: RunCheck, tmp_path: Path) -> None:
    """What differs is named; what is only in the headers of an sdist is a notice."""
    name, files, header, said, severity = KINDS[kind]
    again = tmp_path / "workshop" / "rebuilt" / "again"
    again.parent.mkdir(parents=True)
    write = sdist if name == SDIST else wheel
    write(tmp_path / "run" / "dist" / name)
    write(again / name, files, **header)
    found = run_check(build_reproducible)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert said in "".join(finding.message for finding in found)


def test_compiled_wheels(run_check: RunCheck, tmp_path: Path) -> None:
    """A wheel of one platform is named as not compared; without another file there is nothing to check."""
    dist, again = tmp_path / "run" / "dist", tmp_path / "workshop" / "rebuilt" / "again"
    wheel(dist / COMPILED)
    with pytest.raises(NotApplicable):
        run_check(build_reproducible)
    sdist(dist / SDIST)
    again.mkdir(parents=True)
    sdist(again / SDIST)
    (finding,) = run_check(build_reproducible)
    assert (finding.distribution, finding.severity) == (COMPILED, Severity.NOTICE)


def test_second_build_without_the_file(run_check: RunCheck, tmp_path: Path) -> None:
    """A file that the second build has under another name is a warning."""
    wheel(tmp_path / "run" / "dist" / WHEEL)
    (finding,) = run_check(build_reproducible)
    assert finding.message == f"the second build has no {WHEEL}"
