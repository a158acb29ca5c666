"""Orders to erase as files: read strictly, written canonically, signed over their exact bytes."""

import json
import os
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError, SignerError, TallystickError, UsageError
from tallystick.keys.signer import new_signer
from tallystick.node.cases.erasure_order import (
    MAX_ORDER,
    REASONS,
    Order,
    SignedOrder,
    read_order,
    reason_words,
    sign_order,
)

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def an_order(agency: str = "Паліція", number: str = "2019/113-а") -> Order:
    return Order.propose("KAZ", agency, number, "REQUEST", AT, os.urandom)


def test_what_is_written_reads_back_byte_for_byte() -> None:
    signed = sign_order(sign_order(SignedOrder(an_order()), new_signer("ed25519")), new_signer("ecdsa-p256"))
    again = read_order(signed.to_bytes())
    assert again.to_bytes() == signed.to_bytes()
    assert again.order.payload == signed.order.payload
    assert len(again.signatures) == 2


def test_an_order_names_the_case_and_tells_nothing_else() -> None:
    document = json.loads(SignedOrder(an_order()).to_bytes())
    assert set(document) == {"order", "signatures"}
    assert set(document["order"]) == {"agency", "format", "nonce", "number", "proposed_at", "reason", "state"}
    assert "2019/113" not in repr(an_order())


@pytest.mark.parametrize(
    "change",
    [
        {"state": "kaz"},
        {"agency": ""},
        {"number": "x" * 201},
        {"number": "a\nb"},
        {"reason": "BORED"},
        {"proposed_at": "2026-03-01"},
        {"nonce": "00"},
        {"name": "Aliya"},
        {"format": "tallystick-erasure-2"},
        {"number": 113},
    ],
    ids=str,
)
def test_an_order_that_says_anything_else_is_refused(change: dict[str, object]) -> None:
    document = json.loads(SignedOrder(an_order()).to_bytes())
    document["order"] |= change
    with pytest.raises(MalformedError, match="the order: order"):
        read_order(json.dumps(document).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"null",
        b'{"order":{},"order":{},"signatures":[]}',
        b"[" * 5000,
        b" " * (MAX_ORDER + 1),
        b'{"order":1e999,"signatures":[]}',
    ],
)
def test_junk_is_no_order(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_order(data)


@given(st.binary(max_size=300))
def test_no_bytes_give_anything_but_an_order_or_a_refusal(data: bytes) -> None:
    with pytest.raises(TallystickError):
        read_order(data)


def test_a_signature_that_is_no_base64_is_refused() -> None:
    document = json.loads(SignedOrder(an_order()).to_bytes())
    for sig in ("?", "a", "é"):
        document["signatures"] = [{"keyid": "0" * 64, "sig": sig}]
        with pytest.raises(MalformedError):
            read_order(json.dumps(document).encode())


def test_only_officers_kinds_of_keys_sign() -> None:
    with pytest.raises(SignerError, match="mldsa44"):
        sign_order(SignedOrder(an_order()), new_signer("mldsa44"))


def test_what_cannot_be_proposed_is_named_without_its_value() -> None:
    for agency, number in (("", "1"), ("a", "secret\n")):
        with pytest.raises(UsageError) as caught:
            an_order(agency, number)
        assert "secret" not in str(caught.value)


def test_every_reason_has_words() -> None:
    assert len({reason_words(reason) for reason in REASONS}) == len(REASONS)
