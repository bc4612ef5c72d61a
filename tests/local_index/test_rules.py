"""Each upload rule, with the real twine: the message it shows, its exit code, and that nothing is stored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from omni_release.local_index import rules
from tests.index.support import (
    PASSWORD,
    SDIST,
    USER,
    form,
    metadata,
    running,
    sdist,
    sent,
    tarred,
    twine,
    uv_publish,
    wheel,
)
from tests.local_index.refusals import CASES, INFO, Clock, Make, Refused, another_wheel, stated

# Twine shows one refusal of each rule. What else a rule refuses is sent as twine sends it, but from this process.
BY_TWINE = list({case.rule: case for case in reversed(CASES) if not case.itself}.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.id}".rstrip("-"))
def test_refused(case: Refused, tmp_path: Path) -> None:
    """The status, the reason phrase and the JSON body, or what twine shows of them; the index holds what it held."""
    clock = Clock()
    with running(tmp_path, account=case.account, policy=case.policy, clock=clock) as index:
        for number, make in enumerate(case.first):
            made = make(tmp_path / f"first{number}")
            assert sent(index, form(made), made).status_code == 200
        case.then(index, clock)
        held = index.store.files()
        (tmp_path / "new").mkdir()
        path = case.make(tmp_path / "new")
        if case not in BY_TWINE:
            answer = sent(
                index, form(path, lambda f: _set(f, case.field)), None if case.name == "" else path, case.name
            )
            body = answer.json()
            assert (answer.status_code, body["rule"]) == (case.status, case.rule), body
            assert answer.reason.startswith(case.opening), answer.reason
            assert body["code"].startswith(f"{case.status} {case.opening}")
        else:
            ended = twine(f"{index.url}/legacy/", path)
            assert ended.code == 1, ended.said
            assert f"{case.status} {case.opening}" in ended.said
            assert f'"rule": "{case.rule}"' in ended.said
            assert PASSWORD not in ended.said
        assert index.store.files() == held
        assert not list((tmp_path / "index" / "incoming").iterdir())


def _set(fields: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        fields.pop(key, None)
        if value is not None:
            fields[key] = value


def test_each_rule_has_a_test() -> None:
    """Each rule of the table has a case; row 12 is not a refusal."""
    assert {rule.id for rule in rules.RULES} - {case.rule for case in CASES} == {"same-file-again"}
    assert [rule.row for rule in rules.RULES] == sorted(rule.row for rule in rules.RULES)
    assert {rule.row for rule in rules.RULES} | {1} == set(range(1, 21))


def test_the_slash(tmp_path: Path) -> None:
    """Row 1: /legacy without its slash is a redirect, which twine does not follow."""
    with running(tmp_path) as index:
        ended = twine(f"{index.url}/legacy", wheel(tmp_path))
        assert ended.code == 1
        assert "308" in ended.said
        assert "missing a trailing slash" in ended.said
        assert index.store.files() == ()


def test_taken(tmp_path: Path) -> None:
    """An upload that breaks no rule is stored; the same one again (row 12) succeeds and stores nothing."""
    lines = ("Description-Content-Type: text/markdown", "Classifier: Topic :: Utilities", "Keywords: one,two",
             "License-Expression: MIT", "License-File: LICENSE", "Project-URL: Home, https://example.invalid",
             "Requires-Dist: dep>=1", "Requires-Python: >=3.9")  # fmt: skip
    whole = metadata("1.0", *lines, form="2.4", about="# Acme\n\n<b>unclosed")
    made = wheel(
        tmp_path, whole, more={f"{INFO}/licenses/LICENSE": "MIT", f"{INFO}/entry_points.txt": "[a]\nb = c:d\n"}
    )
    source = sdist(tmp_path, whole, more={"acme_sound-1.0/LICENSE": b"MIT"})
    with running(tmp_path) as index:
        assert twine(f"{index.url}/legacy/", made, source).code == 0
        first = index.store.files()
        again = twine(f"{index.url}/legacy/", made, source)
        assert again.code == 0
        assert again.said.count("/legacy/: 200 OK (the same file was there already)") == 2
        assert index.store.files() == first
        assert [held.name for held in first] == [made.name, source.name]
        assert uv_publish(index, made, source).code == 0


def test_the_first_rule_speaks(tmp_path: Path) -> None:
    """Of several broken rules the index reports the one that PyPI reports: the first in its order."""
    made = wheel(
        tmp_path,
        metadata("1.0", "Classifier: Acme :: Unheard", f"Summary: {'x' * 513}"),
        name="acme_sound-2.0-py3-none-any.whl",
    )
    with running(tmp_path) as index:
        assert sent(index, form(made), made).json()["rule"] == "classifiers"
        assert (
            sent(index, form(made, lambda f: _set(f, {"protocol_version": "3"})), made).json()["rule"]
            == "protocol-version"
        )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (another_wheel, "400 File already exists"),
        (stated("Classifier: Acme :: Unheard"), "400 The classifier 'Acme :: Unheard' is not a known one."),
    ],
    ids=["exists", "classifier"],
)
def test_uv_reads_the_body(make: Make, said: str, tmp_path: Path) -> None:
    """uv shows the body's `code`, where twine shows the reason phrase."""
    with running(tmp_path) as index:
        first = wheel(tmp_path / "first", metadata(about="first"), name="acme_sound-1.0-0-py3-none-any.whl")
        assert uv_publish(index, first).code == 0
        assert uv_publish(index, wheel(tmp_path)).code == 0 if make is another_wheel else True
        ended = uv_publish(index, make(tmp_path))
        assert ended.code == 2
        assert said in ended.said
        assert PASSWORD not in ended.said


def test_uv_skips_existing_files(tmp_path: Path) -> None:
    """With --check-url uv asks first: the same file is skipped, another one is its error, and nothing is sent."""
    with running(tmp_path) as index:
        made = wheel(tmp_path)
        check = ("--check-url", f"{index.url}/simple/")
        assert uv_publish(index, made, more=check).code == 0
        again = uv_publish(index, made, more=check)
        assert (again.code, "already exists" in again.said) == (0, True), again.said
        other = uv_publish(index, another_wheel(tmp_path), more=check)
        assert (other.code, "do not match" in other.said) == (2, True), other.said


def test_wrong_credentials(tmp_path: Path) -> None:
    """Credentials are checked before the body is read: any body gets a 403."""
    with running(tmp_path) as index:
        for auth in (None, ("", ""), (USER, "wrong"), ("somebody", PASSWORD)):
            answer = requests.post(f"{index.url}/legacy/", data=b"x" * 100_000, auth=auth, timeout=10)
            assert (answer.status_code, json.loads(answer.text)["rule"]) == (403, "credentials")


def test_tar_with_two_roots(tmp_path: Path) -> None:
    """An sdist that twine refuses to send is refused by the index, too."""
    made = sdist(tmp_path)
    bad = tarred(tmp_path / "bad" / SDIST, {"acme_sound-1.0/PKG-INFO": metadata().encode(), "other/x": b""})
    with running(tmp_path) as index:
        fields = [(key, value) for key, value in form(made) if not key.endswith("_digest")]
        answer = sent(index, [*fields, ("sha256_digest", hashlib.sha256(bad.read_bytes()).hexdigest())], bad)
        assert (answer.status_code, answer.json()["rule"]) == (400, "archive")
        assert "more than one top-level folder" in answer.reason
