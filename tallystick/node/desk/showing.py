"""A draft in words, for the person who is about to sign it: what, when, what everybody will see, what it costs.

``screen`` is for a terminal; ``page`` is one sheet for ink and file, with the digest in words so that two officers can
compare it over the telephone. Both say only what stands in the folder; nothing here needs a node.
"""

import textwrap
from collections.abc import Sequence

from tallystick.config.catalogue import CellKey
from tallystick.config.codes import country_names
from tallystick.config.i18n import _, ngettext
from tallystick.exchange.formats.comparing import figure_words, reach_of, said_of
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.keys.words import federation_words
from tallystick.node.desk.folder import DetachedSignature, DraftFolder

__all__ = ["digest_lines", "document", "headline", "page", "screen"]

_WIDTH = 79
_PAGE_LINES = 64
_PAGE_COMPARISONS = 3
_LABEL = 14
_WORDS_A_LINE = 6
_ALL_LISTED = 30


def _wrapped(text: str, label: str = "", most: int | None = None) -> list[str]:
    """Set a text in the right-hand column, with its label on the first line, in at most ``most`` lines."""
    lead = f"  {label:<{_LABEL}}" if label else "  "
    rest = " " * (_LABEL + 2) if label else "  "
    set_ = textwrap.wrap(
        text, _WIDTH, initial_indent=lead, subsequent_indent=rest, max_lines=most, placeholder=_(" ... (cut here)")
    )
    return set_ or [lead.rstrip()]


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


def _facts(draft: DraftFolder, most: int | None = None) -> list[str]:
    """Say what, when and for whom; each fact in at most ``most`` lines."""
    said = draft.statement.predicate
    meta = said.metadata
    catalogue = _("{table} {version}, catalogue {number}").format(
        table=said.table.id, version=said.table.version, number=said.catalogue.version
    )
    unit = {"persons": _("persons"), "reports": _("reports")}[meta.unit]
    revision = _("1, replaces nothing") if said.supersedes is None else f"{said.revision} ({said.supersedes})"
    facts = (
        (_("table"), catalogue),
        (_("counts"), f"{unit}, {meta.reference_date_basis}"),
        (_("cut-off"), meta.cut_off),
        (_("sources"), meta.sources),
        (_("definition"), meta.legal_definition),
        (_("unknown"), meta.share_unknown),
        (_("beware"), _("the rows behind the figures were already censored") if meta.censored else None),
        (_("notes"), meta.notes),
        (_("audience"), _("every state of the federation")),
        (_("handling"), said.handling),
        (_("revision"), revision),
    )
    return [line for label, text in facts if text for line in _wrapped(text, label, most)]


def _label(draft: DraftFolder, key: CellKey) -> str:
    table = draft.table.table
    labels = (
        draft.catalogue.code_label(table, name, code) for name, code in zip(table.dimension_ids, key, strict=True)
    )
    return " / ".join(labels) or _("total")


def _compared(draft: DraftFolder, most: int | None = None) -> list[str]:
    """Set beside our figures those that are public elsewhere, with the explanation that will be; ``most`` of them."""
    said = draft.statement.predicate
    here = {cell.key: figure_words(cell.value, reach_of(said.method)) for cell in draft.table.observations}
    found = said.metadata.comparisons
    lines = [
        line
        for one in found[:most]
        for line in _wrapped(
            f"{_label(draft, one.key)}: {said_of(one.official, one.source, here[one.key], one.explanation)}",
            most=None if most is None else 2,
        )
    ]
    if most is not None and len(found) > most:
        lines.append(_("  {count} more comparisons stand in statement.json").format(count=len(found) - most))
    return lines


def _listed(draft: DraftFolder) -> list[Observation]:
    """Return the cells to be listed: all of a small table, of a large one those that are shown."""
    seen = draft.table.observations
    return [cell for cell in seen if len(seen) <= _ALL_LISTED or not cell.withheld]


def _figure(cell: Observation) -> str:
    return _("withheld") if cell.value is None else str(cell.value)


def _legend(draft: DraftFolder, listed: Sequence[Observation]) -> list[str]:
    """Name the codes that stand in place of labels."""
    table = draft.table.table
    named = {
        code: draft.catalogue.code_label(table, name, code)
        for at, name in enumerate(table.dimension_ids)
        for code in (cell.key[at] for cell in listed)
    }
    codes = "; ".join(f"{code} {label}" for code, label in named.items())
    return _wrapped(f"{' / '.join(table.dimension_ids)}: {codes}")


def _listing(draft: DraftFolder, listed: Sequence[Observation]) -> list[str]:
    """Set one cell a line; codes and their legend where a label would have to be cut."""
    figure = max((len(_figure(cell)) for cell in listed), default=0)
    labels = [_label(draft, cell.key) for cell in listed]
    cut = max(map(len, labels), default=0) > _WIDTH - figure - 4
    if cut:
        labels = ["/".join(cell.key) for cell in listed]
    width = max(map(len, labels), default=0)
    lines = [f"  {name:<{width}}  {_figure(cell):>{figure}}" for name, cell in zip(labels, listed, strict=True)]
    return [*_legend(draft, listed), *lines] if cut else lines


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
            _("Of those, {count} are large enough to be shown, but would help to work out others.").format(
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
    listed, compared = _listed(draft), _compared(draft)
    if compared:
        compared = ["", _("BESIDE WHAT IS PUBLIC ELSEWHERE; EVERY STATE WILL SEE THIS TOO"), *compared]
    return [
        *_title(draft, _("DRAFT OF A RELEASE")), "", *_facts(draft),
        "", _("WHAT EVERY STATE WILL SEE, FOR GOOD"), *_listing(draft, listed), *_unlisted(draft, len(listed)),
        *compared,
        "", _("WHAT IT COSTS AND GIVES AWAY"), *_cost(draft),
        "", _("WHAT IS SIGNED"), *_signed(draft),
        "", _("SIGNATURES IN THE FOLDER, NOT CHECKED AGAINST A ROSTER"), *_signatures(draft, signatures),
    ]  # fmt: skip


def page(draft: DraftFolder) -> list[str]:
    """Return the draft as one sheet of at most 64 lines, with room for ink."""
    above = [*_title(draft, _("RELEASE FOR SIGNATURE")), "", *_facts(draft, most=2), "", _("WHAT EVERY STATE WILL SEE")]
    ink = "_" * 30
    below = [
        *_compared(draft, _PAGE_COMPARISONS), "", *_cost(draft), "", *_signed(draft), "",
        f"  {_('Signed')} {ink}  {_('Date')} {ink[:12]}",
        f"  {_('Signed')} {ink}  {_('Date')} {ink[:12]}",
    ]  # fmt: skip
    room = _PAGE_LINES - len(above) - len(below)
    return above + _in_columns(draft, room) + below


def _in_columns(draft: DraftFolder, room: int) -> list[str]:
    """Fit the cells into ``room`` lines, as codes in columns where labels take too much, and say what is left out."""
    listed = _listed(draft)
    whole = [*_listing(draft, listed), *_unlisted(draft, len(listed))]
    if len(whole) <= room:
        return whole
    legend = _legend(draft, listed)
    cells = ["/".join(cell.key) + " " + _figure(cell) for cell in listed]
    width = max(map(len, cells)) + 2
    columns = max((_WIDTH - 2) // width, 1)
    deep = max(min(room - len(legend) - 2, -(-len(cells) // columns)), 1)
    kept = cells[: deep * columns]
    lines = ["  " + "".join(f"{text:<{width}}" for text in kept[row::deep]).rstrip() for row in range(deep)]
    if len(kept) < len(cells):
        lines.append(_("  {count} more figures stand in data.csv").format(count=len(cells) - len(kept)))
    return [*legend, *lines, *_unlisted(draft, len(listed))]


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
