"""A home that is meant: the parts that one machine needs, and recovery sheets that somebody has really kept."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

from tallystick.config.clock import Clock
from tallystick.keys.secrets import HUMAN, Secrets, Work
from tallystick.node.home.making import HomePlan, make_border, make_desk
from tallystick.node.home.ports import choose_port
from tallystick.node.home.staging import staged

__all__ = ["Keep", "Part", "make_home"]

Part = Literal["desk", "border"]
Keep = Callable[[Mapping[str, bytes]], None]
"""Makes sure that the desk's secrets can be recovered; raises if it is not sure, and then there is no home."""


def make_home(
    home: Path,
    parts: Collection[Part],
    plan: HomePlan,
    ask: Secrets,
    clock: Clock,
    keep: Keep,
    *,
    work: Work = HUMAN,
) -> None:
    """Make the parts of a home, all of them or nothing.

    Args:
        home: Its folder.
        parts: ``desk``, ``border`` or both.
        plan: What is asked for; without ``listen`` a free port of loopback is chosen.
        ask: Who is asked for the new passphrase.
        clock: Dates the border's TLS leaf.
        keep: Called with the desk's secrets before anything is final.
        work: What one guess at the passphrase shall cost.

    Raises:
        StoreError: A part is there already.
        SignerError: No usable passphrase, or the sheets were not kept.
    """
    with staged(home, sorted(parts)) as making:
        if "border" in parts:
            listen = plan.listen or f"127.0.0.1:{choose_port()}"
            make_border(making / "border", plan, ask, clock, listen=listen, work=work)
        if "desk" in parts:
            keep(make_desk(making / "desk", plan, ask, work=work))
