"""``tallystick case show`` and ``case journal``: one case in words, and who read whose identity."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.case_desk import HomeFlag, PassphraseFlag, one_case, sit_down
from tallystick.cli.case_words import classification_words, field_words
from tallystick.cli.output import JsonFlag, say, show_json, show_table
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.cases.record import CaseRecord
    from tallystick.node.cases.store import RunSummary, StoredCase

__all__ = ["journal", "show"]

_WIDTH = 80


def show(
    number: str = typer.Argument(metavar="NUMBER", help="The agency's case number."),
    agency: str | None = typer.Option(None, "--agency", metavar="NAME", help="Whose number it is, if several have it."),
    identity: bool = typer.Option(False, "--identity", help="Open the identity too; this is written down."),
    history: bool = typer.Option(False, "--history", help="Every version: when, by whom, what changed."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Show one case: where it counts, its coded fields and, if asked for, its history.

    The identity stays sealed unless --identity asks for it, which leaves a line in the access journal.
    """
    with sit_down(home, passphrase_file) as sitting:
        found = one_case(sitting.store, number, agency)
        versions = list(sitting.store.versions(found.record.agency, number)) if history else [found]
        runs = {run.run_id: run for run in sitting.store.runs()}
        if identity and found.record.identity is not None:
            sitting.store.note_access(sitting.at, sitting.who, "show", agency=found.record.agency, number=number)
    document = _document(found, versions, runs, identity=identity, history=history)
    if as_json:
        show_json(document)
        return
    _show_case(found, document)
    if history:
        say()
        rows = [
            (str(one["version"]), one["at"], one["by"][:26], ", ".join(one["changed"])) for one in document["history"]
        ]
        show_table(
            (_("version"), _("written"), _("by"), _("changed")),
            [(*row[:3], _cut(row[3], 20)) for row in rows],
            right=(0,),
        )
        for one in document["history"]:
            if len(", ".join(one["changed"])) > 20:
                say(
                    _fill(
                        _("version {number} changed: {fields}").format(
                            number=one["version"], fields=", ".join(one["changed"])
                        )
                    )
                )


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _fill(text: str) -> str:
    from tallystick.cli.case_show import fill

    return fill(text)


def _document(
    found: "StoredCase", versions: "list[StoredCase]", runs: "dict[int, RunSummary]", *, identity: bool, history: bool
) -> dict[str, Any]:
    record = found.record
    document: dict[str, Any] = {
        "agency": record.agency,
        "number": record.agency_case_id,
        "version": found.version,
        "run": found.run_id,
        "counted": record.counted,
        "classification": classification_words(record),
        "fields": {name: list(value) if isinstance(value, tuple) else value for name, value in record.details.items()},
        "has_identity": record.identity is not None,
    }
    if identity:
        document["identity"] = dict(record.identity.fields) if record.identity else {}
    if history:
        document["history"] = _history(versions, runs)
    return document


def _history(versions: "list[StoredCase]", runs: "dict[int, RunSummary]") -> list[dict[str, Any]]:
    """Return each version with the names of the fields that it changed; no value is among them."""
    found: list[dict[str, Any]] = []
    before: CaseRecord | None = None
    for one in versions:
        run = runs[one.run_id]
        changed = _changed(before, one.record) if before is not None else list[str]()
        found.append({"version": one.version, "run": one.run_id, "at": run.at, "by": run.source, "changed": changed})
        before = one.record
    return found


def _changed(before: "CaseRecord", after: "CaseRecord") -> list[str]:
    from tallystick.node.intake.entry import texts_of

    old, new = texts_of(before), texts_of(after)
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    titles, held = classification_words(before), classification_words(after)
    return names or [title for title, value in titles.items() if held.get(title) != value]


def _show_case(found: "StoredCase", document: dict[str, Any]) -> None:
    head = _("Case {number} of {agency}, version {version} (run {run})")
    say(head.format(number=document["number"], agency=document["agency"], version=found.version, run=found.run_id))
    if not document["counted"]:
        say(_("kept and not counted: not a victim of trafficking"))
    say()
    show_table((_("counts as"), ""), list(document["classification"].items()))
    if document["fields"]:
        say()
        for name, value in document["fields"].items():
            text = (
                ";".join(value)
                if isinstance(value, list)
                else _("yes")
                if value is True
                else _("no")
                if value is False
                else str(value)
            )
            label, words = field_words(name, text)
            say(_fill(f"{label}: {words}"))
    say()
    if "identity" in document:
        for name, text in document["identity"].items():
            say(_fill(f"{field_words(name, text)[0]}: {text}"))
        say(_("This reading of the identity was written down (tallystick case journal)."))
    elif document["has_identity"]:
        say(_("The identity stays sealed; --identity opens it."))
    else:
        say(_("The source gave no identity."))


def journal(
    limit: int = typer.Option(50, "--limit", min=1, max=100_000, help="Lines at most."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """List who opened whose identity and when, newest first."""
    with sit_down(home, passphrase_file, with_identity=False) as sitting:
        lines = sitting.store.accesses(limit)
    if as_json:
        show_json([asdict(line) for line in lines])
        return
    if not lines:
        say(_("No identity was opened so far."))
        return
    rows = [
        (
            line.at,
            _cut(line.who, 16),
            line.action,
            _cut(line.number or "-", 16),
            _cut(line.agency or "-", 16),
            str(line.records),
        )
        for line in lines
    ]
    show_table((_("when"), _("who"), _("what"), _("number"), _("agency"), _("opened")), rows, right=(5,))
