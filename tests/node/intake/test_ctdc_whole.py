"""CTDC's 63 columns: circumstances, texts held against flags, contradictions named; the real rows counted twice."""

import csv
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.config.codes import country_alpha2_to_alpha3, document
from tallystick.node.cases.record import CaseRecord
from tallystick.node.intake.ctdc import CtdcParser
from tallystick.node.intake.ctdc_texts import TEXTS, check_texts
from tallystick.node.intake.ctdc_values import flag_columns
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.rows import Row
from tallystick.node.intake.run import ImportReport
from tests.node.intake.conftest import Desk

REAL = Path(__file__).parents[4] / "shared" / "data" / "ctdc_cases_k11.csv"
COLUMNS = [facts["id"] for facts in document()["fields"]["CTDC_global_2020"]]


def a_row(**changes: str) -> dict[str, str]:
    """All 63 columns, as the dataset writes what is missing."""
    missing = dict.fromkeys(COLUMNS, "-99")
    known = {"yearOfRegistration": "2016", "gender": "Male", "CountryOfExploitation": "KZ", "Datasource": "Hotline"}
    return {**missing, **known, **changes}


def take(desk: Desk, **changes: str) -> tuple[ImportReport, CaseRecord | None]:
    report = desk.take([a_row(**changes)], "ctdc", agency=None)
    held = list(desk.store._cases.values())
    return report, held[0][-1].record if held else None


def test_all_columns_missing_is_a_record_of_which_nothing_is_known(desk: Desk) -> None:
    report, record = take(desk)
    assert record is not None
    assert (record.sex, record.age, record.citizenship, record.forms) == ("M", "_U", "_U", set())
    assert (record.relationship, record.controls, record.censored) == ("_U", set(), True)
    assert dict(record.details) == {"Datasource": "Hotline"}
    assert (report.rejected_values, report.changed_values) == (0, 0)


def test_every_column_of_the_dataset_is_read(desk: Desk) -> None:
    assert len(COLUMNS) == 63
    assert set(COLUMNS) == CtdcParser.columns()
    report, record = take(
        desk,
        **dict.fromkeys(flag_columns() - {"meansOfControlNotSpecified", "recruiterRelationUnknown"}, "1"),
        ageBroad="9--17", majorityStatus="Minor", majorityStatusAtExploit="Minor", majorityEntry="Unknown",
        citizenship="NA",
    )  # fmt: skip
    assert record is not None
    assert len(record.controls) == 17
    assert (record.relationship, record.citizenship, record.age) == ("MULTI", "NAM", "Y9T17")
    assert record.forms == {"SX", "FL", "OG", "OP"}
    assert record.details["typeOfLabourBegging"] is True
    assert record.details["isAbduction"] is True
    assert report.changed_values == 0


@pytest.mark.parametrize(
    ("changes", "controls", "relationship"),
    [
        ({"meansOfControlDebtBondage": "1"}, {"DEBT"}, "_U"),
        ({"meansOfControlDebtBondage": "0"}, set(), "_U"),
        ({"meansOfControlNotSpecified": "1"}, set(), "_U"),
        ({"meansOfControlOther": "1.0", "meansOfControlThreatOfLawEnforcement": "1"}, {"OTH", "LAW"}, "_U"),
        ({"recruiterRelationFamily": "1"}, set(), "FAM"),
        ({"recruiterRelationIntimatePartner": "1", "recruiterRelationUnknown": "1"}, set(), "PRT"),
        ({"recruiterRelationFriend": "1", "recruiterRelationOther": "1"}, set(), "MULTI"),
        ({"recruiterRelationUnknown": "1"}, set(), "_U"),
        ({"RecruiterRelationship": "Friend"}, set(), "ACQ"),
        ({"RecruiterRelationship": "Friend/Acquaintance; Unknown"}, set(), "ACQ"),
        ({"RecruiterRelationship": "Family/Relative; Intimate Partner"}, set(), "MULTI"),
        ({"RecruiterRelationship": "Not Specified"}, set(), "_U"),
        ({"meansOfControlConcatenated": "Psychological Abuse;Takes earnings"}, {"PSYCH", "EARNINGS"}, "_U"),
        ({"meansOfControlConcatenated": "Not specified"}, set(), "_U"),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_circumstances(desk: Desk, changes: dict[str, str], controls: set[str], relationship: str) -> None:
    report, record = take(desk, **changes)
    assert record is not None
    assert (record.controls, record.relationship, report.changed_values) == (controls, relationship, 0)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Sexual exploitation", {"SX"}),
        ("Forced labour", {"FL"}),
        ("Other", {"OP"}),
        ("Forced marriage", {"OP"}),
        ("Slavery and similar practices", {"FL"}),
        ("Forced labour;Slavery and similar practices", {"FL"}),
        ("Forced labour;Sexual exploitation;Combined sexual and labour exploitation", {"SX", "FL"}),
        ("Unknown", set()),
    ],
)
def test_a_text_says_what_no_flag_says(desk: Desk, text: str, forms: set[str]) -> None:
    report, record = take(desk, typeOfExploitConcatenated=text)
    assert record is not None
    assert (record.forms, report.changed_values) == (forms, 0)


@pytest.mark.parametrize(
    ("changes", "field", "became", "forms"),
    [
        (
            {"typeOfExploitConcatenated": "Forced labour", "isForcedLabour": "0", "isSexualExploit": "1"},
            "typeOfExploitConcatenated", "SexualExploit", {"SX"},
        ),
        (
            {"typeOfExploitConcatenated": "Forced labour", "isForcedLabour": "1", "isSexualExploit": "1"},
            "typeOfExploitConcatenated", "ForcedLabour;SexualExploit", {"SX", "FL"},
        ),
        (
            {"typeOfLabourConcatenated": "Begging;Sexual exploitation", "typeOfLabourBegging": "1"},
            "typeOfLabourConcatenated", "Begging", set(),
        ),
        ({"typeOfSexConcatenated": "Prostitution", "typeOfSexProstitution": "0.0"}, "typeOfSexConcatenated", "", set()),
        ({"ageBroad": "30--38", "majorityStatus": "Minor"}, "majorityStatus", "", set()),
    ],
)  # fmt: skip
def test_contradictions_keep_the_flags_and_are_reported(
    desk: Desk, tmp_path: Path, changes: dict[str, str], field: str, became: str, forms: set[str]
) -> None:
    path = tmp_path / "report.csv"
    report = desk.take([a_row(**changes)], "ctdc", report=path)
    ((row, change),) = report.changed
    assert (row, change.field, change.value, change.became) == (2, field, changes[field], became)
    assert (report.stored.added, report.rejected_values, report.changed_values) == (1, 0, 1)
    record = next(iter(desk.store._cases.values()))[-1].record
    assert record.forms == forms
    assert field not in record.details
    (line,) = csv.DictReader(path.open(encoding="utf-8-sig", newline=""))
    assert (line["kind"], line["field"], line["became"]) == ("changed", field, became)


def test_a_composite_that_denies_its_part_is_rejected_by_name(desk: Desk) -> None:
    report, record = take(desk, isSexAndLabour="1", isForcedLabour="0")
    assert record is None
    (found,) = report.first
    assert (found.field, found.reason) == ("isSexAndLabour", "contradicts isForcedLabour")


def test_a_text_that_leaves_out_what_adds_nothing_is_no_contradiction() -> None:
    flags = {"isForcedLabour": True, "isSexualExploit": True, "isSexAndLabour": True}
    assert check_texts({"typeOfExploitConcatenated": "Forced labour;Sexual exploitation"}, dict(flags)) == []
    assert check_texts(dict.fromkeys(TEXTS, "-99"), {}) == []


@pytest.fixture(scope="module")
def real() -> list[dict[str, str]]:
    if not REAL.exists():
        pytest.skip("../shared/data/ctdc_cases_k11.csv is not here")
    with REAL.open(newline="") as stream:
        return list(csv.DictReader(stream))


def records_of(rows: list[dict[str, str]], state: str) -> Iterator[CaseRecord]:
    """Parse without a register: every state's turn over the whole file would take long with one."""
    rejections = Rejections()
    header = list(rows[0])
    parser = CtdcParser(header, state=state, agency=None, last_year=2021, rejections=rejections)
    for number, row in enumerate(rows, 2):
        record = parser.parse(Row(number, tuple(row.values())))
        if record is not None:
            yield record
    assert (rejections.values, rejections.changed) == (0, 0)


def test_all_real_rows_go_through_and_count_as_a_plain_tally_does(real: list[dict[str, str]]) -> None:
    to_alpha3 = country_alpha2_to_alpha3()
    by_area: dict[str, list[dict[str, str]]] = {}
    for row in real:
        by_area.setdefault(row["CountryOfExploitation"], []).append(row)
    unknown = {"", "0", "-99", "00", "ZZ"}
    assert len(real) == 25046
    seen = 0
    for alpha2, rows in by_area.items():
        if alpha2 in unknown:
            seen += len(rows)
            continue
        state = to_alpha3[alpha2]
        ours = Counter((one.year, one.sex, one.age, one.citizenship, one.forms) for one in records_of(rows, state))
        plain = Counter(plain_tally(row, to_alpha3, unknown) for row in rows)
        assert ours == plain
        seen += sum(ours.values())
    assert seen == 25046


def plain_tally(
    row: dict[str, str], to_alpha3: dict[str, str], unknown: set[str]
) -> tuple[int, str, str, str, frozenset[str]]:
    """The same again, written without any of the parser's parts."""
    low, dash, high = row["ageBroad"].lstrip("0").partition("--")
    if not row["ageBroad"] or row["ageBroad"] == "-99":
        age = "_U"
    elif row["ageBroad"] == "48+":
        age = "Y_GE48"
    else:
        assert dash
        age = f"Y{low or '0'}T{high}"
    forms = {code for column, code in (("isForcedLabour", "FL"), ("isSexualExploit", "SX")) if row[column] == "1.0"}
    citizenship = "_U" if row["citizenship"] in unknown else to_alpha3[row["citizenship"]]
    sex = {"Female": "F", "Male": "M"}.get(row["gender"], "_U")
    return int(row["yearOfRegistration"]), sex, age, citizenship, frozenset(forms)


def test_an_excerpt_of_other_columns_gives_the_same_where_they_agree(real: list[dict[str, str]]) -> None:
    rows = [row for row in real if row["CountryOfExploitation"] == "MD"][:500]
    shuffled = [dict(random.Random(number).sample(list(row.items()), len(row))) for number, row in enumerate(rows)]
    reordered = [{name: row[name] for name in reversed(list(rows[0]))} for row in shuffled]
    assert Counter(map(str, records_of(rows, "MDA"))) == Counter(map(str, records_of(reordered, "MDA")))
