"""One run of ast-grep with all rules over all files: what matches, and which rules it does not take, as findings."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from omni_release import programs
from omni_release.code import Sources, select_sources
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Finding, Severity
from omni_release.core.settings import TABLE
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.world import Completed, Processes

SHIPPED = Path(__file__).with_name("rules")
_FOUND = (0, 1)
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}
LANGUAGES = (
    *("Bash", "C", "Cpp", "CSharp", "Css", "Dart", "Elixir", "Go", "Haskell", "Hcl", "Html", "Java", "JavaScript"),
    *("Json", "Kotlin", "Lua", "Nix", "Php", "Python", "Ruby", "Rust", "Scala", "Solidity", "Swift", "Tsx"),
    *("TypeScript", "Yaml"),
)
"""What a rule can be for, as ast-grep spells it."""
_BAD_RULE = re.compile(r"Cannot parse rule (?P<path>.+)")
_DUPLICATE = re.compile(r"Duplicate rule id `(?P<id>[^`]+)`")
_LINE = re.compile(r"line (?P<line>\d+) column (?P<column>\d+)")


@dataclass(frozen=True)
class RuleFile:
    """A file of rules: its path, how it is shown, its text, and why it has none where it cannot be read."""

    path: Path
    shown: str
    text: str = field(repr=False)
    unread: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rules in it."""
        return tuple(re.findall(r"^id:\s*[\"']?([\w.-]+)", self.text, re.MULTILINE))

    @property
    def severe(self) -> tuple[str, ...]:
        """The ids of the rules that name no severity. ast-grep would call them hints; here they are errors."""
        documents = re.split(r"^---", self.text, flags=re.MULTILINE)
        return tuple(
            found[1]
            for document in documents
            if (found := re.search(r"^id:\s*[\"']?([\w.-]+)", document, re.MULTILINE))
            and not re.search(r"^severity:", document, re.MULTILINE)
        )


def shipped() -> tuple[RuleFile, ...]:
    """The rules that come with omni-release."""
    return tuple(rule_file(path, f"omni_release/code/rules/{path.name}") for path in sorted(SHIPPED.glob("*.yml")))


def own(root: Path, folder: str) -> tuple[RuleFile, ...]:
    """A project's own rules, from the folder of its settings; none where that is not there, see `no_rules`."""
    if not folder:
        return ()
    paths = sorted(path for path in (root / folder).rglob("*") if path.suffix in (".yml", ".yaml"))
    return tuple(rule_file(path, os.path.relpath(path, root).replace(os.sep, "/")) for path in paths)


def no_rules(root: Path, folder: str) -> Iterator[Finding]:
    """That a project names a folder of rules, and there is none: its settings look for what nobody looks for."""
    if not folder or own(root, folder):
        return
    what = "holds no rule: a rule file ends in .yml or .yaml" if (root / folder).is_dir() else "is no folder here"
    said = f"`rules` in [tool.omni-release.audit] names {folder!r}, which {what}\nMake one, or mend the name."
    yield Finding(said, "no-rules", Severity.ERROR, "pyproject.toml", pyproject_line(root, (TABLE, "audit", "rules")))


def rule_file(path: Path, shown: str) -> RuleFile:
    """A rule file as it lies on the disk; without text, and with the reason, where it cannot be read."""
    try:
        return RuleFile(path, shown, path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError as error:
        return RuleFile(path, shown, "", f"it cannot be read: {error.strerror}")


def scan(look: Look, processes: Processes) -> Iterator[Finding]:
    """What the rules match in the files; what is wrong with a rule, or with a file. All rules, in one run.

    Raises CannotTell where ast-grep is not there, or does not come to its end.
    """
    found = select_sources(look.root, look.files, look.ignored)
    yield from found.findings
    rules = [rule for rule in look.rules if re.search(r"^[^#\s]", rule.text, re.MULTILINE)]
    yield from (_bad(rule, rule.unread or "there is none in it", None) for rule in look.rules if rule not in rules)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        while rules and found.files:
            write_configuration(Path(folder), rules, found)
            severe = tuple(f"--error={id}" for rule in rules for id in rule.severe)
            answers = [_ran(look, processes, Path(folder), severe, batch) for batch in programs.batches(found.files)]
            bad = next((answer for answer in answers if answer.completed.code not in _FOUND), None)
            if bad is None:
                for answer in answers:
                    yield from _matches(answer.lines, _Elsewhere(look.root, found.files).stands)
                return
            yield _dropped(bad, rules)


@dataclass(frozen=True)
class Look:
    """What is looked for, and where: `ignored` are globs of files. What ast-grep says is kept in `run`,
    if that folder is there.
    """

    root: Path
    files: Sequence[PurePosixPath]
    rules: Sequence[RuleFile]
    ignored: tuple[str, ...]
    run: Path
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class _Answer:
    completed: Completed
    lines: tuple[str, ...]


def write_configuration(folder: Path, rules: Sequence[RuleFile], found: Sources) -> None:
    """Copies of the rules under names of ours, and the configuration: Vue is HTML, what a workflow runs is a script."""
    shutil.rmtree(folder / "rules", ignore_errors=True)
    (folder / "rules").mkdir()
    for number, rule in enumerate(rules):
        (folder / "rules" / f"{number}.yml").write_text(rule.text, encoding="utf-8")
    scripts = [file.as_posix() for file in found.scripts]
    configuration = {
        "ruleDirs": ["rules"],
        "languageGlobs": {"html": ["*.vue"]} | ({"bash": scripts} if scripts else {}),
        "languageInjections": [
            {"hostLanguage": "yaml", "rule": {"pattern": f"{key}: $CONTENT"}, "injected": "bash"}
            for key in ("run", "script")
        ],
    }
    (folder / "sgconfig.yml").write_text(json.dumps(configuration), encoding="utf-8")


def _ran(look: Look, processes: Processes, folder: Path, severe: tuple[str, ...], files: tuple[str, ...]) -> _Answer:
    place = programs.ToolRun(look.root, look.run, folder, look.environment)
    config = ("--config", str(folder / "sgconfig.yml"))
    argv = (
        programs.find_program("ast-grep"),
        "scan",
        *config,
        "--json=stream",
        "--include-metadata",
        "--color=never",
        *severe,
        "--",
        *files,
    )
    completed, said = programs.run_tool(place, processes, argv, "ast-grep")
    return _Answer(completed, tuple(said.split("\n")))


@dataclass(frozen=True)
class _Elsewhere:
    """What stands anywhere in the files of one language: a rule itself looks at one file at a time."""

    root: Path
    files: Sequence[PurePosixPath]

    def stands(self, pattern: str, beside: str) -> bool:
        """Whether a pattern is matched in any file that has the same ending as `beside`."""
        wanted, suffix = re.compile(pattern), PurePosixPath(beside).suffix
        texts = (
            (self.root / f).read_text(encoding="utf-8", errors="replace") for f in self.files if f.suffix == suffix
        )
        return any(wanted.search(text) for text in texts)


def _nowhere(pattern: str, beside: str) -> bool:
    return False


def _matches(lines: Sequence[str], stands: Callable[[str, str], bool] = _nowhere) -> Iterator[Finding]:
    """ast-grep tells lines and columns from 0, in characters.

    Two keys of a rule's metadata make an error a notice: `notice-where` a pattern stands in any file of the language,
    and `notice-unless` one of the variables that the rule has bound has its pattern in it.
    """
    found: dict[tuple[object, ...], Finding] = {}
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            match = json.loads(line)
            start = match["range"]["start"]
            note = (match.get("note") or "").strip()
            said = match["message"].strip() + (f"\n→ {note}" if note else "")
            severity = _SEVERITIES.get(match["severity"], Severity.NOTICE)
            told = match.get("metadata", {})
            if (pattern := told.get("notice-where")) and stands(pattern, match["file"]):
                severity = Severity.NOTICE
            if (unless := told.get("notice-unless")) and not _any_of(unless, match["metaVariables"]["single"]):
                severity = Severity.NOTICE
            place = (match["file"].replace("\\", "/").removeprefix("./"), start["line"] + 1, start["column"] + 1)
            finding = Finding(said.strip() or match["ruleId"], name_of(match["ruleId"]), severity, *place)
        except (ValueError, KeyError, TypeError):
            raise Inconclusive(f"ast-grep said what cannot be read: {line[:200]}", "Is it the right release?") from None
        found.setdefault((finding.rule, *place), finding)
    yield from sorted(found.values(), key=lambda f: (f.path or "", f.line or 0, f.column or 0, f.rule))


def _any_of(patterns: Mapping[str, str], bound: Mapping[str, Mapping[str, str]]) -> bool:
    return any(re.search(pattern, bound[name]["text"]) for name, pattern in patterns.items() if name in bound)


def name_of(id: str) -> str:
    """A rule that is written once for each of several languages has one name: `NAME.js`, `NAME.tsx`."""
    return id.partition(".")[0]


def _dropped(answer: _Answer, rules: list[RuleFile]) -> Finding:
    """Take the rule out that ast-grep complains of, and say why. Raises CannotTell where no rule is to blame."""
    said = "\n".join(line for line in answer.lines if line and not line.startswith("{"))
    if named := _BAD_RULE.search(said):
        rule = rules.pop(int(Path(named["path"].strip()).stem))
        at = _LINE.search(said)
        why = dict.fromkeys(line.strip("╰▻✖ ") for line in said.splitlines() if line.startswith("╰▻"))
        known = f"a `language` is one of {', '.join(LANGUAGES)}"
        told = "\n".join((*why, *([known] if "SgLang" in said else ())))
        return _bad(rule, told, int(at["line"]) if at else None)
    if named := _DUPLICATE.search(said):
        number = max(number for number, rule in enumerate(rules) if named["id"] in rule.ids)
        return _bad(rules.pop(number), f"another rule is called `{named['id']}` too", None)
    ended = answer.completed.ended(programs.DEADLINE)
    raise Inconclusive(f"ast-grep {ended} without a verdict:\n{said[-2000:]}", "")


def _bad(rule: RuleFile, why: str, line: int | None) -> Finding:
    said = f"this rule was not looked for: {why}\nhttps://ast-grep.github.io/guide/rule-config.html"
    return Finding(said, "rule-does-not-parse", Severity.ERROR, rule.shown, line)
