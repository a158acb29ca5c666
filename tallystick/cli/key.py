"""``tallystick key``: a person's own key, made on his own device; and a desk's secret from recovery sheets."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.keys.card import Card

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Role = Literal["officer", "state", "ceremony"]
RoleFlag = typer.Option(..., "--for", help="What the key is for; a key has one role for life.")
StateFlag = typer.Option(..., "--state", metavar="CODE", help="The state's alpha-3 code, such as KAZ.")
NameFlag = typer.Option(..., "--name", help="The person's name, as others shall read it.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)
_PEM_LIMIT = 16_384


def _grouped(keyid: str) -> str:
    """Write a key id so that two people can compare it aloud."""
    return " ".join(keyid[start : start + 8] for start in range(0, len(keyid), 8))


def _document(card: "Card") -> dict[str, object]:
    return {
        "role": card.role,
        "state": card.state,
        "name": card.name,
        "demo": card.demo,
        "endpoints": list(card.endpoints),
        "keys": [{"role": key.role, "algorithm": key.algorithm, "keyid": key.keyid} for key in card.keys],
    }


def _tell(card: "Card") -> None:
    kind = {"officer": _("releasing officer"), "state": _("state key"), "ceremony": _("ceremony key")}
    say(f"{card.name} - {kind.get(card.role, _('node'))} - {card.state}{_(' - DEMO') if card.demo else ''}")
    for key in card.keys:
        say(f"  {key.role} {key.algorithm}")
        say(f"    {_grouped(key.keyid)[:35]}")
        say(f"    {_grouped(key.keyid)[36:]}")
    for url in card.endpoints:
        say(_("  listens at {url}").format(url=url))


@app.command()
def new(
    role: Role = RoleFlag,
    state: str = StateFlag,
    name: str = NameFlag,
    out: Path = typer.Option(..., "--out", metavar="FILE", help="Where the private key goes; the card lies beside."),
    algorithm: Literal["ed25519", "ecdsa-p256"] = typer.Option("ed25519", "--algorithm", help="P-256 is for tokens."),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Make a key and its public card. Needs no node; do it on your own device."""
    from tallystick.cli.home import state_and_name
    from tallystick.keys.people import make_person_key
    from tallystick.keys.secrets import choose_secrets

    code, _name = state_and_name(state, name)
    made = make_person_key(out, role, code, name, choose_secrets(passphrase_file), algorithm=algorithm)
    if as_json:
        show_json({"key": str(made.path), "card": str(made.card_path), **_document(made.card)})
        return
    _tell(made.card)
    say()
    say(_("Private key: {path} (stays with you; its passphrase cannot be recovered)").format(path=made.path))
    say(_("Public card: {path} (hand this one out)").format(path=made.card_path))


@app.command()
def card(
    key: Path = typer.Argument(metavar="KEY", help="The private key."),
    role: Role = RoleFlag,
    state: str = StateFlag,
    name: str = NameFlag,
    out: Path = typer.Option(..., "--out", metavar="FILE", help="Where the card goes."),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Make the public card of a key again, when it was lost."""
    from tallystick.cli.home import state_and_name
    from tallystick.config.files import SHARED_FILE, write_new
    from tallystick.keys.card import make_card, read_card
    from tallystick.keys.secrets import choose_secrets
    from tallystick.keys.signer import load_signer

    code, _name = state_and_name(state, name)
    signer = load_signer(key, choose_secrets(passphrase_file), role=_("key {path}").format(path=key))
    data = make_card(role, code, name, [(role, signer)])
    write_new(out, data, SHARED_FILE)
    if as_json:
        show_json({"card": str(out), **_document(read_card(data))})
        return
    _tell(read_card(data))
    say(_("Public card: {path}").format(path=out))


@app.command()
def show(
    path: Path = typer.Argument(metavar="CARD", help="A public card."),
    as_json: bool = JsonFlag,
) -> None:
    """Check a public card and say whose it is. Compare the key id aloud with its holder."""
    from tallystick.config.files import read_bounded
    from tallystick.keys.card import MAX_CARD, read_card

    data = read_bounded(path, max(MAX_CARD, _PEM_LIMIT))
    if data.startswith(b"-----BEGIN"):
        raise UsageError(
            _("{path} is a private key, not a card").format(path=path),
            hint=_("its card lies beside it, ending in .card.json; a lost one comes back with: tallystick key card"),
        )
    found = read_card(data)
    if as_json:
        show_json(_document(found))
        return
    _tell(found)
    say(_("Every key of this card proves that its holder has it."))


def _shares(sheets: list[Path], name: str) -> list[str]:
    """Return two shares, from the sheets' files or as typed."""
    from tallystick.cli.home import read_words
    from tallystick.node.home.recovery import read_sheet

    if sheets:
        return [read_sheet(path, name) for path in sheets]
    if not sys.stdin.isatty():
        raise UsageError(_("nobody can type the sheets: this is no terminal"), hint=_("name two files with --sheet"))
    typed = []
    for number in (_("first"), _("second")):
        say(_("Type the {number} sheet's words (four letters of a word are enough):").format(number=number))
        typed.append(read_words())
    return typed


@app.command()
def recover(
    secret: Literal["register", "identity", "noise"] = typer.Argument(help="Which of the desk's secrets."),
    home: Path = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home."),
    sheet: list[Path] = typer.Option([], "--sheet", metavar="FILE", help="A recovery sheet's file; name two."),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Give a desk its lost secret back from two recovery sheets."""
    from tallystick.config.settings import load_desk
    from tallystick.keys.secrets import choose_secrets
    from tallystick.node.home.recovery import recover_secret

    desk = load_desk(home).folder
    ask = choose_secrets(passphrase_file)
    check = recover_secret(desk, secret, _shares(sheet, secret), ask)
    if as_json:
        show_json({"secret": secret, "check": check, "path": str(desk / "secrets" / f"{secret}.secret")})
        return
    say(_("The {secret} secret is back in {folder}.").format(secret=secret, folder=desk / "secrets"))
    say(_("Its check is {check}; the sheets say the same.").format(check=check))
