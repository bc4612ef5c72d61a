"""Each snippet of docs/images.md runs unchanged."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

from omni_release.emulators import GeminiEmulator
from tests.conftest import child_environment
from tests.images.conftest import planted_key

PAGE = Path(__file__).parents[2] / "docs/images.md"


def test_snippets(emulator: GeminiEmulator, tmp_path: Path) -> None:
    """They need a key and a base URL in the environment alone; async snippets run inside of main()."""
    first, *others = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(others) == 4
    programs = [first]
    for snippet in others:
        inside = textwrap.indent(snippet, " " * 8)
        programs.append(
            first.replace("        result = await", f"{inside}        result = await")
            if "await" in snippet
            else snippet
        )
    said = {"GEMINI_API_KEY": planted_key(), "GOOGLE_API_KEY": "", "GOOGLE_GEMINI_BASE_URL": emulator.url}
    said |= dict.fromkeys(("OPENAI_API_KEY", "XAI_API_KEY", "AZURE_OPENAI_API_KEY"), planted_key())
    for program in programs:
        command = [sys.executable, "-c", program]
        ran = subprocess.run(
            command,
            cwd=tmp_path,
            env=child_environment() | said,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        assert (ran.returncode, ran.stderr) == (0, ""), program
    assert (tmp_path / "workflow.jpg").stat().st_size > 1000
    assert len(emulator.calls) == 7
