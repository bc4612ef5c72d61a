"""What a project adds to the table of models, what sources add, and what may not change."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omni_release import models
from omni_release.cli import models as cli_models
from omni_release.core.errors import Inconclusive, SettingsError, UsageError
from omni_release.emulators.service import GenerateRequest
from omni_release.images import pricing
from omni_release.models import names, overlay, overlay_file, sources
from omni_release.models.facts import Stage
from omni_release.models.overlay_file import Overlay
from omni_release.models.registry import OVERLAY
from tests.conftest import child_environment, omni

TODAY = date(2026, 12, 24)

ROW = """
[[tool.omni-release.models.model]]
name = "acme-vision-1"
kind = "image"
price = { input = 1, text-output = 0, image-output = 30, per-image = { "1K" = 0.05 } }

[[tool.omni-release.models.model]]
name = "gemini-2.0-flash"
stage = "stable"

[[tool.omni-release.models.model]]
name = "gemini-3.8-flash"
end = 2026-12-01
successors = ["gemini-4-carbon"]
"""

OPENAI = {
    "object": "list",
    "data": [
        {"id": "gpt-9-nova", "object": "model", "created": 1700000000, "owned_by": "system", "shutdown_date": None},
        {"id": "gpt-5.5", "object": "model", "created": 0, "owned_by": "system", "shutdown_date": "2027-06-01"},
        {"id": "dall-e-3", "object": "model", "created": 0, "owned_by": "system", "shutdown_date": None},
        {"id": "gpt-4o", "object": "model", "created": 0, "owned_by": "system", "shutdown_date": "2027-02-14"},
        {"id": "ft:gpt-4o:acme::1", "object": "model", "created": 0, "owned_by": "acme", "shutdown_date": None},
    ],
}
ANTHROPIC = {
    "data": [
        {"id": "claude-opus-4-7", "type": "model", "lifecycle": "deprecated", "deprecated_at": "2026-12-20T00:00:00Z",
         "retires_at": "2027-04-16T00:00:00Z", "created_at": "2026-04-16T00:00:00Z"},
        {"id": "claude-opus-5", "type": "model", "lifecycle": "active", "deprecated_at": None, "retires_at": None},
        {"id": "claude-opus-4-6", "type": "model", "lifecycle": "retired", "retires_at": "2026-12-01T00:00:00Z"},
    ],
    "has_more": False,
}  # fmt: skip
MISTRAL = {
    "object": "list",
    "data": [
        {"id": "mistral-small-2603", "object": "model", "deprecation": "2027-03-31T12:00:00Z",
         "deprecation_replacement_model": "mistral-small-2701"},
        {"id": "mistral-large-4-0", "object": "model", "deprecation": None},
    ],
}  # fmt: skip
LITELLM = {
    "sample_spec": {"litellm_provider": "one of them", "mode": "chat"},
    "gemini-3.8-flash": {"litellm_provider": "vertex_ai-language-models", "deprecation_date": "2027-08-02"},
    "gemini/gemini-3.8-flash": {"litellm_provider": "gemini", "mode": "chat", "deprecation_date": "2027-09-02",
                                "successor_model": "gemini/gemini-5-flash", "input_cost_per_token": 1e-6},
    "gemini/gemini-5-flash": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 2e-6},
    "gpt-3.5-turbo-16k": {"litellm_provider": "openai", "mode": "chat", "deprecation_date": "2027-10-23"},
    "dall-e-3": {"litellm_provider": "openai", "mode": "image_generation"},
    "low/1024-x-1024/gpt-image-9": {"litellm_provider": "openai", "mode": "image_generation"},
    "azure/eu/gpt-4o": {"litellm_provider": "azure", "mode": "chat", "deprecation_date": "2027-01-01"},
    "azure/gpt-4o": {"litellm_provider": "azure", "mode": "chat", "deprecation_date": "2027-01-01"},
    "azure/gpt-9": {"litellm_provider": "azure", "mode": "chat"},
    "ollama/llama9": {"litellm_provider": "ollama", "mode": "chat"},
}  # fmt: skip


def updated(document: object, before: Overlay | None = None) -> sources.Update:
    """What a source of this day adds."""
    return sources.update(before or Overlay(), sources.parse(json.dumps(document).encode(), "a.json", TODAY))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with rows of its own."""
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{ROW}', encoding="utf-8")
    return tmp_path


def test_rows_of_the_project(project: Path) -> None:
    """A row adds a model or corrects one; what it does not state stays."""
    registry = models.at(project)
    added, revived, ending = map(registry.find, ("acme-vision-1", "gemini-2.0-flash", "gemini-3.8-flash"))
    assert added is not None and (added.platform, added.kind, added.is_current(TODAY)) == ("project", "image", True)
    assert revived is not None and revived.is_current(TODAY) and revived.successors == ("gemini-3.6-flash",)
    assert ending is not None and ending.phrase(TODAY) == "shut down 2026-12-01"
    assert registry.successor("gemini-3.8-flash", TODAY) == "gemini-4-carbon"
    assert registry.added == {"acme-vision-1"}
    before = models.builtin().find("gemini-3.8-flash")
    assert before is not None and before.is_current(TODAY) and ending.price == before.price


@pytest.mark.parametrize(
    "text",
    [
        '[[tool.omni-release.models.model]]\nname = "acme-2"',
        '[tool.omni-release]\nmodels.model = [{ name = "acme-2" }]',
        '[tool]\nomni-release.models.model = [{ name = "acme-2" }]',
        '[tool.omni-release.models]\nmodel = [{ name = "acme-2" }]',
        '[tool."omni-release"]\nmodels = { model = [{ name = "acme-2" }] }',
    ],
)
def test_each_form_of_a_row(text: str, tmp_path: Path) -> None:
    """A row is read in each form of TOML."""
    (tmp_path / "pyproject.toml").write_text(f"{text}\n", encoding="utf-8")
    assert models.at(tmp_path).added == {"acme-2"}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ('per-image = { "1K" = 0.2 }', (2, 12, 120, {"1K": 0.2, "2K": 0.134, "4K": 0.24})),
        ("text-output = 6", (2, 6, 120, {"1K": 0.134, "2K": 0.134, "4K": 0.24})),
        ("input = 0", (0, 12, 120, {"1K": 0.134, "2K": 0.134, "4K": 0.24})),
    ],
)
def test_row_with_one_price(stated: str, expected: tuple[object, ...], tmp_path: Path) -> None:
    """The prices that a row does not state stay; 0 is a price."""
    row = f'[[tool.omni-release.models.model]]\nname = "gemini-3-pro-image"\nprice = {{ {stated} }}\n'
    (tmp_path / "pyproject.toml").write_text(row, encoding="utf-8")
    model = models.at(tmp_path).find("gemini-3-pro-image")
    assert model is not None and model.price is not None
    price = model.price
    assert (price.input, price.text_output, price.image_output, price.per_image) == expected
    (tmp_path / "pyproject.toml").write_text(row.replace(stated, "input = -1"), encoding="utf-8")
    with pytest.raises(SettingsError, match="must not be negative"):
        models.at(tmp_path)


def test_pyproject_that_is_not_utf8(tmp_path: Path) -> None:
    """It is an error of the settings, with its path."""
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.omni-release.models]\n# \xff")
    with pytest.raises(SettingsError, match="is not valid UTF-8") as raised:
        models.at(tmp_path)
    assert raised.value.path == tmp_path / "pyproject.toml"


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
def test_folder_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in table is used."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert models.current() is models.builtin()


def test_times_are_read_as_dates(tmp_path: Path) -> None:
    """A time of TOML is a date by its type, but cannot be compared with one."""
    rows = (
        '[[source]]\nname = "s"\nfrom = "s"\nread = 2026-12-24T10:00:00Z\nplatforms = ["openai"]\n'
        '[[model]]\nplatform = "openai"\nname = "gpt-10"\nkind = "text"\nstage = "scheduled"\n'
        'end = 2027-01-01T00:00:00\nsource = "s"\nread = 2026-12-24T10:00:00Z\n'
    )
    (tmp_path / OVERLAY).write_text(rows, encoding="utf-8")
    registry = models.at(tmp_path)
    assert registry.describe("gpt-10", TODAY) == "shuts down 2027-01-01"
    assert registry.platforms["openai"].read == TODAY


def test_files_of_one_name(tmp_path: Path) -> None:
    """The lists of two vendors may have the same file name."""
    both = updated(ANTHROPIC, updated(OPENAI).overlay).overlay
    (tmp_path / OVERLAY).write_text(overlay_file.write(both), encoding="utf-8")
    found = {model.name: model.source for model in overlay_file.read(tmp_path / OVERLAY).models}
    assert (found["gpt-5.5"], found["claude-opus-4-7"]) == ("a.json (openai)", "a.json (anthropic)")
    assert overlay_file.write(updated(OPENAI, both).overlay) == overlay_file.write(both)


def test_time_that_is_out_of_range() -> None:
    """The name is kept without its day."""
    document = {"data": [{"id": "gpt-9-nova", "created": 10**18, "shutdown_date": None}]}
    (model,) = updated(document).overlay.models
    assert model.released == ""


def test_a_row_works_everywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner, the budget and the emulator of that project know the row."""
    from omni_release.emulators.service import generate, list_models

    (project / "acme.py").write_text('A = "acme-vision-1"\nB = "gemini-3.8-flash"\n', encoding="utf-8")
    ran = omni("models", "list", "--format", "json", cwd=project)
    found = {entry["name"]: (entry["known"], entry["lives"]) for entry in ran.document["models"]}
    assert found["acme-vision-1"] == (True, True)
    assert pricing.estimate("acme-vision-1", "1K", 0) is None
    monkeypatch.chdir(project)
    assert pricing.estimate("acme-vision-1", "1K", 0) == pytest.approx(0.05)
    body = {"contents": [{"parts": [{"text": "an owl"}]}]}
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert generate(GenerateRequest("v1beta", "acme-vision-1", body, "", now)).code == 200
    assert b"acme-vision-1" in json.dumps(list_models("", 1000).content).encode()


@pytest.mark.parametrize(
    ("document", "added", "changed"),
    [
        (OPENAI, ["openai/gpt-9-nova"], ["openai/gpt-4o", "openai/gpt-5.5"]),
        (ANTHROPIC, [], ["anthropic/claude-opus-4-6", "anthropic/claude-opus-4-7"]),
        (MISTRAL, [], ["mistral/mistral-small-2603"]),
        (LITELLM, ["azure/gpt-4o", "gemini-api/gemini-5-flash"],
         ["gemini-api/gemini-3.8-flash", "vertex-ai/gemini-3.8-flash"]),
    ],
)  # fmt: skip
def test_what_a_source_adds(document: object, added: list[str], changed: list[str]) -> None:
    """New names and changed ends are added; a second reading of the same adds nothing."""
    first = updated(document)
    assert (list(first.added), list(first.changed)) == (added, changed)
    again = updated(document, first.overlay)
    assert (again.added, again.changed, again.overlay) == ((), (), first.overlay)


def test_overlay_is_written_and_read(tmp_path: Path) -> None:
    """The file says the same as what was written; with all facts of a row."""
    for document in (OPENAI, ANTHROPIC, MISTRAL, LITELLM):
        path, written = tmp_path / OVERLAY, updated(document).overlay
        path.write_text(overlay_file.write(written), encoding="utf-8")
        found = overlay_file.read(path)
        assert {(m.platform, m.name): m for m in found.models} == {(m.platform, m.name): m for m in written.models}
        assert found.sources == written.sources


@pytest.mark.parametrize(
    ("document", "name", "phrase"),
    [
        (OPENAI, "dall-e-3", "shut down 2026-05-12"),  # listed, without a date
        (OPENAI, "gpt-4o", "deprecated, shuts down 2027-02-14"),  # first-hand, later, not dead yet
        (LITELLM, "gpt-3.5-turbo-16k", "shut down 2024-09-13"),  # second-hand, later
        (LITELLM, "dall-e-3", "shut down 2026-05-12"),
        (LITELLM, "gemini-3.8-flash", "earliest end 2027-09-02"),
        (LITELLM, "vertex_ai/gemini-3.8-flash", "earliest end 2027-08-02"),  # a bare Google name is one of Vertex AI
        (ANTHROPIC, "claude-opus-4-6", "shut down 2026-12-01"),
        (ANTHROPIC, "claude-opus-5", "stable, no shutdown date announced"),
    ],
)
def test_no_source_revives_the_dead(document: object, name: str, phrase: str) -> None:
    """What was read at the vendor stays where a source says otherwise of a name that is gone."""
    registry = overlay.merged(models.builtin(), updated(document).overlay)
    model = registry.find(name)
    assert model is not None and model.phrase(TODAY) == phrase


def test_source_that_drops_a_name(tmp_path: Path) -> None:
    """A name that a source no longer has keeps its row: sources drop the dead."""
    first = updated(OPENAI)
    fewer = {"data": [item for item in OPENAI["data"] if isinstance(item, dict) and item["id"] != "gpt-5.5"]}
    registry = overlay.merged(models.builtin(), updated(fewer, first.overlay).overlay)
    model = registry.find("gpt-5.5")
    assert model is not None and model.end == date(2027, 6, 1)


def test_user_cache_only_worsens(project: Path, tmp_path: Path) -> None:
    """A user's cache adds names and earlier ends; the project's own file comes before it."""
    cache = tmp_path / "cache.toml"
    cache.write_text(
        '[[source]]\nname = "s"\nfrom = "s"\nread = 2026-12-24\nplatforms = ["openai"]\n'
        + "".join(
            f'[[model]]\nplatform = "openai"\nname = "{name}"\nkind = "text"\nstage = "scheduled"\nend = {end}\n'
            'source = "s"\nread = 2026-12-24\nfirst-hand = "yes"\n'
            for name, end in (("gpt-5.5", "2027-02-01"), ("gpt-5.1", "2028-01-01"), ("gpt-10", "2030-01-01"))
        ),
        encoding="utf-8",
    )
    registry = models.at(project, cache)
    found = {name: model.end for name in ("gpt-5.5", "gpt-5.1", "gpt-10") if (model := registry.find(name))}
    assert found == {"gpt-5.5": date(2027, 2, 1), "gpt-5.1": date(2027, 4, 1), "gpt-10": date(2030, 1, 1)}
    assert registry.platforms["openai"].read == models.builtin().platforms["openai"].read  # nor is the table newer
    assert models.at(project).find("gpt-10") is None


def test_update_makes_the_facts_newer(tmp_path: Path) -> None:
    """The day of a source is that of its platforms' facts."""
    registry = overlay.merged(models.builtin(), updated(OPENAI).overlay)
    assert registry.platforms["openai"].read == TODAY
    assert registry.platforms["gemini-api"].read < TODAY


@pytest.mark.parametrize("text", ["x = [", "[[model]]\nname = 'x'", "[[source]]\nname = 's'\nfrom = 's'\nread = 'x'"])
def test_invalid_overlay(project: Path, text: str) -> None:
    """It is an error of the settings, with its path."""
    (project / OVERLAY).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="is not a table of models") as raised:
        models.at(project)
    assert raised.value.path == project / OVERLAY


NESTED = pytest.param(b"[" * 99_999, id="nested")


@pytest.mark.parametrize(
    "data", [b"<html>", b"[]", b"{}", b'{"data": [{"id": "x"}]}', b'{"a": {"b": 1}}', b"\xff", NESTED]
)
def test_no_source(data: bytes) -> None:
    """What is no known list is refused, and nothing is written."""
    with pytest.raises(UsageError):
        sources.parse(data, "x", TODAY)


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a server on this machine with LiteLLM's file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(LITELLM).encode()
            if self.path == "/api.openai.com":
                body = json.dumps(OPENAI | {"headers": dict(self.headers)}).encode()
            known = {"/prices.json": 200, "/api.openai.com": 200, "/redirect": 302}
            self.send_response(known.get(self.path.partition("?")[0], 404))
            self.send_header("Location", "/prices.json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_command(project: Path, served: str) -> None:
    """`models update` writes the project's file, from a file and from an address; a dry run writes nothing."""
    source = project / "openai.json"
    source.write_text(json.dumps(OPENAI), encoding="utf-8")
    dry = omni("models", "update", "--from", "openai.json", "--dry-run", cwd=project)
    assert (dry.code, (project / OVERLAY).exists()) == (0, False)
    assert "changed  openai/gpt-5.5\n" in dry.out and "would write" in dry.err
    assert omni("models", "update", "--from", "openai.json", cwd=project).code == 0
    secret = served.replace("://", "://jo:s3cret@") + "/{}?token=s3cret#s3cret"
    ran = omni("models", "update", "--from", secret.format("prices.json"), "--format", "json", cwd=project)
    assert f"{served}/prices.json" in (project / OVERLAY).read_text(encoding="utf-8")
    assert ran.code == 0 and "gemini-api/gemini-3.8-flash" in ran.document["changed"]
    assert {one.name for one in overlay_file.read(project / OVERLAY).sources} == {"openai", "litellm"}
    failed = omni("models", "update", "--from", secret.format("none"), cwd=project)
    assert failed.code == 3
    assert "s3cret" not in ran.out + ran.err + failed.out + failed.err + (project / OVERLAY).read_text(encoding="utf-8")
    for wrong in ("file:///etc/hostname", "pyproject.toml"):
        assert omni("models", "update", "--from", wrong, cwd=project).code == 2


def test_user_cache_is_looked_up_and_no_run_reads_it(project: Path) -> None:
    """`models update --user` writes outside of the project: `models list` knows its names."""
    (project / "openai.json").write_text(json.dumps(OPENAI), encoding="utf-8")
    (project / "a.py").write_text('M = "gpt-5.5"\n', encoding="utf-8")
    there = child_environment(XDG_CACHE_HOME=str(project / "cache"), LOCALAPPDATA=str(project / "cache"))
    assert omni("models", "update", "--user", "--from", "openai.json", cwd=project, environment=there).code == 0
    assert not (project / OVERLAY).exists() and (project / "cache" / "omni-release" / OVERLAY).is_file()
    assert "gpt-5.5: shuts down 2027-06-01" in omni("models", "list", cwd=project, environment=there).out
    model = models.at(project).find("gpt-5.5")
    assert model is not None and model.end is None and model.stage is Stage.LISTED


def priced(provider: str, end: str | None, **more: object) -> dict[str, object]:
    """A row of LiteLLM's file."""
    return {"litellm_provider": provider, "mode": "chat"} | ({"deprecation_date": end} if end else {}) | more


@pytest.mark.parametrize(
    ("key", "row", "platform", "name", "phrase"),
    [
        # What is known says more than the date alone.
        ("xai/grok-imagine-image-quality", ("xai", "2026-11-02"), "xai", "grok-imagine-image-quality",
         "routed since 2026-11-02"),
        ("gemini/veo-3.1-generate-preview", ("gemini", "2026-10-22"), "gemini-api", "veo-3.1-generate-preview",
         "earliest end 2026-10-22 has passed, shutdown not confirmed"),
        ("meta.llama3-1-70b-instruct-v1:0", ("bedrock", "2027-03-30"), "bedrock", "meta.llama3-1-70b-instruct-v1:0",
         "deprecated, shuts down 2027-03-30"),
        ("gemini-3-pro-image", ("vertex_ai", "2027-05-28"), "vertex-ai", "gemini-3-pro-image",
         "stable, no shutdown date announced"),  # "not before" that day
        # Dates that may be the earliest ones.
        ("gemini-9-flash", ("vertex_ai", "2026-10-01"), "vertex-ai", "gemini-9-flash",
         "earliest end 2026-10-01 has passed, shutdown not confirmed"),
        ("azure/gpt-9", ("azure", "2028-10-01"), "azure", "gpt-9", "earliest end 2028-10-01"),
        # A vendor's own.
        ("gpt-9", ("openai", "2026-10-01"), "openai", "gpt-9", "shut down 2026-10-01"),
        ("mistral/mistral-nova-latest", ("mistral", None), "mistral", "mistral-nova-latest",
         "alias that moves to newer models"),
        # No names that the scanner knows: they are words.
        ("azure/ada", ("azure", "2028-02-09"), "azure", "ada", None),
        ("azure/model-router", ("azure", "2027-02-09"), "azure", "model-router", None),
        ("azure/Phi-9", ("azure", "2027-02-09"), "azure", "Phi-9", None),
        ("azure/gpt-9", ("azure", None), "azure", "gpt-9", None),
        ("us.meta.llama3-1-70b-instruct-v1:0", ("bedrock", "2027-03-30"), "bedrock",
         "us.meta.llama3-1-70b-instruct-v1:0", "deprecated, shuts down 2027-03-30"),  # the row without the region
        ("1024-x-1024/dall-e-9", ("openai", "2028-02-09"), "openai", "dall-e-9", None),
    ],
)  # fmt: skip
def test_rows_of_litellm(key: str, row: tuple[str, str | None], platform: str, name: str, phrase: str | None) -> None:
    """A date of LiteLLM's adds to what is known, and never takes from it."""
    registry = overlay.merged(models.builtin(), updated({key: priced(*row)}).overlay)
    model = registry.find(name, platform)
    assert (model and model.phrase(TODAY)) == phrase


def test_a_claim_is_made_once() -> None:
    """A date that a claim states already, by another copy of the same source, is no new claim."""
    document = {"gpt-3.5-turbo-16k": priced("openai", "2026-10-23")}
    model = overlay.merged(models.builtin(), updated(document).overlay).find("gpt-3.5-turbo-16k")
    known = models.find("gpt-3.5-turbo-16k")
    assert model is not None and known is not None and model.contested == known.contested != ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('M = "acme"\n', ["acme"]),
        ("model: acme\n", ["acme"]),
        ("# acme is the name of a company, and of acme\n", []),
        ("import acme\n", []),
        ("# acme-vision-1\n", ["acme-vision-1"]),
    ],
)
def test_a_row_whose_name_is_a_word(text: str, found: list[str], tmp_path: Path) -> None:
    """A plain word is a name in quotes alone, or as the value of a key; one with a digit or hyphen is one anywhere."""
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    search = names.find_names(str(tmp_path), also=("acme", "acme-vision-1"))
    assert [occurrence.name for occurrence in search.occurrences] == found


@pytest.mark.parametrize(("day", "read"), [("1980-01-01", True), ("2026-01-02", False), ("2099-01-01", True)])
def test_the_day_of_a_file(day: str, read: bool, project: Path) -> None:
    """The facts are of the day of the file; of today where it has none of its own, as in an archive."""
    (project / "openai.json").write_text(json.dumps(OPENAI), encoding="utf-8")
    seconds = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
    os.utime(project / "openai.json", (seconds, seconds))
    before = datetime.now(UTC).date()
    _, _, stated = cli_models._read(str(project / "openai.json"), before)
    assert stated == (before if read else date.fromisoformat(day))


def test_a_vendors_own_list(project: Path, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its key the vendor's own list is read; the key is in no message and no file, and goes to no other host."""
    key = "sk-" + "k3y" * 15
    monkeypatch.setattr(sources, "LISTS", {"openai": (f"{served}/{{host}}", {})})
    monkeypatch.chdir(project)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(Inconclusive, match="no key of OpenAI is set"):
        cli_models._read("openai", TODAY)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    data, origin, _ = cli_models._read("openai", TODAY)
    assert (json.loads(data)["headers"]["authorization"], origin) == (f"Bearer {key}", f"{served}/api.openai.com")
    monkeypatch.setattr(sources, "LISTS", {"openai": (f"{served}/redirect", {})})
    with pytest.raises(Inconclusive, match="it redirects") as raised:
        cli_models._read("openai", TODAY)
    assert key not in str(raised.value.full_message)
