"""Writing to the own desk: the roster as it now stands, and a receipt for each own release.

The desk verifies both; it does not believe the border. The folder belongs to the border, the desk only reads.
"""

from pathlib import Path

from tallystick.exchange.border.keeper import Keeper
from tallystick.exchange.formats.tlogproof import encode_proof
from tallystick.exchange.spool import SpoolWriter
from tallystick.proto.exchange.v1.spool_pb2 import SpoolMessage

__all__ = ["DeskOutlet"]

_NOTE = "inbox roster digest"
_BATCH = 500
"""Receipts in one message; each has at most some tens of kilobytes."""


class DeskOutlet:
    """Tells the desk what is new.

    Args:
        inbox: The spool towards the desk.
        keeper: The stores.
        state: The own state, alpha-3.
    """

    def __init__(self, inbox: Path, keeper: Keeper, state: str) -> None:
        self._writer, self._keeper, self._cc = SpoolWriter(inbox), keeper, state.lower()

    def tell(self) -> int:
        """Write what the desk was not told yet; return how many messages.

        A crash between a message and its mark tells it twice, which its reader takes as nothing new.

        Raises:
            StoreError: The inbox cannot be written.
        """
        if not self._keeper.has_roster:
            return 0
        return self._tell_roster() + self._tell_receipts()

    def _tell_roster(self) -> int:
        held, state = self._keeper.held(), self._keeper.state
        if state.note(_NOTE) == held.digest:
            return 0
        message = SpoolMessage(format=1)
        for name, data in sorted(held.files.items()):
            message.roster.files.add(name=f"roster/{name}", data=data)
        self._writer.put("roster", message.SerializeToString(deterministic=True))
        state.set_note(_NOTE, held.digest)
        return 1

    def _tell_receipts(self) -> int:
        releases = {identity: at for at, identity, _status in self._keeper.releases(self._cc)}
        wanted = self._keeper.state.without_receipt(list(releases))
        if not wanted:
            return 0
        reader, view = self._keeper.archive.log(self._cc), self._keeper.archive.view(self._cc)
        if view is None:
            return 0
        for first in range(0, len(wanted), _BATCH):
            batch = wanted[first : first + _BATCH]
            message = SpoolMessage(format=1)
            for identity in batch:
                at = releases[identity]
                receipt = encode_proof(at, reader.inclusion(at, view.size), view.checkpoint)
                message.receipts.files.add(name=f"{self._cc}/releases/{identity}.tlog-proof", data=receipt)
            self._writer.put("receipts", message.SerializeToString(deterministic=True))
            self._keeper.state.receipts_sent(batch)
        return -(-len(wanted) // _BATCH)
