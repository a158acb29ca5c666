"""``tallystick case find``: lines without identity; by name only where every identity is opened for it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.case_ask import require_terminal
from tallystick.cli.case_desk import HomeFlag, PassphraseFlag, sit_down
from tallystick.cli.output import JsonFlag, progress, say, show_json, show_table
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.cli.case_desk import Sitting
    from tallystick.node.cases.record import Identity
    from tallystick.node.cases.store import CaseLine, CaseQuery

__all__ = ["find"]

_NAME_LIMIT = 1000
_MOST = 10_000
_WIDTH = 80
_LONGEST_NUMBER = 24


def find(
    text: str | None = typer.Argument(None, metavar="[NUMBER]", help="Case number, or its beginning."),
    agency: str | None = typer.Option(None, "--agency", metavar="NAME", help="Who reported."),
    years: str | None = typer.Option(None, "--year", metavar="2018-2020", help="A year or a range of years."),
    sex: str | None = typer.Option(None, "--sex", metavar="F|M|_O|_U", help="Sex."),
    age: str | None = typer.Option(None, "--age", metavar="CODE", help="Age band, such as Y18T20."),
    citizenship: str | None = typer.Option(None, "--citizenship", metavar="KGZ", help="Citizenship."),
    area: str | None = typer.Option(None, "--area", metavar="KAZ", help="Country of exploitation."),
    form: str | None = typer.Option(None, "--form", metavar="SX|FL|OG|OP", help="Form of exploitation."),
    status: str | None = typer.Option(None, "--status", metavar="CODE", help="Status: Active, Closed, ..."),
    role: str | None = typer.Option(None, "--role", metavar="victim|perpetrator", help="Whose case."),
    by_name: bool = typer.Option(False, "--name", help="Ask for a name and open every identity. Slow; written down."),
    name_file: Path | None = typer.Option(None, "--name-file", metavar="FILE", help="Read that name from a file."),
    limit: int = typer.Option(50, "--limit", min=1, max=_MOST, help="Lines at most."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Find cases by number or by codes, newest first; nobody's identity is opened.

    With --name every identity is opened and looked at, which is slow and leaves a line in the access journal. The
    name is asked, not typed on the command line, where other users of this machine could read it.
    """
    from tallystick.node.cases.store import CaseQuery

    wanted = _wanted_name(name_file, by_name=by_name)
    query = CaseQuery(
        None if text is None else f"{text.rstrip('*')}*",
        agency,
        _years(years),
        _code("--sex", sex, ("F", "M", "_O", "_U")),
        age.upper() if age else None,
        citizenship.upper() if citizenship else None,
        area.upper() if area else None,
        _code("--form", form, ("SX", "FL", "OG", "OP")),
        _code("--role", role, ("victim", "perpetrator")),
        _MOST if status else limit,
    )
    with sit_down(home, passphrase_file, with_identity=wanted is not None) as sitting:
        lines = sitting.store.find(query) if wanted is None else list(_by_name(sitting, wanted, query))
    if status:
        lines = [line for line in lines if line.status.casefold() == status.casefold()]
    _show(lines[:limit], as_json=as_json, more=len(lines) >= limit)


def _years(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{4})(?:-([0-9]{4}))?", text)
    if not found:
        raise UsageError(_("'{text}' is not a year or a range of years").format(text=text[:40]), hint="2018-2020")
    return int(found[1]), int(found[2] or found[1])


def _code(flag: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    found = next((code for code in allowed if code.casefold() == value.casefold()), None)
    if found is None:
        raise UsageError(_("{flag}: there is no '{value}'").format(flag=flag, value=value[:40]), hint=" ".join(allowed))
    return found


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"\w+", "".join(char for char in plain if not unicodedata.combining(char)))


def _wanted_name(name_file: Path | None, *, by_name: bool) -> list[str] | None:
    from tallystick.config.files import read_bounded

    if name_file is not None:
        text = read_bounded(name_file, _NAME_LIMIT).decode("utf-8-sig", "replace")
    elif by_name:
        require_terminal(_("write the name to a file and use --name-file FILE"))
        text = str(typer.prompt(_("Name, phone or document number")))
    else:
        return None
    if not _words(text):
        raise UsageError(_("there is no name to look for"))
    return _words(text)


def _fits(identity: "Identity", wanted: list[str]) -> bool:
    """Tell whether each word asked for begins a word of the identity, accents and case aside."""
    held = [word for text in identity.fields.values() for word in _words(text)]
    return all(any(word.startswith(one) for word in held) for one in wanted)


def _by_name(sitting: "Sitting", wanted: list[str], query: "CaseQuery") -> "Iterator[CaseLine]":
    from dataclasses import replace

    store = sitting.store
    total = store.count()
    store.note_access(sitting.at, sitting.who, "find", records=total)
    with progress(_("opening identities"), total) as advance:
        hits = list(store.search_identities(lambda identity: _fits(identity, wanted), advance))
    for agency, number in hits:
        if query.agency in {None, agency} and (query.prefix is None or number.startswith(query.prefix)):
            yield from store.find(replace(query, agency=agency, number=number))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _show(lines: "list[CaseLine]", *, as_json: bool, more: bool) -> None:
    if as_json:
        show_json([{**asdict(line), "forms": sorted(line.forms)} for line in lines])
        return
    if not lines:
        say(_("No case fits."))
        return
    header = (_("number"), _("agency"), _("year"), _("sex"), _("age"), _("cit."), _("area"), _("forms"), _("status"))
    rows = [
        (
            *(_cut(line.number, _LONGEST_NUMBER), line.agency, str(line.year), line.sex, line.age.removeprefix("Y")),
            *(line.citizenship, line.area, "+".join(sorted(line.forms)) or "-", line.status[:8]),
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) + 2 for column in range(len(header)) if column != 1]
    room = max(_WIDTH - sum(widths), len(header[1]))
    show_table(header, [(row[0], _cut(row[1], room), *row[2:]) for row in rows], right=(2,))
    if more:
        say(_("There may be more; --limit shows them."))
