"""Synthetic cases: as many as were published, the same for ever, in three scripts, and honest about what is assumed."""

import re
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from tallystick.config.codes import almaty_states, country_m49, published_totals
from tallystick.config.errors import UsageError
from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.cases.record import FORMS
from tallystick.node.intake.fields import field_rules
from tallystick.node.intake.generate import HEADER, csv_bytes, generate_cases, generate_into, synthetic_columns
from tallystick.node.intake.totals import synthetic_data, year_totals
from tests.node.intake.conftest import Desk
from tests.support.cases import AT, a_record, a_run

YEARS = (2018, 2019, 2020)


@pytest.mark.parametrize("state", sorted(almaty_states()))
def test_every_state_gets_its_published_totals_or_a_sentence_why_not(state: str) -> None:
    totals = year_totals(state, YEARS)
    known = published_totals().get(state, {})
    for total in totals:
        assert total.persons == known.get(total.year, total.persons)
        assert bool(total.assumption) == (total.year not in known)
        assert total.year in known or str(total.persons) in total.assumption
    counts = Counter(record.year for record in generate_cases(state, YEARS, 1))
    assert counts == {total.year: total.persons for total in totals}


def test_the_three_kinds_of_assumption_are_told_apart() -> None:
    assert "fewer than 5" in year_totals("PAK", [2019])[0].assumption
    assert "that of 2020 (22)" in year_totals("PAK", [2018])[0].assumption
    assert "invented size" in year_totals("AFG", [2018])[0].assumption
    assert "as asked for" in year_totals("KAZ", [2018], 9)[0].assumption
    assert year_totals("MDA", [2018])[0].persons > 0


def test_the_same_seed_gives_the_same_cases_whatever_other_years_are_asked_for() -> None:
    alone = list(generate_cases("TJK", [2019], 3))
    among = [record for record in generate_cases("TJK", YEARS, 3) if record.year == 2019]
    other = list(generate_cases("TJK", [2019], 4))
    assert alone == among
    assert alone != other


def test_down_to_nine_a_year_and_up_to_thousands() -> None:
    for n in (0, 1, 9, 29, 1000):
        assert sum(1 for _ in generate_cases("KGZ", [2020], 1, {2020: n})) == n


def test_identities_come_in_three_scripts() -> None:
    names = "".join(
        record.identity.fields["prs_FirstName"] + record.identity.fields["prs_SecondName"]
        for state in ("KAZ", "AFG", "AZE")
        for record in generate_cases(state, [2019], 1)
        if record.identity
    )
    for script in ("[A-Za-z]", "[\u0400-\u04ff]", "[\u0600-\u06ff]"):
        assert len(re.findall(script, names)) > 100


@pytest.mark.parametrize("state", [*sorted(almaty_states()), "MDA"])
def test_the_structure_is_one_a_state_may_have(state: str) -> None:
    people = list(generate_cases(state, [2019], 5, {2019: 700}))
    home = sum(record.exploitation_area == state for record in people) / len(people)
    abroad = [record for record in people if record.exploitation_area not in {state, "_U"}]
    assert 0.15 < home < 0.99
    assert sum(record.citizenship in {state, "_U"} for record in abroad) >= 0.93 * len(abroad)
    for column in ("sex", "age", "citizenship", "exploitation_area"):
        unknown = sum(getattr(record, column) == "_U" for record in people) / len(people)
        assert 0 < unknown < 0.15, column
    assert {form for record in people for form in record.forms} >= set(FORMS) - {"OG"}
    assert any(len(record.forms) > 1 for record in people)
    assert any(not record.forms for record in people)
    sexual = {sex: np.mean([record.forms == {"SX"} for record in people if record.sex == sex]) for sex in "FM"}
    assert sexual["F"] > sexual["M"] + 0.1
    assert not any(record.censored for record in people)


def test_the_invented_shares_are_shares_of_known_codes() -> None:
    data = synthetic_data()
    for state, profile in {**data["states"], "": data["default"]}.items():
        for table in (
            profile["sex"],
            profile["area"],
            profile["citizenship"],
            profile["script"],
            *profile["form"].values(),
        ):
            assert sum(table.values()) == pytest.approx(1, abs=0.03), state
        areas = {*profile["area"], *profile["citizenship"]} - {"own", "_U"}
        assert areas <= set(country_m49())
        assert state not in areas


def test_a_written_file_imports_to_the_same_records(desk: Desk) -> None:
    totals = year_totals("KGZ", YEARS)
    desk.take(csv_bytes("KGZ", totals, 2), state="KGZ", agency=None)
    for record in generate_cases("KGZ", YEARS, 2):
        assert desk.record(record.agency_case_id, record.agency) == record
    assert set(HEADER) <= set(field_rules())


def test_generating_twice_adds_nothing_and_another_seed_is_refused() -> None:
    store = MemoryCaseStore()
    totals = year_totals("KGZ", YEARS)
    assert generate_into(store, "KGZ", totals, 1, AT).added == 24
    assert generate_into(store, "KGZ", totals, 1, AT + timedelta(days=1)).unchanged == 24
    assert generate_into(store, "KGZ", year_totals("KGZ", [2014]), 1, AT).added == 18
    for seed, more in ((2, totals), (1, year_totals("KGZ", YEARS, 50))):
        with pytest.raises(UsageError, match="already holds other cases of 2018"):
            generate_into(store, "KGZ", more, seed, AT)
    assert store.count() == 24 + 18


def test_invented_people_never_join_imported_ones() -> None:
    store = MemoryCaseStore()
    store.ingest(a_run(), [a_record(1, year=2018)])
    with pytest.raises(UsageError, match="other cases of 2018"):
        generate_into(store, "KGZ", year_totals("KGZ", YEARS), 1, AT)
    assert store.count() == 1


def test_what_was_assumed_is_kept_with_the_run() -> None:
    store = MemoryCaseStore()
    generate_into(store, "AFG", year_totals("AFG", YEARS), 1, AT)
    (run,) = store.runs()
    assert run.format == "synthetic"
    assert sum("invented size" in note for note in run.notes) == 3
    assert "invented" in run.notes[0]


@pytest.mark.parametrize("n", [9, 29, 60, 92, 282, 2000])
def test_columns_for_simulations_are_seeded_and_of_the_asked_size(n: int) -> None:
    mine, again, other = (synthetic_columns(n, seed, "KAZ") for seed in (1, 1, 2))
    assert len(mine) == n
    assert mine.person_ids.shape == (n, 16)
    assert np.array_equal(mine.person_ids, again.person_ids)
    assert np.array_equal(mine.citizenship, again.citizenship)
    assert not np.array_equal(mine.person_ids, other.person_ids)
    assert len({bytes(row) for row in mine.person_ids}) == n
