"""The parts of a lane: checks, steps, the tasks they are in a lane, and the rules that they report."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from omni_release.core.actions import Action
    from omni_release.core.cache import Inputs, Used
    from omni_release.core.model import Evidence, Finding, Release
    from omni_release.core.world import World

Check: TypeAlias = "Callable[[Release, World], Iterator[Finding]]"
"""Reports what is wrong, and changes nothing. Its docstring is described at `Task`."""

Key: TypeAlias = "Callable[[Release, World], Inputs | None]"
"""What the outcome of a costly check depends on; None where that cannot be known."""

Use: TypeAlias = "Callable[[Release, World, Inputs], Used | None]"
"""What a costly check has used of its inputs, when it has passed; None where the outcome must not be used again."""


@runtime_checkable
class Step(Protocol):
    """A change to the world. The docstring of its class is described at `Task`."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        """The actions that the step takes, in order."""

    def check_done(self, release: Release, world: World) -> Evidence | None:
        """The proof that the step is done, or None. Raises Conflict where it can never be done."""


@runtime_checkable
class Reusable(Step, Protocol):
    """A step whose result a later run can use: what it made is kept, and put back where it was."""

    def inputs(self, release: Release, world: World) -> Inputs | None:
        """What its result depends on; None where that cannot be known."""

    def made(self, release: Release, world: World) -> Mapping[str, Path]:
        """The folders with what it made, by a name for each. Raises Inconclusive where nothing is to be kept."""

    def put_back(self, release: Release, world: World, folder: Path) -> Iterable[Action]:
        """The actions in place of its own; `folder` has what it made, under the names. `check_done` proves them.

        Raises Inconclusive where it must be made again.
        """


class Stage(enum.StrEnum):
    """The part of a release that a task belongs to, in order."""

    PREFLIGHT = "preflight"
    SOURCE = "source"
    BUILD = "build"
    INSPECT = "inspect"
    TEST = "test"
    PUBLISH = "publish"
    VERIFY = "verify"
    CODE = "code"
    SMOKE = "smoke"
    AFTER = "after"


class RuleClass(enum.StrEnum):
    """What a rule is about: what ships (it is wrong, or cannot be determined), or how well the code is kept."""

    RELEASE = "release"
    QUALITY = "quality"


@dataclass(frozen=True)
class Rule:
    """One kind of finding that a check reports, called `check/id`.

    `id` is a regular expression for a family of rules that another program defines (`W\\d{3}`). `title` is a short
    noun phrase or statement. `caused_by` are the rules (`check/rule`) whose findings can explain one of this rule: see
    `core.causes`. `preview` is the minor version that the rule came with (`0.2`), while it is that one: see
    `core.severity`. A step has no such rule.
    """

    id: str
    kind: RuleClass
    title: str
    caused_by: tuple[str, ...] = ()
    preview: str = ""

    @property
    def is_family(self) -> bool:
        """Is `id` a regular expression?"""
        return re.fullmatch(r"[\w-]+", self.id) is None

    @property
    def label(self) -> str:
        """Its class, and whether it is in preview: as `explain` and docs/checks.md have it."""
        return f"{self.kind}, preview: a warning in {self.preview}" if self.preview else self.kind.value

    @property
    def shown(self) -> str:
        """The id as people read it: of a family with `NNN` for three digits, and `NAME` for words."""
        plain = re.sub(r"\(\?!.*?\)", "", self.id)  # what it does not include has rules of its own
        return plain.replace(r"\d{3}", "NNN").replace("[a-z-]+", "NAME").replace("|", ", ")


DEFECT = Rule("defect", RuleClass.RELEASE, "Internal error of omni-release")
OS_ERROR = Rule("os-error", RuleClass.RELEASE, "Operating system error")
CANNOT_BE_WAIVED = Rule("cannot-be-waived", RuleClass.RELEASE, "Waiver of a check that cannot be waived")
BASELINE_OUTDATED = Rule("baseline-outdated", RuleClass.QUALITY, "Entry of the baseline that is gone")
FORMER_NAME = Rule("former-name", RuleClass.QUALITY, "Former name of a check, a rule or a key")

ENGINE_RULES = (DEFECT, OS_ERROR, CANNOT_BE_WAIVED, BASELINE_OUTDATED, FORMER_NAME)
"""The rules that any task can report, for the engine reports them."""

_Body = TypeVar("_Body")


def reports(*rules: Rule) -> Callable[[_Body], _Body]:
    """Declare the rules of a check's findings; a decorator of a check, or of a class of checks or steps."""

    def declare(body: _Body) -> _Body:
        setattr(body, "rules", rules)  # noqa: B010 - a Callable has no such attribute to the type checker
        return body

    return declare


@dataclass(frozen=True)
class Task:
    """One line of a lane. `needs` are the ids of earlier tasks that must have passed, or had nothing to do.

    The docstring of its check or step is three paragraphs: the `title`, without a full stop; the `summary`, a sentence
    on what is checked or done; and `Fix: ` with the `remedy`, in the imperative. A check with a `key` is costly: its
    passed outcome is used again while its inputs are the same; `used` says which of them it has used (None: all). A
    `signable` one may be answered by a person where it is inconclusive. No waiver and no sign-off has an effect on a
    check that is not `waivable`: nothing is published without it.
    A `partial` one sees less in this lane than in a rehearsal, so that what it does not report may still be there.
    One that runs `always` comes after the tasks that it needs, whatever came of them.
    """

    id: str
    title: str
    remedy: str
    body: Check | Step
    needs: tuple[str, ...]
    key: Key | None = None
    used: Use | None = None
    signable: bool = False
    waivable: bool = True
    stage: Stage = Stage.SOURCE
    summary: str = ""
    partial: bool = False
    always: bool = False

    @property
    def kind(self) -> str:
        """`check` or `step`."""
        return "step" if isinstance(self.body, Step) else "check"

    @property
    def family(self) -> str:
        """The room that its check or step is in."""
        return self.body.__module__.removeprefix("omni_release.").partition(".")[0]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that it declares; `ENGINE_RULES` are not among them."""
        return getattr(self.body, "rules", ())


@dataclass(frozen=True)
class Lane:
    """An ordered list of tasks. Raises ValueError where a task needs one that does not come before it.

    `tests` are the ids of those that it is run for: where each of them finds nothing to test, the run has no result.
    """

    name: str
    tasks: tuple[Task, ...]
    tests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        earlier: set[str] = set()
        for task in self.tasks:
            if missing := set(task.needs) - earlier:
                raise ValueError(f"lane {self.name}: {task.id} needs {sorted(missing)}, which do not come before it")
            earlier.add(task.id)

    def up_to(self, name: str, *ids: str) -> Lane:
        """A lane called `name`: the tasks with these ids and all that they need, in the same order."""
        wanted = set(ids)
        for task in reversed(self.tasks):
            if task.id in wanted:
                wanted.update(task.needs)
        return replace(self, name=name, tasks=tuple(task for task in self.tasks if task.id in wanted))


def check(
    body: Check,
    *,
    needs: str = "",
    key: Key | None = None,
    used: Use | None = None,
    signable: bool = False,
    waivable: bool = True,
) -> Task:
    """The task of a check. Its id is the name of the function, with hyphens; `needs` is split at blanks."""
    title, summary, remedy = _described(body)
    name: str = getattr(body, "__name__")  # noqa: B009 - a Callable has no name to the type checker
    id = name.replace("_", "-")
    return Task(id, title, remedy, body, tuple(needs.split()), key, used, signable, waivable, summary=summary)


def step(body: Step, *, needs: str = "", id: str = "") -> Task:
    """The task of a step. Its id is the name of the class in kebab case, unless given; `needs` is split at blanks."""
    title, summary, remedy = _described(type(body))
    name = id or re.sub(r"(?<!^)(?=[A-Z])", "-", type(body).__name__).lower()
    return Task(name, title, remedy, body, tuple(needs.split()), summary=summary)


def stage(stage: Stage, *tasks: Task) -> tuple[Task, ...]:
    """The tasks, as tasks of this stage."""
    return tuple(replace(task, stage=stage) for task in tasks)


def _described(body: object) -> tuple[str, str, str]:
    """The title, the summary and the remedy in the docstring of a check or step."""
    title, _, rest = (inspect.getdoc(body) or "").partition("\n")
    summary, fix, remedy = rest.strip().partition("Fix: ")
    return title.rstrip("."), summary.strip(), (remedy if fix else summary).strip()
