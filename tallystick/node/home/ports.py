"""A port for a border that was given none: chosen once, written into its settings, kept."""

import random
import socket
from collections.abc import Collection

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _

__all__ = ["FIRST_PORT", "LAST_PORT", "choose_port"]

FIRST_PORT, LAST_PORT = 20_000, 29_999
"""Below the range from which the system takes ports for outgoing connections (32,768 and up)."""


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port(host: str = "127.0.0.1", *, taken: Collection[int] = (), generator: random.Random | None = None) -> int:
    """Return a TCP port that is free on ``host`` now and not among ``taken``.

    Raises:
        StoreError: None was found.
    """
    source = generator or random.SystemRandom()
    for _attempt in range(200):
        port = source.randint(FIRST_PORT, LAST_PORT)
        if port not in taken and _free(host, port):
            return port
    raise StoreError(_("no free port was found on {host}").format(host=host), hint=_("name one with --listen"))
