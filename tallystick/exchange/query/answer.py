"""What an answer holds: rows, what must be said about them, and who says so."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tallystick.config.catalogue import CellKey
from tallystick.exchange.query.figures import Kind
from tallystick.exchange.query.slices import Slice

__all__ = ["EVERY", "Answer", "Provenance", "Row", "provenance_of"]

EVERY = "*"
"""Stands in a row's key where the row is about all cells (a slice that was not released)."""


@dataclass(frozen=True)
class Row:
    """One line of an answer.

    Attributes:
        state: Alpha-3, or None where states were summed.
        period: Year, block, or several years joined by ``+``.
        freq: ``A`` for years, ``A3`` for blocks: never summed together.
        key: One code per dimension of the table; ``_T`` where it was summed, ``*`` where the row is about all.
        kind: ``shown``, ``withheld``, ``sum``, ``not_released``, ``missing``.
        value: The published figure or the sum of those shown; None where none is.
        low: Smallest true count that fits; None where nothing was released.
        high: Largest; None where nothing bounds it.
        noise_sd: Standard deviation of the noise in ``value``; None where it is unknown.
        basis: Where the figure comes from, in words.
        releases: Payload ids of the releases it rests on; ``Answer.provenance`` has more.
        states: The states that are in it.
        not_released: States that released nothing here.
        missing: States of which nothing is here.
        withheld: Withheld cells in it.
    """

    state: str | None
    period: str
    freq: str
    key: CellKey
    kind: Kind
    value: int | None
    low: int | None
    high: int | None
    noise_sd: float | None
    basis: str
    releases: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    not_released: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    withheld: int = 0

    @property
    def release(self) -> str | None:
        """The release it rests on, where it is one."""
        return self.releases[0] if len(self.releases) == 1 else None


@dataclass(frozen=True)
class Provenance:
    """Who says so: one release.

    Attributes:
        payload_id: Identity of the release: SHA-256 of what the officers signed.
        state: Alpha-3 of the issuer.
        table: Table id.
        period: Year or block.
        revision: 1 for the first.
        log_index: Place in the state's log.
        officers: Names of the officers whose signatures count.
        status: ``not witnessed`` in a DEMO federation.
        method: Id, profile and tellable parameters.
        audit: The attack audit's figures.
        metadata: Unit, sources, legal definition, cut-off and the rest, as the state gave them.
        handling: Handling code.
        demo: Released in a DEMO federation.
    """

    payload_id: str
    state: str
    table: str
    period: str
    revision: int
    log_index: int
    officers: tuple[str, ...]
    status: str
    method: Mapping[str, Any]
    audit: Mapping[str, Any]
    metadata: Mapping[str, Any]
    handling: str
    demo: bool


@dataclass(frozen=True)
class Answer:
    """Everything about one question.

    Attributes:
        table: Table id.
        unit: ``persons`` or ``reports``, as the table counts in one state.
        dimensions: The table's dimensions, in the order of the rows' keys.
        rows: In the order of states, periods and cells.
        notes: What must be said beside the figures.
        provenance: By payload id, every release that any row rests on.
    """

    table: str
    unit: str
    dimensions: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    provenance: Mapping[str, Provenance]

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON values."""
        return {
            "table": self.table,
            "unit": self.unit,
            "dimensions": list(self.dimensions),
            "rows": [
                asdict(row) | {"key": dict(zip(self.dimensions, row.key, strict=True)), "release": row.release}
                for row in self.rows
            ],
            "notes": list(self.notes),
            "provenance": {identity: asdict(found) for identity, found in self.provenance.items()},
        }


def provenance_of(found: Slice) -> Provenance:
    """Say who stands behind a slice."""
    predicate = found.predicate
    return Provenance(
        payload_id=found.payload_id,
        state=found.state,
        table=found.table_id,
        period=found.period.text,
        revision=predicate["revision"],
        log_index=found.log_index,
        officers=found.officers,
        status=found.status,
        method=predicate["method"],
        audit=predicate["audit"],
        metadata=predicate["metadata"],
        handling=predicate["handling"],
        demo=predicate["demo"],
    )
