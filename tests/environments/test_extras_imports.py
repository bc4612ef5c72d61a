"""Extras, installed one by one with the real uv."""

from __future__ import annotations

import datetime
import subprocess
from dataclasses import replace
from pathlib import Path

from omni_release import environments, project
from omni_release.core.engine import run
from omni_release.core.model import Outcome, Release, Status
from omni_release.core.tasks import Lane, check
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.environments.extras_imports import extras_import, extras_import_inputs
from tests.wheels import offline, write_wheel

TODAY = datetime.date(2026, 11, 22)
EXTRAS = {"viz": "inner", "old": "inner<2"}
MODULES = {
    "acme/__init__.py": "",
    "acme/plots.py": "import inner\n",
    "acme/newer.py": "try:\n    import inner\nexcept ImportError:\n    inner = None\nelse:\n    inner.new\n",
    "acme/needs_two.py": "import inner, another\n",
    "acme/wrong.py": "import other_module\n",
}


def ended(root: Path, release: Release, world: World, *, setting: bool = True) -> Outcome:
    """The outcome for a release with these extras and modules; the index has inner 1.0 and 2.0, `new` is in 2.0."""
    index = root / "index"
    write_wheel(index, "inner", "1.0", {"inner.py": "old = 1\n"})
    write_wheel(index, "inner", "2.0", {"inner.py": "old = new = 1\n"})
    write_wheel(index, "other", "1.0", {"other.py": ""})
    write_wheel(index, "another", "1.0", {"another.py": ""})
    extras = {**EXTRAS, "another": "another"}
    stated = [f"Requires-Dist: {needed}; extra == '{extra}'" for extra, needed in extras.items() if needed]
    wheel = write_wheel(release.dist, "acme", "1.0", MODULES, *(f"Provides-Extra: {e}" for e in extras), *stated)
    text = f'[project]\nname = "acme"\nversion = "1.0"\n[tool.omni-release.tests]\nextras = {str(setting).lower()}\n'
    for name, content in {**MODULES, "pyproject.toml": text}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    release = replace(release, project=project.load(root))
    release.work_dir.mkdir(exist_ok=True)
    given = replace(world, environment=offline(index))
    plain = release.environment("released-uv")
    for argv in (installers.venv(plain), installers.uv("pip", "install", "--python", str(environments.python(plain)))):
        last = (str(wheel),) if "install" in argv else ()
        subprocess.run([*argv, *last], env=dict(given.environment), check=True, capture_output=True)
    assert (extras_import_inputs(release, given) is not None) is setting
    (outcome,) = run(Lane("one", (check(extras_import),)), release, given, today=TODAY)
    return outcome


def test_extras(tmp_path: Path, release: Release, world: World) -> None:
    """A module that works without an extra, or that needs it, must work with it; one that needs two is left out."""
    outcome = ended(tmp_path, release, world)
    assert outcome.status is Status.FAILED
    assert {finding.rule for finding in outcome.findings} == {"extras-import/extra-import"}
    found = [(finding.path, finding.message.partition(" fails")[0]) for finding in outcome.findings]
    assert found == [("acme/newer.py", "with the extra old, `import acme.newer`")]
    assert "module 'inner' has no attribute 'new'" in outcome.findings[0].message


def test_without_setting(tmp_path: Path, release: Release, world: World) -> None:
    """Without the setting nothing is installed."""
    assert ended(tmp_path, release, world, setting=False).status is Status.SKIPPED
    assert not release.environment("extra-viz").exists()
