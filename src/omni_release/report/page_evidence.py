"""What the page of a run shows of its distributions and its smoke tests, as its template reads it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omni_release.core.text import dollars
from omni_release.report import page_views, text
from omni_release.report.page_facts import Contents, Scenario
from omni_release.report.page_views import MARKS

_MODES = {
    "recorded": "Responses from cassettes: no call of the service was made, and nothing was paid.",
    "emulated": "Against the emulator on this machine: this proves nothing about the service.",
    "live": "Against the live service.",
}


def contents_view(contents: Contents) -> Mapping[str, Any]:
    """The files of a distribution as a tree, with the number and the size of all."""
    root: dict[str, Any] = {}
    for file in contents.files:
        *folders, name = file.path.split("/")
        at = root
        for folder in folders:
            at = at.setdefault(f"{folder}/", {})
        at[name] = file.size
    number, size = len(contents.files) + contents.more, sum(file.size for file in contents.files)
    summary = f"{number} file{'' if number == 1 else 's'}, {text.size(size)} unpacked"
    return {
        "name": contents.name,
        "tree": _folder_view(root),
        "summary": summary if contents.files else "",
        "problem": contents.problem,
        "more": contents.more,
    }


def _folder_view(folder: Mapping[str, Any]) -> Mapping[str, Any]:
    folders = [(name[:-1], _folder_view(inner)) for name, inner in sorted(folder.items()) if isinstance(inner, dict)]
    files = [(name, size) for name, size in sorted(folder.items()) if not isinstance(size, dict)]
    return {
        "folders": folders,
        "files": files,
        "count": len(files) + sum(inner["count"] for _, inner in folders),
        "size": sum(size for _, size in files) + sum(inner["size"] for _, inner in folders),
    }


def modes(scenarios: Sequence[Scenario]) -> Iterator[Mapping[str, str]]:
    """The modes that smoke tests ran in, each with its results and its total cost."""
    for mode in dict.fromkeys(scenario.mode for scenario in scenarios):
        of_mode = [scenario for scenario in scenarios if scenario.mode == mode]
        results: dict[str, int] = {}
        for scenario in of_mode:
            results[scenario.outcome] = results.get(scenario.outcome, 0) + 1
        calls = [attempt for scenario in of_mode for attempt in scenario.attempts]
        said = ", ".join(f"{number} {outcome}" for outcome, number in results.items())
        cost = f", {dollars(sum(scenario.usd for scenario in of_mode))}" if calls and mode != "recorded" else ""
        unknown = sum(call.usd is None for call in calls) if mode != "recorded" else 0
        more = f" and {unknown} call{'' if unknown == 1 else 's'} of unknown cost" if unknown else ""
        estimate = " (what the service would have charged)" if cost and mode == "emulated" else ""
        number = len(calls)
        total = f"In total {said}; {number} call{'' if number == 1 else 's'}{cost}{more}{estimate}."
        yield {"name": mode, "words": _MODES.get(mode, ""), "summary": total}


def scenario_view(scenario: Scenario) -> Mapping[str, Any]:
    """A smoke test with its attempts, and its images as addresses of data."""
    tone = page_views.tone(scenario.outcome)
    pictures = [
        {"alt": f"Image {number} of {scenario.name}: {attempt.prompt[:160]}".rstrip(": ")}
        | {name: getattr(picture, name) for name in ("path", "size", "width", "height", "note")}
        | {"preview": _data_address(picture.preview, picture.mime_type)}
        for attempt in scenario.attempts
        for number, picture in enumerate(attempt.pictures, 1)
    ]
    return {
        "name": scenario.name,
        "mode": scenario.mode,
        "tone": tone,
        "mark": "?" if scenario.outcome == "inconclusive" else MARKS[tone],
        "word": scenario.outcome,
        "why": scenario.why,
        "place": scenario.place,
        "seconds": scenario.seconds,
        "attempts": scenario.attempts,
        "pictures": pictures,
        "prompts": list(dict.fromkeys(attempt.prompt for attempt in scenario.attempts if attempt.prompt)),
    }


def _data_address(content: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}" if content else ""
