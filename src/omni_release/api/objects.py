"""What one object of an API says of itself: its kind and place, whether it is deprecated, and who uses it."""

from __future__ import annotations

import ast
import contextlib
import re

from griffe import Alias, Attribute, Class, Function, Kind, Module, Object

from omni_release.api.surface import Member, Surface, resolved

_OF_MODULES = re.compile(r"[a-z_]|log|logger|_?T(?:_co|_contra)?|TYPE_CHECKING|annotations")
_NO_VALUE = re.compile(r"(?:[\w.]*\.)?(?:TypeVar|ParamSpec|TypeVarTuple|NewType|getLogger|get_logger)\(")
_CONSUMED_BY = re.compile(
    r"(?:.*\.)?(?:command|group|fixture|route|get|post|put|patch|delete|websocket|task|shared_task|hookimpl|validator"
    r"|field_validator|model_validator|root_validator|field_serializer|model_serializer|overload|callback|listens_for"
    r"|event_handler|on|singledispatch|register)"
)
_DEPRECATED = re.compile(
    r"\.\. deprecated::|^\s*(?:\*\*|!!! |\[)?deprecated\b|(?:Pending)?DeprecationWarning|FutureWarning|warn_deprecated",
    re.IGNORECASE | re.MULTILINE,
)
_AROUND = 300  # characters


def is_made(inside: Object) -> bool:
    """Whether a decorator that is not known makes something else of a function: a property of its own, for example."""
    known = ("staticmethod", "classmethod", "abc.abstractmethod", "abstractmethod", "typing.overload", "override")
    if not isinstance(inside, Function):
        return False
    return any(not decorator.callable_path.endswith(known) for decorator in inside.decorators)


def is_consumed(function: Function) -> bool:
    """Whether a decorator takes the function for itself, as of a command or a test: no user calls it."""
    return any(_CONSUMED_BY.fullmatch(decorator.callable_path) for decorator in function.decorators)


def is_deprecated(member: Member) -> bool:
    """Whether the object, or the class or module that it is in, says that it is deprecated."""
    inside = resolved(member)
    if inside is None:
        return False
    doc = inside.docstring.value if inside.docstring else ""
    if re.search(r"\.\. deprecated::|^\s*(?:\*\*|!!! |\[)?deprecated\b", doc, re.IGNORECASE | re.MULTILINE):
        return True
    decorators = inside.decorators if isinstance(inside, Function | Class) else []
    if any("deprecat" in decorator.callable_path.lower() for decorator in decorators):
        return True
    if isinstance(inside, Function):
        return _DEPRECATED.search(source(inside)) is not None
    if isinstance(inside, Class):
        init = inside.members.get("__init__")
        if init is not None and is_deprecated(init):
            return True
        with contextlib.suppress(Exception):  # a base class that is elsewhere
            return any(is_deprecated(base) for base in inside.resolved_bases)
        return False
    return isinstance(inside.parent, Class) and is_deprecated(inside.parent)


def is_deprecated_parameter(function: Function, names: tuple[str, ...]) -> bool:
    """Whether the text of a function speaks of a deprecation close to the names of these parameters."""
    text = source(function)
    around = [text[max(0, found.start() - _AROUND) : found.end() + _AROUND] for found in _DEPRECATED.finditer(text)]
    return bool(names) and all(any(re.search(rf"\b{name}\b", part) for part in around) for name in names)


def sets(inside: Class, name: str) -> bool:
    """Whether a method of the class sets the attribute."""
    return re.search(rf"\b(?:self|cls)\.{re.escape(name)}\s*(?::|=(?!=))", source(inside)) is not None


def decides_instances(base: Class, other: Class) -> bool:
    """Whether a class decides itself what its instances are, or has the other one registered (abc.ABC)."""
    metaclass = re.search(r"\bmetaclass\s*=\s*(\w+)", source(base))
    decides = resolved(base.module.members.get(metaclass[1])) if metaclass else None
    if "__subclasshook__" in base.members or (isinstance(decides, Class) and "__instancecheck__" in decides.members):
        return True
    call, decorator = rf"\b{base.name}\.register\(\s*{other.name}\b", rf"@(?:\w+\.)*{base.name}\.register\b"
    return any(re.search(f"{call}|{decorator}", source(one.module)) for one in (base, other))


def source(of: Object) -> str:
    """The text of an object; empty where it is not there."""
    with contextlib.suppress(Exception):
        return of.source
    return ""


def mentions(module: Module, name: str) -> bool:
    """Whether the text of a module has the name as a string, or imports it for type checkers: it is loaded lazily."""
    files = module.filepath if isinstance(module.filepath, list) else [module.filepath]
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file())
    return any(re.search(rf"\b{re.escape(name)}\b", text) for text in texts)


def is_internal(member: Member, inside: Object | None) -> bool:
    """Whether a removed name of a module was none for users: a logger, a type variable, an import from elsewhere."""
    if inside is None and isinstance(member.parent, Module):
        return member.name not in (member.parent.exports or ())
    if not isinstance(inside, Attribute) or not isinstance(inside.parent, Module):
        return False
    value = str(inside.value or "")
    return bool(_OF_MODULES.fullmatch(member.name) or _NO_VALUE.match(value))


def can_be_the_same(old: Object, new: Object) -> bool:
    """Whether two objects of different kinds can have the same use: an attribute can hold a function or a class."""
    kinds = {old.kind, new.kind}
    if Kind.TYPE_ALIAS in kinds or kinds == {Kind.CLASS, Kind.FUNCTION}:
        return True
    attributes = [one for one in (old, new) if isinstance(one, Attribute) and "property" not in one.labels]
    return any(not _holds_literal(one) for one in attributes)


def _holds_literal(one: Attribute) -> bool:
    """Whether the value of an attribute is written out: it cannot be called."""
    try:
        ast.literal_eval(str(one.value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return str(one.value) != "None"


def kind_of(inside: Object) -> str:
    """The kind of an object, for people."""
    if isinstance(inside, Attribute):
        return "property" if "property" in inside.labels else "attribute"
    if isinstance(inside, Function):
        return "method" if isinstance(inside.parent, Class) else "function"
    return inside.kind.value


def place(surface: Surface, member: Member) -> tuple[str, int]:
    """The file of an object, relative to the folder of the wheel, and its line; 0 where it has none."""
    inside = resolved(member)
    at: Member | None = member if inside is None else inside
    line = (member.alias_lineno if isinstance(member, Alias) and inside is None else getattr(at, "lineno", 0)) or 0
    while at is not None:
        with contextlib.suppress(Exception):  # a namespace package, or one that is built in
            path = at.filepath
            if not isinstance(path, list) and path.is_relative_to(surface.folder):
                return path.relative_to(surface.folder).as_posix(), 0 if isinstance(inside, Module) else line
        at = at.parent
    return "", 0
