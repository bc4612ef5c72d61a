"""Rehearse one package without settings, and sum the report up."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from tests.compatibility import Package
from tests.compatibility.checkout import prepare

_DEADLINE = 1200.0  # seconds
_LENGTH = 240  # characters of a reason
_INHERITED = re.compile(
    r"PATH|HOME|LANG|LC_ALL|SYSTEMROOT|(PIP|UV|SSL)_.*|\w+_CA_BUNDLE|(https?|no)_proxy", re.IGNORECASE
)
_COMPILERS = {"maturin": "cargo", "scikit-build-core": "c++", "meson-python": "cc"}


@dataclass(frozen=True)
class Result:
    """The result of one rehearsal.

    `verdict` is the report's; or `skipped`, with its reason in `blocked`, where this machine cannot build the package.
    `blocked` has a line for each rule that blocks. `tests` is how many ran; None where there were none to run.
    """

    version: str
    source: str
    verdict: str
    blocked: tuple[str, ...]
    tests: int | None
    seconds: int
    python: str

    @property
    def passed(self) -> bool:
        """Whether nothing blocks the release."""
        return self.verdict == "passed"


def rehearse(package: Package, folder: Path, *, sdists: Path, checkouts: Path | None) -> Result:
    """Rehearse a package in `folder`, which must not exist."""
    tree = folder / package.name
    (folder / "temporary").mkdir(parents=True)
    source = prepare(package, tree, sdists=sdists, checkouts=checkouts)
    if reason := _cannot_build(package, tree):
        return Result(package.version, source, "skipped", (reason,), None, 0, platform.python_version())
    start = time.monotonic()
    report = _report(tree, child_environment(folder / "temporary"))
    (folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    seconds = round(time.monotonic() - start)
    blocked = tuple(_without_paths(reason, folder) for reason in _reasons(report))
    verdict = str(report["verdict"])
    return Result(package.version, source, verdict, blocked, _tests(report), seconds, platform.python_version())


def child_environment(temporary: Path) -> dict[str, str]:
    """What a rehearsal gets of this environment: where programs, the index and its certificates are; no key."""
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    return inherited | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))


def _cannot_build(package: Package, tree: Path) -> str | None:
    """Why this machine cannot build the package; None where it can."""
    pyproject = tree / "pyproject.toml"
    stated = tomllib.loads(pyproject.read_text(encoding="utf-8")) if pyproject.exists() else {}
    required = stated.get("project", {}).get("requires-python", "")
    if not SpecifierSet(required).contains(platform.python_version()):
        return f"it requires Python {required}"
    compiler = _COMPILERS.get(package.backend)
    if compiler and not shutil.which(compiler):
        return f"{compiler} is not installed"
    if compiler == "cargo":
        manifest = next(tree.rglob("Cargo.toml"))
        fetched = subprocess.run(["cargo", "fetch", "--manifest-path", str(manifest)], capture_output=True, check=False)
        if fetched.returncode:
            return "cargo cannot fetch the crates on this machine"
    return None


def _report(tree: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The JSON report of `omni-release rehearse`."""
    command = [sys.executable, "-m", "omni_release", "rehearse", "--format", "json"]
    process = subprocess.Popen(
        command, cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, err = process.communicate(timeout=_DEADLINE)
    except subprocess.TimeoutExpired:
        process.terminate()  # it ends what it started
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    try:
        report: dict[str, Any] = json.loads(out)
    except ValueError:
        message = err.decode(errors="replace").strip().splitlines()[-1:]
        return {"verdict": "error", "outcomes": [], "error": {"message": "".join(message) or "no report"}}
    return report


def _reasons(report: Mapping[str, Any]) -> Iterator[str]:
    """One line for each rule that blocks: its first message, and how many more there are."""
    if "error" in report:
        yield str(report["error"]["message"]).partition("\n")[0][:_LENGTH]
    for outcome in report["outcomes"]:
        if outcome["status"] not in ("failed", "inconclusive"):
            continue
        errors = [finding for finding in outcome["findings"] if finding["severity"] == "error"]
        own = [finding for finding in outcome["findings"] if finding["rule"] == outcome["id"]]
        by_rule: dict[str, list[dict[str, Any]]] = {}
        for finding in errors or own:
            by_rule.setdefault(finding["rule"], []).append(finding)
        for rule, findings in by_rule.items():
            first, *rest = findings
            place = ":".join(str(part) for part in (first["path"], first["line"]) if part)
            message = ": ".join(filter(None, (place, _in_one_line(str(first["message"])))))
            more = f" (and {len(rest)} more)" if rest else ""
            kind = "" if outcome["status"] == "failed" else ", inconclusive"
            yield f"{rule}{kind}: {message[:_LENGTH]}{more}"


def _in_one_line(message: str) -> str:
    """The first line of a message; where that announces others, with the last of them that has no hint."""
    first, *others = message.strip().splitlines() or [""]
    others = [line.strip() for line in others if "Full output:" not in line]
    return f"{first} {others[-1]}" if others and first.endswith(":") else first


def _tests(report: Mapping[str, Any]) -> int | None:
    """How many tests ran, by pytest's own report; None where the project has no tests."""
    outcomes = [outcome for outcome in report["outcomes"] if outcome["id"] == "tests-pass"]
    if not report.get("run") or any(outcome["status"] == "skipped" for outcome in outcomes):
        return None
    try:
        cases = ElementTree.parse(Path(report["run"]) / "tests.junit.xml").iter("testcase")
    except (OSError, ElementTree.ParseError):
        return 0
    return sum(not {element.tag for element in case} & {"skipped", "error"} for case in cases)


def _without_paths(text: str, folder: Path) -> str:
    """A reason without the paths and addresses of this machine."""
    text = text.replace(f"{folder}{os.sep}", "")
    return re.sub(r"https?://[^\s/]+", "https://…", text)


def to_json(result: Result) -> dict[str, Any]:
    """A result as it is kept."""
    return asdict(result)


def from_json(document: Mapping[str, Any]) -> Result:
    """A result that was kept."""
    return Result(**{**document, "blocked": tuple(document["blocked"])})
