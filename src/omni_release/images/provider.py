"""The provider protocol, and what all providers share: checked arguments, the clock, progress and the log."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import importlib.util
import math
import re
import sys
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TextIO

from omni_release import models
from omni_release.core import redaction
from omni_release.core.errors import install_hint
from omni_release.core.vendors import VENDORS
from omni_release.images.errors import ConfigurationError, InvalidRequest
from omni_release.images.model import Availability, ImageRequest, ImageResult, ModelInfo
from omni_release.images.requests import Conversation

KEY_VARIABLES = "{} (or {})".format(*VENDORS["gemini"].keys)
"""The environment variables of the key of the Gemini API, as hints name them."""


class ImageProvider(Protocol):
    """Makes images. Each call ends within `timeout` seconds, by default the provider's own."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def vendor(self) -> str:
        """Who runs the service, such as "gemini" or "openai": models of one vendor fail together."""

    @property
    def timeout(self) -> float:
        """The default timeout of a call, in seconds."""

    def limits(self, asked: ImageRequest | Conversation) -> tuple[str, ...]:
        """What the image will not be as asked for: known before a call, and a warning on its result.

        Raises InvalidRequest if the model cannot do it at all.
        """

    async def generate(self, request: ImageRequest, *, timeout: float | None = None) -> ImageResult:
        """One image; `generate_batch` makes several. Raises ImageError, whose type says what to do next."""

    async def refine(
        self, conversation: Conversation, instruction: str, *, timeout: float | None = None
    ) -> ImageResult:
        """The last image of the conversation, changed as instructed. Raises ImageError.

        The conversation itself does not change: continue with `conversation.after(result)`.
        """

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that the service lists, from all pages."""

    async def probe(self, model: str | None = None) -> Availability:
        """Whether the model (by default this provider's) responds to a call, and why not. Never raises."""

    async def close(self) -> None:
        """Close the connections."""


class Key:
    """An API key that never appears in a repr or a pickle. `variables` are named where it is missing.

    `others` are values that are as secret as the key, such as those of a gateway's headers.
    """

    def __init__(self, value: str, variables: str = KEY_VARIABLES, others: tuple[str, ...] = ()) -> None:
        self.value = value.strip()
        if not self.value:
            raise ConfigurationError("no API key is set", f"Set {variables} in the environment.")
        if not self.value.isascii() or not self.value.isprintable() or " " in self.value:
            raise ConfigurationError(
                "the API key contains invalid characters", f"Set {variables} again, without quotes."
            )
        self._encodings = redaction.key_encodings([self.value, *others])

    def __repr__(self) -> str:
        return "<key>"

    def __reduce__(self) -> str:
        raise TypeError("a provider with its key cannot be pickled: create one in each process")

    def redacted(self, text: str) -> str:
        """The text without the key, in any encoding. A very short key stays: it may occur in any image's base64."""
        for encoded in self._encodings:
            text = text.replace(encoded, "[redacted]")
        return text

    def redacted_body(self, body: Any) -> Any:
        """A parsed body without the key. Redact before shortening any text: half a key is not recognised."""
        if isinstance(body, str):
            return self.redacted(body)
        if isinstance(body, list):
            return [self.redacted_body(item) for item in body]
        return {name: self.redacted_body(item) for name, item in body.items()} if isinstance(body, dict) else body


def check_installed(*names: str) -> None:
    """Raises ConfigurationError if one of these packages of the extra `images` is missing."""
    try:
        missing = [name for name in names if importlib.util.find_spec(name) is None]
    except ModuleNotFoundError:  # there is no `google` at all
        missing = ["google.genai"]
    if missing:
        raise ConfigurationError(f"{' and '.join(missing)} cannot be imported", install_hint("images"))


def check_timeout(seconds: float) -> None:
    """Raises InvalidRequest if it is not a finite number of seconds above 0."""
    if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise InvalidRequest(f"invalid timeout of {seconds} seconds", "Pass a finite number above 0.")


def checked_model_name(model: str) -> str:
    """The model's name without `models/`. Raises InvalidRequest if it cannot be part of a URL's path."""
    name = models.bare_name(model) if isinstance(model, str) else ""
    if not re.fullmatch(r"(tunedModels/)?[A-Za-z0-9][\w.-]*", name, re.ASCII) or ".." in name:
        raise InvalidRequest(f"invalid model name {model!r}", "Pass a name such as gemini-3-pro-image.")
    return name


def checked_base_url(text: str, variable: str) -> str | None:
    """The base URL, or None if it is empty. Raises ConfigurationError if it is not an HTTP URL with a host."""
    if not text:
        return None
    try:
        parts = urllib.parse.urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port, an IPv6 address without its bracket
        valid = False
    if not valid or not text.isprintable() or " " in text:
        raise ConfigurationError(
            "invalid base URL: it must begin with https:// or http://, and name a host",
            f"Correct base_url or {variable}.",
        )
    return text


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime.datetime:
        """The time in UTC."""

    def monotonic(self) -> float:
        """Seconds since a fixed moment; never decreases."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The system's clock."""

    def now(self) -> datetime.datetime:
        """The time in UTC."""
        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        """Seconds since a fixed moment; never decreases."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


STARTED = "Generating image…"

STILL_RUNNING = "Still generating… high-quality images can take 15–30 seconds"

Progress = Callable[[str], None]


@contextlib.asynccontextmanager
async def show_progress(progress: Progress | None, clock: Clock, still_after: float) -> AsyncIterator[None]:
    """Report the start at once, and that the call is still running after `still_after` seconds.

    An exception of the second report does not lose the image: it goes to the event loop's own handler.
    """
    if progress is None:
        yield
        return
    progress(STARTED)

    async def report_later() -> None:
        await clock.sleep(still_after)
        progress(STILL_RUNNING)

    waiting = asyncio.create_task(report_later())
    try:
        yield
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])


class LiveLine:
    """A progress callback that shows one line, live on a terminal and plain elsewhere; leaving `with` clears it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()

    def __enter__(self) -> LiveLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._stream.flush()


class Log(Protocol):
    """Receives events; structlog's loggers match it."""

    def warning(self, event: str, **facts: object) -> object:
        """An event to know of."""

    def error(self, event: str, **facts: object) -> object:
        """An event to act on."""


class StructlogLog:
    """Structlog's logger, as the program configures it. Raises ConfigurationError without the extra `images`.

    Each event asks structlog again, since it may be configured after the provider is created. If it is not configured
    at all, events go to stderr: stdout belongs to the program.
    """

    def __init__(self) -> None:
        try:
            import structlog
            import tenacity  # noqa: F401  # the retry loop needs it: report a missing package before the first call
        except ImportError as error:
            raise ConfigurationError(f"{error.name} is not installed", install_hint("images")) from None
        self._structlog = structlog

    def warning(self, event: str, **facts: object) -> None:
        """Log a warning."""
        self._logger().warning(event, **facts)

    def error(self, event: str, **facts: object) -> None:
        """Log an error."""
        self._logger().error(event, **facts)

    def _logger(self) -> Any:  # structlog's loggers are untyped
        if self._structlog.is_configured():
            return self._structlog.get_logger("omni_release.images")
        return self._structlog.wrap_logger(self._structlog.PrintLogger(sys.stderr))


def suppress_log_errors() -> contextlib.suppress:
    """Suppresses the errors of a closed or non-Unicode log stream: they must not lose an image that was paid for."""
    return contextlib.suppress(OSError, ValueError)
