"""Progress, cancelling, settings of the environment, and imports."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from typing import Any

import pytest

from omni_release.core.errors import UsageError, install_hint
from omni_release.core.settings import Settings
from omni_release.emulators import GeminiEmulator
from omni_release.images import GeminiImageProvider, ImageRequest, Policy, ResilientProvider, provider_for
from omni_release.images.provider import STARTED, STILL_RUNNING, LiveLine
from omni_release.images.shortcuts import with_environment
from tests.images.conftest import FLASH, NANO_BANANA, PRO, EventLog, planted_key, resilient, run


def test_progress(emulator: GeminiEmulator) -> None:
    """Progress is reported at once, and again only if the call takes long."""
    said: list[str] = []
    policy = Policy(backoff=0, still_after=0.1)

    async def work(script: str) -> None:
        emulator.script(script)
        async with resilient(emulator.url, policy, progress=said.append) as provider:
            await provider.generate(ImageRequest("an owl"))

    run(lambda: work("slow after=0.6"))
    assert said == [STARTED, STILL_RUNNING]
    assert Policy().still_after == 8.0
    said.clear()
    policy = Policy(backoff=0, still_after=30)
    run(lambda: work("ok"))
    assert said == [STARTED]


def test_failing_log_loses_no_image(emulator: GeminiEmulator) -> None:
    """A log with a broken pipe or a failing progress callback does not lose the image."""

    class Broken:
        def warning(self, event: str, **facts: object) -> None:
            raise BrokenPipeError

        error = warning

    def progress(text: str) -> None:
        if text == STILL_RUNNING:
            raise ValueError("I/O operation on closed file")

    async def work() -> None:
        emulator.script("404; slow after=0.5")
        policy = Policy(backoff=0, still_after=0.1)
        async with resilient(emulator.url, policy, log=Broken(), progress=progress) as provider:
            assert (await provider.generate(ImageRequest("an owl"))).model_answered == FLASH

    run(work)


def test_events_go_to_stderr(emulator: GeminiEmulator, capsys: pytest.CaptureFixture[str]) -> None:
    """If structlog is not configured, events go to stderr; a first call that answers logs nothing."""
    import structlog

    structlog.reset_defaults()

    async def work() -> None:
        async with GeminiImageProvider(PRO, planted_key(), emulator.url) as primary:
            provider = ResilientProvider(primary, policy=Policy(backoff=0))
            await provider.generate(ImageRequest("an owl"))
            assert capsys.readouterr() == ("", "")
            emulator.script("503; ok")
            await provider.generate(ImageRequest("an owl"))

    run(work)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.count("image call") for line in err.splitlines()] == [1, 1]


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_live_line() -> None:
    """One line on a terminal, cleared at the end; plain lines elsewhere."""
    screen, plain = Screen(), io.StringIO()
    for stream in (screen, plain):
        with LiveLine(stream) as progress:
            progress(STARTED)
            progress(STILL_RUNNING)
    assert screen.getvalue() == f"\r\x1b[K{STARTED}\r\x1b[K{STILL_RUNNING}\r\x1b[K"
    assert plain.getvalue() == f"{STARTED}\n{STILL_RUNNING}\n"


def test_cancelling_disconnects(emulator: GeminiEmulator) -> None:
    """The server sees the client disconnect, and no further call is made."""
    emulator.script("hang; ok")

    async def work() -> None:
        async with resilient(emulator.url) as provider:
            call = asyncio.create_task(provider.generate(ImageRequest("an owl")))
            await asyncio.sleep(0.3)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            left = await asyncio.to_thread(emulator.wait_for, lambda calls: any(one.left for one in calls))
            assert left

    run(work)
    assert [call.met for call in emulator.calls] == ["hang"]


def test_cancelling_a_wait(emulator: GeminiEmulator) -> None:
    """A wait requested by the server can be cancelled too."""
    emulator.script("429 after=60")

    async def work() -> None:
        async with resilient(emulator.url) as provider:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(provider.generate(ImageRequest("an owl")), 0.5)

    run(work)


def test_client_is_kept_and_closed(emulator: GeminiEmulator) -> None:
    """All calls of a loop share a client; after close there is a new one; each loop has its own."""
    provider = GeminiImageProvider(PRO, planted_key(), emulator.url)

    async def work() -> int:
        await provider.generate(ImageRequest("an owl"))
        first = provider._client()
        await provider.generate(ImageRequest("an owl"))
        assert provider._client() is first
        await provider.close()
        await provider.generate(ImageRequest("an owl"))
        assert provider._client() is not first
        await provider.close()
        return len(emulator.calls)

    assert (run(work), run(work)) == (3, 6)


def test_sdk_neither_retries_nor_goes_to_vertex(emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one call to the Gemini API in the pinned version, whatever the environment says."""
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v1alpha")
    emulator.script("503 times=9")

    async def work() -> None:
        async with GeminiImageProvider(PRO, planted_key(), emulator.url) as provider:
            assert not (await provider.probe()).available

    run(work)
    (call,) = emulator.calls
    assert call.version == "v1beta"
    assert "x-server-timeout" in call.headers


# -- settings and environment ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (PRO, NANO_BANANA, 90.0)),
        ({"IMAGE_MODEL": FLASH, "IMAGE_FALLBACK_MODEL": PRO, "IMAGE_TIMEOUT_SECONDS": "12.5"}, (FLASH, PRO, 12.5)),
        ({"IMAGE_FALLBACK_MODEL": "none"}, (PRO, None, 90.0)),
        ({"IMAGE_FALLBACK_MODEL": PRO}, (PRO, None, 90.0)),
        ({"IMAGE_FALLBACK_MODEL": f"models/{PRO}"}, (PRO, None, 90.0)),
        ({"IMAGE_MODEL": " ", "IMAGE_TIMEOUT_SECONDS": ""}, (PRO, NANO_BANANA, 90.0)),
    ],
)
def test_environment_overrides_settings(environment: dict[str, str], expected: tuple[Any, ...]) -> None:
    """Environment variables override the settings if they are not blank."""
    assert with_environment(Settings(), environment) == expected


@pytest.mark.parametrize("seconds", ["soon", "0", "-3", "nan", "inf"])
def test_invalid_timeout_in_the_environment(seconds: str) -> None:
    """The error names the variable."""
    with pytest.raises(UsageError, match="IMAGE_TIMEOUT_SECONDS"):
        with_environment(Settings(), {"IMAGE_TIMEOUT_SECONDS": seconds})


def test_provider_of_the_settings(emulator: GeminiEmulator) -> None:
    """The settings lead to an image."""

    async def work() -> None:
        environment = {"GEMINI_API_KEY": planted_key(), "IMAGE_MODEL": FLASH, "IMAGE_FALLBACK_MODEL": "none"}
        async with provider_for(Settings(), environment=environment, base_url=emulator.url) as provider:
            assert (await provider.generate(ImageRequest("an owl"))).model_answered == FLASH

    run(work)
    assert EventLog().events == []


def test_dead_fallback_is_logged_at_once() -> None:
    """It is logged when the provider is created, not when it is needed."""
    import structlog.testing

    environment = {"GEMINI_API_KEY": planted_key(), "IMAGE_FALLBACK_MODEL": "gemini-2.5-flash-image-preview"}
    with structlog.testing.capture_logs() as said:
        provider_for(Settings(), environment=environment)
    assert [(one["event"], one["log_level"], one["successor"]) for one in said] == [
        ("image fallback model is gone", "error", NANO_BANANA)
    ]


# -- imports ---------------------------------------------------------------------------------------------------------


def fresh(code: str) -> str:
    """The output of a new interpreter."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, timeout=60)
    return ran.stdout + ran.stderr


def test_import_is_cheap() -> None:
    """Neither the package nor omni_release.images imports the SDK, pydantic, Pillow, tenacity or structlog."""
    heavy = "('google', 'pydantic', 'PIL', 'tenacity', 'structlog', 'httpx2', 'werkzeug', 'asyncio')"
    code = (
        "import sys, omni_release, omni_release.cli.main, omni_release.images, omni_release.emulators\n"
        "from omni_release.images import ImageRequest, ImageResult\n"
        f"print([name for name in sys.modules if name.partition('.')[0] in {heavy}])"
    )
    assert fresh(code) == "[]\n"


@pytest.mark.parametrize("missing", ["google.genai", "PIL"])
def test_without_the_extra(missing: str) -> None:
    """The error says what to install."""
    code = f"""
import importlib.util as util, sys
real = util.find_spec
util.find_spec = lambda name, package=None: None if name == {missing!r} else real(name, package)
from omni_release.images import GeminiImageProvider
from omni_release.images.errors import ConfigurationError
try:
    GeminiImageProvider(api_key="k")
except ConfigurationError as error:
    print(error.message, "|", error.hint)
"""
    assert fresh(code) == f"{missing} cannot be imported | {install_hint('images')}\n"


def test_without_structlog() -> None:
    """The error is raised when the provider is created, not after the first call."""
    code = """
import sys
sys.modules["structlog"] = None
from omni_release.images import ResilientProvider
from omni_release.images.errors import ConfigurationError
try:
    ResilientProvider(None)
except ConfigurationError as error:
    print(error.message, "|", error.hint)
"""
    assert f"structlog is not installed | {install_hint('images')}" in fresh(code)
