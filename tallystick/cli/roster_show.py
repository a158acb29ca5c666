"""The roster and proposals as tables and JSON documents, for ``tallystick roster show``."""

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.cli.output import say, show_table
from tallystick.config.clock import rfc3339
from tallystick.config.i18n import _
from tallystick.keys.ceremony import Pending
from tallystick.keys.describe import grouped, key_line, role_label, standing, words_lines
from tallystick.keys.merge import MergeResult
from tallystick.keys.roster import GENESIS
from tallystick.keys.roster_types import Roster, RosterKey, StateEntry
from tallystick.keys.words import anchor_of

__all__ = ["adoption_document", "proposal_document", "roster_document", "show_adoption", "show_roster"]


def _notes(results: Mapping[str, MergeResult]) -> list[str]:
    return list(dict.fromkeys(note for result in results.values() for note in result.notes))


def adoption_document(results: Mapping[str, MergeResult]) -> dict[str, Any]:
    """Return as JSON what came of adopting a roster on desk and border."""
    roster = next(iter(results.values())).roster
    return {
        "federation": roster.federation_id,
        "words": roster.words,
        "changed": {side: result.changed for side, result in results.items()},
        "notes": _notes(results),
    }


def show_adoption(results: Mapping[str, MergeResult], waiting: Sequence[Pending], *, first: bool) -> None:
    """Say what came of adopting a roster; at the first time, the federation's words."""
    roster = next(iter(results.values())).roster
    for side, result in results.items():
        say(_("{side}: adopted").format(side=side) if result.changed else _("{side}: nothing new").format(side=side))
    say(
        _("Root {root}, targets {targets}, {states} states{demo}").format(
            root=roster.root_version,
            targets=roster.targets_version,
            states=len(roster.states),
            demo=_(" - DEMO") if roster.demo else "",
        )
    )
    if first:
        say(_("The federation's words; compare them with the note on which you have them:"))
        for line in words_lines(roster.federation_id):
            say(line)
    say(_("Federation {federation}").format(federation=roster.federation_id))
    if waiting:
        say(_("Not adopted, because too few have signed:"))
        for line in standing(waiting):
            say(line)
    for note in _notes(results):
        say(_("Noted: {note}").format(note=note))


def proposal_document(files: Mapping[str, bytes], items: Sequence[Pending]) -> dict[str, Any]:
    """Return a proposal as JSON: the federation it is for, and of every file who has signed."""
    return {
        "federation": anchor_of(files[GENESIS]),
        "files": [
            {
                "name": item.link.name.text,
                "complete": item.complete,
                "needed": item.needed,
                "signed": [item.signers[keyid][1].keyid for keyid in sorted(item.signed)],
                "missing": [{"state": code, "keyid": key.keyid} for code, key in item.missing],
            }
            for item in items
        ],
    }


def _key_document(key: RosterKey) -> dict[str, Any]:
    return {
        "role": key.role,
        "algorithm": key.algorithm,
        "keyid": key.keyid,
        "name": key.name,
        "refused_from": key.refused_from,
        "valid_until": key.valid_until,
    }


def roster_document(roster: Roster) -> dict[str, Any]:
    """Return the roster as JSON."""
    return {
        "federation": roster.federation_id,
        "words": roster.words,
        "demo": roster.demo,
        "root_version": roster.root_version,
        "targets_version": roster.targets_version,
        "expires": rfc3339(roster.expires),
        "expired": roster.expired,
        "officer_threshold": roster.officer_threshold,
        "catalogue": {
            "sha256": roster.catalogue_sha256,
            "version": None if roster.catalogue is None else roster.catalogue.version,
        },
        "states": {
            code: {
                "role": entry.role,
                "name": entry.name,
                "version": entry.version,
                "endpoints": list(entry.endpoints),
                "keys": [_key_document(key) for key in entry.keys],
            }
            for code, entry in roster.states.items()
        },
    }


def _row(entry: StateEntry) -> tuple[str, ...]:
    refused = sum(key.refused_from is not None for key in entry.officers)
    officers = str(len(entry.officers) - refused) + (f" (-{refused})" if refused else "")
    endpoint = entry.endpoints[0] if entry.endpoints else "-"
    return (
        entry.code,
        role_label(entry.role),
        str(entry.version) if entry.version else _("none yet"),
        officers,
        str(len(entry.log_keys)),
        str(len(entry.tls_keys)),
        endpoint[:34],
    )


def show_roster(roster: Roster, *, keys: bool) -> None:
    """Print the roster in 80 columns: the federation, its states and, if asked, every key."""
    stamp = _(" - DEMO") if roster.demo else ""
    say(_("Federation {start}...{stamp}").format(start=roster.federation_id[:16], stamp=stamp))
    for line in words_lines(roster.federation_id):
        say(line)
    say(_("Root {root}, targets {targets}, valid until {until}").format(
        root=roster.root_version, targets=roster.targets_version, until=rfc3339(roster.expires)[:10]))  # fmt: skip
    if roster.expired:
        say(_("EXPIRED: no change to it is taken any more; releases are still verified."))
    version = "?" if roster.catalogue is None else str(roster.catalogue.version)
    say(_("Table catalogue {version}, {digest}").format(version=version, digest=grouped(roster.catalogue_sha256)))
    say()
    header = (_("state"), _("role"), _("page"), _("officers"), _("log"), _("TLS"), _("listens at"))
    show_table(header, [_row(entry) for entry in roster.states.values()], right=(3, 4, 5))
    if not keys:
        say()
        say(_("Every key: tallystick roster show --keys"))
        return
    for entry in roster.states.values():
        _show_keys(entry)


def _show_keys(entry: StateEntry) -> None:
    say()
    say(f"{entry.code}  {entry.name}")
    for key in entry.keys:
        say(f"  {key_line(key)}")
        if key.refused_from is not None:
            say(_("           refused from log index {index} on").format(index=key.refused_from))
