import contextlib
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config import codes
from tallystick.config.catalogue import TOTAL, Correspondence, load_shipped, parse_catalogue, placement, planned_tables
from tallystick.config.errors import ConfigError, MalformedError
from tallystick.config.periods import block_of, parse_period

BLOCK = parse_period("2018-2020")


def test_the_shipped_catalogue_is_what_a_stranger_would_parse() -> None:
    shipped = load_shipped()
    assert parse_catalogue(shipped.to_bytes()) == shipped


def test_cells_stand_in_one_order_in_every_spelling_of_the_catalogue() -> None:
    shipped, canonical = load_shipped(), parse_catalogue(load_shipped().to_bytes())
    for table in shipped.tables:
        assert shipped.cells(table) == canonical.cells(canonical.table(table.id))


def test_a_block_repeats_no_margin_that_its_years_carry() -> None:
    shipped = load_shipped()
    cross = shipped.table("VICTIMS_SEX_AGE")
    assert not [key for key in shipped.cells(cross) if TOTAL in key]
    corridor = shipped.table("VICTIMS_CORRIDOR")
    assert (len(shipped.inner_cells(corridor)), len(shipped.margin_cells(corridor))) == (144, 24)
    assert (TOTAL, TOTAL) not in shipped.cells(corridor)


def test_every_code_has_words_in_both_languages_and_unknown_is_a_level() -> None:
    shipped = load_shipped()
    for codelist in shipped.codelists:
        assert "_U" in codelist.codes or codelist.id == "CL_STAGE", "a stage that is not known is not counted"
        assert all(set(labels) >= {"en", "ru"} and all(labels.values()) for labels in codelist.codes.values())
    assert all(set(table.name) >= {"en", "ru"} for table in shipped.tables)


def test_placement_in_the_catalogue_is_the_rule_applied_to_the_published_totals() -> None:
    shipped = load_shipped()
    for state in codes.almaty_states():
        totals = codes.published_totals().get(state, {})
        for year in (2015, 2018, 2021, 2024):
            block = block_of(year)
            by_year = block.text in shipped.placed_by_year.get(state, ())
            assert by_year == (placement(block, totals) == "year"), (state, block)


@pytest.mark.parametrize(
    ("totals", "wanted"),
    [
        ({}, "block"),
        ({2017: 500}, "block"),
        ({2016: 60, 2017: 60}, "year"),
        ({2016: 59, 2017: 600}, "block"),
        ({2018: 500, 2019: 500, 2020: 500}, "block"),
    ],
)
def test_placement_is_fixed_before_the_block_starts(totals: dict[int, int], wanted: str) -> None:
    assert placement(BLOCK, totals) == wanted


def test_sex_by_age_stands_in_exactly_one_place() -> None:
    shipped = load_shipped()
    for state in codes.almaty_states():
        years = [
            "VICTIMS_SEX_AGE" in [t.id for t in planned_tables(shipped, state, parse_period(str(y)))]
            for y in BLOCK.years
        ]
        block = "VICTIMS_SEX_AGE" in [t.id for t in planned_tables(shipped, state, BLOCK)]
        assert set(years) == {not block}


def test_an_unknown_table_names_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        load_shipped().table("nothing")
    assert "VICTIMS_SEX" in str(caught.value.hint)


@given(st.data())
def test_no_edited_catalogue_passes_as_another(data: st.DataObject) -> None:
    raw = load_shipped().to_bytes()
    position = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:position] + bytes([raw[position] ^ data.draw(st.integers(1, 255))]) + raw[position + 1 :]
    with contextlib.suppress(MalformedError):
        assert parse_catalogue(changed) != load_shipped()


@pytest.mark.parametrize("change", [{"codelists": []}, {"version": 0}, {"stray": 1}, {"tables": []}])
def test_a_catalogue_that_breaks_its_definition_is_refused_with_the_place(change: dict[str, object]) -> None:
    document = json.loads(load_shipped().to_bytes()) | change
    with pytest.raises(MalformedError, match="catalogue"):
        parse_catalogue(json.dumps(document).encode())


def test_tables_that_do_not_add_up_say_so_in_their_name_in_both_languages() -> None:
    several = [table for table in load_shipped().tables if table.multiple]
    assert {table.id for table in several} == {"VICTIMS_FORM_NAMED", "VICTIMS_CONTROL", "PERPETRATORS"}
    for table in several:
        assert "does not add up" in table.name["en"]
        assert "не суммируется" in table.name["ru"]


def test_every_correspondence_is_structured_and_names_codes_of_ours() -> None:
    shipped = load_shipped()
    for table in shipped.tables:
        for found in table.correspondence.values():
            assert isinstance(found, Correspondence)
            for dimension, theirs in found.codes.items():
                assert set(theirs) <= set(shipped.codes(table, dimension))
    forms = shipped.table("VICTIMS_FORM_NAMED").correspondence["SDG"]
    assert isinstance(forms, Correspondence)
    assert set(forms.series.values()) <= set(codes.code_list("SDG.SERIES"))


@pytest.mark.parametrize("field", ["unit", "reference_date_basis", "legal_definition", "correspondence"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_table_without_what_a_statistician_needs_is_refused(field: str, how: str) -> None:
    document = json.loads(load_shipped().to_bytes())
    table = document["tables"][0]
    if how == "missing":
        del table[field]
    else:
        table[field] = type(table[field])()
    with pytest.raises(MalformedError):
        parse_catalogue(rfc8785.dumps(document))


def test_a_margin_that_adds_codes_of_which_several_apply_is_refused() -> None:
    document = json.loads(load_shipped().to_bytes())
    table = next(one for one in document["tables"] if one["id"] == "VICTIMS_FORM_NAMED")
    table["margins"] = [[]]
    with pytest.raises(MalformedError, match="more than once"):
        parse_catalogue(rfc8785.dumps(document))


def test_a_catalogue_from_before_universes_keeps_its_bytes() -> None:
    shipped = load_shipped()
    assert b'"universe":"victims"' not in shipped.to_bytes()
    assert b'"counting":"exclusive"' not in shipped.to_bytes()
    assert shipped.to_bytes().count(b'"counting":"multiple"') == 3
