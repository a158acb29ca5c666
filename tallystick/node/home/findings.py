"""What doctor finds: how bad, about what, in words, and how to mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tallystick.config.errors import ConfigError, TallystickError

__all__ = ["Finding", "Level", "exit_code", "from_error"]

Level = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that will bite, or that is worth knowing.

    Attributes:
        level: ``note`` needs nobody, ``warning`` somebody soon, ``error`` now.
        what: Where and what, in one sentence.
        hint: How to mend it.
        exit_code: What a script sees if this is the first error; of no meaning for the others.
    """

    level: Level
    what: str
    hint: str | None = None
    exit_code: int = ConfigError.exit_code


def from_error(error: TallystickError) -> Finding:
    """Turn a refusal into a finding of the same exit code."""
    return Finding("error", error.message, error.hint, error.exit_code)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return the first error's code, else 1 if there are warnings, else 0."""
    errors = [finding.exit_code for finding in findings if finding.level == "error"]
    if errors:
        return errors[0]
    return 1 if any(finding.level == "warning" for finding in findings) else 0
