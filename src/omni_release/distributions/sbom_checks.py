"""The SBOMs in the wheels (PEP 770): which there are, in which format, and whether they can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from omni_release import distributions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.report.sboms import Sbom

_PLACE = re.compile(r"[^/]+\.dist-info/sboms/.+")
_LARGEST = 32 * 1024 * 1024


@reports(Rule("sbom-malformed", RuleClass.QUALITY, "SBOM in a wheel cannot be read"))
def sboms_readable(release: Release, world: World) -> Iterator[Finding]:
    """SBOMs in the wheels are readable

    Each file below `.dist-info/sboms/` (PEP 770) is a complete document of CycloneDX or SPDX. The report lists them.

    Fix: write the file again with the tool that made it, in CycloneDX or SPDX, and build again.
    """
    seen = False
    for wheel in distributions.wheels(release.dist):
        for entry in distributions.contents(wheel):
            if not _PLACE.fullmatch(entry.name):
                continue
            seen = True
            about = {"distribution": wheel.name, "subjects": (entry.name,)}
            if entry.size > _LARGEST:
                message = f"{entry.name} is not read: it has more than {_LARGEST // 1024 // 1024} MiB"
                yield Finding(message, severity=Severity.NOTICE, **about)  # type: ignore[arg-type]  # of two types
                continue
            try:
                form, components = describe(entry.read())
                message = Sbom(wheel.name, entry.name, form, components).message
                yield Finding(message, severity=Severity.NOTICE, **about)  # type: ignore[arg-type]  # of two types
            except MalformedSbom as error:
                message = f"{wheel.name}: {entry.name} {error}"
                yield Finding(message, "sbom-malformed", **about)  # type: ignore[arg-type]  # of two types
    if not seen:
        raise NotApplicable("no wheel contains an SBOM")


class MalformedSbom(Exception):
    """A file that is not a complete SBOM, and why, to follow its name in a sentence."""


def describe(content: bytes) -> tuple[str, int]:
    """The format of an SBOM with its version, and how many components it lists, those inside of others included.

    Raises MalformedSbom for a file that is damaged, or in a format that is not known here.
    Sources: https://cyclonedx.org/docs/1.6/json/, https://spdx.github.io/spdx-spec/v2.3/, https://spdx.dev/use/specifications/
    """
    text = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        raise MalformedSbom("is empty")
    readers: tuple[tuple[bytes, Callable[[bytes], tuple[str, int]]], ...] = ((b"{", _json), (b"[", _json), (b"<", _xml))
    reader = next((reader for start, reader in readers if text.startswith(start)), _text)
    return reader(text)


def _json(content: bytes) -> tuple[str, int]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedSbom(f"is not valid JSON: {error}") from None
    return _document(document)


def _document(document: object) -> tuple[str, int]:
    """The format of a document of JSON or YAML."""
    if not isinstance(document, dict):
        raise MalformedSbom("is neither CycloneDX nor SPDX")
    if document.get("bomFormat") == "CycloneDX":
        version = _stated(document, "specVersion", r"\d+\.\d+")
        return f"CycloneDX {version}", _components(document, 0)
    if "spdxVersion" in document:
        version = _stated(document, "spdxVersion", r"SPDX-\d+\.\d+").removeprefix("SPDX-")
        return f"SPDX {version}", len(_objects(document, "packages"))
    context = re.search(r"https://spdx\.org/rdf/(\d+\.\d+)", json.dumps(document.get("@context", "")))
    if context:
        graph = _objects(document, "@graph")
        kinds = [str(item.get("type", item.get("@type", ""))) for item in graph]
        return f"SPDX {context[1]}", sum(kind.endswith("software_Package") for kind in kinds)
    raise MalformedSbom("is neither CycloneDX nor SPDX")


def _stated(document: dict[str, Any], key: str, form: str) -> str:
    """The version of the format. Raises MalformedSbom where there is none."""
    value = document.get(key)
    if not isinstance(value, str) or not re.fullmatch(form, value):
        raise MalformedSbom(f"has no valid {key}: {value!r}")
    return value


_DEEPEST = 100


def _components(document: dict[str, Any], depth: int) -> int:
    """The number of components in a part of a CycloneDX document."""
    if depth > _DEEPEST:
        raise MalformedSbom(f"has components more than {_DEEPEST} levels deep")
    found = _objects(document, "components")
    for component in found:
        if not isinstance(component.get("name"), str):
            raise MalformedSbom("has a component without a name")
    return len(found) + sum(_components(component, depth + 1) for component in found)


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list, which may be missing. Raises MalformedSbom for anything else."""
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedSbom(f"has a `{key}` that is not a list of objects")
    return value


def _xml(content: bytes) -> tuple[str, int]:
    from xml.etree import ElementTree

    if re.search(rb"<!(?:DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise MalformedSbom("has a document type, which no SBOM needs")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - entities need a document type, which is refused
    except ElementTree.ParseError as error:
        raise MalformedSbom(f"is not valid XML: {error}") from None
    if found := re.fullmatch(r"\{(http://cyclonedx\.org/schema/bom/(\d+\.\d+))\}bom", root.tag):
        listed = root.find(f"{{{found[1]}}}components")
        return f"CycloneDX {found[2]}", 0 if listed is None else sum(1 for _ in listed.iter(f"{{{found[1]}}}component"))
    terms = "{http://spdx.org/rdf/terms#}"
    if root.tag.endswith("}RDF") and (version := root.findtext(f".//{terms}specVersion")):
        return f"SPDX {version.removeprefix('SPDX-')}", sum(1 for _ in root.iter(f"{terms}Package"))
    raise MalformedSbom("is neither CycloneDX nor SPDX")


def _text(content: bytes) -> tuple[str, int]:
    """The format of a document of tags and values, or of YAML, both of SPDX."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise MalformedSbom("is neither CycloneDX nor SPDX in a form that can be read here") from None
    if tagged := re.search(r"^SPDXVersion: *SPDX-(\d+\.\d+) *$", text, re.MULTILINE):
        return f"SPDX {tagged[1]}", len(re.findall(r"^PackageName:", text, re.MULTILINE))
    if re.search(r"^[\"']?spdxVersion[\"']?:", text, re.MULTILINE):
        import yaml

        try:
            return _document(yaml.safe_load(text))
        except (yaml.YAMLError, RecursionError) as error:
            raise MalformedSbom(f"is not valid YAML: {' '.join(str(error).split())}") from None
    raise MalformedSbom("is neither CycloneDX nor SPDX")
