"""The draft on GitHub: a stand-in for gh that keeps what it is told, as the real one keeps it on the service."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from omni_release.core.model import Outcome, Status
from omni_release.git.steps import DraftRelease
from tests.repositories import Checkout, cloned

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for gh is a script with a first line"),
]

GH = """\
import json, os, pathlib, sys
kept = pathlib.Path(__file__).with_name("kept.json")
known = json.loads(kept.read_text()) if kept.exists() else {}
trouble = pathlib.Path(__file__).with_name("trouble")
_, verb, tag, *rest = sys.argv[1:]
assert os.environ["GH_PROMPT_DISABLED"] == "1"
if trouble.exists():
    code, said = trouble.read_text().split(" ", 1)
    sys.exit(print(said, file=sys.stderr) or int(code))
if verb == "view":
    if tag not in known:
        sys.exit(print("release not found", file=sys.stderr) or 1)
    print(json.dumps({"url": f"https://example.invalid/{tag}", "isDraft": known[tag]["draft"]}))
elif tag in known:
    sys.exit(print("a release with the same tag name already exists", file=sys.stderr) or 1)
else:
    notes = rest[rest.index("--notes-file") + 1] if "--notes-file" in rest else None
    body = pathlib.Path(notes).read_text(encoding="utf-8") if notes else None
    known[tag] = {"draft": "--draft" in rest, "early": "--prerelease" in rest, "notes": body}
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
    """A clone whose remote looks like GitHub's, and a gh on the path."""
    made = cloned(tmp_path)
    made.commit("pyproject.toml", PYPROJECT)
    made.commit("CHANGELOG.md", CHANGES)
    made.git("remote", "set-url", "origin", "https://somebody:hunter2-hunter2@github.example/acme/acme.git")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(f"#!{sys.executable}\n{GH}", encoding="utf-8")
    (tmp_path / "bin" / "gh").chmod(0o755)
    return made.told(PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", GITHUB_REF="refs/tags/v1.2.0")


def kept(checkout: Checkout) -> dict[str, Any]:
    """What the service has."""
    path = checkout.root.parent / "bin" / "kept.json"
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return read


def trouble(checkout: Checkout, said: str) -> None:
    """From now on gh ends like this; with nothing, it works again."""
    path = checkout.root.parent / "bin" / "trouble"
    path.write_text(said, encoding="utf-8")
    if not said:
        path.unlink()


def said(outcome: Outcome) -> str:
    """All that was found."""
    return "\n".join(finding.message for finding in outcome.findings)


def test_a_draft_with_the_changelogs_words(checkout: Checkout) -> None:
    """One draft, of the tag, with this version's part of the changelog; none twice."""
    outcome = checkout.outcome(DraftRelease())
    assert (outcome.status, outcome.evidence["draft"]) == (Status.PASSED, "yes"), said(outcome)
    assert list(kept(checkout)) == ["v1.2.0"]
    made = kept(checkout)["v1.2.0"]
    assert made["draft"] and not made["early"]
    assert made["repository"] == "github.example/acme/acme"
    assert made["notes"] == "### Added\n\n- A picture of a *cat*.\n\n```\n## no heading\n```\n"
    assert said(checkout.outcome(DraftRelease())) == "already done"
    assert "hunter2" not in json.dumps(kept(checkout)) + said(outcome) + str(outcome.evidence)


def test_dry_run(checkout: Checkout) -> None:
    """What gh would be asked is printed, without the address's credentials, and nothing is made."""
    planned = "\n".join(checkout.outcome(DraftRelease(), dry=True).actions)
    assert "release create v1.2.0 --repo github.example/acme/acme --draft --verify-tag" in planned
    assert "hunter2" not in planned
    assert kept(checkout) == {}


def test_without_a_changelog(checkout: Checkout) -> None:
    """GitHub writes the notes then."""
    checkout.git("rm", "--quiet", "CHANGELOG.md")
    assert "--generate-notes" in checkout.outcome(DraftRelease(), dry=True).actions[0]


def test_no_gh(checkout: Checkout) -> None:
    """Where gh is not, no draft is made, and that is said."""
    (checkout.root.parent / "bin" / "gh").unlink()
    outcome = checkout.told(PATH=str(checkout.root.parent / "bin")).outcome(DraftRelease())
    assert (outcome.status, said(outcome)) == (Status.SKIPPED, "gh is not on this machine: no draft is made")


def test_gh_has_no_access(checkout: Checkout) -> None:
    """Not logged in is a reason to leave it; a service that fails is none, and a later run goes on."""
    trouble(checkout, "4 To get started with GitHub CLI, please run: gh auth login")
    assert checkout.outcome(DraftRelease()).status is Status.SKIPPED
    trouble(checkout, "1 HTTP 502: https://somebody:hunter2-hunter2@github.example/api")
    outcome = checkout.outcome(DraftRelease())
    assert outcome.status is Status.INCONCLUSIVE
    assert "HTTP 502" in said(outcome) and "hunter2" not in said(outcome)
    trouble(checkout, "")
    assert checkout.outcome(DraftRelease()).status is Status.PASSED


def test_other_hosts(checkout: Checkout) -> None:
    """Each way to write an address is read; a folder, or a path that is not OWNER/NAME, is none of gh's."""
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
            assert (outcome.status, "no draft is made" in said(outcome)) == (Status.SKIPPED, True)
