"""What must be said beside figures so that nobody reads more out of them than is in them."""

from collections.abc import Iterator, Mapping, Sequence

from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.archive.index import NOT_WITNESSED
from tallystick.exchange.query.answer import Provenance, Row
from tallystick.exchange.query.compared import compared
from tallystick.exchange.query.question import Resolved

__all__ = ["notes_for"]

_MOST_COMPARED = 12


def notes_for(
    wanted: Resolved,
    rows: Sequence[Row],
    provenance: Mapping[str, Provenance],
    elsewhere: Mapping[str, set[Period]],
) -> tuple[str, ...]:
    """Return the notes of an answer, each once.

    Args:
        wanted: The question.
        rows: Its rows.
        provenance: The releases that they rest on.
        elsewhere: States whose plan has the table at other periods than some that were looked at.
    """
    told = (*_on_figures(wanted, rows), *_on_absence(wanted, rows, elsewhere), *_on(provenance))
    return tuple(dict.fromkeys((*told, *_on_comparisons(wanted, rows, provenance))))


def _on_figures(wanted: Resolved, rows: Sequence[Row]) -> Iterator[str]:
    kinds = {row.kind for row in rows}
    if not rows:
        yield _("nobody released this table yet")
    if wanted.over_state or len({row.state for row in rows}) > 1:
        yield _("across states these are reports, not persons: nobody is linked across borders")
    if wanted.over_period and any("+" in row.period for row in rows):
        yield _("a sum over years counts a person once in each year")
    if wanted.table.multiple:
        yield _("a person may stand under several codes of {names}: these figures do not add up").format(
            names=", ".join(sorted(wanted.table.multiple))
        )
    if len({row.freq for row in rows}) > 1:
        yield _("years and blocks stand in rows of their own: they are never summed together")
    if any(row.noise_sd for row in rows):
        yield _("figures are perturbed and do not add: a published total is nearer to the truth than its parts")
    if "withheld" in kinds or any(row.withheld for row in rows):
        yield _("a withheld cell is not zero: its interval is all that is known of it")
    if any(row.kind == "withheld" and row.high is None for row in rows):
        yield _(
            "no upper bound: a cell of that table was withheld for others' sake, and no published total is above it"
        )


def _on_absence(wanted: Resolved, rows: Sequence[Row], elsewhere: Mapping[str, set[Period]]) -> Iterator[str]:
    missing = sorted({name.split()[0] for row in rows for name in row.missing})
    if missing:
        yield _("missing: nothing of {states} is in this archive").format(states=", ".join(missing))
    if any(row.not_released for row in rows):
        yield _("not released is a state's own decision; it says nothing about how many cases there are")
    for block, names in ((True, _("by year")), (False, _("in three-year blocks"))):
        states = sorted(
            state for state, periods in elsewhere.items() if any(period.is_block is block for period in periods)
        )
        if states:
            who = _("every state") if len(states) == len(wanted.states) else ", ".join(states)
            yield _("{table} stands {names} for: {states}").format(table=wanted.table.id, names=names, states=who)


def _on(provenance: Mapping[str, Provenance]) -> Iterator[str]:
    found = provenance.values()
    if any(one.status == NOT_WITNESSED for one in found):
        yield _("not witnessed: no other state cosigned these logs (DEMO)")
    censored = sorted({one.state for one in found if one.metadata.get("censored")})
    if censored:
        yield _("already censored before it came in: {states}").format(states=", ".join(censored))
    bases = {str(one.metadata.get("reference_date_basis")) for one in found}
    definitions = {str(one.metadata.get("legal_definition")) for one in found}
    if len(bases) > 1 or len(definitions) > 1:
        yield _("the states count by different dates or definitions; --json has each state's own words")
    revised = sorted({f"{one.state} {one.period}" for one in found if one.revision > 1})
    if revised:
        yield _("revised since the first release: {slices}").format(slices=", ".join(revised))


def _on_comparisons(wanted: Resolved, rows: Sequence[Row], provenance: Mapping[str, Provenance]) -> Iterator[str]:
    found = compared(rows, wanted.table.id, provenance)
    for one in found[:_MOST_COMPARED]:
        yield one.sentence
    if len(found) > _MOST_COMPARED:
        yield _("{count} more figures that are public elsewhere; --csv, --xlsx and --json have them all").format(
            count=len(found) - _MOST_COMPARED
        )
