"""One row on its way into the register: classification packed, details written, identity apart or sealed already."""

import os
from typing import NamedTuple

from tallystick.node.cases.coding import PERSON_ID_BYTES, encode, pack
from tallystick.node.cases.keyring import seal, unseal
from tallystick.node.cases.record import CaseRecord

__all__ = ["PERSON_KEY_BYTES", "CodedRow", "Sealed", "coded_row", "sealed_ahead"]

PERSON_KEY_BYTES = 32


Sealed = tuple[bytes, bytes, bytes]
"""An identity that was sealed ahead, as a new person's: person id, a key of its own, nonce and ciphertext."""


class CodedRow(NamedTuple):
    """What the register takes of one record.

    Attributes:
        row: The source's row number, 0 where there is none.
        agency: Who reports.
        number: The agency's own case number.
        coded: The classification, ``coding.pack``.
        fields: ``CaseRecord.details_text``, or None where there are no details.
        identity: ``Identity.to_bytes``, or None where there is none or ``sealed`` holds it.
        sealed: The identity as a new person's, or None.
        mark: Keyed digest of the source's row, or None.
    """

    row: int
    agency: str
    number: str
    coded: bytes
    fields: str | None
    identity: bytes | None
    sealed: Sealed | None = None
    mark: bytes | None = None

    def identity_bytes(self) -> bytes | None:
        """Return the identity in the clear, unsealed where it was sealed ahead."""
        if self.sealed is None:
            return self.identity
        person_id, key, blob = self.sealed
        return unseal(key, person_id, blob)

    def __repr__(self) -> str:
        return f"CodedRow({self.row}, not shown)"


def coded_row(record: CaseRecord, row: int = 0) -> CodedRow:
    """Return a record as the register takes it."""
    return CodedRow(
        row,
        record.agency,
        record.agency_case_id,
        pack(encode(record)),
        record.details_text() if record.details else None,
        record.identity.to_bytes() if record.identity else None,
    )


def sealed_ahead(identity: bytes) -> Sealed:
    """Seal an identity as a new person's, with a person id and a key drawn for it."""
    drawn = os.urandom(PERSON_ID_BYTES + PERSON_KEY_BYTES)
    person_id, key = drawn[:PERSON_ID_BYTES], drawn[PERSON_ID_BYTES:]
    return person_id, key, seal(key, person_id, identity)
