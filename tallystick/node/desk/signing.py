"""An officer's step, on his own computer: read, understand, sign; needs no node and no network."""

from tallystick.config.errors import BadSignatureError, SignerError
from tallystick.config.i18n import _
from tallystick.keys.checks import verify_signature
from tallystick.keys.envelope import pae, sign_payload
from tallystick.keys.signer import Signer
from tallystick.node.desk.folder import DetachedSignature, DraftFolder, read_signatures, write_signature

__all__ = ["OFFICER_ALGORITHMS", "is_signed_by", "sign_draft"]

OFFICER_ALGORITHMS = ("ed25519", "ecdsa-p256")


def is_signed_by(draft: DraftFolder, signer: Signer) -> bool:
    """Tell whether the draft already carries a good signature by this key."""
    for signature in read_signatures(draft.path):
        if signature.keyid == signer.keyid and signature.payload_sha256 == draft.payload_id:
            try:
                verify_signature(signer.algorithm, signer.public, signature.sig, pae(draft.payload))
            except BadSignatureError:
                continue
            return True
    return False


def sign_draft(draft: DraftFolder, signer: Signer) -> DetachedSignature:
    """Sign the very payload that was read and checked, and put the signature into the folder.

    Args:
        draft: What ``read_draft`` returned; what changed in the folder since is not what gets signed.
        signer: The officer's key.

    Raises:
        SignerError: A key of a kind that no release may carry.
    """
    if signer.algorithm not in OFFICER_ALGORITHMS:
        raise SignerError(
            _("a release cannot be signed with a key of kind {algorithm}").format(algorithm=signer.algorithm),
            hint=_("officers' keys are {kinds}").format(kinds=", ".join(OFFICER_ALGORITHMS)),
        )
    made = sign_payload(draft.payload, signer)
    verify_signature(signer.algorithm, signer.public, made.sig, pae(draft.payload))
    detached = DetachedSignature.model_construct(
        payload_sha256=draft.payload_id, algorithm=signer.algorithm, keyid=signer.keyid, sig=made.sig
    )
    write_signature(draft.path, detached)
    return detached
