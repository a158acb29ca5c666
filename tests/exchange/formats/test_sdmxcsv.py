"""SDMX-CSV: one spelling per table; nothing else is read, nothing else is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import MalformedError
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT, MAX_VALUE, Observation, parse_csv, write_csv

CATALOGUE = load_shipped()
SEX = CATALOGUE.table("VICTIMS_SEX")
GOOD = (
    b"STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,CONF_STATUS\n"
    b"dataflow,TALLYSTICK:VICTIMS_SEX(1.0),I,A,KAZ,F,2018,44,A,F\n"
    b"dataflow,TALLYSTICK:VICTIMS_SEX(1.0),I,A,KAZ,M,2018,0,A,F\n"
    b"dataflow,TALLYSTICK:VICTIMS_SEX(1.0),I,A,KAZ,_O,2018,,Q,C\n"
    b"dataflow,TALLYSTICK:VICTIMS_SEX(1.0),I,A,KAZ,_U,2018,,Q,C\n"
)
CELLS = {"F": 44, "M": 0, "_O": None, "_U": None}


def observations(values: dict[str, int | None]) -> list[Observation]:
    return [Observation((key,), value, withheld=value is None) for key, value in values.items()]


def written(values: dict[str, int | None]) -> bytes:
    return write_csv(CATALOGUE, SEX, "KAZ", parse_period("2018"), observations(values))


def test_a_table_is_written_exactly_as_the_design_shows_it() -> None:
    assert written(CELLS) == GOOD


def test_the_order_of_what_is_handed_in_does_not_change_the_bytes() -> None:
    assert written(dict(reversed(CELLS.items()))) == GOOD


def test_a_file_reads_back_in_the_catalogues_order() -> None:
    parsed = parse_csv(GOOD, CATALOGUE)
    assert (parsed.table, parsed.state, parsed.period) == (SEX, "KAZ", parse_period("2018"))
    assert [one.key for one in parsed.observations] == list(CATALOGUE.cells(SEX))
    assert {one.key[0]: one.value for one in parsed.observations} == CELLS


@given(
    st.sampled_from([table.id for table in CATALOGUE.tables]),
    st.sampled_from(["2018", "2018-2020"]),
    st.lists(st.none() | st.integers(0, MAX_VALUE), min_size=1, max_size=400),
)
def test_whatever_is_written_reads_back_the_same_for_every_table(
    table_id: str, period: str, values: list[int | None]
) -> None:
    table = CATALOGUE.table(table_id)
    cells = tuple(
        Observation(key, values[at % len(values)], withheld=values[at % len(values)] is None)
        for at, key in enumerate(CATALOGUE.cells(table))
    )
    data = write_csv(CATALOGUE, table, "TUR", parse_period(period), cells)
    parsed = parse_csv(data, CATALOGUE)
    assert parsed.observations == cells
    lines = data.splitlines(keepends=True)
    assert lines[1:] == sorted(lines[1:])
    assert (parsed.table, parsed.state, parsed.period.text) == (table, "TUR", period)


def rewritten(data: bytes) -> bytes:
    parsed = parse_csv(data, CATALOGUE)
    return write_csv(CATALOGUE, parsed.table, parsed.state, parsed.period, parsed.observations)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_is_another_table_in_canonical_form(at: int, flip: int) -> None:
    bent = bytearray(GOOD)
    bent[at] ^= flip
    try:
        again = rewritten(bytes(bent))
    except MalformedError:
        return
    assert again == bytes(bent)


@given(st.integers(0, len(GOOD)), st.binary(max_size=20), st.integers(0, 30))
def test_a_spliced_file_is_refused_or_canonical(at: int, extra: bytes, cut: int) -> None:
    bent = GOOD[:at] + extra + GOOD[at + cut :]
    try:
        again = rewritten(bent)
    except MalformedError:
        return
    assert again == bent


LIES = {
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "byte 0"),
    "carriage returns": (GOOD.replace(b"\n", b"\r\n"), "line"),
    "no last newline": (GOOD[:-1], "cut off"),
    "header only": (GOOD.split(b"\n")[0] + b"\n", "no row"),
    "nothing": (b"", "cut off"),
    "rows in another order": (b"\n".join([*sorted(GOOD.split(b"\n")[:-1]), b""])[: len(GOOD)][::-1], "cut off"),
    "a cell missing": (GOOD.replace(GOOD.splitlines(keepends=True)[2], b""), "3 rows where VICTIMS_SEX has 4"),
    "a cell twice": (GOOD.replace(b",M,2018,0,", b",F,2018,0,"), "line 3"),
    "a code that is in no list": (GOOD.replace(b",M,2018,0,", b",X,2018,0,"), "line 3"),
    "another state in one row": (GOOD.replace(b"KAZ,M", b"KGZ,M"), "line 3"),
    "another period in one row": (GOOD.replace(b"M,2018", b"M,2019"), "line 3"),
    "a margin that the table has not": (GOOD.replace(b",_O,", b",_T,"), "line 4"),
    "a withheld cell with a figure": (GOOD.replace(b"2018,44,A,F", b"2018,44,Q,C"), "line 2"),
    "a shown cell without one": (GOOD.replace(b"2018,44,A,F", b"2018,,A,F"), "line 2"),
    "another confidentiality code": (GOOD.replace(b"2018,44,A,F", b"2018,44,A,N"), "line 2"),
    "two reasons for withholding": (GOOD.replace(b",Q,C\n", b",Q,D\n", 1), "line 4"),
    "a leading zero": (GOOD.replace(b",44,", b",044,"), "line 2"),
    "a sign": (GOOD.replace(b",44,", b",+44,"), "line 2"),
    "a negative figure": (GOOD.replace(b",44,", b",-4,"), "line 2"),
    "a fraction": (GOOD.replace(b",44,", b",44.0,"), "line 2"),
    "a figure beyond all persons": (GOOD.replace(b",44,", b",1000000001,"), "line 2"),
    "quotes": (GOOD.replace(b",44,", b',"44",'), "line 2"),
    "a blank": (GOOD.replace(b",44,", b", 44,"), "line 2"),
    "another agency": (GOOD.replace(b"TALLYSTICK:", b"SOMEBODY:"), "line 2"),
    "a table that does not exist": (GOOD.replace(b"VICTIMS_SEX(", b"VICTIMS_SHOE("), "VICTIMS_SHOE"),
    "another version": (GOOD.replace(b"(1.0)", b"(1.1)"), "version 1.0"),
    "a deletion": (GOOD.replace(b",I,A,", b",D,A,"), "line 2"),
    "another frequency": (GOOD.replace(b",I,A,", b",I,M,"), "line 2"),
    "a block under the yearly code": (GOOD.replace(b"2018,", b"2018-01-01/P3Y,"), "line 2"),
    "a rolling window": (GOOD.replace(b"2018,", b"2019-01-01/P3Y,"), "fixed blocks"),
    "a state in small letters": (GOOD.replace(b"KAZ", b"kaz"), "alpha-3"),
    "another header": (GOOD.replace(b"OBS_VALUE", b"OBS_VALUF"), "line 1"),
    "a column more": (GOOD.replace(b",2018,44,", b",2018,X,44,"), "columns"),
    "more than 4 MiB": (GOOD + b"x" * CSV_LIMIT, "4194304 bytes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_file_in_another_spelling_is_refused_by_its_fault(lie: str) -> None:
    data, words = LIES[lie]
    assert data != GOOD
    with pytest.raises(MalformedError) as refused:
        parse_csv(data, CATALOGUE)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"F": 1, "M": 2, "_O": 3}, "1 of 4 cells are missing, first _U"),
        ({"F": 1, "M": 2, "_O": 3, "_U": 4, "X": 5}, "has no cell X"),
    ],
)
def test_an_incomplete_table_is_not_written(values: dict[str, int | None], words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        written(values)


def test_a_cell_given_twice_is_not_written() -> None:
    with pytest.raises(MalformedError, match="F stands twice"):
        write_csv(CATALOGUE, SEX, "KAZ", parse_period("2018"), [*observations(CELLS), *observations({"F": 1})])


@pytest.mark.parametrize("state", ["kaz", "KA", "KAZZ", "K,Z", ""])
def test_a_state_that_is_no_code_is_not_written(state: str) -> None:
    with pytest.raises(MalformedError, match="alpha-3"):
        write_csv(CATALOGUE, SEX, state, parse_period("2018"), observations(CELLS))


@pytest.mark.parametrize(("value", "withheld"), [(None, False), (3, True), (-1, False), (MAX_VALUE + 1, False)])
def test_a_cell_is_either_withheld_or_a_figure_in_bounds(value: int | None, withheld: bool) -> None:
    with pytest.raises(MalformedError):
        Observation(("F",), value, withheld)
