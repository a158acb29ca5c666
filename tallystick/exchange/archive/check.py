"""Checking everything in a pack with no network and no database: what ``tallystick verify DIR`` does.

An auditor trusts the federation's words and nothing else; a pack that brings its own root is self-consistent at best.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.archive.check_log import LogCheck
from tallystick.exchange.archive.ground import begin_report, known_roster, unanchored
from tallystick.exchange.archive.report import LogReport, Report
from tallystick.exchange.archive.survey import Survey, survey
from tallystick.keys.roster_store import read_roster_folder
from tallystick.keys.words import Anchor

__all__ = ["examine_tree", "verify_tree"]

_SHOWN = 5


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
