"""The border's log: one JSON line an event, in a file that is turned over before it grows large.

Nothing secret is ever here: the border has no case, and no byte of a peer is written raw (JSON escapes every
control character, and ``clean`` bounds what peers can put into words).
"""

import os
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

__all__ = ["LOG_BYTES", "LogFile", "clean", "open_log"]

LOG_BYTES = 8 * 1024 * 1024
"""When the file is turned over, in bytes; one older file is kept."""
_VALUE_LIMIT = 500


def clean(text: str) -> str:
    """Bound a text and make its unprintable characters visible."""
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[:_VALUE_LIMIT])
    return shown if len(text) <= _VALUE_LIMIT else f"{shown}..."


class LogFile:
    """An append-only text file for structlog's logger; one older file is kept beside it as ``.1``."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        self._path, self._limit, self._lock = path, limit, threading.Lock()
        self._handle = self._open()

    def msg(self, message: str) -> None:
        """Write one line; one that the disk does not take is lost, which must not end what it tells of."""
        data = message.encode() + b"\n"
        with self._lock, suppress(OSError):
            if os.fstat(self._handle).st_size + len(data) > self._limit:
                self._path.rename(self._path.with_name(f"{self._path.name}.1"))
                full, self._handle = self._handle, self._open()
                os.close(full)
            os.write(self._handle, data)

    debug = info = warning = error = critical = msg

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            os.close(self._handle)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _bounded(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: clean(value) if isinstance(value, str) else value for name, value in event.items()}


def open_log(path: Path, *, debug: bool = False) -> Any:  # noqa: ANN401 - structlog's bound loggers are made at run time
    """Return a logger that writes JSON lines to ``path``: ``log.info("pulled", peer="KAZ", new=3)``."""
    levels = {True: 10, False: 20}
    return structlog.wrap_logger(
        LogFile(path),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _bounded,
            structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(levels[debug]),
        cache_logger_on_first_use=True,
    )
