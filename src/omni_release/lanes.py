"""The release, one line a task, in order. Everything else hangs from a name in here.

A lane is a function, so that a run imports only what its own lane needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release.core.tasks import Lane, Task, check, step

if TYPE_CHECKING:
    from omni_release.core.model import Project


def rehearse(prebuilt: Path | None = None) -> Lane:
    """The whole release, against an index of our own: nothing of the user's is touched.

    With `prebuilt`, the distributions in that folder take the place of the build. In a rehearsal an upload risks
    nothing, so it waits for few of the checks; what takes longest comes first.
    """
    from omni_release.builds.steps import Build, CopySource, CopyTests, Rebuild, TakeArtifacts
    from omni_release.code.checks import nothing_deprecated_is_used
    from omni_release.code.dependency_checks import (
        dependencies_are_maintained,
        lower_bounds_hold,
        no_known_vulnerability,
    )
    from omni_release.distributions.checks import (
        artifacts_match,
        build_is_reproducible,
        wheel_equals_checkout,
        wheel_is_whole,
    )
    from omni_release.distributions.content_checks import (
        nothing_stray,
        sdist_is_the_checkout,
        twine_check_passes,
        wheel_contents_are_right,
    )
    from omni_release.environments.checks import (
        requirements_agree,
        verify_commands_pass,
        works_installed_by_pip,
        works_installed_by_uv,
    )
    from omni_release.environments.steps import InstallCandidate, InstallWithPip, InstallWithUv
    from omni_release.local_index.checks import index_would_take
    from omni_release.models.checks import configured_models_are_known, model_names_live
    from omni_release.project.checks import project_is_valid
    from omni_release.publishing.checks import index_answers
    from omni_release.publishing.steps import Upload
    from omni_release.smoke.checks import cassettes_are_clean, replay_key, replay_passes
    from omni_release.smoke.schema_checks import response_models_hold
    from omni_release.testing.checks import tests_key, tests_pass
    from omni_release.versions.checks import versions_agree

    return Lane(
        "rehearse",
        (
            check(project_is_valid),
            check(versions_agree),
            check(model_names_live),
            check(configured_models_are_known, signable=True),
            step(CopySource(), needs="project-is-valid"),
            step(TakeArtifacts(prebuilt) if prebuilt else Build(), id="build", needs="copy-source"),
            check(index_answers, needs="copy-source"),
            check(artifacts_match, needs="build"),
            step(InstallCandidate(), needs="build"),
            step(Upload(together=True), needs="versions-agree artifacts-match index-answers"),
            step(CopyTests(), needs="build"),
            check(tests_pass, needs="install-candidate copy-tests", key=tests_key),
            check(cassettes_are_clean, needs="copy-source"),
            check(replay_passes, needs="install-candidate copy-tests", key=replay_key),
            check(response_models_hold, needs="install-candidate"),
            step(InstallWithPip(), needs="upload"),
            check(works_installed_by_pip, needs="install-with-pip"),
            check(requirements_agree, needs="install-with-pip"),
            step(InstallWithUv(), needs="upload"),
            check(works_installed_by_uv, needs="install-with-uv"),
            check(verify_commands_pass, needs="install-with-uv"),
            check(wheel_is_whole, needs="build"),
            check(nothing_stray, needs="build"),
            check(sdist_is_the_checkout, needs="build"),
            check(index_would_take, needs="build"),
            check(twine_check_passes, needs="build"),
            check(wheel_contents_are_right, needs="build"),
            step(Rebuild(), needs="build"),
            check(wheel_equals_checkout, needs="rebuild"),
            check(build_is_reproducible, needs="rebuild"),
            *_code(needs="build", installed="install-candidate"),
            check(nothing_deprecated_is_used, needs="install-candidate"),
            check(dependencies_are_maintained, needs="build"),
            check(lower_bounds_hold, needs="build"),
            check(no_known_vulnerability, needs="install-with-uv"),
        ),
    )


def release() -> Lane:
    """Publish what a finished rehearsal has built, to a real index: proofs first, then what cannot be undone.

    All proofs are looked at, and told at once. From the upload on it goes forward or stops, and nothing is taken back.
    """
    from omni_release.builds.steps import CopyTests
    from omni_release.checklists.checks import after_release_is_answered, before_release_is_answered
    from omni_release.environments.checks import (
        local_environment_works,
        nobody_uses_local_environment,
        requirements_agree,
        verify_commands_pass,
        works_installed_by_pip,
        works_installed_by_uv,
    )
    from omni_release.environments.steps import InstallForSmoke, InstallWithPip, InstallWithUv, UpgradeLocal
    from omni_release.git.checks import git_is_clean, in_step_with_remote, on_release_branch, tag_is_right
    from omni_release.git.steps import DraftRelease, PushTag, TagRelease
    from omni_release.publishing.checks import (
        credentials_are_there,
        index_answers,
        index_shows_the_release,
        project_page_answers,
        rehearsal_stands,
        release_is_young_enough,
        version_is_free_or_ours,
    )
    from omni_release.publishing.steps import ConfirmVersion, Upload
    from omni_release.smoke.checks import live_smoke_stands, replay_passes

    return Lane(
        "release",
        (
            check(rehearsal_stands, waivable=False),
            check(credentials_are_there, waivable=False),
            check(index_answers),
            check(version_is_free_or_ours, needs="index-answers", waivable=False),
            check(release_is_young_enough, needs="index-answers"),
            check(git_is_clean),
            check(on_release_branch),
            check(in_step_with_remote),
            check(tag_is_right),
            check(local_environment_works),
            check(live_smoke_stands, needs="rehearsal-stands", signable=True),
            check(before_release_is_answered),
            step(ConfirmVersion(), needs=f"live-smoke-stands before-release-is-answered {' '.join(PROOFS)}"),
            step(Upload(), needs="confirm-version"),
            check(index_shows_the_release, needs="upload"),
            step(InstallWithUv(), needs="index-shows-the-release"),
            check(works_installed_by_uv, needs="install-with-uv"),
            check(verify_commands_pass, needs="install-with-uv"),
            step(InstallWithPip(), needs="index-shows-the-release"),
            check(works_installed_by_pip, needs="install-with-pip"),
            check(requirements_agree, needs="install-with-pip"),
            step(InstallForSmoke(), needs="index-shows-the-release"),
            step(CopyTests(), needs="index-shows-the-release"),
            check(replay_passes, needs="install-for-smoke copy-tests"),
            check(project_page_answers, needs="index-shows-the-release"),
            step(TagRelease(), needs=f"{' '.join(_VERIFIES)} replay-passes"),
            step(PushTag(), needs="tag-release"),
            step(DraftRelease(), needs="push-tag"),
            check(nobody_uses_local_environment, needs=" ".join(_VERIFIES)),
            step(UpgradeLocal(), needs="nobody-uses-local-environment"),
            check(after_release_is_answered, needs="index-shows-the-release"),
        ),
    )


def doctor() -> Lane:
    """The proofs before a release, and nothing else: all that speaks against it, at once."""
    return _part("doctor", (*PROOFS, "live-smoke-stands", "before-release-is-answered"))


def published() -> Lane:
    """Whether an index serves the very bytes of a run, and people can install them; publishes nothing."""
    return _part("published", _SERVED)


def _part(name: str, ids: tuple[str, ...]) -> Lane:
    """These tasks of a release, each without what it needs beside them."""
    tasks = (task for task in release().tasks if task.id in ids)
    return Lane(name, tuple(replace(task, needs=tuple(n for n in task.needs if n in ids)) for task in tasks))


def version(mode: str = "") -> Lane:
    """Whether all places that state the version agree."""
    from omni_release.versions.checks import staged_versions_agree, versions_agree

    look = check(staged_versions_agree) if mode == "staged" else check(versions_agree)
    return Lane("version", (dataclasses.replace(look, id="versions-agree"),))  # a waiver is for both


def gate() -> Lane:
    """The fast part, for every push: what the files of the checkout alone can answer."""
    from omni_release.checklists.checks import checklists_are_valid
    from omni_release.models.checks import model_names_live
    from omni_release.project.checks import project_is_valid
    from omni_release.smoke.checks import cassettes_are_clean
    from omni_release.versions.checks import versions_agree

    return Lane(
        "gate",
        (
            *_code(),
            check(project_is_valid),
            check(versions_agree),
            check(model_names_live),
            check(cassettes_are_clean),
            check(checklists_are_valid),
        ),
    )


def checklist() -> Lane:
    """What the checklists still wait for, in the newest run; `show` prints them, `init` writes the usual ones."""
    from omni_release.checklists.checks import (
        after_release_is_answered,
        before_release_is_answered,
        checklists_are_valid,
    )

    return Lane(
        "checklist",
        (check(checklists_are_valid), check(before_release_is_answered), check(after_release_is_answered)),
    )


def models() -> Lane:
    """Whether each model that the project names lives, and answers where there is a key."""
    from omni_release.models.checks import configured_models_are_known, model_names_live, models_answer

    known = check(configured_models_are_known, signable=True)
    return Lane("models", (check(model_names_live), known, check(models_answer)))


def audit() -> Lane:
    """Bug patterns, silent failures, packages that are given up or not declared: all places in the tree at once."""
    return Lane("audit", _code())


def _code(needs: str = "", installed: str = "") -> tuple[Task, ...]:
    """What the code itself tells: the same checks in each lane, after the tasks that each lane has before them."""
    from omni_release.code.checks import bug_patterns_are_gone, failures_surface, packages_are_alive
    from omni_release.code.dependency_checks import imports_are_declared

    return (
        check(bug_patterns_are_gone, needs=needs),
        check(failures_surface, needs=needs),
        check(packages_are_alive, needs=needs),
        check(imports_are_declared, needs=installed),
    )


def clean() -> Lane:
    """Clean dist/."""
    from omni_release.builds.steps import Clean

    return Lane("clean", (step(Clean()),))


def build(prebuilt: Path | None = None) -> Lane:
    """The part of the rehearsal up to the build."""
    return rehearse(prebuilt).up_to("build", "build")


def inspect(prebuilt: Path | None = None) -> Lane:
    """The part of the rehearsal that looks into what was built."""
    return rehearse(prebuilt).up_to("inspect", *_LOOKS)


def tests(prebuilt: Path | None = None) -> Lane:
    """The part of the rehearsal up to the tests."""
    return rehearse(prebuilt).up_to("tests", "tests-pass")


def publish(prebuilt: Path | None = None) -> Lane:
    """The part of the rehearsal up to the upload."""
    return rehearse(prebuilt).up_to("publish", "upload")


def verify(prebuilt: Path | None = None) -> Lane:
    """The part of the rehearsal up to what people then install."""
    return rehearse(prebuilt).up_to("verify", *_VERIFIES)


def replay(prebuilt: Path | None = None) -> Lane:
    """The smoke tests on their recordings, with the network blocked; a part of the rehearsal."""
    return rehearse(prebuilt).up_to("replay", "replay-passes", "cassettes-are-clean")


def smoke(prebuilt: Path | None = None, mode: str = "live") -> Lane:
    """The smoke tests against the live service, with the very wheel of a run; or `--emulated`, or `--recorded`."""
    from omni_release.smoke.checks import live_smoke_stands, smoke_passes_emulated, smoke_passes_live
    from omni_release.smoke.schema_checks import contract_holds

    if mode == "recorded":
        return replay(prebuilt)
    tasks = rehearse(prebuilt).up_to("smoke", "artifacts-match", "install-candidate", "copy-tests").tasks
    needs = "artifacts-match install-candidate copy-tests"
    if mode == "emulated":
        return Lane("smoke", (*tasks, check(smoke_passes_emulated, needs=needs)))
    live = (
        check(smoke_passes_live, needs=needs),
        check(contract_holds, needs="smoke-passes-live"),
        check(live_smoke_stands, needs="smoke-passes-live", signable=True),
    )
    return Lane("smoke", (*tasks, *live))


def record(prebuilt: Path | None = None, mode: str = "live") -> Lane:
    """Record the smoke tests' traffic anew, from the live service or `--emulated`, in place of the cassettes."""
    from omni_release.smoke.checks import cassettes_are_clean, traffic_is_recorded_emulated, traffic_is_recorded_live
    from omni_release.smoke.steps import TakeCassettes

    tasks = rehearse(prebuilt).up_to("record", "artifacts-match", "install-candidate", "copy-tests").tasks
    body = traffic_is_recorded_emulated if mode == "emulated" else traffic_is_recorded_live
    recorded = check(body, needs="artifacts-match install-candidate copy-tests")
    taken = step(TakeCassettes(), needs=recorded.id)
    return Lane("record", (*tasks, recorded, taken, check(cassettes_are_clean, needs="take-cassettes")))


def cassettes() -> Lane:
    """What is recorded: no key, small, young, without faults of the service; `shrink` makes recordings small."""
    from omni_release.smoke.checks import cassettes_are_clean

    return Lane("cassettes", (check(cassettes_are_clean),))


_LOOKS = (
    "artifacts-match",
    "index-would-take",
    "wheel-is-whole",
    "nothing-stray",
    "sdist-is-the-checkout",
    "wheel-contents-are-right",
    "twine-check-passes",
    "wheel-equals-checkout",
    "build-is-reproducible",
)
_VERIFIES = ("works-installed-by-uv", "verify-commands-pass", "works-installed-by-pip", "requirements-agree")

_MODES = {"smoke": ("live", "emulated", "recorded"), "record": ("live", "emulated"), "version": ("", "staged")}
_SMOKING: dict[str, Callable[[Path | None, str], Lane]] = {"smoke": smoke, "record": record}

_SERVED = ("index-shows-the-release", "project-page-answers", "install-with-uv", "install-with-pip", *_VERIFIES)

BUILDING: dict[str, Callable[..., Lane]] = {
    **{lane.__name__: lane for lane in (rehearse, build, inspect, tests, publish, verify, replay)},
    **_SMOKING,
}

PROOFS = (
    "credentials-are-there",
    "index-answers",
    "version-is-free-or-ours",
    "release-is-young-enough",
    "git-is-clean",
    "on-release-branch",
    "in-step-with-remote",
    "tag-is-right",
    "local-environment-works",
)
"""What must be true of the world before a release, whatever was built."""

PUBLISHING: dict[str, Callable[[], Lane]] = {lane.__name__: lane for lane in (release, doctor, published)}
"""The lanes that are about a real index."""

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


def every(project: Project | None = None) -> tuple[Lane, ...]:
    """Each lane in each of its modes, with what the project itself adds: all the tasks that there are."""
    from omni_release import custom_tasks

    found = tuple(lane(name, mode=mode) for name in ALL for mode in _MODES.get(name, ("",)))
    return tuple(custom_tasks.joined(one, project) for one in found) if project is not None else found


def lane(name: str, prebuilt: Path | None = None, mode: str = "") -> Lane:
    """The lane of this name; `prebuilt` is for one that builds, `mode` for `smoke`, `record`, `version`."""
    if name == "version":
        return version(mode)
    if mode:
        return _SMOKING[name](prebuilt, mode)
    return BUILDING[name](prebuilt) if name in BUILDING else ALL[name]()
