"""Where every release stands, and what it still lacks."""

from dataclasses import dataclass
from typing import Any

from tallystick.config.errors import TallystickError
from tallystick.config.i18n import _
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.folder import read_signatures
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.publishing import officers_signed
from tallystick.node.desk.states import PublicationState, state_label

__all__ = ["Listed", "list_releases"]


@dataclass(frozen=True)
class Listed:
    """One release as a person looks for it.

    Attributes:
        release: The row.
        signed_by: Officers whose signatures hold, for a draft; empty from ``logged`` on.
        needed: How many the roster asks for.
        notes: What is wrong with the draft's folder or signatures.
    """

    release: Publication
    signed_by: tuple[str, ...]
    needed: int
    notes: tuple[str, ...]

    @property
    def cells(self) -> tuple[int, int]:
        """Shown and withheld cells."""
        audit = self.release.statement.predicate.audit
        return audit.shown, audit.withheld

    @property
    def standing(self) -> str:
        """Its state, in words."""
        return state_label(self.release.state)

    @property
    def where(self) -> str:
        """Who signed a draft, or the index in the log, or why it was refused."""
        if self.release.log_index is not None:
            return str(self.release.log_index)
        if self.release.state is PublicationState.DRAFTED:
            return _("{count} of {needed}").format(count=len(self.signed_by), needed=self.needed)
        return self.release.reason or ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        shown, withheld = self.cells
        return {
            "period": self.release.period.text,
            "table": self.release.table_id,
            "revision": self.release.revision,
            "state": self.release.state.value,
            "payload_sha256": self.release.payload_id,
            "log_index": self.release.log_index,
            "reason": self.release.reason,
            "changed_at": self.release.changed_at,
            "shown": shown,
            "withheld": withheld,
            "signed_by": list(self.signed_by),
            "signatures_needed": self.needed,
            "notes": list(self.notes),
        }


def list_releases(bench: Bench) -> tuple[Listed, ...]:
    """Return every row; a draft with the officers that signed it so far."""
    try:
        roster = bench.roster()
    except TallystickError as error:
        return tuple(Listed(row, (), 0, (error.message,)) for row in bench.publications.all())
    log = bench.log(roster)
    index = 0 if log is None else log.size
    found = []
    for row in bench.publications.all():
        names: tuple[str, ...] = ()
        notes: tuple[str, ...] = ()
        if row.state is PublicationState.DRAFTED:
            folder = bench.draft_folder(row.period, row.table_id)
            try:
                by_key, _good, notes = officers_signed(
                    row.payload_id, row.payload, read_signatures(folder), roster, bench.state, index
                )
                names = tuple(sorted(set(by_key.values())))
            except TallystickError as error:
                notes = (error.message,)
            if not folder.is_dir():
                notes = (_("its folder is missing; draft the period again"),)
        found.append(Listed(row, names, roster.officer_threshold, notes))
    return tuple(found)
