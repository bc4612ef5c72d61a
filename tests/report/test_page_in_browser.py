"""The page of a run in a real browser: from disk, with the keyboard, for a screen reader, and without a script.

Debian's chromium, which playwright drives; one browser for all tests, and a page for each.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from omni_release.report import page as report_page
from tests.report import example_page
from tests.report.test_page import HOSTILE

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright  # noqa: E402

pytestmark = pytest.mark.thorough
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The installed browser."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as started:
        # Its sandbox does not work for root, as in a container.
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        running = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


class Opened:
    """A page in the browser, and what must not happen there: messages on the console, errors, requests, dialogs."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._requested)
        self.address = file.as_uri()
        self.page.goto(self.address)

    def _said(self, message: ConsoleMessage) -> None:
        self.faults.append(message.text)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.faults.append(f"request: {request.url}")


@pytest.fixture
def opened(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The example page, or what the test gives: content, and settings of the browser. It ends without faults."""
    content, settings = getattr(request, "param", (None, {}))
    file = tmp_path / "report.html"
    file.write_text(content or report_page.document(example_page.report(), example_page.facts()), encoding="utf-8")
    context = browser.new_context(**settings)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = Opened(context, file)
    yield page
    context.close()
    assert not page.faults


@pytest.mark.parametrize("opened", [(None, {"color_scheme": scheme}) for scheme in ("light", "dark")], indirect=True)
def test_accessible(opened: Opened) -> None:
    """axe-core finds no violation, with everything unfolded too."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    opened.page.evaluate(axe)
    for unfold in (False, True):
        if unfold:
            opened.page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        found = opened.page.evaluate("axe.run({resultTypes: ['violations']})")
        assert len(found["passes"]) > 20
        assert [(each["id"], each["nodes"][0]["html"], each["help"]) for each in found["violations"]] == []


FILTERS = {
    "text": ("text", "BLE001 blind", "0 of 5 problems, 1 of 11 tasks, 1 of 1 warnings"),
    "status": ("status", "cached", "0 of 5 problems, 1 of 11 tasks, 0 of 1 warnings"),
    "stage": ("stage", "source", "2 of 5 problems, 2 of 11 tasks, 0 of 1 warnings"),
    "rule": ("rule", "retired-models/shut-down", "1 of 5 problems, 1 of 11 tasks, 0 of 1 warnings"),
    "path": ("path", "WEB/part8", "1 of 5 problems, 1 of 11 tasks, 0 of 1 warnings"),
}


def test_filters(opened: Opened) -> None:
    """Each field filters the problems, the tasks and the warnings, and the number that is left is announced."""
    page = opened.page
    assert page.locator("#found").get_attribute("aria-live") == "polite"
    for name, value, found in FILTERS.values():
        field = page.locator(f"#filter [name={name}]")
        field.select_option(value) if field.evaluate("(field) => field.tagName") == "SELECT" else field.fill(value)
        assert page.locator("#found").inner_text() == found
        shown = page.locator(".item:visible").count()
        assert shown == sum(int(number) for number in re.findall(r"(\d+) of", found))
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#found")).to_be_empty()
    assert page.locator(".item:visible").count() == 17


def test_keyboard(opened: Opened) -> None:
    """The search has a key, Escape clears it, Enter opens a task, and a link shows a task that is filtered out."""
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type("blind")
    assert page.locator(".task:visible").count() == 1
    page.keyboard.press("Escape")
    expect(page.locator(".task[hidden]")).to_have_count(0)
    page.locator(".task summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".task[open] .body").first.is_visible()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("#filter [name=text]").fill("blind")
    page.locator("#unchecked a[href='#task-upload']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#task-upload", state="visible")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#task-upload') !== null")


def test_copies(opened: Opened) -> None:
    """The next command is copied, and that is announced."""
    page = opened.page
    page.get_by_role("button", name="Copy the command", exact=True).click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "omni-release rehearse"


@pytest.mark.parametrize("opened", [(None, {"java_script_enabled": False})], indirect=True)
def test_without_script(opened: Opened) -> None:
    """Without a script everything is there but the filter and the buttons, and a link opens the task that it names."""
    page = opened.page
    assert page.get_by_role("heading", level=1).inner_text() == "✘ Failed acme-sound 1.2.3"
    assert not page.locator("#filter").is_visible() and page.locator("button:visible").count() == 0
    page.locator("#problems a[href='#task-tests-pass']").first.click()
    assert page.locator("#task-tests-pass").is_visible()


@pytest.mark.parametrize("opened", [(None, {"viewport": {"width": 360, "height": 700}})], indirect=True)
def test_narrow_and_on_paper(opened: Opened) -> None:
    """A telephone shows the page without scrolling sideways, and paper has no filter."""
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    assert not page.locator("#filter").is_visible() and page.locator("#problems").is_visible()


def hostile(text: str) -> str:
    return f"{''.join(HOSTILE.values())}{text}"


@pytest.mark.parametrize(
    "opened",
    [(report_page.document(example_page.report(hostile), example_page.facts(hostile)), {})],
    indirect=True,
    ids=["all"],
)
def test_hostile_project(opened: Opened) -> None:
    """Markup in names, outputs, paths, prompts and a commit's message is text: nothing of it runs, loads or hides."""
    page = opened.page
    assert "<img src=x onerror=hacked()>" in page.locator("h1").inner_text()
    assert "</script><script>hacked()</script>" in page.locator(".run q").inner_text()
    assert page.evaluate("typeof hacked") == "undefined"
    assert (
        page.evaluate(
            "document.querySelectorAll('img:not([src^=\"data:\"]), iframe, object, form:not(#filter)').length"
        )
        == 0
    )
    assert page.locator("[onerror], [onmouseover]").count() == 0
    assert page.locator("body").is_visible()
    page.locator("#filter [name=path]").fill("onerror")
    assert page.locator(".item:visible").count() > 0
