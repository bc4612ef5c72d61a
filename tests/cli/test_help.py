"""The help, the suggestions and the completion of the command line."""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release.cli import main
from omni_release.cli.parser import Parser
from omni_release.core.own_commands import COMMANDS

BASH = shutil.which("bash")


def subcommands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """All parsers below this one: the subcommands and their verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for added in action.choices.values():
                yield added
                yield from subcommands(added)


PARSERS = {added.prog.removeprefix("omni-release "): added for added in subcommands(main.build_parser(*COMMANDS))}


def test_groups(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` shows all commands in five groups, on a screen of 80 by 30."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.endswith(":") and line[0] != " "] == [
        "Release:",
        "Adopt:",
        "Check:",
        "Live API:",
        "Tools:",
    ]
    words = " ".join(lines).replace(",", " ").replace(":", " ").split()
    assert set(COMMANDS) <= set(words)


@pytest.mark.parametrize("name", PARSERS)
def test_each_has_a_description_and_an_example(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The help of each subcommand and verb describes it, fits 80 columns, and has examples that parse."""
    monkeypatch.setenv("COLUMNS", "80")
    parser = PARSERS[name]
    assert parser.description
    assert parser.epilog
    help = parser.format_help()
    assert max(map(len, help.partition("example")[0].splitlines())) <= 80
    for action in parser._actions:
        assert action.help, action.option_strings or action.dest
    examples = [line for line in parser.epilog.splitlines() if line.startswith("  omni-release ")]
    assert examples
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])[1:]
        assert main.parse(words).command == words[0]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["rehears"], "Did you mean `rehearse`?"),
        (["verson", "show"], "Did you mean `version`?"),
        (["rehearse", "--dry-rum"], "Did you mean `--dry-run`?"),
        (["gate", "--format", "sarf"], "Did you mean `sarif`?"),
        (["checklist", "shw"], "Did you mean `show`?"),
        (["smoke", "--budget", "much"], "must be a number above 0, not 'much'"),
        (["emulate", "gemini", "--fault-rate", "2"], "must be a number from 0 to 1, not '2'"),
        (["qqqqqqqq"], "Choose from: prepare, "),
    ],
)
def test_suggestions(words: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command, option, choice or verb gets the nearest right one."""
    assert main.main(words) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["gate", "--nonsense"], ["release"], ["version", "set"], ["models", "list", "--nonsense"], ["gate", "x"]]
)
def test_usage_of_the_subcommand_only(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error shows the usage of the subcommand that is called."""
    assert main.main(words) == 2
    error = capsys.readouterr().err
    name = " ".join(word for word in words if word in ("gate", "release", "version", "set", "models", "list"))
    assert error.startswith(f"usage: omni-release {name} [-h]")
    assert error.count("usage:") == 1


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (["clean", "--artifacts", "x"], "--artifacts"),
        (["release", "--to", "pypi", "--only", "x"], "--only"),
        (["version", "show", "--staged"], "--staged"),
        (["emulate", "gemini", "--output", "x"], "--output"),
    ],
)
def test_no_option_without_use(words: list[str], refused: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that a subcommand cannot use is neither accepted nor in its help."""
    assert main.main(words) == 2
    assert f"unrecognized arguments: {refused}" in capsys.readouterr().err
    name = " ".join(word for word in words[:2] if word in ("clean", "release", "version", "show", "emulate"))
    assert refused not in PARSERS[name].format_help()


@pytest.mark.parametrize(
    "words",
    [
        ["version", "--project", "here", "--format", "json", "show"],
        ["version", "show", "--project", "here", "--format", "json"],
    ],
)
def test_options_before_and_after_a_verb(words: list[str]) -> None:
    """Shared options can be given before a verb and after it."""
    arguments = main.parse(words)
    assert (arguments.project, arguments.format) == (Path("here"), "json")


def test_only_the_called_subcommand_is_built() -> None:
    """A parser of one subcommand has no other: building all of them takes longer than most commands."""
    parser = main.build_parser("gate")
    assert isinstance(parser, Parser)
    assert [added.prog for added in subcommands(parser)] == ["omni-release gate"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The script for each shell knows the commands, their verbs and their options; the shell accepts it."""
    assert main.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("rehearse", "checklist", "bump", "dry-run"):
        assert word in script
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=script, encoding="utf-8", check=True, timeout=60)


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["reh"], "rehearse"),
        (["checklist", "sh"], "show"),
        (["rehearse", "--dry"], "--dry-run"),
        (["gate", "--format", "sa"], "sarif"),
    ],
)
def test_completion_in_bash(words: list[str], completed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bash completes a command, a verb, an option and a choice."""
    assert main.main(["completion", "bash"]) == 0
    typed = shlex.join(["omni-release", *words])
    ask = f"""
        COMP_WORDS=({typed}); COMP_CWORD={len(words)}; COMP_LINE={shlex.quote(typed)}; COMP_POINT=${{#COMP_LINE}}
        "$(complete -p omni-release | sed 's/.*-F \\([^ ]*\\).*/\\1/')" omni-release
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert BASH is not None
    ended = subprocess.run(
        [BASH, "--noprofile", "--norc"],
        input=capsys.readouterr().out + ask,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    assert completed in ended.stdout.split()
