"""Receipts: they prove one entry at one place under one signed head, or they are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import BadProofError, KeyNotTrustedError, MalformedError, VerificationError
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint
from tallystick.exchange.formats.merkle import inclusion_proof, leaf_hash, root_of
from tallystick.exchange.formats.tlogproof import PROOF_LIMIT, encode_proof, parse_proof, verify_proof
from tests.support.federation import Federation

FEDERATION = Federation.make(("KAZ", "KGZ"))
KAZ = FEDERATION.state("KAZ")
ENTRIES = [f"entry {number}".encode() for number in range(300)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
SIGNED = KAZ.sign(Checkpoint(KAZ.origin, 300, root_of(LEAVES)))
RECEIPT = encode_proof(7, inclusion_proof(LEAVES, 7, 300), SIGNED)


def test_a_receipt_proves_its_entry_and_says_where_it_stands() -> None:
    index, head = verify_proof(RECEIPT, ENTRIES[7], KAZ.origin, KAZ.log_keys())
    assert (index, head) == (7, parse_checkpoint(SIGNED)[0])


def test_a_receipt_is_laid_out_as_the_specification_says() -> None:
    lines = RECEIPT.split(b"\n")
    assert lines[:2] == [b"c2sp.org/tlog-proof@v1", b"index 7"]
    assert lines[2 + 9] == b""
    assert RECEIPT.endswith(b"\n\n" + SIGNED)


def test_the_only_entry_of_a_log_has_a_receipt_without_hashes() -> None:
    signed = KAZ.sign(Checkpoint(KAZ.origin, 1, LEAVES[0]))
    receipt = encode_proof(0, (), signed)
    assert verify_proof(receipt, ENTRIES[0], KAZ.origin, KAZ.log_keys())[0] == 0


def test_a_receipt_proves_no_other_entry() -> None:
    with pytest.raises(BadProofError, match="index 7") as refused:
        verify_proof(RECEIPT, ENTRIES[8], KAZ.origin, KAZ.log_keys())
    assert refused.value.hint


def test_a_receipt_of_another_log_is_refused() -> None:
    kgz = FEDERATION.state("KGZ")
    with pytest.raises(KeyNotTrustedError):
        verify_proof(RECEIPT, ENTRIES[7], kgz.origin, kgz.log_keys())
    with pytest.raises(KeyNotTrustedError):
        verify_proof(RECEIPT, ENTRIES[7], KAZ.origin, kgz.log_keys())


LIES = {
    "another version": (RECEIPT.replace(b"proof@v1", b"proof@v2"), "tlog-proof@v1"),
    "an extra line": (RECEIPT.replace(b"\nindex", b"\nextra AAAA\nindex"), "line 2"),
    "no index": (RECEIPT.replace(b"index 7\n", b""), "line 2"),
    "a leading zero": (RECEIPT.replace(b"index 7", b"index 07"), "line 2"),
    "two blanks": (RECEIPT.replace(b"index 7", b"index  7"), "line 2"),
    "a hash cut short": (RECEIPT.replace(RECEIPT.split(b"\n")[2], b"AAAA"), "line 3"),
    "a hash that is not base64": (RECEIPT.replace(RECEIPT.split(b"\n")[3], b"%"), "line 4"),
    "64 hashes": (RECEIPT.replace(b"index 7\n", b"index 7\n" + (b"A" * 43 + b"=\n") * 64), "63 hashes"),
    "letters outside ASCII": (RECEIPT.replace(b"index 7\n", "index 7\n—\n".encode()), "ASCII"),
    "no checkpoint": (RECEIPT.split(b"\n\n")[0], "with a checkpoint"),
    "a checkpoint with an extension line": (RECEIPT.replace(b"\n300\n", b"\n300\n300\n"), "three lines"),
    "too large": (RECEIPT + b"x" * PROOF_LIMIT, "bytes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_receipt_is_refused_by_its_fault(lie: str) -> None:
    data, words = LIES[lie]
    assert data != RECEIPT
    with pytest.raises(MalformedError) as refused:
        parse_proof(data)
    assert words in refused.value.message


@given(st.integers(0, len(RECEIPT) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_proves_the_same(at: int, flip: int) -> None:
    bent = bytearray(RECEIPT)
    bent[at] ^= flip
    try:
        found = verify_proof(bytes(bent), ENTRIES[7], KAZ.origin, KAZ.log_keys())
    except VerificationError:
        return
    assert found == (7, parse_checkpoint(SIGNED)[0])
