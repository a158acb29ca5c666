"""The usual protection, and why it is not ours: exact tables with "<5" in the small cells, taken back by arithmetic.

Counts of 0 to 4 are hidden, as UNODC's workbook hides them; totals and everything else are exact, and nothing is
withheld to protect what is hidden. What an attacker gets back is the same question that our own audit asks. For
comparison only: nothing made here can be released.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.config.catalogue import Catalogue, load_shipped
from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.node.disclosure.layout import LinkedSystem, assemble, lay_out
from tallystick.node.disclosure.picture import Picture, SliceView, Status, pictures
from tallystick.node.disclosure.readings import register_readings
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


def _view(catalogue: Catalogue, cube: Cube, *, zeros_shown: bool) -> SliceView:
    table = catalogue.table(cube.table_id)
    hidden = (cube.counts < _HIDDEN_BELOW) & ~((cube.counts == 0) & zeros_shown)
    status = np.where(hidden, np.int8(Status.PRIMARY), np.int8(Status.SHOWN))
    return SliceView(table, cube.period, catalogue.cells(table), cube.counts, status, {}, draft=True)


def _recovered(picture: Picture, system: LinkedSystem, hidden: Sequence[int]) -> list[int]:
    """Return the hidden cells that have the same count in every table of persons that fits what is shown.

    The true table is one of those that fit, so a cell stays hidden as soon as another with a different count is found.
    """
    solver = Solver(system)
    spread = np.zeros(len(picture.status), dtype=bool)
    for cell in hidden:
        for sign in (1, -1):
            if spread[cell]:
                break
            outer = solver.relaxed(system.members[cell], sign)
            if outer is None:
                raise DisclosureError(_("the tables contradict each other: no counts fit them"))
            if outer[0] == picture.values[cell]:
                continue
            found = solver.whole(system.members[cell], sign)
            if found is None:
                spread[cell] = True
            else:
                spread |= system.counts(found[1]) != picture.values
    return [cell for cell in hidden if not spread[cell]]


def _attack(picture: Picture, *, zeros_shown: bool) -> NaiveAttack:
    hidden = picture.status != Status.SHOWN
    low = np.where(hidden, int(zeros_shown), picture.values)
    high = np.where(hidden, _HIDDEN_BELOW - 1, picture.values)
    system = assemble(lay_out(picture), low, high, ())
    cells: list[int] = np.flatnonzero(hidden).tolist()
    recovered = _recovered(picture, system, cells)
    return NaiveAttack(len(cells), len(recovered), int(np.count_nonzero(picture.values[recovered])))


def naive_attack(
    cubes: Sequence[Cube], state: str, catalogue: Catalogue | None = None, *, zeros_shown: bool = False
) -> NaiveAttack:
    """Hide small counts of one state's exact tables the usual way and take back what arithmetic gives back.

    Args:
        cubes: Exact tables, of any periods.
        state: Alpha-3 code of the state: citizenship groups are seen from it.
        catalogue: The federation's tables; default: the shipped ones.
        zeros_shown: Print zeros as zeros; without it they hide behind "<5" too.

    Raises:
        DisclosureError: The tables contradict each other.
    """
    tables = catalogue or load_shipped()
    found = NaiveAttack(0, 0, 0)
    views = [_view(tables, cube, zeros_shown=zeros_shown) for cube in cubes]
    for picture in pictures(tables, views, register_readings(tables, state)):
        found += _attack(picture, zeros_shown=zeros_shown)
    return found
