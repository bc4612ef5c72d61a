"""How pyproject.toml states the license: the forms that PEP 639 has replaced, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.settings_reader import nearest_line
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.distributions import parsed_requirement

TABLE = Rule("license-table", RuleClass.QUALITY, "License is a table instead of an SPDX expression")
CLASSIFIER = Rule("license-classifier", RuleClass.QUALITY, "License is a classifier instead of an SPDX expression")
OLD_BACK_END = Rule("license-back-end", RuleClass.QUALITY, "Build back end is too old for a license expression")

_FILE = "pyproject.toml"
_PREFIX = "License :: "
_OSI = "License :: OSI Approved :: "
# https://spdx.org/licenses/: the classifiers that stand for one license. Others, such as `BSD License`, are several.
_EXPRESSIONS = {
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PostgreSQL License": "PostgreSQL",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zero-Clause BSD (0BSD)": "0BSD",
}
# The first versions that know both keys:
# https://packaging.python.org/en/latest/guides/writing-pyproject-toml/#license-and-license-files
_BACK_ENDS = {
    "flit-core": "3.12",
    "hatchling": "1.27",
    "pdm-backend": "2.4",
    "poetry-core": "2.2",
    "setuptools": "77.0.3",
    "uv-build": "0.7.19",
}


@reports(TABLE, CLASSIFIER, OLD_BACK_END)
def license_expressed(release: Release, world: World) -> Iterator[Finding]:
    """License is an SPDX expression

    `[project]` states the license as an SPDX expression, and its files in `license-files` (PEP 639), not as a table or
    as a classifier, and the build back end that is required knows this form. Advice: it does not block.

    Fix: write `license = "MIT"` and `license-files = ["LICENSE"]` with your own license, and remove the classifiers.
    """
    project = table(release.project.metadata, "project")
    if release.project.stated_in != _FILE or not project:
        raise NotApplicable("there is no [project] in pyproject.toml")
    license, classifiers = project.get("license"), project.get("classifiers")
    named = [text for text in classifiers if str(text).startswith(_PREFIX)] if isinstance(classifiers, list) else []
    text = (release.project.root / _FILE).read_text(encoding="utf-8-sig", errors="replace")

    def place(key: str) -> tuple[str, int | None]:
        return _FILE, nearest_line(text, ("project", key))

    if isinstance(license, dict):
        advice = f"{_instead(license, named)}. Build back ends warn of the table, and will refuse it"
        yield Finding(f"`license` is a table: write {advice}", TABLE.id, Severity.WARNING, *place("license"))
    for classifier in named:
        if isinstance(license, str):
            advice = f"remove it: `license = {license!r}` says it, and build back ends may refuse both"
        else:
            advice = f"write {_expression(classifier)} instead"
        message = f"the classifier {classifier!r} is deprecated: {advice}"
        yield Finding(message, CLASSIFIER.id, Severity.WARNING, *place("classifiers"))
    if isinstance(license, str) or "license-files" in project:
        yield from _old_back_ends(release.project.metadata, nearest_line(text, ("build-system", "requires")))


def _instead(license: Mapping[str, object], classifiers: list[str]) -> str:
    """What replaces a table: `license` and `license-files`."""
    stated = str(license.get("text", "")).strip()
    expression = _spdx(stated) or next(filter(None, map(_of_classifier, classifiers)), "")
    written = f'`license = "{expression}"`' if expression else "the SPDX expression of your license"
    if "file" in license:
        return f"{written}, and `license-files = [{str(license['file'])!r}]`"
    return f"{written}, and its text into a file LICENSE" if "\n" in stated else written


def _expression(classifier: str) -> str:
    expression = _of_classifier(classifier)
    if not expression:
        return "the SPDX expression of your license (https://spdx.org/licenses/) as `license`"
    return f'`license = "{expression}"`'


def _of_classifier(classifier: str) -> str:
    if classifier == "License :: Other/Proprietary License":
        return "LicenseRef-Proprietary"
    return _EXPRESSIONS.get(classifier.removeprefix(_OSI), "")


def _spdx(stated: str) -> str:
    """A text as an SPDX expression, in its usual spelling; empty where it is none."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    by_name = _EXPRESSIONS.get(stated) or _EXPRESSIONS.get(f"{stated} License")
    try:
        return by_name or str(canonicalize_license_expression(stated)) if stated else ""
    except InvalidLicenseExpression:
        return ""


def _old_back_ends(metadata: Mapping[str, object], line: int | None) -> Iterator[Finding]:
    """A finding for a back end that is limited to versions before the first that knows these keys."""
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    required = table(metadata, "build-system").get("requires")
    for text in required if isinstance(required, list) else ():
        requirement = parsed_requirement(str(text))
        first = _BACK_ENDS.get(canonicalize_name(requirement.name)) if requirement else None
        if requirement is None or first is None or requirement.specifier.contains(first):
            continue
        bounds = [re.sub(r"\.\*$", "", spec.version) for spec in requirement.specifier if spec.operator[0] in ">=~"]
        if not any(Version(bound) > Version(first) for bound in bounds):
            message = (
                f"[build-system] requires {text!r}, but `license` as an expression needs {requirement.name} {first}"
            )
            yield Finding(
                f"{message}: write {requirement.name}>={first}", OLD_BACK_END.id, Severity.WARNING, _FILE, line
            )
