"""The checks of the models that a project names."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

import pytest

from omni_release import models, project
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.journal import RunFolder
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import ReleasedTag, World
from omni_release.emulators import GeminiEmulator
from omni_release.images.checks import configured_models, models_respond
from omni_release.models.checks import is_history, life_findings, retired_models
from omni_release.models.facts import Model, Stage
from omni_release.models.names import Occurrence
from tests.conftest import RunCheck, child_environment, omni

DEAD, DYING, LIVING = "gemini-3-pro-image-preview", "gemini-2.5-flash-image", "gemini-3-pro-image"
TODAY = date(2026, 11, 22)


class Calendar(SystemClock):
    """A clock with a fixed day."""

    def __init__(self, day: date) -> None:
        self.day = day

    def now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The real world on a day of 2026, without a key."""
    files, processes = LocalFiles(), LocalProcesses(str)
    yield World(
        processes, files, Calendar(TODAY), Rehearsal(tmp_path / "i", "acme"), RunFolder(tmp_path / "r", files), {}
    )
    processes.close()


def release(root: Path, files: dict[str, str], settings: str = "") -> Release:
    """A project of these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\n[tool.omni-release]\n{settings}\n', "utf-8")
    return Release(project.load(root), "1.0", "rehearsal", None, root, root, PurePosixPath())


def on(world: World, day: date) -> World:
    """The same world on another day."""
    return dataclasses.replace(world, clock=Calendar(day))


def said(findings: Iterator[Finding]) -> list[tuple[str, str, str]]:
    """Severity, rule and place of each finding."""
    return [(finding.severity.value, finding.rule, finding.where) for finding in findings]


def test_retired_model_is_an_error_at_each_place(tmp_path: Path, world: World) -> None:
    """It is reported in each kind of file, with its living successor."""
    text = f'"{DEAD}"'
    about = release(
        tmp_path, {"acme/a.py": f"\nM = {text}", "web/A.vue": text, ".env": f"M={DEAD}", "acme/x.json": text}
    )
    found = list(retired_models(about, world))
    places = [".env:1:3", "acme/a.py:2:6", "acme/x.json:1:2", "web/A.vue:1:2"]
    assert said(iter(found)) == [("error", "model-shut-down", where) for where in places]
    assert f"{DEAD}: shut down 2026-06-25 → {LIVING}\nSource: https://" in found[0].message


def test_chain_of_successors(run_check: RunCheck) -> None:
    """imagen-3.0-generate-002 was replaced by a model that is retired too."""
    (finding,) = run_check(retired_models, {"a.py": 'M = "imagen-3.0-generate-002"'})
    assert "→ gemini-nano-banana-2.1" in finding.message


def test_day_of_the_shut_down(tmp_path: Path, world: World) -> None:
    """There is no finding 61 days before the end, a warning from 60 days on, and an error on the day itself."""
    about = release(tmp_path, {"a.py": f'M = "{DYING}"'})
    end = models.all_models()[DYING].shut_down
    assert end == date(2027, 3, 15)
    assert "model-shuts-down" not in {rule for _, rule, _ in said(retired_models(about, on(world, date(2027, 1, 13))))}
    soon = next(retired_models(about, on(world, date(2027, 1, 14))))
    assert (soon.severity, soon.rule) == (Severity.WARNING, "model-shuts-down")
    assert soon.message.startswith(f"{DYING}: shuts down 2027-03-15, in 60 days → gemini-3.1-flash-lite-image\n")
    assert "in 1 day →" in next(retired_models(about, on(world, date(2027, 3, 14)))).message
    assert said(retired_models(about, on(world, end)))[0] == ("error", "model-shut-down", "a.py:1:6")


def test_living_models_are_one_notice(tmp_path: Path, world: World) -> None:
    """If all models are living, a notice lists them; if there are none, the check is skipped."""
    (found,) = retired_models(release(tmp_path, {"a.py": f'"{LIVING}"', "b.py": f'"{LIVING}"'}), world)
    assert (found.severity, found.message) == (Severity.NOTICE, f"named in 2 places: {LIVING}")
    with pytest.raises(NotApplicable):
        list(retired_models(release(tmp_path / "none", {"a.py": "pass"}), world))


def test_unknown_model_is_a_notice(tmp_path: Path, world: World) -> None:
    """There is one notice for all its places, with the nearest known name."""
    about = release(tmp_path, {"a.py": '"gemini-3.0-pro-image"', "b.ts": '\n"gemini-3.0-pro-image" + f"gemini-{x}"'})
    unknown, computed = retired_models(about, world)
    assert unknown.severity is Severity.NOTICE and unknown.rule == "model-unknown"
    assert unknown.message == (
        "gemini-3.0-pro-image is not in the table of models; also b.ts:2:2. Nearest known: gemini-3-pro-image"
    )
    assert (computed.rule, computed.where) == ("model-name-computed", "b.ts:2:28")


@pytest.mark.parametrize(
    ("files", "severity", "path"),
    [
        (("README.md", "src/a.py"), "warning", "src/a.py"),
        (("README.MD", "changes/1.toml"), "notice", "README.MD"),
        (("CHANGELOG.md", "a.yaml"), "warning", "a.yaml"),
    ],
)
def test_unknown_model_in_prose_and_elsewhere(
    files: tuple[str, ...], severity: str, path: str, tmp_path: Path, world: World
) -> None:
    """A name whose relatives are gone is a notice only if all its places are prose or history."""
    about = release(tmp_path, dict.fromkeys(files, '"gemini-2.0-flash-002"'))
    (found,) = (finding for finding in retired_models(about, world) if finding.rule == "model-unknown")
    assert (found.severity.value, found.path) == (severity, path)


@pytest.mark.parametrize(
    ("stage", "successors", "message"),
    [
        (Stage.SHUT_DOWN, ("gone",), "a: shut down; no living successor is known"),
        (Stage.SHUT_DOWN, ("gone", "unlisted"), "a: shut down → unlisted"),
        (Stage.ROUTED, ("gone",), "a: routed; another model answers"),
        (Stage.ROUTED, ("unlisted",), "a: routed; unlisted answers"),
    ],
)
def test_no_dead_successor_is_shown(stage: Stage, successors: tuple[str, ...], message: str) -> None:
    """A successor that is shut down itself is not recommended; one that the table lacks is."""
    first = Model("a", "openai", "openai", "text", stage, "s", TODAY, successors=successors)
    gone = Model("gone", "openai", "openai", "text", Stage.SHUT_DOWN, "s", TODAY)
    registry = models.Registry({("openai", "a"): first, ("openai", "gone"): gone}, {})
    (found,) = life_findings([Occurrence("a.py", 1, 1, "a")], registry, TODAY)
    assert found.message.split("\n")[0] == message


@pytest.mark.parametrize("name", ["gemini-9-ultra-image", "our-own-model"])
def test_unknown_model_in_the_settings_is_inconclusive(name: str, tmp_path: Path, world: World) -> None:
    """Without a key it is inconclusive; if all models are known, or there are none, no call is needed."""
    about = release(tmp_path, {"a.py": "pass"}, f'image-model = "{name}"')
    with pytest.raises(Inconclusive, match=f"pyproject.toml:4:.*{name} is not in the table of models.*API key"):
        list(configured_models(about, world))
    assert said(retired_models(about, world))[0][:2] == ("notice", "model-unknown")
    about = release(tmp_path, {}, f'image-model = "{LIVING}"\nimage-fallback-model = "none"')
    assert list(configured_models(about, world)) == []
    with pytest.raises(NotApplicable):
        list(configured_models(release(tmp_path, {}), world))


def test_retired_model_in_the_settings(tmp_path: Path, world: World) -> None:
    """It is found with the prefix `models/` too; "none" is not a model."""
    about = release(tmp_path, {}, f'image-model = "models/{DEAD}"\nimage_fallback_model = "none"')
    assert said(retired_models(about, world)) == [("error", "model-shut-down", "pyproject.toml:4:23")]


@pytest.mark.parametrize(
    ("path", "changelog"),
    [
        *(("CHANGELOG.md", True), ("docs/history.rst", True), ("changelog.d/12.fix.md", True), ("NEWS", True)),
        *(
            ("docs/release-notes.md", True),
            ("src/changes.py", False),
            ("src/chat/history.py", False),
            ("src/newsletter.py", False),
            ("a.md", False),
        ),
    ],
)
def test_changelogs(path: str, changelog: bool) -> None:
    """A changelog is recognised by its own name, or its folder's."""
    assert is_history(path) is changelog


def test_retired_model_in_a_changelog(tmp_path: Path, world: World) -> None:
    """It is a notice."""
    about = release(tmp_path, {"CHANGELOG.md": f"- {DEAD} and {DYING} are gone"})
    found = said(retired_models(about, on(world, date(2027, 2, 1))))[:2]
    assert [(severity, rule) for severity, rule, _ in found] == [
        ("notice", "model-shut-down"),
        ("notice", "model-shuts-down"),
    ]


@pytest.mark.parametrize(
    ("name", "severity", "rule", "message"),
    [
        ("gemini-3.5-flash", "warning", "model-routed", "routed since 2026-10-08; gemini-3.6-flash answers"),
        ("gemini-2.5-pro", "warning", "model-routed", "routed from 2026-12-01, in 9 days; gemini-3.8-flash answers"),
        ("gemini-3.1-flash-image", "warning", "model-deprecated", "deprecated since 2026-10-06"),
        ("veo-3.1-generate-preview", "warning", "model-may-be-shut-down", "not confirmed → gemini-omni-1.2-flash"),
        ("claude-mythos-preview", "warning", "model-may-be-shut-down", "end contested: 2026-06-30"),
        ("gpt-4-1106-preview", "error", "model-shut-down", "The sources disagree: 2026-10-23 (package openai 3.57.0)"),
        ("gemini-2.5-flash", "warning", "model-routed", "On Vertex AI: shut down 2026-10-20"),
        ("gpt-5", "warning", "model-shuts-down", "shuts down 2026-12-11, in 19 days → gpt-6.1-sol"),
        ("gemini-2.0-flash-002", "warning", "model-unknown", "gemini-2.0-flash on Gemini API: shut down 2026-06-01"),
        ("gemini-3-flash-9", "notice", "model-unknown", "not in the table of models"),
        ("claude-opus-4-8", None, "", ""),
    ],
)
def test_each_stage(name: str, severity: str | None, rule: str, message: str, tmp_path: Path, world: World) -> None:
    """Only a model that is known to be gone is an error; each other end says what is known."""
    found = [f for f in retired_models(release(tmp_path, {"a.py": f"M = {name!r}"}), world) if f.rule]
    assert [(f.severity.value, f.rule) for f in found] == ([(severity, rule)] if severity else [])
    assert not found or message in found[0].message


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("M = 'text-embedding-004'", "error"),
        ("client = Client(vertexai=True); M = 'text-embedding-004'", "warning"),
        ("M = 'vertex_ai/text-embedding-004'", None),
        ("M = 'vertex_ai/gemini-2.5-flash'", "error"),
    ],
)
def test_platform_decides(text: str, severity: str | None, tmp_path: Path, world: World) -> None:
    """A model that is gone on one platform may live on another, which a prefix or the file names."""
    found = [f for f in retired_models(release(tmp_path, {"a.py": text}), world) if f.rule]
    assert [f.severity.value for f in found] == ([severity] if severity else [])


def test_old_table(tmp_path: Path, world: World) -> None:
    """Facts of more than 60 days ago are a warning where the project names a model of their platform."""
    about = release(tmp_path, {"a.py": f'M = "{LIVING}"'})
    old = list(retired_models(about, on(world, date(2027, 1, 18))))
    assert [(f.severity.value, f.rule) for f in old] == [("warning", "model-table-old")]
    assert "Gemini API (2026-11-18, 61 days)" in old[0].message
    assert not [f for f in retired_models(about, on(world, date(2027, 1, 17))) if f.rule]


SHIPPED = "src/acme/a.py"


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        *((SHIPPED, f"call(model={DEAD!r})", "error"), (SHIPPED, f"def f(model={DEAD!r}): ...", "error")),
        *((SHIPPED, f"M = {{'fast': {DEAD!r}}}", "error"), (SHIPPED, f"M = env('M') or f'google/{DEAD}'", "error")),
        *(
            (SHIPPED, f"def f():\n    return {DEAD!r} if x else y", "error"),
            (SHIPPED, f"for m in [{DEAD!r}]: f(m)", "error"),
        ),
        *(
            (SHIPPED, f"M = os.environ.get('M', {DEAD!r})", "error"),
            (SHIPPED, f"class C:\n    m: str = {DEAD!r}", "error"),
        ),
        *((SHIPPED, f"x = {DEAD}", "warning"), (SHIPPED, f"x = 1  # not {DEAD}", "warning")),
        (SHIPPED, f'"""Not {DEAD}."""', "warning"),
        *(
            (SHIPPED, f'def f():\n    """{DEAD}"""', "warning"),
            (SHIPPED, f"raise E('use {LIVING}, not {DEAD}')", "warning"),
        ),
        *((SHIPPED, f"if m == {DEAD!r}: ...", "warning"), (SHIPPED, f"if m in ({DEAD!r}, 'b'): ...", "warning")),
        *(
            (SHIPPED, f"match m:\n    case {DEAD!r}: ...", "warning"),
            (SHIPPED, f"M = Literal[{DEAD!r}, 'x']", "warning"),
        ),
        *((SHIPPED, f"LIMITS = {{{DEAD!r}: 10}}", "warning"), (SHIPPED, f"m.startswith({DEAD!r})", "warning")),
        *((SHIPPED, f"RETIRED = [{DEAD!r}]", "warning"), (SHIPPED, f"M = ['a', 'b', 'c', 'd', {DEAD!r}]", "warning")),
        (SHIPPED, f"PRICED = {{'gemini-3.1-flash': 'google/{DEAD}'}}", "warning"),
        (SHIPPED, f"FORMS = {{'image': r'gemini-9|{DEAD}'}}", "warning"),
        (SHIPPED, "".join(f"M{n} = 'gemini-{n}-pro'\n" for n in range(20, 33)) + f"M = {DEAD!r}", "warning"),
        ("src/acme/a.toml", f'[limits."{DEAD}"]\nx = 1', "warning"),
        *(("src/acme/a.json", f'{{"model": "{DEAD}"}}', "error"), ("src/acme/a.json", f'{{"{DEAD}": 1}}', "warning")),
        *(("src/acme/a.yaml", f"m: {DEAD} # x", "error"), ("src/acme/a.yaml", f"m: x # {DEAD}", "warning")),
        *(("web/a.ts", f'const M = "{DEAD}"; // x', "error"), ("web/a.ts", f"f() // {DEAD}", "warning")),
        *(("web/a.ts", f"/**\n * {DEAD}\n */", "warning"), ("web/a.ts", f'x ? "{DEAD}" : "b"', "error")),
        *(("web/a.ts", f'if (m === "{DEAD}") f()', "warning"), ("web/a.vue", f"<!-- {DEAD} --><p/>", "warning")),
        *((".env.example", f"M={DEAD}", "error"), (".env", f"# M={DEAD}", "warning")),
        *(("src/acme/tests/a.py", f"M = {DEAD!r}", "warning"), ("tests/a.py", f"M = {DEAD!r}", "warning")),
        *(("examples/a.py", f"M = {DEAD!r}", "warning"), ("a.ipynb", f'"M = \\"{DEAD}\\""', "warning")),
        *(("noxfile.py", f"M = {DEAD!r}", "warning"), (".github/workflows/a.yml", f"m: {DEAD}", "warning")),
        *(("README.md", DEAD, "notice"), ("docs/conf.py", f"M = {DEAD!r}", "notice"), ("a.txt", DEAD, "notice")),
        *(("src/acme/chat/history.py", f"M = {DEAD!r}", "error"), ("src/acme/broken.py", f"def (: {DEAD!r}", "error")),
    ],
)
def test_used_or_mentioned(path: str, text: str, severity: str, tmp_path: Path, world: World) -> None:
    """A retired model is an error where code or a setting that ships uses it; where it is only mentioned, it is not."""
    about = release(tmp_path, {"src/acme/__init__.py": "", path: f"{text}\n"})
    found = {f.severity.value for f in retired_models(about, world) if f.rule == "model-shut-down"}
    assert found == {severity}


def test_what_the_build_configuration_ships(tmp_path: Path, world: World) -> None:
    """A folder that the back end puts into the wheel ships, as an import package does."""
    files = {"src/acme/__init__.py": "", "server/a.py": f"M = {DEAD!r}", "other/a.py": f"M = {DEAD!r}"}
    about = release(tmp_path, files)
    shared = "[tool.hatch.build.targets.wheel.shared-data]\nserver = 'share/acme'\n"
    with (tmp_path / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(shared)
    about = dataclasses.replace(about, project=project.load(tmp_path))
    assert [(s, where) for s, _, where in said(retired_models(about, world))] == [
        ("warning", "other/a.py:1:6"),
        ("error", "server/a.py:1:6"),
    ]


def test_waivers_in_place_and_in_the_settings(case: Callable[[str], Path]) -> None:
    """On the real command line, each waiver turns an error into a notice, unless it has expired."""
    root = case("sound")
    waived = (
        f'A = "{DEAD}"  # omni-release: allow model-shut-down until 2999-01-01 because it is the 404 that is tested\n'
    )
    expired = waived.replace("A =", "B =").replace("2999", "2026")
    (root / "tests/test_dead.py").write_text(f"{waived}{expired}", encoding="utf-8")
    (root / "data.json").write_text(f'"{DEAD}"', encoding="utf-8")
    waiver = '\n[[tool.omni-release.waiver]]\ncheck = "retired-models"\npath = "*.json"\nreason = "x"\n'
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f"{waiver}until = 2999-01-01\n")
    ran = omni("models", "check", "--format", "json", cwd=root)
    found = {(f["path"], f["line"]): f["severity"] for f in ran.outcome("retired-models")["findings"]}
    assert found == {
        ("data.json", 1): "notice",
        ("tests/test_dead.py", 1): "notice",
        ("tests/test_dead.py", 2): "error",
    }
    assert ran.code == 1


def test_list_of_models(case: Callable[[str], Path]) -> None:
    """Each name is listed with its places, as text and JSON; nothing is written into the project."""
    root = case("sound")
    (root / "a.py").write_text(f'"{DEAD}", f"gemini-{{x}}"\n"{DEAD}"\n', encoding="utf-8")
    shown = omni("models", "list", cwd=root)
    assert shown.code == 0
    assert f"{DEAD}: shut down 2026-06-25 → {LIVING}, 2 places\n  a.py:1:2\n  a.py:2:2\n" in shown.out
    entries = {
        entry["name"]: entry for entry in omni("models", "list", "--format", "json", cwd=root).document["models"]
    }
    assert entries[DEAD]["successor"] == LIVING and entries[DEAD]["lives"] is False
    assert entries["gemini-"]["computed"] is True and entries["gemini-"]["lives"] is None
    assert not (root / ".omni-release").exists()


def keyed(world: World, emulator: GeminiEmulator, key: str = "emulated") -> World:
    """A world with a key, and the emulator as the service."""
    return dataclasses.replace(world, environment={"GOOGLE_API_KEY": key, "GOOGLE_GEMINI_BASE_URL": emulator.url})


@pytest.mark.thorough
def test_each_model_is_called(tmp_path: Path, world: World) -> None:
    """Models in code and settings are called once, with a few tokens; those in prose, tests and recordings are not."""
    files = {
        "src/a.py": f'"{LIVING}", "gemini-3.5-flash", "{DEAD}", "gpt-4o"',
        "web/a.ts": f'"{LIVING}"',
        "README.md": "gemini-3.8-flash",
        "tests/test_a.py": '"gemini-9-test"',
        "cassettes/a.yaml": "uri: /v1beta/models/gemini-3.7-flash:generateContent",
    }
    with GeminiEmulator() as emulator:
        about = release(tmp_path, files, 'image-model = "gemini-3.1-flash-image"')
        (found,) = models_respond(about, keyed(world, emulator))
        calls = emulator.calls
    assert found.message == "called: gemini-3-pro-image, gemini-3.1-flash-image, gemini-3.5-flash"
    assert sorted(call.model for call in calls) == ["gemini-3-pro-image", "gemini-3.1-flash-image", "gemini-3.5-flash"]
    assert {call.body["generationConfig"]["maxOutputTokens"] for call in calls} == {8}


@pytest.mark.thorough
def test_model_that_the_service_does_not_know(tmp_path: Path, world: World) -> None:
    """A 404 is an error at the place of the name, in the settings too."""
    with GeminiEmulator() as emulator:
        about = release(tmp_path, {"a.py": '"gemini-3-pro-imago"'}, 'image-model = "gemini-3.0-pro-image"')
        (found,) = configured_models(about, keyed(world, emulator))
        assert (found.rule, found.where) == ("model-does-not-answer", "pyproject.toml:4:16")
        assert found.severity is Severity.ERROR and "Nearest known: gemini-3-pro-image" in found.message
        (found, _) = models_respond(about, keyed(world, emulator))
        assert (found.rule, found.where) == ("model-does-not-answer", "a.py:1:2")


@pytest.mark.thorough
@pytest.mark.parametrize(("script", "key"), [("503", "emulated"), ("", "invalid"), ("429-credits", "emulated")])
def test_service_without_an_answer(script: str, key: str, tmp_path: Path, world: World) -> None:
    """An overloaded service, an invalid key or an account without credits is inconclusive, never passed."""
    with GeminiEmulator(script) as emulator, pytest.raises(Inconclusive, match=r"a\.py:1:2"):
        list(models_respond(release(tmp_path, {"a.py": f'"{LIVING}"'}), keyed(world, emulator, key)))


def test_without_a_key_nothing_is_called(tmp_path: Path, world: World) -> None:
    """The check is skipped, and names the variables to set."""
    with pytest.raises(NotApplicable, match="GOOGLE_API_KEY"):
        list(models_respond(release(tmp_path, {"a.py": f'"{LIVING}"'}), world))


@pytest.mark.thorough
def test_command_line_calls_the_service(case: Callable[[str], Path]) -> None:
    """`omni-release models` with a key in the environment does not print the key."""
    root, key = case("sound"), "AI" + "za" + "Sy" + "x9Q-_" * 7
    (root / "src/acme_sound/a.py").write_text(f'"{LIVING}"', encoding="utf-8")
    with GeminiEmulator() as emulator:
        there = child_environment(GOOGLE_API_KEY=key, GOOGLE_GEMINI_BASE_URL=emulator.url)
        ran = omni("models", "--format", "json", cwd=root, environment=there)
    assert (ran.code, ran.outcome("models-respond")["status"]) == (0, "passed")
    assert key not in ran.out + ran.err


@pytest.mark.parametrize(
    ("tag", "severity"),
    [
        (None, Severity.ERROR),
        ("2026-05-31", Severity.WARNING),
        ("2026-06-01", Severity.ERROR),  # it was shut down on the day of the tag
        ("2026-10-01", Severity.ERROR),
    ],
)
def test_released_before_the_model_died(tag: str | None, severity: Severity, run_check: RunCheck) -> None:
    """A version that is released already is judged by the day of its tag, a new one by today."""
    found = ReleasedTag("v1.0", datetime.fromisoformat(f"{tag}T12:00:00+00:00")) if tag else None

    @functools.wraps(retired_models)
    def body(release: Release, world: World) -> Iterator[Finding]:
        return retired_models(release, dataclasses.replace(world, released_tag=lambda: found))

    (finding,) = run_check(body, {"acme.py": "MODEL = 'gemini-2.0-flash'\n"})
    assert finding.severity is severity
    assert (f"not on {tag}, the day of v1.0" in finding.message) is (severity is Severity.WARNING)
