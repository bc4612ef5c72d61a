"""The draft on GitHub, with a stand-in for gh that stores releases in a file."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from omni_release.core.actions import Pin
from omni_release.core.model import Outcome, Status
from omni_release.git.steps import DraftRelease
from tests.repositories import Checkout, cloned

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a shebang"),
]

GH = """\
import hashlib, json, os, pathlib, sys
here = pathlib.Path(__file__)
kept = here.with_name("kept.json")
known = json.loads(kept.read_text()) if kept.exists() else {}
trouble = here.with_name("trouble")
_, verb, tag, *rest = sys.argv[1:]
assert os.environ["GH_PROMPT_DISABLED"] == "1"
with here.with_name("calls").open("a") as calls:
    print(verb, *(pathlib.Path(word).name for word in rest[2:] if "/" in word), file=calls)
if trouble.exists():
    code, said = trouble.read_text().split(" ", 1)
    if code != "-9":
        sys.exit(print(said, file=sys.stderr) or int(code))
if verb == "view":
    if tag not in known:
        sys.exit(print("release not found", file=sys.stderr) or 1)
    assets = list(known[tag]["files"].values())
    print(json.dumps({"url": f"https://example.invalid/{tag}", "isDraft": known[tag]["draft"], "assets": assets}))
elif verb == "upload":
    for path in map(pathlib.Path, rest[2:]):
        if path.name == "--clobber":
            continue
        files = known[tag]["files"]
        if path.name in files and "--clobber" not in rest:
            sys.exit(print("asset under the same name already exists", file=sys.stderr) or 1)
        content = path.read_bytes()
        entry = {"name": path.name, "size": len(content), "state": "uploaded"}
        here.with_name(f"asset-{path.name}").write_bytes(content)
        if not here.with_name("old").exists():
            entry["digest"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if trouble.exists():  # ended in the middle of this file
            entry = {"name": path.name, "size": 1, "state": "starter"}
        files[path.name] = entry
        kept.write_text(json.dumps(known))
        if trouble.exists():
            os.kill(os.getpid(), 9)
elif verb == "download":
    name, folder = rest[rest.index("--pattern") + 1], rest[rest.index("--dir") + 1]
    pathlib.Path(folder, name).write_bytes(here.with_name(f"asset-{name}").read_bytes())
elif tag in known:
    sys.exit(print("a release with the same tag name already exists", file=sys.stderr) or 1)
else:
    notes = rest[rest.index("--notes-file") + 1] if "--notes-file" in rest else None
    body = pathlib.Path(notes).read_text(encoding="utf-8") if notes else None
    known[tag] = {"draft": "--draft" in rest, "early": "--prerelease" in rest, "notes": body, "files": {}}
    known[tag]["repository"] = rest[rest.index("--repo") + 1]
    kept.write_text(json.dumps(known))
"""
CHANGES = """\
# Changelog

## [1.3.0] - soon

- Not yet.

## [1.2.0] - 2026-11-22

### Added

- A picture of a *cat*.

```
## no heading
```

## 1.1.0

- Before.
"""
PYPROJECT = '[project]\nname = "acme"\nversion = "1.2.0"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clone whose remote looks like one of GitHub, and a gh on the PATH."""
    made = cloned(tmp_path)
    made.commit("pyproject.toml", PYPROJECT)
    made.commit("CHANGELOG.md", CHANGES)
    made.git("remote", "set-url", "origin", "https://somebody:hunter2-hunter2@github.example/acme/acme.git")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(f"#!{sys.executable}\n{GH}", encoding="utf-8")
    (tmp_path / "bin" / "gh").chmod(0o755)
    return made.with_variables(
        PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", GITHUB_REF="refs/tags/v1.2.0"
    )


def stored(checkout: Checkout) -> dict[str, Any]:
    """The releases that the stand-in has stored."""
    path = checkout.root.parent / "bin" / "kept.json"
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return read


def fail_with(checkout: Checkout, answer: str) -> None:
    """Make gh fail from now on with this exit code and message; an empty one ends the failure."""
    path = checkout.root.parent / "bin" / "trouble"
    path.write_text(answer, encoding="utf-8")
    if not answer:
        path.unlink()


def messages(outcome: Outcome) -> str:
    """All messages."""
    return "\n".join(finding.message for finding in outcome.findings)


WHEEL, SDIST = "acme-1.2.0-py3-none-any.whl", "acme-1.2.0.tar.gz"
FILES = [WHEEL, SDIST, "SHA256SUMS", "report.html"]


@pytest.fixture
def built(checkout: Checkout) -> Checkout:
    """The checkout, with distributions and the page of a rehearsal."""
    with checkout.open() as (release, world):
        release.dist.mkdir()
        for name in (WHEEL, SDIST):
            (release.dist / name).write_bytes(name.encode())
        tree = release.folder / "tree.sha256"
        tree.write_text("tree", encoding="utf-8")
        world.journal.pin(Pin(release.dist, tree, None))
        page = f"<p>{release.folder}</p><p>{release.project.root}/src</p>"
        (release.folder / "report.html").write_text(page, encoding="utf-8")
    return checkout


def calls(checkout: Checkout) -> list[str]:
    """What gh was called for since the last time, without the questions."""
    path = checkout.root.parent / "bin" / "calls"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.unlink()
    return [line for line in lines if not line.startswith("view")]


def test_draft_has_the_files(built: Checkout) -> None:
    """The draft has the distributions, their checksums and the page without local folders; each is sent once."""
    planned = "\n".join(built.outcome(DraftRelease(), dry=True).actions)
    assert all(name in planned for name in FILES)
    outcome = built.outcome(DraftRelease())
    assert (outcome.status, outcome.evidence["files"]) == (Status.PASSED, "4 of 4"), messages(outcome)
    assert calls(built) == ["create notes.md", f"upload {' '.join(FILES)}"]
    bin = built.root.parent / "bin"
    sums = (bin / "asset-SHA256SUMS").read_text(encoding="utf-8")
    assert sums == "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in (WHEEL, SDIST))
    assert (bin / "asset-report.html").read_text(encoding="utf-8") == "<p>…</p><p>…/src</p>"
    assert messages(built.outcome(DraftRelease())) == "already done"
    assert calls(built) == []


@pytest.mark.parametrize("states_hashes", [True, False])
def test_killed_upload(built: Checkout, states_hashes: bool) -> None:
    """After a kill in the middle of a file the next run sends what is missing, whether GitHub states hashes or not."""
    if not states_hashes:
        (built.root.parent / "bin" / "old").touch()
    fail_with(built, "-9 killed")
    assert built.outcome(DraftRelease()).status is Status.FAILED
    fail_with(built, "")
    calls(built)
    outcome = built.outcome(DraftRelease())
    assert (outcome.status, outcome.evidence["files"]) == (Status.PASSED, "4 of 4"), messages(outcome)
    assert [line for line in calls(built) if line.startswith("upload")] == [f"upload {' '.join(FILES)}"]


@pytest.mark.parametrize("states_hashes", [True, False])
def test_other_bytes(built: Checkout, states_hashes: bool) -> None:
    """A draft with another file of our name is a conflict, and nothing is replaced."""
    if not states_hashes:
        (built.root.parent / "bin" / "old").touch()
    assert built.outcome(DraftRelease()).status is Status.PASSED
    bin = built.root.parent / "bin"
    (bin / f"asset-{WHEEL}").write_bytes(b"other")
    known = stored(built)
    if states_hashes:
        known["v1.2.0"]["files"][WHEEL]["digest"] = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
    (bin / "kept.json").write_text(json.dumps(known), encoding="utf-8")
    calls(built)
    outcome = built.outcome(DraftRelease())
    assert outcome.status is Status.FAILED
    assert f"the release on GitHub has another {WHEEL}" in messages(outcome)
    assert not [line for line in calls(built) if line.startswith("upload")]


def test_published_release_stays(built: Checkout) -> None:
    """A release that is published without the files stays as it is: it may be immutable."""
    known = {"v1.2.0": {"draft": False, "files": {}}}
    (built.root.parent / "bin" / "kept.json").write_text(json.dumps(known), encoding="utf-8")
    outcome = built.outcome(DraftRelease())
    assert (outcome.status, outcome.evidence["files"]) == (Status.PASSED, "0 of 4")
    assert outcome.evidence["missing"] == ", ".join(FILES)
    assert stored(built) == known


def test_draft_with_changelog_entry(checkout: Checkout) -> None:
    """One draft is created for the tag, with this version's changelog entry."""
    outcome = checkout.outcome(DraftRelease())
    assert (outcome.status, outcome.evidence["draft"]) == (Status.PASSED, "yes"), messages(outcome)
    assert list(stored(checkout)) == ["v1.2.0"]
    made = stored(checkout)["v1.2.0"]
    assert made["draft"] and not made["early"]
    assert made["repository"] == "github.example/acme/acme"
    assert made["notes"] == "### Added\n\n- A picture of a *cat*.\n\n```\n## no heading\n```\n"
    assert messages(checkout.outcome(DraftRelease())) == "already done"
    assert "hunter2" not in json.dumps(stored(checkout)) + messages(outcome) + str(outcome.evidence)


def test_dry_run(checkout: Checkout) -> None:
    """The command is reported without the credentials of the remote's address, and nothing is created."""
    planned = "\n".join(checkout.outcome(DraftRelease(), dry=True).actions)
    assert "release create v1.2.0 --repo github.example/acme/acme --draft --verify-tag" in planned
    assert "hunter2" not in planned
    assert stored(checkout) == {}


def test_without_a_changelog(checkout: Checkout) -> None:
    """Without a changelog GitHub generates the notes."""
    checkout.git("rm", "--quiet", "CHANGELOG.md")
    assert "--generate-notes" in checkout.outcome(DraftRelease(), dry=True).actions[0]


def test_no_gh(checkout: Checkout) -> None:
    """Without gh the step is skipped, with the reason."""
    (checkout.root.parent / "bin" / "gh").unlink()
    outcome = checkout.with_variables(PATH=str(checkout.root.parent / "bin")).outcome(DraftRelease())
    assert (outcome.status, messages(outcome)) == (Status.SKIPPED, "gh is not installed: no draft is created")


def test_gh_has_no_access(checkout: Checkout) -> None:
    """Without access the step is skipped; a failing service is inconclusive, and a later run passes."""
    fail_with(checkout, "4 To get started with GitHub CLI, please run: gh auth login")
    assert checkout.outcome(DraftRelease()).status is Status.SKIPPED
    fail_with(checkout, "1 HTTP 502: https://somebody:hunter2-hunter2@github.example/api")
    outcome = checkout.outcome(DraftRelease())
    assert outcome.status is Status.INCONCLUSIVE
    assert "HTTP 502" in messages(outcome) and "hunter2" not in messages(outcome)
    fail_with(checkout, "")
    assert checkout.outcome(DraftRelease()).status is Status.PASSED


def test_other_hosts(checkout: Checkout) -> None:
    """All forms of a remote's address are read; a folder or a path that is not OWNER/NAME is skipped."""
    for address, repository in (
        ("git@github.example:acme/acme.git", "github.example/acme/acme"),
        ("ssh://git@ssh.github.example:443/acme/acme", "github.example/acme/acme"),
        ("https://token@github.example/acme/ac.me.git/", "github.example/acme/ac.me"),
        (str(checkout.remote), None),
        ("https://gitlab.example/group/sub/acme.git", None),
        ("https://github.example/acme", None),
    ):
        checkout.git("remote", "set-url", "origin", address)
        outcome = checkout.outcome(DraftRelease(), dry=True)
        if repository:
            assert f"--repo {repository} " in outcome.actions[-1]
        else:
            assert (outcome.status, "no draft is created" in messages(outcome)) == (Status.SKIPPED, True)
