"""A home for show: desk, border and everybody's keys on one disk, with passphrases beside them. Stamped DEMO."""

import base64
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.clock import Clock
from tallystick.config.files import PRIVATE_DIR, PRIVATE_FILE, make_dir, write_new
from tallystick.config.settings import load_border
from tallystick.keys.people import PersonKey, PersonRole, make_person_key
from tallystick.keys.secrets import GENERATED, FileSecrets
from tallystick.node.home.making import BORDER_CARD, DESK_CARD, HomePlan, make_border, make_desk
from tallystick.node.home.officers import enrol_officer
from tallystick.node.home.ports import choose_port
from tallystick.node.home.staging import finish, staged

__all__ = ["PASSPHRASE_FILE", "PEOPLE", "DemoHome", "make_demo_home", "open_demo_home"]

PASSPHRASE_FILE = "passphrase"  # noqa: S105 - a file name
PEOPLE: tuple[tuple[PersonRole, int], ...] = (("officer", 3), ("state", 3), ("ceremony", 1))


@dataclass(frozen=True)
class DemoHome:
    """Where everything of a demo home lies.

    Attributes:
        home: The home.
        desk_card: The desk's node card.
        border_card: The border's node card.
        listen: HOST:PORT of the border.
        people: Folder of people's keys; its passphrase lies in it.
    """

    home: Path
    desk_card: Path
    border_card: Path
    listen: str
    people: Path

    def secrets(self, part: str = "people") -> FileSecrets:
        """Return the passphrase of a part: ``desk``, ``border`` or ``people``."""
        return FileSecrets(self.home / part / PASSPHRASE_FILE)

    def key(self, role: PersonRole, number: int = 1) -> Path:
        """Return the private key of a person, such as the second officer's."""
        return self.people / f"{_stem(role, number)}.pem"

    def card(self, role: PersonRole, number: int = 1) -> Path:
        """Return the public card of a person."""
        return self.people / f"{_stem(role, number)}.card.json"


def _stem(role: PersonRole, number: int) -> str:
    return role if role == "ceremony" else f"{role}-{number}"


def _passphrase(folder: Path) -> FileSecrets:
    """Write 160 random bits; nobody guesses at those, so keys under it need no slow derivation."""
    make_dir(folder, PRIVATE_DIR)
    path = folder / PASSPHRASE_FILE
    write_new(path, base64.b32encode(os.urandom(20)).lower() + b"\n", PRIVATE_FILE)
    return FileSecrets(path)


def _people(folder: Path, state: str, *, member: bool) -> list[PersonKey]:
    ask = _passphrase(folder)
    return [
        make_person_key(
            folder / f"{_stem(role, number)}.pem",
            role,
            state,
            f"{role.capitalize()} {number} of {state}",
            ask,
            demo=True,
            work=GENERATED,
        )
        for role, count in PEOPLE
        if member or role != "ceremony"
        for number in range(1, count + 1)
    ]


def make_demo_home(
    home: Path, state: str, name: str, clock: Clock, *, member: bool = True, taken_ports: Collection[int] = ()
) -> DemoHome:
    """Make a whole home for show.

    Args:
        home: Its folder; what an earlier, interrupted call had made whole is finished and returned.
        state: Alpha-3, upper case.
        name: The institution's name.
        clock: Dates the TLS leaf.
        member: Make a ceremony key; observers have none.
        taken_ports: Ports that other homes on this machine keep.

    Raises:
        StoreError: There is a home already.
    """
    if finish(home):
        return open_demo_home(home)
    plan = HomePlan(state, name, demo=True, passphrase_file=Path(PASSPHRASE_FILE))
    listen = f"127.0.0.1:{choose_port(taken=taken_ports)}"
    with staged(home, ("people", "border", "desk")) as making:
        people = _people(making / "people", state, member=member)
        make_border(making / "border", plan, _passphrase(making / "border"), clock, listen=listen, work=GENERATED)
        make_desk(making / "desk", plan, _passphrase(making / "desk"), work=GENERATED)
        for key in people:
            if key.card.role == "officer":
                enrol_officer(making / "desk", key.card_path.read_bytes(), state=state, demo=True)
    return open_demo_home(home)


def open_demo_home(home: Path) -> DemoHome:
    """Return where everything of the demo home at ``home`` lies.

    Raises:
        ConfigError: There is none, or its settings do not hold.
    """
    listen = load_border(home).listen
    return DemoHome(home, home / "desk" / DESK_CARD, home / "border" / BORDER_CARD, listen, home / "people")
