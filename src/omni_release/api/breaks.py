"""What breaks between two versions of an API: griffe's findings, without those that its users cannot notice.

Beside griffe's own: base classes by all their ancestors, results that can be None or of another built-in type,
functions that became coroutines or no longer are, and methods that need an instance now.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import griffe
from griffe import Attribute, Breakage, Class, Function, Module, Object

from omni_release.api import ApiChange, objects, returns
from omni_release.api.signatures import Signatures
from omni_release.api.surface import Member, Surface, is_dunder, resolved, standard_class, up_from

_GENERIC = ("object", "Generic", "Protocol", "ABC", "NamedTuple")
_OF_PYTHON_2 = re.compile("__(?:nonzero|unicode|r?div|idiv|cmp|coerce|[gs]etslice|long)__")
_NEAR = 0.7  # how alike a new name must be, from 0 to 1: see `difflib.get_close_matches`
_MANY = 200  # new names of a module, which are no longer compared with each one that was removed
_SMALL = 10  # names of an API that can change as a whole


@dataclass(frozen=True)
class ApiComparison:
    """The old and the new API."""

    old: Surface
    new: Surface
    _added: dict[str, Member] = field(default_factory=dict)
    _by_last: dict[str, list[str]] = field(default_factory=dict)
    _by_parent: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known, shortest = set(self.old.objects), set(self.new.names.values())
        for path, member in self.new.objects.items():
            if path not in shortest:
                continue
            inside = any(above in self._added for above in up_from(path.rpartition(".")[0]))
            if path not in known and not inside and not self.old.is_hidden(path) and self.old.find(path) is None:
                self._added[path] = member
                parent, last = path.rpartition(".")[::2]
                self._by_last.setdefault(last, []).append(path)
                self._by_parent.setdefault(parent, {})[last] = path

    def are_alike(self) -> bool:
        """Whether they can be of one project: an API of some size has at least one name in common with the next one."""
        shared = self.old.roots.keys() & self.new.roots.keys()
        names = self.old.objects.keys() - shared
        return bool(shared) and (len(names) < _SMALL or bool(names & self.new.objects.keys()))

    def added(self) -> tuple[str, ...]:
        """The public names that are new, without those below another one of them."""
        return tuple(self._added)

    def changes(self) -> Iterator[ApiChange]:
        """All changes that break a use, each once: under the shortest name of what has several."""
        found: dict[tuple[str, str, int, str], ApiChange] = {}
        for change in (*self._found_by_griffe(), *self._more()):
            key = (change.message, change.file, change.line, change.name.rpartition(".")[2])
            other = found.get(key) if change.file else None
            if other is None or self._rank(change) < self._rank(other):
                found[key] = change
        order = {kind: number for number, kind in enumerate(("removed", "kind"))}  # the worst first
        yield from sorted(found.values(), key=lambda one: (order.get(one.kind, 2), one.name, one.kind, one.message))

    def _rank(self, change: ApiChange) -> tuple[int, bool, str]:
        """What decides between several names of one change: how long they are, and whether it is only inherited."""
        surface = self.old if change.removed else self.new
        return change.name.count("."), change.name not in surface.objects, change.name

    def _found_by_griffe(self) -> Iterator[ApiChange]:
        by_function: dict[str, list[Breakage]] = {}
        for name, root in self.old.roots.items():
            if (new := self.new.roots.get(name)) is None:
                if not self.new.is_hidden(name):
                    yield from self._removed(root)
                continue
            for found in griffe.find_breaking_changes(root, new):
                if isinstance(found, griffe.ObjectRemovedBreakage):
                    yield from self._removed(found.obj)
                elif isinstance(found, griffe.ObjectChangedKindBreakage):
                    yield from self._changed_kind(found)
                elif found.kind.name.startswith("PARAMETER"):
                    by_function.setdefault(found.obj.path, []).append(found)
        for breakages in by_function.values():
            yield from self._signature(breakages)

    def _removed(self, member: Member) -> Iterator[ApiChange]:
        name = self.old.shown(member.path)
        inside = resolved(member)
        if is_dunder(member.name) and (not isinstance(inside, Function) or _OF_PYTHON_2.fullmatch(member.name)):
            return
        if not member.runtime or self._is_there(name) or objects.is_internal(member, inside):
            return
        below = self._public_of(name)
        what = "module" if isinstance(inside, Module) else "name" if inside is None else objects.kind_of(inside)
        nearest = self._new_name(name, inside)
        hint = f", its new name may be `{nearest}`" if nearest else ""
        parent, last = name.rpartition(".")[::2]
        if isinstance(inside, Module):
            effect = f"`import {name}` raises ModuleNotFoundError"
        elif isinstance(resolved(self.new.find(parent)), Class) or isinstance(resolved(below), Class):
            effect = f"`.{last}` raises AttributeError"
        else:
            effect = f"`from {parent} import {last}` raises ImportError"
        change = ApiChange(
            "removed", name, f"{what} was removed{hint}", effect, *objects.place(self.old, member), removed=True
        )
        yield replace(change, deprecated=objects.is_deprecated(member))

    def _public_of(self, name: str) -> Member | None:
        return self.old.objects.get(name.rpartition(".")[0])

    def _is_there(self, name: str) -> bool:
        """Whether the name can still be used, in a way that griffe does not see."""
        if self.new.find(name) is not None or self.new.is_hidden(name):
            return True
        if self.new.is_of_stub(name) and not self.old.is_of_stub(name):
            return True  # the stub may be incomplete
        parent, last = name.rpartition(".")[::2]
        above = resolved(self.new.find(parent))
        if isinstance(above, Module):
            return "__getattr__" in above.members and objects.mentions(above, last)
        if isinstance(above, Class):
            if is_dunder(last) and hasattr(object, last):
                return True
            if any(objects.sets(inside, last) for inside in self._lineage(above)):
                return True  # griffe sees what `__init__` sets alone
            before = resolved(self.old.find(parent))
            old_bases = self.old.ancestors(before) if isinstance(before, Class) else set()
            for base in self.new.ancestors(above):
                real = standard_class(base)
                if real is not None and real is not object and hasattr(real, last):
                    return True
                inside = resolved(self.new.find(base))
                if inside is None and real is None and base not in old_bases:
                    return True  # it may come from there
            return "__getattr__" in above.all_members
        return False

    def _lineage(self, of: Class) -> Iterator[Class]:
        """A class, and its base classes in this distribution."""
        yield of
        for base in self.new.ancestors(of):
            inside = resolved(self.new.find(base))
            if isinstance(inside, Class):
                yield inside

    def _new_name(self, name: str, inside: Object | None) -> str:
        """The likeliest new name of what was removed: the same name elsewhere, else a new one like it."""
        parent, last = name.rpartition(".")[::2]

        def is_same(path: str) -> bool:
            return inside is None or self._added[path].kind is inside.kind

        elsewhere = [path for path in self._by_last.get(last, ()) if is_same(path)]
        if elsewhere:
            return min(elsewhere, key=lambda path: (path.count("."), path))
        beside = self._by_parent.get(parent, {})
        if len(beside) > _MANY:
            return ""
        alike = {name: path for name, path in beside.items() if is_same(path)}
        near = difflib.get_close_matches(last, alike, 1, _NEAR)
        return alike[near[0]] if near else ""

    def _changed_kind(self, found: Breakage) -> Iterator[ApiChange]:
        name = self.new.shown(found.obj.path)
        new, old = resolved(found.obj), resolved(self.old.objects.get(name) or self.old.find(name))
        if old is None or new is None or objects.can_be_the_same(old, new):
            return
        if objects.is_made(old) or objects.is_made(new):
            return
        message = f"{objects.kind_of(old)} became {objects.kind_of(new)}"
        if isinstance(new, Function):
            effect = f"`.{new.name}` is no value any more, but must be called"
        elif isinstance(old, Function):
            effect = "a call of it raises TypeError"
        else:
            effect = "a use as before fails"
        yield ApiChange("kind", name, message, effect, *objects.place(self.new, new))

    def _signature(self, found: list[Breakage]) -> Iterator[ApiChange]:
        new = resolved(found[0].obj)
        name = self.new.shown(found[0].obj.path)
        values = [value for one in found for value in (one.old_value,) if value is not None]
        old: Object | None = next((value.function for value in values if value.function is not None), None)
        old = old or resolved(self.old.objects.get(name) or self.old.find(name))
        if not isinstance(new, Function) or not isinstance(old, Function):
            return
        if objects.is_consumed(old) or objects.is_consumed(new):
            return
        for one in Signatures(old, new, found).differences():
            change = ApiChange(one.kind, name, one.message, one.effect, *objects.place(self.new, new))
            yield replace(change, deprecated=objects.is_deprecated_parameter(old, one.parameters))

    def _more(self) -> Iterator[ApiChange]:
        """What griffe does not compare: results, coroutines, kinds of methods, ancestors."""
        seen = set()
        for name, member in self.old.objects.items():
            old, new = resolved(member), resolved(self.new.objects.get(name) or self.new.find(name))
            if old is None or new is None or (old.path, new.path) in seen:
                continue
            seen.add((old.path, new.path))
            if isinstance(old, Class) and isinstance(new, Class):
                yield from self._bases(name, old, new)
            elif isinstance(old, Function) and isinstance(new, Function) and not objects.is_consumed(new):
                yield from self._function(name, old, new)

    def _bases(self, name: str, old: Class, new: Class) -> Iterator[ApiChange]:
        after = {path.rpartition(".")[2] for path in self.new.ancestors(new)}
        for base in old.bases:
            path = (base if isinstance(base, str) else base.canonical_path).partition("[")[0]
            last = path.rpartition(".")[2]
            if not last.isidentifier() or last in after or last in _GENERIC or last.startswith("_"):
                continue
            if path.startswith(("typing.", "typing_extensions.")) or self._still_matches(path, new, after):
                continue
            message, effect = f"`{last}` is no base class any more", f"`isinstance(…, {last})` is False"
            if isinstance(real := standard_class(path), type) and issubclass(real, BaseException):
                effect = f"`except {last}` does not catch it"
            yield ApiChange("base", name, message, effect, *objects.place(self.new, new))

    def _still_matches(self, base: str, new: Class, after: Collection[str]) -> bool:
        """Whether `isinstance` with the old base class can be true of the new class, although it is no base class.

        The base class decides itself, is provided by `__getattr__`, is another name of one that is left, or the class
        is registered there.
        """
        name = self.old.shown(base)
        found = resolved(self.new.find(name) or self.new.find(base))
        if found is None:
            return self._is_there(name) or self._is_there(base)
        if isinstance(found, Attribute):
            last = str(found.value).partition("[")[0].rpartition(".")[2]
            return last in after or last == new.name
        return isinstance(found, Class) and objects.decides_instances(found, new)

    def _function(self, name: str, old: Function, new: Function) -> Iterator[ApiChange]:
        place = objects.place(self.new, new)
        before, after = str(old.returns or ""), str(new.returns or "")
        if ("async" in old.labels) != ("async" in new.labels):
            decorated = old.decorators or new.decorators
            plain = not decorated and not re.search(r"Awaitable|Coroutine|Any", before + after)
            if plain and "async" in new.labels:
                yield ApiChange("async", name, "became a coroutine function", "a call returns a coroutine", *place)
            elif plain:
                yield ApiChange("async", name, "is no coroutine function any more", "`await` raises TypeError", *place)
            return
        for kind in ("staticmethod", "classmethod"):
            unbound = {"staticmethod", "classmethod"} & new.labels
            if kind in old.labels and not unbound and isinstance(new.parent, Class):
                effect = f"`{name}(…)` needs an instance"
                yield ApiChange("binding", name, f"{kind} became a method of instances", effect, *place)
        if old.overloads or new.overloads or old.decorators or new.decorators:
            return  # a decorator can change the result
        if more := returns.widened(before, after):
            types = " or ".join(more)
            message = f"the result changed from `{before}` to `{after}`"
            yield ApiChange("returns", name, message, f"a caller must expect {types}", *place)
