"""What a live run has proved, bound to the wheel that it ran against: scenarios, models, cost, and when."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from omni_release import smoke
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.smoke import runner
from omni_release.smoke.outcomes import SmokeReport

TASK = "smoke-live"
_AHEAD = datetime.timedelta(days=1)  # what two clocks may differ by


@dataclass(frozen=True)
class LiveEvidence:
    """A passed live run. `when` is UTC, `usd` what it cost, `base_url` what stood in for the service, if any."""

    wheel: str
    sha256: str
    scenarios: tuple[str, ...]
    models: tuple[str, ...]
    usd: float
    when: str
    base_url: str = ""

    def __str__(self) -> str:
        return (
            f"{self.wheel} (sha256 {self.sha256}) passed {len(self.scenarios)} scenarios at {self.when}, "
            f"for ${self.usd:.3f}, with {', '.join(self.models)}"
        )


def of(release: Release, world: World, told: SmokeReport, wheel: str) -> LiveEvidence:
    """The evidence that a passed run leaves."""
    calls = [call for one in told.scenarios for call in one.calls]
    return LiveEvidence(
        wheel,
        runner.wheel_sha256(release, world),
        tuple(one.name for one in told.scenarios if one.outcome == "passed"),
        tuple(sorted({call.answered for call in calls if call.answered})),
        round(sum(one.usd for one in told.scenarios), 4),
        world.clock.now().isoformat(timespec="seconds"),
        stand_in(release, world),
    )


def stand_in(release: Release, world: World) -> str:
    """The address that is asked in the service's place, if any, without a password that is in it."""
    return redaction.strip_userinfo(
        release.project.settings.smoke.base_url or world.environment.get("GOOGLE_GEMINI_BASE_URL", "")
    )


def key(release: Release, world: World) -> str:
    """What a live run is about: the wheel, the scenarios (their text, too), the models, and a stand-in's address."""
    from omni_release.images.shortcuts import with_environment

    settings = release.project.settings
    digest = hashlib.sha256()
    for name in runner.tests(release.project):
        digest.update(name.encode() + b"\0")
        path = release.project.root / name.partition("::")[0]
        for file in sorted(path.rglob("*.py")) if path.is_dir() else (path,):
            digest.update(file.read_bytes() if file.is_file() else b"")
    if not settings.smoke.tests:
        digest.update(Path(smoke.__file__).with_name("scenarios.py").read_bytes())
    models = with_environment(settings, world.environment)[:2]
    digest.update(f"{runner.wheel_sha256(release, world)} {models} {stand_in(release, world)}".encode())
    return digest.hexdigest()


def keep(release: Release, world: World, found: LiveEvidence) -> None:
    """Keep the evidence with the run."""
    world.journal.cache(TASK, key(release, world), json.dumps(dataclasses.asdict(found)))


def standing(release: Release, world: World) -> LiveEvidence | None:
    """The evidence for this very wheel, these scenarios and models, young enough. None where there is none at all.

    Raises CannotTell where there is some that does not count, and says why.
    """
    kept = world.journal.cached(TASK, key(release, world))
    if kept is None:
        return None
    read = json.loads(kept)
    found = LiveEvidence(**read | {"scenarios": tuple(read["scenarios"]), "models": tuple(read["models"])})
    age = world.clock.now() - datetime.datetime.fromisoformat(found.when)
    most = release.project.settings.smoke.max_age_days
    if age > datetime.timedelta(days=most):
        raise Inconclusive(
            f"the live run is of {found.when}: older than the {most:g} days that it stands", again(release)
        )
    if age < -_AHEAD:
        raise Inconclusive(
            f"the live run is dated {found.when}, which is yet to come: is the clock right?", again(release)
        )
    return found


def again(release: Release) -> str:
    """What to run."""
    return f"Run it against this very wheel: omni-release smoke --live --run {release.folder.name}"
