"""How tests wait: for a condition, with a timeout, and never for a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psutil

PATIENCE = 120.0


def until(true: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Return when the condition is true. Raises AssertionError if that takes more than `within` seconds."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, f"waited for {within:g} s in vain"
        threading.Event().wait(0.02)


def is_over(pid: int) -> bool:
    """Has a process ended? A zombie has ended too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
