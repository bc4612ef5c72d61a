"""How the license is stated: the forms that PEP 639 has replaced, and what is advised instead."""

from __future__ import annotations

import pytest

from omni_release.core import severity
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Outcome, Severity, Status
from omni_release.core.settings import Settings
from omni_release.core.tasks import check
from omni_release.project.license_checks import license_expressed
from tests.conftest import RunCheck

MIT = "License :: OSI Approved :: MIT License"
BSD = "License :: OSI Approved :: BSD License"
SPDX = "the SPDX expression of your license"

CASES = [
    ('license = "MIT"', []),
    ('license = "MIT"\nlicense-files = ["LICENSE"]', []),
    ('classifiers = ["Typing :: Typed"]', []),
    ('dynamic = ["license"]', []),
    ('license = {text = "MIT"}', [("license-table", 4, 'write `license = "MIT"`.')]),
    ('license = {text = "Apache Software License"}', [("license-table", 4, '`license = "Apache-2.0"`.')]),
    ('license = {text = "the usual one"}', [("license-table", 4, f"write {SPDX}.")]),
    ('license = {text = """Copyright\nMay be used"""}', [("license-table", 4, "its text into a file LICENSE")]),
    ('license = {file = "COPYING"}', [("license-table", 4, f"write {SPDX}, and `license-files = ['COPYING']`")]),
    (
        f'license = {{file = "COPYING"}}\nclassifiers = ["{MIT}"]',
        [
            ("license-table", 4, '`license = "MIT"`, and `lic'),
            ("license-classifier", 5, 'write `license = "MIT"` inst'),
        ],
    ),
    (f'classifiers = ["{MIT}"]', [("license-classifier", 4, 'write `license = "MIT"` instead')]),
    (f'classifiers = ["{BSD}"]', [("license-classifier", 4, f"write {SPDX} (https://spdx.org/licenses/)")]),
    (
        'classifiers = ["License :: Other/Proprietary License"]',
        [("license-classifier", 4, '`license = "LicenseRef-Proprietary"`')],
    ),
    (f'license = "MIT"\nclassifiers = ["{MIT}"]', [("license-classifier", 5, "remove it: `license = 'MIT'` says it")]),
]


@pytest.mark.parametrize(("lines", "expected"), CASES)
def test_forms(lines: str, expected: list[tuple[str, int, str]], run_check: RunCheck) -> None:
    """Each old form is a warning at its line, with what to write instead; the form of PEP 639 is none."""
    stated = f'[project]\nname = "acme"\nversion = "1.0"\n{lines}\n'
    findings = run_check(license_expressed, {"pyproject.toml": stated})
    assert [(finding.rule, finding.line) for finding in findings] == [(rule, line) for rule, line, _ in expected]
    assert all(finding.severity is Severity.WARNING for finding in findings)
    for finding, (_, _, advice) in zip(findings, expected, strict=True):
        assert advice in finding.message


@pytest.mark.parametrize(
    ("required", "advised"),
    [
        ("hatchling", False),
        ("hatchling>=1.20", False),
        ("hatchling==1.26.*", True),
        ("Setuptools>=61,<77", True),
        ("setuptools==80.1", False),
        ("setuptools>78", False),
        ("flit_core>=3.2,<4", False),
        ("flit_core>=3.2,<3.10", True),
        ("poetry-core~=1.9", True),
        ("uv_build>=0.7,<0.8", False),
        ("acme-backend==1", False),
        ("not a requirement!", False),
    ],
)
def test_back_ends(required: str, advised: bool, run_check: RunCheck) -> None:
    """A back end that is limited to versions without these keys is named, with the one that has them."""
    stated = f'[build-system]\nrequires = ["{required}"]\n[project]\nname = "acme"\nversion = "1"\nlicense = "MIT"\n'
    findings = run_check(license_expressed, {"pyproject.toml": stated})
    assert [(finding.rule, finding.line) for finding in findings] == [("license-back-end", 2)] * advised


def test_never_blocks(run_check: RunCheck) -> None:
    """With `strict` it is advice as well."""
    stated = f'[project]\nname = "acme"\nversion = "1"\nlicense = {{text = "MIT"}}\nclassifiers = ["{MIT}"]\n'
    findings = run_check(license_expressed, {"pyproject.toml": stated})
    task = check(license_expressed)
    outcome = Outcome(task.id, task.title, "check", Status.PASSED, tuple(findings))
    applied = severity.apply(outcome, task, Settings(strict=True))
    assert applied.status is Status.PASSED
    assert len(applied.findings) == 2


def test_elsewhere(run_check: RunCheck) -> None:
    """setup.cfg has other keys."""
    with pytest.raises(NotApplicable):
        run_check(license_expressed, {"setup.cfg": "[metadata]\nname = acme\nversion = 1.0\nlicense = MIT\n"})
