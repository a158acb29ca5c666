"""From the register's first tables to column segments: streamed, inside the migration's transaction."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from tallystick.node.cases.circumstances import controls_of, relationship_of
from tallystick.node.cases.coding import Coded, encode, pack
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.segments import SegmentWriter

__all__ = ["completed", "move_classification", "move_superseded"]

_AT_ONCE = 10_000
_FIRST_CODED = 8
_CLASSIFIED = """
    SELECT c.record_id, r.agency_id, r.version, r.run_id, c.person_id, d.fields, c.year, c.sex, c.age, c.citizenship,
           c.area, c.forms, c.censored, c.counted
    FROM record r CROSS JOIN classification c ON c.year = r.year AND c.record_id = r.record_id
    LEFT JOIN detail d ON d.record_id = r.record_id WHERE r.record_id > ? ORDER BY r.record_id LIMIT ?"""
_SUPERSEDED = """
    SELECT record_id, version, run_id, replaced_by, replaced_at, person_id, fields, sealed, year, sex, age, citizenship,
           area, forms, censored, counted FROM superseded"""


@lru_cache(maxsize=4096)
def _circumstances(fields: str | None) -> Coded:
    details = json.loads(fields) if fields else {}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in details.items()}
    record = CaseRecord("-", "-", 2000, relationship=relationship_of(found), controls=controls_of(found))
    return encode(record)[_FIRST_CODED:]


def completed(coded: Sequence[int], fields: str | None) -> Coded:
    """Return the first version's classification with what the details say of relationship and methods of control."""
    return (*coded, *_circumstances(fields))


def move_classification(connection: Any) -> None:  # noqa: ANN401 - sqlcipher3 brings no types
    """Write every record's classification into column segments."""
    segments = SegmentWriter(connection)
    last = 0
    while rows := connection.execute(_CLASSIFIED, [last, _AT_ONCE]).fetchall():
        for record_id, agency, version, run, person_id, fields, *coded in rows:
            segments.extend(record_id, [pack(completed(coded, fields))], [agency], run, person_id, version=version)
        last = rows[-1][0]
    segments.flush()


def move_superseded(connection: Any) -> None:  # noqa: ANN401 - as above
    """Copy earlier versions, their classification packed."""

    def moved() -> Iterator[tuple[Any, ...]]:
        for record_id, version, run, by, at, person_id, fields, sealed, *coded in connection.execute(_SUPERSEDED):
            packed = pack(completed(coded, fields))
            yield record_id, version, run, by, at, person_id, packed, fields, sealed

    rows = moved()
    while batch := list(islice(rows, _AT_ONCE)):
        connection.executemany("INSERT INTO superseded_2 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
