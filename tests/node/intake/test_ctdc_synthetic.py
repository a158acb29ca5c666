"""CTDC's synthetic rows: 27 columns, composites never expanded, labelled as no persons."""

import pytest

from tallystick.config.codes import document
from tallystick.config.errors import MalformedError
from tallystick.node.cases.record import CaseRecord
from tests.node.intake.conftest import Desk

COLUMNS = document()["fields"]["CTDC_global_synthetic_2025(27)"]
COMPOSITES = ("meansDebtBondageEarnings", "meansThreats", "meansAbusePsyPhySex", "meansDenyBasicNeeds")
FORMAT = "ctdc-synthetic"


def a_row(**changes: str) -> dict[str, str]:
    known = {"yearOfRegistration": "2019", "gender": "Woman", "ageBroad": "18--20", "CountryOfExploitation": "KAZ"}
    return {**dict.fromkeys(COLUMNS, ""), **known, **changes}


def only(desk: Desk) -> CaseRecord:
    (versions,) = desk.store._cases.values()
    return versions[-1].record


def test_a_row_becomes_a_record_labelled_synthetic_and_censored(desk: Desk) -> None:
    report = desk.take([a_row(citizenship="UZB")], FORMAT, agency=None)
    found = only(desk)
    assert (found.agency, found.year, found.sex, found.age) == ("CTDC synthetic", 2019, "F", "Y18T20")
    assert (found.citizenship, found.exploitation_area, found.censored) == ("UZB", "KAZ", True)
    assert any("no row is a person" in note for note in report.notes)
    assert len(COLUMNS) == 27


@pytest.mark.parametrize("column", COMPOSITES)
def test_a_composite_stays_a_detail_and_is_no_method_of_control(desk: Desk, column: str) -> None:
    desk.take([a_row(**{column: "1"})], FORMAT)
    assert only(desk).controls == set()
    assert only(desk).details == {column: True}


@pytest.mark.parametrize(
    ("changes", "controls", "relationship", "forms"),
    [
        ({"meansFalsePromises": "1", "meansDrugsAlcohol": "1.0"}, {"PROMISES", "DRUGS"}, "_U", set()),
        ({"meansExcessiveWorkHours": "1", "meansWithholdDocs": "1"}, {"HOURS", "DOCUMENTS"}, "_U", set()),
        ({"meansFalsePromises": "0"}, set(), "_U", set()),
        ({"recruiterRelationIntimatePartner": "1"}, set(), "PRT", set()),
        ({"recruiterRelationFamily": "1", "recruiterRelationOther": "1"}, set(), "MULTI", set()),
        ({"isForcedLabour": "1", "isSexualExploit": "1"}, set(), "_U", {"FL", "SX"}),
        ({"isOtherExploit": "1", "sectorOfLabourAgriculture": "1"}, set(), "_U", {"OP"}),
        ({"sectorOfSexProstitution": "1"}, set(), "_U", set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_what_the_columns_support(
    desk: Desk, changes: dict[str, str], controls: set[str], relationship: str, forms: set[str]
) -> None:
    desk.take([a_row(**changes)], FORMAT)
    found = only(desk)
    assert (found.controls, found.relationship, found.forms) == (controls, relationship, forms)


@pytest.mark.parametrize("gender", [("Man", "M"), ("Trans/Transgender/NonConforming", "_O"), ("", "_U")])
def test_genders(desk: Desk, gender: tuple[str, str]) -> None:
    desk.take([a_row(gender=gender[0])], FORMAT)
    assert only(desk).sex == gender[1]


def test_months_are_kept_where_they_are_a_range_and_else_reported(desk: Desk) -> None:
    rows = [
        a_row(traffickMonths="13--24 (1-2 yrs)"),
        a_row(traffickMonths="25+ (2+ yrs)"),
        a_row(traffickMonths="ever"),
    ]
    report = desk.take(rows, FORMAT)
    assert (report.stored.added, report.changed_values) == (3, 1)
    assert report.changed[0][1][:3] == ("traffickMonths", "ever", "")
    kept = {str(found[-1].record.details.get("traffickMonths")) for found in desk.store._cases.values()}
    assert kept == {"13--24 (1-2 yrs)", "25+ (2+ yrs)", "None"}


def test_two_letters_are_no_country_here_so_that_a_missing_value_is_not_namibia(desk: Desk) -> None:
    report = desk.take([a_row(citizenship="NA"), a_row(CountryOfExploitation="KZ"), a_row(citizenship="")], FORMAT)
    assert [(found.row, found.field, found.value) for found in report.first] == [
        (2, "citizenship", "NA"),
        (3, "CountryOfExploitation", "KZ"),
    ]
    assert report.stored.added == 1


def test_the_same_rows_again_add_nothing(desk: Desk) -> None:
    rows = [a_row(), a_row(), a_row(meansThreats="1")]
    assert desk.take(rows, FORMAT).stored.added == 3
    assert desk.take(rows, FORMAT).stored.unchanged == 3


def test_the_other_dataset_s_columns_are_refused(desk: Desk) -> None:
    with pytest.raises(MalformedError, match="not a CTDC synthetic file"):
        desk.take([{**a_row(), "majorityStatus": "Adult"}], FORMAT)
    with pytest.raises(MalformedError, match="not a CTDC file"):
        desk.take([a_row()], "ctdc")
