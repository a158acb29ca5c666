"""What an officer types passes exactly what a file passes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError, UsageError
from tallystick.node.cases.record import CaseRecord, Identity
from tallystick.node.intake.entry import (
    change_record,
    choices,
    core_fields,
    field_named,
    make_record,
    other_fields,
    read_answer,
    texts_of,
)
from tallystick.node.intake.fields import field_rules
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.reading import Row
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.values import BadValueError

TEXTS = {
    "ext_CaseId": "P-1",
    "ext_RegistrationDate": "2019-05-02",
    "prs_FirstName": "Айгүл",
    "prs_Birthdate": "2001-05-03",
    "prs_Gender": "Feminine",
    "prs_Citizenship": "KGZ;KAZ",
    "vic_TypeOfExploitation": "SexualExploitation",
    "vic_MethodsOfControl": "Threats;DebtBondage",
    "ext_CountryOfExploitation": "KAZ",
}
RULES: dict[str, Any] = {"state": "KAZ", "last_year": 2026}


def typed(**changes: str) -> CaseRecord:
    return make_record({**TEXTS, **changes}, agency="Police", **RULES)


def changed(held: CaseRecord, **changes: str) -> CaseRecord:
    return change_record(held, changes, **RULES)


def from_ctdc() -> CaseRecord:
    """A record whose classification no HTCDS field of its own explains."""
    return CaseRecord(
        "CTDC",
        "7",
        2018,
        sex="F",
        age="Y18T20",
        citizenship="UKR",
        exploitation_area="KAZ",
        forms=frozenset({"SX"}),
        details={"meansOfControlThreats": True},
        censored=True,
    )


def test_a_typed_case_is_the_record_that_a_file_brings() -> None:
    rejections = Rejections()
    parser = HtcdsParser(tuple(TEXTS), agency="Police", rejections=rejections, **RULES)
    assert typed() == parser.parse(Row(2, tuple(TEXTS.values())))
    assert (typed().age, typed().citizenship, typed().forms) == ("Y9T17", "KAZ", frozenset({"SX"}))


@given(st.dictionaries(st.sampled_from(sorted(field_rules())), st.text("abc01;-. \n", max_size=12), max_size=6))
def test_whatever_is_typed_is_taken_as_a_file_takes_it_or_refused(texts: dict[str, str]) -> None:
    texts = {name: text.strip() for name, text in {**TEXTS, **texts}.items()}
    rejections = Rejections()
    filled = {"ext_RegistrationYear": "", **texts}
    as_file = HtcdsParser(tuple(filled), agency="Police", rejections=rejections, **RULES)
    wanted = as_file.parse(Row(2, tuple(filled.values())))
    if wanted is not None:
        assert make_record(texts, agency="Police", **RULES) == wanted
        return
    with pytest.raises(MalformedError) as refused:
        make_record(texts, agency="Police", **RULES)
    assert all(found.field in refused.value.message for found in rejections.first)


def test_a_refusal_names_fields_and_no_sealed_value() -> None:
    with pytest.raises(MalformedError) as refused:
        typed(prs_Birthdate="31/12/1999", prs_Gender="Femle")
    assert "prs_Birthdate (not shown): not a date" in refused.value.message
    assert "prs_Gender Femle: not in the code list" in refused.value.message
    assert "1999" not in refused.value.message


def test_a_record_goes_to_texts_and_back() -> None:
    held = typed(prs_Deceased="no", prs_NumberOfChildren="2")
    assert make_record(texts_of(held), agency="Police", **RULES) == held
    assert changed(held) == held


def test_a_change_moves_what_it_feeds_and_leaves_the_rest() -> None:
    held = typed()
    assert changed(held, prs_Gender="Masculine") == replace(
        held, sex="M", details={**held.details, "prs_Gender": "Masculine"}
    )
    assert changed(held, prs_Birthdate="").age == "_U"
    assert changed(held, ext_RegistrationDate="2020-05-02").year == 2020
    without_day = changed(held, ext_RegistrationDate="", ext_RegistrationYear="2019")
    assert (without_day.year, without_day.age) == (2019, "_U")
    assert changed(held, ext_RegistrationDate="").year == 2019
    assert changed(held, vic_TraffickingStatus="NotAVictimOfTrafficking").counted is False
    named = changed(held, prs_FirstName="Асель").identity
    assert named is not None
    assert named.fields["prs_FirstName"] == "Асель"
    assert named.fields["prs_Birthdate"] == "2001-05-03"


def test_a_record_of_another_format_keeps_what_its_source_said() -> None:
    held = from_ctdc()
    after = changed(held, cas_Status="Closed")
    assert after == replace(held, details={**held.details, "cas_Status": "Closed"})
    after = changed(held, prs_Gender="Masculine", prs_FirstName="X")
    assert (after.sex, after.age, after.citizenship, after.forms) == ("M", "Y18T20", "UKR", frozenset({"SX"}))
    assert after.identity == Identity({"prs_FirstName": "X"})
    assert changed(held, prs_Gender="").sex == "_U"
    assert changed(held, ext_RegistrationYear="2019").age == "Y18T20"


def test_what_makes_a_case_that_case_cannot_be_edited() -> None:
    for name in ("ext_CaseId", "org_Name"):
        with pytest.raises(UsageError, match="cannot be changed"):
            changed(typed(), **{name: "other"})
    with pytest.raises(MalformedError, match="differs from ext_RegistrationDate"):
        changed(typed(), ext_RegistrationYear="2018")


def test_a_choice_may_be_typed_by_number_label_or_code() -> None:
    gender, control = field_rules()["prs_Gender"], field_rules()["vic_MethodsOfControl"]
    listed = choices(gender)
    assert read_answer(gender, "1") == listed[0][0]
    assert read_answer(gender, listed[0][1]) == listed[0][1]
    assert read_answer(control, "1, 2") == ";".join(code for code, _label in choices(control)[:2])
    assert read_answer(gender, "  ") == ""
    for wrong in ("0", str(len(listed) + 1), "Femle"):
        with pytest.raises(BadValueError):
            read_answer(gender, wrong)
    with pytest.raises(BadValueError):
        read_answer(field_rules()["prs_Birthdate"], "31/12/1999")
    assert read_answer(field_rules()["prs_NumberOfChildren"], "2") == "2"


def test_core_comes_first_and_every_field_is_asked_once() -> None:
    core, others = [rule.id for rule in core_fields()], [rule.id for rule in other_fields()]
    assert core[:3] == ["ext_CaseId", "ext_RegistrationDate", "ext_RegistrationYear"]
    assert sorted([*core, *others, "org_Name"]) == sorted(field_rules())
    assert all(choices(rule) for rule in (*core_fields(), *other_fields()) if rule.kind in {"code", "codes"})


def test_a_field_is_found_by_id_or_label() -> None:
    assert field_named("Gender").id == "prs_Gender"
    for name in ("Type", "colour"):
        with pytest.raises(UsageError):
            field_named(name)
