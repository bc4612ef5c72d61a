"""`cassettes shrink`: small stubs in place of images and signatures, and no keys. All else in the file stays.

Before anything is written, the new file is read again and compared with the old one: see `proof.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release import cassettes
from omni_release.cassettes import multipart, proof
from omni_release.cassettes.bodies import Body, body_of
from omni_release.cassettes.content_coding import NotDecodable
from omni_release.cassettes.edits import Edit, edited_document, edited_json, edited_yaml
from omni_release.cassettes.scrubbing import REDACTED, Scrubber, is_placeholder, is_secret_header
from omni_release.cassettes.shrink import WHOLE, Shrunk, shrunk, shrunk_value
from omni_release.cassettes.yaml_reader import InvalidDocument, Keys, Node
from omni_release.core import redaction

_SIDES = ("request", "response")


@dataclass(frozen=True)
class Rewritten:
    """A cassette before and after. `refused` is why it, or a body in it, was left as it is."""

    path: Path
    before: bytes
    after: bytes
    refused: tuple[str, ...] = ()


def rewritten(path: Path, scrubber: Scrubber) -> Rewritten:
    """The shrunk cassette. A file that cannot be rewritten without a loss is returned unchanged, with the reason."""
    before = b""
    try:
        before = path.read_bytes()
        text = before.decode("utf-8")
        document = cassettes.parse(path, text)
        edits, refused = _edits(Node(document), scrubber)
        if not edits:
            return Rewritten(path, before, before, refused)
        expected = edited_document(document, edits)
        after = edited_json(text, expected) if path.suffix == ".json" else edited_yaml(text, edits)
        written = after.encode("utf-8")
        proof.require_same(expected, cassettes.parse(path, after))
        proof.require_same_traffic(document, cassettes.parse(path, written.decode("utf-8")), scrubber)
        return Rewritten(path, before, written, refused)
    except InvalidDocument as error:
        return Rewritten(path, before, before, (error.problem,))
    except proof.NotTheSame as error:
        return Rewritten(path, before, before, (f"it would not be the same for a client: {error}",))
    except UnicodeError:
        return Rewritten(path, before, before, ("it has text that is not UTF-8",))
    except RecursionError:
        return Rewritten(path, before, before, ("nested too deeply",))
    except OSError as error:
        return Rewritten(path, before, before, (error.strerror or "it cannot be read",))


def _edits(document: Node, scrubber: Scrubber) -> tuple[list[Edit], tuple[str, ...]]:
    """The changes to a cassette, and why bodies in it are left as they are."""
    key = cassettes.interactions_key(document)
    edits: list[Edit] = []
    refused: list[str] = []
    for at, interaction in enumerate(document.get(key).items()):
        stubs: dict[str, list[dict[str, Any]]] = {}
        for side in _SIDES:
            node = interaction.get_optional(side)
            if not isinstance(node.value, Mapping):
                continue
            edits += _uri_and_header_edits(node.value, node.keys, scrubber)
            try:
                changes, found = _body_edits(node.value, node.keys, scrubber)
            except NotDecodable as error:
                refused.append(f"the {side} of interaction {at + 1} is left as it is: {error}")
                continue
            edits += changes
            if found:
                stubs[side] = found
        if stubs and stubs != interaction.value.get("stubs"):
            edits.append(Edit((*interaction.keys, "stubs"), stubs))
    return edits, tuple(refused)


def _uri_and_header_edits(side: Mapping[str, Any], keys: Keys, scrubber: Scrubber) -> Iterator[Edit]:
    for name in ("uri", "url"):
        if isinstance(side.get(name), str) and (uri := scrubber.key_free_uri(side[name])) != side[name]:
            yield Edit((*keys, name), uri)
    headers = side.get("headers")
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        places = enumerate(value) if isinstance(value, list) else [(None, value)]
        for at, item in places:
            clean = clean_header(str(name), item, scrubber)
            if clean != item:
                yield Edit((*keys, "headers", name, *(() if at is None else (at,))), clean)


def clean_header(name: str, value: Any, scrubber: Scrubber) -> Any:
    """The value of a header without a key."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return value
    if (is_secret_header(name) and not is_placeholder(text)) or any(
        redaction.find_keys(text.encode("utf-8", "replace"))
    ):
        return REDACTED
    return scrubber.text(text) if scrubber.text(text) != text else value


def _body_edits(side: Mapping[str, Any], keys: Keys, scrubber: Scrubber) -> tuple[list[Edit], list[dict[str, Any]]]:
    """The changes to a body and to its length, and the stubs in it. Raises NotDecodable."""
    body = body_of(side)
    if body is None or not body.value:
        return [], []
    if body.is_parsed:
        made, stubs = shrunk_value(scrubber.value(body.value))
        edits = [Edit((*keys, *body.keys, *inner), value) for inner, value in _differences(body.value, made)]
        length = len(Body(body.keys, made).raw()) if edits else 0
    else:
        made = shrunk(scrubber.body(body.decoded()))
        stubs = made.stubs
        edits = []
        if made.body != body.decoded():
            if [stub.path for stub in stubs] != [WHOLE] and multipart.split(made.body) is None:
                _require_text(body, made)
            value = body.with_decoded(made.body)
            edits = [Edit((*keys, *body.keys), value)]
            length = len(Body(body.keys, value).raw())
    headers = side.get("headers")
    for name, stated in headers.items() if edits and isinstance(headers, Mapping) else ():
        if str(name).lower() == "content-length":
            place = (*keys, "headers", name)
            edits.append(Edit((*place, 0), str(length)) if isinstance(stated, list) else Edit(place, str(length)))
    return edits, [{k: v for k, v in dataclasses.asdict(stub).items() if v not in ("", None)} for stub in stubs]


def _require_text(body: Body, made: Shrunk) -> None:
    """Raise NotDecodable where a JSON body has another encoding than UTF-8, or begins with a byte order mark."""
    try:
        text = body.decoded().decode("utf-8")
        made.body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotDecodable("its body is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise NotDecodable("its body begins with a byte order mark")


def _differences(before: Any, after: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The strings that differ between two documents of the same shape."""
    if isinstance(before, dict):
        for name, value in before.items():
            yield from _differences(value, after[name], (*keys, name))
    elif isinstance(before, list):
        for at, value in enumerate(before):
            yield from _differences(value, after[at], (*keys, at))
    elif before != after and not (before != before and after != after):
        yield keys, after
