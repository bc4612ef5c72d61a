"""Which approvals count: real signatures, and each forgery and mistake that does not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.core.errors import ToolUnavailable, UsageError
from omni_release.publishing import approval_statement, approvals, approvers
from omni_release.publishing.approval_statement import Statement
from omni_release.publishing.approvals import NOTES
from omni_release.publishing.approvers import ApprovalRule
from tests.publishing.approving import HASHES, SDIST, WHEEL, Key, context, in_run, made, statement
from tests.repositories import Checkout, cloned
from tests.scripts.github_api import Answers, github, review

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")

Keys = Mapping[str, Key]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of ada (two), bob and eve."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: made(folder, name) for name in ("ada", "ada2", "bob", "eve")}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A clone; the tests leave its commits alone."""
    return cloned(tmp_path_factory.mktemp("clone"))


def rule(*lines: str, environment: str = "") -> ApprovalRule:
    """Two of those in a list have to approve."""
    return ApprovalRule(2, approvers.read("\n".join(lines)), "allowed_signers", "v1.1.0", environment)


def both(keys: Keys) -> tuple[str, str]:
    """The list of ada and bob."""
    return f"ada@example.org {keys['ada'].public}", f"bob@example.org {keys['bob'].public}"


def count(
    checkout: Checkout, run: Path, given: ApprovalRule, *texts: str, stated: Statement | None = None
) -> approvals.Tally:
    """The tally of approvals in a run folder."""
    in_run(run, *texts)
    with context(checkout, run) as where:
        return approvals.tally(stated or statement(), given, where)


def test_two_people(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """Two keys of two names approve; the same two approvals in a second place are no third and fourth."""
    texts = [keys[name].approval(statement()) for name in ("ada", "bob")]
    handed = tmp_path / "handed"
    handed.write_text("\n".join(texts).replace("\n", "\r\n"), encoding="ascii", newline="")
    in_run(tmp_path / "run", *texts)
    with context(checkout, tmp_path / "run", handed) as where:
        tally = approvals.tally(statement(), rule(*both(keys)), where)
    assert list(tally.approved) == ["ada@example.org", "bob@example.org"]
    assert (tally.missing, tally.refused, tally.others) == (0, (), ())


Forgery = tuple[Callable[[Keys], tuple[str, ...]], Callable[[Keys], str], str]


def signed(name: str, **fields: Any) -> Callable[[Keys], str]:
    """The approval of one key of a statement with other fields."""
    return lambda keys: keys[name].approval(replace(statement(), **fields))


def one_key_two_names(keys: Keys) -> tuple[str, ...]:
    return f"ada@example.org {keys['ada'].public}", f"bob@example.org {keys['ada'].public}"


def two_keys_one_name(keys: Keys) -> tuple[str, ...]:
    return f"ada@example.org {keys['ada'].public}", f"Ada@example.org {keys['ada2'].public}"


def second(before: str) -> Callable[[Keys], tuple[str, ...]]:
    """The list of ada and bob, with something before the key of bob."""
    return lambda keys: (f"ada@example.org {keys['ada'].public}", f"{before} {keys['bob'].public}")


def cut(keys: Keys) -> str:
    """An approval whose signature was cut short."""
    lines = keys["bob"].approval(statement()).splitlines(keepends=True)
    return "".join((*lines[:-2], lines[-1]))


def forged(keys: Keys) -> str:
    """The statement that is wanted, with a signature of another one by the right key."""
    other = keys["bob"].signature(statement(version="1.1.9").text)
    return approval_statement.written(statement(), other)


FORGERIES: dict[str, Forgery] = {
    "one key with two names": (one_key_two_names, signed("ada"), "there twice"),
    "two keys of one name": (two_keys_one_name, signed("ada2"), "has approved already"),
    "the same signature appended": (both, lambda keys: keys["ada"].approval(statement()) * 2, "there twice"),
    "a signature under a signature": (
        both,
        lambda keys: keys["eve"].approval(statement()) + keys["bob"].signature(statement().text),
        "no statement before it",
    ),
    "another project": (both, signed("bob", project="acme-core"), "for project acme-core, and this is acme"),
    "another version": (both, signed("bob", version="1.2.1"), "for version 1.2.1"),
    "another commit": (both, signed("bob", commit="b" * 40), "for commit bbb"),
    "another hash": (both, signed("bob", files=((HASHES[0], WHEEL), ("3" * 64, SDIST))), f"other bytes of {SDIST}"),
    "fewer files": (both, signed("bob", files=((HASHES[0], WHEEL),)), f"for other files: {WHEEL}"),
    "hashes that were swapped": (both, signed("bob", files=((HASHES[0], SDIST), (HASHES[1], WHEEL))), "other bytes"),
    "a forged signature": (both, forged, "is not valid: "),
    "another namespace": (both, lambda keys: keys["bob"].approval(statement(), "git"), "signed for 'git'"),
    "a key that is not listed": (both, signed("eve"), "is not in allowed_signers at v1.1.0"),
    "expired": (second('bob valid-before="20200101"'), signed("bob"), "key has expired"),
    "not yet valid": (second('bob valid-after="20990101"'), signed("bob"), "key is not yet valid"),
    "of git alone": (second('bob namespaces="git"'), signed("bob"), "not permitted for use in signature namespace"),
    "an option that is unknown": (second("bob everything"), signed("bob"), "is not valid"),
    "cert-authority": (second("bob CERT-authority"), signed("bob"), "cert-authority would let others"),
    "a pattern": (second("*@example.org"), signed("bob"), "is not the name of one person"),
    "a negated pattern": (second("!eve,bob"), signed("bob"), "is not the name of one person"),
    "a quoted name": (second('"bob b"'), signed("bob"), "does not count"),
    "an escape in a name": (second("bob\x1b[2K"), signed("bob"), "does not count"),
    "a carriage return in a name": (second("bob\rada"), signed("bob"), "does not count"),
    "cut short": (both, cut, "its signature cannot be read"),
    "without its end": (
        both,
        lambda keys: keys["bob"].approval(statement()).partition("-----END")[0] + keys["eve"].approval(statement()),
        "its signature cannot be read",
    ),
    "empty": (both, lambda keys: "\n", "it is empty"),
    "no signature": (both, lambda keys: statement().text, "a text without a signature"),
    "a control character": (both, lambda keys: "\x1b[2K" + keys["bob"].approval(statement()), "characters that no"),
    "text that is not ASCII": (both, lambda keys: "é" + keys["bob"].approval(statement()), "characters that no"),
    "another text before it": (both, lambda keys: "ok\n" + keys["bob"].approval(statement()), "malformed"),
    "two blanks": (
        both,
        lambda keys: keys["bob"].approval(statement()).replace("project acme", "project  acme"),
        "its statement is malformed",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_does_not_count(name: str, checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """With a valid approval of ada, none of these is the second one; what is wrong is said."""
    listed, text, why = FORGERIES[name]
    tally = count(checkout, tmp_path / "run", rule(*listed(keys)), keys["ada"].approval(statement()), text(keys))
    assert list(tally.approved) == ["ada@example.org"], tally
    assert tally.missing == 1
    assert why in "\n".join(tally.refused) or name == "one key with two names", tally.refused


def test_valid_period(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """A key within its period counts, and so does its new line beside the one that has expired."""
    expired = f'bob valid-before="20200101" {keys["bob"].public}'
    valid = f'bob valid-after="20200101",namespaces="git,omni-release-approval" {keys["bob"].public} Bob\'s key'
    texts = [keys[name].approval(statement()) for name in ("ada", "bob")]
    tally = count(checkout, tmp_path / "run", rule(f"ada {keys['ada'].public}", "# team", "", expired, valid), *texts)
    assert list(tally.approved) == ["ada", "bob"], tally.refused


def test_keys_that_were_taken_away(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """A key that the released commit no longer lists, or lets expire, does not approve; nor does a new one."""
    lines = [*both(keys), f"cy {keys['ada2'].public}"]
    expired = f'bob@example.org valid-before="20200101" {keys["bob"].public}'
    now = approvers.read("\n".join((lines[0], expired, f"eve {keys['eve'].public}")))
    given = rule(*lines)._replace(still=now)
    texts = [keys[name].approval(statement()) for name in ("ada", "ada2", "bob", "eve")]
    tally = count(checkout, tmp_path / "run", given, *texts)
    assert list(tally.approved) == ["ada@example.org"]
    words = "\n".join(tally.refused)
    assert "is no longer in allowed_signers at the released commit" in words
    assert "key has expired" in words and "is not in allowed_signers at v1.1.0" in words


def test_a_file_of_several(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """A second approval is appended to a file, a file of something else is left alone."""
    path = tmp_path / "approvals"
    for name in ("ada", "bob", "bob"):
        approvals.append_file(keys[name].approval(statement()), path, LocalFiles())
    with context(checkout, tmp_path / "run", path) as where:
        tally = approvals.tally(statement(), rule(*both(keys)), where)
    assert (tally.missing, tally.refused) == (0, ())
    before = keys["ada"].path.read_bytes()
    with pytest.raises(UsageError, match="no file of approvals"):
        approvals.append_file(keys["ada"].approval(statement()), keys["ada"].path, LocalFiles())
    assert keys["ada"].path.read_bytes() == before


def test_notes(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """Without the ref there is nothing; a note of another commit does not count; one of the commit does, for each."""
    given, run = rule(*both(keys)), tmp_path / "run"
    head = checkout.git("rev-parse", "HEAD").strip()
    stated = statement(head)
    assert count(checkout, run, given, stated=stated).approved == {}
    other = checkout.git("commit-tree", "-m", "other", f"{head}^{{tree}}").strip()
    text = keys["ada"].approval(stated)
    with context(checkout, run) as where:
        approvals.append_note(text, replace(where.repository, commit=other))
        assert approvals.tally(stated, given, where).approved == {}
        approvals.append_note(text, where.repository)
        approvals.append_note(keys["bob"].approval(stated), where.repository)
        approvals.append_note(keys["bob"].approval(replace(stated, project="acme-core")), where.repository)
        tally = approvals.tally(stated, given, where)
        assert list(tally.approved) == ["ada@example.org", "bob@example.org"]
        assert NOTES in tally.approved["bob@example.org"]
        assert tally.refused == ()  # the other package has approvals of its own
        with pytest.raises(UsageError, match="does not write to refs/notes/omni-release"):
            approvals.append_note(text, replace(where.repository, commit="no commit"))
    checkout.git("update-ref", "-d", NOTES)


def test_other_runs(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """An approval of the same bytes in another run of the project counts; those of other bytes are left alone."""
    runs = [tmp_path / name for name in ("20261122-100000-000", "20261122-100000-001")]
    in_run(runs[0], keys["ada"].approval(statement()), keys["bob"].approval(statement(version="1.1.0")))
    tally = count(checkout, runs[1], rule(*both(keys)))
    assert list(tally.approved) == ["ada@example.org"]
    assert tally.refused == ()


def test_kept_when_handed_over(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """Approvals that were handed over are kept in the run, whatever else is in the file."""
    handed, run = tmp_path / "handed", tmp_path / "run"
    old = keys["ada"].approval(statement(version="1.1.0"))
    texts = (keys["ada"].approval(statement()), old, keys["bob"].approval(statement()))
    handed.write_text("".join((*texts, "and more\n")), encoding="ascii")
    approvals.keep_handed((handed, tmp_path / "missing"), run, LocalFiles())
    assert count(checkout, run / "x" / "..", rule(*both(keys))).missing == 0
    with context(checkout, tmp_path / "empty", tmp_path / "missing") as where:
        assert "cannot be read" in approvals.tally(statement(), rule(*both(keys)), where).refused[0]


def test_without_ssh_keygen(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """Where ssh-keygen is missing, or too old, nothing is known."""
    in_run(tmp_path / "run", keys["ada"].approval(statement()))
    (tmp_path / "old").mkdir()
    with context(checkout, tmp_path / "run", PATH=str(tmp_path / "old")) as where:
        with pytest.raises(ToolUnavailable, match="ssh-keygen is not installed"):
            approvals.tally(statement(), rule(*both(keys)), where)
        program = tmp_path / "old" / "ssh-keygen"
        program.write_text("#!/bin/sh\necho 'unknown option -- Y' >&2; exit 1\n", encoding="ascii")
        program.chmod(0o755)
        with pytest.raises(ToolUnavailable, match="unknown option"):
            approvals.tally(statement(), rule(*both(keys)), where)


def test_sign(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """A signature is an approval; a key that is missing, or has a passphrase, is named with what to do."""
    locked = tmp_path / "locked"
    shutil.copy(keys["eve"].path, locked)
    argv = ["ssh-keygen", "-q", "-p", "-a", "1", "-P", "", "-N", "secret", "-f", str(locked)]
    subprocess.run(argv, check=True, capture_output=True)
    with context(checkout, tmp_path / "run") as where:
        in_run(tmp_path / "run", approvals.sign(statement(), str(keys["bob"].path), where))
        assert list(approvals.tally(statement(), rule(*both(keys)), where).approved) == ["bob@example.org"]
        for key in (tmp_path / "none", locked):
            with pytest.raises(UsageError, match="does not sign with") as refused:
                approvals.sign(statement(), str(key), where)
            assert "ssh-add" in refused.value.hint


RUN = "/repos/acme/acme/actions/runs/7"
COMMIT = {RUN: (200, {"head_sha": "a" * 40})}


def asked(checkout: Checkout, keys: Keys, run: Path, answers: Answers, **more: str) -> approvals.Tally:
    """The tally in a job of GitHub Actions, with an approval of ada by signature."""
    lines = (f"ada,github:Ada {keys['ada'].public}", f"bob,github:bob-b {keys['bob'].public}")
    in_run(run, keys["ada"].approval(statement()))
    with github(answers) as (url, seen):
        job = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/acme", "GITHUB_RUN_ID": "7"}
        variables = {**job, "GITHUB_API_URL": url, "GH_TOKEN": "s3cret-token", **more}
        with context(checkout, run, **variables) as where:
            tally = approvals.tally(statement(), rule(*lines, environment="pypi"), where)
        assert all(token == "Bearer s3cret-token" for _, token in seen)
    assert "s3cret" not in repr(tally)
    return tally


@pytest.mark.parametrize(
    ("logins", "names"),
    [(["bob-b", "ada"], ["ada", "bob"]), (["ADA", "ada", "mallory"], ["ada"])],
)
def test_reviewers(logins: list[str], names: list[str], checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """A reviewer of the environment counts where the list names them, as the person who may have signed, too."""
    reviews = [review(login) for login in logins]
    tally = asked(checkout, keys, tmp_path / "run", {**COMMIT, f"{RUN}/approvals": (200, reviews)})
    assert (list(tally.approved), tally.unknown) == (names, "")
    assert ("does not name github:mallory" in "".join(tally.refused)) is ("mallory" in logins)


@pytest.mark.parametrize(
    ("answers", "variables", "why"),
    [
        ({}, {}, "it answers 404"),
        ({RUN: (200, {"head_sha": "b" * 40}), f"{RUN}/approvals": (200, [review("bob-b")])}, {}, "is of commit bbb"),
        (COMMIT, {"GITHUB_API_URL": "http://api.example.org"}, "GITHUB_API_URL"),
        (COMMIT, {"GITHUB_API_URL": ""}, "GITHUB_API_URL"),
        (COMMIT, {"GITHUB_REPOSITORY": "../../x"}, "GITHUB_REPOSITORY"),
        (COMMIT, {"GITHUB_RUN_ID": "7/../8"}, "GITHUB_RUN_ID"),
        (COMMIT, {"GH_TOKEN": ""}, "there is no token"),
    ],
)
def test_github_does_not_say(
    answers: Answers, variables: dict[str, str], why: str, checkout: Checkout, keys: Keys, tmp_path: Path
) -> None:
    """Without an answer of the API it is unknown whether a reviewer has approved, and none has."""
    tally = asked(checkout, keys, tmp_path / "run", answers, **variables)
    assert list(tally.approved) == ["ada"]
    assert why in tally.unknown


def test_outside_of_a_job(checkout: Checkout, keys: Keys, tmp_path: Path) -> None:
    """On another machine no reviewer counts, and GitHub is not asked."""
    tally = asked(checkout, keys, tmp_path / "run", {}, GITHUB_ACTIONS="")
    assert (list(tally.approved), tally.unknown) == (["ada"], "")
