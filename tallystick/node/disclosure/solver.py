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
_STEPS: Final = 40
"""Most steps in which a point is rounded."""
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

        A relaxed optimum is rounded step by step: the columns nearest to whole numbers are set to them, the others
        follow. It may end nowhere; that costs a search by other means, never a verdict.

        Args:
            weights: One per column, shape (columns,).
        """
        highs, everywhere = self._relaxed, np.arange(len(weights), dtype=np.int32)
        highs.changeColsCost(len(weights), everywhere, -weights.astype(float))
        highs.run()
        point, fixed = None, set[int]()
        for _step in range(_STEPS):
            if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                break
            values = np.array(highs.getSolution().col_value)
            rounded = np.rint(values)
            off = np.abs(values - rounded)
            loose = np.flatnonzero(off > _NEAR)
            if not len(loose):
                whole = rounded.astype(np.int64)
                point = whole if self._system.holds(whole) else None
                break
            nearest = loose[np.argsort(off[loose], kind="stable")][: max(1, len(loose) // 3)]
            for column in nearest.tolist():
                highs.changeColBounds(column, rounded[column], rounded[column])
                fixed.add(column)
            highs.run()
        for column in fixed:
            low, high = self._system.column_low[column], self._system.column_high[column]
            highs.changeColBounds(column, float(low), float(high))
        highs.changeColsCost(len(weights), everywhere, np.zeros(len(weights)))
        return point

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
