"""The verification of real provenance, without a network: what is genuine, and each way in which it is not."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omni_release.index import attestations
from omni_release.index.attestations import PUBLISH, FileProvenance
from tests.publishing.provenance_files import CIRCLECI, GITHUB, GOOGLE, sha256, unpacked

Change = Callable[[dict[str, Any], dict[str, Any]], None]
"""A change of a provenance; the second is one of another file."""


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with real files and their provenance."""
    return unpacked(tmp_path_factory.mktemp("provenance"))


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The root of trust is the one of the library, whether or not there is a network."""
    verifier = attestations._Verifier.__init__

    def offline(self: attestations._Verifier) -> None:
        verifier(self)
        self.trust = "the root of trust of the library"

    monkeypatch.setattr(attestations._Verifier, "__init__", offline)
    yield


def read(assets: Path, name: str) -> dict[str, Any]:
    """The provenance of a file."""
    found: dict[str, Any] = json.loads((assets / f"{name}.provenance").read_bytes())
    return found


def verified(assets: Path, name: str, content: object, digest: str = "") -> FileProvenance:
    """What is said of a provenance for the file of this name."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return attestations.verified(name, digest or sha256(assets, name), text, attestations._Verifier())


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize(
    ("name", "kind", "identity"),
    [
        (GITHUB, "GitHub", {"repository": "trailofbits/pypi-attestations", "workflow": "release.yml"}),
        (GOOGLE, "Google", {"email": "919436158236-compute@developer.gserviceaccount.com"}),
        (CIRCLECI, "CircleCI", {"project_id": "fdd9283f-e619-46af-8f9c-851f7d3e8b2b"}),
    ],
)
def test_genuine(name: str, kind: str, identity: dict[str, str], assets: Path) -> None:
    """A genuine attestation is verified, and its publisher is returned."""
    found = verified(assets, name, read(assets, name))
    assert (found.problem, found.types, found.trust) == ("", (PUBLISH,), "the root of trust of the library")
    assert found.publisher.items() >= {"kind": kind, **identity}.items()


def first(provenance: dict[str, Any]) -> dict[str, Any]:
    """The first attestation."""
    found: dict[str, Any] = provenance["attestation_bundles"][0]["attestations"][0]
    return found


def signature(ours: dict[str, Any], other: dict[str, Any]) -> None:
    """Another one."""
    first(ours)["envelope"]["signature"] = first(other)["envelope"]["signature"]


def statement(ours: dict[str, Any], other: dict[str, Any]) -> None:
    """The same with another digest."""
    envelope = first(ours)["envelope"]
    text = json.loads(base64.b64decode(envelope["statement"]))
    text["subject"][0]["digest"]["sha256"] = "0" * 64
    envelope["statement"] = base64.b64encode(json.dumps(text).encode()).decode()


def kind_of_statement(ours: dict[str, Any], other: dict[str, Any]) -> None:
    """The same of another type."""
    envelope = first(ours)["envelope"]
    text = json.loads(base64.b64decode(envelope["statement"])) | {"predicateType": "https://acme.invalid"}
    envelope["statement"] = base64.b64encode(json.dumps(text).encode()).decode()


def certificate(ours: dict[str, Any], other: dict[str, Any]) -> None:
    """That of another one."""
    material = first(other)["verification_material"]["certificate"]
    first(ours)["verification_material"]["certificate"] = material


def log(ours: dict[str, Any], other: dict[str, Any]) -> None:
    """The entry of another one in the log."""
    entries = first(other)["verification_material"]["transparency_entries"]
    first(ours)["verification_material"]["transparency_entries"] = entries


def of_other(ours: dict[str, Any], other: dict[str, Any]) -> None:
    """The whole attestation of another file."""
    ours["attestation_bundles"] = other["attestation_bundles"]


def publisher(**facts: object) -> Change:
    """The index names this publisher."""
    return lambda ours, other: ours["attestation_bundles"][0]["publisher"].update(facts)


def bundles(value: object) -> Change:
    """Something else in place of the bundles."""
    return lambda ours, other: ours.update(attestation_bundles=value)


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (signature, "tampered"),
        (statement, "tampered"),
        (certificate, "tampered"),
        (log, "tampered"),
        (lambda ours, other: first(ours)["envelope"].update(signature=""), "tampered"),
        (lambda ours, other: first(ours)["verification_material"].update(certificate="bm9uZQ=="), "tampered"),
        (of_other, "other-file"),
        (kind_of_statement, "unknown-type"),
        (publisher(repository="acme/acme"), "other-identity"),
        (publisher(workflow="other.yml"), "other-identity"),
        (publisher(kind="Acme"), "unknown-publisher"),
        (publisher(kind=None), "unknown-publisher"),
        (publisher(kind=["GitHub"]), "unknown-publisher"),
        (publisher(repository=None), "malformed"),
        (bundles([]), "malformed"),
        (bundles("none"), "malformed"),
        (bundles([{"publisher": {"kind": "GitHub", "repository": "a/b", "workflow": "c"}}]), "malformed"),
        (lambda ours, other: ours["attestation_bundles"][0].update(attestations=[]), "malformed"),
        (lambda ours, other: first(ours).pop("envelope"), "malformed"),
        (lambda ours, other: first(ours)["envelope"].update(statement="e30="), "malformed"),
    ],
)
def test_not_genuine(change: Change, problem: str, assets: Path) -> None:
    """Each change has its own word: nothing that is not verified passes."""
    ours = read(assets, GITHUB)
    change(ours, copy.deepcopy(read(assets, GOOGLE)))
    found = verified(assets, GITHUB, ours)
    assert found.problem == problem, found.why


@pytest.mark.usefixtures("_offline")
def test_other_bytes(assets: Path) -> None:
    """The attestation of the file as it was before other bytes got its name is that of another file."""
    found = verified(assets, GITHUB, read(assets, GITHUB), "1" * 64)
    assert (found.problem, found.why[: len(GITHUB)]) == ("other-file", GITHUB)


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000])
def test_no_provenance(content: bytes, assets: Path) -> None:
    """Anything else that the index serves is malformed."""
    assert verified(assets, GITHUB, content).problem == "malformed"


@pytest.mark.long
def test_program(assets: Path, tmp_path: Path) -> None:
    """The program prints what was found of each file, and verifies with the root of trust that it can get."""
    for name in (GITHUB, GOOGLE):
        (tmp_path / f"{name}.provenance").write_bytes((assets / f"{name}.provenance").read_bytes())
    argv = attestations.call(tmp_path, {GITHUB: sha256(assets, GITHUB), GOOGLE: "0" * 64})
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    ours, other = attestations.answer(ran.stdout)
    assert (ours.problem, ours.types) == ("", (PUBLISH,))
    assert other.problem == "other-file"
    assert "root of trust" in ours.trust


@pytest.mark.parametrize(
    "printed", ["", "null", "[1]", '{"name": "a"}', '[{"name": "a"}]', '[{"nom": 1, "types": []}]']
)
def test_no_answer(printed: str) -> None:
    """What is not the answer of the program is not taken for one."""
    with pytest.raises(ValueError):
        attestations.answer(printed)
