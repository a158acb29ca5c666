"""One case at a time, as a record officer works: add, change, close."""

from collections.abc import Mapping
from datetime import date, datetime

from tallystick.config.errors import StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.store import CaseStore, ImportRun, IngestReport, StoredCase
from tallystick.node.intake.entry import change_record, make_record

__all__ = ["OUTCOMES", "TYPED", "add_case", "closing", "edit_case", "outcome_words", "prepare"]

TYPED = "typed"
"""What ``case runs`` shows as the format of what officers typed."""
OUTCOMES = (
    *("CONVICTION", "ACQUITTAL", "DISCONTINUED", "REFERRED", "RETURNED", "INTEGRATED", "WITHDRAWN", "LOST", "OTHER"),
)
"""How a case can end. Our own list: neither HTCDS nor any other standard that is public has one."""
_REFERRED = "REFERRED"


def outcome_words(code: str) -> str:
    """Return an outcome in the reader's language."""
    return {
        "CONVICTION": _("a trafficker was convicted"),
        "ACQUITTAL": _("the accused were acquitted"),
        "DISCONTINUED": _("proceedings were discontinued"),
        "REFERRED": _("referred to another organisation"),
        "RETURNED": _("the person returned home"),
        "INTEGRATED": _("the person stays and is supported no more"),
        "WITHDRAWN": _("the person declined further support"),
        "LOST": _("contact was lost"),
        "OTHER": _("other"),
    }[code]


def prepare(
    store: CaseStore, texts: Mapping[str, str], *, state: str, agency: str | None, last_year: int
) -> CaseRecord:
    """Return the record that was typed, if the register has none of that agency and number.

    Raises:
        MalformedError: A file with this row would have it rejected.
        StoreError: The register holds that case.
    """
    record = make_record(texts, state=state, agency=agency, last_year=last_year)
    if next(iter(store.versions(record.agency, record.agency_case_id)), None) is not None:
        raise StoreError(
            _("the register holds a case of that number from this agency"),
            hint=_("see it with tallystick case show, change it with tallystick case edit"),
        )
    return record


def add_case(store: CaseStore, record: CaseRecord, *, at: datetime, who: str) -> IngestReport:
    """Take one typed record in, as a run of its own.

    Args:
        store: The register.
        record: What ``prepare`` returned.
        at: Now.
        who: The officer, to be kept with the run.
    """
    return store.ingest(ImportRun(_("case add by {who}").format(who=who), TYPED, at), [record])


def edit_case(
    store: CaseStore,
    held: StoredCase,
    changes: Mapping[str, str],
    *,
    state: str,
    at: datetime,
    who: str,
    action: str = "edit",
) -> IngestReport:
    """Write a new version of one record, as a run of its own.

    Args:
        store: The register.
        held: The version that the officer saw, identity included.
        changes: Field id to its new text; empty removes the value.
        state: Alpha-3 code of the state whose register it is.
        at: Now.
        who: The officer, to be kept with the run.
        action: The command, to be kept with the run.

    Raises:
        MalformedError: The changed record would be rejected.
        StoreError: Somebody else changed it meanwhile.
    """
    record = change_record(held.record, changes, state=state, last_year=at.year)
    run = ImportRun(_("case {action} by {who}").format(action=action, who=who), TYPED, at)
    return store.edit(run, record, expected_version=held.version)


def closing(outcome: str, day: date | None = None) -> dict[str, str]:
    """Return the changes that close a case: HTCDS's status, and our outcome beside it.

    Raises:
        UsageError: There is no such outcome.
    """
    code = outcome.strip().upper()
    if code not in OUTCOMES:
        raise UsageError(
            _("there is no outcome '{name}'").format(name=outcome[:40]),
            hint=_("there are: {names}").format(names=", ".join(OUTCOMES)),
        )
    changes = {"cas_Status": "ClosedReferred" if code == _REFERRED else "Closed", "ext_CaseOutcome": code}
    return {**changes, "ext_ClosureDate": day.isoformat()} if day else changes
