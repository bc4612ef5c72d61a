"""What tests wait for: never a time that should be enough, always what is to come true, and never without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psutil

PATIENCE = 120.0


def until(true: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Return when it is true. Raises AssertionError where that takes more than `within` seconds."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, f"waited for {within:g} s in vain"
        threading.Event().wait(0.02)


def is_over(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for has ended too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
