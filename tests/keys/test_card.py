"""Cards: nobody enrols a key that he does not hold, or for something else than its holder said."""

import base64
import json
from typing import Any

import pytest

from tallystick.config.clock import SystemClock
from tallystick.config.errors import BadSignatureError, MalformedError, VerificationError
from tallystick.keys.card import MAX_CARD, make_card, read_card
from tallystick.keys.certificate import make_leaf
from tallystick.keys.signer import Signer, new_signer

TLS = new_signer("ecdsa-p256")
LEAF = make_leaf("KAZ", [], TLS.private, SystemClock(), 365)  # type: ignore[arg-type]


def anna(signer: Signer | None = None, **changes: Any) -> bytes:
    arguments = {"role": "officer", "state": "KAZ", "name": "Анна Б.", **changes}
    return make_card(signers=[(arguments["role"], signer or new_signer("ed25519"))], **arguments)


def border(**changes: Any) -> bytes:
    signers = [("tls", TLS), ("witness", new_signer("ed25519"))]
    arguments = {"signers": signers, "certificate": LEAF, "endpoints": ["grpcs://192.0.2.1:8443"], **changes}
    return make_card("node", "KAZ", "Border", **arguments)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
@pytest.mark.parametrize("role", ["officer", "state", "ceremony"])
def test_a_persons_card_says_whose_key_it_is(role: str, algorithm: str) -> None:
    signer = new_signer(algorithm)
    card = read_card(anna(signer, role=role))
    assert (card.role, card.state, card.name, card.keyid) == (role, "KAZ", "Анна Б.", signer.keyid)
    assert card.demo is False


def test_a_nodes_card_carries_its_keys_as_the_roster_lists_them() -> None:
    card = read_card(border())
    tls, witness = card.roster_keys()
    assert (tls.role, tls.public, tls.certificate) == ("tls", TLS.public, LEAF)
    assert (witness.role, witness.algorithm, witness.name) == ("witness", "ed25519", "Border")
    assert card.endpoints == ["grpcs://192.0.2.1:8443"]
    log = read_card(make_card("node", "KAZ", "Desk", [("log", new_signer(kind)) for kind in ("ed25519", "mldsa44")]))
    assert [key.algorithm for key in log.roster_keys()] == ["ed25519", "mldsa44"]


def test_offline_keys_are_no_roster_keys() -> None:
    assert read_card(anna(role="state")).roster_keys() == ()


@pytest.mark.parametrize(
    ("member", "value"),
    [("name", "Mallory"), ("state", "KGZ"), ("role", "ceremony"), ("demo", True), ("endpoints", ["https://x.example"])],
)
def test_a_card_that_was_changed_after_it_was_made_is_refused(member: str, value: Any) -> None:
    document = json.loads(anna())
    document[member] = value
    if member == "role":
        document["keys"][0]["role"] = value
    with pytest.raises(BadSignatureError, match="proof of possession"):
        read_card(json.dumps(document).encode())


def test_another_persons_key_cannot_be_enrolled_under_my_name() -> None:
    victim, mine = json.loads(anna()), json.loads(anna(name="Mallory"))
    mine["keys"] = victim["keys"]
    for proofs in (mine["proofs"], victim["proofs"], []):
        with pytest.raises(VerificationError):
            read_card(json.dumps({**mine, "proofs": proofs}).encode())


def test_a_key_that_proves_nothing_beside_one_that_does_is_refused() -> None:
    document = json.loads(border())
    for proofs in (document["proofs"][:1], document["proofs"] * 2, document["proofs"][::-1]):
        with pytest.raises(BadSignatureError):
            read_card(json.dumps({**document, "proofs": proofs}).encode())


def test_one_key_has_one_role() -> None:
    with pytest.raises(MalformedError, match="two roles"):
        make_card("node", "KAZ", "x", [("log", signer := new_signer("ed25519")), ("witness", signer)])


@pytest.mark.parametrize(
    ("role", "key_role", "algorithm"),
    [
        ("officer", "log", "ed25519"),
        ("officer", "officer", "mldsa44"),
        ("node", "officer", "ed25519"),
        ("node", "tls", "ed25519"),
        ("node", "log", "ecdsa-p256"),
        ("ceremony", "state", "ed25519"),
    ],
)
def test_a_key_for_another_role_or_of_another_algorithm_is_refused(role: Any, key_role: Any, algorithm: str) -> None:
    with pytest.raises(MalformedError):
        make_card(role, "KAZ", "x", [(key_role, new_signer(algorithm))])


def test_a_persons_card_holds_one_key() -> None:
    with pytest.raises(MalformedError, match="one key"):
        make_card("officer", "KAZ", "x", [("officer", new_signer("ed25519")) for _ in range(2)])


def test_a_tls_key_needs_its_own_certificate_of_its_own_state() -> None:
    other = new_signer("ecdsa-p256")
    foreign = make_leaf("KGZ", [], TLS.private, SystemClock(), 30)  # type: ignore[arg-type]
    for certificate in (None, make_leaf("KAZ", [], other.private, SystemClock(), 30), foreign):  # type: ignore[arg-type]
        with pytest.raises(MalformedError):
            border(certificate=certificate)


def test_a_key_of_small_order_is_refused_whatever_its_proof() -> None:
    document = json.loads(anna())
    document["keys"][0]["public"] = base64.b64encode(b"\x01" + bytes(31)).decode()
    document["proofs"] = [base64.b64encode(b"\x01" + bytes(63)).decode()]
    with pytest.raises(MalformedError, match="small order"):
        read_card(json.dumps(document).encode())


@pytest.mark.parametrize("name", ["", "a" * 81, "line\nbreak", "\x1b[31mred", "\u202eevil"])
def test_a_name_that_a_terminal_or_page_would_trip_over_is_refused(name: str) -> None:
    with pytest.raises(MalformedError, match="name"):
        anna(name=name)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"[" * 30_000, b" " * (MAX_CARD + 1)])
def test_what_is_no_card_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="card"):
        read_card(data)


def test_an_unknown_member_or_format_is_refused_by_name() -> None:
    document = json.loads(anna())
    for changed in (
        {**document, "extra": 1},
        {**document, "format": "tallystick-card-2"},
        {**document, "state": "kaz"},
    ):
        with pytest.raises(MalformedError, match=r"extra|format|state"):
            read_card(json.dumps(changed).encode())
