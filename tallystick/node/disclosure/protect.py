"""A whole draft, protected: perturb, threshold, decoys, audit, repair, and only then safe tables."""

from collections.abc import Callable, Sequence

import numpy as np

from tallystick.config.catalogue import Catalogue
from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.node.disclosure.perturbation import perturb
from tallystick.node.disclosure.picture import Picture, SliceView, Status, drafted_view, pictures, released_view
from tallystick.node.disclosure.profile import PEER, Profile
from tallystick.node.disclosure.readings import register_readings
from tallystick.node.disclosure.repair import Secrets, repair, starting_counts
from tallystick.node.disclosure.safe import _SEAL, AuditFigures, ReleasedSlice, SafeTable
from tallystick.node.tables.cubes import Cube

__all__ = ["METHOD", "Progress", "protect_plan"]

METHOD = "keyed"
Progress = Callable[[int], None]
"""Called with 1 after each round of the audit."""


def _draft_views(draft: Sequence[Cube], catalogue: Catalogue, secrets: Secrets, profile: Profile) -> list[SliceView]:
    views: list[SliceView] = []
    for cube in draft:
        table = catalogue.table(cube.table_id)
        if not cube.fits(catalogue):
            raise DisclosureError(
                _("{table} {period}: the counts do not fit the catalogue's rows").format(
                    table=table.id, period=cube.period.text
                )
            )
        figures = perturb(secrets(cube.period), cube.counts, cube.key_sums, profile)
        views.append(drafted_view(catalogue, table, cube.period, figures, profile))
    return views


def _check_once(views: Sequence[SliceView]) -> None:
    """Refuse a slice that is drafted twice, or drafted although it is released: a slice is immutable."""
    seen: set[tuple[str, Period]] = set()
    for view in views:
        place = (view.table.id, view.period)
        if place in seen:
            raise DisclosureError(
                _("{table} {period}: the slice stands twice; what is released is never drafted again").format(
                    table=view.table.id, period=view.period.text
                )
            )
        seen.add(place)


def _persons_shown(picture: Picture, view: SliceView) -> int | None:
    """Return the share of persons behind shown inner figures, whole per cent, from published figures alone.

    None where no total tells it, or where a person may stand in several cells.
    """
    if view.several(view.levels[0]):
        return None
    totals = {
        one.period.first: int(one.values[0])
        for one in picture.slices
        if not one.table.dimensions and one.status[0] == Status.SHOWN
    }
    if not set(view.period.years) <= totals.keys():
        return None
    inner = list(view.levels[0].rows)
    shown = int(view.values[inner][view.status[inner] == Status.SHOWN].sum())
    return min(100, round(100 * shown / sum(totals[year] for year in view.period.years)))


def _sealed(picture: Picture, view: SliceView, profile: Profile) -> SafeTable:
    shown = view.status == Status.SHOWN
    return SafeTable(
        _SEAL,
        table_id=view.table.id,
        period=view.period,
        observations=[
            Observation(key, int(view.values[row]) if shown[row] else None, not shown[row])
            for row, key in enumerate(view.keys)
        ],
        method=METHOD,
        profile=profile.id,
        parameters=profile.parameters,
        audit=AuditFigures(
            shown=int(np.count_nonzero(shown)),
            withheld=int(np.count_nonzero(~shown)),
            repaired=int(np.count_nonzero(view.status == Status.ADDED)),
            systems=len(picture.slices),
            persons_shown=_persons_shown(picture, view),
        ),
        added={view.keys[row]: relation for row, relation in sorted(view.taken_from.items())},
    )


def protect_plan(
    draft: Sequence[Cube],
    released: Sequence[ReleasedSlice],
    catalogue: Catalogue,
    *,
    state: str,
    secrets: Secrets,
    profile: Profile = PEER,
    progress: Progress | None = None,
) -> tuple[SafeTable, ...]:
    """Protect the tables of a draft together, against everything the state has ever released.

    Args:
        draft: Exact cubes of the slices to be published, of one period or of several.
        released: Every slice that the state has released; those of other blocks change nothing.
        catalogue: The federation's tables.
        state: Alpha-3 code of the state: citizenship groups are seen from it.
        secrets: Gives the noise secret of a period; called for the draft's periods only.
        profile: Parameters of ``keyed``.
        progress: Called with 1 after each round of the audit.

    Returns:
        One table per cube, in the order of ``draft``.

    Raises:
        DisclosureError: A slice is drafted again, or a table cannot be protected; the message names it.
    """
    views = [*(released_view(catalogue, one) for one in released)]
    views += _draft_views(draft, catalogue, secrets, profile)
    _check_once(views)
    safe: dict[tuple[str, Period], SafeTable] = {}
    for picture in pictures(catalogue, views, register_readings(catalogue, state)):
        done = repair(picture, starting_counts(picture, secrets, profile), profile, progress)
        safe |= {(view.table.id, view.period): _sealed(done, view, profile) for view in done.slices if view.draft}
    return tuple(safe[cube.table_id, cube.period] for cube in draft)
