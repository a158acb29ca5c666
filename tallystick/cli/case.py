"""``tallystick case``: the state's own register - import, generate, count - on the desk and nowhere else."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.case_add import add
from tallystick.cli.case_edit import close, edit, link
from tallystick.cli.case_erase import app as erase_app
from tallystick.cli.case_find import find
from tallystick.cli.case_look import journal, show
from tallystick.cli.case_map import map_, template
from tallystick.cli.case_show import fill, show_generated, show_import, show_runs, show_year
from tallystick.cli.output import JsonFlag, progress, say, show_json, show_table
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.intake.totals import YearTotal

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(erase_app, name="erase", help="Erase a person by order of two officers: propose, sign, apply.")

_KIB = 1024
_LONGEST_RANGE = 200
HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)


def _years(text: str) -> tuple[int, ...]:
    """Read ``2019`` or ``2018-2020``."""
    first, _dash, last = text.partition("-")
    if not (first.isdigit() and (last or first).isdigit()):
        raise UsageError(_("'{text}' is not a year or a range of years").format(text=text[:40]), hint="2018-2020")
    years = range(int(first), int(last or first) + 1)
    if not 0 < len(years) <= _LONGEST_RANGE:
        raise UsageError(_("'{text}' is not a year or a range of years").format(text=text[:40]), hint="2018-2020")
    return tuple(years)


@app.command("import")
def import_(
    file: Path = typer.Argument(metavar="FILE", help="A CSV file or an XLSX workbook."),
    file_format: str = typer.Option("htcds", "--format", metavar="htcds|ctdc|ctdc-synthetic", help="What the file is."),
    agency: str | None = typer.Option(None, "--agency", metavar="NAME", help="Who reports; else each row's org_Name."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Tell what would happen; change nothing."),
    report: Path | None = typer.Option(
        None, "--report", metavar="CSV", help="Write every rejected or changed value there."
    ),
    mapping: Path | None = typer.Option(None, "--mapping", metavar="FILE", help="The agency's mapping.toml."),
    strict: bool = typer.Option(False, "--strict", help="Take nothing in if any row is rejected."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Take an agency's file into the register.

    All good rows come in at once or none; the same file twice adds nothing; every rejected value is named.
    With --strict a single rejected row refuses the whole file.
    """
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for, open_store
    from tallystick.node.intake.run import import_file

    settings = load_desk(home)
    if file_format == "ctdc-synthetic" and not settings.demo:
        raise UsageError(
            _("{name}'s register is not a DEMO: synthetic rows do not go into it").format(name=settings.name),
            hint=_("none of them is a person; take them into a demo home"),
        )
    size = file.stat().st_size // _KIB + 1 if file.is_file() else None
    read = [0]
    with open_store(home, ask_for(settings, passphrase_file)) as store, progress(_("reading (KiB)"), size) as bar:

        def advance(count: int) -> None:
            before, read[0] = read[0], read[0] + count
            bar(read[0] // _KIB - before // _KIB)

        done = import_file(
            store,
            file,
            file_format,
            state=settings.state,
            at=SystemClock().now(),
            agency=agency,
            dry_run=dry_run,
            report=report,
            advance=advance,
            mapping=mapping,
            strict=strict,
        )
    if as_json:
        rejected = [{**found._asdict(), "kind": "rejected"} for found in done.first]
        changed = [{"row": row, **found._asdict(), "kind": "changed"} for row, found in done.changed]
        show_json({**asdict(done), "first": rejected, "changed": changed, "dry_run": dry_run})
        return
    show_import(file, done, settings.state, dry_run=dry_run, report=report)


@app.command()
def generate(
    years: str = typer.Option(..., "--years", metavar="2018-2020", help="A year or a range of years."),
    state: str | None = typer.Option(None, "--state", metavar="KAZ", help="Default: the home's own."),
    seed: int = typer.Option(1, "--seed", help="Same seed, same cases."),
    persons: int | None = typer.Option(None, "--n", min=0, max=1_000_000, help="So many a year, not what UNODC says."),
    to_file: Path | None = typer.Option(None, "--csv", metavar="FILE", help="Write an HTCDS file; needs no home."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Invent cases for a DEMO register or a file.

    As many as UNODC published for the state and year; where it published none, what is assumed is said.
    """
    from tallystick.node.intake.totals import year_totals

    wanted = _years(years)
    if to_file is not None:
        if state is None:
            raise UsageError(_("--csv needs --state"), hint="--state KAZ")
        totals = year_totals(state.upper(), wanted, persons)
        _write_csv(to_file, state.upper(), totals, seed)
        result = {"file": str(to_file), "added": sum(total.persons for total in totals)}
    else:
        state, totals, result = _generate_into(home, passphrase_file, state, wanted, seed, persons)
    if as_json:
        show_json({**result, "state": state, "seed": seed, "totals": [total._asdict() for total in totals]})
        return
    show_generated(result, totals)


def _generate_into(
    home: Path, passphrase_file: Path | None, state: str | None, years: Sequence[int], seed: int, persons: int | None
) -> tuple[str, "tuple[YearTotal, ...]", dict[str, Any]]:
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for, open_store
    from tallystick.node.intake.generate import generate_into
    from tallystick.node.intake.totals import year_totals

    settings = load_desk(home)
    if not settings.demo:
        raise UsageError(
            _("{name}'s register is not a DEMO: invented cases do not go into it").format(name=settings.name),
            hint=_("write them to a file with --csv FILE, or make a demo home"),
        )
    if state is not None and state.upper() != settings.state:
        raise UsageError(
            _("this is {own}'s register, not {other}'s").format(own=settings.state, other=state.upper()[:10])
        )
    totals = year_totals(settings.state, years, persons)
    with open_store(home, ask_for(settings, passphrase_file)) as store:
        stored = generate_into(store, settings.state, totals, seed, SystemClock().now())
    return settings.state, totals, asdict(stored)


def _write_csv(path: Path, state: str, totals: "Sequence[YearTotal]", seed: int) -> None:
    from tallystick.config.files import write_new
    from tallystick.node.intake.generate import csv_bytes

    write_new(path, csv_bytes(state, totals, seed))


@app.command()
def count(
    year: int | None = typer.Option(None, "--year", metavar="YEAR", help="Break one year down."),
    by: str | None = typer.Option(None, "--by", metavar="SEX,AGE", help="A table by one to three dimensions."),
    only: str | None = typer.Option(None, "--years", metavar="2018-2020", help="With --by: only these years."),
    detail: bool = typer.Option(False, "--detail", help="With --by: every country and age band, not groups."),
    to_file: Path | None = typer.Option(None, "--csv", metavar="FILE", help="With --by: write the table there."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Count the register, for its own officers.

    Exact figures, never to be passed on; what may leave is made by tallystick release. --by takes one to three of
    YEAR, SEX, AGE, AGENCY, CITIZENSHIP, EXPLOITATION_AREA, FORM, RELATIONSHIP.
    """
    if by is not None:
        from tallystick.cli.case_count import count_by

        chosen = None if only is None else _years(only)
        count_by(home, passphrase_file, by, chosen, to_file, detail=detail, as_json=as_json)
        return
    if only is not None or detail or to_file is not None:
        raise UsageError(_("--years, --detail and --csv need --by"), hint="--by SEX,AGE")
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for, open_store
    from tallystick.node.tables.overview import overview

    settings = load_desk(home)
    with open_store(home, ask_for(settings, passphrase_file), with_identity=False) as store:
        if year is None:
            years, cases, cut_off = store.counts_by_year(), store.count(), store.cut_off()
        else:
            found = overview(store, settings.state, year)
    if year is not None:
        show_year(found.to_dict(), year, as_json=as_json)
        return
    if as_json:
        show_json({"state": settings.state, "cases": cases, "cut_off": cut_off, "persons_by_year": dict(years)})
        return
    say(_("{state}: {count} cases, as of {when}").format(state=settings.state, count=cases, when=cut_off or "-"))
    if years:
        rows = [(str(one), str(number)) for one, number in years.items()]
        show_table((_("year"), _("persons counted")), rows, right=(0, 1))
    say(_("Exact figures: for the register's officers only."))


@app.command()
def runs(
    run_id: int | None = typer.Argument(None, metavar="[RUN]", help="Show one run with what is kept with it."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """List what was taken in when, and from where."""
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for, open_store

    with open_store(home, ask_for(load_desk(home), passphrase_file), with_identity=False) as store:
        found = [run for run in store.runs() if run_id in {None, run.run_id}]
    if run_id is not None and not found:
        raise UsageError(_("there is no run {number}").format(number=run_id), hint=_("tallystick case runs"))
    if as_json:
        show_json([asdict(run) for run in found])
        return
    show_runs(found, notes=run_id is not None)


@app.command()
def fields(as_json: bool = JsonFlag) -> None:
    """List the columns that an HTCDS file may have.

    Sealed ones are kept with the person's identity and never shown.
    """
    from tallystick.node.intake.fields import explanations, field_rules, kind_words

    rules, said = list(field_rules().values()), explanations()
    if as_json:
        keys = ("id", "label", "section", "kind", "sealed")
        show_json(
            [{key: getattr(rule, key) for key in keys} | {"explanation": said.get(rule.id, "")} for rule in rules]
        )
        return
    rows = [(rule.id, kind_words(rule.kind), _("sealed") if rule.sealed else "") for rule in rules]
    show_table((_("column"), _("value"), ""), rows)
    say()
    for name, explanation in said.items():
        say(fill(f"{name}: {explanation}"))
    say(_("Needed: ext_CaseId, and ext_RegistrationDate or ext_RegistrationYear."))
    say(fill(_("A heading may also be HTCDS's label, or 'Section: Label' where several fields share one.")))


app.command("map")(map_)
app.command()(template)

for command in (add, find, show, edit, close, link, journal):
    app.command()(command)
