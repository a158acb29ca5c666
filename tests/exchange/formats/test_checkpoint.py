"""Checkpoints: both signatures of the log, by keys that the roster names, over exactly this head."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import (
    BadSignatureError,
    KeyNotTrustedError,
    MalformedError,
    SignerError,
    VerificationError,
)
from tallystick.exchange.formats.checkpoint import (
    Checkpoint,
    checkpoint_body,
    cosigned_message,
    origin,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from tallystick.exchange.formats.merkle import EMPTY_ROOT, leaf_hash
from tallystick.exchange.formats.note import NoteSignature, key_id, parse_note, write_note
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import new_signer

ED25519, MLDSA44 = new_signer("ed25519"), new_signer("mldsa44")
ORIGIN = origin("ab" * 32, "KAZ")
KEYS = [RosterKey("log", one.algorithm, one.public, "log of KAZ") for one in (ED25519, MLDSA44)]
HEAD = Checkpoint(ORIGIN, 42, leaf_hash(b"any root"))
SIGNED = sign_checkpoint(HEAD, ED25519, MLDSA44, timestamp=1_600_000_000)


def with_lines(*lines: NoteSignature, text: str | None = None) -> bytes:
    return write_note(checkpoint_body(HEAD) if text is None else text, lines)


LINES = parse_note(SIGNED).signatures


def test_a_signed_head_reads_back() -> None:
    assert verify_checkpoint(SIGNED, origin=ORIGIN, keys=KEYS) == HEAD
    assert parse_checkpoint(SIGNED)[0] == HEAD


def test_the_body_is_three_lines_as_the_specification_writes_them() -> None:
    assert SIGNED.startswith(f"{ORIGIN}\n42\n".encode())
    assert SIGNED.count(b"\n") == 3 + 1 + 2


def test_the_post_quantum_message_is_laid_out_as_the_specification_says() -> None:
    name = ORIGIN.encode()
    assert cosigned_message(ORIGIN, 7, HEAD) == (
        b"subtree/v1\n\x00"
        + bytes([len(name)])
        + name
        + (7).to_bytes(8, "big")
        + bytes([len(name)])
        + name
        + bytes(8)
        + (42).to_bytes(8, "big")
        + HEAD.root
    )


def test_an_empty_log_can_be_signed() -> None:
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert verify_checkpoint(sign_checkpoint(head, ED25519, MLDSA44, timestamp=1), origin=ORIGIN, keys=KEYS) == head


def test_strangers_signatures_are_passed_over() -> None:
    stranger = NoteSignature("witness.example/w1", b"\1\2\3\4", bytes(72))
    same_name = NoteSignature(ORIGIN, b"\1\2\3\4", bytes(64))
    same_id = NoteSignature("another/name", LINES[0].key_id, bytes(64))
    data = with_lines(stranger, *LINES, same_name, same_id)
    assert verify_checkpoint(data, origin=ORIGIN, keys=KEYS) == HEAD


def test_a_known_key_that_does_not_verify_spoils_the_whole_note() -> None:
    data = with_lines(*LINES, replace(LINES[0], signature=bytes(64)))
    with pytest.raises(BadSignatureError, match="ed25519"):
        verify_checkpoint(data, origin=ORIGIN, keys=KEYS)


@pytest.mark.parametrize(("kept", "missing"), [(0, "mldsa44"), (1, "ed25519")])
def test_one_of_the_two_signatures_is_not_enough(kept: int, missing: str) -> None:
    with pytest.raises(KeyNotTrustedError, match=missing):
        verify_checkpoint(with_lines(LINES[kept]), origin=ORIGIN, keys=KEYS)


def test_the_time_is_signed() -> None:
    later = (1_600_000_001).to_bytes(8, "big") + LINES[1].signature[8:]
    with pytest.raises(BadSignatureError, match="mldsa44"):
        verify_checkpoint(with_lines(LINES[0], replace(LINES[1], signature=later)), origin=ORIGIN, keys=KEYS)


def test_another_states_log_is_refused() -> None:
    with pytest.raises(KeyNotTrustedError, match="not tallystick/"):
        verify_checkpoint(SIGNED, origin=origin("ab" * 32, "KGZ"), keys=KEYS)


def test_another_federations_log_is_refused() -> None:
    with pytest.raises(KeyNotTrustedError):
        verify_checkpoint(SIGNED, origin=origin("cd" * 32, "KAZ"), keys=KEYS)


def test_keys_of_another_role_do_not_sign_logs() -> None:
    for role in ("officer", "witness"):
        with pytest.raises(KeyNotTrustedError, match="ed25519, mldsa44"):
            verify_checkpoint(SIGNED, origin=ORIGIN, keys=[replace(key, role=role) for key in KEYS])


def test_a_stranger_who_uses_the_origin_as_his_name_is_refused() -> None:
    other = sign_checkpoint(HEAD, new_signer("ed25519"), new_signer("mldsa44"), timestamp=1)
    with pytest.raises(KeyNotTrustedError):
        verify_checkpoint(other, origin=ORIGIN, keys=KEYS)


@pytest.mark.parametrize(("refused_from", "holds"), [(43, True), (42, True), (41, False), (0, False)])
def test_a_refused_log_key_signs_only_for_trees_of_the_entries_before(refused_from: int, holds: bool) -> None:
    keys = [KEYS[0], replace(KEYS[1], refused_from=refused_from)]
    if holds:
        assert verify_checkpoint(SIGNED, origin=ORIGIN, keys=keys) == HEAD
    else:
        with pytest.raises(KeyNotTrustedError, match="mldsa44"):
            verify_checkpoint(SIGNED, origin=ORIGIN, keys=keys)


def test_a_rotated_log_key_may_sign_beside_its_successor() -> None:
    successor = new_signer("ed25519")
    line = NoteSignature(ORIGIN, key_id(ORIGIN, 1, successor.public), successor.sign(checkpoint_body(HEAD).encode()))
    keys = [*KEYS, RosterKey("log", "ed25519", successor.public, "log of KAZ")]
    assert verify_checkpoint(with_lines(*LINES, line), origin=ORIGIN, keys=keys) == HEAD


BODY = checkpoint_body(HEAD)
LIES = {
    "an extension line": (BODY + "extension\n", "three lines"),
    "an empty extension line": (BODY + "\n", "three lines"),
    "two lines": ("\n".join(BODY.split("\n")[:2]) + "\n", "three lines"),
    "a leading zero": (BODY.replace("\n42\n", "\n042\n"), "'042' is not a tree size"),
    "a sign": (BODY.replace("\n42\n", "\n+42\n"), "tree size"),
    "a negative size": (BODY.replace("\n42\n", "\n-42\n"), "tree size"),
    "digits of another script": (BODY.replace("\n42\n", "\n٤٢\n"), "tree size"),
    "a size beyond 2**63": (BODY.replace("\n42\n", f"\n{2**63}\n"), "out of range"),
    "a short root": (BODY.replace(BODY.split("\n")[2], "AAAA"), "out of range"),
    "a root that is not base64": (BODY.replace(BODY.split("\n")[2], "!" * 44), "checkpoint: root"),
    "no origin": ("\n42\n" + BODY.split("\n")[2] + "\n", "origin"),
    "a blank in the origin": (BODY.replace("/kaz", "/k az"), "origin"),
}


@pytest.mark.parametrize("lie", LIES)
def test_another_spelling_of_a_head_is_refused_by_its_fault(lie: str) -> None:
    text, words = LIES[lie]
    with pytest.raises(MalformedError) as refused:
        verify_checkpoint(with_lines(*LINES, text=text), origin=ORIGIN, keys=KEYS)
    assert words in refused.value.message


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leaves_the_same_head(at: int, flip: int) -> None:
    bent = bytearray(SIGNED)
    bent[at] ^= flip
    try:
        found = verify_checkpoint(bytes(bent), origin=ORIGIN, keys=KEYS)
    except VerificationError:
        return
    assert found == HEAD


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_with_words(data: bytes) -> None:
    with pytest.raises(VerificationError) as refused:
        verify_checkpoint(data, origin=ORIGIN, keys=KEYS)
    assert refused.value.message


def test_signing_needs_one_key_of_each_kind_and_the_time() -> None:
    for one, two, when in ((MLDSA44, ED25519, 1), (ED25519, ED25519, 1), (ED25519, MLDSA44, 0)):
        with pytest.raises(SignerError):
            sign_checkpoint(HEAD, one, two, timestamp=when)


@pytest.mark.parametrize(
    ("federation", "state"), [("ab", "KAZ"), ("AB" * 32, "KAZ"), ("ab" * 32, "KA"), ("ab" * 32, "K/Z")]
)
def test_an_origin_is_made_of_a_federation_and_a_state_only(federation: str, state: str) -> None:
    with pytest.raises(MalformedError, match="log origin"):
        origin(federation, state)
