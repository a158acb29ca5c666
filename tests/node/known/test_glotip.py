"""UNODC's workbook: every row is taken, a duplicate, or reported with its reason; nothing is guessed."""

import csv
import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook as Book
from openpyxl import load_workbook

from tallystick.config.codes import almaty_states, document
from tallystick.config.errors import MalformedError
from tallystick.node.known import glotip
from tallystick.node.known.countries import country_of, is_misencoded
from tallystick.node.known.figure import Glotip, parse_official
from tallystick.node.known.glotip import COLUMNS, Workbook, read_workbook

REAL = Path(__file__).parents[4] / "shared" / "data" / "unodc_glotip_2023_sample.xlsx"
VICTIMS = "Detected trafficking victims"
HEADINGS = (
    *("Iso3_code", "Country", "Region", "Subregion", "Indicator", "Dimension", "Category"),
    *("Sex", "Age", "Year", "Unit of measurement", "txtVALUE", "Source"),
)


def a_row(**changes: object) -> list[object]:
    row: dict[str, object] = {
        "Iso3_code": "KAZ", "Country": "Kazakhstan", "Region": "Asia", "Subregion": "Central Asia",
        "Indicator": VICTIMS, "Dimension": "Total", "Category": "Total", "Sex": "Total", "Age": "Total",
        "Year": 2020, "Unit of measurement": "Counts", "txtVALUE": "92", "Source": "GLOTIP",
    }  # fmt: skip
    names = {"value": "txtVALUE", "state": "Iso3_code", "unit": "Unit of measurement"}
    given = {names.get(name, name.capitalize()): value for name, value in changes.items()}
    return list({**row, **given}.values())


def a_book(folder: Path, rows: Sequence[Sequence[object]], titles: int = 0) -> Path:
    book = Book()
    sheet = book.active
    assert sheet is not None
    sheet.title = "data_glotip_1"
    for number in range(titles):
        sheet.append([f"title {number}"])
    sheet.append(HEADINGS)
    for row in rows:
        sheet.append(list(row))
    path = folder / "glotip.xlsx"
    book.save(path)
    return path


def read(folder: Path, *rows: Sequence[object], state: str | None = "KAZ", titles: int = 0) -> Workbook:
    return read_workbook(a_book(folder, rows, titles), "UNODC", state)


def test_a_figure_is_taken_with_its_place_and_digest(tmp_path: Path) -> None:
    found = read(tmp_path, a_row(), titles=2)
    (figure,) = found.figures["KAZ"]
    assert (figure.source, figure.period.text, figure.official) == ("UNODC", "2020", "92")
    assert figure.subject == Glotip(VICTIMS, "Total", "Total", "Total", "Total")
    assert figure.place == "glotip.xlsx, data_glotip_1, row 4"
    assert figure.file_sha256 == found.sha256
    assert found.reported == ()


def test_other_states_are_counted_and_left(tmp_path: Path) -> None:
    found = read(tmp_path, a_row(), a_row(state="KGZ"), a_row(state="TJK"))
    assert (found.rows, found.others, list(found.figures)) == (3, 2, ["KAZ"])


@pytest.mark.parametrize(
    ("printed", "official"),
    [("92", "92"), (92, "92"), ("1,118", "1118"), ("<5", "<5"), ("< 5", "<5"), ("0", "0"), ("11,478,000", "11478000")],
)
def test_counts_are_read_as_they_are_printed(tmp_path: Path, printed: object, official: str) -> None:
    assert read(tmp_path, a_row(value=printed)).figures["KAZ"][0].official == official


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": "11,47"}, "neither a whole number"),
        ({"value": "about 5"}, "neither a whole number"),
        ({"value": "-3"}, "neither a whole number"),
        ({"value": None}, "neither a whole number"),
        ({"value": "2.5"}, "neither a whole number"),
        ({"year": "20x0"}, "not a year"),
        ({"year": 1066}, "not a year"),
        ({"unit": "Rate"}, "not a count"),
        ({"indicator": "Detected aliens"}, "Indicator: a value"),
        ({"sex": "F"}, "Sex: a value"),
        ({"age": "child"}, "Age: a value"),
        ({"dimension": "by mood"}, "Dimension: a value"),
        ({"dimension": "by citizenship", "category": None}, "no category"),
        ({"dimension": "by citizenship", "category": "N/A"}, "no country or category"),
        ({"dimension": "by citizenship", "category": "97 albanian"}, "no country or category"),
        ({"dimension": "by citizenship", "category": "T\ufffdrkiye"}, "broken by its encoding"),
        ({"dimension": "by citizenship", "category": "TÃ¼rkiye"}, "broken by its encoding"),
        ({"dimension": "by form of exploitation", "category": "Begging"}, "no country or category"),
    ],
    ids=str,
)
def test_what_cannot_be_taken_is_reported_with_row_and_reason(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    found = read(tmp_path, a_row(), a_row(**change))
    (one,) = found.reported
    assert one.row == 3
    assert reason in one.reason
    assert not one.duplicate
    assert len(found.figures["KAZ"]) == 1


def test_equal_rows_are_one_figure_and_named_duplicates(tmp_path: Path) -> None:
    found = read(tmp_path, a_row(), a_row(), a_row())
    assert len(found.figures["KAZ"]) == 1
    assert [(one.row, one.duplicate, one.reason) for one in found.reported] == [
        (3, True, "says the same as row 2"),
        (4, True, "says the same as row 2"),
    ]
    assert found.duplicates == 2


def test_rows_that_contradict_each_other_are_all_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, a_row(), a_row(value="<5"), a_row())
    assert found.figures == {}
    assert [(one.row, one.reason) for one in found.reported] == [
        (2, "row 3 says otherwise about the same"),
        (3, "row 2 says otherwise about the same"),
        (4, "row 3 says otherwise about the same"),
    ]


def test_without_a_state_all_are_read_and_codes_of_none_are_reported(tmp_path: Path) -> None:
    found = read(tmp_path, a_row(), a_row(state="EEU"), a_row(state=None), a_row(state="KGZ"), state=None)
    assert set(found.figures) == {"KAZ", "KGZ"}
    assert [one.row for one in found.reported] == [3, 4]


def test_the_same_table_as_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "glotip.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([HEADINGS, a_row()])
    assert read_workbook(path, "UNODC", "KAZ").figures["KAZ"][0].official == "92"


def test_another_workbook_and_one_too_long_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book()
    assert book.active is not None
    book.active.append(["Name", "Born"])
    book.save(tmp_path / "register.xlsx")
    with pytest.raises(MalformedError, match="not a GLOTIP workbook"):
        read_workbook(tmp_path / "register.xlsx", "UNODC", "KAZ")
    monkeypatch.setattr(glotip, "ROW_LIMIT", 3)
    with pytest.raises(MalformedError, match="more than 3 rows"):
        read(tmp_path, *itertools.repeat(a_row(state="KGZ"), 4))


def test_what_is_no_workbook_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "glotip.xlsx"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 200)
    with pytest.raises(MalformedError):
        read_workbook(path, "UNODC", "KAZ")


def test_names_of_countries_are_whole_names_only() -> None:
    assert [country_of(name) for name in ("Kazakhstan", "UKRAINE", "Iran (Islamic Republic of)", "Türkiye")] == [
        *("KAZ", "UKR", "IRN", "TUR")
    ]
    assert [country_of(name) for name in ("N/A", "NA", "KZ", "0", "Kazakhistan", "")] == [None] * 6
    assert is_misencoded("CÃ´te d'Ivoire")
    assert not is_misencoded("Türkiye")
    assert not is_misencoded("Côte d'Ivoire")
    assert parse_official("12345678901") is None


TEXTS = st.sampled_from(
    ["KAZ", "KGZ", "", "Total", VICTIMS, "by citizenship", "Kazakhstan", "2020", "Counts", "<5", "7", "x"]
)


@given(st.lists(st.lists(TEXTS, min_size=len(HEADINGS), max_size=len(HEADINGS)), min_size=1, max_size=8))
def test_whatever_stands_in_a_row_it_is_taken_or_reported(rows: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "glotip.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([HEADINGS, *rows, a_row()])
        found = read_workbook(path, "UNODC")
    taken = sum(map(len, found.figures.values()))
    assert taken + len(found.reported) == found.rows
    assert taken >= 1 or any("says otherwise" in one.reason for one in found.reported)


@pytest.fixture(scope="module")
def real() -> Workbook:
    if not REAL.exists():
        pytest.skip("../shared/data/unodc_glotip_2023_sample.xlsx is not here")
    return read_workbook(REAL, "UNODC GLOTIP 2023")


def test_every_row_of_the_real_workbook_is_accounted_for(real: Workbook) -> None:
    taken = [int(figure.place.rpartition(" ")[2]) for of_state in real.figures.values() for figure in of_state]
    rows = sorted([*taken, *(one.row for one in real.reported)])
    assert rows == list(range(2, 15213 + 2))
    assert real.rows == 15213
    assert all(one.reason for one in real.reported)


def test_the_real_workbook_agrees_with_a_plain_reading_of_it(real: Workbook) -> None:
    sheet = load_workbook(REAL, read_only=True).worksheets[0]
    lines = list(sheet.iter_rows(min_row=2, values_only=True))
    groups: dict[tuple[object, ...], list[str]] = {}
    for line in lines:
        groups.setdefault((line[0], *line[4:10]), []).append(str(line[11]))
    for state in almaty_states():
        plain = Counter(
            (key[1:6], key[6], values[0].replace(",", ""))
            for key, values in groups.items()
            if key[0] == state and len(set(values)) == 1
        )
        ours = Counter((tuple(one.subject), one.period.first, one.official) for one in real.figures[state])
        assert ours <= plain
        left = [key for (key, _year, _value), number in (plain - ours).items() if number]
        assert all(key[1] in {"by citizenship", "by country of repatriation"} for key in left)
        assert all(key[2] is None or country_of(str(key[2])) is None for key in left)


def test_the_nine_states_totals_are_those_that_were_read_at_the_source(real: Workbook) -> None:
    for indicator, by_state in document()["reality_check"]["values"].items():
        total = Glotip(indicator, "Total", "Total", "Total", "Total")
        for state in almaty_states():
            found = {str(one.period.first): one.official for one in real.figures.get(state, ()) if one.subject == total}
            assert found == {year: text.replace(",", "") for year, text in by_state.get(state, {}).items()}
    assert set(COLUMNS) <= set(HEADINGS)
