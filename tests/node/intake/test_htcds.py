"""HTCDS files: all 84 fields, both lists, what is classified how, what is sealed, what is refused and why."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.config.codes import code_list, htcds_fields
from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.node.intake.fields import EXTENSIONS, Kind, explanations, field_rules, header_names, kind_words, token
from tallystick.node.intake.perpetrators import STAGE_COLUMNS
from tests.node.intake.conftest import Desk

Row = Callable[..., dict[str, str]]

GOOD = {
    Kind.CODE: lambda rule: next(iter(rule.tokens.values())),
    Kind.CODES: lambda rule: "; ".join(dict.fromkeys(rule.tokens.values())),
    Kind.COUNTRY: lambda _rule: "KAZ",
    Kind.COUNTRIES: lambda _rule: "KAZ;UZB",
    Kind.LANGUAGE: lambda _rule: "kaz",
    Kind.NUMBER: lambda _rule: "2019",
    Kind.FLAG: lambda _rule: "yes",
    Kind.DATE: lambda _rule: "2019-05-06",
    Kind.TEXT: lambda _rule: "текст نوشته text",
}


STAGES = set(STAGE_COLUMNS.values())
"""Of a perpetrator's row, which is no victim's."""


def a_full_row() -> dict[str, str]:
    row = {rule.id: GOOD[rule.kind](rule) for rule in field_rules().values() if rule.id not in STAGES}
    small = {"vic_AgeWhenTrafficked": "17", "ext_AgeAtRegistration": "19", "prs_Birthdate": "2000-01-01"}
    return {**row, **small, "hte_Type": "Exploitation", "hte_Country": "Kyrgyzstan", "ext_CaseId": "1"}


def test_every_field_of_the_standard_is_known() -> None:
    assert len(field_rules()) == 84 + len(EXTENSIONS)
    assert [facts["id"] for facts in htcds_fields()] == list(field_rules())[:84]
    assert list(explanations()) == [name for name, _kind, _sealed in EXTENSIONS]
    assert all(kind_words(kind) for kind in Kind)


def test_a_row_with_all_84_fields_and_ours_is_taken_whole(desk: Desk) -> None:
    report = desk.take([a_full_row()])
    assert (report.stored.added, report.first) == (1, ())
    record = desk.record()
    assert record.identity is not None
    sealed = {rule.id for rule in field_rules().values() if rule.sealed} - {"ext_CaseId"}
    coded = {rule.id for rule in field_rules().values() if not rule.sealed} - {"ext_RegistrationYear"} - STAGES
    assert set(record.identity.fields) == sealed
    assert set(record.details) == coded


def test_no_name_contact_place_date_or_text_is_among_the_coded_fields() -> None:
    open_kinds = {Kind.CODE, Kind.CODES, Kind.COUNTRY, Kind.COUNTRIES, Kind.LANGUAGE, Kind.NUMBER, Kind.FLAG}
    assert {rule.kind for rule in field_rules().values() if not rule.sealed} <= open_kinds
    must = ["prs_FirstName", "prs_Birthdate", "prs_IdentityNumber", "prs_MobilePhone", "prs_MailingLongitude"]
    must += ["cco_CaseComment", "hte_Date", "hte_Latitude", "org_Phone", "cas_CaseOwner", "per_Organisation"]
    assert all(field_rules()[name].sealed for name in must)


def test_labels_serve_as_headings_and_shared_ones_with_their_section(desk: Desk, row: Row) -> None:
    labelled = {"First Name": "Aida", "Gender": "Masculine", "Case: Status": "Closed", "Support Plan: Type": "Legal"}
    report = desk.take([row(**labelled)])
    assert report.stored.added == 1
    assert desk.record().sex == "M"
    assert dict(desk.record().details) == {"prs_Gender": "Masculine", "cas_Status": "Closed", "spl_Type": "Legal"}


def test_every_label_leads_to_its_field_or_is_ambiguous() -> None:
    for facts in htcds_fields():
        if facts["label"]:
            assert facts["id"] in header_names()[token(facts["label"])]
    assert len(header_names()[token("Longitude")]) == 3


@pytest.mark.parametrize("name", ["Type", "Longitude", "Latitude"])
def test_a_heading_that_could_mean_several_fields_is_refused(desk: Desk, row: Row, name: str) -> None:
    with pytest.raises(MalformedError, match="could mean several fields") as caught:
        desk.take([row(**{name: "1"})])
    assert "org_Type" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("ext_CaseId,ext_RegistrationYear,prs_Gendr", "unknown columns: 'prs_Gendr'"),
        ("ext_CaseId,ext_RegistrationYear,Gender,prs_Gender", "stand twice"),
        ("ext_RegistrationYear,prs_Gender", "no column ext_CaseId"),
        ("ext_CaseId,prs_Gender", "ext_RegistrationDate or ext_RegistrationYear"),
        ("a,b,c,d,e,f,g", "'e' and 2 more"),
    ],
)
def test_headings_are_never_guessed(desk: Desk, header: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        desk.take(header + "\n")


@pytest.mark.parametrize(
    "name", ["RestrictsMovement", "UsesChildren", "PsychoactiveSubstances", "PsychoactiveSubstance"]
)
def test_both_lists_of_methods_of_control_are_accepted(desk: Desk, row: Row, name: str) -> None:
    desk.take([row(vic_MethodsOfControl=f" {name} ; DebtBondage;")])
    assert desk.record().details["vic_MethodsOfControl"] == (name, "DebtBondage")


def test_every_code_and_label_of_both_lists_is_accepted(desk: Desk, row: Row) -> None:
    lists = ("HTCDS.vic_MethodsOfControl", "HTCDS.FieldDefinitions.MethodsOfControl")
    spellings = [text for name in lists for pair in code_list(name).items() for text in pair]
    report = desk.take([row(number, vic_MethodsOfControl=text) for number, text in enumerate(spellings)])
    assert report.stored.added == len(spellings)


@pytest.mark.parametrize(
    ("named", "forms"),
    [
        ("", set()),
        ("SexualExploitation", {"SX"}),
        ("Sexual exploitation", {"SX"}),
        ("ForcedLabour;Servitude", {"FL"}),
        ("ChildLabour", {"FL"}),
        ("OrganRemoval;ForcedBegging", {"OG", "OP"}),
        ("Other", {"OP"}),
    ],
)
def test_types_of_exploitation_become_forms(desk: Desk, row: Row, named: str, forms: set[str]) -> None:
    assert desk.take([row(vic_TypeOfExploitation=named)]).first == ()
    assert desk.record().forms == forms


@pytest.mark.parametrize(
    ("facts", "age"),
    [
        ({}, "_U"),
        ({"ext_AgeAtRegistration": "8"}, "Y0T8"),
        ({"ext_AgeAtRegistration": "9"}, "Y9T17"),
        ({"ext_AgeAtRegistration": "17"}, "Y9T17"),
        ({"ext_AgeAtRegistration": "18"}, "Y18T20"),
        ({"ext_AgeAtRegistration": "29"}, "Y27T29"),
        ({"ext_AgeAtRegistration": "38"}, "Y30T38"),
        ({"ext_AgeAtRegistration": "39"}, "Y39T47"),
        ({"ext_AgeAtRegistration": "48"}, "Y_GE48"),
        ({"prs_Birthdate": "2001-06-02", "ext_RegistrationDate": "2019-06-01"}, "Y9T17"),
        ({"prs_Birthdate": "2001-06-01", "ext_RegistrationDate": "2019-06-01"}, "Y18T20"),
        ({"prs_Birthdate": "02.06.2001", "ext_RegistrationDate": "01.06.2019"}, "Y9T17"),
        ({"prs_Birthdate": "2001-03-01"}, "_U"),
        ({"prs_Birthdate": "2000-03-01"}, "Y18T20"),
        ({"prs_Birthdate": "1998-03-01"}, "Y_GE18"),
        ({"prs_Birthdate": "2010-03-01"}, "Y0T17"),
        ({"prs_Birthdate": "2019-03-01"}, "Y0T8"),
        ({"vic_AgeWhenTrafficked": "17"}, "Y0T17"),
        ({"vic_AgeWhenTrafficked": "30"}, "Y_GE18"),
        ({"vic_AgeWhenTrafficked": "12", "prs_Birthdate": "1990-01-01"}, "Y27T29"),
        ({"vic_AgeWhenTrafficked": "12", "ext_AgeAtRegistration": "20", "prs_Birthdate": "1950-01-01"}, "Y18T20"),
    ],
    ids=str,
)
def test_age_is_as_fine_as_the_source_supports_and_no_finer(
    desk: Desk, row: Row, facts: dict[str, str], age: str
) -> None:
    assert desk.take([row(**facts)]).first == ()
    assert desk.record().age == age


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("KAZ", "KAZ"),
        ("kz", "KAZ"),
        ("Kazakhstan", "KAZ"),
        ("NA", "NAM"),
        ("Namibia", "NAM"),
        ("", "_U"),
        ("ZZ", "_U"),
        ("Côte d'Ivoire", "CIV"),
        ("UZB;KAZ", "KAZ"),
        ("UZB;TJK", "UZB"),
        ("Unknown", "_U"),
        ("Türkiye", "TUR"),
    ],
)
def test_citizenship_by_code_or_name_and_the_states_own_first(desk: Desk, row: Row, written: str, code: str) -> None:
    assert desk.take([row(prs_Citizenship=written)]).first == ()
    assert desk.record().citizenship == code


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, "_U"),
        ({"ext_CountryOfExploitation": "RU"}, "RUS"),
        ({"hte_Country": "Kyrgyzstan", "hte_Type": "Exploitation"}, "KGZ"),
        ({"hte_Country": "Kyrgyzstan", "hte_Type": "Transit"}, "_U"),
        ({"hte_Country": "near the border", "hte_Type": "Transit"}, "_U"),
        ({"hte_Country": "KG", "hte_Type": "Exploitation", "ext_CountryOfExploitation": "TUR"}, "TUR"),
    ],
    ids=str,
)
def test_country_of_exploitation(desk: Desk, row: Row, facts: dict[str, str], code: str) -> None:
    assert desk.take([row(**facts)]).first == ()
    assert desk.record().exploitation_area == code


def test_who_is_found_not_to_be_a_victim_is_kept_and_not_counted(desk: Desk, row: Row) -> None:
    desk.take([row(1), row(2)])
    desk.take(
        [
            row(1, vic_TraffickingStatus="NotAVictimOfTrafficking"),
            row(2, vic_TraffickingStatus="Possible victim of trafficking"),
        ]
    )
    assert desk.store.count() == 2
    assert dict(desk.store.counts_by_year()) == {2019: 1}


REJECTED = [
    ({"prs_Gender": "Femle"}, "prs_Gender", "Femle", "not in the code list"),
    ({"prs_Citizenship": "KAZ;Kazahkstan"}, "prs_Citizenship", "Kazahkstan", "no country"),
    ({"vic_MethodsOfControl": "Threats;Magic"}, "vic_MethodsOfControl", "Magic", "not in the code list"),
    ({"prs_NumberOfChildren": "two"}, "prs_NumberOfChildren", "two", "not a whole number"),
    ({"prs_NumberOfChildren": "-1"}, "prs_NumberOfChildren", "-1", "not a whole number"),
    ({"con_Consent": "perhaps"}, "con_Consent", "perhaps", "neither yes nor no"),
    ({"prs_PrimaryLanguage": "Kazakh"}, "prs_PrimaryLanguage", "Kazakh", "three-letter"),
    ({"prs_Birthdate": "01/02/1990"}, "prs_Birthdate", "(not shown)", "not a date"),
    ({"prs_Birthdate": "1990-02-30"}, "prs_Birthdate", "(not shown)", "no such day"),
    ({"prs_Birthdate": "2020-01-01"}, "prs_Birthdate", "(not shown)", "after the registration"),
    ({"prs_Birthdate": "1850-01-01"}, "prs_Birthdate", "(not shown)", "older than"),
    ({"ext_AgeAtRegistration": "170"}, "ext_AgeAtRegistration", "170", "older than"),
    ({"prs_FirstName": "x" * 20_001}, "prs_FirstName", "(not shown)", "longer than 20000"),
    ({"ext_RegistrationYear": "2027"}, "ext_RegistrationYear", "2027", "not between"),
    ({"ext_RegistrationYear": ""}, "ext_RegistrationYear", "", "missing"),
    ({"ext_RegistrationDate": "2018-01-01"}, "ext_RegistrationYear", "2019", "differs"),
    ({"ext_CaseId": ""}, "ext_CaseId", "", "missing"),
    ({"ext_CaseId": "x" * 201}, "ext_CaseId", "(not shown)", "longer than"),
    ({"hte_Country": "the south", "hte_Type": "Exploitation"}, "hte_Country", "(not shown)", "no country"),
    ({"per_RoleInProcess": "Exploiter"}, "per_RoleInProcess", "Exploiter", "perpetrator"),
]


@pytest.mark.parametrize(("changes", "field", "value", "reason"), REJECTED, ids=lambda case: str(case)[:40])
def test_a_rejected_value_is_named_and_its_row_alone_stays_out(
    desk: Desk, row: Row, changes: dict[str, str], field: str, value: str, reason: str
) -> None:
    report = desk.take([row(1), {**row(2), **changes}, row(3)])
    assert (report.rows, report.stored.added, report.stored.rejected, report.rejected_rows) == (3, 2, 1, 1)
    (found,) = report.first
    assert (found.row, found.field, found.value) == (3, field, value)
    assert reason in found.reason
    assert desk.store.runs()[-1].rejected == 1


def test_no_identity_value_stands_in_any_message_whatever_is_wrong_with_it(desk: Desk, row: Row) -> None:
    secret = "Aida Omarova" + "\x07" * 300
    for name, rule in field_rules().items():
        if rule.sealed:
            path = desk.folder / f"{name}.report"
            report = desk.take([{**row(1), name: secret * 80}], report=path)
            told = "".join(map(str, report.first)) + path.read_text(encoding="utf-8-sig")
            assert report.rejected_rows == 1, name
            assert "Omarova" not in told, name


def test_all_faults_of_a_row_are_told_at_once_and_counted_as_one_row(desk: Desk, row: Row) -> None:
    report = desk.take([row(1, prs_Gender="x", con_Consent="maybe", prs_Citizenship="z")])
    assert [found.field for found in report.first] == ["prs_Gender", "con_Consent", "prs_Citizenship"]
    assert (report.rejected_values, report.rejected_rows, report.stored.rejected) == (3, 1, 1)


def test_one_case_number_twice_in_a_file_is_refused_the_second_time(desk: Desk, row: Row) -> None:
    report = desk.take([row(1, prs_Gender="Feminine"), row(1, prs_Gender="Masculine")])
    assert (report.stored.added, report.rejected_rows) == (1, 1)
    assert desk.record().sex == "F"
    again = desk.take([row(1, prs_Gender="Feminine"), row(1, prs_Gender="Masculine")])
    assert (again.stored.replaced, again.stored.unchanged) == (0, 1)


def test_the_agency_is_the_one_named_or_the_rows_own(desk: Desk, row: Row) -> None:
    report = desk.take([row(1, org_Name="Police"), row(2)], agency=None)
    assert [found.field for found in report.first] == ["org_Name"]
    assert dict(desk.store.agencies(2019)) == {"Police": 1}
    desk.take([row(1, org_Name="Police")], agency="Shelter")
    assert dict(desk.store.agencies(2019)) == {"Police": 1, "Shelter": 1}


def test_every_rejection_is_in_the_report_and_spreadsheets_run_none_of_it(desk: Desk, row: Row, tmp_path: Path) -> None:
    rows = [row(number, prs_Gender=f"=cmd|{number}") for number in range(25)]
    report = desk.take(rows, report=tmp_path / "rejected.csv")
    assert (len(report.first), report.rejected_values) == (10, 25)
    with (tmp_path / "rejected.csv").open(encoding="utf-8-sig", newline="") as stream:
        told = list(csv.DictReader(stream))
    assert [line["row"] for line in told] == [str(number) for number in range(2, 27)]
    assert {line["value"][:2] for line in told} == {"'="}
    assert (tmp_path / "rejected.csv").stat().st_mode & 0o777 == 0o600


def test_a_report_never_replaces_a_file_and_is_absent_after_a_failure(desk: Desk, row: Row, tmp_path: Path) -> None:
    (tmp_path / "held.csv").write_text("mine")
    with pytest.raises(StoreError, match="already exists"):
        desk.take([row(1)], report=tmp_path / "held.csv")
    assert (tmp_path / "held.csv").read_text() == "mine"
    with pytest.raises(MalformedError):
        desk.take("ext_CaseId\n", report=tmp_path / "new.csv")
    with pytest.raises(StoreError, match="cannot write"):
        desk.take([row(1)], report=tmp_path / "nowhere" / "new.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "held.csv"]
    assert desk.store.count() == 0


def test_a_dry_run_reports_everything_and_takes_nothing_in(desk: Desk, row: Row) -> None:
    report = desk.take([row(1), row(2, prs_Gender="x")], dry_run=True)
    assert (report.stored.added, report.stored.rejected, report.stored.run_id) == (1, 1, 0)
    assert (desk.store.count(), desk.store.runs()) == (0, [])


def test_an_unknown_format_lists_those_there_are(desk: Desk, row: Row) -> None:
    with pytest.raises(UsageError) as caught:
        desk.take([row(1)], "xlsx")
    assert "htcds" in (caught.value.hint or "")


def test_ctdc_data_given_as_htcds_gets_the_right_hint(desk: Desk) -> None:
    with pytest.raises(MalformedError) as caught:
        desk.take("yearOfRegistration,gender\n2019,Female\n")
    assert "--format ctdc" in (caught.value.hint or "")
