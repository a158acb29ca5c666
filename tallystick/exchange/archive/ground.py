"""What every check stands on: the roster under its anchor, a report that begins with it, the place of an error."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tallystick.config.clock import rfc3339
from tallystick.config.errors import MalformedError, TallystickError, UnanchoredError
from tallystick.config.i18n import _
from tallystick.exchange.archive.report import Report
from tallystick.keys.roster import GENESIS, load_roster
from tallystick.keys.roster_types import Roster
from tallystick.keys.words import Anchor, anchor_of

__all__ = ["begin_report", "known_roster", "located", "placed", "unanchored"]


def known_roster(
    theirs: Mapping[str, bytes], mine: Mapping[str, bytes], anchor: Anchor | None, at: datetime
) -> tuple[Roster, tuple[str, ...]]:
    """Verify the roster that a pack brings, together with one that the caller has.

    Args:
        theirs: The pack's roster files, by name below the roster folder; may be empty.
        mine: The caller's; may be empty.
        anchor: The federation that the caller trusts; None judges by the roster's own genesis.
        at: The time as of which the roster is judged.

    Returns:
        The roster, and what a merge of the two had to say.

    Raises:
        VerificationError: A file does not hold, or there is no roster at all.
    """
    files = mine or theirs
    if GENESIS not in files:
        raise MalformedError(
            _("there is no roster (roster/{name})").format(name=GENESIS),
            hint=_("give the folder of one with --roster"),
        )
    trusted = anchor if anchor is not None else anchor_of(files[GENESIS])
    if mine and theirs:
        from tallystick.keys.merge import merge  # noqa: PLC0415 - few bring a roster of their own

        load_roster(theirs, anchor=trusted, at=at)
        merged = merge(mine, theirs, at=at, anchor=trusted)
        return merged.roster, merged.notes
    return load_roster(files, anchor=trusted, at=at), ()


def begin_report(folder: Path, roster: Roster, anchor: Anchor | None, at: datetime) -> Report:
    """Return a report of nothing checked yet but the roster."""
    versions = {
        "root_version": roster.root_version,
        "targets_version": roster.targets_version,
        "expires": rfc3339(roster.expires),
        "expired": roster.expired,
    }
    report = Report(
        str(folder), roster.federation_id, anchor is not None, roster.demo, rfc3339(at), versions, list(roster.states)
    )
    if roster.expired:
        report.notes.append(
            _("the roster expired on {date}: it takes no change any more, its releases hold").format(
                date=rfc3339(roster.expires)[:10]
            )
        )
    silent = [code for code, state in roster.states.items() if not state.version]
    if silent:
        report.notes.append(_("no page in the roster of: {states}").format(states=", ".join(silent)))
    if roster.demo:
        report.notes.append(_("not witnessed: a DEMO federation, whose logs no other state cosigned"))
    return report


def unanchored(what: str) -> UnanchoredError:
    """Return the error for what fits together and hangs in the air."""
    return UnanchoredError(
        _("{what} is self-consistent, not anchored: it brought its own root, and a forger can do that too").format(
            what=what
        ),
        hint=_("give the federation's words, received on another way, with --root"),
    )


def placed(error: TallystickError, where: str) -> TallystickError:
    """Put the place in front of an error's message; return the error."""
    error.message = f"{where}: {error.message}"
    error.args = (error.message,)
    return error


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put the place in front of the message of whatever is raised inside."""
    try:
        yield
    except TallystickError as error:
        raise placed(error, where) from None
