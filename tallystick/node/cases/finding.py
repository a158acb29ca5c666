"""Finding cases: by number through the register's index, by codes through the column segments."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.node.cases.coding import ROLE_SHIFT, decode, m49_to_alpha3, unpack
from tallystick.node.cases.record import AGES, FORMS, ROLES, SEXES
from tallystick.node.cases.segments import SEGMENT_ROWS, SegmentReader, last_segment, read_columns
from tallystick.node.cases.store import CaseLine, CaseQuery, case_line

__all__ = ["find_cases"]

_FEW = 4096
_ROWS_AT_ONCE = 500
_LAST_CHARACTER = "\U0010ffff"
_BY_PREFIX = """
    SELECT record_id, agency_case_id FROM record
    WHERE agency_id = ?1 AND agency_case_id >= ?2 AND agency_case_id < ?3 ORDER BY agency_case_id"""
_LINES = """
    SELECT record_id, name, agency_case_id, version, sealed IS NOT NULL, fields ->> 'cas_Status'
    FROM json_each(?) JOIN record ON record_id = value JOIN agency USING (agency_id)"""

Columns = Mapping[str, NDArray[Any]]
Test = tuple[str, Callable[[NDArray[Any]], NDArray[np.bool_]]]


def find_cases(connection: Any, query: CaseQuery) -> list[CaseLine]:  # noqa: ANN401 - sqlcipher3 brings no types
    """Return what ``CaseStore.find`` returns, out of an open register."""
    names = dict(connection.execute("SELECT agency_id, name FROM agency").fetchall())
    agencies = [number for number, name in names.items() if query.agency in {None, name}]
    tests = _tests(query)
    if query.number is None:
        asked = [("agency", agencies[0])] if query.agency is not None and agencies else []
        tests = [*tests, *((name, _equals(value)) for name, value in asked)]
        ids = list(_newest(connection, tests, query.limit)) if agencies else []
        return _lines(connection, ids)
    by_number = _by_exact if query.prefix is None else _by_prefix
    lines = by_number(connection, query, agencies, tests)
    return sorted(lines, key=lambda line: (line.number, line.agency))[: query.limit]


def _equals(value: int) -> Callable[[NDArray[Any]], NDArray[np.bool_]]:
    return lambda column: column == value


def _tests(query: CaseQuery) -> list[Test]:
    """Return what each column must hold; those that leave out most come first, the rest is then read less often."""
    countries = {code: number for number, code in m49_to_alpha3().items()}
    tests: list[Test] = []
    if query.years is not None:
        first, last = query.years
        tests.append(("year", lambda column: (column >= first) & (column <= last)))
    exact = (
        ("citizenship", query.citizenship, countries),
        ("area", query.area, countries),
        ("age", query.age, {code: number for number, code in enumerate(AGES)}),
        ("sex", query.sex, {code: number for number, code in enumerate(SEXES)}),
    )
    tests += [(name, _equals(numbers.get(code, -1))) for name, code, numbers in exact if code is not None]
    if query.form is not None:
        bit = 1 << FORMS.index(query.form) if query.form in FORMS else 0
        tests.append(("forms", lambda column: column & bit > 0))
    if query.role is not None:
        role = ROLES.index(query.role) if query.role in ROLES else -1
        tests.append(("flags", lambda column: column >> ROLE_SHIFT == role))
    return tests


def _matching(columns: Columns, tests: list[Test]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] | None = None
    for name, fits in (*tests, ("year", lambda column: column > 0)):
        fitting = fits(columns[name])
        found = fitting if found is None else found & fitting
        if not found.any():
            break
    return found if found is not None else np.zeros(0, dtype=np.bool_)


def _newest(connection: Any, tests: list[Test], limit: int) -> Iterator[int]:  # noqa: ANN401 - as above
    names = ("year", *(name for name, _fits in tests))
    left = limit
    for segment in range(last_segment(connection), -1, -1):
        (columns,) = read_columns(connection, names, segment, segment + 1)
        found = np.flatnonzero(_matching(columns, tests))[::-1][:left]
        yield from (segment * SEGMENT_ROWS + found).tolist()
        left -= len(found)
        if not left:
            return


def _by_exact(
    connection: Any,  # noqa: ANN401 - as above
    query: CaseQuery,
    agencies: list[int],
    tests: list[Test],
) -> list[CaseLine]:
    sql = "SELECT record_id FROM record WHERE agency_id = ? AND agency_case_id = ?"
    rows = [connection.execute(sql, [agency, query.number]).fetchone() for agency in agencies]
    ids = [row[0] for row in rows if row is not None]
    return _lines(connection, [record_id for record_id in ids if _fits(connection, record_id, tests)])


def _fits(connection: Any, record_id: int, tests: list[Test]) -> bool:  # noqa: ANN401 - as above
    segment, at = divmod(record_id, SEGMENT_ROWS)
    (columns,) = read_columns(connection, [name for name, _fits in tests], segment, segment + 1)
    return all(bool(fits(columns[name][at : at + 1])[0]) for name, fits in tests)


def _by_prefix(
    connection: Any,  # noqa: ANN401 - as above
    query: CaseQuery,
    agencies: list[int],
    tests: list[Test],
) -> list[CaseLine]:
    """Walk the index from the prefix on, agency by agency, until enough fit; few that fit are looked up instead."""
    prefix = query.prefix or ""
    fitting = _all_fitting(connection, tests) if tests else None
    if fitting is not None and np.count_nonzero(fitting) <= _FEW:
        lines = _lines(connection, np.flatnonzero(fitting).tolist())
        return [line for line in lines if line.number.startswith(prefix) and query.agency in {None, line.agency}]
    ids: list[int] = []
    for agency in agencies:
        cursor = connection.execute(_BY_PREFIX, [agency, prefix, prefix + _LAST_CHARACTER])
        ids += _first_fitting(cursor, fitting, query.limit)
    return _lines(connection, ids)


def _first_fitting(cursor: Any, fitting: NDArray[np.bool_] | None, limit: int) -> list[int]:  # noqa: ANN401 - as above
    found: list[int] = []
    while len(found) < limit and (rows := cursor.fetchmany(_ROWS_AT_ONCE)):
        found += [row[0] for row in rows if fitting is None or fitting[row[0]]]
    return found[:limit]


def _all_fitting(connection: Any, tests: list[Test]) -> NDArray[np.bool_]:  # noqa: ANN401 - as above
    names = ("year", *(name for name, _fits in tests))
    found = np.zeros((last_segment(connection) + 1) * SEGMENT_ROWS, dtype=np.bool_)
    for segment, columns in enumerate(read_columns(connection, names)):
        fits = _matching(columns, tests)
        found[segment * SEGMENT_ROWS : segment * SEGMENT_ROWS + len(fits)] = fits
    return found


def _lines(connection: Any, record_ids: list[int]) -> list[CaseLine]:  # noqa: ANN401 - as above
    """Return the lines of records, in the order of their ids' list."""
    held = {row[0]: row[1:] for row in connection.execute(_LINES, [json.dumps(record_ids)])}
    reader = SegmentReader(connection)
    lines = []
    for record_id in record_ids:
        agency, number, version, has_identity, status = held[record_id]
        record = decode(agency, number, unpack(reader.coded(record_id)))
        lines.append(case_line(record, version, has_identity=bool(has_identity), status=status or ""))
    return lines
