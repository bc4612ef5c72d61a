"""The scenarios, run in the candidate environment: against the installed wheel, by the project's own pytest."""

from __future__ import annotations

import shutil
import sys
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import cassettes, distributions, environments, scripts
from omni_release.core import redaction
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Project, Release
from omni_release.core.toml import table
from omni_release.core.world import Completed, World
from omni_release.smoke import outcomes
from omni_release.smoke.outcomes import SmokeReport

SCENARIOS = "omni_release.smoke.scenarios"
UNRECORDED = "OMNI_RELEASE_UNRECORDED"
REPORT = "scenarios.jsonl"
_NONE_COLLECTED = 5


@dataclass(frozen=True)
class Ran:
    """A run of the scenarios: what it told, and how the program ended."""

    told: SmokeReport
    completed: Completed
    command: Run


def wanted(project: Project) -> bool:
    """Whether the project has smoke tests: `[tool.omni-release.smoke]`, or cassettes that are not for its classes."""
    own = table(project.metadata, "tool", "omni-release", "smoke")
    if "model" in own:
        return bool({*own} - {"model", "cassettes"})
    return "smoke" in table(project.metadata, "tool", "omni-release") or bool(recordings(project))


def recordings(project: Project) -> tuple[Path, ...]:
    """The project's cassettes."""
    return cassettes.in_folder(project.root / project.settings.smoke.cassettes)


def must_be_wanted(project: Project) -> None:
    """Raises NotApplicable where the project has no smoke tests."""
    if not wanted(project):
        raise NotApplicable("the project has no smoke tests: there is no [tool.omni-release.smoke], and no cassette")


def must_have_key(release: Release, world: World) -> None:
    """Raises CannotTell where no variable holds a key."""
    if not redaction.key_variables_set(world.environment):
        hint = f"Set {' or '.join(redaction.KEY_VARIABLES)}; or run it without one: --emulated"
        raise Inconclusive("there is no key, so the live service cannot be asked", hint)


def requirements(project: Project, wheel: Path) -> tuple[str, ...]:
    """What brings the pytest plugin into the candidate environment: omni-release as it is installed here.

    Nothing for a project without smoke tests.
    """
    if not wanted(project):
        return ()
    import json
    from importlib.metadata import distribution

    from packaging.utils import canonicalize_name

    if canonicalize_name(project.name) == "omni-release":
        return (f"{wheel}[smoke]",)
    own = distribution("omni-release")
    url = json.loads(own.read_text("direct_url.json") or "{}").get("url", "")
    return (f"omni-release[smoke] @ {url}" if url else f"omni-release[smoke]=={own.version}",)


def folder(release: Release, mode: str) -> Path:
    """Where a run of this mode keeps what came of it."""
    return release.records / "smoke" / mode


def recorded_anew(release: Release) -> Path:
    """Where new recordings lie until they take the place of the old ones."""
    return release.records / "smoke" / "recorded-anew"


def tests(project: Project) -> tuple[str, ...]:
    """What pytest is asked to run: the project's own files, else our scenarios."""
    return project.settings.smoke.tests or ("--pyargs", SCENARIOS)


def command(release: Release, world: World, mode: str, record: Path | None = None) -> Run:
    """The run of all scenarios in this mode; its traffic goes to `record`, if anywhere."""
    smoke = release.project.settings.smoke
    candidate = release.environment("candidate")
    inner = environments.venv_env(world.environment, release.folder, candidate) | {UNRECORDED: "1"}
    named = tuple(name for name in redaction.KEY_VARIABLES if inner.pop(name, ""))
    tree = release.tests_tree if release.tests_tree.is_dir() else release.project.root
    arguments = [*tests(release.project), f"--smoke={mode}", f"--smoke-budget={smoke.budget}", "-m", "smoke"]
    arguments += [f"--smoke-cassettes={tree / smoke.cassettes}", f"--smoke-report={folder(release, mode) / REPORT}"]
    arguments += [f"--smoke-record={record}"] if record else []
    arguments += ["-p", "no:cacheprovider", "-q"]
    if mode == outcomes.LIVE and smoke.base_url:
        inner["GOOGLE_GEMINI_BASE_URL"] = smoke.base_url
    if not smoke.tests:
        arguments += ["-o", "addopts=", f"--rootdir={tree}"]
    elif any(name.startswith("pytest-xdist==") for name in environments.installed_distributions(candidate)):
        arguments += ["-n", "0"]  # one process, one budget
    shield = str(scripts.program("process_group"))
    return Run(
        (sys.executable, "-I", shield, shutil.which("pytest", path=inner["PATH"]) or "pytest", *arguments),
        cwd=tree,
        environment=inner,
        log=release.logs / f"smoke-{mode}.log",
        deadline=smoke.timeout,
        secrets={name: name for name in named} if mode == outcomes.LIVE else {},
    )


def run(release: Release, world: World, mode: str, record: Path | None = None) -> Ran:
    """Run them, telling how far it is. Raises CannotTell where nothing could be told."""
    into = folder(release, mode)
    for old in filter(None, (into, record)):
        shutil.rmtree(old, ignore_errors=True)
    into.mkdir(parents=True)
    asked = command(release, world, mode, record)
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(into / REPORT, world, over), daemon=True)
    if mode != outcomes.RECORDED:  # which is over in a moment
        watch.start()
    try:
        completed = world.processes.run(asked)
    finally:
        over.set()
        if watch.ident is not None:
            watch.join(timeout=5)
    told = outcomes.read(into / REPORT)
    if completed.code == _NONE_COLLECTED:
        raise Inconclusive("pytest found no test marked `smoke`", f"All of its output: {asked.log}")
    return Ran(told, completed, asked)


def _watch(report: Path, world: World, over: threading.Event) -> None:
    """Say what each scenario came to, as it ends."""
    said = 0
    while not over.wait(0.3):
        told = outcomes.read(report)
        for one in told.scenarios[said:]:
            said += 1
            cost = f", ${one.usd:.3f}" if one.usd else ""
            world.tell(f"      {said} of {told.count}  {one.name}: {one.outcome} ({one.seconds:.1f} s{cost})")


def wheel_sha256(release: Release, world: World) -> str:
    """The sha256 of the wheel that is installed in the candidate environment."""
    wheel = distributions.installable(release.dist).name
    return next((artifact.sha256 for artifact in world.journal.artifacts() if artifact.name == wheel), "")


def relative(release: Release, path: str) -> str | None:
    """A test's path in the project; None where it is not the project's own."""
    pure = PurePosixPath(path)
    inside = not pure.is_absolute() and ".." not in pure.parts
    return path if inside and (release.project.root / path).is_file() else None
