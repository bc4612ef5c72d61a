"""The attestations on the index after a release: missing, wrong, by another publisher, or not to be verified."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from omni_release.core import engine
from omni_release.core.model import Artifact, Outcome, Release, Status, Target
from omni_release.core.settings import Publish, PublisherIdentity, SeverityLevel
from omni_release.core.tasks import Lane, check
from omni_release.core.world import Access, Credentials, Index, IndexFile, Journal, Processes, ToolAnswer, World
from omni_release.index.attestations import PUBLISH, FileProvenance
from omni_release.index.client import Client
from omni_release.lanes import published
from omni_release.local_index import Account, UploadRequest
from omni_release.local_index.server import IndexSetup, LocalIndex
from omni_release.publishing.attestation_checks import attestations_verified
from tests.publishing.provenance_files import GITHUB, GOOGLE, sha256, unpacked
from tests.publishing.test_index_checks import Clock
from tests.repositories import TODAY

WHEEL, SDIST = "acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz"
OURS = {"kind": "GitHub", "repository": "Acme/acme", "workflow": "release.yml", "environment": "pypi"}
ON_GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/acme",
    "GITHUB_WORKFLOW_REF": "acme/acme/.github/workflows/release.yml@refs/tags/v1.0",
}
ON_GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_PATH": "acme/acme", "CI_CONFIG_PATH": ".gitlab-ci.yml"}
GITLAB = {"kind": "GitLab", "repository": "acme/acme", "workflow_filepath": ".gitlab-ci.yml", "environment": None}
STATED = PublisherIdentity("GitHub", "acme/acme", "release.yml", "pypi")


@dataclass(frozen=True)
class Shown:
    """An index that shows a provenance of these files."""

    attested: Sequence[str]
    trusted: bool = False
    target: Target = Target("ours", "https://ours.invalid/")  # noqa: RUF009 - immutable

    def access(self) -> Access:
        """By trusted publishing, or by a password."""
        return Access(Credentials.PRESENT, "tests", trusted=self.trusted)

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """Both files."""
        return tuple(IndexFile(name, None, "", provenance=f"x/{name}") for name in (WHEEL, SDIST))

    def provenance(self, file: IndexFile) -> bytes | None:
        """Something for the program, if the file is attested."""
        return b"{}" if file.name in self.attested else None


@dataclass
class Program:
    """The program that verifies, which answers this; `calls` are its arguments."""

    said: Sequence[FileProvenance] | str
    calls: list[Sequence[str]] = field(default_factory=list)

    def ask(self, *argv: str, **more: Any) -> ToolAnswer:
        """Its answer."""
        self.calls.append(argv)
        said = self.said if isinstance(self.said, str) else json.dumps([dataclasses.asdict(one) for one in self.said])
        return ToolAnswer(0, said, "Traceback\nValueError: broken")


def genuine(publisher: Mapping[str, str | None] = OURS, *names: str, **more: Any) -> list[FileProvenance]:
    """The answer about these files; by default about both."""
    made = FileProvenance("", publisher, (PUBLISH,), trust="today's root of trust")
    return [replace(made, name=name, **more) for name in names or (WHEEL, SDIST)]


def outcome(
    release: Release,
    world: World,
    said: Sequence[FileProvenance] | str = (),
    *,
    stated: PublisherIdentity = PublisherIdentity(),  # noqa: B008 - immutable
    environment: Mapping[str, str] = ON_GITHUB,
    attested: Sequence[str] = (WHEEL, SDIST),
    trusted: bool = True,
    severity: Mapping[str, SeverityLevel] | None = None,
) -> Outcome:
    """The outcome of the check."""
    settings = replace(release.project.settings, publish=Publish(publisher=stated), severity=severity or {})
    made = replace(release, project=replace(release.project, settings=settings))
    artifacts = tuple(Artifact(name, 1, "0" * 64) for name in (WHEEL, SDIST))
    journal = SimpleNamespace(artifacts=lambda: artifacts, record=lambda *event, **facts: None)
    seen = replace(
        world,
        index=cast(Index, Shown(attested, trusted)),
        journal=cast(Journal, journal),
        processes=cast(Processes, Program(said)),
        environment=environment,
        clock=Clock(),
    )
    (found,) = engine.run(Lane("one", (check(attestations_verified),)), made, seen, today=TODAY)
    return found


def said(found: Outcome) -> list[tuple[str, str]]:
    """The rule without the check, and the first line of the message, of each finding."""
    return [(finding.rule.rpartition("/")[2], finding.message.partition("\n")[0]) for finding in found.findings]


@pytest.mark.parametrize(
    ("publisher", "environment", "stated", "compared"),
    [
        (OURS, ON_GITHUB, PublisherIdentity(), "kind, repository, workflow"),
        (OURS, {}, STATED, "kind, repository, workflow, environment"),
        (OURS, ON_GITHUB, STATED, "kind, repository, workflow, environment"),
        (OURS, {}, PublisherIdentity(repository="ACME/acme"), "repository"),
        (OURS, ON_GITLAB, STATED, "kind, repository, workflow, environment"),
        (GITLAB, ON_GITLAB, PublisherIdentity(), "kind, repository, workflow"),
        (
            {"kind": "Google", "email": "a@b.invalid"},
            {},
            PublisherIdentity("Google", email="a@b.invalid"),
            "kind, email",
        ),
        (
            {"kind": "CircleCI", "project_id": "1-2"},
            {},
            PublisherIdentity("CircleCI", project_id="1-2"),
            "kind, project_id",
        ),
    ],
)
def test_sound(
    publisher: Mapping[str, str | None],
    environment: Mapping[str, str],
    stated: PublisherIdentity,
    compared: str,
    release: Release,
    world: World,
) -> None:
    """Genuine attestations by the expected publisher pass, with what was compared."""
    found = outcome(release, world, genuine(publisher), environment=environment, stated=stated)
    assert found.status is Status.PASSED
    assert [rule for rule, _ in said(found)] == ["attestations-verified"] * 2
    assert all(f"compared: {compared}; by today's root of trust" in message for _, message in said(found))


@pytest.mark.parametrize(
    ("change", "environment", "stated", "message"),
    [
        (
            {"repository": "evil/acme"},
            ON_GITHUB,
            PublisherIdentity(),
            "'evil/acme', but the job on GitHub states 'acme/acme'",
        ),
        (
            {"workflow": "ci.yml"},
            ON_GITHUB,
            PublisherIdentity(),
            "workflow 'ci.yml', but the job on GitHub states 'rel",
        ),
        ({"workflow": "Release.yml"}, {}, STATED, "workflow 'Release.yml', but [tool.omni-release.publish.publisher]"),
        (
            {"environment": "test"},
            {},
            STATED,
            "environment 'test', but [tool.omni-release.publish.publisher] states 'pypi'",
        ),
        ({"environment": None}, ON_GITHUB, STATED, "published with no environment, but [tool"),
        (
            {"kind": "GitLab"},
            ON_GITHUB,
            PublisherIdentity(),
            "published by GitLab Acme/acme, release.yml, environment pypi",
        ),
        ({"kind": "Acme"}, {}, STATED, "states a publisher of the kind GitHub"),
    ],
)
def test_other_publisher(
    change: Mapping[str, str | None],
    environment: Mapping[str, str],
    stated: PublisherIdentity,
    message: str,
    release: Release,
    world: World,
) -> None:
    """Another repository, workflow, environment or kind is an error, although the attestation is genuine."""
    answer = genuine({**OURS, **change}, WHEEL) + genuine(OURS, SDIST)
    found = outcome(release, world, answer, environment=environment, stated=stated)
    assert found.status is Status.FAILED
    rule, first = said(found)[0]
    assert rule == "publisher-differs"
    assert message in first and first.startswith(WHEEL)


@pytest.mark.parametrize(
    ("problem", "rule"),
    [
        ("malformed", "attestation-invalid"),
        ("tampered", "attestation-invalid"),
        ("other-file", "attestation-other-file"),
        ("other-identity", "attestation-other-identity"),
    ],
)
def test_not_genuine(problem: str, rule: str, release: Release, world: World) -> None:
    """What is not genuine is an error by its kind, with its reason and what to do."""
    answer = genuine(OURS, WHEEL, problem=problem, why="the reason") + genuine(OURS, SDIST)
    found = outcome(release, world, answer)
    assert found.status is Status.FAILED
    assert said(found)[0][0] == rule
    assert "the reason" in said(found)[0][1]
    assert "→ Find out who published it" in found.findings[0].message


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        ("unknown-publisher", "its publisher is of the kind 'Acme', which pypi-attestations does not know"),
        ("unknown-type", "attestations is of the type 'https://acme.invalid', which pypi-attestations does not know"),
        ("not-installed", "pypi-attestations is not installed"),
    ],
)
def test_inconclusive(problem: str, why: str, release: Release, world: World) -> None:
    """What cannot be verified has not passed, and the command that ends this is named."""
    publisher = {"kind": "Acme", "repository": "acme/acme"}
    why_not = "https://acme.invalid"
    answer = [FileProvenance(name, publisher, problem=problem, why=why_not) for name in (WHEEL, SDIST)]
    found = outcome(release, world, answer, stated=PublisherIdentity(repository="acme/acme"), environment={})
    assert found.status is Status.INCONCLUSIVE
    assert why in found.findings[0].message
    assert "with: " in found.findings[0].message


@pytest.mark.parametrize("answer", ["", "Killed", "[1]"])
def test_crash(answer: str, release: Release, world: World) -> None:
    """A program that ends without an answer has verified nothing."""
    found = outcome(release, world, answer)
    assert (found.status, "were not verified: ValueError: broken" in found.findings[0].message) == (
        Status.INCONCLUSIVE,
        True,
    )


@pytest.mark.parametrize("attested", [(), (WHEEL,)])
@pytest.mark.parametrize("level", ["warning", "error"])
def test_missing(level: str, attested: Sequence[str], release: Release, world: World) -> None:
    """A file without an attestation is a warning after trusted publishing, or an error by the settings."""
    settings = {"attestation-missing": SeverityLevel("error")} if level == "error" else {}
    found = outcome(release, world, genuine(OURS, *attested), attested=attested, severity=settings)
    assert found.status is (Status.FAILED if level == "error" else Status.PASSED)
    (missing,) = [finding for finding in found.findings if finding.rule.endswith("/attestation-missing")]
    assert missing.severity.value == level
    assert missing.message.startswith(f"ours shows no attestation of {SDIST if attested else WHEEL}")


def test_only_provenance(release: Release, world: World) -> None:
    """Attestations about the build alone do not show who has published a file."""
    answer = genuine(OURS, SDIST) + genuine(OURS, WHEEL, types=("https://slsa.dev/provenance/v1",))
    (_, (rule, message)) = said(outcome(release, world, answer))
    assert rule == "attestation-missing"
    assert message.startswith(f"{WHEEL}: none of its attestations is about its publication")


@pytest.mark.parametrize(
    ("environment", "trusted", "attested"), [({}, False, (WHEEL, SDIST)), ({}, False, ()), (ON_GITHUB, False, ())]
)
def test_nothing_expected(
    environment: Mapping[str, str], trusted: bool, attested: Sequence[str], release: Release, world: World
) -> None:
    """Where nothing says who publishes, or nothing is attested and none has to be, nothing is verified."""
    found = outcome(release, world, "no program runs", environment=environment, trusted=trusted, attested=attested)
    assert found.status is Status.SKIPPED


def test_another_job(release: Release, world: World) -> None:
    """A job that does not publish itself compares the repository, and not its own workflow."""
    found = outcome(release, world, genuine({**OURS, "workflow": "other.yml"}), trusted=False)
    assert found.status is Status.PASSED
    assert "compared: kind, repository;" in said(found)[0][1]


def test_lanes() -> None:
    """A job that verifies what another has published looks at the attestations."""
    assert "attestations-verified" in [task.id for task in published().tasks]


@pytest.mark.long
def test_whole_way(tmp_path_factory: pytest.TempPathFactory, release: Release, world: World, tmp_path: Path) -> None:
    """The provenance is read from a real index and verified by the real library; one of another file is found."""
    assets = unpacked(tmp_path_factory.mktemp("provenance"))
    account = Account("tester", "password")
    name = "pypi-attestations"
    with LocalIndex(IndexSetup(tmp_path / "index", name, account, "http://127.0.0.1:9/simple/")) as index:
        path = tmp_path / GITHUB
        path.write_bytes((assets / GITHUB).read_bytes())
        upload = UploadRequest.of_file(path, {"name": name, "version": "0.0.19"}, (), account)
        artifact = Artifact(GITHUB, path.stat().st_size, sha256(assets, GITHUB))
        index.store.add(upload, None, datetime.datetime.now(datetime.UTC))
        settings = Publish(publisher=PublisherIdentity("GitHub", "trailofbits/pypi-attestations", "release.yml"))
        project = replace(release.project, settings=replace(release.project.settings, publish=settings))
        made = replace(release, project=project)
        journal = SimpleNamespace(artifacts=lambda: (artifact,), record=lambda *event, **facts: None)
        seen = replace(world, index=cast(Index, _Read(index)), journal=cast(Journal, journal), clock=Clock())
        statuses = []
        for of in (None, GITHUB, GOOGLE):
            if of is not None:
                index.store.attach(GITHUB, (assets / f"{of}.provenance").read_bytes())
            (found,) = engine.run(Lane("one", (check(attestations_verified),)), made, seen, today=TODAY)
            statuses.append((found.status, said(found)[0][0]))
    assert statuses == [
        (Status.PASSED, "attestation-missing"),
        (Status.PASSED, "attestations-verified"),
        (Status.FAILED, "attestation-other-file"),
    ]


class _Read(Client):
    """A real client of an index, with its target."""

    def __init__(self, index: LocalIndex) -> None:
        super().__init__(f"{index.url}/simple/")

    @property
    def target(self) -> Target:
        """The index of the test."""
        return Target("local", simple=self.simple_url)
