"""Fill the project's own classes from recorded responses. Runs on the interpreter of the environment under test.

    python -I fill_models.py RESULT TASK

TASK has {"models": [{"class", "path", "where", "calls", "fields"}], "answers": [{"name", "kind", "model", "form",
"body"}]}. A server on loopback gives each response to the SDK of its form (google-genai, openai, anthropic), so that
a class meets what the project's code meets: bytes, enums, snake_case. Without the SDK it gets the parsed JSON. RESULT
gets {"sdk", "mismatches", "filled", "broken", "unread"}, and no value of a response. One file, with the standard
library alone.
"""

from __future__ import annotations

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
from typing import Any

MISSING = object()

Problem = tuple[str, str]
"""A field of a class (empty for the class itself), and what is wrong with its value."""


class UnusableClass(Exception):
    """A class that cannot be filled at all."""


# -- responses as the SDK returns them -------------------------------------------------------------------------------


def sdk_responses(answers: list[dict[str, Any]]) -> tuple[str, list[Any]]:
    """The SDKs with their versions (empty without one), and an object or an exception for each recorded response."""
    current = [b""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(current[0])))
            self.end_headers()
            self.wfile.write(current[0])

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    url = "http://127.0.0.1:" + str(server.server_port)
    clients: dict[str, tuple[str, Any]] = {}
    responses: list[Any] = []
    try:
        for answer in answers:
            form = str(answer.get("form") or "generateContent")
            if form not in clients:
                clients[form] = client_of(form, url)
            call = clients[form][1]
            current[0] = json.dumps(answer["body"]).encode()
            try:
                responses.append(answer["body"] if call is None else call(answer["model"]))
            except Exception as error:  # noqa: BLE001 - whatever an SDK raises is its response
                responses.append(error)
    finally:
        server.shutdown()
        server.server_close()
    return ", ".join(sorted({sdk for sdk, _ in clients.values()} - {""})), responses


def client_of(form: str, url: str) -> tuple[str, Any]:
    """The SDK of a form and its version, and a function that calls a model at this address; empty and None without it.

    The function keeps the client: one that nothing refers to is closed.
    """
    try:
        if form == "generateContent":
            from google import genai

            google = genai.Client(api_key="recorded", vertexai=False, http_options={"base_url": url})
            named = "google-genai " + str(getattr(genai, "__version__", ""))
            return named, lambda model: google.models.generate_content(model=model, contents="recorded")
        turns = [{"role": "user", "content": "recorded"}]
        if form == "messages":
            import anthropic  # type: ignore[import-not-found,unused-ignore]  # of the project, if it uses it

            claude: Any = anthropic.Anthropic(api_key="recorded", base_url=url, max_retries=0)
            named = "anthropic " + str(anthropic.__version__)
            return named, lambda model: claude.messages.create(model=model, messages=turns, max_tokens=1)
        if form in ("chat", "responses", "embeddings", "images"):
            import openai  # type: ignore[import-not-found,unused-ignore]  # of the project, if it uses it

            gpt: Any = openai.OpenAI(api_key="recorded", base_url=url + "/v1", max_retries=0)
            calls = {
                "chat": lambda model: gpt.chat.completions.create(model=model, messages=turns),
                "responses": lambda model: gpt.responses.create(model=model, input="recorded"),
                "embeddings": lambda model: gpt.embeddings.create(model=model, input="x", encoding_format="float"),
                "images": lambda model: gpt.images.generate(model=model, prompt="recorded"),
            }
            return "openai " + str(openai.__version__), calls[form]
    except ImportError:
        pass
    return "", None


def values_at(value: object, path: str) -> list[tuple[str, Any]]:
    """The values at a path, each with its place; `*` in the path is every item of a list."""
    found = [("", value)]
    for step in filter(None, path.split(".")):
        found = [(place + "." + name, item) for place, parent in found for name, item in _children(parent, step)]
    return [(place.lstrip("."), item) for place, item in found if item is not None]


def _children(value: object, step: str) -> list[tuple[str, Any]]:
    if isinstance(value, (list, tuple)):
        if step == "*":
            return [(str(number), item) for number, item in enumerate(value)]
        return [(step, value[int(step)])] if step.isdigit() and int(step) < len(value) else []
    item = _get(value, step)
    return [] if item is MISSING else [(step, item)]


def _get(value: object, name: str) -> Any:
    """A field of an object of the SDK, or of parsed JSON, where snake_case also finds camelCase.

    As images/api_format.py does it, which cannot be imported in the interpreter of the project.
    """
    if isinstance(value, dict):
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        return value.get(name, value.get(camel, MISSING))
    return getattr(value, name, MISSING)


# -- filling ---------------------------------------------------------------------------------------------------------


def fill(cls: type, value: object, sources: dict[str, str]) -> list[Problem]:
    """The problems of filling a class from a value. `sources` are paths in the value for fields with other names."""
    fields = fields_of(cls)
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, (_, required) in fields.items():
        source = sources.get(name) or name
        found = [item for _, item in values_at(value, source)] if "." in source else [_get(value, source)]
        item = found[0] if found else MISSING
        if item is MISSING and name in sources:
            if required:
                problems.append((name, "is filled from `" + source + "`, which does not exist"))
        elif item is None and required:
            given[name] = None
        elif item is not MISSING and item is not None:
            dump = getattr(item, "model_dump", None)  # an object of the SDK, as dictionaries, lists, bytes, enums
            given[name] = dump() if callable(dump) else item
    missing = [name for name, (_, required) in fields.items() if required and name not in given]
    if hasattr(cls, "model_validate"):
        return problems + _pydantic_problems(cls, given, {name: key for name, (key, _) in fields.items()}, missing)
    return problems + _type_problems(cls, given, fields, missing)


def fields_of(cls: Any) -> dict[str, tuple[str, bool]]:
    """The fields of a class: the key of each in a call, and whether it is required. Raises UnusableClass."""
    if hasattr(cls, "model_validate"):
        return {
            name: (field.validation_alias if isinstance(field.validation_alias, str) else name, field.is_required())
            for name, field in cls.model_fields.items()
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
        hints = _hints(cls, extras=True).items()
        optional = {name for name, hint in hints if "NotRequired" in str(typing.get_origin(hint))}
        return {name: (name, name in cls.__required_keys__ and name not in optional) for name in cls.__annotations__}
    raise UnusableClass("is not a pydantic model, attrs class, dataclass or TypedDict")


def _pydantic_problems(cls: Any, given: dict[str, Any], keys: dict[str, str], missing: list[str]) -> list[Problem]:
    """The problems of a pydantic model, which validates itself."""
    from pydantic import ValidationError

    names = {key: name for name, key in keys.items()}
    problems: list[Problem] = []
    try:
        filled = cls.model_validate({keys[name]: value for name, value in given.items()})
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            where = [str(part) for part in detail["loc"]]
            name = names.get(where[0], where[0]) if where else ""
            if not (detail["type"] == "missing" and name in missing and len(where) == 1):
                returned = ", but the SDK returns " + _describe(given[name]) if name in given else ""
                problems.append((name, ".".join([*where[1:], detail["msg"]]).strip() + returned))
        return problems
    except Exception as error:  # noqa: BLE001 - of a validator of the project
        return [("", first_line(error))]
    for name, value in given.items():
        held = getattr(filled, name, None)
        if isinstance(value, bytes) and isinstance(held, str) and held.encode("utf-8", "replace") == value:
            problems.append((name, "bytes were read as UTF-8, which only happens to work for these"))
        elif isinstance(value, str) and isinstance(held, bytes) and not isinstance(value, enum.Enum):
            problems.append((name, "text became bytes"))
    return problems


def _type_problems(
    cls: type, given: dict[str, Any], fields: dict[str, tuple[str, bool]], missing: list[str]
) -> list[Problem]:
    """The problems of a class that does not validate: its values, after its converters, do not fit its types."""
    hints = _hints(cls)
    held = dict(given)
    if not hasattr(cls, "__required_keys__") and not missing:
        try:
            filled = cls(**{fields[name][0]: value for name, value in given.items()})
            held = {name: getattr(filled, name) for name in given}
        except Exception as error:  # noqa: BLE001 - of a validator of the project
            return [("", first_line(error))]
    problems: list[Problem] = []
    for name, value in held.items():
        if name in hints and not fits(value, hints[name]):
            hint = hints[name]
            plain = isinstance(hint, type) and not typing.get_args(hint)
            declared = hint.__name__ if plain else str(hint).replace("typing.", "")
            problems.append((name, "it is declared " + declared + ", but the SDK returns " + _describe(value)))
    return problems


def _hints(cls: type, *, extras: bool = False) -> dict[str, Any]:
    """The types of a class's fields; Any for one that cannot be evaluated."""
    try:
        return typing.get_type_hints(cls, include_extras=extras)
    except Exception:  # noqa: BLE001 - a name that is imported for type checkers alone
        hints: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            names = vars(sys.modules.get(base.__module__, typing))
            for name, hint in getattr(base, "__annotations__", {}).items():
                try:
                    hints[name] = eval(hint, dict(names)) if isinstance(hint, str) else hint  # noqa: S307 - its own code
                except Exception:  # noqa: BLE001 - as above
                    hints[name] = typing.Any
        return hints


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type. True for a type that cannot be checked."""
    if hint is None or hint is type(None):
        return value is None
    if isinstance(hint, typing.TypeVar) or hint is typing.Any or isinstance(hint, str):
        return True
    if supertype := getattr(hint, "__supertype__", None):
        return fits(value, supertype)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, getattr(types, "UnionType", typing.Union)):
        return any(fits(value, option) for option in inner)
    if origin is typing.Literal:
        return value in inner
    if str(origin) in ("typing.Annotated", "<class 'typing.Annotated'>") or hasattr(hint, "__metadata__"):
        return fits(value, inner[0])
    if origin is not None:
        return _fits_generic(value, origin, inner)
    record = ("model_validate", "__attrs_attrs__", "__dataclass_fields__", "__required_keys__")
    if isinstance(value, dict) and isinstance(hint, type) and any(hasattr(hint, mark) for mark in record):
        return not fill(hint, value, {})
    if hint is float:
        return isinstance(value, (int, float))
    if not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return True
    return isinstance(value, hint)


def _fits_generic(value: object, origin: object, inner: tuple[Any, ...]) -> bool:
    if not isinstance(origin, type):
        return all(fits(value, hint) for hint in inner[:1])  # Required, NotRequired, Final, ClassVar
    if not isinstance(value, origin):
        return False
    if isinstance(value, dict) and len(inner) == 2:
        return all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items())
    if isinstance(value, tuple) and inner and inner[-1] is not ...:
        return len(value) == len(inner) and all(map(fits, value, inner))
    if isinstance(value, collections.abc.Iterable) and not isinstance(value, (str, bytes)) and inner:
        return all(fits(item, inner[0]) for item in value)
    return True


# -- the result ------------------------------------------------------------------------------------------------------


def _describe(value: object) -> str:
    """The type of a value, and its length: the value itself is not written anywhere."""
    kind = "None" if value is None else type(value).__name__
    return kind + " (" + str(len(value)) + ")" if isinstance(value, (bytes, str, list)) else kind


def first_line(error: BaseException) -> str:
    """The first line of an error, short: it may quote a value."""
    lines = str(error).strip().splitlines()
    return (type(error).__name__ + ": " + (lines[0][:120] if lines else "")).rstrip(": ")


def place_of(cls: type, field: str) -> tuple[str, int]:
    """The file and the line of a field, or of its class; empty and 0 where these are unknown."""
    for base in cls.__mro__ if field else (cls,):
        if field and field not in getattr(base, "__annotations__", {}):
            continue
        try:
            lines, start = inspect.getsourcelines(base)
            file = inspect.getsourcefile(base) or ""
        except (OSError, TypeError):
            continue
        pattern = re.compile(r"\s*" + re.escape(field) + r"\s*:")
        offset = next((number for number, line in enumerate(lines) if field and pattern.match(line)), 0)
        return file, start + offset
    return "", 0


def load_class(name: str) -> type:
    """The class `pkg.module:Class`. Raises UnusableClass where it cannot be imported or filled."""
    module, _, attributes = name.partition(":")
    try:
        found: object = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except BaseException as error:  # noqa: BLE001 - whatever an import does, the result is written
        raise UnusableClass("cannot be imported: " + first_line(error)) from None
    if not isinstance(found, type):
        raise UnusableClass("is not a class")
    fields_of(found)
    return found


def fill_all(task: dict[str, Any]) -> dict[str, Any]:
    """Fill each class of the task from each response."""
    sdk, responses = sdk_responses(task["answers"])
    exchanges = list(zip(task["answers"], responses, strict=True))
    mismatches, filled, broken = [], [], []
    for model in task["models"]:
        counts: dict[str, int] = {}
        try:
            cls = load_class(model["class"])
        except UnusableClass as error:
            broken.append({"class": model["class"], "problem": str(error)})
            continue
        for answer, response in exchanges:
            kind = answer["kind"]
            if isinstance(response, Exception) or (model["calls"] and kind not in model["calls"]):
                continue
            for where, value in values_at(response, model["path"]):
                if model["where"] and not values_at(value, model["where"]):
                    continue
                counts[kind] = counts.get(kind, 0) + 1
                for field, problem in fill(cls, value, model["fields"]):
                    file, line = place_of(cls, field)
                    facts = {"class": model["class"], "field": field, "problem": problem, "file": file, "line": line}
                    mismatches.append({**facts, "kind": kind, "answer": answer["name"], "where": where})
        filled.append({"class": model["class"], "path": model["path"], "filled": counts})
    unread = [
        {"answer": answer["name"], "problem": first_line(response)}
        for answer, response in exchanges
        if isinstance(response, Exception)
    ]
    return {"sdk": sdk, "mismatches": mismatches, "filled": filled, "broken": broken, "unread": unread}


def main(argv: list[str]) -> None:
    """Read the task, fill the classes, write the result."""
    warnings.simplefilter("ignore")
    result, task = argv
    with open(task, encoding="utf-8") as file:
        content = fill_all(json.load(file))
    with open(result, "w", encoding="utf-8") as file:
        json.dump(content, file)


if __name__ == "__main__":
    main(sys.argv[1:])
