"""Case records to try things with; no real person stands in them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tallystick.config.codes import country_m49
from tallystick.node.cases.record import AGES, CONTROLS, FORMS, RELATIONSHIPS, SEXES, CaseRecord, Identity
from tallystick.node.cases.store import ImportRun

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
COUNTRIES = ("_U", *sorted(country_m49()))


def a_run(source: str = "test.csv", at: datetime = AT) -> ImportRun:
    return ImportRun(source, "htcds", at)


def a_record(number: int = 1, **changes: Any) -> CaseRecord:
    facts: dict[str, Any] = {
        "agency": "Shelter",
        "agency_case_id": f"case-{number}",
        "year": 2019,
        "sex": "F",
        "age": "Y18T20",
        "citizenship": "KGZ",
        "exploitation_area": "KAZ",
        "forms": frozenset({"FL"}),
        "details": {"cas_Status": "Active", "vic_MethodsOfControl": ("Threats", "DebtBondage")},
        "identity": Identity({"prs_FirstName": f"Айгүл{number}", "cco_CaseComment": "نوشته"}),
        "controls": frozenset({"THREATS", "DEBT"}),
    }
    return CaseRecord(**{**facts, **changes})


def records(max_size: int = 40) -> st.SearchStrategy[list[CaseRecord]]:
    """Lists of records of one year with every code there is, each its own case."""
    one = st.builds(
        a_record,
        year=st.just(2019),
        sex=st.sampled_from(SEXES),
        age=st.sampled_from(AGES),
        citizenship=st.sampled_from(COUNTRIES),
        exploitation_area=st.sampled_from(COUNTRIES),
        forms=st.frozensets(st.sampled_from(FORMS)),
        identity=st.none(),
        counted=st.booleans(),
        censored=st.booleans(),
        relationship=st.sampled_from(RELATIONSHIPS),
        controls=st.frozensets(st.sampled_from(CONTROLS)),
    )
    numbered = st.lists(one, max_size=max_size)
    return numbered.map(lambda found: [_renumbered(record, at) for at, record in enumerate(found)])


def _renumbered(record: CaseRecord, number: int) -> CaseRecord:
    return replace(record, agency_case_id=f"case-{number}")
