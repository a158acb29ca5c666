"""Figures that are public elsewhere, inside the statement: bounded, in one order, beside a cell that exists."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError
from tallystick.exchange.formats.comparing import check_comparisons, figure_words, key_text, said_of, set_beside
from tallystick.exchange.formats.sdmxcsv import parse_csv
from tallystick.exchange.formats.statement import ReleaseStatement, parse_payload
from tallystick.exchange.verify.release import VerifiedRelease, verify_release
from tallystick.keys.envelope import assemble, sign_payload
from tests.support.federation import Federation

FEDERATION = Federation.make(("KAZ",))
DATA = FEDERATION.data("KAZ", "VICTIMS_SEX", "2018", {("F",): 44})
STATEMENT = FEDERATION.statement("KAZ", "VICTIMS_SEX", "2018", DATA)
PLAIN = STATEMENT.to_payload()
ONE = {"explanation": "counted by the date of the verdict", "key": ["F"], "official": "46", "source": "UNODC"}


def with_comparisons(*found: object) -> bytes:
    document = json.loads(PLAIN)
    document["predicate"]["metadata"]["comparisons"] = list(found)
    return rfc8785.dumps(document)


def read(*found: object) -> ReleaseStatement:
    statement = parse_payload(with_comparisons(*found))
    assert isinstance(statement, ReleaseStatement)
    return statement


def signed(statement: ReleaseStatement) -> bytes:
    payload = statement.to_payload()
    return assemble(payload, [sign_payload(payload, officer) for officer in FEDERATION.state("KAZ").officers[:2]])


def test_a_statement_without_any_keeps_its_bytes() -> None:
    assert b"comparisons" not in PLAIN
    assert parse_payload(PLAIN) == STATEMENT


def test_an_empty_list_is_a_second_spelling_and_refused() -> None:
    with pytest.raises(MalformedError, match="canonical"):
        parse_payload(with_comparisons())


def test_they_read_back_and_are_canonical_as_they_stand() -> None:
    payload = with_comparisons(ONE, {**ONE, "key": ["M"], "official": "<5", "explanation": ""})
    statement = read(ONE, {**ONE, "key": ["M"], "official": "<5", "explanation": ""})
    assert statement.to_payload() == payload
    first, second = statement.predicate.metadata.comparisons
    assert (first.key, first.official, second.official, second.explanation) == (("F",), "46", "<5", "")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=500))
def test_any_script_survives_in_an_explanation(text: str) -> None:
    assert read({**ONE, "explanation": text}).predicate.metadata.comparisons[0].explanation == text


@pytest.mark.parametrize(
    "change",
    [
        {"explanation": "x" * 501},
        {"explanation": "line\nline"},
        {"explanation": "turned \u202e around"},
        {"explanation": "\x1b[2J"},
        {"explanation": None},
        {"source": ""},
        {"source": "x" * 201},
        {"source": "a\x00b"},
        {"official": ""},
        {"official": "046"},
        {"official": "<0"},
        {"official": "> 5"},
        {"official": "1,200"},
        {"official": 46},
        {"official": "9" * 11},
        {"key": "F"},
        {"key": ["f"]},
        {"key": ["F"] * 5},
        {"key": ["F" * 17]},
        {"more": "x"},
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="comparisons"):
        read({**ONE, **change})


def test_twice_the_same_or_another_order_is_refused() -> None:
    for found in ([ONE, ONE], [{**ONE, "key": ["M"]}, ONE], [{**ONE, "source": "Z"}, ONE]):
        with pytest.raises(MalformedError, match="each once"):
            read(*found)
    assert read(ONE, {**ONE, "source": "Yearbook"})


def test_more_than_a_hundred_are_refused() -> None:
    with pytest.raises(MalformedError, match="comparisons"):
        read(*({**ONE, "source": f"S{number:04}"} for number in range(101)))


def test_a_cell_that_the_table_does_not_have_is_refused_by_the_verifier_too() -> None:
    good, bad = read(ONE), read({**ONE, "key": ["X"]})
    found = verify_release(signed(good), 0, DATA, FEDERATION.roster, "KAZ")
    assert isinstance(found, VerifiedRelease)
    assert found.statement.predicate.metadata.comparisons[0].official == "46"
    with pytest.raises(MalformedError, match="compares X, which is no cell of VICTIMS_SEX"):
        verify_release(signed(bad), 0, DATA, FEDERATION.roster, "KAZ")
    table = FEDERATION.catalogue.table("VICTIMS")
    with pytest.raises(MalformedError):
        check_comparisons(good.predicate.metadata.comparisons, FEDERATION.catalogue, table)


def test_a_comparison_reads_as_a_sentence() -> None:
    assert said_of("92", "UNODC GLOTIP 2023", figure_words(90, 3), "by verdict") == (
        "official 92 (UNODC GLOTIP 2023), here 90 ± 3: by verdict"
    )
    assert said_of("<5", "Yearbook", figure_words(None, 3), "") == "official <5 (Yearbook), here withheld"
    assert (figure_words(0, 0), figure_words(7, None)) == ("0", "7")
    assert (key_text(()), key_text(("F", "Y0T17"))) == ("_T", "F/Y0T17")


def test_the_release_s_own_figure_stands_beside_each() -> None:
    statement = read(ONE, {**ONE, "key": ["M"]})
    cells = parse_csv(DATA, FEDERATION.catalogue).observations
    first, second = set_beside(statement.predicate, cells)
    assert first["here"].startswith("44")
    assert (second["key"], second["here"]) == ("M", "withheld")
    assert set_beside(STATEMENT.predicate, cells) == []
