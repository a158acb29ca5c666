"""Publishing: two officers' signatures, the log, the outbox. Each step is durable before the next begins.

1. Two distinct officers of the roster signed the drafted bytes: the envelope is put together, judged by the very
   verifier that peers use, and kept in ``desk.db`` (state ``signed``). *A crash after it: the next publish takes up
   the kept envelope; other signatures no longer matter, so no second envelope of a release can come to be.*
2. The log takes it: persisted, signed, published (``exchange.log.tilelog`` has its own steps).
   *A crash after it: log and table are reconciled, the row takes the log's index.*
3. ``desk.db`` says ``logged``. *A crash after it: the outbox is fed from what the table says and what was fed.*
4. The outbox gets entries, data and checkpoint. *A crash after it: the same message may go out twice, which its
   reader takes as nothing new.*
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tallystick.config.errors import BadSignatureError, DisclosureError, TallystickError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.log.tilelog import Sign, TileLog
from tallystick.exchange.verify.release import verify_release
from tallystick.keys.checks import verify_signature
from tallystick.keys.envelope import assemble, pae
from tallystick.keys.roster_types import Roster
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.folder import DetachedSignature, read_draft, read_signatures, remove_draft
from tallystick.node.desk.mailbox import feed_outbox, seen_head
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.reconcile import reconcile
from tallystick.node.desk.states import PublicationState

__all__ = ["Published", "Waiting", "officers_signed", "publish", "refuse"]

BATCH_BYTES = 8 * 1024 * 1024
"""Most bytes of envelopes and data that are logged and spooled at once; a spool message may have four times that."""


@dataclass(frozen=True)
class Waiting:
    """A draft that could not be published yet, and why, in words."""

    release: Publication
    reason: str


@dataclass(frozen=True)
class Published:
    """What a publish did.

    Attributes:
        logged: Releases that went into the log now, in its order.
        waiting: Drafts that were asked for and lack something.
    """

    logged: tuple[Publication, ...]
    waiting: tuple[Waiting, ...]


def officers_signed(
    draft_id: str, payload: bytes, signatures: Sequence[DetachedSignature], roster: Roster, state: str, index: int
) -> tuple[dict[str, str], tuple[DetachedSignature, ...], tuple[str, ...]]:
    """Sort a draft's signatures by what the roster says of their keys.

    Returns:
        Names of the officers whose signatures hold by key id; these signatures; what is wrong with the others.
    """
    officers = {key.keyid: key for key in roster.state(state).officers_for(index)}
    names, good, notes = {}, [], []
    for one in signatures:
        officer = officers.get(one.keyid)
        short = one.keyid[:16]
        if one.payload_sha256 != draft_id:
            notes.append(_("key {keyid} signed something else").format(keyid=short))
        elif officer is None:
            notes.append(_("key {keyid} is no officer's in the roster").format(keyid=short))
        else:
            try:
                verify_signature(officer.algorithm, officer.public, one.sig, pae(payload))
            except BadSignatureError:
                notes.append(_("the signature of {name} does not match").format(name=officer.name))
            else:
                names[one.keyid] = officer.name
                good.append(one)
    return names, tuple(good), tuple(notes)


def _envelope(bench: Bench, roster: Roster, row: Publication, index: int) -> bytes:
    """Put an envelope together and judge it as any peer will.

    Raises:
        UsageError: The draft folder is missing.
        BadSignatureError: Too few distinct officers signed.
        VerificationError: The folder is not what was drafted, or the release does not hold.
    """
    folder = bench.draft_folder(row.period, row.table_id)
    draft = read_draft(folder)
    if (draft.payload, draft.data) != (row.payload, row.data):
        raise BadSignatureError(
            _("{folder} is not what was drafted").format(folder=folder),
            hint=_("move it away, draft the period again (the same bytes come back) and have those signed"),
        )
    names, good, notes = officers_signed(
        row.payload_id, row.payload, read_signatures(folder), roster, bench.state, index
    )
    persons = sorted(set(names.values()))
    if len(persons) < roster.officer_threshold:
        who = _("{slice}: {count} of {needed} officers signed").format(
            slice=row.slice_name, count=len(persons), needed=roster.officer_threshold
        )
        said = f"{who} ({', '.join(persons)})" if persons else who
        raise BadSignatureError("; ".join((said, *notes)))
    envelope = assemble(row.payload, [one.in_envelope() for one in good])
    verify_release(envelope, index, row.data, roster, bench.state)
    return envelope


def _check_audit(row: Publication, roster: Roster) -> None:
    """Refuse to publish outside a DEMO federation what the likelihood attacker has not tried."""
    if row.statement.predicate.audit.likelihood != "passed" and not roster.demo:
        raise DisclosureError(
            _("{slice}: the likelihood audit was not run, so it can be published in a DEMO federation only").format(
                slice=row.slice_name
            ),
            hint=_("this version does not hold that audit yet; nothing was published"),
        )


def _choose(bench: Bench, period: Period | None, table_id: str | None) -> tuple[Publication, ...]:
    drafted = bench.publications.in_state(PublicationState.DRAFTED)
    if period is None:
        return drafted
    if table_id is None:
        if not bench.publications.of_period(period):
            raise UsageError(
                _("{period} was never drafted").format(period=period.text),
                hint=_("run: tallystick release draft {period}").format(period=period.text),
            )
        return tuple(row for row in drafted if row.period == period)
    row = bench.publications.one(period, table_id)
    if row.state is PublicationState.REFUSED:
        raise UsageError(_("{slice} was refused: {reason}").format(slice=row.slice_name, reason=row.reason))
    return tuple(one for one in (row,) if one.state is PublicationState.DRAFTED)


def publish(bench: Bench, sign: Sign, period: Period | None = None, table_id: str | None = None) -> Published:
    """Publish what two officers signed; take up first what an earlier publish left half-way.

    Args:
        bench: The desk's tools.
        sign: Signs the log's head; called only when there is something to log.
        period: Publish drafts of this period only.
        table_id: Publish this one table of the period only; what it lacks is then an error.

    Raises:
        DisclosureError: The roster is not a DEMO one.
        BadSignatureError: The one table that was named lacks signatures.
        StoreError: Log and ``desk.db`` contradict each other, or something cannot be written; repeat it.
    """
    with bench.locked():
        roster = bench.roster()
        logged = list(reconcile(bench, bench.log(roster)))
        chosen = _choose(bench, period, table_id)
        for row in chosen:
            _check_audit(row, roster)
        waiting = _sign_off(bench, roster, chosen, named=table_id is not None)
        pending = bench.publications.in_state(PublicationState.SIGNED)
        log = bench.log(roster, begin=bool(pending))
        if log is not None:
            feed_outbox(bench, log)
            for batch in _batches(pending):
                logged += _into_log(bench, log, roster, batch, sign)
                feed_outbox(bench, log)
        return Published(tuple(logged), tuple(waiting))


def _sign_off(bench: Bench, roster: Roster, chosen: Sequence[Publication], *, named: bool) -> list[Waiting]:
    """Step 1 for each draft; return those that have to wait."""
    log = bench.log(roster)
    index = (0 if log is None else log.size) + len(bench.publications.in_state(PublicationState.SIGNED))
    waiting = []
    for row in chosen:
        try:
            envelope = _envelope(bench, roster, row, index)
        except TallystickError as error:
            if named:
                raise
            waiting.append(Waiting(row, error.message))
            continue
        with bench.database.transaction():
            bench.publications.step(row, PublicationState.SIGNED, bench.clock.now(), envelope=envelope)
        index += 1
    return waiting


def _batches(rows: Sequence[Publication]) -> Iterator[list[Publication]]:
    batch: list[Publication] = []
    size = 0
    for row in rows:
        weight = len(row.envelope or b"") + len(row.data)
        if batch and size + weight > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


def _into_log(
    bench: Bench, log: TileLog, roster: Roster, rows: Sequence[Publication], sign: Sign
) -> tuple[Publication, ...]:
    """Steps 2 and 3 for one batch: judged once more at the index it gets, then logged."""
    entries = [row.envelope for row in rows if row.envelope is not None]
    for index, (row, entry) in enumerate(zip(rows, entries, strict=True), log.size):
        verify_release(entry, index, row.data, roster, bench.state)
    log.append(entries, sign, seen=seen_head(bench))
    return reconcile(bench, log)


def refuse(bench: Bench, sign: Sign, period: Period, table_id: str, reason: str) -> Publication:
    """Refuse a draft for good; leaves no trace outside the desk.

    Args:
        bench: The desk's tools.
        sign: Signs the log's head, needed only where an interrupted publish may have left the draft in the log.
        period: Its period.
        table_id: Its table.
        reason: Why; stays in ``desk.db``.

    Raises:
        StoreError: It stands in the log already.
    """
    with bench.locked():
        row = bench.publications.one(period, table_id)
        log = bench.log(bench.roster())
        if log is not None:
            if row.state is PublicationState.SIGNED:
                log.settle(sign)
            reconcile(bench, log)
            row = bench.publications.one(period, table_id)
        if row.state is not PublicationState.REFUSED:
            with bench.database.transaction():
                row = bench.publications.step(row, PublicationState.REFUSED, bench.clock.now(), reason=reason)
        remove_draft(bench.draft_folder(row.period, row.table_id))
        return row
