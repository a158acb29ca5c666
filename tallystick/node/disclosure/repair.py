"""Withhold until nothing can be worked out any more, without telling by it what was the matter.

The audit names the first cell that is given away; the repair withholds the smallest shown cell of one relation, and
starts again. It takes the nearest relation where that hides the cell, the lowest figure first; it reads published
figures, optimal values and the order of codes only.

An attacker who knows this procedure sees a withheld cell of figure k or more and concludes "so the table without this
gap gave somebody away", and that is often enough to work the interval out again: he gets back exactly what the repair
took (docs/adr/0013). Therefore every relation may also lose its smallest shown cells as decoys, by a draw keyed with
the period's secret. The pattern of gaps is a function of the published figures and of one number per relation, the
repair only raises these numbers, and every combination of numbers can come up as decoys alone. So each gap pattern has
an explanation in which nothing was repaired, in every table of persons that fits the figures; what the audit calls
possible is possible for the attacker who knows the procedure too.
"""

from collections.abc import Callable, Mapping

from tallystick.config.catalogue import TOTAL, CellKey
from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.node.disclosure.audit import Auditor, withheld_cells
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import Layout, lay_out
from tallystick.node.disclosure.picture import Picture, SliceView, Status
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.relations import RelationSite, decoy_count, relation_sites, withhold

__all__ = ["Counts", "Secrets", "first_extraction", "repair", "starting_counts"]

Secrets = Callable[[Period], bytes]
"""Gives the noise secret of a period."""
Counts = dict[RelationSite, int]
"""The state of the repair: how many of its smallest shown cells each relation loses."""


def starting_counts(picture: Picture, secrets: Secrets, profile: Profile) -> Counts:
    """Return how many decoys every relation of the draft gets."""
    counts: Counts = {}
    for site in relation_sites(picture):
        view = picture.slices[site.slice_number]
        axes = [place for place, code in enumerate(view.keys[site.rows[0]]) if code != TOTAL]
        counts[site] = decoy_count(secrets(view.period), view, site.relation, axes, profile.decoy_bits)
    return counts


def first_extraction(picture: Picture, layout: Layout, profile: Profile) -> int | None:
    """Return the first withheld cell that is given away, or None where all are safe."""
    auditor = Auditor(keyed_system(picture, layout, profile), profile)
    return auditor.first_extraction(withheld_cells(picture))


def _sums_to(picture: Picture, site: RelationSite, cell: int) -> bool:
    """Tell whether the rows of a relation add up to ``cell``: same period, same codes, nothing else fixed."""
    owner, row = picture.owner(cell)
    total, parts = picture.slices[owner], picture.slices[site.slice_number]

    def fixed(view: SliceView, key: CellKey) -> dict[str, str]:
        return {name: code for name, code in zip(view.table.dimension_ids, key, strict=True) if code != TOTAL}

    return total.period == parts.period and fixed(total, total.keys[row]) == fixed(parts, site.relation)


def _choices(picture: Picture, counts: Mapping[RelationSite, int], cell: int) -> list[RelationSite]:
    """Return the relations that could lose their smallest shown cell to hide ``cell``, the first choice first.

    Nearest first: relations that the cell is a part, the total or the kin of, then those of its own table, then the
    rest of the draft; within each the lowest figure first.
    """
    owner, row = picture.owner(cell)
    found: list[tuple[int, int, int, RelationSite]] = []
    for number, site in enumerate(counts):
        view = picture.slices[site.slice_number]
        shown = [int(view.values[other]) for other in site.rows if view.status[other] == Status.SHOWN]
        if shown:
            own_table = site.slice_number == owner
            near = (own_table and row in site.rows) or cell in site.kin or _sums_to(picture, site, cell)
            found.append((0 if near else 1 if own_table else 2, min(shown), number, site))
    return [choice[-1] for choice in sorted(found, key=lambda choice: choice[:-1])]


def _next(picture: Picture, layout: Layout, profile: Profile, counts: Mapping[RelationSite, int], cell: int) -> Counts:
    """Return the counts with one relation raised: the first whose smallest shown cell hides ``cell``, else the first.

    Raises:
        DisclosureError: Nothing is left to withhold.
    """
    raised = [{**counts, site: counts[site] + 1} for site in _choices(picture, counts, cell)]
    if not raised:
        raise _refusal(picture, cell)
    for option in raised:
        if not Auditor(keyed_system(withhold(picture, option), layout, profile), profile).extracted(cell):
            return option
    return raised[0]


def _refusal(picture: Picture, cell: int) -> DisclosureError:
    owner, _row = picture.owner(cell)
    view = picture.slices[owner]
    if not view.draft:
        view = [one for one in picture.slices if one.draft][-1]
    return DisclosureError(
        _("{table} {period}: no way of withholding protects it together with what is released").format(
            table=view.table.id, period=view.period.text
        ),
        hint=_("leave it out: tallystick release draft {period} --without {table}; or propose a coarser table").format(
            period=view.period.text, table=view.table.id
        ),
    )


def repair(
    picture: Picture, counts: Counts, profile: Profile, progress: Callable[[int], None] | None = None
) -> Picture:
    """Return the picture with ``counts`` and as much more withheld as the audit asks for.

    Args:
        picture: Everything released in the block, and the draft after the threshold.
        counts: Where to start from, one number per relation of the draft.
        profile: Parameters.
        progress: Called with 1 after each round of the audit.

    Raises:
        DisclosureError: Something stays given away whatever is withheld; names the table to leave out.
    """
    layout = lay_out(picture)
    while True:
        current = withhold(picture, counts)
        cell = first_extraction(current, layout, profile)
        if progress is not None:
            progress(1)
        if cell is None:
            return current
        counts = _next(current, layout, profile, counts, cell)
