"""A rehearsal in a terminal, drawn as SVG: no font and nothing else is loaded from anywhere.

A picture is replaced only where more than times, hashes and the names of runs would differ.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.conftest import child_environment, copy_case, git, omni

WIDTH = 100
_ID = "terminal"
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_FORMAT = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{width}} {{height}}" role="img">
<style>
.{_ID} {{{{ font-family: {_FONT}; font-size: {{char_height}}px; line-height: {{line_height}}px; }}}}
.{_ID}-title {{{{ font-family: {_FONT}; font-size: 18px; font-weight: bold; }}}}
{{styles}}
</style>
<defs><clipPath id="{_ID}-clip"><rect x="0" y="0" width="{{terminal_width}}" height="{{terminal_height}}"/></clipPath>
{{lines}}</defs>
{{chrome}}
<g transform="translate({{terminal_x}}, {{terminal_y}})" clip-path="url(#{_ID}-clip)">
{{backgrounds}}
<g class="{_ID}">
{{matrix}}
</g>
</g>
</svg>
"""


def sound(folder: Path) -> Path:
    """A project that is ready for its release."""
    return copy_case("sound", folder / "acme-sound")


def broken(folder: Path) -> Path:
    """A project with the bugs of a failed release: two versions, an empty wheel, retired models."""
    root = copy_case("broken-feature", folder / "acme-painter")
    pyproject, package = root / "pyproject.toml", root / "src" / "acme_painter" / "__init__.py"
    settings = pyproject.read_text(encoding="utf-8").replace("strict = true\n", "").replace('"0.9.0"', '"1.2.0"')
    wheel = "[tool.hatch.build.targets.wheel]\n"
    pyproject.write_text(settings.replace(wheel, f'[tool.hatch.build]\nsources = ["src"]\n\n{wheel}'), encoding="utf-8")
    package.write_text(f'{package.read_text(encoding="utf-8")}__version__ = "1.0.11"\n', encoding="utf-8")
    git("commit", "--all", "--quiet", "--message=release 1.2.0", cwd=root)
    return root


PROJECTS: Mapping[str, Callable[[Path], Path]] = {"passed": sound, "failed": broken}
"""The pictures, and the project that each shows a rehearsal of."""


def draw(folder: Path) -> Iterator[Path]:
    """Draw `passed.svg` and `failed.svg` in this folder."""
    for name, create in PROJECTS.items():
        path = folder / f"{name}.svg"
        with tempfile.TemporaryDirectory(prefix="omni-release-pictures-") as temporary:
            picture = drawn(create(Path(temporary)))
        if not is_current(path, picture):
            path.write_text(picture, encoding="utf-8", newline="\n")
        yield path


def drawn(root: Path) -> str:
    """The picture of a rehearsal of this project; its text is also the description of the picture."""
    environment = child_environment(FORCE_COLOR="1", COLUMNS=str(WIDTH), TERM="xterm-256color")
    printed = Text.from_ansi(omni("rehearse", cwd=root, environment=environment).out)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ omni-release rehearse\n", "bold"), printed), soft_wrap=True)
    text = escape(console.export_text(clear=False))
    svg = console.export_svg(title="omni-release rehearse", theme=MONOKAI, code_format=_FORMAT, unique_id=_ID)
    return svg.replace("\n<style>", f"\n<title>omni-release rehearse</title>\n<desc>{text}</desc>\n<style>", 1)


def is_current(path: Path, picture: str) -> bool:
    """Whether a picture is there that differs in times, hashes and names of runs at most."""
    return path.exists() and words(path.read_text(encoding="utf-8")) == words(picture)


def words(picture: str) -> str:
    """The text of a picture without what differs from run to run."""
    description = ElementTree.fromstring(picture).findtext("{http://www.w3.org/2000/svg}desc") or ""
    varying = r"\d+\.\d+ s|\d{8}-\d{6}-\d+|sha256:\w+|main [0-9a-f]{7}|\d+(\.\d+)? k?B"
    return " ".join(re.sub(varying, "", description).split())
