"""Withhold until nothing can be worked out any more, without telling by it what was the matter.

The audit names the first cell that is given away; the repair withholds the smallest shown cell of a relation that the
cell stands in (the relation whose smallest shown figure is lowest), and starts again. It reads published figures only.

An attacker who knows this procedure sees a withheld cell of figure k or more and concludes "so the table without this
gap gave somebody away", and that is often enough to work the interval out again: he gets back exactly what the repair
took (docs/adr/0013). Therefore every relation may also lose its smallest shown cells as decoys, by a draw keyed with
the period's secret. The pattern of gaps is a function of the published figures and of one number per relation, the
repair only raises these numbers, and every combination of numbers can come up as decoys alone. So each gap pattern has
an explanation in which nothing was repaired, in every table of persons that fits the figures; what the audit calls
possible is possible for the attacker who knows the procedure too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.node.disclosure.audit import Auditor, withheld_cells
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import Layout, lay_out
from tallystick.node.disclosure.picture import Picture, Status
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.relations import RelationSite, decoy_count, relation_sites, withhold

__all__ = ["Secrets", "first_extraction", "repaired", "starting_counts"]

Secrets = Callable[[Period], bytes]
"""Gives the noise secret of a period."""


def starting_counts(picture: Picture, secrets: Secrets, profile: Profile) -> dict[RelationSite, int]:
    """Return how many decoys every relation of the draft gets."""
    counts: dict[RelationSite, int] = {}
    for site in relation_sites(picture):
        view = picture.slices[site.slice_number]
        axes = [place for place, code in enumerate(view.keys[site.rows[0]]) if code != "_T"]
        counts[site] = decoy_count(secrets(view.period), view, site.relation, axes, profile.decoy_bits)
    return counts


def first_extraction(picture: Picture, layout: Layout, profile: Profile) -> int | None:
    """Return the first withheld cell that is given away, or None where all are safe."""
    auditor = Auditor(keyed_system(picture, layout, profile), profile)
    return next((cell for cell in withheld_cells(picture) if auditor.extracted(cell)), None)


@dataclass(frozen=True)
class _Choice:
    """A cell that could be withheld next; compared by closeness, figure, then place."""

    distance: int
    figure: int
    number: int
    site: RelationSite = field(repr=False)

    @property
    def order(self) -> tuple[int, int, int]:
        return self.distance, self.figure, self.number


def _choices(picture: Picture, counts: Mapping[RelationSite, int], cell: int) -> list[_Choice]:
    """Return what could be withheld to hide ``cell``: in its own relations, its own table, elsewhere in the draft."""
    owner, row = picture.owner(cell)
    found: list[_Choice] = []
    for number, site in enumerate(counts):
        view = picture.slices[site.slice_number]
        shown = [int(view.values[other]) for other in site.rows if view.status[other] == Status.SHOWN]
        if shown:
            distance = 2 if site.slice_number != owner else 0 if row in site.rows else 1
            found.append(_Choice(distance, min(shown), number, site))
    return sorted(found, key=lambda choice: choice.order)


def _refusal(picture: Picture, cell: int) -> DisclosureError:
    owner, _row = picture.owner(cell)
    view = picture.slices[owner]
    if not view.draft:
        view = [one for one in picture.slices if one.draft][-1]
    return DisclosureError(
        _("{table} {period}: no way of withholding protects it together with what is released").format(
            table=view.table.id, period=view.period.text
        ),
        hint=_("draft the period --without {table}, or propose a coarser table for the catalogue").format(
            table=view.table.id
        ),
    )


def repaired(
    picture: Picture, secrets: Secrets, profile: Profile, progress: Callable[[int], None] | None = None
) -> Picture:
    """Return the picture with decoys and repairs withheld, audited and found safe.

    Args:
        picture: Everything released in the block, and the draft after the threshold.
        secrets: Noise secret of a period, for the decoys.
        profile: Parameters.
        progress: Called with 1 after each round of the audit.

    Raises:
        DisclosureError: Something stays given away whatever is withheld; names the table to leave out.
    """
    layout = lay_out(picture)
    counts = starting_counts(picture, secrets, profile)
    while True:
        current = withhold(picture, counts)
        cell = first_extraction(current, layout, profile)
        if progress is not None:
            progress(1)
        if cell is None:
            return current
        choices = _choices(current, counts, cell)
        if not choices:
            raise _refusal(current, cell)
        counts[choices[0].site] += 1
