"""Can everybody install and use the files: on every platform, with types, with a license, from the index's page?"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

from omni_release import distributions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.distributions.checks import HOLLOW

# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{d}{n}" for d in ("com", "lpt") for n in "123456789¹²³"
}
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]|[ .]$')

_LICENSE = re.compile(r"(licen[cs]e|copying|notice|unlicense)\b.*", re.IGNORECASE)
_MEANT_FOR_PREFIX = ("share/", "etc/")  # man pages, desktop files, Jupyter's extensions: installers put them there


@reports(
    Rule("windows-name", RuleClass.QUALITY, "Windows refuses a file name"),
    Rule("same-name", RuleClass.QUALITY, "File names differ in case or in Unicode form alone"),
    Rule("data-in-prefix", RuleClass.QUALITY, "Data files are installed at the top of the environment"),
)
def portable_files(release: Release, world: World) -> Iterator[Finding]:
    """Files can be installed on every platform

    No file name is refused by Windows or equals another one on a file system that ignores case, and no data file is
    installed beside the environment's own files.

    Fix: rename the file; move data files into the import package and read them with importlib.resources.
    """
    for path in distributions.built(release.dist):
        wheel = distributions.is_wheel(path.name)
        alike: dict[str, list[str]] = defaultdict(list)
        for entry in distributions.contents(path):
            name = entry.name
            for part in (name, *map(str, PurePosixPath(name).parents)):
                spellings = alike[unicodedata.normalize("NFC", part).casefold()]
                if part not in spellings:
                    spellings.append(part)
            if reason := _refused_by_windows(name):
                yield Finding(
                    f"{path.name} contains {name!r}: {reason}", "windows-name", distribution=path.name, subjects=(name,)
                )
            top, _, rest = name.partition(".data/data/")
            if wheel and rest and "/" not in top and not rest.startswith(_MEANT_FOR_PREFIX):
                message = f"{path.name} installs {rest} at the top of the environment, where no import finds it"
                yield Finding(message, "data-in-prefix", distribution=path.name, subjects=(name,))
        for names in alike.values():
            if len(names) > 1 and len({PurePosixPath(name).parent for name in names}) == 1:  # else folders, found too
                message = f"{path.name} contains {' and '.join(names)}: on Windows and macOS they are one"
                yield Finding(message, "same-name", distribution=path.name, subjects=tuple(names))


def _refused_by_windows(name: str) -> str:
    for part in PurePosixPath(name).parts:
        if part.partition(".")[0].rstrip(" ").lower() in _DEVICES:
            return f"{part} is a device on Windows"
        if _FORBIDDEN.search(part):
            return "Windows allows no such character, and no dot or blank at the end"
    return ""


@reports(
    Rule("py-typed-lost", RuleClass.RELEASE, "Wheel lacks py.typed", caused_by=(HOLLOW,)),
    Rule("py-typed-misplaced", RuleClass.QUALITY, "py.typed is outside of the import packages"),
    Rule("typed-classifier", RuleClass.QUALITY, "Classifier says typed, but there is no py.typed"),
    Rule("license-missing", RuleClass.QUALITY, "Distribution has no license file"),
)
def typing_and_license(release: Release, world: World) -> Iterator[Finding]:
    """Types and license are included

    Each wheel has the `py.typed` files of the checkout, the classifier `Typing :: Typed` has such a file, and the
    distributions have the license file of the repository.

    Fix: put `py.typed` into the import package and include it in the build; name the license in `license-files`.
    """
    root, project = release.project.root, release.project
    licenses = sorted(path.name for path in root.iterdir() if path.is_file() and _LICENSE.fullmatch(path.name))
    for path in distributions.built(release.dist):
        names = distributions.names(path)
        if licenses and not any(_LICENSE.fullmatch(PurePosixPath(name).name) for name in names):
            message = f"{path.name} has no license file, but the project has {licenses[0]}"
            yield Finding(message, "license-missing", path=licenses[0], distribution=path.name)
        if not distributions.is_wheel(path.name):
            continue
        typed = [name for name in names if PurePosixPath(name).name == "py.typed"]
        for package in project.packages:
            name = f"{package.name.replace('.', '/')}/py.typed"
            if (root / package.path / "py.typed").is_file() and name not in typed:
                place = (package.path / "py.typed").as_posix()
                message = f"{path.name} has no {name}: type checkers will ignore the package's types"
                yield Finding(message, "py-typed-lost", path=place, distribution=path.name, subjects=(name,))
        classifiers = distributions.metadata(path).get_all("Classifier", [])
        if not typed and "Typing :: Typed" in classifiers:
            message = f"{path.name} says `Typing :: Typed`, but contains no py.typed"
            yield Finding(message, "typed-classifier", path=project.stated_in, distribution=path.name)
    if (root / "py.typed").is_file():
        yield Finding("py.typed must be in the import package, not beside it", "py-typed-misplaced", path="py.typed")


class _Links(HTMLParser):
    """Collects the addresses of links and images."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if value and key == {"a": "href", "img": "src"}.get(tag)]


@reports(Rule("relative-link", RuleClass.QUALITY, "Link of the description is relative"))
def description_links(release: Release, world: World) -> Iterator[Finding]:
    """Links of the description work on the index

    No link and no image of the rendered description is relative: on the index's page it leads nowhere.

    Fix: write whole addresses in the README, to the files of the tag that you release.
    """
    path = distributions.built(release.dist)[0]
    links = _Links()
    links.feed(_rendered(path))
    broken = [
        link for link in dict.fromkeys(links.found) if not re.match(r"[a-z][a-z0-9+.-]*:|#|//", link, re.IGNORECASE)
    ]
    readme = table(release.project.metadata, "project").get("readme")
    named = readme if isinstance(readme, str) else readme.get("file") if isinstance(readme, dict) else None
    lines = _lines(release.project.root / named) if isinstance(named, str) else []
    for link in broken:
        line = next((number for number, text in enumerate(lines, 1) if link in text), None)
        place = named if line else None
        yield Finding(
            f"{link} is relative: it is broken on the page of the index", "relative-link", path=place, line=line
        )


def _rendered(path: Path) -> str:
    """The description as HTML. Raises NotApplicable where there is none, or it is plain text."""
    metadata = distributions.metadata(path)
    payload = metadata.get_payload()
    text = metadata["Description"] or (payload if isinstance(payload, str) else "")
    kind = (metadata["Description-Content-Type"] or "text/x-rst").partition(";")[0].strip()
    if not text.strip() or kind == "text/plain":
        raise NotApplicable("the description is empty or plain text")
    html = _html_of_markdown(text) if kind == "text/markdown" else _html_of_rst(text)
    if html is None:
        raise NotApplicable("the description cannot be rendered: see twine-check")
    return html


def _html_of_markdown(text: str) -> str | None:
    from readme_renderer import markdown

    return markdown.render(text)


def _html_of_rst(text: str) -> str | None:
    from readme_renderer import rst

    return rst.render(text)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
