"""Who may approve: the list and the settings of the last release's tag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from omni_release import git
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.settings import Publish
from omni_release.publishing import approvers
from omni_release.publishing.approvers import ApprovalRule
from tests.publishing.approving import asking, released
from tests.repositories import Checkout, clone, cloned

KEYS = {name: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43}" for name, letter in zip("abc", "BCD", strict=True)}
LIST = f"ada {KEYS['a']}\nbob {KEYS['b']}\n"


def found(checkout: Checkout, approvals: int | None = 2, publish: Publish | None = None) -> ApprovalRule | None:
    """The rule for the release of what is checked out."""
    with asking(checkout, approvals, built=False) as (release, world):
        project = release.project
        if publish is not None:
            settings = project.settings.__class__(publish=publish)
            project = project.__class__(project.root, project.name, (), settings, {})
        repository = git.open_repository(release, world)
        return approvers.rule(project, PurePosixPath(), "1.2.0", repository)


@pytest.mark.parametrize(
    ("lines", "people"),
    [
        (("ada a", "bob b"), ("ada", "bob")),
        (("ada a", "ADA b"), ("ada",)),
        (("ada a", "bob a"), ("ada",)),
        (("ada,ada@example.org a", "bob b", "ada@example.org,cy b"), ("ada",)),  # by a name and by a key
        (("ada,github:ada a", "github:Ada b", "bob c"), ("ada", "bob")),
        (("ada a", "ada*,bob b"), ("ada",)),
        (("# ada a", "", "\tbob\t b"), ("bob",)),
    ],
)
def test_people(lines: tuple[str, ...], people: tuple[str, ...]) -> None:
    """Lines with a name or a key in common are of one person."""
    text = "\n".join(f"{line[:-1]}{KEYS[line[-1]]}" if line else "" for line in lines)
    assert approvers.read(text).people == people


@pytest.mark.parametrize(
    "line",
    [
        f"cert-authority {KEYS['a']} x",  # the name of a person, as ssh-keygen reads it
        "ada",
        "ada ssh-ed25519",
        "ada ssh-ed25519 AAAA",
        f"ada ssh-rsa {KEYS['a'].split()[1]}",
        f"ada ssh-ed25519-cert-v01@openssh.com {KEYS['a'].split()[1]}",
        f'ada namespaces="x,cert-authority {KEYS["a"]}',
        f'ada valid-after="20200101",cert-authority {KEYS["a"]}',
        f"ada,, {KEYS['a']}",
        f"a?a {KEYS['a']}",
        f"ada\x00 {KEYS['a']}",
        f"ada {KEYS['a']} \x1b[2K",
        f"ad\u0430 {KEYS['a']}",
    ],
)
def test_lines_that_do_not_count(line: str) -> None:
    """Each is named by its number, and the others count."""
    listed = approvers.read(f"bob {KEYS['b']}\n{line}\n")
    if line.startswith("cert-authority"):
        assert listed.people == ("bob", "cert-authority")
    else:
        assert listed.people == ("bob",)
        assert listed.problems[0].startswith("line 2 does not count: ")


def test_the_list_of_the_tag(tmp_path: Path) -> None:
    """The list is that of the last release's tag: one that was changed since does not count."""
    checkout = released(tmp_path, LIST)
    checkout.commit("allowed_signers", f"{LIST}cy {KEYS['c']}\n")
    rule = found(checkout)
    assert rule is not None
    assert (rule.needed, rule.origin, rule.approvers.people) == (2, "allowed_signers at v1.1.0", ("ada", "bob"))
    assert rule.still is not None and rule.still.people == ("ada", "bob", "cy")


SETTINGS = [
    ("", None, None, ""),
    ("approvals = true", None, None, ""),
    ("approvals = -1", None, None, ""),
    ("approvals = 'x", None, None, ""),
    ("approvals = 2", None, 2, "allowed_signers"),
    ("approvals = 2", 1, 2, "allowed_signers"),
    ("approvals = 1", 2, 2, "allowed_signers"),
    ("approvals = 2\nallowed-signers = 'keys/list'", 2, 2, "keys/list"),
    ("approvals = 2\nallowed_signers = 'keys/list'\ngithub-environment = 'pypi'", 0, 2, "keys/list"),
]
"""What pyproject.toml says at the tag, how many approvals the checkout asks for, and what holds."""


def test_the_settings_of_the_tag(tmp_path: Path) -> None:
    """The settings of the tag hold: who removes them in a release is not rid of them. More can be asked for."""
    checkout = released(tmp_path, LIST)
    checkout.commit("keys/list", LIST)
    checkout.git("remote", "remove", "origin")
    for number, (there, own, needed, path) in enumerate(SETTINGS, 2):
        checkout.commit("pyproject.toml", f"[tool.omni-release.publish]\n{there}\n")
        checkout.git("tag", f"v1.1.{number}")
        checkout.commit("pyproject.toml", "# nothing")
        rule = found(checkout, own)
        assert (rule and (rule.needed, rule.path)) == (needed and (needed, path)), there
    assert rule is not None and rule.environment == "pypi"
    checkout.git("mv", "pyproject.toml", "keys")  # in another folder then, and another project there now
    stated = '[project]\nname = "Acme"\n[tool.omni-release.publish]\napprovals = 3\n'
    checkout.commit("keys/pyproject.toml", f"{stated}allowed-signers = 'list'")
    checkout.commit("pyproject.toml", '[project]\nname = "other"\n')
    checkout.git("tag", "v1.1.99")
    checkout.commit("more2.py")
    rule = found(checkout, None)
    assert rule is not None and (rule.needed, rule.path) == (3, "keys/list")


def test_no_list(tmp_path: Path) -> None:
    """Without a list at the tag, and without a tag, it is not known who may approve: what to do is said."""
    checkout = cloned(tmp_path)
    assert found(checkout, None) is None
    with pytest.raises(Inconclusive, match="no tag of an earlier release") as unknown:
        found(checkout)
    assert "without `approvals`" in unknown.value.hint
    checkout.git("tag", "v1.1.0")
    checkout.git("push", "--quiet", "origin", "v1.1.0")
    checkout.commit("allowed_signers", LIST)
    with pytest.raises(Inconclusive, match=r"v1\.1\.0, has no allowed_signers") as unknown:
        found(checkout)
    assert "two-approvals.md" in unknown.value.hint
    with pytest.raises(UsageError, match="out of the repository"):
        found(checkout, publish=Publish(approvals=2, allowed_signers="../list"))


def test_a_tag_that_is_no_release(tmp_path: Path) -> None:
    """A tag that only this clone has, one of another branch, and one on the released commit say nothing."""
    checkout = released(tmp_path, LIST)
    checkout.git("switch", "--quiet", "--create", "other")
    checkout.commit("allowed_signers", f"cy {KEYS['b']}\n")
    checkout.git("tag", "v1.1.2")
    checkout.git("switch", "--quiet", "main")
    checkout.commit("allowed_signers", f"cy {KEYS['c']}\n")
    checkout.git("tag", "v1.1.1")
    checkout.commit("last.py")
    checkout.git("tag", "v1.1.3")
    checkout.git("tag", "v1.2.0")
    checkout.git("push", "--quiet", "origin", "v1.1.2", "v1.1.3", "v1.2.0")
    rule = found(checkout)
    assert rule is not None and (rule.tag, rule.approvers.people) == ("v1.1.0", ("ada", "bob"))


def test_a_clone_that_lacks_tags(tmp_path: Path) -> None:
    """A shallow clone, or one without the commit of the last release, does not decide by an older list."""
    checkout = released(tmp_path, LIST)
    shallow = clone(checkout.remote, tmp_path / "shallow", "--depth=1")
    with pytest.raises(Inconclusive, match="shallow"):
        found(shallow)
    without = clone(checkout.remote, tmp_path / "without", "--no-tags")
    rule = found(without)
    assert rule is not None and rule.tag == "v1.1.0"
    checkout.git("switch", "--quiet", "--create", "1.1")
    checkout.commit("fix.py")
    checkout.git("tag", "v1.1.1")
    checkout.git("push", "--quiet", "origin", "v1.1.1")
    with pytest.raises(Inconclusive, match=r"does not have the commit of v1\.1\.1"):
        found(without)
    with asking(without, built=False) as (release, world):
        repository = replace(git.open_repository(release, world), commit="a" * 40)
        with pytest.raises(Inconclusive, match="does not have the released commit"):
            approvers.rule(release.project, PurePosixPath(), "1.2.0", repository)
    without.git("fetch", "--quiet", "--tags")
    rule = found(without)
    assert rule is not None and rule.tag == "v1.1.0"
