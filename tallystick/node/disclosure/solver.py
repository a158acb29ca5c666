"""Exact ends of what a cell can be, with a proof that does not rest on the solver.

HiGHS proposes, whole-number arithmetic decides: a cell counts as protected only when two whole-number points, checked
against every constraint in exact arithmetic, put it far enough apart. A wrong answer of the solver can make the audit
too strict, never too lax. Limits of work are in nodes, not seconds, so that a busy machine gives the same answer.
"""

from collections.abc import Mapping
from typing import Any, Final

import highspy
import numpy as np
from numpy.typing import NDArray

from tallystick.node.disclosure.layout import Ints, LinkedSystem

__all__ = ["Solver"]

_NODES: Final = 5_000
_NEAR: Final = 1e-6
_LOOSE: Final = 0.3
"""How far below the largest sum a point may stay that only has to show what is possible."""
_OPTIONS: Final[Mapping[str, Any]] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "presolve": "off",
    "solver": "simplex",
    "simplex_strategy": 4,
    "mip_max_nodes": _NODES,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
}


class _Quiet(highspy.Highs):
    """HiGHS without callbacks: enabling them at construction prints a banner, and no option can be set before."""

    def enableCallbacks(self) -> None:  # noqa: N802 - highspy's name
        self.silent()


def _model(system: LinkedSystem, *, integer: bool) -> Any:  # noqa: ANN401 - highspy has no types
    rows, columns = system.matrix.shape
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows, columns
    lp.col_cost_ = np.zeros(columns)
    lp.col_lower_, lp.col_upper_ = system.column_low.astype(float), system.column_high.astype(float)
    lp.row_lower_, lp.row_upper_ = system.row_low.astype(float), system.row_high.astype(float)
    filled = system.matrix != 0
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(filled.sum(axis=1))]).astype(np.int32)
    lp.a_matrix_.index_ = np.nonzero(filled)[1].astype(np.int32)
    lp.a_matrix_.value_ = system.matrix[filled].astype(float)
    if integer:
        lp.integrality_ = [highspy.HighsVarType.kInteger] * columns
    highs: Any = _Quiet()  # type: ignore[no-untyped-call]
    for name, value in _OPTIONS.items():
        highs.setOptionValue(name, value)
    if integer:
        highs.setOptionValue("presolve", "on")
        highs.setOptionValue("solver", "choose")
    highs.passModel(lp)
    return highs


class Solver:
    """Pushes one cell at a time to its ends; the model is built once, each question starts from the last basis.

    Args:
        system: The constraints.
    """

    def __init__(self, system: LinkedSystem) -> None:
        self._system = system
        self._relaxed = _model(system, integer=False)
        self._integer: Any = None
        self._asked: dict[str, NDArray[np.int32]] = {}

    def _run(self, highs: Any, kind: str, columns: Ints, sign: int) -> tuple[float, Ints | None] | None:  # noqa: ANN401
        """Maximise ``sign`` times the sum of ``columns``; None where the solver did not come to an end."""
        last = self._asked.get(kind)
        if last is not None:
            highs.changeColsCost(len(last), last, np.zeros(len(last)))
        here = columns.astype(np.int32)
        self._asked[kind] = here
        highs.changeColsCost(len(here), here, np.full(len(here), -float(sign)))
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        values = np.array(highs.getSolution().col_value)
        rounded = np.rint(values).astype(np.int64)
        whole = bool((np.abs(values - rounded) < _NEAR).all()) and self._system.holds(rounded)
        return float(values[columns].sum()), (rounded if whole else None)

    def somewhere(self, weights: Ints) -> Ints | None:
        """Return a whole-number point that has a large sum of ``weights`` times columns, not the largest; or None.

        Args:
            weights: One per column, shape (columns,).
        """
        if self._integer is None:
            self._integer = _model(self._system, integer=True)
        everywhere = np.arange(len(weights), dtype=np.int32)
        self._integer.setOptionValue("mip_rel_gap", _LOOSE)
        self._integer.changeColsCost(len(weights), everywhere, -weights.astype(float))
        self._integer.run()
        self._integer.setOptionValue("mip_rel_gap", 0.0)
        self._integer.changeColsCost(len(weights), everywhere, np.zeros(len(weights)))
        point = np.rint(np.array(self._integer.getSolution().col_value)).astype(np.int64)
        return point if len(point) == len(weights) and self._system.holds(point) else None

    def relaxed(self, columns: Ints, sign: int) -> tuple[int, Ints | None] | None:
        """Return an outer limit of the sum of ``columns`` and, if the relaxed optimum is whole, a point that takes it.

        Args:
            columns: What is summed.
            sign: 1 for the largest sum, -1 for the smallest.

        Returns:
            ``(limit, point)``, or None where the solver gave up.
        """
        found = self._run(self._relaxed, "relaxed", columns, sign)
        if found is None:
            return None
        value, point = found
        limit = int(np.floor(value + _NEAR)) if sign > 0 else int(np.ceil(value - _NEAR))
        return limit, point

    def whole(self, columns: Ints, sign: int) -> tuple[int, Ints] | None:
        """Return the largest (``sign`` 1) or smallest (-1) sum of ``columns`` over whole-number points, with a point.

        None where branch and bound found none or did not finish: the caller treats the cell as unsafe.
        """
        found = self.relaxed(columns, sign)
        if found is None:
            return None
        limit, point = found
        if point is None or int(point[columns].sum()) != limit:
            if self._integer is None:
                self._integer = _model(self._system, integer=True)
            mixed = self._run(self._integer, "whole", columns, sign)
            if mixed is None or mixed[1] is None:
                return None
            point = mixed[1]
        return int(point[columns].sum()), point
