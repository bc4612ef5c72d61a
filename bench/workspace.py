"""What `omni-release plan` takes in a repository of 10, 100, 300 and 1,000 packages, against a bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from start import seconds

SIZES = (10, 100, 300, 1000)
AT_MOST = 100
"""Times a bare interpreter, for 300 packages."""

ROUNDS = 5


def generated(root: Path, size: int) -> Path:
    """A repository of packages that need up to three earlier ones; a tag each, and every tenth has changed since."""
    for number in range(size):
        folder = root / "packages" / f"acme-{number}"
        package = folder / "src" / f"acme_{number}"
        package.mkdir(parents=True)
        needs = sorted({number // 2, number // 3, number // 7} - {number})
        listed = ", ".join(f'"acme-{other}>=1,<2"' for other in needs)
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "acme-{number}"\nversion = "1.0.0"\ndependencies = ["httpx>=0.27", {listed}]\n\n'
            '[project.optional-dependencies]\ntest = ["pytest>=8"]\n\n'
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
            "[tool.ruff]\nline-length = 120\n"
        )
        (package / "__init__.py").write_text('__version__ = "1.0.0"\n')
        for module in ("errors", "model", "client"):
            (package / f"{module}.py").write_text(f'"""{module} of acme-{number}"""\n')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    git(root, "init", "-q")
    commit(root)
    for number in range(size):
        git(root, "tag", f"acme-{number}-v1.0.0")
    for number in range(0, size, 10):
        text = root / "packages" / f"acme-{number}" / "pyproject.toml"
        text.write_text(text.read_text().replace('version = "1.0.0"', 'version = "1.1.0"'))
    commit(root)
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "-c", "user.name=b", "-c", "user.email=b@example.invalid", "commit", "-qm", "change")


def main() -> None:
    bare, ours = [sys.executable, "-c", "pass"], [sys.executable, "-m", "omni_release", "plan", "--format", "json"]
    earlier = 0.0
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            root = generated(Path(folder), size)
            seconds(ours, root)
            pairs = [(seconds(ours, root), seconds(bare, root)) for _ in range(ROUNDS)]
        time = statistics.median(ours for ours, _ in pairs)
        times = statistics.median(ours / bare for ours, bare in pairs)
        limit = f" (at most {AT_MOST})" if size == 300 else ""
        growth = f", {time / earlier:.1f} times the line before" if earlier else ""
        print(f"{size:>5} packages: {time:5.2f} s, {times:5.0f} times a bare interpreter{limit}{growth}")
        earlier = time


if __name__ == "__main__":
    main()
