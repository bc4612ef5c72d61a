"""The page of a run as HTML: what is on it, and that whatever a project calls its things is text there."""

from __future__ import annotations

import html.parser
import re
from dataclasses import replace

import pytest

from omni_release import lanes
from omni_release.core import engine
from omni_release.core.model import Finding, Outcome, Report, Severity, Status
from omni_release.core.tasks import Stage
from omni_release.report import page
from omni_release.report.api_changes import ApiRow
from omni_release.report.page_facts import Log, PageFacts, TaskFacts
from tests.report import example_page


class Tags(html.parser.HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += " " * (tag in ("td", "th", "li", "p", "div", "span", "time"))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # no style, no script
            self.text += data

    def count(self, *names: str) -> list[int]:
        """The number of tags of each name."""
        return [sum(tag == name for tag, _ in self.tags) for name in names]

    def all(self, attribute: str) -> list[str]:
        """The values of an attribute, wherever it is."""
        return [attributes[attribute] or "" for _, attributes in self.tags if attribute in attributes]


PAGE = page.document(example_page.report(), example_page.facts())
TAGS = Tags(PAGE)
TEXT = " ".join(TAGS.text.split())

SHOWN = {
    "verdict": "Failed acme-sound 1.2.3",
    "what was released where": "rehearse → to rehearsal index",
    "commit": "commit a1b2c3d on main, uncommitted changes Paint a crane",
    "when": "26 November 2026, 05:11 UTC",
    "how long": "3.7 s",
    "by which tool": "omni-release 0.1.0, Python 3.11.7 on Linux",
    "next": "Next fix the 3 problems, then run omni-release rehearse",
    "place before its message": "src/acme/__init__.py:3:2 says 1.0, but pyproject.toml says 1.2.3",
    "kind of problem": "versions-agree/version-drift Version differs",
    "fix of the message": "Fix Run omni-release version sync",
    "fix of the check": "Fix Correct it.",
    "five places": "web/part5.ts:5 and 3 more in 3 files",
    "effect": "Also reported by wheel-complete lost",
    "blocked": "not run needs versions-agree, which failed upload",
    "inconclusive": "inconclusive the index did not answer index-responds",
    "cached": "determined by run 20261126-051149-000, 2 minutes ago: its inputs are the same lower-bounds",
    "waived": "waived waived until 2027-01-31: known silent-failures",
    "not applicable": "not applicable no file is named test_*.py copy-tests",
    "longest chain": "The longest chain takes 3.5 s of 3.7 s: versions-agree → build → tests-pass.",
    "log": "Last lines of logs/build.log built",
    "warning": "silent-failures/BLE001 Do not catch blind exception: Exception 1 place",
    "folder": "part/ 5 files, 1.0 kB",
    "difference": "src/acme/lost.py 12 B 12 B none",
    "broken archive": "is not a readable archive",
    "live": "live Against the live service. In total 1 passed; 2 calls, $0.067.",
    "emulated": "this proves nothing about the service",
    "attempt": "1 gemini-3-pro-image none 503, fault of the service 1.00 s $0.000",
    "answering model": "2 gemini-3-pro-image gemini-3.1-flash-image 200, 1 image 6.00 s $0.067",
    "gone field": "usageMetadata.total answer gone integer none",
    "sign-off": f"answered Ada 26 November 2026, 05:00 UTC by eye {example_page.WHEEL} abababab…",
    "earlier": "which passed on 25 November 2026, 10:10 UTC in 4 s: 1 new, 1 gone, 3 unchanged. The artifacts differ.",
    "changed task": "build failed passed",
}


@pytest.mark.parametrize("part", SHOWN)
def test_each_part(part: str) -> None:
    """Each part of the page is there, in words."""
    assert SHOWN[part] in TEXT


def test_loads_nothing() -> None:
    """No tag names anything to load but pictures in the page, and the policy forbids all else; no tag has a style."""
    (policy,) = (a["content"] or "" for tag, a in TAGS.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert {source.partition(";")[0] for source in TAGS.all("src")} == {"data:image/jpeg"}
    assert not [tag for tag, attributes in TAGS.tags if tag == "link" or "style" in attributes]
    assert not [link for link in TAGS.all("href") if ":" in link]


def test_each_link_leads_somewhere() -> None:
    """A link within the page leads to an id that is there once."""
    ids = TAGS.all("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in TAGS.all("href") if link.startswith("#")} <= set(ids)


HOSTILE = {
    "markup": "<img src=x onerror=hacked()>",
    "end of the script": "</script><script>hacked()</script>",
    "end of the style": "</style><style>*{display:none}</style>",
    "attribute": "\" onmouseover=hacked() x='",
    "template": "{{ 7 * 7 }}{% raw %}",
    "entity": "&lt;b&gt;&#x3c;",
    "address": "javascript:hacked()//",
    "comment": "<!-- --!> ]]>",
    "escape": "\x1b[31mred\x00\x07\x9b",
    "direction": "\u202egnp.exe\u2066\u200f",
    "bytes of a file name": "\udcff\udc80",
    "code": "`<b>`",
}


def kinds(tags: Tags) -> set[tuple[str, tuple[str, ...]]]:
    """The kinds of tags: their names, with the names of their attributes."""
    return {(tag, tuple(sorted(attributes))) for tag, attributes in tags.tags}


def hostile(part: str) -> str:
    """The whole page of a project in which all texts begin with this one."""
    return page.document(
        example_page.report(lambda text: HOSTILE[part] + text), example_page.facts(lambda text: HOSTILE[part] + text)
    )


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_texts(part: str) -> None:
    """The page has the same kinds of tags as that of a sound project, and no character that disguises a line."""
    document = hostile(part)
    tags = Tags(document)
    assert kinds(tags) == kinds(TAGS) and tags.count("script", "style", "img") == TAGS.count("script", "style", "img")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", document)
    assert "49" not in tags.all("title") and document.encode()
    for link in tags.all("href"):
        assert link.startswith("#") or re.fullmatch(r"[\w./%~-]+", link), link


LONG = 20_000


def test_size_is_bounded() -> None:
    """A thousand long findings do not make a page that no browser opens, and the page says what it leaves out."""
    findings = tuple(
        Finding(f"{at} is wrong\n" + "x" * LONG, f"a/r{at % 2}", path=f"f{at}.py", line=at) for at in range(1000)
    )
    outcome = Outcome("a", "A", "check", Status.FAILED, findings, "Fix it", stage=Stage.CODE)
    known = TaskFacts("a", "A", "code", logs=(Log("logs/a.log", "y" * 5000),))
    document = page.document(Report("gate", "acme", None, "rehearsal", 1.0, (outcome,)), PageFacts(tasks={"a": known}))
    assert len(document) < 1_500_000
    assert "and 900 more" in document and "and 295 more" in document


@pytest.mark.parametrize(
    ("status", "title"), [(Status.PASSED, "Passed"), (Status.INCONCLUSIVE, "Inconclusive"), (Status.WAITING, "Waiting")]
)
def test_other_verdicts(status: Status, title: str) -> None:
    """A run of one task without facts has a page, too."""
    finding = Finding("why", "a", Severity.NOTICE)
    report = Report("gate", "acme", None, "rehearsal", 0.0, (Outcome("a", "A", "check", status, (finding,)),))
    assert f"<title>{title}: acme (gate)</title>" in page.document(report, PageFacts())


@pytest.mark.parametrize(
    ("lane", "target", "stage", "shown"),
    [
        ("rehearse", "rehearsal", Stage.VERIFY, "rehearse → to rehearsal index"),
        ("build", "rehearsal", Stage.BUILD, "build"),
        ("gate", "rehearsal", Stage.SOURCE, "gate"),
        ("release", "testpypi", Stage.PUBLISH, "release → to testpypi"),
        ("doctor", "pypi", Stage.PREFLIGHT, "doctor → to pypi"),
    ],
)
def test_first_line(lane: str, target: str, stage: Stage, shown: str) -> None:
    """The lane, and its index where it works with one."""
    report = Report(lane, "acme", None, target, 0.0, (Outcome("a", "A", "check", Status.PASSED, stage=stage),))
    document = page.document(report, PageFacts())
    kicker = document.partition('<p class="kicker">')[2].partition("</p>")[0]
    assert Tags(kicker).text.split() == shown.split()


def test_interrupted() -> None:
    """What an interrupted run did not reach is listed as not checked."""
    left = (engine.unreached(task, started=False) for task in lanes.gate().tasks)
    report = replace(example_page.report(), interrupted=True, outcomes=tuple(left))
    text = " ".join(Tags(page.document(report, example_page.facts())).text.split())
    assert "Interrupted" in text and "No task ran." in text
    assert (
        f"does not cover: {len(report.outcomes)} not reached." in text and "the run was interrupted before it" in text
    )


def test_changes_of_the_api() -> None:
    """The changes of the API are a table with a section of its own, escaped; without any there is none."""
    change = ApiRow("acme.f", "the default of `a` changed from '<' to '>'", "it gets `>`", "needs 2.0.0", "")
    finding = Finding(change.message, "api-fits-version/break", Severity.WARNING, "acme.py", 3, subjects=("acme.f",))
    outcome = Outcome("api-fits-version", "API fits the version", "check", Status.PASSED, (finding,))
    report = example_page.report()
    text = page.document(replace(report, outcomes=(*report.outcomes, outcome)), example_page.facts())
    section = text.partition('<section id="api"')[2].partition("</section>")[0]
    for part in (
        '<a href="#task-api-fits-version">',
        "<code>acme.f</code>",
        "from &#39;&lt;&#39; to",
        "needs 2.0.0",
        "acme.py:3",
    ):
        assert part in section, part
    assert '<a href="#api">API' in text
    assert '<section id="api"' not in page.document(report, example_page.facts())
