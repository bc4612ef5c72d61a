"""Whatever else changes in a file, what is in the baseline stays in it, and hides no more than was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_release.core import baseline
from omni_release.core.baseline import Baseline
from omni_release.core.fingerprints import Fingerprint
from omni_release.core.model import Finding, Outcome, Release, Status
from omni_release.core.tasks import Rule, RuleClass, check, reports
from omni_release.core.world import World


@reports(Rule("taste", RuleClass.QUALITY, "A matter of taste"))
def bad_places(release: Release, world: World) -> Iterator[Finding]:
    """Places of BAD

    Fix: it.
    """
    yield from ()


TASK = check(bad_places)
FORMS = (
    "use({bad})",
    "use({other}, bad={bad})",
    "x = {bad}",
    "x = [\n    {other},\n    {bad},\n]",
    "if {bad}:\n    y = {other}",
    "try:\n    y = {other}\nexcept {bad}:\n    pass",
    "for z in {bad}:\n    use({other})",
)
FILLERS = ("y = {other}", "# {other}", "", "import os", "if {other}:\n    pass", '"""Words, {other}."""')


@dataclass(frozen=True)
class Statement:
    """A statement of a definition; `bad` is the number of the finding in it, None without one."""

    form: str
    bad: int | None
    other: int = 0

    @property
    def lines(self) -> list[str]:
        return self.form.format(bad=f"BAD{self.bad}", other=self.other).split("\n")


@dataclass(frozen=True)
class Definition:
    """A function, in a class or not, with its statements; without a name, the statements of the module."""

    name: str
    statements: tuple[Statement, ...]

    @property
    def text(self) -> str:
        head = ["class A:", "    def m(self):"] if self.name == "A.m" else [f"def {self.name}():"] if self.name else []
        inner = [line for statement in self.statements for line in statement.lines]
        depth = "    " * len(head)
        return "\n".join(
            (*head, *(f"{depth}{line}".rstrip() for line in (*inner, *(["pass"] if head else []))), "", "")
        )

    @property
    def found(self) -> Counter[tuple[str, str, int]]:
        """What is wrong here: how often each form of each finding."""
        places = ((self.name, one.form, one.bad) for one in self.statements if one.bad is not None)
        return Counter(places)


fillers = st.builds(Statement, st.sampled_from(FILLERS), st.none(), st.integers(0, 9))
bad_ones = st.builds(Statement, st.sampled_from(FORMS), st.integers(0, 1), st.integers(0, 9))


def modules(statements: st.SearchStrategy[Statement] = bad_ones | fillers) -> st.SearchStrategy[list[Definition]]:
    """Modules of up to four definitions; the first are the statements of the module itself."""
    several = st.lists(statements, max_size=5).map(tuple)
    return st.tuples(several, several, several, several).map(
        lambda found: [Definition(name, inner) for name, inner in zip(("", "f", "g", "A.m"), found, strict=True)]
    )


def judged(root: Path, known: Baseline, module: Sequence[Definition], name: str) -> tuple[int, Outcome]:
    """The number of findings in a module that is written to this file, and what the baseline leaves of them."""
    text = "".join(definition.text for definition in module)
    (root / name).write_text(text, encoding="utf-8")
    findings = tuple(
        Finding("it", "bad-places/taste", path=name, line=number, column=line.index("BAD") + 1)
        for number, line in enumerate(text.splitlines(), 1)
        if "BAD" in line
    )
    return len(findings), known.apply(Outcome(TASK.id, "", "check", Status.FAILED, findings), TASK)


def recorded(root: Path, module: Sequence[Definition]) -> Baseline:
    """The baseline of a module in the file a.py, written and read again."""
    recorder = Baseline(root, recording=True)
    judged(root, recorder, module, "a.py")
    (root / baseline.FILE).write_text(baseline.document(recorder.kept), encoding="utf-8")
    return baseline.read(root)


def new_ones(outcome: Outcome) -> int:
    return sum(finding.rule == "bad-places/taste" for finding in outcome.findings)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all examples: each writes its own files."""
    return tmp_path_factory.mktemp("baseline")


@settings(max_examples=40, deadline=None)
@given(data=st.data(), module=modules(), renamed=st.booleans())
def test_edits_elsewhere(data: st.DataObject, module: list[Definition], renamed: bool, root: Path) -> None:
    """Statements and definitions that come, go and move, other values, and another file name make no finding new."""
    (root / "b.py").unlink(missing_ok=True)
    known = recorded(root, module)
    edited = []
    for definition in data.draw(st.permutations(module[1:])):
        kept = [one for one in definition.statements if one.bad is not None or data.draw(st.booleans())]
        for filler in data.draw(st.lists(fillers, max_size=3)):
            kept.insert(data.draw(st.integers(0, len(kept))), filler)
        changed = (
            replace(one, other=data.draw(st.integers(0, 9))) if "except" not in one.form else one for one in kept
        )
        edited.append(replace(definition, statements=tuple(changed)))
    extra = data.draw(st.lists(fillers, max_size=3).map(tuple))
    if renamed:
        (root / "a.py").unlink()
    number, outcome = judged(root, known, [module[0], *edited, Definition("new", extra)], "b.py" if renamed else "a.py")
    assert (new_ones(outcome), outcome.evidence.get("in-baseline", 0)) == (0, number)


@settings(max_examples=40, deadline=None)
@given(before=modules(), after=modules(), renamed=st.booleans())
def test_a_new_one_is_hidden_only_by_one_that_left(
    before: list[Definition], after: list[Definition], renamed: bool, root: Path
) -> None:
    """In each definition as many equal findings are accepted as were there before, and not one more.

    An update keeps those, and adds nothing.
    """
    (root / "b.py").unlink(missing_ok=True)
    known = recorded(root, before)
    if renamed:
        (root / "a.py").unlink()
    _, outcome = judged(root, known, after, "b.py" if renamed else "a.py")
    more = sum((sum_of(after) - sum_of(before)).values())
    assert new_ones(outcome) == more
    assert not without_path(known.remaining) - without_path(known.entries)
    assert len(known.remaining) == sum((sum_of(after) & sum_of(before)).values())


def without_path(entries: Iterable[Fingerprint]) -> Counter[Fingerprint]:
    """The entries, whatever the file is called."""
    return Counter(replace(entry, path="") for entry in entries)


def sum_of(module: Sequence[Definition]) -> Counter[tuple[str, str, int]]:
    """All that is wrong in a module. Equal are: two arguments of calls, and two items of what the same name becomes."""
    equal = {FORMS[1]: FORMS[0], FORMS[3]: FORMS[2]}
    found: Counter[tuple[str, str, int]] = Counter()
    for definition in module:
        for (name, form, bad), number in definition.found.items():
            found[name, equal.get(form, form), bad] += number
    return found
