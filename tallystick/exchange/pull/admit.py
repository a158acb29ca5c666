"""From a new head and its entries to verified releases: the same for a peer and for our own desk's spool."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tallystick.config.errors import VerificationError
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import origin as log_origin
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.exchange.verify.logview import LogView, advance, empty_view
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, catalogue_of, verify_data, verify_release
from tallystick.exchange.verify.slices import SliceRules
from tallystick.keys.roster_types import Roster, StateEntry

__all__ = ["Figures", "admit", "complete", "figures", "first_view", "judge"]

Figures = tuple[Observation, ...] | None


def first_view(roster: Roster, state: StateEntry) -> LogView:
    """Return the view of a state's log before anything was seen of it."""
    return empty_view(log_origin(roster.federation_id, state.cc))


def judge(
    roster: Roster, state: StateEntry, entries: Sequence[bytes], start: int, rules: SliceRules | None
) -> list[VerifiedRelease | UnknownEntry]:
    """Verify entries of a state's log without their data, one after another.

    One that does not hold stops the log: a log is append-only, so whoever wrote that entry speaks for this state's
    log, and nothing behind it is taken until people have looked.

    Args:
        roster: The verified roster.
        state: Whose log it is.
        entries: The entries.
        start: Log index of the first.
        rules: What the state has released before; not changed.

    Raises:
        VerificationError: Of the class that ``verify_release`` or ``SliceRules`` gave, naming the entry.
    """
    standing = SliceRules(state.code, dict(rules.standing) if rules else {})
    found: list[VerifiedRelease | UnknownEntry] = []
    for index, entry in enumerate(entries, start):
        try:
            release = verify_release(entry, index, None, roster, state.code)
            if isinstance(release, VerifiedRelease):
                standing.admit(release)
        except VerificationError as error:
            error.message = _("{state}, log entry {index}: {what}").format(
                state=state.code, index=index, what=error.message
            )
            error.args = (error.message,)
            raise
        found.append(release)
    return found


def admit(
    roster: Roster,
    state: StateEntry,
    view: LogView,
    checkpoint: bytes,
    entries: Sequence[bytes],
    rules: SliceRules | None,
) -> tuple[LogView, list[VerifiedRelease | UnknownEntry]]:
    """Verify a new head, that all entries lead to it, and every entry.

    Raises:
        VerificationError: As ``advance`` and ``judge`` say; nothing may be kept.
    """
    after = advance(view, checkpoint, entries, state.log_keys)
    return after, judge(roster, state, entries, view.size, rules)


def figures(roster: Roster, release: VerifiedRelease, data: bytes) -> Figures:
    """Verify a release's data file; return its figures.

    Raises:
        VerificationError: The file is not the one that was signed.
    """
    return verify_data(release.statement, data, catalogue_of(release.statement, roster))


def complete(
    roster: Roster,
    releases: Sequence[VerifiedRelease | UnknownEntry],
    found: Mapping[str, Figures],
    read: Callable[[str], bytes | None],
) -> tuple[VerifiedRelease | UnknownEntry, ...]:
    """Give each release its figures where its data file is at hand.

    Args:
        roster: The verified roster.
        releases: Releases verified without their data.
        found: Figures verified just now, by payload id.
        read: Gives data files that are here, by hex SHA-256.

    Raises:
        VerificationError: A data file is not the one that was signed.
    """

    def look_up(release: VerifiedRelease) -> Figures:
        if release.payload_id in found:
            return found[release.payload_id]
        data = read(release.data_sha256)
        return None if data is None else figures(roster, release, data)

    return tuple(
        replace(one, observations=look_up(one)) if isinstance(one, VerifiedRelease) else one for one in releases
    )
