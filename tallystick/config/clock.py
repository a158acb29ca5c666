"""Time as a part that is handed in: nothing below the composition roots asks the system for it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "FixedClock", "SystemClock", "rfc3339"]


class Clock(Protocol):
    """Whatever can tell the time."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands where it was put; tests move it by assigning ``at``."""

    at: datetime

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self.at


def rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with whole seconds: ``2020-03-01T09:30:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
