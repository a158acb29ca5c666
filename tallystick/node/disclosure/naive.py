"""The usual protection, and why it is not ours: exact tables with "<5" for small counts, taken back by arithmetic.

Counts of 0 to 4 are hidden, as UNODC's workbook hides them; totals and everything else are exact, and nothing is
withheld to protect what is hidden. What an attacker gets back is the same interval question that our own audit asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.config.catalogue import Catalogue, load_shipped
from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.node.disclosure.layout import assemble, lay_out
from tallystick.node.disclosure.picture import Picture, SliceView, Status, pictures
from tallystick.node.disclosure.solver import Solver
from tallystick.node.tables.cubes import Cube

__all__ = ["NaiveAttack", "naive_attack"]

_HIDDEN_BELOW = 5


@dataclass(frozen=True)
class NaiveAttack:
    """What came of it, in cells.

    Attributes:
        hidden: Cells shown as "<5".
        recovered: Of these, known exactly to whoever can subtract.
        not_zero: Of the recovered, those that are not zero.
    """

    hidden: int
    recovered: int
    not_zero: int

    def __add__(self, other: "NaiveAttack") -> "NaiveAttack":
        return NaiveAttack(self.hidden + other.hidden, self.recovered + other.recovered, self.not_zero + other.not_zero)


def _view(catalogue: Catalogue, cube: Cube) -> SliceView:
    table = catalogue.table(cube.table_id)
    hidden = cube.counts < _HIDDEN_BELOW
    status = np.where(hidden, np.int8(Status.PRIMARY), np.int8(Status.SHOWN))
    return SliceView(table, cube.period, catalogue.cells(table), cube.counts, status, {}, draft=True)


def _attack(picture: Picture) -> NaiveAttack:
    """Bound every hidden cell of one linked system by linear programmes; a point interval is a recovered count."""
    hidden = picture.status != Status.SHOWN
    low = np.where(hidden, 0, picture.values)
    high = np.where(hidden, _HIDDEN_BELOW - 1, picture.values)
    system = assemble(lay_out(picture), low, high, ())
    solver = Solver(system)
    recovered = []
    for cell in np.flatnonzero(hidden):
        ends = [solver.relaxed(system.members[cell], sign) for sign in (-1, 1)]
        if None in ends:
            raise DisclosureError(_("the tables contradict each other: no counts fit them"))
        smallest, largest = (end[0] for end in ends if end is not None)
        if smallest == largest:
            recovered.append(int(cell))
    found = picture.values[recovered] if recovered else np.array([], dtype=np.int64)
    return NaiveAttack(int(np.count_nonzero(hidden)), len(recovered), int(np.count_nonzero(found)))


def naive_attack(cubes: Sequence[Cube], catalogue: Catalogue | None = None) -> NaiveAttack:
    """Hide small counts of one state's exact tables the usual way and take back what arithmetic gives back.

    Args:
        cubes: Exact tables, of any periods.
        catalogue: The federation's tables; default: the shipped ones.

    Raises:
        DisclosureError: The tables contradict each other.
    """
    tables = catalogue or load_shipped()
    found = NaiveAttack(0, 0, 0)
    for picture in pictures(tables, [_view(tables, cube) for cube in cubes]):
        found += _attack(picture)
    return found
