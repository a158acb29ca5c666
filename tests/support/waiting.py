"""Waiting for something that another process or thread does."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], seconds: float = 20.0, what: str = "it") -> Found:
    """Look every few milliseconds until ``look`` gives something true; return that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} seconds")
