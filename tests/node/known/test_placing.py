"""Only what counts the same stands beside a cell of ours."""

import pytest

from tallystick.config.catalogue import Catalogue, load_shipped
from tallystick.node.known.figure import ByHand, Glotip, subject_of, subject_text
from tallystick.node.known.placing import places_of, why_nowhere

VICTIMS = "Detected trafficking victims"


def places(state: str = "KAZ", **changes: str) -> list[tuple[str, tuple[str, ...]]]:
    told = {"indicator": VICTIMS, "dimension": "Total", "category": "Total", "sex": "Total", "age": "Total", **changes}
    return [tuple(place) for place in places_of(Glotip(**told), state, load_shipped())]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, ("VICTIMS", ())),
        ({"sex": "Female"}, ("VICTIMS_SEX", ("F",))),
        ({"sex": "Unknown"}, ("VICTIMS_SEX", ("_U",))),
        ({"age": "0 to 17 years"}, ("VICTIMS_AGE", ("Y0T17",))),
        ({"sex": "Male", "age": "18 years or over"}, ("VICTIMS_SEX_AGE", ("M", "Y_GE18"))),
        ({"dimension": "by form of exploitation", "category": "Forced labour"}, ("VICTIMS_FORM", ("FL",))),
        ({"dimension": "by form of exploitation", "category": "Sexual exploitation"}, ("VICTIMS_FORM", ("SX",))),
        ({"dimension": "by citizenship", "category": "Kyrgyzstan"}, ("VICTIMS_CORRIDOR", ("KGZ", "_T"))),
        ({"dimension": "by citizenship", "category": "Unknown"}, ("VICTIMS_CORRIDOR", ("_U", "_T"))),
    ],
    ids=str,
)
def test_what_counts_the_same_has_its_cell(changes: dict[str, str], place: tuple[str, tuple[str, ...]]) -> None:
    assert place in places(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"indicator": "Offences of trafficking in persons"}, "offences, not persons"),
        ({"dimension": "by form of exploitation", "category": "Other forms of exploitation"}, "several of our codes"),
        ({"dimension": "by citizenship", "category": "Uzbekistan"}, "only part of a group"),
        ({"dimension": "by country of repatriation", "category": "Abroad"}, "repatriation"),
        ({"dimension": "by country of repatriation", "category": "Kyrgyzstan"}, "repatriation"),
        (
            {"dimension": "by form of exploitation", "category": "Forced labour", "sex": "Male", "age": "Unknown"},
            "broken down that way",
        ),
        ({"indicator": "Persons convicted", "sex": "Male"}, "broken down that way"),
    ],
    ids=str,
)
def test_what_does_not_is_kept_without_a_cell(changes: dict[str, str], reason: str) -> None:
    assert places(**changes) == []
    told = {"indicator": VICTIMS, "dimension": "Total", "category": "Total", "sex": "Total", "age": "Total", **changes}
    assert reason in why_nowhere(Glotip(**told))


def test_a_state_s_own_citizens_are_the_domestic_group_however_they_are_called() -> None:
    wanted = {"VICTIMS_CITIZENSHIP"} & {table.id for table in load_shipped().tables}
    for category in ("Nationals", "Kazakhstan"):
        found = dict(places(dimension="by citizenship", category=category))
        assert found["VICTIMS_CORRIDOR"] == ("KAZ", "_T")
        assert {name for name, key in found.items() if key == ("DOMESTIC",)} == wanted
    assert all(key != ("DOMESTIC",) for _name, key in places(dimension="by citizenship", category="Kyrgyzstan"))


def test_a_form_stands_beside_the_exclusive_and_the_named_reading() -> None:
    found = {table for table, _key in places(dimension="by form of exploitation", category="Forced labour")}
    assert found == {"VICTIMS_FORM", "VICTIMS_FORM_NAMED"} & {table.id for table in load_shipped().tables}


def test_stages_stand_in_the_perpetrators_table_where_the_catalogue_has_one() -> None:
    wanted = [("PERPETRATORS", ("CONVICTED",))] if _has(load_shipped(), "PERPETRATORS") else []
    assert places(indicator="Persons convicted") == wanted


def _has(catalogue: Catalogue, table: str) -> bool:
    return any(one.id == table for one in catalogue.tables)


def test_every_place_is_a_cell_of_the_catalogue() -> None:
    catalogue = load_shipped()
    for sex in ("Total", "Female", "Male", "Other", "Unknown"):
        for age in ("Total", "0 to 17 years", "18 years or over", "Unknown"):
            for table, key in places(sex=sex, age=age):
                assert key in catalogue.cells(catalogue.table(table))


def test_a_cell_typed_by_hand_must_be_there() -> None:
    catalogue = load_shipped()
    assert len(places_of(ByHand("VICTIMS_SEX", ("F",)), "KAZ", catalogue)) == 1
    for stranger in (ByHand("VICTIMS_SEX", ("X",)), ByHand("NOTHING", ("F",))):
        assert places_of(stranger, "KAZ", catalogue) == ()
        assert "no such cell" in why_nowhere(stranger)


def test_subjects_survive_their_store() -> None:
    for subject in (Glotip(VICTIMS, "by citizenship", 'a "b"', "Total", "Total"), ByHand("VICTIMS", ())):
        assert subject_of(subject_text(subject)) == subject
        assert subject.words
