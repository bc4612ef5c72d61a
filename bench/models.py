"""What the scanner of model names finds, and what it costs beside ast-grep with three rules.

    python -m bench.models [ROUNDS]

The tree is half a million lines of the standard library, with names of the table planted in it. Both are whole
programs: `omni-release models list`, and `ast-grep scan` with three rules for strings. The scores are of the names of
the table, in quotes, and of words that look like names and are none.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from omni_release import models
from omni_release.models import names, patterns
from tests.models.look_alikes import LOOK_ALIKES

LINES, MOST, FOUND, FALSE = 500_000, 1.5, 0.98, 0.02
RULES = "\n---\n".join(
    f"id: r{number}\nlanguage: python\nrule: {{kind: string, regex: '{pattern}'}}"
    for number, pattern in enumerate((r"gemini-\d", r"gpt-\d", r"claude-"))
)


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, false = scores(Path(folder))
        root = planted(Path(folder) / "tree")
        rules = Path(folder, "rules.yml")
        rules.write_text(RULES, encoding="utf-8")
        ours = [sys.executable, "-m", "omni_release", "models", "list"]
        bare = [str(Path(sys.executable).with_name("ast-grep")), "scan", "--rule", str(rules), "--json=stream", "."]
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for command, seconds in zip((bare, ours), times, strict=True):
                seconds.append(timed(command, root))
        ratio = statistics.median(times[1]) / statistics.median(times[0])
        print(f"ast-grep, three rules     {statistics.median(times[0]):6.2f} s")
        print(f"omni-release models list  {statistics.median(times[1]):6.2f} s")
        print(f"{ratio:.2f} times, at most {MOST} are promised")
        sys.exit(ratio > MOST or found < FOUND or false > FALSE)


def scores(folder: Path) -> tuple[float, float]:
    """The share of the table's names that are found whole, and of the look-alikes that are taken for names."""
    known = sorted({model.name for model in models.builtin().models.values()})
    missed = [name for name in known if not is_found(folder, name)]
    taken = [word for word in LOOK_ALIKES if is_found(folder, word)]
    found, false = 1 - len(missed) / len(known), len(taken) / len(LOOK_ALIKES)
    print(f"names of the table in quotes: {len(known) - len(missed)} of {len(known)} ({found:.1%}); not {missed}")
    print(f"look-alikes taken for names: {len(taken)} of {len(LOOK_ALIKES)} ({false:.1%}): {taken}")
    return found, false


def is_found(folder: Path, word: str) -> bool:
    (folder / "one.py").write_text(f'X = ["{word}"]\n', encoding="utf-8")
    return any(found.name == word for found in names.find_names(str(folder), ["one.py"]).occurrences)


def planted(root: Path) -> Path:
    """Half a million lines in a git repository, and a name of the table in each tenth file."""
    known = [model.name for model in models.builtin().models.values()]
    lines = number = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts or lines >= LINES:
            continue
        text = path.read_bytes()
        if number % 10 == 0:
            text += f'\nMODEL = "{known[number % len(known)]}"\n'.encode()
        target = root / "acme" / f"m{number // 100}" / f"{number}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
        lines += text.count(b"\n")
        number += 1
    (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    (root / "acme" / "__init__.py").touch()
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=root, check=True)
    print(f"{lines:,} lines in {number:,} files; {len(patterns.HEADS)} heads")
    assert lines >= LINES
    return root


def timed(command: list[str], cwd: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
