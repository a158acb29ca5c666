"""The publication table: one row a release, and the only place where its state changes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tallystick.config.clock import rfc3339
from tallystick.config.errors import StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period, parse_period
from tallystick.exchange.formats.statement import ReleaseStatement, parse_payload, payload_id
from tallystick.node.desk.database import Database
from tallystick.node.desk.states import PublicationState, check_transition

__all__ = ["Publication", "PublicationTable"]

_COLUMNS = (
    "payload_id, period, table_id, revision, state, salt, payload, data, briefing, sealed, envelope, log_index, reason,"
    " changed_at"
)


@dataclass(frozen=True)
class Publication:
    """One release on its way; what was drafted never changes, only where it stands.

    Attributes:
        payload_id: Hex SHA-256 of ``payload``: the release's identity.
        period: Year or block.
        table_id: Table of the catalogue.
        revision: 1 until there are revision rounds.
        state: Where it stands.
        salt: 32 bytes, opens the commitment; sealed.
        payload: The exact statement.
        data: The exact data file.
        briefing: What officers are told beside it.
        sealed: ``ReleasedSlice.to_dict`` as JSON: what later audits must know of it and no peer may; sealed.
        envelope: Payload and signatures as they go into the log, from ``signed`` on.
        log_index: Index in the state's own log, from ``logged`` on.
        reason: Why it was refused.
        changed_at: RFC 3339 time of the last step.
    """

    payload_id: str
    period: Period
    table_id: str
    revision: int
    state: PublicationState
    salt: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    data: bytes = field(repr=False)
    briefing: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    envelope: bytes | None = field(default=None, repr=False)
    log_index: int | None = None
    reason: str | None = None
    changed_at: str = ""

    @property
    def statement(self) -> ReleaseStatement:
        """The payload, parsed."""
        found = parse_payload(self.payload)
        if not isinstance(found, ReleaseStatement):
            raise StoreError(_("desk.db: {slice} is a statement of an unknown kind").format(slice=self.slice_name))
        return found

    @property
    def slice_name(self) -> str:
        """Period and table, as people type them."""
        return f"{self.period.text} {self.table_id}"


def _row(values: tuple[Any, ...]) -> Publication:
    identity, period, table_id, revision, state, *rest = values
    return Publication(identity, parse_period(period), table_id, revision, PublicationState(state), *rest)


class PublicationTable:
    """Reads and steps; writes happen inside a transaction of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _select(self, where: str = "", *values: object) -> tuple[Publication, ...]:
        found = self._database.read(f"SELECT {_COLUMNS} FROM publication {where}", values)  # noqa: S608 - our own text
        return tuple(_row(row) for row in found)

    def all(self) -> tuple[Publication, ...]:
        """Return every row, block by block, its years first, in the order in which the tables were drafted."""
        return tuple(sorted(self._select("ORDER BY rowid"), key=lambda row: (row.period.last, row.period.is_block)))

    def of_period(self, period: Period) -> tuple[Publication, ...]:
        """Return the rows of a period in the order in which they were drafted."""
        return self._select("WHERE period = ? ORDER BY rowid", period.text)

    def one(self, period: Period, table_id: str) -> Publication:
        """Return the newest row of a slice.

        Raises:
            UsageError: It was never drafted.
        """
        found = self._select(
            "WHERE period = ? AND table_id = ? ORDER BY revision DESC LIMIT 1", period.text, table_id.upper()
        )
        if not found:
            raise UsageError(
                _("{period} {table} was never drafted").format(period=period.text, table=table_id[:60]),
                hint=_("see: tallystick release list"),
            )
        return found[0]

    def by_id(self, identity: str) -> Publication | None:
        """Return a row by payload id."""
        found = self._select("WHERE payload_id = ?", identity)
        return found[0] if found else None

    def in_state(self, *states: PublicationState) -> tuple[Publication, ...]:
        """Return the rows in any of ``states``, oldest draft first."""
        marks = ", ".join("?" * len(states))
        return self._select(f"WHERE state IN ({marks}) ORDER BY rowid", *(state.value for state in states))

    def logged_size(self) -> int:
        """Return how many entries of the log this table knows: one more than its highest index."""
        found = self._database.read("SELECT coalesce(max(log_index) + 1, 0) FROM publication")
        return int(found[0][0])

    def logged_from(self, first: int) -> tuple[Publication, ...]:
        """Return the rows that stand in the log at ``first`` and after, in the log's order."""
        return self._select("WHERE log_index >= ? ORDER BY log_index", first)

    def add(self, new: Publication) -> None:
        """Add a draft.

        Raises:
            StoreError: The slice has this revision already.
        """
        if new.state is not PublicationState.DRAFTED or payload_id(new.payload) != new.payload_id:
            raise StoreError(_("{slice}: only a draft can be added").format(slice=new.slice_name))
        values = (
            new.payload_id, new.period.text, new.table_id, new.revision, new.state.value, new.salt, new.payload,
            new.data, new.briefing, new.sealed, new.envelope, new.log_index, new.reason, new.changed_at,
        )  # fmt: skip
        marks = ", ".join("?" * len(values))
        self._database.write(f"INSERT INTO publication ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608 - our own text

    def step(
        self,
        old: Publication,
        state: PublicationState,
        at: datetime,
        *,
        envelope: bytes | None = None,
        log_index: int | None = None,
        reason: str | None = None,
    ) -> Publication:
        """Move a release on; the only statement that changes a state.

        Args:
            old: The row as the caller saw it; if it has moved since, nothing happens.
            state: Where it goes.
            at: When.
            envelope: What was signed, where this step is the one that brings it.
            log_index: Where it stands in the log, likewise.
            reason: Why, for a refusal.

        Raises:
            StoreError: No such transition, or the row has moved.
        """
        check_transition(old.slice_name, old.state, state)
        changed = self._database.write(
            "UPDATE publication SET state = ?, changed_at = ?, envelope = coalesce(?, envelope),"
            " log_index = coalesce(?, log_index), reason = coalesce(?, reason) WHERE payload_id = ? AND state = ?",
            (state.value, rfc3339(at), envelope, log_index, reason, old.payload_id, old.state.value),
        )
        if changed != 1:
            raise StoreError(_("{slice} was changed by somebody else meanwhile").format(slice=old.slice_name))
        return self._select("WHERE payload_id = ?", old.payload_id)[0]

    def is_complete(self) -> bool:
        """Tell whether the log indices that are known leave no gap."""
        known = self._database.read("SELECT count(log_index) FROM publication")[0][0]
        return bool(known == self.logged_size())
