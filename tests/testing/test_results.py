"""What a report of pytest says: failures, missing requirements, and causes in the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omni_release.testing import machine, results
from omni_release.testing.results import FailedTest

OWN = frozenset(("acme", "space.acme", "helpers", "tests"))


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("ModuleNotFoundError: No module named 'trio'", "trio"),
        ("ModuleNotFoundError: No module named 'yaml.nodes'", "yaml"),
        ("ModuleNotFoundError: No module named 'acme'", ""),
        ("ModuleNotFoundError: No module named 'acme.gone'", ""),
        ("ModuleNotFoundError: No module named 'space'", ""),
        ("ModuleNotFoundError: No module named 'space.other'", "space"),
        ("ModuleNotFoundError: No module named 'helpers'", ""),
        ("ImportError: cannot import name 'f' from 'werkzeug.urls' (/x.py)", "werkzeug (of another version)"),
        ("ImportError: cannot import name 'f' from 'acme.x' (/x.py)", ""),
        ("fixture 'mocker' not found", "pytest-mock"),
        ("fixture 'mine' not found", ""),
        ("'asyncio' not found in `markers` configuration option", "pytest-asyncio"),
        (
            "Failed: async def functions are not natively supported.",
            "a plug-in for async tests, such as pytest-asyncio",
        ),
        (
            "E AttributeError: module '_pytest.x' has no attribute 'y'\ntests/a.py:1: AttributeError",
            "_pytest (of another version)",
        ),
        ("/e/site-packages/acme/a.py:3: in <module>\nE ImportError: cannot import name 'f' from 'other' (/x.py)", ""),
        ("E assert 1 == 2\n-- Captured stderr --\nNo module named 'trio'", ""),
        ("AttributeError: module 'ast' has no attribute 'Str'", ""),
        ("assert 1 == 2", ""),
    ],
)
def test_missing(text: str, missing: str) -> None:
    """A third party's module, name or plug-in is a requirement; what the project must provide itself is none."""
    assert results.missing(text, OWN) == missing


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("pytest: error: unrecognized arguments: -n auto\n  inifile: x", "unrecognized arguments: -n auto"),
        ("ERROR: Missing required plugins: pytest-x\n", "Missing required plugins: pytest-x"),
        ("ImportError while loading conftest\nE   ModuleNotFoundError: No module named 'attr'", "attr"),
        ("ImportError while loading conftest\nE   ModuleNotFoundError: No module named 'acme'", ""),
        ("INTERNALERROR> boom", ""),
    ],
)
def test_not_started(output: str, reason: str) -> None:
    """The output of a pytest that could not start names the plug-in or module."""
    assert results.not_started(output, OWN) == reason


def test_report(tmp_path: Path) -> None:
    """Node ids, reasons and places of failures; a module that was not collected is a failure, too."""
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="tests.test_a.TestA" name="test_x[1-b]" file="tests/test_a.py" line="4">'
        '<failure message="AssertionError: no&#10;more">E  no</failure></testcase>'
        '<testcase classname="tests.test_a" name="test_y" file="tests/test_a.py" line="1"/>'
        '<testcase classname="tests.test_a" name="test_z" file="tests/test_a.py" line="2"><skipped/></testcase>'
        '<testcase classname="" name="tests.test_b">'
        '<error message="collection failure">E   ImportError: x</error></testcase>'
        "</testsuite></testsuites>",
        encoding="utf-8",
    )
    found = results.read(report)
    assert (found.count, found.skipped) == (4, 1)
    assert found.passed == {"tests/test_a.py::test_y"}
    first, second = found.failures
    assert first == FailedTest(
        "tests.test_a.TestA.test_x[1-b]",
        "AssertionError: no",
        "AssertionError: no\nmore\nE  no",
        "tests/test_a.py::TestA::test_x[1-b]",
        "tests/test_a.py",
        5,
    )
    assert (second.node, second.path, second.reason) == ("tests/test_b.py", "tests/test_b.py", "ImportError: x")


@pytest.mark.parametrize(
    ("file", "classname", "node"),
    [
        ("tests/test_a.py", "tests.test_a.TestA", "tests/test_a.py::TestA::test_x"),
        ("test_a.py", "test_a", "test_a.py::test_x"),
        ("../site-packages/acme/tests/test_a.py", "acme.tests.test_a.TestA", "{}::TestA::test_x"),
        ("../site-packages/acme/tests/test_a.py", "tests.test_a", "{}::test_x"),
        ("tests/base.py", "tests.test_a.TestA", "tests/base.py::tests::test_a::TestA::test_x"),
    ],
)
def test_node_ids(file: str, classname: str, node: str, tmp_path: Path) -> None:
    """The node id of a test, also of one that is installed, outside of the tree."""
    case = f'<testcase classname="{classname}" name="test_x" file="{file}" line="1"/>'
    (tmp_path / "report.xml").write_text(f"<testsuites>{case}</testsuites>", encoding="utf-8")
    assert results.read(tmp_path / "report.xml").passed == {node.replace("{}", file)}


def test_modules_that_were_not_collected(tmp_path: Path) -> None:
    """Their node id is their path, with the attribute `file` of newer versions of pytest and without it."""
    error = '<error message="collection failure">E   ImportError: x</error></testcase>'
    cases = [f'<testcase classname="" name="tests.test_a"{file}>{error}' for file in ("", ' file="tests/test_a.py"')]
    (tmp_path / "report.xml").write_text(f"<testsuites>{''.join(cases)}</testsuites>", encoding="utf-8")
    assert [failure.node for failure in results.read(tmp_path / "report.xml").failures] == ["tests/test_a.py"] * 2


def test_no_report(tmp_path: Path) -> None:
    """A missing or incomplete report has no results."""
    assert results.read(tmp_path / "none.xml").count == 0
    (tmp_path / "half.xml").write_text("<testsuites><test", encoding="utf-8")
    assert results.read(tmp_path / "half.xml").count == 0


@pytest.mark.parametrize(
    ("text", "environment", "cause"),
    [
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", {}, "network"),
        ("<urlopen error [Errno 111] Connection refused>", {}, "network"),
        ("assert '/x.pem' == certifi.where()", {"REQUESTS_CA_BUNDLE": "/x.pem"}, "REQUESTS_CA_BUNDLE"),
        ("assert '/x.pem' == certifi.where()", {}, ""),
        ("assert session.proxies == {}", {"HTTPS_PROXY": "http://proxy"}, "HTTPS_PROXY"),
        ("hypothesis.errors.DeadlineExceeded: Test took 239ms, which exceeds the deadline of 200.00ms", {}, "slower"),
        ("BrokenPipeError: [Errno 32] Broken pipe", {}, "ended early"),
        ("assert 1 == 2", {"HTTPS_PROXY": "http://proxy", "SSL_CERT_FILE": "/x.pem"}, ""),
    ],
)
def test_causes(text: str, environment: dict[str, str], cause: str) -> None:
    """A cause in the machine is recognised by what the failure says, where the machine is like that."""
    found = machine.cause("test", text, environment)
    assert cause in found if cause else not found


def test_variables() -> None:
    """The variables that set certificates or a proxy, if they set any."""
    environment = {"SSL_CERT_FILE": "/x", "https_proxy": "y", "NO_PROXY": "", "HOME": "/"}
    assert machine.network_variables(environment) == ("SSL_CERT_FILE", "https_proxy")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there is no root here")
@pytest.mark.parametrize("user", [0, 1000])
def test_root(user: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of permissions fails for root."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert bool(machine.cause("test_permission_denied", "DID NOT RAISE", {})) is (user == 0)
    assert bool(machine.cause("test_x", "path.chmod(0o444)\nDID NOT RAISE", {})) is (user == 0)
