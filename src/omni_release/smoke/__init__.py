"""Smoke tests of a live API: the modes they run in, and the results they report.

There are three results: passed, failed, and inconclusive (no key, too many requests, a fault of the service, no
network, the budget). A scenario may also be skipped.

Cheap to import: pytest loads `plugin` in every project where omni-release is installed.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omni_release.core.settings import Smoke

PASSED, FAILED, INCONCLUSIVE, SKIPPED = "passed", "failed", "inconclusive", "skipped"

RECORDED, EMULATED, LIVE = "recorded", "emulated", "live"
MODES = (RECORDED, EMULATED, LIVE)
LOCAL = "local"
"""The source of what a live run recorded from a server on this machine: a gateway, a proxy or an emulator."""


EMULATORS = ("gemini", "openai", "anthropic")
"""The vendors that have an emulator."""


def gateway(smoke: Smoke) -> dict[str, str]:
    """The base URLs that the settings name, by their variables. Raises UsageError for a vendor that has none."""
    from omni_release.core.errors import UsageError
    from omni_release.core.vendors import VENDORS

    first: dict[str, str] = {name: smoke.base_url for name in smoke.vendors[:1] if isinstance(smoke.base_url, str)}
    named = first if isinstance(smoke.base_url, str) else smoke.base_url
    found: dict[str, str] = {}
    for name, url in named.items():
        if url and not VENDORS[name].base_urls:
            message = f"`base-url` names {VENDORS[name].title}, which has no variable for it"
            hint = "Pass the address in the code, and remove it from [tool.omni-release.smoke]."
            raise UsageError(message, hint)
        found |= {variable: url for variable in VENDORS[name].base_urls if url}
    return found


def is_on_this_machine(url: str) -> bool:
    """Whether an address is one of this machine, also as containers call it. No name is looked up."""
    import ipaddress
    import platform
    import urllib.parse

    from omni_release.index import is_loopback

    host = (urllib.parse.urlsplit(url.replace("[redacted]@", "")).hostname or "").rstrip(".").lower()
    with contextlib.suppress(ValueError):
        return is_loopback(host) or ipaddress.ip_address(host).is_unspecified
    own = {platform.node().lower(), "host.docker.internal", "host.containers.internal"}
    return is_loopback(host) or (bool(host) and host in own)


@dataclass(frozen=True)
class KeptImage:
    """An image that a call returned: its file and a preview of it, relative to the report; its size in pixels.

    The preview is empty if it was not made: the image is small, or Pillow is not installed.
    """

    file: str
    preview: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class CallRecord:
    """A request: requested and answering model, HTTP code (None without a response), seconds, USD (None: unknown).

    `prompt` is the text of the last turn, without keys. `sent` and `received` are tokens of a call for text, None where
    they are unknown. `other` says that another model answered than the one that was asked, or a snapshot of it,
    `retires` what the answer says about the end of the model.
    """

    asked: str
    answered: str
    code: int | None
    seconds: float
    usd: float | None
    prompt: str = ""
    images: tuple[KeptImage, ...] = ()
    sent: int | None = None
    received: int | None = None
    other: bool = False
    retires: str = ""


@dataclass(frozen=True)
class Scenario:
    """The result of one smoke test.

    `path` and `line` (from 1) are where the test is; `cassette` is relative to the folder of cassettes, `wrote` whether
    it was written. `unused` are the positions (from 0) of recorded responses that were not requested.
    """

    name: str
    outcome: str
    why: str
    path: str
    line: int
    seconds: float
    calls: tuple[CallRecord, ...] = ()
    cassette: str = ""
    unused: tuple[int, ...] = ()
    wrote: bool = False

    @property
    def usd(self) -> float:
        """The sum of the known costs of its calls."""
        return sum(call.usd or 0.0 for call in self.calls)

    @property
    def unpriced(self) -> int:
        """The number of its calls whose cost is unknown, which is not nothing."""
        return sum(call.usd is None for call in self.calls)


@dataclass(frozen=True)
class SmokeReport:
    """The results of a run of `count` smoke tests. `ended` is False for a run that was cut off."""

    mode: str
    count: int
    scenarios: tuple[Scenario, ...]
    ended: bool
