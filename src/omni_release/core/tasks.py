"""What a lane is made of: checks that look, steps that act, and what each needs."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

from omni_release.core.actions import Action
from omni_release.core.model import Evidence, Finding, Release, Stage
from omni_release.core.world import World

Check = Callable[[Release, World], Iterator[Finding]]
Key = Callable[[Release, World], str]


@runtime_checkable
class Step(Protocol):
    """A change to the world. The first line of its class's docstring is its title, the rest its remedy."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        """What it would take, in order."""

    def check_done(self, release: Release, world: World) -> Evidence | None:
        """Proof that the world stands as the step leaves it, or None. Raises Conflict where it never can."""


class RuleClass(enum.StrEnum):
    """What a rule is about: what ships (a release is wrong, or cannot be verified), or how well the code is kept."""

    RELEASE = "release"
    QUALITY = "quality"


@dataclass(frozen=True)
class Rule:
    """One kind of finding that a check reports, called `check/id`.

    `id` is a regular expression for a family of rules that another program defines (`W\\d{3}`). `title` is a short
    noun phrase or statement.
    """

    id: str
    kind: RuleClass
    title: str


_Body = TypeVar("_Body")


def reports(*rules: Rule) -> Callable[[_Body], _Body]:
    """Declare the rules that the findings of a check can have."""

    def declare(body: _Body) -> _Body:
        setattr(body, "rules", rules)  # noqa: B010 - a Callable has no such attribute to the type checker
        return body

    return declare


@dataclass(frozen=True)
class Task:
    """One line of a lane. `needs` are the ids of earlier tasks that must have passed, or had nothing to do.

    `summary` is what is checked or done, in a sentence; `remedy` is how to fix it, in the imperative. A check with a
    `key` is costly: its outcome is cached, and used again while the key stays the same. A `signable` one may be
    answered by a person where it is inconclusive. One that is not `waivable` is a proof without which nothing may be
    published: no waiver has an effect on it.
    """

    id: str
    title: str
    remedy: str
    body: Check | Step
    needs: tuple[str, ...]
    key: Key | None = None
    signable: bool = False
    waivable: bool = True
    stage: Stage = Stage.SOURCE
    summary: str = ""

    @property
    def kind(self) -> str:
        """`check` or `step`."""
        return "step" if isinstance(self.body, Step) else "check"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that its findings can have."""
        return getattr(self.body, "rules", ())


@dataclass(frozen=True)
class Lane:
    """An ordered list of tasks; each needs only tasks that stand before it."""

    name: str
    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for task in self.tasks:
            if missing := set(task.needs) - seen:
                raise ValueError(f"lane {self.name}: {task.id} needs {sorted(missing)}, which do not stand before it")
            seen.add(task.id)

    def up_to(self, name: str, *ids: str) -> Lane:
        """The part of this lane that ends with the tasks named, and what they need; called `name`."""
        wanted = set(ids)
        for task in reversed(self.tasks):
            if task.id in wanted:
                wanted.update(task.needs)
        return replace(self, name=name, tasks=tuple(task for task in self.tasks if task.id in wanted))


def check(
    body: Check, *, needs: str = "", key: Key | None = None, signable: bool = False, waivable: bool = True
) -> Task:
    """A task that looks. Its id is the function's name, its title and remedy are from the function's docstring."""
    title, summary, remedy = _described(body)
    name: str = getattr(body, "__name__")  # noqa: B009 - a Callable has no name to the type checker
    id = name.replace("_", "-")
    return Task(id, title, remedy, body, tuple(needs.split()), key, signable, waivable, summary=summary)


def step(body: Step, *, needs: str = "", id: str = "") -> Task:
    """A task that acts. Its id is the class's name in kebab case, unless given."""
    title, summary, remedy = _described(type(body))
    name = id or re.sub(r"(?<!^)(?=[A-Z])", "-", type(body).__name__).lower()
    return Task(name, title, remedy, body, tuple(needs.split()), summary=summary)


def stage(of: Stage, *tasks: Task) -> tuple[Task, ...]:
    """The tasks, as a part of this stage."""
    return tuple(replace(task, stage=of) for task in tasks)


def _described(body: object) -> tuple[str, str, str]:
    """Title, summary and remedy from a docstring: its first line, the paragraphs below it, and the one after `Fix:`."""
    title, _, rest = (inspect.getdoc(body) or "").partition("\n")
    summary, fix, remedy = rest.strip().partition("Fix: ")
    return title.rstrip("."), summary.strip(), (remedy if fix else summary).strip()
