"""Perpetrators' rows count in the years of their stages, and in nobody else's tables."""

from collections.abc import Callable

import pytest

from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.intake.generate import generate_into
from tallystick.node.intake.generate_perpetrators import generate_perpetrators, generate_perpetrators_into
from tallystick.node.intake.totals import year_totals
from tests.node.intake.conftest import Desk
from tests.support.cases import AT

Row = Callable[[int], dict[str, str]]
VICTIM_ONLY = ("vic_TraffickingStatus", "vic_TypeOfExploitation", "vic_MethodsOfControl")


def offender(number: int, **stages: str) -> dict[str, str]:
    return {
        "ext_CaseId": f"P{number}",
        "ext_RegistrationYear": "2019",
        "org_Name": "Prosecutor",
        "prs_Gender": "Masculine",
        "per_RoleInProcess": "Exploiter",
        **stages,
    }


def test_a_perpetrator_is_counted_in_the_year_of_each_stage_and_never_among_victims(desk: Desk) -> None:
    desk.take(
        [offender(1, ext_InvestigatedYear="2018", ext_ProsecutedYear="2019", ext_ConvictedYear="2019")], agency=None
    )
    (line,) = [desk.store.coded_rows(2019, "perpetrator")]
    assert line.stages.tolist() == [0b110]
    assert desk.store.coded_rows(2018, "perpetrator").stages.tolist() == [0b001]
    assert len(desk.store.coded_rows(2019)) == len(desk.store.coded_rows(2018)) == 0


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({}, "per_RoleInProcess", "without the year of a stage"),
        ({"ext_ConvictedYear": "2150"}, "ext_ConvictedYear", "not between"),
        ({"ext_InvestigatedYear": "2019", "ext_ProsecutedYear": "2018"}, "ext_ProsecutedYear", "before ext_Invest"),
        (
            {"ext_ConvictedYear": "2019", "vic_TypeOfExploitation": "ForcedLabour"},
            "ext_ConvictedYear",
            "row of his own",
        ),
        ({"ext_ConvictedYear": "2019", "per_RoleInProcess": ""}, "ext_ConvictedYear", "with his role"),
    ],
    ids=["no stage", "in the future", "out of order", "a victim too", "no role"],
)
def test_a_row_that_could_not_be_counted_is_refused_by_name(
    desk: Desk, changes: dict[str, str], field: str, reason: str
) -> None:
    good = offender(2, ext_ConvictedYear="2019")
    report = desk.take([good, offender(1) | changes], agency=None)
    (found,) = report.first
    assert (found.row, found.field) == (3, field)
    assert reason in found.reason
    assert report.stored.added == 1


def test_synthetic_perpetrators_change_no_victim_and_come_again_the_same() -> None:
    totals = year_totals("KAZ", [2018, 2019])
    with_both, alone = MemoryCaseStore(), MemoryCaseStore()
    for store in (with_both, alone):
        generate_into(store, "KAZ", totals, 1, AT)
    added = generate_perpetrators_into(with_both, "KAZ", totals, 1, AT).added
    assert added > 20
    assert generate_perpetrators_into(with_both, "KAZ", totals, 1, AT).unchanged == added
    assert with_both.counts_by_year() == alone.counts_by_year()
    assert with_both.coded_rows(2018).sex.tolist() == alone.coded_rows(2018).sex.tolist()


def test_no_synthetic_stage_lies_in_the_future_or_before_the_one_that_precedes_it() -> None:
    for person in generate_perpetrators("KAZ", 2019, 300, 1, 2019):
        assert set(person.stages.values()) == {2019}
    for person in generate_perpetrators("KAZ", 2018, 300, 1, 2020):
        years = list(person.stages.values())
        assert years == sorted(years)
