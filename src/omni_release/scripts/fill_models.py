"""Fill the project's own classes from recorded answers. Runs on the interpreter of the environment under test.

    python -I filling.py RESULT TASK

TASK has {"models": [{"class", "path", "where", "calls", "fields"}], "answers": [{"name", "kind", "model", "body"}]}.
Each answer is given to google-genai as the service would (by a server on loopback), so that a class meets what the
project's code meets: bytes, enums, snake_case; where that SDK is not installed, the parsed JSON. RESULT gets {"sdk",
"troubles", "filled", "broken", "unread"}; no value of an answer is written there. Standard library alone.
"""

import collections.abc
import enum
import http.server
import importlib
import inspect
import json
import re
import sys
import threading
import types
import typing
import warnings

ABSENT = object()


class Trouble(Exception):
    """A class that cannot be filled at all."""


# -- answers as the SDK gives them -----------------------------------------------------------------------------------


def served(answers: list) -> "tuple[str, list]":  # type: ignore[type-arg]  # any Python that a project may run on
    """The SDK (or "") and what it makes of each answer: an object, or the exception that it raised."""
    try:
        from google import genai
    except ImportError:
        return "", [answer["body"] for answer in answers]
    bodies = iter([json.dumps(answer["body"]).encode() for answer in answers])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = next(bodies)
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        url = "http://127.0.0.1:" + str(server.server_port)
        client = genai.Client(api_key="recorded", vertexai=False, http_options={"base_url": url})
        given: list = []  # type: ignore[type-arg]  # as above
        for answer in answers:
            try:
                given.append(client.models.generate_content(model=answer["model"], contents="recorded"))
            except Exception as error:  # noqa: BLE001 - whatever an SDK raises is its answer
                given.append(error)
    finally:
        server.shutdown()
        server.server_close()
    return "google-genai " + str(getattr(genai, "__version__", "")), given


def at(value: object, path: str) -> "list[tuple[str, object]]":
    """What stands at a path, with the place of each: `*` is every item of a list."""
    found = [("", value)]
    for step in filter(None, path.split(".")):
        found = [(place + "." + name, item) for place, one in found for name, item in _inside(one, step)]
    return [(place.lstrip("."), item) for place, item in found if item is not None]


def _inside(value: object, step: str) -> "list[tuple[str, object]]":
    if isinstance(value, (list, tuple)):
        if step == "*":
            return [(str(number), item) for number, item in enumerate(value)]
        return [(step, value[int(step)])] if step.isdigit() and int(step) < len(value) else []
    item = _of(value, step)
    return [] if item is ABSENT else [(step, item)]


def _of(value: object, name: str) -> object:
    """A field of an object of the SDK, or of parsed JSON, where snake_case finds camelCase.

    As images/api_format.py does it, which cannot be imported in the interpreter of the project.
    """
    if isinstance(value, dict):
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        return value.get(name, value.get(camel, ABSENT))
    return getattr(value, name, ABSENT)


def plain(value: object) -> object:
    """An object of the SDK as Python's own: dictionaries, lists, bytes, enums."""
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else value


# -- filling ---------------------------------------------------------------------------------------------------------


def filled(cls: type, value: object, sources: dict) -> "list[tuple[str, str]]":  # type: ignore[type-arg]  # as above
    """What goes wrong where a class is filled with what stands at its path: fields, and what is said of each."""
    fields = _fields(cls)
    given: dict = {}  # type: ignore[type-arg]  # as above
    troubles: list = []  # type: ignore[type-arg]  # as above
    for name, (_, required) in fields.items():
        source = sources.get(name) or name
        found = [item for _, item in at(value, source)] if "." in source else [_of(value, source)]
        item = found[0] if found else ABSENT
        if item is ABSENT and name in sources:
            if required:
                troubles.append((name, "is filled from `" + source + "`, which is not there"))
        elif item is None and required:
            given[name] = None
        elif item is not ABSENT and item is not None:
            given[name] = plain(item)
    missing = [name for name, (_, required) in fields.items() if required and name not in given]
    if hasattr(cls, "model_validate"):
        return troubles + _pydantic(cls, given, {name: key for name, (key, _) in fields.items()}, set(missing))
    return troubles + _declared(cls, given, fields, missing)


def _fields(cls: type) -> "dict[str, tuple[str, bool]]":
    """The fields of a class: the key that each is given by, and whether it must be. Raises Trouble."""
    if hasattr(cls, "model_validate"):
        return {
            name: (field.validation_alias if isinstance(field.validation_alias, str) else name, field.is_required())
            for name, field in cls.model_fields.items()  # type: ignore[attr-defined]  # pydantic's
        }
    if hasattr(cls, "__attrs_attrs__"):
        import attrs

        return {
            field.name: (getattr(field, "alias", None) or field.name.lstrip("_"), field.default is attrs.NOTHING)
            for field in cls.__attrs_attrs__
            if field.init
        }
    if hasattr(cls, "__dataclass_fields__"):
        import dataclasses

        nothing = dataclasses.MISSING
        return {
            field.name: (field.name, field.default is nothing and field.default_factory is nothing)
            for field in dataclasses.fields(cls)
            if field.init
        }
    if hasattr(cls, "__required_keys__"):
        # Where annotations are strings, the class itself has not seen NotRequired.
        maybe = {
            name for name, hint in _hints(cls, extras=True).items() if "NotRequired" in str(typing.get_origin(hint))
        }
        return {name: (name, name in cls.__required_keys__ and name not in maybe) for name in cls.__annotations__}
    raise Trouble("is no pydantic model, attrs class, dataclass or TypedDict")


def _pydantic(cls: type, given: dict, keys: dict, missing: set) -> "list[tuple[str, str]]":  # type: ignore[type-arg]  # as above
    from pydantic import ValidationError

    names = {key: name for name, key in keys.items()}
    try:
        made = cls.model_validate({keys[name]: value for name, value in given.items()})  # type: ignore[attr-defined]  # as above
    except ValidationError as error:
        troubles = []
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            where = [str(part) for part in one["loc"]]
            name = names.get(where[0], where[0]) if where else ""
            if not (one["type"] == "missing" and name in missing and len(where) == 1):
                gives = ", and the SDK gives " + _shown(given[name]) if name in given else ""
                troubles.append((name, ".".join([*where[1:], one["msg"]]).strip() + gives))
        return troubles
    except Exception as error:  # noqa: BLE001 - a validator of the project's own
        return [("", _line(error))]
    return [(name, said) for name, value in given.items() if (said := _recoded(value, getattr(made, name, None)))]


def _recoded(value: object, held: object) -> str:
    """What is lost although nothing was refused: bytes that were read as text, and text that became bytes."""
    if isinstance(value, bytes) and isinstance(held, str):
        try:
            lucky = value.decode("utf-8") == held
        except UnicodeDecodeError:
            return ""
        return "bytes were read as UTF-8, which works with these by luck" if lucky else ""
    if isinstance(value, str) and isinstance(held, bytes) and not isinstance(value, enum.Enum):
        return "text became bytes"
    return ""


def _declared(cls: type, given: dict, fields: dict, missing: list) -> "list[tuple[str, str]]":  # type: ignore[type-arg]  # as above
    """Of a class that does not look at what it is given: made where it can be, and its values held to its types."""
    hints = _hints(cls)
    held = dict(given)
    if not hasattr(cls, "__required_keys__") and not missing:
        try:
            made = cls(**{fields[name][0]: value for name, value in given.items()})
            held = {name: getattr(made, name) for name in given}
        except Exception as error:  # noqa: BLE001 - a validator of the project's own
            return [("", _line(error))]
    return [
        (name, "it is declared " + _name(hints[name]) + ", and the SDK gives " + _shown(value))
        for name, value in held.items()
        if name in hints and not fits(value, hints[name])
    ]


def _hints(cls: type, *, extras: bool = False) -> dict:  # type: ignore[type-arg]  # as above
    """The types of a class's fields, as far as they can be read."""
    try:
        return typing.get_type_hints(cls, include_extras=extras)
    except Exception:  # noqa: BLE001 - a name that is imported for type checkers alone
        names: dict = {}  # type: ignore[type-arg]  # as above
        for base in reversed(cls.__mro__):
            there = vars(sys.modules.get(base.__module__, typing))
            for name, hint in getattr(base, "__annotations__", {}).items():
                try:
                    names[name] = eval(hint, dict(there)) if isinstance(hint, str) else hint  # noqa: S307 - its own code
                except Exception:  # noqa: BLE001 - as above
                    names[name] = typing.Any
        return names


def fits(value: object, hint: object) -> bool:
    """Whether a value is of a type; what cannot be told is taken for it."""
    if hint is None or hint is type(None):
        return value is None
    if isinstance(hint, typing.TypeVar) or hint is typing.Any or isinstance(hint, str):
        return True
    if supertype := getattr(hint, "__supertype__", None):
        return fits(value, supertype)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, getattr(types, "UnionType", typing.Union)):
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return value in inner
    if str(origin) in ("typing.Annotated", "<class 'typing.Annotated'>") or hasattr(hint, "__metadata__"):
        return fits(value, inner[0])
    if origin is not None:
        return _fits_generic(value, origin, inner)
    if isinstance(value, dict) and isinstance(hint, type) and _is_record(hint):
        return not filled(hint, value, {})
    if hint is float:
        return isinstance(value, (int, float))
    if not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return True
    return isinstance(value, hint)


def _is_record(cls: type) -> bool:
    marks = ("model_validate", "__attrs_attrs__", "__dataclass_fields__", "__required_keys__")
    return any(hasattr(cls, mark) for mark in marks)


def _fits_generic(value: object, origin: object, inner: tuple) -> bool:  # type: ignore[type-arg]  # as above
    if not isinstance(origin, type):
        return all(fits(value, one) for one in inner[:1])  # Required, NotRequired, Final, ClassVar
    if not isinstance(value, origin):
        return False
    if isinstance(value, dict) and len(inner) == 2:
        return all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items())
    if isinstance(value, tuple) and inner and inner[-1] is not ...:
        return len(value) == len(inner) and all(map(fits, value, inner))
    if isinstance(value, collections.abc.Iterable) and not isinstance(value, (str, bytes)) and inner:
        return all(fits(item, inner[0]) for item in value)
    return True


# -- what is said ----------------------------------------------------------------------------------------------------


def _name(hint: object) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def _shown(value: object) -> str:
    kind = "None" if value is None else type(value).__name__
    return kind + " (" + str(len(value)) + ")" if isinstance(value, (bytes, str, list)) else kind


def _line(error: BaseException) -> str:
    """The first line of an error of the project's own, short: it may quote what it was given."""
    lines = str(error).strip().splitlines()
    return (type(error).__name__ + ": " + (lines[0][:120] if lines else "")).rstrip(": ")


def place(cls: type, field: str) -> "tuple[str, int]":
    """The file and the line of a field, or of its class."""
    for base in cls.__mro__ if field else (cls,):
        if field and field not in getattr(base, "__annotations__", {}):
            continue
        try:
            lines, start = inspect.getsourcelines(base)
            file = inspect.getsourcefile(base) or ""
        except (OSError, TypeError):
            continue
        pattern = re.compile(r"\s*" + re.escape(field) + r"\s*:")
        within = next((number for number, line in enumerate(lines) if field and pattern.match(line)), 0)
        return file, start + within
    return "", 0


def loaded(name: str) -> type:
    """The class of `pkg.module:Class`. Raises Trouble."""
    module, _, inside = name.partition(":")
    try:
        found: object = importlib.import_module(module)
        for part in inside.split("."):
            found = getattr(found, part)
    except BaseException as error:  # noqa: BLE001 - whatever an import does, the answer is written
        raise Trouble("cannot be imported: " + _line(error)) from None
    if not isinstance(found, type):
        raise Trouble("is no class")
    return found


def work(task: dict) -> dict:  # type: ignore[type-arg]  # as above
    """Fill each class from each answer."""
    sdk, given = served(task["answers"])
    troubles, counted, broken = [], [], []
    for model in task["models"]:
        count: dict = {}  # type: ignore[type-arg]  # as above
        try:
            cls = loaded(model["class"])
            _fields(cls)
        except Trouble as error:
            broken.append({"class": model["class"], "said": str(error)})
            continue
        for answer, response in zip(task["answers"], given, strict=True):
            if model["calls"] and answer["kind"] not in model["calls"]:
                continue
            if isinstance(response, Exception):
                continue
            for where, value in at(response, model["path"]):
                if model["where"] and not at(value, model["where"]):
                    continue
                count[answer["kind"]] = count.get(answer["kind"], 0) + 1
                for field, said in filled(cls, value, model["fields"]):
                    file, line = place(cls, field)
                    facts = {"class": model["class"], "field": field, "said": said, "file": file, "line": line}
                    troubles.append(dict(facts, kind=answer["kind"], answer=answer["name"], where=where))
        counted.append({"class": model["class"], "path": model["path"], "filled": count})
    unread = [
        {"answer": answer["name"], "said": _line(response)}
        for answer, response in zip(task["answers"], given, strict=True)
        if isinstance(response, Exception)
    ]
    return {"sdk": sdk, "troubles": troubles, "filled": counted, "broken": broken, "unread": unread}


def main(argv: list) -> None:  # type: ignore[type-arg]  # as above
    """Read, fill, and write down."""
    warnings.simplefilter("ignore")
    result, task = argv
    with open(task, encoding="utf-8") as file:
        done = work(json.load(file))
    with open(result, "w", encoding="utf-8") as file:
        json.dump(done, file)


if __name__ == "__main__":
    main(sys.argv[1:])
