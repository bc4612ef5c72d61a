"""SBOMs in a wheel (PEP 770): each format, what is damaged, and how the report shows them."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Outcome, Project, Release, Report, Severity, Status
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.distributions.sbom_checks import sboms_readable
from omni_release.report import json_report, markdown, page, text
from omni_release.report.page_facts import PageFacts
from omni_release.report.sboms import Sbom, sboms
from omni_release.report.text import Layout
from tests.wheels import write_wheel

FOLDER = "acme-1.0.dist-info/sboms"
PARTS: list[dict[str, Any]] = [{"name": "zlib", "components": [{"name": "crc"}]}, {"name": "png"}]


def cyclonedx(**more: Any) -> str:
    """CycloneDX as JSON."""
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", **more})


XML = (
    '<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5"><metadata><component type="library">'
    "<name>acme</name></component></metadata><components><component><name>zlib</name><components><component>"
    "<name>crc</name></component></components></component></components></bom>"
)
SPDX_3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [{"type": "software_Package"}, {"type": "Person"}, {"type": "software_File"}],
}
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://spdx.org/rdf/terms#"><SpdxDocument>'
    "<specVersion>SPDX-2.3</specVersion><Package/><Package/></SpdxDocument></rdf:RDF>"
)

SOUND = [
    ("acme.cdx.json", cyclonedx(components=PARTS), "CycloneDX 1.6", 3),
    ("empty.cdx.json", cyclonedx(), "CycloneDX 1.6", 0),
    ("bom.cdx.json", f"\ufeff{cyclonedx(components=PARTS[1:])}", "CycloneDX 1.6", 1),
    ("deep/acme.cdx.xml", XML, "CycloneDX 1.5", 2),
    ("acme.spdx.json", json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{"name": "zlib"}]}), "SPDX 2.3", 1),
    ("acme.jsonld", json.dumps(SPDX_3), "SPDX 3.0", 1),
    ("acme.spdx", "SPDXVersion: SPDX-2.2\nPackageName: a\nPackageName: b\n", "SPDX 2.2", 2),
    ("acme.spdx.yml", "spdxVersion: SPDX-2.3\npackages:\n- name: a\n", "SPDX 2.3", 1),
    ("acme.rdf.xml", RDF, "SPDX 2.3", 2),
]
DAMAGED = [
    ("", "is empty"),
    ('{"bomFormat": "CycloneDX"', "is not valid JSON"),
    ("[" * 100_000, "is not valid JSON"),
    (cyclonedx(specVersion=1.6), "has no valid specVersion: 1.6"),
    (cyclonedx(components={"name": "a"}), "has a `components` that is not a list of objects"),
    (cyclonedx(components=[{"version": "1"}]), "has a component without a name"),
    ('{"spdxVersion": "2.3"}', "has no valid spdxVersion: '2.3'"),
    ("[]", "is neither CycloneDX nor SPDX"),
    ('{"packages": []}', "is neither CycloneDX nor SPDX"),
    ("<bom", "is not valid XML"),
    ('<!DOCTYPE a [<!ENTITY b "c">]><bom/>', "has a document type"),
    ('<bom xmlns="http://example.invalid/1.5"/>', "is neither CycloneDX nor SPDX"),
    ("spdxVersion: [", "is not valid YAML"),
    ("a list of parts", "is neither CycloneDX nor SPDX"),
]


def release(folder: Path, files: dict[str, str]) -> Release:
    """A release whose wheel has these files."""
    write_wheel(folder / "dist", "acme", "1.0", {"acme.py": "", **files})
    project = Project(folder, "acme", (), Settings(), {})
    return Release(project, "1.0", "rehearsal", None, folder, folder / "work", PurePosixPath())


def found(folder: Path, files: dict[str, str]) -> list[Finding]:
    """What the check reports of a wheel with these files."""
    return list(sboms_readable(release(folder, files), cast(World, None)))


@pytest.mark.parametrize(("name", "content", "form", "components"), SOUND, ids=[case[0] for case in SOUND])
def test_formats(name: str, content: str, form: str, components: int, tmp_path: Path) -> None:
    """Each format is recognized, with its version and the number of its components."""
    (finding,) = found(tmp_path, {f"{FOLDER}/{name}": content})
    assert finding.severity is Severity.NOTICE
    assert Sbom.of(finding) == Sbom("acme-1.0-py3-none-any.whl", f"{FOLDER}/{name}", form, components)


@pytest.mark.parametrize(("content", "why"), DAMAGED, ids=[f"{n} {case[1]}" for n, case in enumerate(DAMAGED)])
def test_damaged(content: str, why: str, tmp_path: Path) -> None:
    """What cannot be read is named with the reason, and is no line of the table."""
    (finding,) = found(tmp_path, {f"{FOLDER}/x.json": content})
    assert finding.rule == "sbom-malformed"
    assert f"{FOLDER}/x.json {why}" in finding.message
    assert Sbom.of(finding) is None


@pytest.mark.parametrize("path", ["acme/sboms/x.json", "acme-1.0.dist-info/sbom.json", "sboms/x.json"])
def test_elsewhere(path: str, tmp_path: Path) -> None:
    """A file at another place is no SBOM of the standard."""
    with pytest.raises(NotApplicable):
        found(tmp_path, {path: "{}"})


def test_reports(tmp_path: Path) -> None:
    """The SBOMs are on the terminal, in the Markdown, on the page and in the JSON, also when that is read again."""
    findings = found(tmp_path, {f"{FOLDER}/a|b.json": cyclonedx(components=PARTS), f"{FOLDER}/c.json": "{"})
    outcome = Outcome("sboms-readable", "SBOMs in the wheels are readable", "check", Status.PASSED, tuple(findings))
    report = Report("rehearse", "acme", "1.0", "rehearsal", 1.0, (outcome,))
    words = "a|b.json: CycloneDX 1.6, 3 components"
    assert any(words in line for line in text.task_lines(outcome, Layout(200)))
    assert f"| `acme-1.0-py3-none-any.whl` | `{FOLDER}/a\\|b.json` | CycloneDX 1.6 | 3 |" in markdown.document(report)
    shown = page.document(report, PageFacts())
    section = shown.partition('<section id="sboms"')[2].partition("</section>")[0]
    assert all(part in section for part in ("a|b.json", "acme-1.0-py3-none-any.whl", "CycloneDX 1.6", ">3<"))
    assert "c.json" not in section and '<a href="#sboms">' in shown
    again = json_report.read(json_report.document(report))
    assert again is not None and sboms(again.outcomes) == sboms(report.outcomes)
