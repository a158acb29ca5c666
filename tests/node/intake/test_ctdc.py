"""CTDC's public rows: who takes which, what flags support, labelled as already censored, idempotent without ids."""

import csv
import random
from collections import Counter
from pathlib import Path

import pytest

from tallystick.config.codes import country_alpha2_to_alpha3
from tallystick.config.errors import MalformedError
from tallystick.node.cases.record import CaseRecord
from tallystick.node.tables.overview import overview
from tests.node.intake.conftest import Desk, as_csv

REAL = Path(__file__).parents[4] / "shared" / "data" / "ctdc_cases_k11.csv"
HERE = "KZ"


def a_row(**changes: str) -> dict[str, str]:
    row = {
        "yearOfRegistration": "2016",
        "gender": "Female",
        "ageBroad": "18--20",
        "citizenship": "UZ",
        "isForcedLabour": "1.0",
        "isSexualExploit": "0.0",
        "CountryOfExploitation": HERE,
    }
    return {**row, **changes}


def only(desk: Desk) -> CaseRecord:
    """Return the one record that the register holds."""
    (versions,) = desk.store._cases.values()
    return versions[-1].record


def test_a_row_becomes_a_record_marked_as_censored(desk: Desk) -> None:
    report = desk.take([a_row()], "ctdc", agency=None)
    record = only(desk)
    assert (record.agency, record.year, record.sex, record.age) == ("CTDC", 2016, "F", "Y18T20")
    assert (record.citizenship, record.exploitation_area, record.forms) == ("UZB", "KAZ", {"FL"})
    assert record.censored
    assert record.identity is None
    assert any("already censored" in note for note in report.notes)
    assert desk.store.runs()[0].notes == report.notes
    assert desk.store.coded_rows(2016).censored.tolist() == [True]
    assert overview(desk.store, "KAZ", 2016).censored


@pytest.mark.parametrize(
    ("flags", "forms"),
    [
        (("1.0", "0.0"), {"FL"}),
        (("1", ""), {"FL"}),
        (("0.0", "1.0"), {"SX"}),
        (("1.0", "1.0"), {"SX", "FL"}),
        (("0.0", "0.0"), set()),
        (("", ""), set()),
        (("-99", "-99"), set()),
    ],
)
def test_flags_say_what_they_say_and_two_zeros_are_unknown_not_other(
    desk: Desk, flags: tuple[str, str], forms: set[str]
) -> None:
    desk.take([a_row(isForcedLabour=flags[0], isSexualExploit=flags[1])], "ctdc")
    assert only(desk).forms == forms


@pytest.mark.parametrize(
    ("column", "form"),
    [("isOtherExploit", "OP"), ("isOrganRemoval", "OG"), ("isForcedMarriage", "OP"), ("isSlaveryAndPractices", "FL")],
)
def test_flags_of_the_whole_dataset_are_read_where_they_are(desk: Desk, column: str, form: str) -> None:
    desk.take([a_row(isForcedLabour="", isSexualExploit="", **{column: "1"})], "ctdc")
    assert only(desk).forms == {form}


def test_a_composite_flag_gives_both_forms_and_no_kind_of_work(desk: Desk) -> None:
    desk.take([a_row(isForcedLabour="", isSexualExploit="", isSexAndLabour="1")], "ctdc")
    assert only(desk).forms == {"SX", "FL"}
    assert dict(only(desk).details) == {"isSexAndLabour": True}


@pytest.mark.parametrize(
    ("changes", "age"),
    [
        ({"ageBroad": ""}, "_U"),
        ({"ageBroad": "-99"}, "_U"),
        ({"ageBroad": "Unknown"}, "_U"),
        ({"ageBroad": "0--8"}, "Y0T8"),
        ({"ageBroad": "09--17"}, "Y9T17"),
        ({"ageBroad": "48+"}, "Y_GE48"),
        ({"ageBroad": "", "majorityStatus": "Minor"}, "Y0T17"),
        ({"ageBroad": "", "majorityStatus": "Unknown", "majorityStatusAtExploit": "Adult"}, "Y_GE18"),
        ({"ageBroad": "", "majorityStatus": "-99", "majorityEntry": "Adult"}, "Y_GE18"),
        ({"ageBroad": "", "majorityStatusAtExploit": "Minor"}, "_U"),
        ({"ageBroad": "", "majorityStatus": "Minor", "majorityStatusAtExploit": "Adult"}, "Y0T17"),
    ],
    ids=str,
)
def test_ages(desk: Desk, changes: dict[str, str], age: str) -> None:
    desk.take([a_row(**changes)], "ctdc")
    assert only(desk).age == age


def test_rows_go_to_the_state_of_exploitation_and_nobody_else(desk: Desk) -> None:
    areas = [HERE, "TR", "NA", "", "0", "0.0", "00", "ZZ", "-99"]
    report = desk.take([a_row(CountryOfExploitation=area) for area in areas], "ctdc")
    assert (report.stored.added, report.elsewhere, report.nowhere, report.rejected_rows) == (1, 2, 6, 0)


def test_na_is_namibia_and_zero_is_unknown(desk: Desk) -> None:
    desk.take([a_row(CountryOfExploitation="NA", citizenship="0")], "ctdc", state="NAM")
    assert (only(desk).exploitation_area, only(desk).citizenship) == ("NAM", "_U")


def test_equal_rows_are_different_people_and_the_same_ones_next_time(desk: Desk) -> None:
    rows = [a_row(), a_row(gender="Male"), a_row(), a_row()]
    assert desk.take(rows, "ctdc").stored.added == 4
    random.Random(1).shuffle(rows)
    again = desk.take(rows, "ctdc")
    assert (again.stored.added, again.stored.replaced, again.stored.unchanged) == (0, 0, 4)
    one_more = desk.take([*rows, a_row()], "ctdc")
    assert (one_more.stored.added, one_more.stored.unchanged) == (1, 4)


def test_the_order_of_columns_and_absent_empty_ones_do_not_make_new_people(desk: Desk) -> None:
    desk.take([a_row()], "ctdc")
    turned = dict(reversed(list(a_row().items())))
    assert desk.take([{**turned, "isOtherExploit": ""}], "ctdc").stored.unchanged == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"yearOfRegistration": "20x6"}, "yearOfRegistration"),
        ({"yearOfRegistration": "2099"}, "yearOfRegistration"),
        ({"gender": "F"}, "gender"),
        ({"ageBroad": "10--20"}, "ageBroad"),
        ({"citizenship": "Q9"}, "citizenship"),
        ({"isForcedLabour": "2"}, "isForcedLabour"),
        ({"CountryOfExploitation": "XX"}, "CountryOfExploitation"),
        ({"Datasource": "Rumour"}, "Datasource"),
        ({"typeOfLabourBegging": "maybe"}, "typeOfLabourBegging"),
    ],
    ids=str,
)
def test_a_value_outside_the_lists_is_named(desk: Desk, changes: dict[str, str], field: str) -> None:
    report = desk.take([a_row(), {**a_row(), **changes}], "ctdc")
    assert (report.stored.added, report.rejected_rows) == (1, 1)
    (found,) = report.first
    assert (found.row, found.field, found.value) == (3, field, changes[field])


def test_a_file_that_is_none_of_ctdcs_is_refused(desk: Desk) -> None:
    with pytest.raises(MalformedError, match="not a CTDC file"):
        desk.take([{**a_row(), "name": "x"}], "ctdc")
    with pytest.raises(MalformedError, match="missing yearOfRegistration"):
        desk.take(as_csv([a_row()]).replace("yearOfRegistration,", "", 1), "ctdc")


def test_what_an_excerpt_leaves_out_is_unknown_and_said(desk: Desk) -> None:
    report = desk.take([{"yearOfRegistration": "2016", "CountryOfExploitation": HERE}], "ctdc")
    found = only(desk)
    assert (found.sex, found.age, found.citizenship, found.forms) == ("_U", "_U", "_U", set())
    assert any("so unknown: gender, citizenship, ageBroad, isForcedLabour" in note for note in report.notes)


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data/ctdc_cases_k11.csv is not here")
@pytest.mark.parametrize("alpha2", ["MD", "KZ", "TJ", "BG"])
def test_the_real_excerpt_is_taken_row_for_row(desk: Desk, alpha2: str) -> None:
    state = country_alpha2_to_alpha3()[alpha2]
    with REAL.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    mine = [row for row in rows if row["CountryOfExploitation"] == alpha2]
    report = desk.take(REAL.read_bytes(), "ctdc", state=state)
    assert (report.rows, report.stored.added, report.rejected_rows) == (25046, len(mine), 0)
    assert report.stored.added + report.elsewhere + report.nowhere == report.rows
    assert dict(desk.store.counts_by_year()) == Counter(int(row["yearOfRegistration"]) for row in sorted(mine, key=str))
    for year in desk.store.counts_by_year():
        of_year = [row for row in mine if row["yearOfRegistration"] == str(year)]
        columns = desk.store.coded_rows(year)
        assert (columns.sex == 1).sum() == sum(row["gender"] == "Female" for row in of_year)
        assert (columns.citizenship == 0).sum() == sum(row["citizenship"] in {"", "0"} for row in of_year)
        assert ((columns.forms & 1) > 0).sum() == sum(row["isSexualExploit"] == "1.0" for row in of_year)
        assert columns.censored.all()
    assert desk.take(REAL.read_bytes(), "ctdc", state=state).stored.unchanged == len(mine)
