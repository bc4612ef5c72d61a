"""The settings: each key and type, and errors with the right line."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path

import pytest

from omni_release.core import settings
from omni_release.core.errors import EXIT_USAGE, SettingsError
from omni_release.core.settings import Settings, Waiver

PATH = Path("pyproject.toml")
WAIVER = '[[tool.omni-release.waiver]]\ncheck = "hollow-wheel"\nreason = "known"\nuntil = 2027-01-31\n'


def read(text: str) -> Settings:
    """The settings of a pyproject.toml with this text."""
    return settings.read(tomllib.loads(text), PATH, text)


def refused(text: str) -> SettingsError:
    """The error for a pyproject.toml with this text."""
    with pytest.raises(SettingsError) as raised:
        read(text)
    assert raised.value.exit_code == EXIT_USAGE
    return raised.value


def test_defaults() -> None:
    """Each setting has a default."""
    assert read('[project]\nname = "acme"\n') == Settings()
    assert read("[tool.omni-release]\n") == Settings()
    assert Settings().tests.command == ("pytest",)
    assert Settings().keep_runs == 5


def test_each_type() -> None:
    """Each key is read as its type."""
    found = read(
        "[tool.omni-release]\n"
        'import-packages = ["acme", "acme.tools"]\n'
        "keep-runs = 2\n"
        "build-timeout = 60\n"
        "[tool.omni-release.tests]\n"
        'command = "pytest -q"\n'
        'requirements = ["pytest>=8"]\n'
        "timeout = 1.5\n" + WAIVER
    )
    assert found.import_packages == ("acme", "acme.tools")
    assert found.keep_runs == 2
    assert found.build_timeout == 60.0 and isinstance(found.build_timeout, float)
    assert found.tests == settings.Tests(("pytest", "-q"), ("pytest>=8",), 1.5)
    assert found.waiver == (Waiver("hollow-wheel", "known", datetime.date(2027, 1, 31), "*"),)


def test_dependents_of_one_name() -> None:
    """Two dependents of one name would share an environment."""
    table = '[[tool.omni-release.downstream]]\nname = "{}"\n'
    error = refused(table.format("acme-web") + table.format("other") + table.format("Acme_Web"))
    assert (error.line, "`name` in [tool.omni-release.downstream] is given twice: acme-web" in error.message) == (
        6,
        True,
    )


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("name = '--index-url=http://x'", "name"),
        ("name = '../up'", "name"),
        ("name = 'a @ file:///x'", "name"),
        ('name = "a\\u001bb"', "name"),
        ("name = 'a'\nextras = ['x],y[z']", "extras"),
    ],
)
def test_odd_name_of_a_dependent(line: str, key: str) -> None:
    """A name is an argument of uv, and a part of the names of files."""
    error = refused(f"[[tool.omni-release.downstream]]\n{line}\n")
    assert f"`{key}` in [tool.omni-release.downstream] is no name: " in error.message
    assert "\x1b" not in error.message


def test_table_with_any_keys() -> None:
    """A key that is a keyword of Python, and a table with any keys."""
    text = '[[tool.omni-release.smoke.model]]\npath = "candidates.*"\nclass = "acme:Part"\nfields = { data = "a.b" }\n'
    assert read(text).smoke.model == (settings.SmokeModel("candidates.*", "acme:Part", fields={"data": "a.b"}),)
    assert "must be a string" in refused(text.replace('"a.b"', "1")).message
    assert "must be a table" in refused(text.replace('{ data = "a.b" }', '"a.b"')).message


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("[tool.omni-release]\nkeep-rums = 3\n", 2, "keep-rums", "Did you mean `keep-runs`?"),
        ("[tool.omni-release]\nkeep_rums = 3\n", 2, "keep_rums", "Did you mean `keep-runs`?"),
        ("[tool.omni-release.tests]\n\ncomand = 'x'\n", 3, "comand", "Did you mean `command`?"),
        ("[tool.omni-release]\ntests.comand = 'x'\n", 2, "comand", "Did you mean `command`?"),
        ("[tool.omni-release.test]\ntimeout = 1\n", 1, "test", "Did you mean `tests`?"),
        ("[tool.omni-release]\nzzzz = 3\n", 2, "zzzz", "Known keys: import-packages, "),
    ],
)
def test_unknown_key(text: str, line: int, key: str, hint: str) -> None:
    """The error for an unknown key has its line, and suggests the nearest known one."""
    error = refused('[project]\nname = "acme"\n\n' + text)
    assert error.line == line + 3
    assert f"`{key}` in [tool.omni-release" in error.message
    assert "is not a setting" in error.message
    assert error.message.startswith(f"pyproject.toml:{line + 3}: ")
    assert hint in error.hint


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('keep-runs = "3"', "must be a whole number, not a string ('3')"),
        ("keep-runs = 1.5", "must be a whole number, not a number (1.5)"),
        ("keep-runs = true", "must be a whole number, not true or false (True)"),
        ("build-timeout = true", "must be a number, not true or false (True)"),
        ('build-timeout = "1"', "must be a number, not a string ('1')"),
        ('import-packages = "acme"', "must be a list, not a string ('acme')"),
        ("import-packages = [1]", "must be a string, not a whole number (1)"),
        ("tests = 1", "must be a table, not a whole number (1)"),
        ("tests = []", "must be a table, not a list"),
        ("waiver = { check = 'x' }", "must be a list, not a table"),
        ("waiver = ['x']", "must be a table, not a string ('x')"),
        ("tests.command = 7", "must be a list, not a whole number (7)"),
        ("tests.command = ['pytest', 7]", "must be a string, not a whole number (7)"),
        ("tests.pythons = true", "must be 'all' or a list, not true or false (True)"),
        ("tests.pythons = 'some'", "must be one of 'all', not 'some'"),
        ("tests.pythons = [3.12]", "must be a string, not a number (3.12)"),
        ("dependencies.lower-bounds = 1", "must be true or false or 'tests', not a whole number (1)"),
        ("dependencies.lower-bounds = 'test'", "must be one of 'tests', not 'test'"),
    ],
)
def test_wrong_type(setting: str, message: str) -> None:
    """The error for a wrong type has the value and the expected type."""
    error = refused(f"[tool.omni-release]\n# here\n{setting}\n")
    assert message in error.message
    assert error.line == 3


@pytest.mark.parametrize("text", ["[[tool.omni-release]]\nkeep-runs = 1\n", "[tool]\nomni-release = []\n"])
def test_list_instead_of_the_table(text: str) -> None:
    """[tool.omni-release] must be a table."""
    error = refused(text)
    assert "[tool.omni-release] must be a table, not a list" in error.message
    assert error.line == text[: text.index("omni-release")].count("\n") + 1


@pytest.mark.parametrize("key", ["check", "reason", "until"])
def test_waiver_without_a_key(key: str) -> None:
    """A waiver must have a check, a reason and a last day."""
    whole = {"check": '"c"', "reason": '"r"', "until": "2027-01-31"}
    lines = [f"{name} = {value}" for name, value in whole.items() if name != key]
    error = refused("[[tool.omni-release.waiver]]\n" + "\n".join(lines) + "\n")
    assert f"is missing the key `{key}`" in error.message
    assert error.line == 1


def test_line_of_the_second_waiver() -> None:
    """The error for one of several waivers has the line of that one."""
    second = WAIVER.replace('reason = "known"\n', "")
    assert refused(WAIVER + "\n" + second).line == 6
    assert refused(WAIVER + "\n" + WAIVER.replace("2027-01-31", '"soon"')).line == 9
    assert refused(WAIVER + "\n" + WAIVER + 'pth = "x"\n').line == 10


@pytest.mark.parametrize("date", ['"soon"', '"2027-02-30"', '"31.01.2027"', "2027", "2027-01-31T10:00:00"])
def test_bad_date(date: str) -> None:
    """An invalid date is an error at its line."""
    error = refused(WAIVER.replace("2027-01-31", date))
    assert error.line == 4
    assert "date" in error.message


def test_date_as_a_string() -> None:
    """A date can be in quotes."""
    assert read(WAIVER.replace("2027-01-31", '"2027-01-31"')).waiver[0].until == datetime.date(2027, 1, 31)


@pytest.mark.parametrize(
    "setting", ["keep-runs = 0", "keep-runs = -1", "build-timeout = 0", "build-timeout = -0.5", "build-timeout = -inf"]
)
def test_numbers_are_larger_than_0(setting: str) -> None:
    """A number that is not larger than 0 is refused."""
    error = refused(f"[tool.omni-release]\n{setting}\n")
    assert "must be larger than 0" in error.message
    assert error.line == 2


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_numbers_are_finite(number: str) -> None:
    """A number that is not finite is refused."""
    assert "must be a finite number" in refused(f"[tool.omni-release]\nbuild-timeout = {number}\n").message


@pytest.mark.parametrize("key", ["keep-runs", "keep_runs"])
def test_both_spellings(key: str) -> None:
    """`-` and `_` are the same."""
    assert read(f"[tool.omni-release]\n{key} = 7\n").keep_runs == 7


def test_both_spellings_at_once() -> None:
    """A key in both spellings is an error."""
    error = refused("[tool.omni-release]\nkeep-runs = 7\nkeep_runs = 8\n")
    assert "is given twice" in error.message
    assert error.line == 3


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("\"pytest -q -k 'a or b'\"", ("pytest", "-q", "-k", "a or b")),
        ('["pytest", "-k", "a or b"]', ("pytest", "-k", "a or b")),
        ('["pytest", "-k", ""]', ("pytest", "-k", "")),
    ],
)
def test_command(command: str, argv: tuple[str, ...]) -> None:
    """A command is a string, split as a shell would, or a list."""
    assert read(f"[tool.omni-release.tests]\ncommand = {command}\n").tests.command == argv


@pytest.mark.parametrize("command", ['""', '"  "', "[]", '"pytest -k \'x"'])
def test_invalid_command(command: str) -> None:
    """An empty command, and one with an unclosed quote, is refused."""
    error = refused(f"[tool.omni-release.tests]\ncommand = {command}\n")
    assert "`command` in [tool.omni-release.tests]" in error.message
    assert error.line == 2


@pytest.mark.parametrize(
    "setting", ['import-packages = [""]', 'waiver = [{check = "c", until = 2027-01-31, reason = " "}]']
)
def test_empty_strings(setting: str) -> None:
    """A blank string is refused."""
    error = refused(f"[tool.omni-release]\n{setting}\n")
    assert "must not be empty" in error.message
    assert error.line == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[tool."omni-release"]\nkeep-runs = 0\n', 2),
        ("[tool.'omni-release']\nkeep-runs = 0\n", 2),
        ("[ tool . omni-release ] # settings\n'keep-runs' = 0\n", 2),
        ("[tool]\n# one line\nomni-release = { keep-runs = 0 }\n", 3),
        ("[tool.omni-release]\ntests = { timeout = 0 }\n", 2),
        ("# \u2028 and\n# \x85\n[tool.omni-release]\nkeep-runs = 0\n", 4),
        ("[tool.other]\nkeep-runs = 0\n[tool.omni-release]\nkeep-runs = 0\n", 4),
    ],
)
def test_line(text: str, line: int) -> None:
    """The line is right for each spelling of a table; in an inline table it is that of the table."""
    assert refused(text).line == line


@pytest.mark.parametrize("name", ["3", "py312", "3.12-dev", "2.7", "PyPy3.10", "3.13td"])
def test_python_name(name: str) -> None:
    """The error for a name that is no Python has the name, and shows the forms."""
    error = refused(f'[tool.omni-release.tests]\npythons = ["3.12", "{name}"]\n')
    assert f"`tests` in [tool.omni-release] has no Python called {name!r} in `pythons`" in error.message
    assert "3.13t" in error.hint
