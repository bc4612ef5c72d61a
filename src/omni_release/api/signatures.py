"""What differs between two signatures for a caller: griffe's findings, with those left out that no caller notices."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import griffe
from griffe import Attribute, Breakage, Class, Expr, Function, Parameter, ParameterKind

from omni_release.api.objects import source
from omni_release.api.surface import is_dunder

_POSITIONAL = (ParameterKind.positional_only, ParameterKind.positional_or_keyword)
_VARIADIC = {ParameterKind.var_positional: "*", ParameterKind.var_keyword: "**"}
_CALLED_BY_NAME = ("__init__", "__new__", "__call__")
_ABSENT = object()
_ONCE_PASSED = 2  # times that a function names a parameter which it has, and only passes on


@dataclass(frozen=True)
class SignatureChange:
    """One difference of a signature: its kind, what has changed, what a caller sees, and the old parameters."""

    kind: str
    message: str
    effect: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signatures:
    """The old and the new signature of a function, and what griffe found about its parameters."""

    old: Function
    new: Function
    found: Sequence[Breakage]

    def differences(self) -> Iterator[SignatureChange]:
        """The differences that break a call."""
        removed = [one.old_value for one in self._of(griffe.ParameterRemovedBreakage)]
        required = [one.new_value for one in self._of(griffe.ParameterAddedRequiredBreakage)]
        renamed = {one.name: new for one in removed if (new := self._replacement(one)) is not None}
        by_position = is_dunder(self.new.name) and self.new.name not in _CALLED_BY_NAME
        collected = [one for one in removed if one.name not in renamed and self._is_collected_now(one)]
        kept = {*renamed, *(one.name for one in collected)}
        kept |= {one.name for one in removed if one.name.startswith("_") or self._is_named_now(one)}
        gone = [one for one in removed if one.name not in kept and not self._was_refused(one)]
        by_name = [one.name for one in collected if not _is_positional_only(one) and not by_position]
        if by_name:
            yield _in_other_way(by_name, "by position")
        if gone:
            yield _removed(gone)
        for one in removed:
            if one.name in renamed:
                new = renamed[one.name]
                if not by_position and not _is_positional_only(one):
                    yield SignatureChange(
                        "parameter-renamed",
                        f"parameter `{one.name}` was renamed to `{new.name}`",
                        f"a call with `{one.name}=` raises TypeError",
                        (one.name,),
                    )
                if new.required and not one.required:
                    yield _became_required(new)
        new_names = {new.name for new in renamed.values()}
        for one in required:
            if one.name not in new_names and not self._was_accepted(one):
                yield SignatureChange(
                    "parameter-added",
                    f"required parameter `{one.name}` was added",
                    "a call without it raises TypeError",
                )
        yield from self._moved(new_names, {one.name for one in required})
        yield from self._changed()

    def _was_accepted(self, new: Parameter) -> bool:
        """Whether calls have passed a new required parameter before: as the instance, in `*args`, by another name."""
        if new.kind not in _POSITIONAL:
            return False
        if new is self.new.parameters[0] and new.name in ("self", "cls"):
            return True
        if any(old.kind is ParameterKind.var_positional for old in self.old.parameters) and _is_positional_only(new):
            return True
        before, after = _positional(self.old.parameters), _positional(self.new.parameters)
        at = next((number for number, one in enumerate(after) if one.name == new.name), len(before))
        return at < len(before) and before[at].name not in {one.name for one in self.new.parameters}

    def _is_named_now(self, old: Parameter) -> bool:
        """Whether the parameters that `*args` or `**kwargs` collected have names of their own now."""
        if old.kind in _VARIADIC and any(new.kind is old.kind for new in self.new.parameters):
            return True  # it only has another name
        kinds: tuple[ParameterKind, ...] = ()
        if old.kind is ParameterKind.var_positional:
            kinds = _POSITIONAL
        elif old.kind is ParameterKind.var_keyword:
            kinds = (ParameterKind.keyword_only, ParameterKind.positional_or_keyword)
        known = {one.name for one in self.old.parameters}
        return any(new.kind in kinds and new.name not in known for new in self.new.parameters)

    def _is_collected_now(self, old: Parameter) -> bool:
        """Whether a parameter that could be passed by position is one of those that `*args` collects now."""
        before, after = _positional(self.old.parameters), _positional(self.new.parameters)
        at = next((number for number, one in enumerate(before) if one.name == old.name), None)
        collects = any(new.kind is ParameterKind.var_positional for new in self.new.parameters)
        return at is not None and collects and len(after) <= at

    def _was_refused(self, old: Parameter) -> bool:
        """Whether no call could pass what `*args` collected: it only went to the method of a base class without any."""
        inside = self.old.parent
        passed = rf"super\(\)\.{self.old.name}\(\s*\*{old.name}\b"
        text = source(self.old)
        if old.kind is not ParameterKind.var_positional or not isinstance(inside, Class) or not re.search(passed, text):
            return False
        if len(re.findall(rf"\b{old.name}\b", text)) != _ONCE_PASSED:
            return False
        with contextlib.suppress(Exception):  # base classes that are elsewhere
            above = next(base.members[self.old.name] for base in inside.mro() if self.old.name in base.members)
            if isinstance(above, Function):
                kinds = {one.kind for one in above.parameters}
                return not _positional(above.parameters) and ParameterKind.var_positional not in kinds
        return False

    def _of(self, kind: type[Breakage]) -> Iterator[Breakage]:
        return (one for one in self.found if isinstance(one, kind))

    def _replacement(self, old: Parameter) -> Parameter | None:
        """The new parameter in the position of a removed one, if no parameter of that name was there before."""
        before, after = _positional(self.old.parameters), _positional(self.new.parameters)
        at = next((number for number, one in enumerate(before) if one.name == old.name), None)
        if at is None or at >= len(after) or after[at].name in {one.name for one in self.old.parameters}:
            return None
        others = ({one.name for one in before[at + 1 :]}, {one.name for one in after[at + 1 :]})
        return after[at] if others[0] & others[1] or len(before) == len(after) else None

    def _keeps_place(self, old: Parameter) -> bool:
        """Whether a new optional parameter takes the position of one that is passed by keyword now."""
        before, after = _positional(self.old.parameters), _positional(self.new.parameters)
        at = next((number for number, one in enumerate(before) if one.name == old.name), len(after))
        return at < len(after) and not after[at].required and after[at].name not in {one.name for one in before}

    def _moved(self, renamed: set[str], required: set[str]) -> Iterator[SignatureChange]:
        """The parameters that are in another order, or an optional one that was put before another."""
        if not any(self._of(griffe.ParameterMovedBreakage)):
            return
        before = [one.name for one in _positional(self.old.parameters)]
        after = [one.name for one in _positional(self.new.parameters)]
        common = [name for name in before if name in after]
        order = [name for name in after if name in before]
        if common != order:
            listed = (", ".join(f"`{name}`" for name in names) for names in (common, order))
            message = "the order of the parameters changed from {} to {}".format(*listed)
            yield SignatureChange("parameter-moved", message, "a positional argument is taken for another parameter")
            return
        for number, name in enumerate(after[:-1]):
            follows = next((other for other in after[number + 1 :] if other in before), None)
            if name not in before and follows and name not in renamed | required:
                message = f"parameter `{name}` was inserted before `{follows}`"
                effect = f"a positional argument for `{follows}` is taken for `{name}`"
                yield SignatureChange("parameter-moved", message, effect)
                return

    def _changed(self) -> Iterator[SignatureChange]:
        """The parameters that are required now, are passed in another way, or have another default."""
        other_way: dict[str, list[str]] = {}
        for one in self.found:
            old, new = one.old_value, one.new_value
            if isinstance(one, griffe.ParameterChangedRequiredBreakage) and old.kind not in _VARIADIC:
                yield _became_required(new)
            elif isinstance(one, griffe.ParameterChangedKindBreakage) and not _is_positional_only(old):
                known = new.kind not in _VARIADIC and old.kind not in _VARIADIC  # what these collect is not known
                if known and not self._keeps_place(old) and old.name not in ("self", "cls"):
                    how = "by keyword" if new.kind is ParameterKind.keyword_only else "by position"
                    other_way.setdefault(how, []).append(old.name)
            elif isinstance(one, griffe.ParameterChangedDefaultBreakage):
                before, after = _default(old, self.old), _default(new, self.new)
                if not _is_same(before, after):
                    message = f"the default of `{old.name}` changed from {old.default} to {new.default}"
                    yield SignatureChange("default", message, "a call without it gets the new value", (old.name,))
        for how, names in other_way.items():
            yield _in_other_way(names, how)


def _positional(parameters: Iterable[Parameter]) -> list[Parameter]:
    """The parameters that a caller can pass by position."""
    listed = [one for one in parameters if one.kind in _POSITIONAL]
    return listed[1:] if listed and listed[0].name in ("self", "cls") else listed


def _is_positional_only(one: Parameter) -> bool:
    hidden = one.name.startswith("__") and not is_dunder(one.name)  # as in stubs, before Python 3.8
    return one.kind is ParameterKind.positional_only or hidden


def _became_required(one: Parameter) -> SignatureChange:
    message = f"parameter `{one.name}` has no default any more"
    return SignatureChange("parameter-required", message, "a call without it raises TypeError")


def _in_other_way(names: Sequence[str], how: str) -> SignatureChange:
    effect = "a call that passes it the other way raises TypeError"
    return SignatureChange("parameter-kind", f"{_listed(names)} can only be passed {how}", effect, tuple(names))


def _removed(gone: Sequence[Parameter]) -> SignatureChange:
    names = [f"{_VARIADIC.get(one.kind or ParameterKind.positional_only, '')}{one.name}" for one in gone]
    effect = "a call that passes it raises TypeError"
    if all(one.kind in _VARIADIC for one in gone):
        effect = "a call with arguments that have no parameter raises TypeError"
    message = f"{_listed(names)} {'was' if len(gone) == 1 else 'were'} removed"
    return SignatureChange("parameter-removed", message, effect, tuple(one.name for one in gone))


def _listed(names: Sequence[str]) -> str:
    """`parameter x`, `parameters x and y`."""
    quoted = [f"`{name}`" for name in names]
    return f"parameter {quoted[0]}" if len(names) == 1 else f"parameters {', '.join(quoted[:-1])} and {quoted[-1]}"


def _value(default: str | Expr | None, of: Function) -> object:
    """The value of a default; `_ABSENT` where only running the module shows it."""
    text = str(default)
    for _ in range(5):  # a name of a constant, of another one, ...
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            module = of.module
            named = module.members.get(text) if text.isidentifier() else None
            if not isinstance(named, Attribute) or named.value is None:
                return _ABSENT
            text = str(named.value)
    return _ABSENT


def _default(parameter: Parameter, of: Function) -> object:
    """What a call without a parameter passes: for None, the value that the function, or one it calls, has instead.

    `_ABSENT` where that is not known: `x = x or y`, `y if x is None else x`.
    """
    value, name = _value(parameter.default, of), parameter.name
    if value is not None:
        return value
    stated = re.compile(rf"^\s*if {name} is None:\s*\n\s*{name} = (.+)$", re.MULTILINE)
    forms = rf"\b{name}\s+or\b|\b{name}\s+if\s+{name}\b|\bif\s+{name}\s+is\s+None\s+else\b"
    forms += rf"|\bif\s+(?:{name}\s+is\s+None|not\s+{name})\s*:\s*\n\s*{name}\s*="
    if (found := stated.search(source(of))) is None and re.search(forms, source(of)):
        return _ABSENT
    if found is None:
        path = of.package.filepath
        files = path.parent.rglob("*.py") if not isinstance(path, list) else ()
        texts = (file.read_text(encoding="utf-8", errors="replace") for file in files)
        found = next((match for text in texts if (match := stated.search(text))), None)
    return _value(found[1], of) if found else None


def _is_same(old: object, new: object) -> bool:
    """Whether two defaults are equal to a caller: also where one of them is not known, or both stand for nothing."""
    if _ABSENT in (old, new) or Ellipsis in (old, new):
        return True
    if type(old) in (bool, type(None)) or type(new) in (bool, type(None)):
        nothing = {"None", "()", "[]", "{}", "''"}
        return repr(old) == repr(new) or {repr(old), repr(new)} <= nothing
    return old == new
