"""Checking everything in a pack with no network and no database: what ``tallystick verify DIR`` does.

An auditor trusts the federation's words and nothing else; a pack that brings its own root is self-consistent at best.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tallystick.config.clock import rfc3339
from tallystick.config.errors import MalformedError, UnanchoredError
from tallystick.config.i18n import _
from tallystick.exchange.archive.check_log import LogCheck, located
from tallystick.exchange.archive.report import LogReport, Report
from tallystick.exchange.archive.survey import Survey, survey
from tallystick.keys.merge import merge
from tallystick.keys.roster import GENESIS, load_roster
from tallystick.keys.roster_store import read_roster_folder
from tallystick.keys.roster_types import Roster
from tallystick.keys.words import Anchor, anchor_of

__all__ = ["begin_report", "examine_tree", "known_roster", "located", "unanchored", "verify_tree"]

_SHOWN = 5


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


def examine_tree(
    folder: Path, anchor: Anchor | None, at: datetime, *, roster_files: Mapping[str, bytes] | None = None
) -> Report:
    """Check everything in a pack; without an anchor, only that it fits together.

    The caller must look at ``anchored`` in the report; ``verify_tree`` does.
    """
    found = survey(folder)
    theirs = read_roster_folder(folder / "roster") if found.roster else {}
    roster, notes = known_roster(theirs, roster_files or {}, anchor, at)
    report = begin_report(folder, roster, anchor, at)
    report.notes.extend(notes)
    for cc in sorted(found.policies - set(found.states)):
        raise MalformedError(_("policies/{cc}.policy: there is no log of that state here").format(cc=cc))
    for cc, files in found.states.items():
        report.logs.append(LogCheck(folder, cc, files, roster).run(policy=cc in found.policies))
    _note(report, found)
    return report


def verify_tree(
    folder: Path, anchor: Anchor | None, at: datetime, *, roster_files: Mapping[str, bytes] | None = None
) -> Report:
    """Check everything in a pack, an archive or a served tree.

    1. Every version of every roster file, from the genesis that the caller names (``load_roster``).
    2. Every state's log, with every file of it (``LogCheck``).

    Args:
        folder: ``roster/``, ``<cc>/...``, ``policies/``.
        anchor: The federation that the caller trusts.
        at: The time as of which the roster is judged: now, or the witnessed time of the pack.
        roster_files: A roster that the caller has already, by name below the roster folder.

    Returns:
        What was checked.

    Raises:
        UnanchoredError: Everything fits together, but no anchor was given.
        VerificationError: Something does not hold; the message says where.
        StoreError: A file cannot be read.
    """
    report = examine_tree(folder, anchor, at, roster_files=roster_files)
    if not report.anchored:
        raise unanchored(str(folder))
    return report


def unanchored(what: str) -> UnanchoredError:
    """Return the error for what fits together and hangs in the air."""
    return UnanchoredError(
        _("{what} is self-consistent, not anchored: it brought its own root, and a forger can do that too").format(
            what=what
        ),
        hint=_("give the federation's words, received on another way, with --root"),
    )


def _note(report: Report, found: Survey) -> None:
    logs: list[LogReport] = report.logs
    without = [code for code in report.states if code not in {log.state for log in logs}]
    if without:
        report.notes.append(_("no log here of: {states}").format(states=", ".join(without)))
    kinds = sorted({kind for log in logs for kind in log.unknown})
    if kinds:
        report.notes.append(
            _("{count} entries of kinds that this version does not know, kept and not read: {kinds}").format(
                count=sum(len(log.unknown) for log in logs), kinds=", ".join(kinds[:_SHOWN])
            )
        )
    bare = [log.state for log in logs if log.size and not log.receipts]
    if bare:
        report.notes.append(_("no receipts (.tlog-proof) here for: {states}").format(states=", ".join(bare)))
    if found.own:
        report.notes.append(
            _("not checked, because derived or private to a node: {names}").format(names=_some(found.own))
        )
    if found.strange:
        report.notes.append(_("not part of a pack and not checked: {names}").format(names=_some(found.strange)))


def _some(names: list[str]) -> str:
    shown = ", ".join(name[:80] for name in names[:_SHOWN])
    return (
        shown if len(names) <= _SHOWN else _("{names} and {count} more").format(names=shown, count=len(names) - _SHOWN)
    )
