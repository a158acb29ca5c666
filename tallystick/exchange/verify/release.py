"""One release, judged: who signed it, for which federation and slice, and whether the figures are what it says."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tallystick.config.catalogue import Catalogue, TableDefinition, planned_tables
from tallystick.config.errors import BadProofError, ConfigError, KeyNotTrustedError, MalformedError, VerificationError
from tallystick.config.i18n import _
from tallystick.exchange.formats.comparing import check_comparisons
from tallystick.exchange.formats.sdmxcsv import Observation, parse_csv
from tallystick.exchange.formats.statement import (
    ReleasePredicate,
    ReleaseStatement,
    UnknownStatement,
    parse_payload,
    payload_id,
)
from tallystick.keys.envelope import PAYLOAD_TYPE, Envelope, parse_envelope, verify_threshold
from tallystick.keys.roster_types import Roster

__all__ = ["UnknownEntry", "VerifiedRelease", "catalogue_of", "verify_data", "verify_release", "verify_releases"]


@dataclass(frozen=True)
class VerifiedRelease:
    """A release that holds.

    Attributes:
        statement: What the officers signed.
        payload_id: Its identity: hex SHA-256 of the payload.
        envelope: The entry, verbatim.
        index: Where it stands in the issuer's log.
        officers: Names of the officers whose signatures count, in the order of their key ids.
        observations: The figures, in the catalogue's order of cells; None where the data file was not at hand.
        data_sha256: Hex digest of the data file.
    """

    statement: ReleaseStatement
    payload_id: str
    envelope: bytes
    index: int
    officers: tuple[str, ...]
    observations: tuple[Observation, ...] | None
    data_sha256: str


@dataclass(frozen=True)
class UnknownEntry:
    """An entry whose predicate type this version does not know: kept for those who do, never read into figures.

    Nobody's signature on it was checked; it stands in the log, and that is all that is said of it.

    Attributes:
        predicate_type: What it claims to be.
        payload_id: Hex SHA-256 of the payload.
        envelope: The entry, verbatim.
        index: Where it stands in the issuer's log.
    """

    predicate_type: str
    payload_id: str
    envelope: bytes
    index: int


def catalogue_of(statement: ReleaseStatement, roster: Roster) -> Catalogue:
    """Return the catalogue that a release follows: the one that the members agree on, or one they agreed on before.

    Tables change, releases do not: what was signed under an older catalogue holds for as long as there are readers.

    Raises:
        MalformedError: The members never agreed on that catalogue.
        VerificationError: They did, but it is not here.
    """
    named = statement.predicate.catalogue
    found = roster.catalogues.get(named.sha256)
    if found is None and named.sha256 == roster.catalogue_sha256:
        found = roster.catalogue
        if found is None:
            raise VerificationError(
                _("the table catalogue that the roster names is not here"),
                hint=_("fetch roster/targets/{digest}.catalogue.json").format(digest=roster.catalogue_sha256),
            )
    if found is None or found.version != named.version:
        raise MalformedError(
            _("release: it follows another catalogue than the roster names"),
            hint=_("the members agreed on none with that digest, or that page of the roster did not come yet"),
        )
    return found


def _check_federation(predicate: ReleasePredicate, roster: Roster, issuer: str) -> None:
    if predicate.federation != roster.federation_id:
        raise KeyNotTrustedError(
            _("release: made for the federation {found}, not {wanted}").format(
                found=predicate.federation[:16], wanted=roster.federation_id[:16]
            )
        )
    if predicate.issuer != issuer:
        raise KeyNotTrustedError(
            _("release: issued by {found}, but it stands in the log of {wanted}").format(
                found=predicate.issuer, wanted=issuer
            )
        )
    if predicate.demo != roster.demo:
        raise KeyNotTrustedError(_("release: DEMO releases belong into DEMO federations, and only there"))
    if predicate.audit.likelihood == "not run" and not roster.demo:
        raise VerificationError(
            _("release: its likelihood audit was not run, which is accepted in a DEMO federation only")
        )


def _check_table(predicate: ReleasePredicate, catalogue: Catalogue) -> TableDefinition:
    try:
        table = catalogue.table(predicate.table.id)
    except ConfigError as error:
        raise MalformedError(_("release: {what}").format(what=error.message), hint=error.hint) from None
    if (table.id, table.version) != (predicate.table.id, predicate.table.version):
        raise MalformedError(
            _("release: {table} is version {have} in the catalogue, not {found}").format(
                table=table.id, have=table.version, found=predicate.table.version
            )
        )
    if all(one is not table for one in planned_tables(catalogue, predicate.issuer, predicate.slice.value)):
        raise MalformedError(
            _("release: {table} does not stand at {period} for {state}").format(
                table=table.id, period=predicate.slice.period, state=predicate.issuer
            ),
            hint=_("the catalogue places each table by year or in three-year blocks"),
        )
    if predicate.metadata.unit != table.unit:
        raise MalformedError(
            _("release: {table} counts {wanted}, not {found}").format(
                table=table.id, wanted=table.unit, found=predicate.metadata.unit
            )
        )
    return table


def verify_data(statement: ReleaseStatement, data: bytes, catalogue: Catalogue) -> tuple[Observation, ...]:
    """Check that a data file is the one that was signed, and holds what the statement says.

    1. Its SHA-256 is the statement's subject (in-toto Statement v1, ``subject``).
    2. It is canonical SDMX-CSV of one table of the catalogue, every cell once: ``parse_csv``.
    3. Table, state and period are the statement's.
    4. So are the numbers of shown and withheld cells.

    Raises:
        BadProofError: Rule 1.
        MalformedError: Rules 2 to 4.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest != statement.data_sha256:
        raise BadProofError(
            _("data file: its digest is {found}, the officers signed {wanted}").format(
                found=digest[:16], wanted=statement.data_sha256[:16]
            ),
            hint=_("the file was changed after signing; ask the issuer for the original"),
        )
    parsed = parse_csv(data, catalogue)
    predicate = statement.predicate
    found = (parsed.table.id, parsed.state, parsed.period.text)
    if found != (predicate.table.id, predicate.issuer, predicate.slice.period):
        raise MalformedError(
            _("data file: it holds {found}, the statement says {wanted}").format(
                found=" ".join(found),
                wanted=f"{predicate.table.id} {predicate.issuer} {predicate.slice.period}",
            )
        )
    withheld = data.count(b",Q,C\n")
    if (predicate.audit.shown, predicate.audit.withheld) != (len(parsed.observations) - withheld, withheld):
        raise MalformedError(
            _("data file: it withholds {found} cells, the statement says {wanted}").format(
                found=withheld, wanted=predicate.audit.withheld
            )
        )
    return parsed.observations


_Opened: TypeAlias = tuple[Envelope, ReleaseStatement | UnknownStatement]


def _open(entry: bytes) -> _Opened:
    envelope = parse_envelope(entry)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise MalformedError(
            _("log entry: payload type {found} where {wanted} belongs").format(
                found=envelope.payload_type[:80], wanted=PAYLOAD_TYPE
            )
        )
    return envelope, parse_payload(envelope.payload)


def verify_release(
    envelope: bytes, index: int, data: bytes | None, roster: Roster, issuer: str
) -> VerifiedRelease | UnknownEntry:
    """Check one entry of a state's log.

    1. It is a DSSE envelope of an in-toto Statement v1 in canonical form (dsse/envelope.md; RFC 8785). A predicate
       type that is not ours ends here: the entry is kept and named.
    2. Enough different officers signed the exact payload: those that the roster names for this state and has not
       refused at this log index; key ids are recomputed, one person counts once (dsse/protocol.md; DESIGN, section 5).
    3. It is for this federation, by the state whose log it stands in, DEMO exactly if the federation is; an audit
       whose likelihood part was not run is accepted in a DEMO federation only.
    4. It follows a catalogue that the roster names or named; its table is in it, in this version and unit, and
       stands at this period for this state (``planned_tables``), and whatever it compares is a cell of that table.
       The audience can only be the whole federation.
    5. The data file, where at hand, is the signed one: ``verify_data``.

    Args:
        envelope: The entry, verbatim.
        index: Its index in the issuer's log.
        data: The data file, or None where it was not delivered (yet).
        roster: The verified roster.
        issuer: State whose log it is, alpha-3.

    Raises:
        MalformedError: Rules 1, 4, 5.
        BadSignatureError: Rule 2.
        KeyNotTrustedError: Rules 2 and 3.
        BadProofError: Rule 5, the digest.
        VerificationError: Rule 3, the audit; or the catalogue is not here.
    """
    opened = _open(envelope)
    found = _judge(envelope, index, opened, _signers(index, opened, roster, issuer), roster, issuer)
    if data is None or isinstance(found, UnknownEntry):
        return found
    return replace(found, observations=verify_data(found.statement, data, catalogue_of(found.statement, roster)))


def verify_releases(
    entries: Sequence[bytes], first: int, roster: Roster, issuer: str
) -> list[VerifiedRelease | UnknownEntry]:
    """Check a run of entries of one log by rules 1 to 4 of ``verify_release``, each step for all before the next.

    A tenth faster than one entry after the other. What it raises is about some entry of the run: ``verify_release``,
    asked for each in turn, says which.

    Args:
        entries: Entries in the order of the log.
        first: Log index of the first of them.
        roster: The verified roster.
        issuer: State whose log it is, alpha-3.

    Raises:
        VerificationError: As ``verify_release``.
    """
    opened = [_open(entry) for entry in entries]
    signers = [_signers(index, one, roster, issuer) for index, one in enumerate(opened, first)]
    run = zip(entries, opened, signers, strict=True)
    return [_judge(entry, index, one, who, roster, issuer) for index, (entry, one, who) in enumerate(run, first)]


def _signers(index: int, opened: _Opened, roster: Roster, issuer: str) -> tuple[str, ...]:
    """Rule 2: return the names of those whose signatures count; nobody's are asked for where the kind is unknown."""
    envelope, statement = opened
    if isinstance(statement, UnknownStatement):
        return ()
    officers = roster.state(issuer).officers_for(index)
    return tuple(officer.name for officer in verify_threshold(envelope, officers, roster.officer_threshold))


def _judge(
    entry: bytes, index: int, opened: _Opened, signers: tuple[str, ...], roster: Roster, issuer: str
) -> VerifiedRelease | UnknownEntry:
    """Rules 3 and 4, for what was opened and is signed."""
    envelope, statement = opened
    identity = payload_id(envelope.payload)
    if isinstance(statement, UnknownStatement):
        return UnknownEntry(statement.predicate_type, identity, entry, index)
    _check_federation(statement.predicate, roster, roster.state(issuer).code)
    catalogue = catalogue_of(statement, roster)
    table = _check_table(statement.predicate, catalogue)
    check_comparisons(statement.predicate.metadata.comparisons, catalogue, table)
    return VerifiedRelease(
        statement=statement,
        payload_id=identity,
        envelope=entry,
        index=index,
        officers=signers,
        observations=None,
        data_sha256=statement.data_sha256,
    )
