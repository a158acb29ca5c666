"""DSSE: the protocol's own vector, and every way to make two officers out of one."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as LibraryEnvelope
from securesystemslib.signer import Signature as LibrarySignature
from securesystemslib.signer import SSlibKey

from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, MalformedError
from tallystick.keys.checks import verify_signature
from tallystick.keys.envelope import (
    MAX_ENVELOPE,
    Envelope,
    Signature,
    assemble,
    pae,
    parse_envelope,
    sign_payload,
    verify_threshold,
)
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import Signer, new_signer

PAYLOAD = b'{"counts":"sealed"}'


def officer(signer: Signer, name: str) -> RosterKey:
    return RosterKey("officer", signer.algorithm, signer.public, name)


ANNA, BOLAT, CHINARA, STRANGER = (new_signer(kind) for kind in ("ed25519", "ecdsa-p256", "ed25519", "ed25519"))
OFFICERS = (officer(ANNA, "Anna"), officer(BOLAT, "Bolat"), officer(CHINARA, "Chinara"))


def signed_by(*signers: Signer) -> Envelope:
    return parse_envelope(assemble(PAYLOAD, [sign_payload(PAYLOAD, signer) for signer in signers]))


def names(found: tuple[RosterKey, ...]) -> set[str]:
    return {key.name for key in found}


def test_the_vector_published_with_the_protocol_holds() -> None:
    """secure-systems-lab/dsse, protocol.md, version 1.0.0, "Test Vectors"."""
    text = (
        '{"payload": "aGVsbG8gd29ybGQ=",\n "payloadType": "http://example.com/HelloWorld",\n "signatures": [{"sig": '
        '"A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}'
    )
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    envelope = parse_envelope(text.encode())
    assert envelope.payload == b"hello world"
    assert envelope.signed_bytes == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    (signature,) = envelope.signatures
    der = encode_dss_signature(*(int.from_bytes(half, "big") for half in (signature.sig[:32], signature.sig[32:])))
    public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    verify_signature("ecdsa-p256", public, der, envelope.signed_bytes)
    assert signature.keyid == ""


def test_the_encoding_counts_bytes_and_not_characters() -> None:
    assert pae("қ".encode(), "қ") == b"DSSEv1 2 \xd2\x9b 2 \xd2\x9b"


def test_two_officers_are_enough_and_any_third_is_welcome() -> None:
    assert names(verify_threshold(signed_by(ANNA, BOLAT), OFFICERS, 2)) == {"Anna", "Bolat"}
    assert names(verify_threshold(signed_by(ANNA, BOLAT, CHINARA), OFFICERS, 2)) == {"Anna", "Bolat", "Chinara"}


def test_one_officer_alone_is_not_two() -> None:
    with pytest.raises(BadSignatureError, match="1 of 2"):
        verify_threshold(signed_by(ANNA), OFFICERS, 2)


def test_a_threshold_below_one_never_makes_nobody_enough() -> None:
    with pytest.raises(KeyNotTrustedError):
        verify_threshold(signed_by(STRANGER), OFFICERS, 0)


@pytest.mark.parametrize("second_hint", ["", "another-name", "0" * 64])
def test_one_key_under_two_key_ids_counts_once(second_hint: str) -> None:
    first = sign_payload(PAYLOAD, ANNA)
    envelope = Envelope(PAYLOAD, "application/vnd.in-toto+json", (first, Signature(second_hint, first.sig)))
    with pytest.raises(BadSignatureError, match="1 of 2"):
        verify_threshold(envelope, OFFICERS, 2)


def test_the_library_would_have_counted_that_key_twice() -> None:
    """Why counting is ours: if this ever fails, the library has changed its mind and the note may go."""
    key = SSlibKey("one", "ed25519", "ed25519", {"public": ANNA.public.hex()})
    twin = SSlibKey("two", "ed25519", "ed25519", {"public": ANNA.public.hex()})
    sig = ANNA.sign(pae(PAYLOAD, "t")).hex()
    both = {name: LibrarySignature(name, sig) for name in ("one", "two")}
    assert len(LibraryEnvelope(PAYLOAD, "t", both).verify([key, twin], 2)) == 2


@pytest.mark.parametrize("alias", ["Anna", " anna ", "ANNA", "Ａnna"])
def test_one_officer_with_two_keys_counts_once_however_the_name_is_written(alias: str) -> None:
    second = new_signer("ed25519")
    with pytest.raises(BadSignatureError, match="1 of 2"):
        verify_threshold(signed_by(ANNA, second), (*OFFICERS, officer(second, alias)), 2)


def test_one_key_listed_under_two_names_counts_once() -> None:
    with pytest.raises(BadSignatureError, match="1 of 2"):
        verify_threshold(signed_by(ANNA), (officer(ANNA, "Anna"), officer(ANNA, "Aigul")), 2)


def test_a_key_of_another_role_signs_no_release() -> None:
    log_key = replace(OFFICERS[1], role="log")
    with pytest.raises(KeyNotTrustedError):
        verify_threshold(signed_by(ANNA, BOLAT), (OFFICERS[0], log_key), 2)


def test_a_strangers_signature_is_named_as_such() -> None:
    with pytest.raises(KeyNotTrustedError, match="no officer of the roster"):
        verify_threshold(signed_by(ANNA, STRANGER), OFFICERS, 2)


def test_a_signature_claimed_for_another_officer_is_refused_even_beside_enough_good_ones() -> None:
    claimed = Signature(CHINARA.keyid, sign_payload(PAYLOAD, ANNA).sig)
    good = tuple(sign_payload(PAYLOAD, signer) for signer in (ANNA, BOLAT))
    with pytest.raises(BadSignatureError, match="Chinara"):
        verify_threshold(Envelope(PAYLOAD, "application/vnd.in-toto+json", (*good, claimed)), OFFICERS, 2)


def test_one_digit_changed_or_another_type_is_refused() -> None:
    good = signed_by(ANNA, BOLAT)
    for bad in (replace(good, payload=PAYLOAD.replace(b"s", b"z")), replace(good, payload_type="text/plain")):
        with pytest.raises(BadSignatureError):
            verify_threshold(bad, OFFICERS, 2)


def test_the_same_signatures_in_any_order_make_the_same_bytes() -> None:
    signatures = [sign_payload(PAYLOAD, signer) for signer in (ANNA, BOLAT, CHINARA)]
    assert assemble(PAYLOAD, signatures) == assemble(PAYLOAD, reversed([*signatures, *signatures]))


@given(
    st.binary(max_size=300),
    st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=80)), min_size=1, max_size=16, unique=True),
)
def test_what_is_assembled_is_what_is_parsed(payload: bytes, pairs: list[tuple[str, bytes]]) -> None:
    signatures = {Signature(hint.encode("utf-8", "replace").decode(), sig) for hint, sig in pairs}
    found = parse_envelope(assemble(payload, signatures))
    assert (found.payload, set(found.signatures)) == (payload, signatures)


@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_parse_or_be_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_envelope(data)


def variants() -> dict[str, bytes]:
    good = json.loads(assemble(PAYLOAD, [sign_payload(PAYLOAD, ANNA)]))
    one = good["signatures"][0]

    def changed(**parts: object) -> bytes:
        return json.dumps({**good, **parts}).encode()

    return {
        "a member more": changed(comment="x"),
        "a member missing": json.dumps({"payload": good["payload"], "signatures": [one]}).encode(),
        "a member twice": json.dumps(good).encode().replace(b'{"payload"', b'{"payload": "", "payload"', 1),
        "no signature": changed(signatures=[]),
        "too many signatures": changed(signatures=[one] * 17),
        "signature not an object": changed(signatures=["x"]),
        "signature with a member more": changed(signatures=[{**one, "cert": ""}]),
        "keyid not text": changed(signatures=[{**one, "keyid": 5}]),
        "endless keyid": changed(signatures=[{**one, "keyid": "k" * 257}]),
        "type not text": changed(payloadType=7),
        "endless type": changed(payloadType="t" * 201),
        "payload not base64": changed(payload="?!"),
        "payload with loose bits": changed(payload="QR=="),
        "payload with a line end": changed(payload="QQ==\n"),
        "a list": b"[]",
        "a lone surrogate": b'{"payload": "\\ud800", "payloadType": "t", "signatures": [{"sig": ""}]}',
        "not UTF-8": b"\xff\xfe",
        "nested for ever": b"[" * 60_000,
        "too large": changed(payload="A" * MAX_ENVELOPE),
    }


@pytest.mark.parametrize("bad", variants().values(), ids=variants().keys())
def test_a_malformed_envelope_is_refused(bad: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_envelope(bad)


def test_url_safe_base64_is_read_as_the_protocol_demands() -> None:
    envelope = json.dumps(
        {"payload": "-_-_", "payloadType": "t", "signatures": [{"keyid": "", "sig": "_w=="}]}
    ).encode()
    assert parse_envelope(envelope).payload == b"\xfb\xff\xbf"


def test_an_envelope_that_no_log_would_take_is_not_made() -> None:
    with pytest.raises(MalformedError, match="65535"):
        assemble(bytes(MAX_ENVELOPE), [sign_payload(PAYLOAD, ANNA)])
    with pytest.raises(MalformedError, match="1 to 16"):
        assemble(PAYLOAD, [])
