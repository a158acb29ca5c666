"""Keeping a service small that works for seconds and idles for minutes (benchmarks/border_idle.py).

Both are calls into glibc; where there is another C library nothing happens.
"""

import ctypes
from functools import cache

__all__ = ["few_arenas", "give_back"]

_M_ARENA_MAX = -8


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def few_arenas() -> None:
    """Let threads share two arenas instead of having one each that keeps what it once used; 4 MB with eight peers.

    To be called before the first thread starts.
    """
    if hasattr(_libc(), "mallopt"):
        _libc().mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Return freed memory to the system, after work that needed much of it."""
    if hasattr(_libc(), "malloc_trim"):
        _libc().malloc_trim(0)
