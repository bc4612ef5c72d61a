"""What proves that the smoke tests have passed against the live service with this very wheel."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release import cassettes, distributions, smoke
from omni_release.core import redaction, vendors
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.settings import Smoke
from omni_release.core.text import counted, dollars
from omni_release.core.world import World
from omni_release.smoke import LIVE, gateway, runner

_TASK = "smoke-live"

_CLOCK_TOLERANCE = datetime.timedelta(days=1)


@dataclass(frozen=True)
class LiveEvidence:
    """A passed live run. `when` is in UTC, `usd` the cost, `base_url` the address called instead of the service's."""

    wheel: str
    sha256: str
    scenarios: tuple[str, ...]
    models: tuple[str, ...]
    usd: float
    when: str
    base_url: str = ""
    unpriced: int = 0

    def __str__(self) -> str:
        unknown = f" and {counted(self.unpriced, 'call')} of unknown cost" if self.unpriced else ""
        return (
            f"{self.wheel} (sha256 {self.sha256}) passed {counted(len(self.scenarios), 'scenario')} at {self.when}, "
            f"for {dollars(self.usd)}{unknown}, with {', '.join(self.models) or 'no model named'}"
        )


def collect(release: Release, world: World, report: smoke.SmokeReport) -> LiveEvidence:
    """The evidence of a live run that has just passed."""
    answering = {call.answered for scenario in report.scenarios for call in scenario.calls}
    return LiveEvidence(
        distributions.installable(release.dist).name,
        runner.wheel_sha256(release, world),
        tuple(scenario.name for scenario in report.scenarios if scenario.outcome == smoke.PASSED),
        tuple(sorted(answering - {""})),
        round(sum(scenario.usd for scenario in report.scenarios), 6),
        world.clock.now().isoformat(timespec="seconds"),
        base_url(release, world),
        sum(scenario.unpriced for scenario in report.scenarios),
    )


def base_url(release: Release, world: World) -> str:
    """The addresses called instead of the services', without users and passwords; empty for the services themselves."""
    return addresses(release.project.settings.smoke, world.environment)


def addresses(smoke: Smoke, environment: Mapping[str, str]) -> str:
    """The same for these variables: the gateways of the settings, and what the variables name that they do not."""
    urls = {**environment, **gateway(smoke)}
    found = [
        redaction.strip_userinfo(url)
        for name in smoke.vendors
        for variable in vendors.VENDORS[name].base_urls
        if (url := urls.get(variable, "")) and vendors.vendor_at(urllib.parse.urlsplit(url).hostname or "") != name
    ]
    return ", ".join(dict.fromkeys(found))


def cache_key(release: Release, world: World) -> str:
    """A hash of the inputs of a live run: the wheel, the tests and their source, the models, the base URL."""
    from omni_release.images.shortcuts import with_environment

    settings = release.project.settings
    digest = hashlib.sha256()
    for target in runner.pytest_targets(release.project):
        digest.update(target.encode() + b"\0")
        path = release.project.root / target.partition("::")[0]
        for file in sorted(path.rglob("*.py")) if path.is_dir() else (path,):
            digest.update(file.read_bytes() if file.is_file() else b"")
    if not settings.smoke.tests:
        digest.update(Path(smoke.__file__).with_name("scenarios.py").read_bytes())
    models = with_environment(settings, world.environment)[:2]
    called = "" if settings.smoke.vendors == ("gemini",) else settings.smoke.vendors
    digest.update(f"{runner.wheel_sha256(release, world)} {models} {base_url(release, world)}{called}".encode())
    return digest.hexdigest()


def store(release: Release, world: World, evidence: LiveEvidence) -> None:
    """Cache the evidence in the run folder."""
    world.journal.cache(_TASK, cache_key(release, world), json.dumps(dataclasses.asdict(evidence)))


def load(release: Release, world: World) -> LiveEvidence | None:
    """The evidence for this wheel, these scenarios and models; None where there is none.

    Raises Inconclusive where it is older than `max-age-days`, or dated in the future.
    """
    cached = world.journal.cached(_TASK, cache_key(release, world))
    if cached is None:
        return None
    fields = json.loads(cached)
    evidence = LiveEvidence(**fields | {"scenarios": tuple(fields["scenarios"]), "models": tuple(fields["models"])})
    age = world.clock.now() - datetime.datetime.fromisoformat(evidence.when)
    limit = release.project.settings.smoke.max_age_days
    if age > datetime.timedelta(days=limit):
        raise Inconclusive(f"the live run of {evidence.when} is older than {limit:g} days", rerun_hint(release))
    if age < -_CLOCK_TOLERANCE:
        message = f"the live run is dated {evidence.when}, which is in the future: check the system clock"
        raise Inconclusive(message, rerun_hint(release))
    return evidence


def called_this_machine(release: Release) -> bool:
    """Whether what the live run recorded is from a server on this machine; a test may have named it."""
    found = map(cassettes.read, cassettes.in_folder(runner.mode_folder(release, LIVE) / "traffic"))
    return any(cassette.provenance and cassette.provenance.source == smoke.LOCAL for cassette in found)


def rerun_hint(release: Release) -> str:
    """The command that makes new evidence for the wheel of this run."""
    return f"Run the smoke tests with this wheel: omni-release smoke --live --run {release.folder.name}"
