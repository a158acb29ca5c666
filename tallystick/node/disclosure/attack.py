"""The audit as an attack on what was released, apart from any draft: a check of the check, and of the demonstration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tallystick.config.catalogue import Catalogue
from tallystick.node.disclosure.audit import Auditor, withheld_cells
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import lay_out
from tallystick.node.disclosure.picture import pictures, released_view
from tallystick.node.disclosure.profile import PEER, Profile
from tallystick.node.disclosure.readings import register_readings
from tallystick.node.disclosure.safe import ReleasedSlice

__all__ = ["Attacked", "attack_released"]


@dataclass(frozen=True)
class Attacked:
    """What the attacker who knows the method came to.

    Attributes:
        withheld: Cells without a figure.
        extracted: Of these, given away in the sense of ``audit.is_extraction``; undecided ones count.
    """

    withheld: int
    extracted: int


def attack_released(
    released: Sequence[ReleasedSlice], catalogue: Catalogue, state: str, profile: Profile = PEER
) -> Attacked:
    """Attack everything that one state released, all recipients pooled.

    Args:
        released: Every slice, with the rows that the repair added, which the attacker is granted to know.
        catalogue: The federation's tables.
        state: Alpha-3 code of the state: citizenship groups are seen from it.
        profile: The method's parameters, which the attacker knows.
    """
    withheld = extracted = 0
    views = [replace(released_view(catalogue, one), draft=True) for one in released]
    for picture in pictures(catalogue, views, register_readings(catalogue, state)):
        cells = withheld_cells(picture)
        auditor = Auditor(keyed_system(picture, lay_out(picture), profile), profile)
        withheld += len(cells)
        extracted += len(auditor.extractions(cells))
    return Attacked(withheld, extracted)
