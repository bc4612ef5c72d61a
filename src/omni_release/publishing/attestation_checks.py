"""The attestations that the index shows of the released files (PEP 740): are they genuine, of our files, and by us?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release import distributions
from omni_release.core.errors import Inconclusive, NotApplicable, ToolUnavailable, install_hint
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.secret_variables import without_secrets
from omni_release.core.settings import PublisherIdentity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.index import attestations, polling
from omni_release.index.attestations import FileProvenance

MISSING = Rule("attestation-missing", RuleClass.QUALITY, "Index shows no attestation of a file")
INVALID = Rule("attestation-invalid", RuleClass.RELEASE, "Attestation is not genuine")
OTHER_FILE = Rule("attestation-other-file", RuleClass.RELEASE, "Attestation is of another file")
OTHER_IDENTITY = Rule("attestation-other-identity", RuleClass.RELEASE, "Attestation is not by the publisher it names")
OTHER_PUBLISHER = Rule("publisher-differs", RuleClass.RELEASE, "File was published by another publisher")

_FOR_USERS = (
    "Find out who published it, before you announce the release: look at the project's publishers on the index, and "
    "yank the release if it is not yours."
)
_SIGN = "Publish with pypa/gh-action-pypi-publish, which signs; twine alone does not."


@reports(MISSING, INVALID, OTHER_FILE, OTHER_IDENTITY, OTHER_PUBLISHER)
def attestations_verified(release: Release, world: World) -> Iterator[Finding]:
    """Attestations are genuine and by this project's publisher

    The attestations that the index shows of the files (PEP 740) are signed, are of these very files, and are by the
    publisher that the settings and the CI job state: its kind, repository, workflow and environment.

    Fix: correct [tool.omni-release.publish.publisher]. If it is right, find out who has published the files.
    """
    artifacts = world.journal.artifacts()
    if not artifacts:
        raise NotApplicable("the run has no distributions")
    expected = _expected(release, world)
    if not expected.facts:
        hint = "set `repository` and `workflow` in [tool.omni-release.publish.publisher]"
        raise NotApplicable(f"nothing states who publishes this project: {hint} to have its attestations verified")
    project, _ = distributions.project_and_version(artifacts)
    on_index = {file.name: file for file in polling.files(world, project)}
    shown: dict[str, bytes] = {}
    for artifact in artifacts:
        listed_file = on_index.get(artifact.name)
        content = polling.provenance(world, listed_file) if listed_file else None
        if content is not None:
            shown[artifact.name] = content
    lacking = [artifact.name for artifact in artifacts if artifact.name not in shown]
    if lacking and not shown and not expected.attests:
        raise NotApplicable("the index shows no attestations, and none are expected")
    if lacking:
        message = f"{world.index.target.name} shows no attestation of {listed(lacking)}"
        yield Finding(f"{message}\n→ {_SIGN}", MISSING.id)
    if not shown:
        return
    sha256 = {artifact.name: artifact.sha256 for artifact in artifacts}
    found = _verified(release, world, {name: (sha256[name], content) for name, content in shown.items()})
    for file in found:
        yield from _findings(file, expected)
    _raise_on_unknown(found, expected)


@dataclass(frozen=True)
class _Expected:
    """Who is expected to publish, and where each fact about that comes from. `attests`: attestations are expected."""

    facts: Mapping[str, tuple[str, str]]
    attests: bool


def _expected(release: Release, world: World) -> _Expected:
    """The settings, and what they leave open from the variables of the CI job."""
    stated = release.project.settings.publish.publisher
    facts = {
        name: (value, "[tool.omni-release.publish.publisher]") for name, value in stated._asdict().items() if value
    }
    of_job, service = _of_job(world.environment)
    trusted = bool(of_job) and world.index.access().trusted
    if not facts or not stated.kind or stated.kind == of_job.get("kind"):
        for name, value in of_job.items():
            # Another workflow of the repository may publish, as long as it is not this job that does.
            if value and (trusted or name in ("kind", "repository")):
                facts.setdefault(name, (value, service))
    return _Expected(facts, trusted or bool(any(stated)))


def _of_job(environment: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The publisher that the index sees in this CI job, and the name of the service; nothing outside of a job.

    Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
    https://docs.gitlab.com/ci/variables/predefined_variables/
    """
    if environment.get("GITHUB_ACTIONS"):
        _, _, path = environment.get("GITHUB_WORKFLOW_REF", "").partition("/.github/workflows/")
        facts = {"repository": environment.get("GITHUB_REPOSITORY", ""), "workflow": path.partition("@")[0]}
        return {"kind": "GitHub", **facts}, "the job on GitHub"
    if environment.get("GITLAB_CI") and environment.get("CI_SERVER_HOST", "gitlab.com") == "gitlab.com":
        names = {"repository": "CI_PROJECT_PATH", "workflow": "CI_CONFIG_PATH", "environment": "CI_ENVIRONMENT_NAME"}
        return {
            "kind": "GitLab",
            **{key: environment.get(name, "") for key, name in names.items()},
        }, "the job on GitLab"
    return {}, ""


def _verified(release: Release, world: World, files: Mapping[str, tuple[str, bytes]]) -> tuple[FileProvenance, ...]:
    """What the provenance of these files says. Raises ToolUnavailable without the library, Inconclusive on a crash."""
    folder = release.work_dir / "provenance"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, content) in files.items():
        (folder / f"{name}.provenance").write_bytes(content)
    argv = attestations.call(folder, {name: sha256 for name, (sha256, _) in files.items()})
    environment = without_secrets(world.environment, ())
    answer = world.processes.ask(*argv, cwd=Path(sys.prefix), environment=environment, deadline=attestations.DEADLINE)
    try:
        found = attestations.answer(answer.out if answer else "")
    except ValueError:
        last = answer.err.strip().splitlines()[-1:] if answer else []
        raise Inconclusive(
            f"the attestations were not verified: {''.join(last) or 'no answer'}", "Try it again."
        ) from None
    if any(file.problem == attestations.NOT_INSTALLED for file in found):
        message = "pypi-attestations is not installed, so the attestations on the index were not verified"
        raise ToolUnavailable(message, install_hint("provenance"))
    return found


def _findings(file: FileProvenance, expected: _Expected) -> Iterator[Finding]:
    """The findings about the attestations of one file."""
    if file.problem in (attestations.MALFORMED, attestations.TAMPERED):
        what = "is no provenance of PEP 740" if file.problem == attestations.MALFORMED else "is not validly signed"
        trust = f" (by {file.trust})" if file.trust else ""
        message = f"{file.name}: what the index shows as its attestation {what}{trust}: {file.why}"
        yield Finding(f"{message}\n→ {_FOR_USERS}", INVALID.id)
    elif file.problem == attestations.OTHER_FILE:
        yield Finding(f"{file.name}: its attestation is of {file.why}\n→ {_FOR_USERS}", OTHER_FILE.id)
    elif file.problem == attestations.OTHER_IDENTITY:
        message = f"{file.name}: its attestation is not signed by {_named(file.publisher)}: {file.why}"
        yield Finding(f"{message}\n→ {_FOR_USERS}", OTHER_IDENTITY.id)
    differences = [*_differences(file.publisher, expected)] if file.publisher else []
    for difference in differences:
        yield Finding(f"{file.name}: {difference}\n→ {_FOR_USERS}", OTHER_PUBLISHER.id)
    if not file.problem and not differences:
        if attestations.PUBLISH not in file.types:
            message = f"{file.name}: none of its attestations is about its publication: {listed(file.types)}"
            yield Finding(message, MISSING.id)
            return
        compared = listed([name for name in expected.facts if name in _fields(file.publisher)]) or "nothing"
        message = f"{file.name}: attested by {_named(file.publisher)}; compared: {compared}; by {file.trust}"
        yield Finding(message, severity=Severity.NOTICE)


def _fields(publisher: Mapping[str, str | None]) -> dict[str, str]:
    """The fields of a publisher, by the names of the settings."""
    renamed = {"workflow_filepath": "workflow"}
    return {renamed.get(name, name): value or "" for name, value in publisher.items()}


def _differences(publisher: Mapping[str, str | None], expected: _Expected) -> Iterator[str]:
    """What is not as expected of a publisher; of one of another kind, nothing else is compared."""
    actual = _fields(publisher)
    kind, source = expected.facts.get("kind", ("", ""))
    if kind and actual.get("kind") != kind:
        yield f"published by {_named(publisher)}, but {source} states a publisher of the kind {kind}"
        return
    for name, (value, source) in expected.facts.items():
        found = actual.get(name, "")
        same = found.lower() == value.lower() if name == "repository" else found == value
        if not same and (name in PublisherIdentity._fields):
            said = f"the {name.replace('_', ' ')} {found!r}" if found else f"no {name.replace('_', ' ')}"
            yield f"published with {said}, but {source} states {value!r}"


def _named(publisher: Mapping[str, str | None]) -> str:
    """A publisher in words: `GitHub acme/acme, release.yml, environment pypi`."""
    actual = _fields(publisher)
    environment = [f"environment {actual['environment']}"] if actual.get("environment") else []
    names = ("repository", "workflow", "email", "project_id")
    parts = [f"{actual.get('kind', '')} {actual.get(names[0], '')}".strip()]
    return ", ".join(filter(None, (*parts, *(actual.get(name, "") for name in names[1:]), *environment)))


def _raise_on_unknown(found: tuple[FileProvenance, ...], expected: _Expected) -> None:
    """Raise Inconclusive for publishers and attestations that the library does not know, unless they are not ours."""
    what = {
        attestations.UNKNOWN_PUBLISHER: lambda file: f"its publisher is of the kind {file.publisher.get('kind')!r}",
        attestations.UNKNOWN_TYPE: lambda file: f"one of its attestations is of the type {file.why!r}",
    }
    for file in found:
        if file.problem in what and not [*_differences(file.publisher, expected)]:
            message = f"{file.name}: {what[file.problem](file)}, which pypi-attestations does not know"
            from omni_release.core.own_installation import how_to_upgrade  # only an error needs it

            raise Inconclusive(message, how_to_upgrade("pypi-attestations"))
