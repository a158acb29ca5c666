"""What a proposal says, in words for the people who are to sign it: lines of at most 80 columns."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from tallystick.config.clock import rfc3339
from tallystick.config.i18n import _
from tallystick.keys.ceremony import Draft, Pending, pending, read_draft
from tallystick.keys.chains import Link
from tallystick.keys.root_page import RootPage
from tallystick.keys.roster import GENESIS
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.state_page import StatePage
from tallystick.keys.targets_page import StateGrant, TargetsPage
from tallystick.keys.tuf_keys import OfflineKey
from tallystick.keys.words import anchor_of, federation_words

__all__ = ["describe", "grouped", "key_line", "key_role_label", "role_label", "standing", "words_lines"]

_WIDTH = 78


def grouped(keyid: str) -> str:
    """Return the first half of a key id in groups that two people can compare aloud: 128 of its 256 bits."""
    return " ".join(keyid[start : start + 8] for start in range(0, 32, 8))


def role_label(role: str) -> str:
    """Return what a state is in the federation, in words."""
    labels = {
        "member": _("member"),
        "observer": _("observer"),
        "facilitator": _("facilitator"),
        "former": _("former state"),
    }
    return labels[role]


def key_role_label(role: str) -> str:
    """Return what a key is for, in words."""
    labels = {"officer": _("officer"), "log": _("log"), "witness": _("witness"), "tls": _("TLS"), "hpke": _("HPKE")}
    return labels[role]


def key_line(key: RosterKey) -> str:
    """Return what a key is for, half of its id, and who holds it; for a log its algorithm too."""
    which = f" ({key.algorithm})" if key.role == "log" else ""
    return f"{key_role_label(key.role):8} {grouped(key.keyid)}  {key.name[: 28 - len(which)]}{which}"


def words_lines(federation_id: str) -> list[str]:
    """Return the federation's 24 words in four numbered lines of six."""
    words = federation_words(federation_id).split()
    return [f"  {start + 1:2}  " + " ".join(words[start : start + 6]) for start in range(0, len(words), 6)]


def _filled(label: str, items: Iterable[str]) -> list[str]:
    text = f"{label} {' '.join(items)}"
    return wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def describe(files: Mapping[str, bytes], items: Sequence[Pending]) -> list[str]:
    """Say what the files of ``items`` would bring about.

    Args:
        files: The whole proposal.
        items: The files to describe, from ``ceremony.pending`` or ``waiting_for``.
    """
    draft = read_draft(files)
    lines = []
    for item in items:
        page = item.link.page
        if isinstance(page, RootPage):
            lines += _root(page, draft)
        elif isinstance(page, TargetsPage):
            lines += _targets(page, draft)
        else:
            lines += _state(page, draft)
        lines.append("")
    return lines + _where(files, draft, items)


def _where(files: Mapping[str, bytes], draft: Draft, items: Sequence[Pending]) -> list[str]:
    """Say which federation it is; its words exist only once every member has signed its beginning."""
    if any(item.link.name.text == GENESIS for item in items):
        return []
    if next(item for item in pending(files) if item.link.name.text == GENESIS).complete:
        return [_("In the federation whose words are:"), *words_lines(anchor_of(files[GENESIS])), ""]
    return [*_filled(_("In a new federation of"), draft.roots[0].page.codes), ""]


def _title(page: RootPage | TargetsPage | StatePage, text: str) -> str:
    until = rfc3339(page.expires)[:10]
    return _("{text}, version {version}, valid until {until}").format(text=text, version=page.version, until=until)


def _root(page: RootPage, draft: Draft) -> list[str]:
    if page.version == 1:
        first = _("A NEW FEDERATION - DEMO") if page.demo else _("A NEW FEDERATION")
        lines = [_title(page, first)]
        lines += [_("  All {count} members sign this beginning.").format(count=len(page.members))]
        old: dict[str, OfflineKey] = {}
    else:
        lines = [_title(page, _("WHO VOTES"))]
        old = dict(draft.roots[page.version - 2].page.members)
    lines += [
        _("  {needed} of {count} members change the roster from then on.").format(
            needed=page.threshold, count=len(page.members)
        ),
        _("  {count} officers of a state sign a release.").format(count=page.officer_threshold),
        _("  Members and their ceremony keys:"),
    ]
    for code, key in page.members:
        new = page.version > 1 and old.get(code) != key
        lines.append(f"    {code}  {grouped(key.keyid)}{_('  NEW') if new else ''}")
    gone = sorted(set(old) - set(page.codes))
    return lines + (_filled(_("No longer members:"), gone) if gone else [])


def _targets(page: TargetsPage, draft: Draft) -> list[str]:
    lines = [_title(page, _("THE STATES AND THEIR TABLES"))]
    for role in ("member", "observer", "facilitator", "former"):
        codes = [grant.code for grant in page.grants if grant.role == role]
        if codes:
            lines += _filled(f"{role_label(role)}:", codes)
    before = draft.targets[page.version - 2].page if page.version > 1 else None
    new = before is not None and before.catalogue_sha256 != page.catalogue_sha256
    lines.append(
        _("  Table catalogue {digest}{mark}").format(
            digest=grouped(page.catalogue_sha256), mark=_("  NEW") if new else ""
        )
    )
    lines.append(_("  State keys, any 2 of 3 of which sign the state's own page:"))
    for grant in page.grants:
        lines += _grant(grant, before.grant(grant.code) if before else None, changed=before is not None)
    return lines


def _grant(grant: StateGrant, old: StateGrant | None, *, changed: bool) -> list[str]:
    if changed and old == grant:
        return []
    mark = _("  NEW") if changed else ""
    if grant.role == "former":
        return [
            f"    {grant.code}  " + _("leaves; pages from version {n} on are refused").format(n=grant.versions_from)
        ]
    return [f"    {grant.code}  {grouped(key.keyid)}{mark}" for key in grant.keys]


def _state(page: StatePage, draft: Draft) -> list[str]:
    lines = [_title(page, _("THE PAGE OF {name} ({code})").format(name=page.name, code=page.code))]
    if page.version == 1:
        return lines + _keys(page.keys) + _filled(_("listens at"), page.endpoints or (_("no address"),))
    old = draft.states[page.code.lower()][page.version - 2].page
    before = {key.keyid: key for key in old.keys}
    now = {key.keyid for key in page.keys}
    lines += _headed(_("These keys come:"), [key for key in page.keys if key.keyid not in before])
    for key in page.keys:
        if key.keyid in before and key.refused_from != before[key.keyid].refused_from:
            lines += _headed(_("Refused from log index {index} on:").format(index=key.refused_from), [key])
    lines += _headed(_("These keys go:"), [key for key in old.keys if key.keyid not in now])
    if page.endpoints != old.endpoints:
        lines += _filled(_("listens at"), page.endpoints or (_("no address"),))
    return lines if len(lines) > 1 else [*lines, _("  nothing changes but the time for which it is valid")]


def _headed(head: str, keys: Sequence[RosterKey]) -> list[str]:
    return [f"  {head}", *(f"  {line}" for line in _keys(keys))] if keys else []


def _keys(keys: Sequence[RosterKey]) -> list[str]:
    return [f"  {key_line(key)}" for key in keys]


def standing(items: Sequence[Pending]) -> list[str]:
    """Say of every incomplete file how many have signed and who is missing."""
    lines: list[str] = []
    for item in items:
        if not item.complete:
            head = _("{name}: {count} of {needed} signatures; missing:").format(
                name=item.link.name.text, count=len(item.signed), needed=item.needed
            )
            lines += _filled(head, sorted(_whose(item.link, code, key) for code, key in item.missing))
    return lines


def _whose(link: Link[Any], code: str, key: OfflineKey) -> str:
    return f"{code}/{key.keyid[:8]}" if link.name.is_state else code
