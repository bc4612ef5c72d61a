"""What a lane is made of: checks that look, steps that act, and what each needs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from omni_release.core.actions import Action
from omni_release.core.model import Evidence, Finding, Release
from omni_release.core.world import World

Check = Callable[[Release, World], Iterator[Finding]]
Key = Callable[[Release, World], str]


@runtime_checkable
class Step(Protocol):
    """A change to the world. The first line of its class's docstring is its title, the rest its remedy."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        """What it would take, in order."""

    def settled(self, release: Release, world: World) -> Evidence | None:
        """Proof that the world stands as the step leaves it, or None. Raises Conflict where it never can."""


@dataclass(frozen=True)
class Task:
    """One line of a lane. `needs` are the ids of tasks that must have passed (or had nothing to do) before.

    A check with a `key` is a costly one: its outcome is kept, and not paid for again while the key stands. One that is
    `signable` may be answered by a person where it could not tell. One that is not `waivable` is a proof without which
    nothing may be published: no waiver has an effect on it.
    """

    id: str
    title: str
    remedy: str
    body: Check | Step
    needs: tuple[str, ...]
    key: Key | None = None
    signable: bool = False
    waivable: bool = True

    @property
    def kind(self) -> str:
        """`check` or `step`."""
        return "step" if isinstance(self.body, Step) else "check"


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
    """A task that looks. Its id is the function's name, its title and remedy are the function's docstring."""
    title, remedy = _described(body)
    name: str = getattr(body, "__name__")  # noqa: B009 - a Callable has no name to the type checker
    return Task(name.replace("_", "-"), title, remedy, body, tuple(needs.split()), key, signable, waivable)


def step(body: Step, *, needs: str = "", id: str = "") -> Task:
    """A task that acts. Its id is the class's name in kebab case, unless said otherwise."""
    title, remedy = _described(type(body))
    name = id or re.sub(r"(?<!^)(?=[A-Z])", "-", type(body).__name__).lower()
    return Task(name, title, remedy, body, tuple(needs.split()))


def _described(body: object) -> tuple[str, str]:
    title, _, remedy = (inspect.getdoc(body) or "").partition("\n")
    return title.rstrip("."), remedy.strip()
