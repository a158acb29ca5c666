"""``tallystick roster``: the federation's roster, by files that people carry and sign on their own devices."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.clock import SystemClock
from tallystick.config.errors import BadSignatureError, ConfigError, SignerError, UnanchoredError, UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.config.catalogue import Catalogue
    from tallystick.keys.ceremony import Pending
    from tallystick.keys.roster_store import RosterStore
    from tallystick.keys.words import Anchor

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
CardsFlag = typer.Option([], "--cards", metavar="PATH", help="A public card, or a folder of them; may be repeated.")
OutFlag = typer.Option(..., "--out", metavar="DIR", help="A new folder for the proposal.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)


def is_terminal() -> bool:
    """Say whether somebody can be asked."""
    return sys.stdin.isatty()


def _catalogue(name: str) -> "Catalogue":
    from tallystick.config.catalogue import CATALOGUE_LIMIT, load_shipped, parse_catalogue
    from tallystick.config.files import read_bounded

    return load_shipped() if name == "shipped" else parse_catalogue(read_bounded(Path(name), CATALOGUE_LIMIT))


def _lines(lines: list[str]) -> None:
    for line in lines:
        say(line)


def _proposed(folder: Path, files: Mapping[str, bytes], *, as_json: bool) -> None:
    """Show what was written to ``folder`` and what to do next."""
    from tallystick.keys.ceremony import pending
    from tallystick.keys.describe import describe, standing

    waiting = [item for item in pending(files) if not item.complete]
    if as_json:
        missing = {item.link.name.text: [key.keyid for _code, key in item.missing] for item in waiting}
        show_json({"folder": str(folder), "unsigned": missing})
        return
    _lines(describe(files, waiting))
    _lines([_("Nobody has signed yet:"), *standing(waiting), ""])
    say(_("Carry copies of the folder to them. Each one, on his own device:"))
    say(f"  tallystick roster sign {folder.name} --key FILE")
    say(_("Then put the copies together where the roster is kept:"))
    say(f"  tallystick roster apply {folder.name} ...")


@app.command()
def genesis(
    cards: list[Path] = CardsFlag,
    out: Path = OutFlag,
    catalogue: str = typer.Option("shipped", "--catalogue", metavar="shipped|FILE", help="The tables to agree on."),
    demo: bool = typer.Option(False, "--demo", help="Stamp the federation DEMO, for good."),
    facilitator: list[str] = typer.Option([], "--facilitator", metavar="CODE", help="Reads and witnesses; no state."),
    as_json: bool = JsonFlag,
) -> None:
    """Propose a new federation from everybody's public cards. Nobody has signed it yet."""
    from tallystick.keys.genesis import propose_genesis
    from tallystick.keys.proposal import read_cards, write_proposal

    files = propose_genesis(
        read_cards(cards), _catalogue(catalogue), demo=demo, at=SystemClock().now(), facilitators=facilitator
    )
    write_proposal(out, files)
    _proposed(out, files, as_json=as_json)


@app.command()
def sign(
    folder: Path = typer.Argument(metavar="DIR", help="A copy of the proposal."),
    key: Path = typer.Option(..., "--key", metavar="FILE", help="Your own ceremony or state key."),
    yes: bool = typer.Option(False, "--yes", help="Sign without asking."),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Show what waits for your key, then sign it. Needs no node."""
    from tallystick.keys.ceremony import waiting_for
    from tallystick.keys.describe import describe
    from tallystick.keys.proposal import read_proposal, write_signatures
    from tallystick.keys.secrets import choose_secrets
    from tallystick.keys.signer import load_signer
    from tallystick.keys.tuf_keys import OfflineKey

    if not yes and (as_json or not is_terminal()):
        raise SignerError(
            _("nobody can be asked whether to sign: this is no terminal"),
            hint=_("read it with: tallystick roster show DIR - then sign with --yes"),
        )
    files = read_proposal(folder)
    signer = load_signer(key, choose_secrets(passphrase_file), role=_("key {path}").format(path=key))
    mine = waiting_for(files, OfflineKey(signer.algorithm, signer.public))
    if not mine:
        raise UsageError(
            _("nothing in {folder} waits for the key {keyid}").format(folder=folder, keyid=signer.keyid[:16]),
            hint=_("for whom it waits says: tallystick roster show {folder}").format(folder=folder),
        )
    if not as_json:
        _lines(describe(files, mine))
    if not yes and not typer.confirm(_("Sign this with the key {keyid}?").format(keyid=signer.keyid[:16])):
        raise SignerError(_("nothing was signed"))
    path = write_signatures(folder, files, signer)
    if as_json:
        show_json({"signatures": str(path), "signed": [item.link.name.text for item in mine], "keyid": signer.keyid})
        return
    say(_("Signed: {names}").format(names=", ".join(item.link.name.text for item in mine)))
    say(_("Hand back the folder, or this file alone:"))
    say(f"  {path}")


@app.command()
def apply(
    folders: list[Path] = typer.Argument(metavar="DIR...", help="Signed copies of a proposal, or a roster folder."),
    root: str | None = typer.Option(None, "--root", metavar="WORDS|FILE", help="The federation that you trust."),
    completes: bool = typer.Option(False, "--genesis", help="This completes the ceremony that you took part in."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Put signed copies together, check them by the rules and adopt what holds."""
    from tallystick.cli.roster_show import adoption_document, show_adoption
    from tallystick.keys.ceremony import pending
    from tallystick.keys.proposal import read_proposals

    stores = _stores(home)
    files = read_proposals(folders)
    anchor = _anchor(files, stores, root, completes=completes)
    waiting = [item for item in pending(files) if not item.complete]
    if any(item.link.name.text in {"metadata/1.root.json", "metadata/1.targets.json"} for item in waiting):
        raise _too_few(waiting)
    signed = {name: data for name, data in files.items() if name not in {item.link.name.text for item in waiting}}
    first, now = not any(store.adopted for store in stores.values()), SystemClock().now()
    results = {side: store.adopt(signed, at=now, anchor=anchor) for side, store in stores.items()}
    if waiting and not any(result.changed for result in results.values()):
        raise _too_few(waiting)
    if as_json:
        show_json(adoption_document(results))
    else:
        show_adoption(results, waiting, first=first)
    for split in (split for result in results.values() for split in result.splits):
        raise split.to_error()


def _stores(home: Path, *, adopted: bool = False) -> "dict[str, RosterStore]":
    """Return the roster stores of this home's desk and border, whichever there are."""
    from tallystick.keys.roster_store import RosterStore

    sides = [
        side for side in ("desk", "border") if (home / side).is_dir() and os.access(home / side, os.R_OK | os.X_OK)
    ]
    stores = {side: RosterStore(home / side / "roster") for side in sides}
    if not stores:
        raise ConfigError(
            _("{home} is no state's home").format(home=home.resolve()),
            hint=_("name it with --home DIR or TALLYSTICK_HOME; make one with: tallystick init"),
        )
    if adopted:
        stores = {side: store for side, store in stores.items() if store.adopted}
        if not stores:
            raise ConfigError(
                _("this home belongs to no federation yet"),
                hint=_("adopt its roster with: tallystick roster apply DIR --root WORDS"),
            )
    return stores


def _anchor(
    files: Mapping[str, bytes], stores: "dict[str, RosterStore]", root: str | None, *, completes: bool
) -> "Anchor":
    """Return the federation to believe: what was typed, what this home adopted before, or the ceremony's own."""
    from tallystick.keys.roster import GENESIS
    from tallystick.keys.words import anchor_of, parse_anchor

    before = next((anchor_of(store.files()[GENESIS]) for store in stores.values() if store.adopted), None)
    if root is not None:
        return parse_anchor(root)
    if before is not None:
        return before
    if not completes:
        raise UnanchoredError(
            _("nothing ties this roster to a federation that you trust"),
            hint=_("give the words you received with --root, or --genesis if you took part in its ceremony yourself"),
        )
    return anchor_of(files[GENESIS])


def _too_few(waiting: "list[Pending]") -> BadSignatureError:
    first = waiting[0]
    return BadSignatureError(
        _("nothing was adopted: {name} has {count} of {needed} signatures").format(
            name=first.link.name.text, count=len(first.signed), needed=first.needed
        ),
        hint=_("who is missing says: tallystick roster show DIR - once they have signed, name all copies"),
    )


@app.command()
def rotate(
    cards: list[Path] = CardsFlag,
    refuse: list[str] = typer.Option([], "--refuse", metavar="KEYID", help="An officer's or log key that is to end."),
    from_index: list[int] = typer.Option([], "--from-index", metavar="N", help="First log index it is refused at."),
    drop: list[str] = typer.Option([], "--drop", metavar="KEYID", help="A TLS, witness or HPKE key that goes."),
    out: Path = OutFlag,
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Propose this state's next page: new keys by card, old ones refused or dropped."""
    from tallystick.keys.proposal import read_cards, write_proposal
    from tallystick.keys.rotate import propose_page

    if len(refuse) != len(from_index):
        raise UsageError(
            _("every --refuse KEYID needs its --from-index N"),
            hint=_("N is the first log index at which the key no longer counts; older releases stay valid"),
        )
    store = next(iter(_stores(home, adopted=True).values()))
    files = propose_page(
        store.chains(),
        _state_of(home),
        read_cards(cards) if cards else (),
        at=SystemClock().now(),
        refuse=dict(zip(refuse, from_index, strict=True)),
        drop=drop,
    )
    write_proposal(out, files)
    _proposed(out, files, as_json=as_json)


def _state_of(home: Path) -> str:
    from tallystick.config.settings import DESK_FILE, load_border, load_desk

    return load_desk(home).state if os.access(home / DESK_FILE, os.R_OK) else load_border(home).state


@app.command()
def show(
    folder: Path | None = typer.Argument(None, metavar="[DIR]", help="A proposal, instead of this home's roster."),
    keys: bool = typer.Option(False, "--keys", help="List every key too."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Show the roster in force, or what a proposal says and who has signed it."""
    from tallystick.cli.roster_show import proposal_document, roster_document, show_roster
    from tallystick.keys.ceremony import pending
    from tallystick.keys.describe import describe, standing
    from tallystick.keys.proposal import read_proposal

    if folder is not None:
        files = read_proposal(folder)
        items = pending(files)
        waiting = [item for item in items if not item.complete]
        if as_json:
            show_json(proposal_document(files, items))
            return
        _lines(describe(files, waiting))
        _lines(standing(waiting) or [_("Everything in it is signed: tallystick roster apply {dir}").format(dir=folder)])
        return
    roster = next(iter(_stores(home, adopted=True).values())).load(None, SystemClock().now())
    if as_json:
        show_json(roster_document(roster))
        return
    show_roster(roster, keys=keys)
