"""A perpetrator's row of HTCDS: counted in the year of each stage of the proceedings, never among the victims.

HTCDS puts victims and perpetrators in one sheet and says of a perpetrator only his role in the process. When he was
investigated, prosecuted or convicted stands in three columns of ours, each a calendar year; without any of them the row
could be counted nowhere, so it is refused rather than kept uncounted.
"""

from collections.abc import Mapping
from itertools import pairwise

from tallystick.config.i18n import _
from tallystick.node.cases.record import FIRST_YEAR, STAGES, Detail

__all__ = ["ROLE_COLUMN", "STAGE_COLUMNS", "StageError", "stages_of"]

ROLE_COLUMN = "per_RoleInProcess"
STAGE_COLUMNS: Mapping[str, str] = dict(
    zip(STAGES, ("ext_InvestigatedYear", "ext_ProsecutedYear", "ext_ConvictedYear"), strict=True)
)
"""Stage to the column that holds its year."""


class StageError(Exception):
    """A row that is neither a victim's nor a perpetrator's that can be counted: field id and reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


def stages_of(values: Mapping[str, Detail], last_year: int) -> Mapping[str, int]:
    """Return the stages that a perpetrator's row names with their years; empty for a victim's row.

    Args:
        values: The row's parsed values by field id.
        last_year: Latest year that is not in the future.

    Raises:
        StageError: A perpetrator without a stage, a stage on another's row, a year that cannot be, or a stage before
            the one that precedes it.
    """
    years = {stage: int(str(values[name])) for stage, name in STAGE_COLUMNS.items() if name in values}
    victim = any(name.startswith("vic_") for name in values)
    if ROLE_COLUMN not in values or victim:
        if years:
            first = STAGE_COLUMNS[next(iter(years))]
            raise StageError(first, _("a stage is a perpetrator's; give him a row of his own, with his role"))
        return {}
    if not years:
        raise StageError(
            ROLE_COLUMN,
            _("a perpetrator's row without the year of a stage: fill in {names}").format(
                names=", ".join(STAGE_COLUMNS.values())
            ),
        )
    for stage, year in years.items():
        if not FIRST_YEAR <= year <= last_year:
            reason = _("not between {first} and {last}").format(first=FIRST_YEAR, last=last_year)
            raise StageError(STAGE_COLUMNS[stage], reason)
    for earlier, later in pairwise(years):
        if years[later] < years[earlier]:
            raise StageError(STAGE_COLUMNS[later], _("before {column}").format(column=STAGE_COLUMNS[earlier]))
    return years
