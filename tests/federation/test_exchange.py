"""Borders among themselves: everybody gets everything, roster news travel, nobody waits for who is away."""

from contextlib import ExitStack, closing
from pathlib import Path

from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.foreground import standings
from tallystick.keys.roster_store import RosterStore
from tests.support.rosters import officer_card
from tests.support.waiting import wait_for
from tests.support.wire import NOW, Wire, free_port, running_border

CODES = ("KAZ", "KGZ", "TUR")


def homes(wire: Wire, base: Path) -> dict[str, Path]:
    ports = {code: free_port() for code in wire.tls}
    made = {}
    for code in wire.tls:
        peers = {other: f"grpcs://127.0.0.1:{port}" for other, port in ports.items() if other != code}
        made[code] = wire.home(base, code, listen=f"127.0.0.1:{ports[code]}", peers=peers)
        wire.feed(made[code], code)
    return made


def sizes(home: Path) -> dict[str, int]:
    archive = Archive(home / "border" / "archive")
    return {cc: view.size for cc in archive.states() if (view := archive.view(cc))}


def test_not_everybody_gets_everything(tmp_path: Path) -> None:
    wire = Wire.make(CODES)
    for count, code in enumerate(CODES, 1):
        wire.release(code, count)
    made = homes(wire, tmp_path)
    with ExitStack() as running:
        for home in made.values():
            running.enter_context(running_border(home))
        wanted = {"kaz": 1, "kgz": 2, "tur": 3}
        for home in made.values():
            wait_for(lambda home=home: sizes(home) == wanted, what="everything")
        wire.release("KAZ", 1, first_year=2019)
        wire.feed(made["KAZ"], "KAZ", first=1, roster=False)
        for home in made.values():
            wait_for(lambda home=home: sizes(home)["kaz"] == 2, what="the new release")
    trees = [
        {path.relative_to(home): path.read_bytes() for path in (home / "border/archive").rglob("*") if path.is_file()}
        for home in made.values()
    ]
    files = [
        {str(path.relative_to("border")): data for path, data in tree.items() if "index" not in path.name}
        for tree in trees
    ]
    assert files[0] == files[1] == files[2]


def test_roster_news_reach_only_whom_their_maker_told(tmp_path: Path) -> None:
    """KAZ's desk rotates; KGZ knows of TUR only, TUR of KAZ only: the page comes to KGZ all the same."""
    wire = Wire.make(CODES)
    made = homes(wire, tmp_path)
    for code, known in (("KAZ", None), ("KGZ", "TUR"), ("TUR", "KAZ")):
        path = made[code] / "border" / "peers.toml"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(line for line in lines if line.startswith(("[", "peers", f"{known} "))) + "\n")
    with ExitStack() as running:
        for home in made.values():
            running.enter_context(running_border(home))
        files = wire.ceremony.new_page(wire.roster_files, "KAZ", cards=[officer_card("KAZ", "Dana")], at=NOW)
        wire.adopt(wire.ceremony.indexed(files))
        wire.feed(made["KAZ"], "KAZ", log=False)
        store = RosterStore(made["KGZ"] / "border" / "roster")
        wait_for(lambda: store.adopted and store.files() == wire.roster_files, what="the page")
        inbox = made["KGZ"] / "border" / "inbox"
        wait_for(lambda: sorted(path.name for path in inbox.glob("*.roster"))[1:], what="word to the desk")


def test_one_peer_away_holds_up_the_others(tmp_path: Path) -> None:
    wire = Wire.make(CODES)
    for code in CODES:
        wire.release(code, 1)
    made = homes(wire, tmp_path)
    with running_border(made["KAZ"]), running_border(made["KGZ"]):
        wait_for(lambda: sizes(made["KGZ"]) == {"kaz": 1, "kgz": 1}, what="the one that is there")
        wait_for(lambda: standings(made["KGZ"], ["TUR"])["TUR"].failures >= 2, what="two attempts")
        with running_border(made["TUR"]):
            wait_for(lambda: sizes(made["KGZ"]) == {"kaz": 1, "kgz": 1, "tur": 1}, what="the one that came late")
            wait_for(lambda: standings(made["KGZ"], ["TUR"])["TUR"].failures == 0, what="the standing")
    with closing(Archive(made["KGZ"] / "border/archive").open_index()) as index:
        assert index.execute("SELECT count(*) FROM releases").fetchone() == (3,)
