"""A draft in words, for the person who is about to sign it: what, when, what everybody will see, what it costs.

``screen`` is for a terminal; ``page`` is one sheet for ink and file, with the digest in words so that two officers can
compare it over the telephone. Both say only what stands in the folder; nothing here needs a node.
"""

import textwrap
from collections.abc import Sequence

from tallystick.config.codes import country_names
from tallystick.config.i18n import _, ngettext
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.keys.words import federation_words
from tallystick.node.desk.folder import DetachedSignature, DraftFolder

__all__ = ["digest_lines", "document", "headline", "page", "screen"]

_WIDTH = 79
_PAGE_LINES = 64
_LABEL = 14
_WORDS_A_LINE = 6
_ALL_LISTED = 30


def _wrapped(text: str, label: str = "") -> list[str]:
    """Set a text in the right-hand column, with its label on the first line."""
    lead = f"  {label:<{_LABEL}}" if label else "  "
    rest = " " * (_LABEL + 2) if label else "  "
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=rest) or [lead.rstrip()]


def digest_lines(digest: str) -> list[str]:
    """Return a hex digest in groups, then as 24 numbered words to be read aloud."""
    groups = [digest[start : start + 8] for start in range(0, len(digest), 8)]
    words = [f"{number:2} {word:<8}" for number, word in enumerate(federation_words(digest).split(), 1)]
    rows = [words[start : start + _WORDS_A_LINE] for start in range(0, len(words), _WORDS_A_LINE)]
    return ["  " + " ".join(groups[:4]), "  " + " ".join(groups[4:]), *("  " + " ".join(row).rstrip() for row in rows)]


def headline(draft: DraftFolder) -> str:
    """Return state, table and period in one line."""
    said = draft.statement.predicate
    state = country_names().get(said.issuer, said.issuer)
    return f"{state} ({said.issuer}): {draft.table.table.label()}, {said.slice.period}"


def _title(draft: DraftFolder, title: str) -> list[str]:
    stamp = _("DEMO, not for use") if draft.statement.predicate.demo else ""
    return [f"{title}{stamp.rjust(_WIDTH - len(title))}".rstrip(), *textwrap.wrap(headline(draft), _WIDTH)]


def _facts(draft: DraftFolder) -> list[str]:
    said = draft.statement.predicate
    meta = said.metadata
    catalogue = _("{table} {version}, catalogue {number}").format(
        table=said.table.id, version=said.table.version, number=said.catalogue.version
    )
    unit = {"persons": _("persons"), "reports": _("reports")}[meta.unit]
    lines = _wrapped(catalogue, _("table"))
    lines += _wrapped(f"{unit}, {meta.reference_date_basis}", _("counts"))
    lines += _wrapped(meta.cut_off, _("cut-off"))
    lines += _wrapped(meta.sources, _("sources"))
    lines += _wrapped(meta.legal_definition, _("definition")) if meta.legal_definition else []
    lines += _wrapped(meta.share_unknown, _("unknown")) if meta.share_unknown else []
    lines += _wrapped(_("the rows behind the figures were already censored"), _("beware")) if meta.censored else []
    lines += _wrapped(meta.notes, _("notes")) if meta.notes else []
    lines += _wrapped(_("every state of the federation"), _("audience"))
    lines += _wrapped(said.handling, _("handling"))
    revision = _("1, replaces nothing") if said.supersedes is None else f"{said.revision} ({said.supersedes})"
    return lines + _wrapped(revision, _("revision"))


def _cell(draft: DraftFolder, seen: Observation) -> str:
    table = draft.table.table
    labels = (
        draft.catalogue.code_label(table, name, code) for name, code in zip(table.dimension_ids, seen.key, strict=True)
    )
    return " / ".join(labels) or _("total")


def _cells(draft: DraftFolder) -> list[tuple[str, str]]:
    """Return label and figure of every cell to be listed; of a large table only those that are shown."""
    seen = draft.table.observations
    listed = seen if len(seen) <= _ALL_LISTED else [cell for cell in seen if not cell.withheld]
    return [(_cell(draft, cell), _("withheld") if cell.value is None else str(cell.value)) for cell in listed]


def _listing(rows: Sequence[tuple[str, str]]) -> list[str]:
    figure = max((len(value) for _label, value in rows), default=0)
    label = min(max((len(name) for name, _value in rows), default=0), _WIDTH - figure - 4)
    return [f"  {textwrap.shorten(name, label, placeholder='...'):<{label}}  {value:>{figure}}" for name, value in rows]


def _unlisted(draft: DraftFolder, listed: int) -> list[str]:
    left = len(draft.table.observations) - listed
    return _wrapped(_("{count} other cells are withheld").format(count=left)) if left else []


def _cost(draft: DraftFolder) -> list[str]:
    said = draft.statement.predicate
    cells = said.audit.shown + said.audit.withheld
    lines = _wrapped(
        ngettext(
            "{shown} of {cells} cell is shown, {withheld} withheld.",
            "{shown} of {cells} cells are shown, {withheld} withheld.",
            cells,
        ).format(shown=said.audit.shown, cells=cells, withheld=said.audit.withheld)
    )
    if said.audit.repaired:
        lines += _wrapped(
            _("Of those, {count} are withheld only so that others cannot be worked out.").format(
                count=said.audit.repaired
            )
        )
    share = draft.briefing.get("persons_shown")
    if isinstance(share, int):
        lines += _wrapped(_("About {share} % of the persons stand behind a shown figure.").format(share=share))
    return lines + _protection(draft) + _audit(draft)


def _protection(draft: DraftFolder) -> list[str]:
    method = draft.statement.predicate.method
    told = method.parameters
    if method.id != "keyed" or not {"D", "k"} <= set(told):
        settings = ", ".join(f"{name}={value}" for name, value in sorted(told.items()))
        return _wrapped(_("Method {id}, profile {profile}: {settings}.").format(
            id=method.id, profile=method.profile, settings=settings
        ))  # fmt: skip
    return _wrapped(
        _(
            "Method {id}, profile {profile}: every figure is off by at most {reach}, so figures do not add; "
            "figures under {threshold} are withheld, zeros too. The noise is constant: whoever asks again gets "
            "the same figure."
        ).format(id=method.id, profile=method.profile, reach=told["D"], threshold=told["k"])
    )


def _audit(draft: DraftFolder) -> list[str]:
    audit = draft.statement.predicate.audit
    lines = _wrapped(
        _("Attack audit: exact intervals passed, {systems} linked tables solved together.").format(
            systems=audit.systems
        )
    )
    if audit.likelihood != "passed":
        lines += _wrapped(_("The likelihood attacker was NOT run: only a DEMO federation may publish this."))
    return lines


def _signed(draft: DraftFolder) -> list[str]:
    size = _("statement.json, {size} bytes, SHA-256 in hex and in words to be read aloud:").format(
        size=len(draft.payload)
    )
    data = _("data.csv, {size} bytes, SHA-256:").format(size=len(draft.data))
    groups = draft.statement.data_sha256
    return [f"  {size}", *digest_lines(draft.payload_id), f"  {data}", f"  {groups}"]


def _signatures(draft: DraftFolder, signatures: Sequence[DetachedSignature]) -> list[str]:
    if not signatures:
        return _wrapped(_("none yet"))
    lines = []
    for one in signatures:
        over = _("this statement") if one.payload_sha256 == draft.payload_id else _("ANOTHER STATEMENT")
        lines += _wrapped(_("key {keyid} over {what}").format(keyid=one.keyid[:16], what=over))
    return lines


def screen(draft: DraftFolder, signatures: Sequence[DetachedSignature]) -> list[str]:
    """Return the draft as lines for a terminal of 80 columns."""
    rows = _cells(draft)
    return [
        *_title(draft, _("DRAFT OF A RELEASE")), "", *_facts(draft),
        "", _("WHAT EVERY STATE WILL SEE, FOR GOOD"), *_listing(rows), *_unlisted(draft, len(rows)),
        "", _("WHAT IT COSTS AND GIVES AWAY"), *_cost(draft),
        "", _("WHAT IS SIGNED"), *_signed(draft),
        "", _("SIGNATURES IN THE FOLDER, NOT CHECKED AGAINST A ROSTER"), *_signatures(draft, signatures),
    ]  # fmt: skip


def page(draft: DraftFolder) -> list[str]:
    """Return the draft as one sheet of at most 64 lines, with room for ink."""
    above = [*_title(draft, _("RELEASE FOR SIGNATURE")), "", *_facts(draft), "", _("WHAT EVERY STATE WILL SEE")]
    ink = "_" * 30
    below = [
        "", *_cost(draft), "", *_signed(draft), "",
        f"  {_('Signed')} {ink}  {_('Date')} {ink[:12]}",
        f"  {_('Signed')} {ink}  {_('Date')} {ink[:12]}",
    ]  # fmt: skip
    room = _PAGE_LINES - len(above) - len(below)
    return above + _in_columns(draft, room) + below


def _in_columns(draft: DraftFolder, room: int) -> list[str]:
    """Fit the cells into ``room`` lines, in two columns where one is not enough, and say what found no place."""
    rows = _cells(draft)
    rest = len(draft.table.observations) - len(rows)
    room = max(room - (1 if rest else 0), 2)
    if len(rows) <= room:
        return [*_listing(rows), *_unlisted(draft, len(rows))]
    kept = rows if len(rows) <= 2 * room else rows[: 2 * (room - 1)]
    half = (len(kept) + 1) // 2
    narrow = _WIDTH // 2 - 2
    cells = [f"{textwrap.shorten(name, narrow - 9, placeholder='...')} {value}" for name, value in kept]
    lines = [
        f"  {left:<{narrow}}{right}".rstrip()
        for left, right in zip(cells[:half], [*cells[half:], ""][:half], strict=True)
    ]
    if len(kept) < len(rows):
        lines.append(_("  {count} more figures stand in data.csv").format(count=len(rows) - len(kept)))
    return [*lines, *_unlisted(draft, len(rows))]


def document(draft: DraftFolder, signatures: Sequence[DetachedSignature]) -> dict[str, object]:
    """Return the draft as one JSON document."""
    return {
        "folder": str(draft.path),
        "payload_sha256": draft.payload_id,
        "words": federation_words(draft.payload_id).split(),
        "data_sha256": draft.statement.data_sha256,
        "statement": draft.statement.model_dump(mode="json", by_alias=True),
        "cells": [{"key": list(cell.key), "value": cell.value} for cell in draft.table.observations],
        "briefing": draft.briefing,
        "signatures": [
            {"keyid": one.keyid, "algorithm": one.algorithm, "this_statement": one.payload_sha256 == draft.payload_id}
            for one in signatures
        ],
    }
