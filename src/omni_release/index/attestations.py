"""Verify the provenance of files (PEP 740), in a process of its own: the library may wait for the network, or hang.

    python -m omni_release.index.attestations FOLDER NAME=SHA256…

FOLDER has NAME.provenance for each file: what the index serves as its provenance. Prints JSON: for each name the
attestations with their publisher, and a problem where there is one. See `FileProvenance`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
"""The type of the attestation that an index requires of a publisher: https://docs.pypi.org/attestations/publish/v1/."""

DEADLINE = 180.0
"""Seconds that the verification of all files may take."""

NOT_INSTALLED = "not-installed"
UNKNOWN_PUBLISHER, UNKNOWN_TYPE = "unknown-publisher", "unknown-type"
MALFORMED, TAMPERED, OTHER_FILE, OTHER_IDENTITY = "malformed", "tampered", "other-file", "other-identity"


@dataclass(frozen=True)
class FileProvenance:
    """What the provenance of a file says: the `publisher`, as the index names it, and the types of its attestations.

    `problem` is one of the words above, empty where each attestation is verified, and `why` its reason. `trust` says
    which root of trust they were verified with. A file of several publishers has the first with a problem.
    """

    name: str
    publisher: Mapping[str, str | None] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    problem: str = ""
    why: str = ""
    trust: str = ""


def call(folder: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """The call of this program on our interpreter, for these files with their SHA-256."""
    named = (f"{name}={sha256}" for name, sha256 in files.items())
    return (sys.executable, "-P", "-m", "omni_release.index.attestations", str(folder), *named)


def answer(printed: str) -> tuple[FileProvenance, ...]:
    """What the program has printed. Raises ValueError for anything else."""
    try:
        return tuple(FileProvenance(**{**entry, "types": tuple(entry["types"])}) for entry in json.loads(printed))
    except (TypeError, KeyError) as error:
        raise ValueError(f"not the answer of the program: {error}") from None


class _Verifier:
    """Verifies attestations with today's root of trust, or with the one that came with the library."""

    def __init__(self) -> None:
        self.trust = ""

    def verify(self, attestation: Any, policy: Any, distribution: Any) -> None:
        """Verify one attestation. Raises AttestationError."""
        import sigstore
        from sigstore.errors import TUFError

        if not self.trust:
            try:
                attestation.verify(policy, distribution)
                self.trust = "today's root of trust"
                return
            except TUFError:
                self.trust = f"the root of trust of sigstore {sigstore.__version__}: today's was not fetched"
            except Exception:
                self.trust = "today's root of trust"
                raise
        attestation.verify(policy, distribution, offline=True)  # what was fetched is kept


def verified(name: str, sha256: str, content: bytes, verifier: _Verifier) -> FileProvenance:
    """What the provenance of a file says, verified for these bytes."""
    from pydantic import ValidationError
    from pypi_attestations import Provenance

    try:
        bundles = json.loads(content)["attestation_bundles"]
        publishers = [dict(bundle["publisher"]) for bundle in bundles]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return FileProvenance(name, problem=MALFORMED, why=f"{type(error).__name__}: {error}")
    for publisher in publishers:
        if str(publisher.get("kind")) not in _known_kinds():
            return FileProvenance(name, _strings(publisher), problem=UNKNOWN_PUBLISHER)
    try:
        provenance = Provenance.model_validate_json(content)
    except ValidationError as error:
        return FileProvenance(name, problem=MALFORMED, why=_first(error))
    found = FileProvenance(name, problem=MALFORMED, why="it has no attestation")
    for bundle, publisher in zip(provenance.attestation_bundles, publishers, strict=True):
        found = FileProvenance(name, _strings(publisher), problem=MALFORMED, why="it has no attestation")
        types = []
        for attestation in bundle.attestations:
            problem, why = _problem(attestation, bundle.publisher, name, sha256, verifier)
            if problem:
                return dataclasses.replace(found, problem=problem, why=why, trust=verifier.trust)
            types.append(str(attestation.statement.get("predicateType")))
        if types:
            found = dataclasses.replace(found, types=tuple(types), problem="", why="", trust=verifier.trust)
    return found


def _known_kinds() -> set[str]:
    """The kinds of publishers that the library knows."""
    import typing

    import pypi_attestations

    union = typing.get_args(pypi_attestations.Publisher)[0]
    return {kind.model_fields["kind"].default for kind in typing.get_args(union)}


def _problem(attestation: Any, publisher: Any, name: str, sha256: str, verifier: _Verifier) -> tuple[str, str]:
    """The problem of one attestation, and why; both are empty where there is none.

    The signature first, for what the statement itself is about; then whether that is our file; then who signed it.
    """
    from pypi_attestations import AttestationError, AttestationType, Distribution
    from sigstore.errors import Error, TUFError
    from sigstore.verify.policy import UnsafeNoOp

    try:
        subject = attestation.statement["subject"][0]
        of = Distribution(name=subject["name"], digest=subject["digest"]["sha256"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return MALFORMED, f"{type(error).__name__}: {error}"
    if attestation.statement.get("predicateType") not in {known.value for known in AttestationType}:
        return UNKNOWN_TYPE, str(attestation.statement.get("predicateType"))
    ours = Distribution(name=name, digest=sha256)  # its name may be spelled in another way
    steps = (
        (TAMPERED, UnsafeNoOp(), of, ""),
        (OTHER_FILE, UnsafeNoOp(), ours, f"{of.name} with sha256 {of.digest}"),
        (OTHER_IDENTITY, publisher, ours, ""),
    )
    for problem, policy, distribution, why in steps:
        try:
            verifier.verify(attestation, policy, distribution)
        except TUFError:  # about the root of trust, not about this attestation
            raise
        except (AttestationError, Error) as error:
            return problem, why or str(error)
    return "", ""


def _first(error: Any) -> str:
    """The first error of a validation, without what was given."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _strings(publisher: Mapping[str, object]) -> dict[str, str | None]:
    """The fields of a publisher; what is neither text nor missing is shown as JSON."""
    return {
        key: value if isinstance(value, str) or value is None else json.dumps(value) for key, value in publisher.items()
    }


def main(argv: list[str]) -> None:
    """Verify the files, and print the answer."""
    folder, *files = argv
    try:
        import pypi_attestations  # noqa: F401
    except ImportError:
        printed = [FileProvenance(file.partition("=")[0], problem=NOT_INSTALLED) for file in files]
    else:
        verifier = _Verifier()
        pairs = (file.rsplit("=", 1) for file in files)
        printed = [
            verified(name, sha, Path(folder, f"{name}.provenance").read_bytes(), verifier) for name, sha in pairs
        ]
    sys.stdout.write(json.dumps([dataclasses.asdict(found) for found in printed]))


if __name__ == "__main__":
    main(sys.argv[1:])
