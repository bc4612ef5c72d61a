"""Replace single values in the text of a cassette: every other byte stays as it is, comments and quotes included."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from omni_release.cassettes.yaml_reader import Keys, compose_children, compose_root

_NOT_IN_A_BLOCK = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Edit:
    """A new value for the one at `keys`; where the last key is missing, it is added to its mapping."""

    keys: Keys
    value: Any


def edited_document(document: Any, edits: Iterable[Edit]) -> Any:
    """A copy of the document with these values."""
    document = copy.deepcopy(document)
    for edit in edits:
        parent = document
        for key in edit.keys[:-1]:
            parent = parent[key]
        if isinstance(parent, dict) and edit.keys[-1] not in parent:  # before the second key, as `_insertion` does
            items = list(parent.items())
            parent.clear()
            parent.update([*items[:1], (edit.keys[-1], edit.value), *items[1:]])
        else:
            parent[edit.keys[-1]] = edit.value
    return document


def edited_json(text: str, document: Any) -> str:
    """The document as JSON, indented as `text` is."""
    indent = re.search(r"\n([ \t]+)\S", text)
    spaces = indent[1].expandtabs(4) if indent else ""
    written = json.dumps(document, indent=len(spaces) or None, ensure_ascii=text.isascii())
    return written + ("\n" if text.endswith("\n") else "")


def edited_yaml(text: str, edits: Iterable[Edit]) -> str:
    """The text with these values."""
    replaced: list[tuple[int, int, str]] = []
    root = compose_root(text)
    for edit in edits:
        node, key_node, parent = root, None, root
        for key in edit.keys:
            found = next(((k, value) for name, k, value in compose_children(node) if name == key), None)
            parent = node
            if found is None:
                break
            key_node, node = found
        else:
            start, end = node.start_mark.index, node.end_mark.index
            inside = parent.flow_style is False and key_node is not None
            column = key_node.start_mark.column if inside and key_node is not None else None
            written = _scalar(edit.value, column, text[start:end])
            replaced.append((start, end, written + ("\n" if text[:end].endswith("\n") else "")))
            continue
        replaced.append(_insertion(parent, edit))
    for start, end, written in sorted(replaced, reverse=True):
        text = text[:start] + written + text[end:]
    return text


def _scalar(value: Any, column: int | None, old: str) -> str:
    """A value as YAML, in place of `old`. `column` is that of its key in a block mapping, where it is in one."""
    if isinstance(value, bytes):
        tag = "!binary" if re.match(r"!binary\b", old) else "!!binary"
        return f'{tag} "{base64.b64encode(value).decode("ascii")}"'
    if isinstance(value, str) and "\n" in value and column is not None and not _NOT_IN_A_BLOCK.search(value):
        indent = " " * (column + 2)
        lines = "\n".join(f"{indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        return f"|2{'+' if value.endswith(chr(10)) else '-'}\n{lines}"
    if isinstance(value, str):
        return _quoted(value)
    return json.dumps(value)


def _quoted(value: str) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    # In one line, so that it fits at any indentation.
    written = yaml.dump(value, Dumper=dumper, default_style='"', width=2**30, allow_unicode=True)
    return str(written).removesuffix("\n")


def _insertion(parent: Any, edit: Edit) -> tuple[int, int, str]:
    """A new key, before the second one of its mapping: in a list the first one is on the line of the dash."""
    key = str(edit.keys[-1])
    before = parent.value[1][0].start_mark if len(parent.value) > 1 else parent.value[0][0].start_mark
    written = f"{json.dumps(key)}: {json.dumps(edit.value)}, " if parent.flow_style else ""
    if not written:
        written = f"{key}: {json.dumps(edit.value)}\n{' ' * before.column}"
    return before.index, before.index, written
