"""Drafting: freeze once, protect the whole plan against everything that may ever be out, write it down.

Steps, and what a crash after each leaves behind:

1. The year's cubes are frozen in ``desk.db`` (one transaction). *From here on the live register is not read again for
   this year; drafting again starts from the frozen cubes.*
2. Disclosure control runs over the plan. *Nothing was written; keyed noise gives the same figures again.*
3. Context, statements, data, salts and what later audits must know go into ``desk.db`` (one transaction).
   *The draft exists; its folders are made when the period is drafted again.*
4. Each draft folder is made under another name and renamed. *Whole or not there; drafting again adds the missing.*
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext

from tallystick import __version__
from tallystick.config.catalogue import planned_tables
from tallystick.config.clock import rfc3339
from tallystick.config.errors import ConfigError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.keys.roster_types import Roster
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.evidence import SALT_BYTES, DraftContext, FrozenYear
from tallystick.node.desk.folder import write_draft
from tallystick.node.desk.protecting import Progress, protect, render
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.reconcile import reconcile
from tallystick.node.desk.states import LEFT_OR_MAY_LEAVE, PublicationState
from tallystick.node.disclosure import SafeTable
from tallystick.node.known.beside import comparisons_for
from tallystick.node.known.store import KnownStore
from tallystick.node.tables.count import count_columns

__all__ = ["draft_period", "write_folders"]

_PROFILE = "peer"
_REVISION = 1


def draft_period(
    bench: Bench,
    period: Period,
    *,
    without: Iterable[str] = (),
    no_cases: bool = False,
    rehearse: bool = False,
    progress: Progress | None = None,
) -> tuple[Publication, ...]:
    """Draft every planned table of a period, once; drafting again gives the same bytes.

    Args:
        bench: The desk's tools.
        period: A year, or a block whose years are frozen.
        without: Tables of the plan that shall never be released.
        no_cases: Freeze a year although the register holds no case of it.
        rehearse: Freeze and draft nothing: only see what would become of it. The noise is constant, so the figures
            are those of the draft, as long as the register stays as it is.
        progress: Told after each step of the protection.

    Returns:
        The period's rows of the publication table.

    Raises:
        UsageError: The year has not ended, a year of the block is not frozen, a table is not planned, or the period
            was drafted with another choice of tables.
        DisclosureError: A table cannot be protected; it is named, and nothing was drafted.
    """
    with bench.locked():
        roster = bench.roster()
        reconcile(bench, bench.log(roster))
        leave_out = tuple(sorted({name.upper() for name in without}))
        held = bench.evidence.context(period, _REVISION)
        if held is None:
            with bench.database.rehearsal() if rehearse else nullcontext():
                _freeze(bench, roster, period, no_cases=no_cases)
                context = _context(bench, roster, period, leave_out)
                _store(bench, context, protect(bench, context, progress))
                if rehearse:
                    return bench.publications.of_period(period)
        elif held.without != leave_out:
            raise UsageError(
                _("{period} was drafted on {date}, with these tables left out: {tables}").format(
                    period=period.text, date=held.drafted_at[:10], tables=", ".join(held.without) or _("none")
                ),
                hint=_("a plan is drafted once; what must not go out can be refused: tallystick release refuse"),
            )
        if not rehearse:
            write_folders(bench, period)
        return bench.publications.of_period(period)


def _freeze(bench: Bench, roster: Roster, period: Period, *, no_cases: bool) -> None:
    """Count a year and keep it for good, unless that was done; a block freezes nothing."""
    if period.is_block or bench.evidence.year(period.first) is not None:
        return
    if period.last >= bench.clock.now().year:
        raise UsageError(
            _("{period} has not ended; it would be frozen with part of its cases").format(period=period.text),
            hint=_("draft it when the year is complete, or set this machine's clock if it is wrong"),
        )
    catalogue = bench.catalogue(roster)
    store = bench.open_register()
    try:
        columns = store.coded_rows(period.first)
        perpetrators = store.coded_rows(period.first, "perpetrator")
    finally:
        store.close()
    if len(columns) == 0 and not no_cases:
        raise UsageError(
            _("the register holds no case of {period}; freezing it so could not be undone").format(period=period.text),
            hint=_("import the year's cases first; if there were none indeed, add --no-cases"),
        )
    cubes = count_columns(columns, catalogue, bench.state, period.first, bench.noise_secret, perpetrators)
    censored = bool(columns.censored.any() or perpetrators.censored.any())
    today = bench.clock.now().date()
    with bench.database.transaction():
        bench.evidence.freeze(FrozenYear(cubes, today, catalogue.sha256, censored), catalogue)


def _context(bench: Bench, roster: Roster, period: Period, without: tuple[str, ...]) -> DraftContext:
    """Settle everything that the drafts' bytes depend on beside counts and noise."""
    years = bench.evidence.years(period)
    catalogue = bench.evidence.catalogue(years[0].catalogue_sha256)
    if catalogue.sha256 != roster.catalogue_sha256:
        raise ConfigError(
            _("{period} was frozen under version {old} of the table catalogue, which is no longer in force").format(
                period=period.text, old=catalogue.version
            ),
            hint=_("what was not released under it before the change can no longer be released"),
        )
    planned = tuple(table.id for table in planned_tables(catalogue, bench.state, period))
    stray = set(without) - set(planned)
    if stray or not set(planned) - set(without):
        raise UsageError(
            _("{period}: these are the planned tables: {tables}").format(
                period=period.text, tables=", ".join(planned) or _("none")
            ),
            hint=_("--without takes some of them, not all and no other"),
        )
    return DraftContext(
        state=bench.state,
        period=period.text,
        revision=_REVISION,
        tables=tuple(name for name in planned if name not in without),
        without=without,
        released=tuple(row.payload_id for row in bench.publications.in_state(*LEFT_OR_MAY_LEAVE)),
        catalogue_sha256=catalogue.sha256,
        federation=roster.federation_id,
        demo=roster.demo,
        profile=_PROFILE,
        metadata=bench.settings.metadata,
        cut_off=max(year.frozen_on for year in years).isoformat(),
        censored=any(year.censored for year in years),
        drafted_at=rfc3339(bench.clock.now()),
        software=__version__,
        comparisons=comparisons_for(KnownStore(bench.database), catalogue, bench.state, period),
    )


def _store(bench: Bench, context: DraftContext, tables: Sequence[SafeTable]) -> None:
    """Keep context and rows of a new draft, all or none."""
    salts = [bench.random(SALT_BYTES) for _table in tables]
    drafted = [render(bench, context, table, salt) for table, salt in zip(tables, salts, strict=True)]
    with bench.database.transaction():
        bench.evidence.add_context(context)
        for salt, table, one in zip(salts, tables, drafted, strict=True):
            bench.publications.add(
                Publication(
                    payload_id=one.payload_id,
                    period=table.period,
                    table_id=table.table_id,
                    revision=context.revision,
                    state=PublicationState.DRAFTED,
                    salt=salt,
                    payload=one.payload,
                    data=one.data,
                    briefing=one.briefing,
                    sealed=one.sealed,
                    changed_at=context.drafted_at,
                )
            )


def write_folders(bench: Bench, period: Period) -> None:
    """Make the folders of a period's drafts that wait for signatures, where they are missing.

    Raises:
        StoreError: A folder is there and holds something else.
    """
    context = bench.evidence.context(period, _REVISION)
    if context is None:
        return
    catalogue = bench.evidence.catalogue(context.catalogue_sha256)
    for row in bench.publications.of_period(period):
        if row.state is PublicationState.DRAFTED:
            folder = bench.draft_folder(period, row.table_id)
            write_draft(folder, row.payload, row.data, row.briefing, catalogue)
