"""One run of ast-grep with all rules over all files: its matches, and the rules that it rejects, as findings."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from omni_release import programs
from omni_release.code import Sources, select_sources
from omni_release.core.errors import ToolUnavailable
from omni_release.core.model import Finding, Severity
from omni_release.core.settings import TABLE
from omni_release.core.settings_reader import pyproject_line
from omni_release.core.world import Completed, Processes

LANGUAGES = (
    *("Bash", "C", "Cpp", "CSharp", "Css", "Dart", "Elixir", "Go", "Haskell", "Hcl", "Html", "Java", "JavaScript"),
    *("Json", "Kotlin", "Lua", "Nix", "Php", "Python", "Ruby", "Rust", "Scala", "Solidity", "Swift", "Tsx"),
    *("TypeScript", "Yaml"),
)
"""The languages of rules, as ast-grep spells them."""

_SHIPPED = Path(__file__).with_name("rules")
_COMPLETED = (0, 1)  # ast-grep's exit codes without and with matches of severity error
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}
_ID = re.compile(r"^id:\s*[\"']?([\w.-]+)", re.MULTILINE)
_REJECTED = re.compile(r"Cannot parse rule (?P<path>.+)")
_DUPLICATE = re.compile(r"Duplicate rule id `(?P<id>[^`]+)`")
_PLACE = re.compile(r"line (?P<line>\d+) column (?P<column>\d+)")


@dataclass(frozen=True)
class RuleFile:
    """A file of rules: its path, its path in messages, its text, and the error where it cannot be read.

    It is `shipped` with omni-release, or the project's own.
    """

    path: Path
    shown: str
    text: str = field(repr=False)
    error: str = ""
    shipped: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rules in it."""
        return tuple(_ID.findall(self.text))

    @property
    def without_severity(self) -> tuple[str, ...]:
        """The ids of the rules that name no severity: hints for ast-grep, errors here."""
        documents = re.split(r"^---", self.text, flags=re.MULTILINE)
        return tuple(
            match[1]
            for document in documents
            if (match := _ID.search(document)) and not re.search(r"^severity:", document, re.MULTILINE)
        )


def rule_file(path: Path, shown: str) -> RuleFile:
    """Read a rule file; one that cannot be read has no text, and the error."""
    try:
        return RuleFile(path, shown, path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError as error:
        return RuleFile(path, shown, "", f"cannot be read: {error.strerror}")


def shipped_rules() -> tuple[RuleFile, ...]:
    """The rules that omni-release ships."""
    files = (rule_file(path, f"omni_release/code/rules/{path.name}") for path in sorted(_SHIPPED.glob("*.yml")))
    return tuple(replace(file, shipped=True) for file in files)


def project_rules(root: Path, folder: str) -> tuple[RuleFile, ...]:
    """A project's own rules, from the folder of its settings; empty where there is none, see `missing_rules`."""
    if not folder:
        return ()
    paths = sorted(path for path in (root / folder).rglob("*") if path.suffix in (".yml", ".yaml"))
    return tuple(rule_file(path, os.path.relpath(path, root).replace(os.sep, "/")) for path in paths)


def missing_rules(root: Path, folder: str) -> Iterator[Finding]:
    """A finding where the settings name a folder of rules, and there is none, or no rule in it."""
    if not folder or project_rules(root, folder):
        return
    what = "has no rule files (.yml or .yaml)" if (root / folder).is_dir() else "is not a folder"
    message = f"`rules` in [tool.omni-release.audit] names {folder!r}, which {what}\nAdd a rule, or correct the name."
    line = pyproject_line(root, (TABLE, "audit", "rules"))
    yield Finding(message, "no-rules", Severity.ERROR, "pyproject.toml", line, configured=True)


def rule_name(id: str) -> str:
    """The name that the rules for several languages share: `NAME` of `NAME.js` and `NAME.tsx`."""
    return id.partition(".")[0]


@dataclass(frozen=True)
class ScanOptions:
    """The rules and files of a scan; files that match a glob of `ignored` are left out.

    ast-grep's output goes to the run folder `run`, where that exists.
    """

    root: Path
    files: Sequence[PurePosixPath]
    rules: Sequence[RuleFile]
    ignored: tuple[str, ...]
    run: Path
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class _Output:
    completed: Completed
    lines: tuple[str, ...]


def find_matches(options: ScanOptions, processes: Processes) -> Iterator[Finding]:
    """The matches of the rules in the files, and findings about unusable rules and files.

    Raises ToolUnavailable where ast-grep is not installed or ends without a result.
    """
    sources = select_sources(options.root, options.files, options.ignored)
    yield from sources.findings
    rules = [rule for rule in options.rules if re.search(r"^[^#\s]", rule.text, re.MULTILINE)]
    empty = (rule for rule in options.rules if rule not in rules)
    yield from (_rejected_rule(rule, rule.error or "the file has no rule", None) for rule in empty)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(options.root, options.run, Path(folder), options.environment)
        while rules and sources.files:
            write_configuration(Path(folder), rules, sources)
            outputs = [_run_ast_grep(context, processes, rules, batch) for batch in programs.batches(sources.files)]
            failed = next((output for output in outputs if output.completed.code not in _COMPLETED), None)
            if failed is None:
                own = frozenset(id for rule in rules if not rule.shipped for id in rule.ids)
                for output in outputs:
                    yield from _parse_matches(output.lines, _Search(options.root, sources.files).matches, own)
                return
            yield _drop_rule(failed, rules)


def write_configuration(folder: Path, rules: Sequence[RuleFile], sources: Sources) -> None:
    """Write ast-grep's configuration and numbered copies of the rules.

    Vue files are HTML, whose scripts ast-grep reads, and what a workflow runs is a shell script.
    """
    shutil.rmtree(folder / "rules", ignore_errors=True)
    (folder / "rules").mkdir()
    for number, rule in enumerate(rules):
        (folder / "rules" / f"{number}.yml").write_text(rule.text, encoding="utf-8")
    scripts = [file.as_posix() for file in sources.scripts]
    configuration = {
        "ruleDirs": ["rules"],
        "languageGlobs": {"html": ["*.vue"]} | ({"bash": scripts} if scripts else {}),
        "languageInjections": [
            {"hostLanguage": "yaml", "rule": {"pattern": f"{key}: $CONTENT"}, "injected": "bash"}
            for key in ("run", "script")
        ],
    }
    (folder / "sgconfig.yml").write_text(json.dumps(configuration), encoding="utf-8")


def _run_ast_grep(
    context: programs.ToolContext, processes: Processes, rules: Sequence[RuleFile], files: tuple[str, ...]
) -> _Output:
    config = ("--config", str(context.folder / "sgconfig.yml"))
    options = ("--json=stream", "--include-metadata", "--color=never")
    errors = (f"--error={id}" for rule in rules for id in rule.without_severity)
    argv = (programs.find_program("ast-grep"), "scan", *config, *options, *errors, "--", *files)
    completed, output = programs.run_tool(context, processes, argv, "ast-grep")
    return _Output(completed, tuple(output.split("\n")))


@dataclass(frozen=True)
class _Search:
    """A search in all files of a language: a rule of ast-grep sees one file at a time."""

    root: Path
    files: Sequence[PurePosixPath]

    def matches(self, pattern: str, sibling: str) -> bool:
        """Whether the pattern matches anywhere in the files with the same suffix as `sibling`."""
        regex, suffix = re.compile(pattern), PurePosixPath(sibling).suffix
        same = (self.root / file for file in self.files if file.suffix == suffix)
        return any(regex.search(path.read_text(encoding="utf-8", errors="replace")) for path in same)


def _parse_matches(
    lines: Sequence[str],
    elsewhere: Callable[[str, str], bool] = lambda pattern, sibling: False,
    own: frozenset[str] = frozenset(),
) -> Iterator[Finding]:
    """ast-grep's matches as findings, sorted by place; it counts lines and columns from 0, in characters.

    `own` are the ids of the project's own rules.
    """
    findings: dict[tuple[object, ...], Finding] = {}
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            match = json.loads(line)
            start = match["range"]["start"]
            note = (match.get("note") or "").strip()
            message = match["message"].strip() + (f"\n→ {note}" if note else "")
            severity = _severity(match, elsewhere)
            place = (match["file"].replace("\\", "/").removeprefix("./"), start["line"] + 1, start["column"] + 1)
            id = match["ruleId"]
            finding = Finding(message.strip() or id, rule_name(id), severity, *place, configured=id in own)
        except (ValueError, KeyError, TypeError):
            message = f"cannot parse ast-grep's output: {line[:200]}"
            raise ToolUnavailable(message, programs.upgrade_command("ast-grep")) from None
        findings.setdefault((finding.rule, *place), finding)
    yield from sorted(findings.values(), key=lambda f: (f.path or "", f.line or 0, f.column or 0, f.rule))


def _severity(match: dict[str, Any], elsewhere: Callable[[str, str], bool]) -> Severity:
    """The severity of a match. Two keys of its rule's metadata turn an error into a notice.

    `notice-where` does if its pattern matches `elsewhere` in a file of the language, `notice-unless` if none of its
    patterns, by variable, matches what the rule bound to the variable.
    """
    metadata = match.get("metadata", {})
    if (pattern := metadata.get("notice-where")) and elsewhere(pattern, match["file"]):
        return Severity.NOTICE
    if patterns := metadata.get("notice-unless"):
        bound = match["metaVariables"]["single"]
        texts = ((regex, bound[name]["text"]) for name, regex in patterns.items() if name in bound)
        if not any(re.search(regex, text) for regex, text in texts):
            return Severity.NOTICE
    return _SEVERITIES.get(match["severity"], Severity.NOTICE)


def _drop_rule(output: _Output, rules: list[RuleFile]) -> Finding:
    """Remove the rule that ast-grep rejects, and say why. Raises ToolUnavailable where no rule is the cause."""
    text = "\n".join(line for line in output.lines if line and not line.startswith("{"))
    if match := _REJECTED.search(text):
        rule = rules.pop(int(Path(match["path"].strip()).stem))
        place = _PLACE.search(text)
        reasons = dict.fromkeys(line.strip("╰▻✖ ") for line in text.splitlines() if line.startswith("╰▻"))
        languages = [f"`language` must be one of {', '.join(LANGUAGES)}"] if "SgLang" in text else []
        return _rejected_rule(rule, "\n".join((*reasons, *languages)), int(place["line"]) if place else None)
    if match := _DUPLICATE.search(text):
        number = max(number for number, rule in enumerate(rules) if match["id"] in rule.ids)
        return _rejected_rule(rules.pop(number), f"another rule has the id `{match['id']}` too", None)
    ended = output.completed.ended(programs.DEADLINE)
    raise programs.unavailable("ast-grep", ended, text)


def _rejected_rule(rule: RuleFile, reason: str, line: int | None) -> Finding:
    message = f"rule skipped: {reason}\nSee https://ast-grep.github.io/guide/rule-config.html"
    return Finding(message, "rule-does-not-parse", Severity.ERROR, rule.shown, line, configured=not rule.shipped)
