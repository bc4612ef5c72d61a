"""The hooks, run by the real pre-commit and prek from a local git repository, all in one environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from omni_release import lanes
from tests.conftest import child_environment, copy_case, git

ROOT = Path(__file__).parents[1]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
BAD = {
    "omni-release-models": ("src/acme_sound/model.py", 'MODEL = "gemini-3-pro-image-preview"\n', "model.py:1:"),
    "omni-release-patterns": (
        "web/api.ts",
        "export async function f() {\n  try {\n    await save();\n  } catch (e) {\n  }\n}\n",
        "web/api.ts:",
    ),
    "omni-release-silent": (
        "src/acme_sound/silent.py",
        "def f() -> None:\n    try:\n        g()\n    except Exception:\n        pass\n",
        "src/acme_sound/silent.py:4:",
    ),
    "omni-release-deprecated": (
        "src/acme_sound/old.py",
        "import google.generativeai\n",
        "src/acme_sound/old.py:1: imports",
    ),
    "omni-release-cassettes": (
        "cassettes/one.yaml",
        (
            "interactions:\n- request:\n    body: ''\n    method: GET\n"
            "    headers:\n      x-goog-api-key:\n      - KEY\n"
            "    uri: https://example.invalid/\n  response:\n    body: {string: ''}\n    headers: {}\n"
            "    status: {code: 200, message: OK}\nversion: 1\n"
        ),
        "cassettes/one.yaml",
    ),
    "omni-release-checklists": (
        "checklists/mine.toml",
        '[[item]]\nid = "x"\nsays = "x"\ncheck = "no-such-check"\n',
        "checklists/mine.toml:4: unknown check 'no-such-check'",
    ),
}
"""For each hook: a file, its wrong content, and the hook's message."""


def test_hooks_run_gate_checks() -> None:
    """Each hook runs checks of the gate; the first one runs the checks of all others."""
    tasks = {task.id for task in lanes.gate().tasks}
    checks_of = {hook["id"]: {word for word in hook["entry"].split() if word in tasks} for hook in HOOKS}
    assert all(checks for id, checks in checks_of.items() if id != "omni-release-version")
    others = set().union(*(checks for id, checks in checks_of.items() if id != "omni-release"))
    assert checks_of["omni-release"] == others | {"versions-agree"}
    assert set(BAD) <= set(checks_of)


def test_one_environment() -> None:
    """All hooks but that of the version list the same packages: one environment, without what they do not need."""
    needed = {hook["id"]: tuple(hook["additional_dependencies"]) for hook in HOOKS}
    version = needed.pop("omni-release-version")
    (listed,) = set(needed.values())
    assert set(version) < set(listed)
    own = {requirement for requirement in metadata.requires("omni-release") or () if ";" not in requirement}
    option, *packages = listed
    assert option == "--no-deps"
    assert set(packages) <= own, "each is a requirement of omni-release, with the same bound"
    for package in packages:
        needs = [Requirement(line) for line in metadata.requires(Requirement(package).name) or ()]
        assert not [each for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})], package


def hooks_in(folder: Path) -> str:
    """Make a repository with the hooks of this checkout: its commit."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder / name)
    git("init", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message=hooks", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder).strip()


ENVIRONMENTS = {"pre-commit": "repo*/py_env*", "prek": "hooks/*"}
"""The programs that run hooks, and where each creates an environment, below its cache."""


def project_with_hooks(folder: Path, *ids: str) -> Path:
    """A sound project with these hooks of this checkout."""
    source = folder / "hooks"
    revision = hooks_in(source)
    root = copy_case("sound", folder / "project")
    config = {"repos": [{"repo": str(source), "rev": revision, "hooks": [{"id": id} for id in ids]}]}
    (root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    git("add", "--all", cwd=root)
    return root


def run_with(program: str, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program that runs hooks, with a cache beside the project."""
    name = f"{program}.exe" if sys.platform == "win32" else program
    cache = str(root.parent / "cache")
    return subprocess.run(
        [Path(sys.executable).with_name(name), *arguments],
        cwd=root,
        env=child_environment(PRE_COMMIT_HOME=cache, PREK_HOME=cache),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_pre_commit_takes_the_hooks() -> None:
    """pre-commit finds no mistake in the file with the hooks; that it runs them, a long test says."""
    command = [str(Path(sys.executable).with_name("pre-commit")), "validate-manifest", ".pre-commit-hooks.yaml"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.rehearsal
@pytest.mark.parametrize("program", ["prek", pytest.param("pre-commit", marks=pytest.mark.long)])
def test_the_hooks(program: str, tmp_path: Path) -> None:
    """Each hook passes on a sound project, fails on a staged problem, and ignores an unstaged one."""
    root = project_with_hooks(tmp_path, "omni-release", *BAD)

    def run_hooks(*id: str) -> subprocess.CompletedProcess[str]:
        return run_with(program, root, "run", *id)

    sound = run_hooks()
    assert sound.returncode == 0, sound.stdout + sound.stderr
    (environment,) = (tmp_path / "cache").glob(ENVIRONMENTS[program])
    assert not list(environment.glob("**/site-packages/twine")), "only what the hooks need is installed"
    for name, content, _ in BAD.values():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.replace("KEY", "AI" + "zaSy" + "D" * 33), encoding="utf-8")
    git("add", "--all", cwd=root)
    refused = run_hooks()
    assert refused.returncode == 1, refused.stdout + refused.stderr
    _, *parts = refused.stdout.split("- hook id: ")
    said = {id: " ".join(rest) for id, *rest in (part.split() for part in parts)}
    assert said.keys() == {"omni-release", *BAD}, refused.stdout
    for id, (name, _, message) in BAD.items():
        assert message in said[id] and message in said["omni-release"], (id, refused.stdout)
        git("rm", "--quiet", "--force", name, cwd=root)
    model = root / "src" / "acme_sound" / "model.py"
    model.write_text('MODEL = "gemini-3-pro-image"\n', encoding="utf-8")
    git("add", "--all", cwd=root)
    model.write_text('MODEL = "gemini-3-pro-image-preview"\n', encoding="utf-8")
    assert run_hooks("omni-release-models").returncode == 0, "the staged content counts, not the one in the folder"
    assert "preview" in model.read_text(encoding="utf-8")
    assert not (root / ".omni-release").exists()
