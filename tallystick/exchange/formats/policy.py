"""What a C2SP verifier is told about one log (c2sp.org/tlog-policy): its keys, and how many witnesses it needs.

Only ``quorum none`` is written: witnessing is not built yet, and a DEMO federation alone goes without.
A policy accepts a head that *one* of the listed keys signed; our own verifier asks for both.
"""

from collections.abc import Sequence

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.formats.note import vkey
from tallystick.keys.roster_types import RosterKey

__all__ = ["write_policy"]

_ALGORITHMS = ("ed25519", "mldsa44")


def write_policy(origin: str, keys: Sequence[RosterKey], *, comment: str = "") -> bytes:
    """Write the policy for one log.

    Args:
        origin: The log's origin, which is its keys' name.
        keys: The state's keys; those that are not for logs, and refused ones, are left out.
        comment: Lines for people, put first.

    Raises:
        MalformedError: No usable log key, or a comment with control characters.
    """
    if any((ord(one) < 0x20 and one not in "\n\t") or ord(one) == 0x7F for one in comment):
        raise MalformedError(_("policy: the comment holds a control character"))
    live = [key for key in keys if key.role == "log" and key.refused_from is None and key.algorithm in _ALGORITHMS]
    logs = sorted({vkey(origin, key.algorithm, key.public) for key in live}, key=lambda text: (len(text), text))
    if not logs:
        raise MalformedError(_("policy: {origin} has no log key").format(origin=origin))
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    return "\n".join([*lines, *(f"log {text}" for text in logs), "quorum none", ""]).encode()
