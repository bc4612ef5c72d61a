"""Model names are found with their places, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release.models import builtin, names
from tests.conftest import git
from tests.models.look_alikes import LOOK_ALIKES

NAME = "gemini-2.5-flash-image"


def found(root: Path, file: str, text: str | bytes) -> list[tuple[int, int, str, bool]]:
    """The occurrences in a file with this text."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(n.line, n.column, n.name, n.computed) for n in names.find_names(str(root), [file]).occurrences]


@pytest.mark.parametrize(
    ("file", "text", "line", "column"),
    [
        ("a.py", f'MODEL = "{NAME}"\n', 1, 10),
        ("a.py", f"# ä\nprint('größe', f\"models/{NAME}:generateContent\")\n", 2, 25),
        ("a.py", f'client.generate(model="google/{NAME}", x=1)', 1, 31),
        ("a.py", f'f"{{prefix}}{NAME}"', 1, 11),
        ("a.ts", f"\ufeffexport const MODEL = `{NAME}`;", 1, 23),
        ("a.tsx", f"<Box model='{NAME}' />", 1, 13),
        ("a.mjs", f"/* {NAME}*/", 1, 4),
        ("a.vue", f"<template>\r\n  <option>{NAME}</option>\r\n</template>\r\n", 2, 11),
        ("a.vue", f"<script>\nconst m = '{NAME}'\n</script>", 2, 12),
        ("a.toml", f'image-model = "{NAME}"', 1, 16),
        ("a.yaml", f"model: {NAME}  # fast", 1, 8),
        ("a.yml", f"- {NAME}:", 1, 3),
        ("a.json", f'{{"model": "{NAME}"}}', 1, 12),
        (".env", f"MODEL={NAME}", 1, 7),
        (".env.production", f"MODEL={NAME}\n", 1, 7),
        ("deploy.env", f"MODEL={NAME}\n", 1, 7),
        ("Dockerfile", f"ENV MODEL={NAME}", 1, 11),
        ("a.md", f"It calls **{NAME}**, and `{NAME}`.".replace(f", and `{NAME}`", ""), 1, 12),
        ("a.md", f"It calls {NAME}.", 1, 10),
        ("a.rst", f"``{NAME}``", 1, 3),
        ("a.ipynb", f'{{"source": ["MODEL = \\"{NAME}\\""]}}', 1, 24),
        ("a.sh", f'curl "https://generativelanguage.googleapis.com/v1beta/models/{NAME}:generateContent"', 1, 63),
        ("a.ts", f"`http://localhost:8080/v1beta/models/{NAME}:generateContent`", 1, 38),
        ("a.ts", f"'https://x-aiplatform.googleapis.com/v1/projects/p/publishers/google/models/{NAME}'", 1, 77),
    ],
)
def test_each_kind_of_file(file: str, text: str, line: int, column: int, tmp_path: Path) -> None:
    """Line and column count from 1, in characters."""
    assert found(tmp_path, file, text) == [(line, column, NAME, False)]


@pytest.mark.parametrize(
    "name",
    [
        *("gemini-3-pro-image", "gemini-2.5-flash-preview-tts", "gemini-2.5-flash-lite-preview-06-17"),
        *("gemini-2.0-flash-preview-image-generation", "gemini-1.5-pro-002", "gemini-pro", "gemini-pro-vision"),
        *("gemini-flash-latest", "gemini-flash-lite-latest", "gemini-embedding-001", "gemini-exp-1206"),
        *("gemini-live-2.5-flash-preview", "gemini-robotics-er-1.5-preview", "nano-banana-pro-preview"),
        *("imagen-4.0-ultra-generate-001", "imagen-3.0-generate-002", "imagen-4.0-generate-preview-06-06"),
        *("dall-e-3", "gpt-4o-mini-2024-07-18", "gpt-image-1", "gpt-3.5-turbo", "gpt-4.1-nano", "gpt-5"),
        *("claude-3-5-sonnet-20240620", "claude-sonnet-4-5", "claude-opus-4.1", "claude-3-haiku-20240307"),
    ],
)
def test_names_of_each_family(name: str, tmp_path: Path) -> None:
    """Each name is found completely."""
    assert [n for _, _, n, _ in found(tmp_path, "a.py", f'x = ["{name}"]')] == [name]


@pytest.mark.parametrize(
    "text",
    [
        *("npm install @google/gemini-cli", "import google-gemini", "gemini-api-key: x", "gemini-cli-0.3.1.tgz"),
        *("github.com/google-gemini/cookbook", "the gemini-2.5 family", "model.startswith('gemini-3-pro-')"),
        *(f"my-{NAME}", f"{NAME}_backup", f"{NAME}X", f"tests/data/{NAME}.json", f"./{NAME}", f"[x](#{NAME})"),
        *(f"fnmatch(name, '{NAME}*')", f"<div class='.{NAME}'>", f"cassettes/{NAME}/one.yaml", "imagen-go-sdk"),
        *(f"https://ai.google.dev/gemini-api/docs/models/{NAME}", f"see https://example.org/{NAME}?x=1 for"),
        *("chat-gpt-4-clone", "gpt-neo", "claude-code", "GEMINI-2.5-FLASH", "gemini-ultrasound", "gemini-pro-badge"),
    ],
)
def test_other_words(text: str, tmp_path: Path) -> None:
    """Packages, families, prefixes, patterns, paths, anchors, pages and parts of longer words are not names."""
    assert found(tmp_path, "a.ts", text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('f"gemini-3-pro{suffix}"', "gemini-3-pro"),
        ("`gemini-${version}-flash`", "gemini-"),
        ("`gemini-2.5-${kind}-image`", "gemini-2.5-"),
        ('"gemini-%s-pro" % version', "gemini-"),
        ('"imagen-%(v)s" % {"v": 4}', "imagen-"),
    ],
)
def test_computed_name(text: str, name: str, tmp_path: Path) -> None:
    """It is marked as computed in code, and ignored in prose."""
    assert [(n, computed) for _, _, n, computed in found(tmp_path, "a.ts", text)] == [(name, True)]
    assert found(tmp_path, "a.md", text) == []


def test_order_of_occurrences(tmp_path: Path) -> None:
    """Two on a line, two separated by a slash, and one on a last line without a line end."""
    text = f"{NAME} {NAME}\n\n{NAME}/gemini-2.5-pro\r\n  {NAME}"
    columns = [(1, 1), (1, 24), (3, 1), (3, 24), (4, 3)]
    assert [(line, column) for line, column, _, _ in found(tmp_path, "a.md", text)] == columns


def test_invalid_utf8(tmp_path: Path) -> None:
    """A byte that is not UTF-8 counts as one character; a file of another kind is not read."""
    assert found(tmp_path, "a.py", b"# \xff\xfe " + NAME.encode()) == [(1, 6, NAME, False)]
    assert found(tmp_path, "a.png", NAME) == []
    assert found(tmp_path, "package-lock.json", NAME) == []


def test_files_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracked and new files are searched; ignored and deleted ones are not."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for file in ("src/b.py", "a.py", "gone.py", "ignored/c.py", "node_modules/d.js"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(f'"{NAME}"', encoding="utf-8")
    (tmp_path / ".gitignore").write_text("ignored/\nnode_modules/\n", encoding="utf-8")
    git("init", "--quiet", cwd=tmp_path)
    git("add", "--all", cwd=tmp_path)
    (tmp_path / "gone.py").unlink()
    (tmp_path / "new.py").write_text(f'"{NAME}"', encoding="utf-8")
    assert [n.where for n in names.find_names(str(tmp_path)).occurrences] == ["a.py:1:2", "new.py:1:2", "src/b.py:1:2"]


def test_unread_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large is reported with its size; the others are read."""
    monkeypatch.setattr(names, "LARGEST", 100)
    (tmp_path / "large.json").write_text(" " * 101 + NAME, encoding="utf-8")
    (tmp_path / "small.json").write_text(f'"{NAME}"', encoding="utf-8")
    search = names.find_names(str(tmp_path), ["large.json", "small.json"])
    assert [n.path for n in search.occurrences] == ["small.json"]
    assert search.unread == (("large.json", "the file has 123 bytes, and the limit is 100"),)


def test_long_line(tmp_path: Path) -> None:
    """A minified line of megabytes with near misses is searched to its end."""
    text = "gemini-" * 200_000 + "x" * 1_000_000 + f' "{NAME}"'
    assert [n for _, _, n, _ in found(tmp_path, "a.js", text)] == [NAME]


def found_in(root: Path, words: list[str]) -> set[str]:
    """Those of the words that are found, each in quotes on a line of its own."""
    lines = "".join(f'X = ["{word}"]\n' for word in words)
    return {words[line - 1] for line, _, name, _ in found(root, "a.py", lines) if name == words[line - 1]}


def test_names_of_the_table(tmp_path: Path) -> None:
    """At least 98 % of the names in quotes are found whole, and at most 2 % of the words that look alike."""
    known = sorted({model.name for model in builtin().models.values()})
    assert set(known) - found_in(tmp_path, known) == {"imagetext", "o1", "o3"}  # words: see below
    assert len(found_in(tmp_path, list(LOOK_ALIKES))) <= 0.02 * len(LOOK_ALIKES)


@pytest.mark.parametrize(
    ("text", "name", "platform"),
    [
        ('"openai/gpt-4o"', "gpt-4o", "openai"),
        ('"~openai/gpt-5-mini"', "gpt-5-mini", "openai"),
        ('"openrouter/openai/gpt-4o"', "gpt-4o", "openai"),
        ('"gemini/gemini-2.0-flash"', "gemini-2.0-flash", "gemini-api"),
        ('"vertex_ai/gemini-2.5-pro"', "gemini-2.5-pro", "vertex-ai"),
        ('"azure/gpt-image-1"', "gpt-image-1", "azure"),
        (
            '"bedrock/us.anthropic.claude-opus-4-1-20250805-v1:0"',
            "us.anthropic.claude-opus-4-1-20250805-v1:0",
            "bedrock",
        ),
        ('"google_genai:gemini-2.0-flash"', "gemini-2.0-flash", "gemini-api"),
        ('"google-vertex:gemini-2.5-pro"', "gemini-2.5-pro", "vertex-ai"),
        ('"anthropic:claude-3-haiku-20240307"', "claude-3-haiku-20240307", "anthropic"),
        ('"models/gemini-2.0-flash:generateContent"', "gemini-2.0-flash", ""),
        ('"publishers/google/models/text-embedding-004"', "text-embedding-004", "vertex-ai"),
        ('"claude-sonnet-4@20250514"', "claude-sonnet-4@20250514", ""),
        ('"ft:gpt-4o-2024-08-06:org::id"', "gpt-4o-2024-08-06", "openai"),
        ('"anthropic/claude-sonnet-4.5"', "claude-sonnet-4.5", "anthropic"),
        ('"claude-opus-4-8[1m]"', "claude-opus-4-8[1m]", ""),
        ('"eu.amazon.nova-pro-v1:0:300k"', "eu.amazon.nova-pro-v1:0:300k", ""),
        ("text = 'one\\ngpt-4o'", "gpt-4o", ""),
        ('model="o3"', "o3", ""),
        ('MODEL: str = "o1"', "o1", ""),
        ("OPENAI_MODEL=o3", "o3", ""),
        ('{"engine": "davinci"}', "davinci", ""),
        ("deployment_name: o4", "o4", ""),
        ('"openai:o3"', "o3", "openai"),
        ("run --model o3", "o3", ""),
        ('model="gemini-pro"', "gemini-pro", ""),
        ("model: gpt-5", "gpt-5", ""),
        # Families that exist, with words that no name has had.
        ('M = "gemini-5-krypton"', "gemini-5-krypton", ""),
        ("LLM_MODEL=gpt-7-nova", "gpt-7-nova", ""),
        ('"claude-saga-6-1"', "claude-saga-6-1", ""),
    ],
)
def test_written_forms(text: str, name: str, platform: str, tmp_path: Path) -> None:
    """The name is found in each form that a client gives it, with the platform that the form states."""
    (tmp_path / "a.yaml").write_text(f"{text}\n", encoding="utf-8")
    (occurrence,) = names.find_names(str(tmp_path), ["a.yaml"]).occurrences
    assert (occurrence.name, occurrence.platform) == (name, platform)


@pytest.mark.parametrize("text", ["see o3 and veo", "the model: o3", "gemini-pro and gpt-5 differ", "model is flux"])
def test_words_of_prose(text: str, tmp_path: Path) -> None:
    """A word that is a name only as a value is none in prose."""
    assert found(tmp_path, "a.md", text) == []


@pytest.mark.parametrize(
    "path",
    ["uv.lock", "poetry.lock", "package-lock.json", "app.log", "a.jsonl", "a.min.js", "omni-release-models.toml"],
)
def test_files_that_are_not_searched(path: str, tmp_path: Path) -> None:
    """Lock files, logs, minified scripts, and what the project adds to the table."""
    assert found(tmp_path, path, f'"{NAME}"') == []


def test_names_of_no_known_form(tmp_path: Path) -> None:
    """What the project adds to the table is found as a whole word."""
    (tmp_path / "a.py").write_text('"acme-vision-1", "acme-vision-12", "x-acme-vision-1"', encoding="utf-8")
    search = names.find_names(str(tmp_path), ["a.py"], {"acme-vision-1"})
    assert [(one.name, one.column) for one in search.occurrences] == [("acme-vision-1", 2)]
