"""Signing: the bytes that were read and checked, by a key that a release may carry."""

from pathlib import Path

import pytest

from tallystick.config.errors import SignerError
from tallystick.keys.checks import verify_signature
from tallystick.keys.envelope import pae
from tallystick.keys.signer import new_signer
from tallystick.node.desk.folder import DetachedSignature, DraftFolder, read_draft, read_signatures, write_signature
from tallystick.node.desk.signing import is_signed_by, sign_draft
from tests.support.drafts import sample_draft


@pytest.fixture
def draft(tmp_path: Path) -> DraftFolder:
    return read_draft(sample_draft(tmp_path))


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_a_detached_signature_holds_over_the_exact_payload(draft: DraftFolder, algorithm: str) -> None:
    signer = new_signer(algorithm)
    assert not is_signed_by(draft, signer)
    sign_draft(draft, signer)
    (made,) = read_signatures(draft.path)
    assert (made.keyid, made.algorithm, made.payload_sha256) == (signer.keyid, algorithm, draft.payload_id)
    verify_signature(algorithm, signer.public, made.sig, pae(draft.payload))
    assert is_signed_by(draft, signer)
    assert not is_signed_by(draft, new_signer(algorithm))


def test_a_key_that_no_release_may_carry_is_refused(draft: DraftFolder) -> None:
    with pytest.raises(SignerError, match="mldsa44"):
        sign_draft(draft, new_signer("mldsa44"))
    assert read_signatures(draft.path) == ()


def test_a_forged_file_under_ones_own_key_id_does_not_count_as_signed(draft: DraftFolder) -> None:
    signer = new_signer("ed25519")
    forged = DetachedSignature.model_construct(
        format="tallystick-signature-1", payload_sha256=draft.payload_id, algorithm="ed25519", keyid=signer.keyid,
        sig=bytes(64),
    )  # fmt: skip
    write_signature(draft.path, forged)
    assert not is_signed_by(draft, signer)


def test_what_changes_in_the_folder_after_reading_is_not_what_gets_signed(draft: DraftFolder) -> None:
    (draft.path / "statement.json").write_bytes(b"something else")
    signer = new_signer("ed25519")
    made = sign_draft(draft, signer)
    verify_signature("ed25519", signer.public, made.sig, pae(draft.payload))
