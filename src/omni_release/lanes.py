"""The release, one line a task, in order. Everything else hangs from a name in here.

A lane is a function, so that a run imports only what its own lane needs.
"""

from __future__ import annotations

from omni_release.tasks import Lane, check, step


def rehearse() -> Lane:
    """The whole release, against an index of our own: nothing of the user's is touched."""
    from omni_release.checks.artifacts import artifacts_match
    from omni_release.checks.installed import installed_works
    from omni_release.checks.project import project_is_valid
    from omni_release.checks.tests import tests_key, tests_pass
    from omni_release.checks.version import versions_agree
    from omni_release.steps.build import Build
    from omni_release.steps.copy import CopySource, CopyTests
    from omni_release.steps.install import InstallCandidate, InstallReleased
    from omni_release.steps.upload import Upload

    return Lane(
        "rehearse",
        (
            check(project_is_valid),
            check(versions_agree),
            step(CopySource(), needs="project-is-valid"),
            step(Build(), needs="copy-source"),
            check(artifacts_match, needs="build"),
            step(InstallCandidate(), needs="build"),
            step(CopyTests(), needs="build"),
            check(tests_pass, needs="install-candidate copy-tests", key=tests_key),
            step(Upload(), needs="versions-agree artifacts-match"),
            step(InstallReleased(), needs="upload"),
            check(installed_works, needs="install-released"),
        ),
    )


def version() -> Lane:
    """Whether all places that state the version agree."""
    from omni_release.checks.version import versions_agree

    return Lane("version", (check(versions_agree),))


def clean() -> Lane:
    """Clean dist/."""
    from omni_release.steps.clean import Clean

    return Lane("clean", (step(Clean()),))


def build() -> Lane:
    """The part of the rehearsal up to the build."""
    return rehearse().up_to("build", "build")


def inspect() -> Lane:
    """The part of the rehearsal that looks into what was built."""
    return rehearse().up_to("inspect", "artifacts-match")


def tests() -> Lane:
    """The part of the rehearsal up to the tests."""
    return rehearse().up_to("tests", "tests-pass")


def publish() -> Lane:
    """The part of the rehearsal up to the upload."""
    return rehearse().up_to("publish", "upload")


def verify() -> Lane:
    """The part of the rehearsal up to what people then install."""
    return rehearse().up_to("verify", "installed-works")


ALL = {lane.__name__: lane for lane in (rehearse, version, clean, build, inspect, tests, publish, verify)}
