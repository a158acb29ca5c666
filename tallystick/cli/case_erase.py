"""``tallystick case erase``: propose, sign and apply the order to erase a person."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.output import JsonFlag, progress, say, show_json
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.cases.erasure_order import Order, SignedOrder

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)


def _lines(order: "Order") -> list[str]:
    from tallystick.node.cases.erasure_order import reason_words

    return [
        _("Order to erase a person, {state}").format(state=order.state),
        _("  agency    {agency}").format(agency=order.agency),
        _("  number    {number}").format(number=order.number),
        _("  because   {reason}").format(reason=reason_words(order.reason)),
        _("  proposed  {at}").format(at=order.proposed_at),
        _("  order     {digest}").format(digest=order.sha256[:16]),
    ]


def _read(path: Path) -> "SignedOrder":
    from tallystick.config.files import read_bounded
    from tallystick.node.cases.erasure_order import MAX_ORDER, read_order

    return read_order(read_bounded(path, MAX_ORDER))


def _reason(text: str) -> "str":
    from tallystick.config.errors import UsageError
    from tallystick.node.cases.erasure_order import REASONS

    found = text.upper()
    if found not in REASONS:
        raise UsageError(
            _("'{reason}' is no reason to erase").format(reason=text[:20]),
            hint=_("one of {reasons}").format(reasons=", ".join(REASONS)),
        )
    return found


@app.command()
def propose(
    number: str = typer.Argument(metavar="NUMBER", help="The agency's case number, exactly."),
    agency: str = typer.Option(..., "--agency", metavar="NAME", help="The agency, exactly as the register has it."),
    reason: str = typer.Option(..., "--reason", metavar="CODE", help="REQUEST, COURT, RETENTION or ERROR."),
    out: Path | None = typer.Option(None, "--out", metavar="FILE", help="Where the order goes."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Write the order to erase a case, for two officers to sign. Nothing is erased yet."""
    from tallystick.config.clock import SystemClock
    from tallystick.config.files import SHARED_FILE, write_new
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.erasure_order import SignedOrder
    from tallystick.node.cases.opening import ask_for
    from tallystick.node.home.erasure import propose_order

    ask = ask_for(load_desk(home), passphrase_file)
    order = propose_order(home, ask, SystemClock(), agency, number, _reason(reason))  # type: ignore[arg-type]
    path = out or Path(f"erase-{order.sha256[:12]}.json")
    write_new(path, SignedOrder(order).to_bytes(), SHARED_FILE)
    if as_json:
        show_json({**order.model_dump(), "order": str(path), "sha256": order.sha256})
        return
    for line in _lines(order):
        say(line)
    say(_("Written to {path}. Two officers sign it, each on his own computer:").format(path=path))
    say(f"  tallystick case erase sign {path} --key FILE")


@app.command()
def sign(
    path: Path = typer.Argument(metavar="ORDER", help="The order's file; the signature is put into it."),
    key: Path = typer.Option(..., "--key", metavar="FILE", help="The officer's own private key."),
    yes: bool = typer.Option(False, "--yes", help="Sign without asking."),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Read the order and sign it: an officer, on his own computer. Needs no node."""
    from tallystick.config.files import SHARED_FILE, replace_file
    from tallystick.keys.secrets import choose_secrets
    from tallystick.keys.signer import load_signer
    from tallystick.node.cases.erasure_order import sign_order

    found = _read(path)
    if not as_json:
        for line in _lines(found.order):
            say(line)
        say(_("Whoever is erased cannot be brought back."))
    if not yes and not typer.confirm(_("Sign exactly this?"), default=False):
        say(_("Not signed."))
        raise typer.Exit(1)
    signer = load_signer(key, choose_secrets(passphrase_file), role=_("key {path}").format(path=key))
    signed = sign_order(found, signer)
    replace_file(path, signed.to_bytes(), SHARED_FILE)
    if as_json:
        show_json({"order": str(path), "sha256": found.order.sha256, "keyid": signer.keyid})
        return
    say(_("Signed; {count} signatures are in {path}").format(count=len(signed.signatures), path=path))


@app.command()
def apply(
    paths: list[Path] = typer.Argument(metavar="ORDER...", help="The order; several copies if signed apart."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Erase whom two officers ordered to be erased. If it is interrupted, run it again."""
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for
    from tallystick.node.home.erasure import apply_order

    ask = ask_for(load_desk(home), passphrase_file)
    with progress(_("writing the keyring anew")) as advance:
        done = apply_order(home, ask, SystemClock(), [_read(path) for path in paths], advance=advance)
    if as_json:
        show_json({"erased_at": done.erased_at, "officers": list(done.officers), "resumed": done.resumed})
        return
    if done.resumed:
        say(_("The erasure that was interrupted is finished; it began on {at}.").format(at=done.erased_at))
    else:
        say(_("Erased on {at}, by order of {officers}.").format(at=done.erased_at, officers=", ".join(done.officers)))
    say(_("The coded row stays and is counted; it names nobody."))
    say(_("Run tallystick backup now: copies of the keyring made before today open"))
    say(_("the name until they end, 35 days after they were made."))
