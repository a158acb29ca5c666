"""TOML from a person's hand, within bounds that the parser itself does not keep: deep nesting, endless dotted keys."""

import tomllib
from pathlib import Path
from typing import Any

from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _

__all__ = ["parse_toml"]

_DOTS = 100
"""In one line. ``tomllib`` takes memory by the square of a dotted key's parts: 10 GB for 100 KB of them."""


def parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    """Read a TOML document.

    Args:
        data: The file's bytes, already bounded.
        path: For the message.

    Raises:
        ConfigError: Not TOML, nested beyond reading, or with a key of very many parts.
    """
    try:
        return tomllib.loads(_bounded(data.decode()))
    except RecursionError:
        reason = _("nested too deeply")
    except ValueError as error:  # of decoding, and tomllib's own
        reason = str(error)
    raise ConfigError(_("{path}: not TOML: {reason}").format(path=path, reason=reason), hint=_("mend that line"))


def _bounded(text: str) -> str:
    if any(line.count(".") > _DOTS for line in text.splitlines()):
        raise ValueError(_("a line with more than {limit} dots").format(limit=_DOTS))
    return text
