"""``tallystick peer``: other states' nodes; where they are, what they said last, one round of pulling now."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.output import JsonFlag, progress, say, show_json, show_table
from tallystick.cli.peer_show import alarm_document, show_alarm, show_pull, standing_document
from tallystick.config.errors import PeerError, UnanchoredError, UsageError, VerificationError
from tallystick.config.i18n import _, ngettext

if TYPE_CHECKING:
    from tallystick.exchange.border.state import PeerStanding
    from tallystick.keys.roster_types import Roster

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
StateArgument = typer.Argument(metavar="CODE", help="The peer's alpha-3 code, such as KAZ.")
_CODE = re.compile(r"[A-Z]{3}")


def _code(text: str) -> str:
    code = text.upper()
    if not _CODE.fullmatch(code):
        raise UsageError(
            _("'{code}' is not an alpha-3 code").format(code=text[:20]), hint=_("write three letters, such as KAZ")
        )
    return code


def _write(home: Path, peers: Mapping[str, str]) -> None:
    from tallystick.config.files import SHARED_FILE, replace_file
    from tallystick.config.settings import PeerSettings, dump_settings, load_border

    folder = load_border(home).folder
    document = PeerSettings(peers=dict(sorted(peers.items())))
    replace_file(folder / "peers.toml", dump_settings(document), SHARED_FILE)


def _roster(home: Path) -> "Roster":
    """Return the border's roster.

    Raises:
        UnanchoredError: It has adopted none.
    """
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_border
    from tallystick.keys.roster_store import RosterStore

    store = RosterStore(load_border(home).folder / "roster")
    if not store.adopted:
        raise UnanchoredError(
            _("this border belongs to no federation yet"),
            hint=_("adopt its roster with: tallystick roster apply DIR --root WORDS"),
        )
    return store.load(None, SystemClock().now())


def _endpoint(home: Path, code: str) -> str:
    """Return the address that the roster gives for a state.

    Raises:
        UsageError: It gives none.
    """
    endpoints = _roster(home).state(code).endpoints
    if endpoints:
        return endpoints[0]
    raise UsageError(
        _("the roster here gives no address of {state}").format(state=code),
        hint=_("write it: tallystick peer add {state} grpcs://HOST:PORT").format(state=code),
    )


@app.command()
def add(
    state: str = StateArgument,
    url: str = typer.Argument(
        "", metavar="[URL]", help="grpcs://, https:// or file:///; the roster's where not given."
    ),
    replace: bool = typer.Option(False, "--replace", help="Put this address in the place of another."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Say where a peer's node can be reached."""
    from tallystick.config.settings import load_border, load_peers
    from tallystick.exchange.pull.source import check_url

    code = _code(state)
    if code == load_border(home).state:
        raise UsageError(_("{state} is this home's own state").format(state=code))
    address = url or _endpoint(home, code)
    check_url(address)
    peers = dict(load_peers(home).peers)
    if peers.get(code, address) != address and not replace:
        raise UsageError(
            _("{state} has an address already: {url}").format(state=code, url=peers[code]),
            hint=_("put the new one in its place with --replace"),
        )
    _write(home, peers | {code: address})
    if as_json:
        show_json({"state": code, "url": address})
        return
    say(_("{state} is asked at {url}").format(state=code, url=address))
    if address.startswith("file:"):
        return
    say(_("Its node must show the leaf that the roster names for {state}, wherever it stands.").format(state=code))


@app.command()
def remove(state: str = StateArgument, home: Path = HomeFlag, as_json: bool = JsonFlag) -> None:
    """Ask a peer no more; what was verified stays."""
    from tallystick.config.settings import load_peers

    code, peers = _code(state), dict(load_peers(home).peers)
    if peers.pop(code, None) is None:
        raise UsageError(_("no address is known of {states}").format(states=code))
    _write(home, peers)
    if as_json:
        show_json({"state": code, "url": None})
    else:
        say(_("{state} is asked no more. What was verified of it stays.").format(state=code))


@app.command("list")
def list_peers(home: Path = HomeFlag, as_json: bool = JsonFlag) -> None:
    """Show every peer, its address, and how the last pull went."""
    from tallystick.config.settings import load_border, load_peers
    from tallystick.exchange.border.foreground import alarms, standings
    from tallystick.exchange.border.lock import who_runs

    peers = load_peers(home).peers
    found, raised = standings(home, peers), alarms(home)
    running = who_runs(load_border(home).folder)
    if as_json:
        standing = {state: standing_document(peers[state], found[state]) for state in peers}
        show_json(
            {"running": running is not None, "peers": standing, "alarms": [alarm_document(one) for one in raised]}
        )
        return
    if not peers:
        say(_("No peers yet. Add one: tallystick peer add CODE URL"))
        return
    rows = [(state, str(found[state].size), found[state].succeeded or "-", peers[state]) for state in peers]
    show_table((_("state"), _("entries"), _("last good pull"), _("address")), rows, right=(1,))
    for state in peers:
        if found[state].error:
            say(f"{state}: {found[state].error}")
    if raised:
        say(_("Alarms: {count}. See them: tallystick peer alarms").format(count=len(raised)))
    if running is None:
        say(_("No border runs for this home (tallystick up)."))


@contextmanager
def _bar(states: Sequence[str]) -> Iterator[Any]:
    """Show how far each peer's pull is; yields what ``pull_round`` wants."""
    from tallystick.exchange.border.pulling import Progress

    label = ngettext("pulling {count} peer", "pulling {count} peers", len(states)).format(count=len(states))
    with progress(label) as advance:

        def of(_state: str) -> Progress:
            return lambda _what, count: advance(count)

        yield of


def _exit(found: Mapping[str, "PeerStanding"], refused: Sequence[str]) -> None:
    """Leave with the exit code of the worst that happened."""
    if any(standing.error for standing in found.values()):
        raise typer.Exit(VerificationError.exit_code if refused else PeerError.exit_code)


@app.command()
def pull(
    states: list[str] = typer.Argument(None, metavar="[CODE]...", help="Only these peers."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Ask peers now, verify what is new, keep it.

    Where a border runs for this home, it is made to do so; else this command does it.
    """
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_border
    from tallystick.exchange.border.foreground import ask_running, chosen_peers, pull_round
    from tallystick.exchange.border.lock import who_runs

    peers = chosen_peers(home, states or [])
    notes: list[str] = []
    if who_runs(load_border(home).folder) is not None:
        found = ask_running(home, peers)
        notes.append(_("The border that runs for this home was asked to pull."))
    else:
        with _bar(list(peers)) as of:
            done = pull_round(home, peers, SystemClock(), of)
        found = {attempt.state: attempt.standing for attempt in done.attempts}
        notes += [_("own desk: {problem}").format(problem=problem) for problem in done.outbox.problems]
        if done.outbox.releases:
            notes.append(_("own desk: {count} new in the log").format(count=done.outbox.releases))
    refused = [state for state, standing in found.items() if standing.refused]
    if as_json:
        show_json(
            {"peers": {state: standing_document(peers[state], one) for state, one in found.items()}, "notes": notes}
        )
    else:
        show_pull(found, notes)
    _exit(found, refused)


@app.command("alarms")
def list_alarms(
    to: Path | None = typer.Option(None, "--to", metavar="DIR", help="Write the evidence there, one file a part."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Show logs that went back or say two things.

    The signed bytes that prove it are kept; --to writes them out, to be shown to other members.
    """
    from tallystick.exchange.border.foreground import alarms, evidence

    raised = alarms(home)
    files: list[str] = []
    if to is not None:
        from tallystick.config.files import make_dir, write_new

        make_dir(to)
        for one in raised:
            for place, data in enumerate(evidence(home, one.number), 1):
                path = to / f"alarm-{one.number}-{one.state.lower()}-{place}"
                write_new(path, data)
                files.append(str(path))
    if as_json:
        show_json({"alarms": [alarm_document(one) for one in raised], "files": files})
        return
    if not raised:
        say(_("No alarms."))
    for one in raised:
        show_alarm(one)
    for name in files:
        say(name)


@app.command()
def pins(
    to: Path = typer.Option(..., "--to", metavar="DIR", help="Write pins.pem and pins.map there."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Write the roster's TLS leaves as nginx reads them.

    For the static tree behind nginx; to be run again after every change of the roster.
    """
    from urllib.parse import quote

    from tallystick.config.files import SHARED_FILE, make_dir, replace_file

    leaves = [
        (entry.code, key.certificate)
        for entry in _roster(home).states.values()
        for key in entry.tls_keys
        if key.certificate
    ]
    make_dir(to, 0o755)
    lines = [f"{quote(leaf.decode(), safe='')} {code};\n" for code, leaf in leaves]
    replace_file(to / "pins.pem", b"".join(leaf for _code, leaf in leaves), SHARED_FILE)
    replace_file(to / "pins.map", "".join(lines).encode(), SHARED_FILE)
    if as_json:
        show_json({"folder": str(to), "leaves": len(leaves)})
        return
    states = len({code for code, _leaf in leaves})
    say(_("{count} leaves of {states} states in {folder}").format(count=len(leaves), states=states, folder=to))
    say(_("Next: systemctl reload nginx"))
