"""The lanes: the tasks of each, one a line, in the order in which they run, grouped by stage.

A lane is a function, so that a run imports only what its own lane needs. The first line of its docstring is its help
on the command line and in `nox --list`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release.core.tasks import Key, Lane, Stage, Task, check, stage, step

if TYPE_CHECKING:
    from omni_release.core.runs import WatchIssue


def rehearse(prebuilt: Path | None = None) -> Lane:
    """Rehearse the whole release against a local index.

    With `prebuilt`, the distributions in that folder replace the build. An upload to the local index risks nothing, so
    it waits for few of the checks. The slowest tasks come first.
    """
    from omni_release.api.checks import api_fits_version, api_inputs
    from omni_release.builds import Build, CopySource, Rebuild, TakeArtifacts
    from omni_release.cassettes.checks import cassettes_clean
    from omni_release.code.checks import deprecated_apis, mypy_inputs
    from omni_release.code.dependency_checks import (
        dependencies_maintained,
        lower_bounds,
        lower_bounds_inputs,
        vulnerabilities,
    )
    from omni_release.distributions.checks import distributions_match, wheel_complete
    from omni_release.distributions.content_checks import no_stray_files, sdist_tracked_files
    from omni_release.distributions.import_name_checks import import_names_match
    from omni_release.distributions.portability_checks import (
        description_links,
        portable_files,
        typing_and_license,
    )
    from omni_release.distributions.rebuild_checks import build_reproducible, wheel_matches_checkout
    from omni_release.distributions.sbom_checks import sboms_readable
    from omni_release.distributions.tag_checks import wheel_tags
    from omni_release.distributions.tool_checks import twine_check, wheel_contents
    from omni_release.environments.checks import (
        pip_check,
        public_modules_import,
        verify_commands,
        works_with_pip,
        works_with_uv,
    )
    from omni_release.environments.extras_checks import extras_exist, extras_install
    from omni_release.environments.extras_imports import extras_import, extras_import_inputs
    from omni_release.environments.import_collisions import imports_unshared
    from omni_release.environments.inputs import of_checkout, of_distributions, of_pip_install, of_uv_install
    from omni_release.environments.steps import InstallWithPip, InstallWithUv
    from omni_release.git.version_checks import history_complete, version_follows_tags
    from omni_release.images.checks import configured_models
    from omni_release.models.checks import retired_models
    from omni_release.preparation.checks import changelog_entry
    from omni_release.project.checks import project_valid
    from omni_release.project.license_checks import license_expressed
    from omni_release.publishing.checks import index_responds, upload_rules
    from omni_release.publishing.steps import Upload
    from omni_release.smoke import runner
    from omni_release.smoke.checks import replay_inputs, replay_passes
    from omni_release.smoke.schema_checks import response_models
    from omni_release.testing.checks import tests_pass
    from omni_release.testing.downstream_checks import downstream_inputs, downstream_works
    from omni_release.testing.inputs import inputs_of_tests, used_by_tests
    from omni_release.testing.lower_bound_checks import lower_bounds_tested
    from omni_release.testing.python_checks import python_inputs, pythons_work
    from omni_release.testing.steps import CopyTests, InstallCandidate
    from omni_release.versions.checks import versions_agree
    from omni_release.workspaces.checks import siblings_available

    return Lane(
        "rehearse",
        (
            *stage(Stage.BUILD, step(CopySource())),
            *stage(
                Stage.SOURCE,
                check(project_valid),
                check(license_expressed),
                check(versions_agree),
                check(history_complete),
                check(changelog_entry),
                check(siblings_available, waivable=False),
                check(retired_models),
                check(configured_models, signable=True),
            ),
            *stage(
                Stage.BUILD,
                step(TakeArtifacts(prebuilt) if prebuilt else Build(), id="build", needs="copy-source project-valid"),
            ),
            *stage(Stage.INSPECT, check(distributions_match, needs="build")),
            *stage(Stage.CODE, check(api_fits_version, needs="build", key=api_inputs)),  # waits for other processes
            *stage(
                Stage.PUBLISH,
                check(index_responds, needs="copy-source project-valid"),
                step(Upload(together=True), needs="versions-agree distributions-match index-responds"),
            ),
            *stage(
                Stage.TEST,
                step(InstallCandidate(runner.plugin), needs="build siblings-available"),
                step(CopyTests(), needs="build"),
                check(tests_pass, needs="install-candidate copy-tests", key=inputs_of_tests, used=used_by_tests),
                check(pythons_work, needs="build siblings-available copy-tests", key=python_inputs),
                check(lower_bounds_tested, needs="build siblings-available copy-tests"),
                check(downstream_works, needs="build siblings-available", key=downstream_inputs),
            ),
            *_code(needs="copy-source project-valid", installed="install-candidate", key=of_checkout),
            *stage(
                Stage.SMOKE,
                check(cassettes_clean, needs="copy-source project-valid"),
                check(replay_passes, needs="install-candidate copy-tests", key=replay_inputs),
                check(response_models, needs="install-candidate"),
            ),
            *stage(
                Stage.VERIFY,
                step(InstallWithPip(), needs="upload siblings-available"),
                check(works_with_pip, needs="install-with-pip", key=of_pip_install),
                check(pip_check, needs="install-with-pip", key=of_pip_install),
                step(InstallWithUv(), needs="upload siblings-available"),
                check(works_with_uv, needs="install-with-uv", key=of_uv_install),
                check(public_modules_import, needs="install-with-uv", key=of_uv_install),
                check(imports_unshared, needs="install-with-uv", key=of_uv_install),
                check(verify_commands, needs="install-with-uv"),
            ),
            *stage(
                Stage.INSPECT,
                check(version_follows_tags, needs="build"),
                check(wheel_complete, needs="build"),
                check(no_stray_files, needs="build"),
                check(sdist_tracked_files, needs="build"),
                check(upload_rules, needs="build", key=of_distributions),
                check(twine_check, needs="build", key=of_distributions),
                check(wheel_contents, needs="build", key=of_distributions),
                check(wheel_tags, needs="build", key=of_distributions),
                check(portable_files, needs="build"),
                check(typing_and_license, needs="build"),
                check(description_links, needs="build", key=of_distributions),
                check(sboms_readable, needs="build"),
                check(import_names_match, needs="build"),
                check(extras_exist, needs="install-candidate"),
                check(extras_install, needs="build siblings-available"),
                check(extras_import, needs="install-with-uv", key=extras_import_inputs),
                step(Rebuild(), needs="build"),
                check(wheel_matches_checkout, needs="rebuild"),
                check(build_reproducible, needs="rebuild"),
            ),
            *stage(
                Stage.CODE,
                check(deprecated_apis, needs="install-candidate", key=mypy_inputs),
                check(dependencies_maintained, needs="build"),
                check(lower_bounds, needs="build siblings-available", key=lower_bounds_inputs),
                check(vulnerabilities, needs="install-with-uv"),
            ),
        ),
    )


def release() -> Lane:
    """Publish a rehearsed build to a package index.

    All checks before the upload run, and all their findings are reported at once. From the upload on, the lane goes
    forward or stops: nothing is rolled back.
    """
    from omni_release.builds.evidence import rebuilt_elsewhere
    from omni_release.checklists.checks import after_release_answered, before_release_answered
    from omni_release.environments.checks import (
        local_environment,
        local_environment_unused,
        pip_check,
        verify_commands,
        works_with_pip,
        works_with_uv,
    )
    from omni_release.environments.steps import InstallWithPip, InstallWithUv, UpgradeLocal
    from omni_release.git.checks import git_clean, git_in_sync, on_release_branch, tag_available
    from omni_release.git.steps import DraftRelease, PushTag, TagRelease
    from omni_release.git.version_checks import version_follows_tags
    from omni_release.publishing.approval_checks import approved
    from omni_release.publishing.attestation_checks import attestations_verified
    from omni_release.publishing.checks import (
        credentials_present,
        index_responds,
        project_page,
        rehearsal_passed,
        release_listed,
        upload_window,
        version_available,
    )
    from omni_release.publishing.steps import ConfirmVersion, Upload
    from omni_release.publishing.version_checks import project_active, version_follows_index
    from omni_release.smoke.checks import live_evidence, replay_passes
    from omni_release.smoke.steps import InstallForSmoke
    from omni_release.testing.steps import CopyTests

    return Lane(
        "release",
        (
            *stage(
                Stage.PREFLIGHT,
                check(rehearsal_passed, waivable=False),
                check(credentials_present, waivable=False),
                check(index_responds),
                check(project_active, needs="index-responds"),
                check(version_available, needs="index-responds", waivable=False),
                check(version_follows_index, needs="index-responds"),
                check(upload_window, needs="index-responds"),
                check(git_clean),
                check(on_release_branch),
                check(git_in_sync),
                check(tag_available),
                check(version_follows_tags),
                check(local_environment),
                check(approved, waivable=False),
                check(live_evidence, needs="rehearsal-passed", signable=True),
                check(rebuilt_elsewhere, needs="rehearsal-passed", waivable=False),
                check(before_release_answered),
            ),
            *stage(
                Stage.PUBLISH,
                step(ConfirmVersion(), needs=" ".join((*EVIDENCE, *PROOFS))),
                step(Upload(), needs="confirm-version"),
                check(release_listed, needs="upload"),
                check(attestations_verified, needs="release-listed"),
            ),
            *stage(
                Stage.VERIFY,
                step(InstallWithUv(), needs="release-listed"),
                check(works_with_uv, needs="install-with-uv"),
                check(verify_commands, needs="install-with-uv"),
                step(InstallWithPip(), needs="release-listed"),
                check(works_with_pip, needs="install-with-pip"),
                check(pip_check, needs="install-with-pip"),
                check(project_page, needs="release-listed"),
            ),
            *stage(
                Stage.SMOKE,
                step(InstallForSmoke(), needs="release-listed"),
                step(CopyTests(), needs="release-listed"),
                check(replay_passes, needs="install-for-smoke copy-tests"),
            ),
            *stage(
                Stage.AFTER,
                step(TagRelease(), needs=f"{' '.join(_VERIFIES)} replay-passes"),
                step(PushTag(), needs="tag-release"),
                step(DraftRelease(), needs="push-tag"),
                check(local_environment_unused, needs=" ".join(_VERIFIES)),
                step(UpgradeLocal(), needs="local-environment-unused"),
                check(after_release_answered, needs="release-listed"),
            ),
        ),
    )


def doctor(mode: str = "") -> Lane:
    """Check everything that a release requires, without releasing.

    In the mode `rehearsed`, the rehearsal too: all that comes before the confirmation.
    """
    rehearsal = ("rehearsal-passed",) if mode == "rehearsed" else ()
    return _part("doctor", (*rehearsal, *PROOFS, *EVIDENCE))


def published() -> Lane:
    """Verify that an index serves the release and that it installs."""
    return _part("published", _SERVED)


def _part(name: str, ids: tuple[str, ...]) -> Lane:
    """These tasks of a release, each without the needs that are not among them."""
    tasks = (task for task in release().tasks if task.id in ids)
    return Lane(name, tuple(replace(task, needs=tuple(n for n in task.needs if n in ids)) for task in tasks))


def watch(prebuilt: Path | None = None, issue: WatchIssue | None = None) -> Lane:
    """Check the published release again, with today's dependencies.

    `prebuilt` has its files. `issue` states what is wrong; of an earlier run's report, nothing else is done.
    """
    from omni_release.watch.issue import ReportIssue

    if issue is not None and issue.report is not None:
        return Lane("watch", stage(Stage.AFTER, step(ReportIssue(issue))))
    from omni_release.environments.checks import pip_check, public_modules_import, works_with_pip, works_with_uv
    from omni_release.watch.checks import (
        changes_since_release,
        published_models,
        published_vulnerabilities,
        release_not_yanked,
    )
    from omni_release.watch.steps import BuildWheel, InstallPublished, TakeRelease

    models = replace(check(published_models, needs="take-release"), id="retired-models")  # a waiver is for both
    changes = check(changes_since_release, needs="install-published-with-uv")  # it may say why that failed
    audited = replace(check(published_vulnerabilities, needs="install-published-with-uv"), id="vulnerabilities")
    tasks = (
        *stage(
            Stage.INSPECT,
            step(TakeRelease(prebuilt or Path("dist"))),
            check(release_not_yanked, needs="take-release"),
            step(BuildWheel(), needs="take-release"),
        ),
        *stage(
            Stage.VERIFY,
            step(InstallPublished("uv"), id="install-published-with-uv", needs="build-wheel"),
            check(works_with_uv, needs="install-published-with-uv"),
            check(public_modules_import, needs="install-published-with-uv"),
            step(InstallPublished("pip"), id="install-published-with-pip", needs="build-wheel"),
            check(works_with_pip, needs="install-published-with-pip"),
            check(pip_check, needs="install-published-with-pip"),
        ),
        *stage(Stage.CODE, models, audited, replace(changes, always=True)),
    )
    reported = replace(step(ReportIssue(issue), needs=" ".join(task.id for task in tasks)), always=True)
    return Lane("watch", (*tasks, *stage(Stage.AFTER, reported)))


def version(mode: str = "") -> Lane:
    """Check that all places that state the version agree."""
    from omni_release.git.version_checks import version_follows_tags
    from omni_release.versions.checks import staged_versions_agree, versions_agree

    look = check(staged_versions_agree) if mode == "staged" else check(versions_agree)
    agree = dataclasses.replace(look, id="versions-agree")  # a waiver is for both
    return Lane("version", stage(Stage.SOURCE, agree, check(version_follows_tags)))


def gate() -> Lane:
    """Run the fast checks for every push: no build, no network."""
    from omni_release.cassettes.checks import cassettes_clean
    from omni_release.checklists.checks import checklists_valid
    from omni_release.git.version_checks import version_follows_tags
    from omni_release.models.checks import retired_models
    from omni_release.preparation.checks import changelog_entry
    from omni_release.project.checks import project_valid
    from omni_release.project.license_checks import license_expressed
    from omni_release.versions.checks import versions_agree
    from omni_release.workspaces.checks import siblings_admitted

    return Lane(
        "gate",
        (
            *_code(),
            *stage(
                Stage.SOURCE,
                check(project_valid),
                check(license_expressed),
                check(versions_agree),
                check(siblings_admitted),
                check(version_follows_tags),
                check(changelog_entry),
                check(retired_models),
            ),
            *stage(Stage.SMOKE, check(cassettes_clean)),
            *stage(Stage.PREFLIGHT, check(checklists_valid)),
        ),
    )


def checklist() -> Lane:
    """Check that all items of the checklists are answered."""
    from omni_release.checklists.checks import after_release_answered, before_release_answered, checklists_valid

    return Lane(
        "checklist",
        (
            *stage(Stage.PREFLIGHT, check(checklists_valid), check(before_release_answered)),
            *stage(Stage.AFTER, check(after_release_answered)),
        ),
    )


def models() -> Lane:
    """Check that the AI models the project names are available."""
    from omni_release.images.checks import configured_models, models_respond
    from omni_release.models.checks import retired_models

    configured = check(configured_models, signable=True)
    return Lane("models", stage(Stage.SOURCE, check(retired_models), configured, check(models_respond)))


def audit() -> Lane:
    """Find bug patterns, silent failures and undeclared packages."""
    return Lane("audit", _code())


def _code(needs: str = "", installed: str = "", key: Key | None = None) -> tuple[Task, ...]:
    """The checks of the code itself: the same in each lane, after the tasks that this lane needs first.

    `key` is for what depends on what is installed.
    """
    from omni_release.code.checks import abandoned_packages, bug_patterns, silent_failures
    from omni_release.code.dependency_checks import imports_declared
    from omni_release.code.python_checks import code_fits_python
    from omni_release.publishing.pipelines import pipelines_publish_once

    return stage(
        Stage.CODE,
        check(bug_patterns, needs=needs),
        check(silent_failures, needs=needs),
        check(code_fits_python, needs=needs),
        check(abandoned_packages, needs=needs),
        replace(check(imports_declared, needs=installed, key=key), partial=not installed),
        check(pipelines_publish_once, needs=needs),
    )


def clean() -> Lane:
    """Empty dist/: its files move to .omni-release/removed/."""
    from omni_release.builds import Clean

    return Lane("clean", stage(Stage.BUILD, step(Clean())))


def build(prebuilt: Path | None = None) -> Lane:
    """Run the rehearsal up to the build."""
    return rehearse(prebuilt).up_to("build", "build")


def inspect(prebuilt: Path | None = None, mode: str = "") -> Lane:
    """Run the rehearsal up to the inspection of the built distributions.

    In the mode `files` there is no checkout, only files: nothing is built, and a wheel among them is installed, from an
    index on this machine.
    """
    if mode != "files" or prebuilt is None:
        return rehearse(prebuilt).up_to("inspect", *_INSPECTIONS)
    lane = rehearse(prebuilt).up_to("inspect", *_OF_FILES, *(_OF_WHEELS if any(prebuilt.glob("*.whl")) else ()))
    parts = {Stage.BUILD: Stage.INSPECT, Stage.PUBLISH: Stage.VERIFY}  # nothing is built or published
    tasks = tuple(replace(task, stage=parts.get(task.stage, task.stage)) for task in lane.tasks)
    tasks = _without(tasks, "siblings-available")
    if not any(prebuilt.glob("*.tar.gz")):  # a wheel has no pyproject.toml
        tasks = _without(tasks, "project-valid")
    return Lane("inspect", tasks)


def _without(tasks: tuple[Task, ...], id: str) -> tuple[Task, ...]:
    """The tasks but this one, which the others then do not need."""
    others = (task for task in tasks if task.id != id)
    return tuple(replace(task, needs=tuple(need for need in task.needs if need != id)) for task in others)


def tests(prebuilt: Path | None = None) -> Lane:
    """Run the rehearsal up to the project's tests."""
    return replace(rehearse(prebuilt).up_to("tests", "tests-pass"), tests=("tests-pass",))


def publish(prebuilt: Path | None = None) -> Lane:
    """Run the rehearsal up to the upload."""
    return rehearse(prebuilt).up_to("publish", "upload")


def verify(prebuilt: Path | None = None) -> Lane:
    """Run the rehearsal up to the installation from the index."""
    return rehearse(prebuilt).up_to("verify", *_VERIFIES, "public-modules-import")


def replay(prebuilt: Path | None = None) -> Lane:
    """Replay the recorded smoke tests, with the network blocked."""
    return replace(rehearse(prebuilt).up_to("replay", "replay-passes", "cassettes-clean"), tests=("replay-passes",))


def smoke(prebuilt: Path | None = None, mode: str = "live") -> Lane:
    """Run the smoke tests against the live service."""
    from omni_release.smoke.checks import live_evidence, smoke_emulated, smoke_live
    from omni_release.smoke.schema_checks import response_schema

    if mode == "recorded":
        return replay(prebuilt)
    tasks = rehearse(prebuilt).up_to("smoke", "distributions-match", "install-candidate", "copy-tests").tasks
    needs = "distributions-match install-candidate copy-tests"
    if mode == "emulated":
        return Lane("smoke", (*tasks, *stage(Stage.SMOKE, check(smoke_emulated, needs=needs))), ("smoke-emulated",))
    live = stage(
        Stage.SMOKE,
        check(smoke_live, needs=needs),
        check(response_schema, needs="smoke-live"),
        check(live_evidence, needs="smoke-live", signable=True),
    )
    return Lane("smoke", (*tasks, *live), ("smoke-live",))


def record(prebuilt: Path | None = None, mode: str = "live") -> Lane:
    """Record the API traffic of the smoke tests as new cassettes."""
    from omni_release.cassettes.checks import cassettes_clean
    from omni_release.smoke.checks import recorded_emulated, recorded_live
    from omni_release.smoke.steps import ReplaceCassettes

    tasks = rehearse(prebuilt).up_to("record", "distributions-match", "install-candidate", "copy-tests").tasks
    body = recorded_emulated if mode == "emulated" else recorded_live
    recorded = check(body, needs="distributions-match install-candidate copy-tests")
    taken = step(ReplaceCassettes(), needs=recorded.id)
    clean = check(cassettes_clean, needs="replace-cassettes")
    return Lane("record", (*tasks, *stage(Stage.SMOKE, recorded, taken, clean)), (recorded.id,))


def cassettes() -> Lane:
    """Check the cassettes for secrets, size, age and service faults."""
    from omni_release.cassettes.checks import cassettes_clean

    return Lane("cassettes", stage(Stage.SMOKE, check(cassettes_clean)))


_INSPECTIONS = (
    "history-complete",
    "version-follows-tags",
    "distributions-match",
    "upload-rules",
    "wheel-complete",
    "no-stray-files",
    "sdist-tracked-files",
    "wheel-contents",
    "twine-check",
    "wheel-tags",
    "portable-files",
    "typing-and-license",
    "description-links",
    "sboms-readable",
    "import-names-match",
    "wheel-matches-checkout",
    "build-reproducible",
)
_OF_FILES = (
    "distributions-match",
    "upload-rules",
    "wheel-complete",
    "no-stray-files",
    "wheel-contents",
    "twine-check",
    "wheel-tags",
    "portable-files",
    "typing-and-license",
    "description-links",
    "sboms-readable",
    "import-names-match",
)
"""What can be said of files without a checkout."""
_OF_WHEELS = ("works-with-uv", "public-modules-import")
_VERIFIES = ("works-with-uv", "verify-commands", "works-with-pip", "pip-check")

_SMOKING: dict[str, Callable[[Path | None, str], Lane]] = {"smoke": smoke, "record": record}

_SERVED = ("release-listed", "attestations-verified", "project-page", "install-with-uv", "install-with-pip", *_VERIFIES)

BUILDING: dict[str, Callable[..., Lane]] = {
    **{lane.__name__: lane for lane in (rehearse, build, inspect, tests, publish, verify, watch, replay)},
    **_SMOKING,
}

PROOFS = (
    "credentials-present",
    "index-responds",
    "project-active",
    "version-available",
    "version-follows-index",
    "upload-window",
    "git-clean",
    "on-release-branch",
    "git-in-sync",
    "tag-available",
    "version-follows-tags",
    "local-environment",
    "approved",
)
"""The checks of the world around a release, whatever was built."""

EVIDENCE = ("live-evidence", "rebuilt-elsewhere", "before-release-answered")
"""The checks of what is known of the files that were built."""

PUBLISHING: dict[str, Callable[[], Lane]] = {lane.__name__: lane for lane in (release, doctor, published)}
"""The lanes that work with a real index."""

ALL: dict[str, Callable[[], Lane]] = {
    "rehearse": rehearse,
    "release": release,
    "doctor": doctor,
    "published": published,
    "gate": gate,
    "version": version,
    "models": models,
    "audit": audit,
    "checklist": checklist,
    "clean": clean,
    "cassettes": cassettes,
    **BUILDING,
}
"""All lanes, by name."""


def lane(name: str, prebuilt: Path | None = None, mode: str = "", issue: WatchIssue | None = None) -> Lane:
    """The lane of this name; `prebuilt` is for a lane that builds, `mode` for `smoke`, `record`, `version`.

    `issue` is for `watch`.
    """
    if name == "watch":
        return watch(prebuilt, issue)
    if name == "version":
        return version(mode)
    if name == "doctor":
        return doctor(mode)
    if mode:
        return {**_SMOKING, "inspect": inspect}[name](prebuilt, mode)
    return BUILDING[name](prebuilt) if name in BUILDING else ALL[name]()
