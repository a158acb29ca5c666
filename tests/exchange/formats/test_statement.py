"""The statement: canonical JSON, every field bounded, nothing unknown inside our own predicate."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tallystick.config.errors import MalformedError
from tallystick.exchange.formats.statement import (
    PAYLOAD_LIMIT,
    PREDICATE_TYPE,
    ReleaseStatement,
    UnknownStatement,
    parse_payload,
    payload_id,
)
from tests.support.federation import Federation

FEDERATION = Federation.make(("KAZ",))
DATA = FEDERATION.data("KAZ", "VICTIMS_SEX", "2018", {("F",): 44})
STATEMENT = FEDERATION.statement("KAZ", "VICTIMS_SEX", "2018", DATA)
PAYLOAD = STATEMENT.to_payload()


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(PAYLOAD)
    change(document)
    return rfc8785.dumps(document)


def test_a_statement_reads_back_and_keeps_its_identity() -> None:
    again = parse_payload(PAYLOAD)
    assert again == STATEMENT
    assert isinstance(again, ReleaseStatement)
    assert again.to_payload() == PAYLOAD
    assert payload_id(PAYLOAD) == payload_id(again.to_payload())


def test_the_payload_is_what_the_reference_library_writes() -> None:
    assert rfc8785.dumps(json.loads(PAYLOAD)) == PAYLOAD


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=300))
def test_any_script_survives_and_both_canonical_checks_agree(text: str) -> None:
    predicate = STATEMENT.predicate
    metadata = predicate.metadata.model_copy(update={"notes": text})
    statement = STATEMENT.model_copy(update={"predicate": predicate.model_copy(update={"metadata": metadata})})
    payload = statement.to_payload()
    again = parse_payload(payload)
    assert isinstance(again, ReleaseStatement)
    assert again.predicate.metadata.notes == text
    assert rfc8785.dumps(json.loads(payload)) == payload


def test_persian_with_its_joiners_is_accepted() -> None:
    notes = "قربانیان می\u200cشوند"
    assert parse_payload(changed(lambda d: d["predicate"]["metadata"].update(notes=notes)))


@given(st.integers(0, len(PAYLOAD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_makes_another_identity_in_canonical_form(at: int, flip: int) -> None:
    bent = bytearray(PAYLOAD)
    bent[at] ^= flip
    try:
        found = parse_payload(bytes(bent))
    except MalformedError:
        return
    if isinstance(found, UnknownStatement):
        assert found.predicate_type != PREDICATE_TYPE
    else:
        assert found != STATEMENT
        assert found.to_payload() == bytes(bent)


def test_an_unknown_predicate_type_is_named_and_kept() -> None:
    payload = changed(lambda d: d.update(predicateType="urn:x-tallystick:remark:1", predicate={"free": [1.5, None]}))
    assert parse_payload(payload) == UnknownStatement("urn:x-tallystick:remark:1")


def predicate(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["predicate"].update(fields)


def part(name: str, **fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["predicate"][name].update(fields)


LIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another in-toto version": (lambda d: d.update(_type="https://in-toto.io/Statement/v0.1"), "Statement v1"),
    "no predicate type": (lambda d: d.pop("predicateType"), "predicateType"),
    "a predicate type with a blank": (lambda d: d.update(predicateType="urn x"), "predicateType"),
    "an endless predicate type": (lambda d: d.update(predicateType="u" * 201), "predicateType"),
    "two data files": (lambda d: d.update(subject=d["subject"] * 2), "subject"),
    "no data file": (lambda d: d.update(subject=[]), "subject"),
    "a path as the file's name": (lambda d: d["subject"][0].update(name="../data.csv"), "subject.0.name"),
    "a name that ends the line": (lambda d: d["subject"][0].update(name="data.csv\n"), "subject.0.name"),
    "a second digest": (lambda d: d["subject"][0]["digest"].update(md5="0"), "subject.0.digest.md5"),
    "a digest in capitals": (lambda d: d["subject"][0]["digest"].update(sha256="A" * 64), "sha256"),
    "a digest that ends the line": (lambda d: d["subject"][0]["digest"].update(sha256="a" * 64 + "\n"), "sha256"),
    "a field that we do not know": (predicate(colour="green"), "predicate.colour"),
    "a field missing": (lambda d: d["predicate"].pop("plan"), "predicate.plan"),
    "a number as text": (predicate(revision="1"), "predicate.revision"),
    "a truth as a number": (predicate(demo=1), "predicate.demo"),
    "a fraction": (predicate(revision=1.5), "predicate.revision"),
    "revision 0": (predicate(revision=0), "predicate.revision"),
    "revision 2 of nothing": (predicate(revision=2), "supersedes"),
    "revision 1 that supersedes": (predicate(supersedes="0" * 64), "supersedes"),
    "a state in small letters": (predicate(issuer="kaz"), "predicate.issuer"),
    "another audience": (predicate(audience="KGZ"), "predicate.audience"),
    "a rolling window": (predicate(slice={"period": "2019-2021", "freq": "A3"}), "predicate.slice"),
    "a period with another frequency": (predicate(slice={"period": "2018", "freq": "A3"}), "predicate.slice"),
    "an interval audit that did not pass": (part("audit", intervals="failed"), "predicate.audit.intervals"),
    "a negative count": (part("audit", withheld=-1), "predicate.audit.withheld"),
    "a day that does not exist": (part("metadata", cut_off="2021-02-30"), "predicate.metadata.cut_off"),
    "another unit": (part("metadata", unit="kilograms"), "predicate.metadata.unit"),
    "notes of 2,001 characters": (part("metadata", notes="n" * 2001), "predicate.metadata.notes"),
    "notes that turn the line round": (part("metadata", notes="safe\u202eefas"), "U+202E"),
    "notes that move the cursor": (part("metadata", notes="\x1b[2J"), "U+001B"),
    "notes of two lines": (part("metadata", notes="one\ntwo"), "U+000A"),
    "an invisible blank": (part("metadata", sources="a\u200bb"), "U+200B"),
    "a parameter that is a list": (part("method", parameters={"D": [3]}), "predicate.method.parameters.D"),
    "a fractional parameter": (part("method", parameters={"D": 3.5}), "predicate.method.parameters.D"),
    "a parameter beyond 2**53": (part("method", parameters={"D": float(2**60)}), "predicate.method.parameters.D"),
    "too many parameters": (part("method", parameters={f"p{n}": n for n in range(33)}), "predicate.method.parameters"),
    "another commitment": (part("commitment", algorithm="sha1"), "predicate.commitment.algorithm"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_statement_that_breaks_a_rule_is_refused_by_its_field(lie: str) -> None:
    change, words = LIES[lie]
    with pytest.raises(MalformedError) as refused:
        parse_payload(changed(change))
    assert words in refused.value.message


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 30_000,
        PAYLOAD.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + PAYLOAD,
    ],
    ids=["empty", "null", "list", "cut", "no UTF-8", "deep", "UTF-16", "byte order mark"],
)
def test_what_is_no_json_statement_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_payload(payload)


@pytest.mark.parametrize(
    "payload",
    [
        PAYLOAD + b"\n",
        json.dumps(json.loads(PAYLOAD)).encode(),
        PAYLOAD.replace(b'"demo":true', b'"demo":true,"demo":true'),
        PAYLOAD.replace(b'"TLP:GREEN"', b'"\\u0054LP:GREEN"'),
        PAYLOAD.replace(b'"revision":1,', b'"revision":1.0,'),
        PAYLOAD.replace(b'"revision":1,', b'"revision":1e0,'),
    ],
    ids=["newline", "blanks", "doubled member", "escape", "1.0", "1e0"],
)
def test_another_spelling_of_the_same_statement_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_payload(payload)


def test_a_payload_beyond_its_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match=f"{PAYLOAD_LIMIT} bytes"):
        parse_payload(b" " * (PAYLOAD_LIMIT + 1))


def test_the_largest_statement_still_fits_a_log_entry_with_sixteen_signatures() -> None:
    wide = "\U0001f9ee" * 2000
    metadata = STATEMENT.predicate.metadata.model_copy(
        update={"notes": wide, "sources": wide, "legal_definition": wide, "reference_date_basis": wide}
    )
    statement = STATEMENT.model_copy(
        update={"predicate": STATEMENT.predicate.model_copy(update={"metadata": metadata})}
    )
    payload = statement.to_payload()
    assert len(payload) <= PAYLOAD_LIMIT
    assert PAYLOAD_LIMIT * 4 // 3 + 16 * 200 < 65_535


def test_a_statement_is_not_made_from_what_would_be_refused() -> None:
    with pytest.raises(ValidationError):
        FEDERATION.statement("KAZ", "VICTIMS_SEX", "2018", DATA, handling="green")
