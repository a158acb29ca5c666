"""The maps by which is counted are the ones by which is audited, and every code can be reached."""

import numpy as np
import pytest

from tallystick.config.catalogue import load_shipped
from tallystick.config.codes import almaty_states
from tallystick.config.errors import ConfigError
from tallystick.node.cases.coding import CodedColumns, encode
from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.tables.mapping import memberships, positions, reading
from tallystick.node.tables.metadata import table_facts
from tallystick.node.tables.overview import overview
from tests.support.cases import a_record, a_run

SHIPPED = load_shipped()
STATES = [*sorted(almaty_states()), "UZB", "DEU"]


@pytest.mark.parametrize("state", STATES)
def test_every_code_of_every_table_can_be_reached(state: str) -> None:
    for table in SHIPPED.tables:
        for name in table.dimension_ids:
            found = reading(SHIPPED, table, name, state)
            if found.named is not None:
                assert frozenset().union(*found.named) == set(SHIPPED.codes(table, name))


@pytest.mark.parametrize("state", STATES)
def test_a_reading_says_what_counting_does(state: str) -> None:
    people = [
        a_record(at, citizenship=country, forms=frozenset(forms))
        for at, (country, forms) in enumerate(
            [(state, ()), ("UZB", ("SX",)), ("DEU", ("SX", "OP")), ("_U", ("FL", "OG", "OP")), ("KAZ", ("OG",))]
        )
    ]
    columns = CodedColumns.from_coded((bytes([at]) * 16, encode(one)) for at, one in enumerate(people))
    for table_id, name, raw in (
        ("VICTIMS_CITIZENSHIP", "CITIZENSHIP_GROUP", columns.citizenship),
        ("VICTIMS_CORRIDOR", "CITIZENSHIP", columns.citizenship),
        ("VICTIMS_FORM", "FORM", columns.forms),
        ("VICTIMS_FORM_NAMED", "FORM_NAMED", columns.forms),
    ):
        table = SHIPPED.table(table_id)
        codes, named = SHIPPED.codes(table, name), reading(SHIPPED, table, name, state).named
        assert named is not None
        if name in table.multiple:
            counted = [set(np.array(codes)[row]) for row in memberships(SHIPPED, table, name, columns)]
        else:
            counted = [{codes[at]} for at in positions(SHIPPED, table, name, columns, state)]
        assert counted == [set(named[value]) for value in raw]


def test_a_state_sees_its_own_citizens_as_domestic_and_needs_to_be_named() -> None:
    table = SHIPPED.table("VICTIMS_CITIZENSHIP")
    columns = CodedColumns.from_coded([(b"1" * 16, encode(a_record(1, citizenship="KAZ")))])
    codes = SHIPPED.codes(table, "CITIZENSHIP_GROUP")
    seen = {s: codes[positions(SHIPPED, table, "CITIZENSHIP_GROUP", columns, s)[0]] for s in ("KAZ", "TUR", "DEU")}
    assert seen == {"KAZ": "DOMESTIC", "TUR": "SUBREGIONAL", "DEU": "SUBREGIONAL"}
    with pytest.raises(ConfigError, match="reporting state"):
        positions(SHIPPED, table, "CITIZENSHIP_GROUP", columns)


def test_a_catalogue_that_counts_several_forms_as_one_is_refused() -> None:
    table = SHIPPED.table("VICTIMS_FORM_NAMED")
    (dimension,) = table.dimensions
    exclusive = table.model_copy(update={"dimensions": (dimension.model_copy(update={"counting": "exclusive"}),)})
    columns = CodedColumns.from_coded([(b"1" * 16, encode(a_record(1)))])
    with pytest.raises(ConfigError, match="not counted that way"):
        positions(SHIPPED, exclusive, "FORM_NAMED", columns)
    with pytest.raises(ConfigError, match="not counted that way"):
        reading(SHIPPED, exclusive, "FORM_NAMED", "KAZ")


def test_the_overview_says_what_does_not_add_up_and_keeps_perpetrators_apart() -> None:
    store = MemoryCaseStore()
    offender = a_record(3, role="perpetrator", stages={"CONVICTED": 2019}, controls=frozenset())
    store.ingest(a_run(), [a_record(1, forms=frozenset({"SX", "FL"})), a_record(2), offender])
    found = overview(store, "KAZ", 2019)
    assert found.persons == 2
    several = {title: codes for title, codes in found.breakdown.items() if "does not add up" in title}
    assert [sum(codes.values()) for codes in several.values()] == [3, 4, 1]
    facts = table_facts(store, SHIPPED, "KAZ", found.facts["VICTIMS"].period)
    assert (facts["VICTIMS"].persons, facts["PERPETRATORS"].persons) == (2, 1)
    assert not facts["PERPETRATORS"].adds_up
