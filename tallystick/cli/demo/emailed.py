"""The usual way beside ours: the same tables with "<5" for small cells, and how many of those come back."""

import json
from dataclasses import dataclass
from pathlib import Path

from tallystick.cli.demo.build import home_of
from tallystick.cli.demo.plan import Cast, DemoState
from tallystick.config.catalogue import load_shipped
from tallystick.node.cases.opening import open_desk_secret
from tallystick.node.desk.database import open_database
from tallystick.node.desk.evidence import Evidence
from tallystick.node.desk.publication import PublicationTable
from tallystick.node.desk.states import PublicationState
from tallystick.node.disclosure import ReleasedSlice
from tallystick.node.disclosure.attack import attack_released
from tallystick.node.disclosure.naive import naive_attack
from tallystick.node.home.demo import open_demo_home

__all__ = ["Compared", "compare_state"]


@dataclass(frozen=True)
class Compared:
    """The same exact counts, protected in two ways and attacked in the same way, in cells.

    Attributes:
        hidden: Hidden as "<5" in the tables that leave by e-mail.
        recovered: Of these, known exactly to whoever can subtract.
        not_zero: Of the recovered, those that are not zero.
        withheld: Withheld in the tables that were released here.
        extracted: Of these, given away to an attacker who knows the method.
    """

    hidden: int = 0
    recovered: int = 0
    not_zero: int = 0
    withheld: int = 0
    extracted: int = 0

    def __add__(self, other: "Compared") -> "Compared":
        return Compared(
            self.hidden + other.hidden,
            self.recovered + other.recovered,
            self.not_zero + other.not_zero,
            self.withheld + other.withheld,
            self.extracted + other.extracted,
        )


def compare_state(folder: Path, state: DemoState, cast: Cast) -> Compared:
    """Attack one state's tables in both forms; the exact ones come out of its sealed evidence."""
    del cast
    home = open_demo_home(home_of(folder, state))
    desk = home.home / "desk"
    database = open_database(desk, open_desk_secret(desk, "register", home.secrets("desk")))
    try:
        evidence = Evidence(database)
        out = [row for row in PublicationTable(database).all() if row.state is not PublicationState.REFUSED]
        periods = {row.period for row in out}
        names = {(row.period, row.table_id) for row in out}
        cubes = [one for period in sorted(periods) for one in evidence.cubes(period) if (period, one.table_id) in names]
        released = [ReleasedSlice.from_dict(json.loads(row.sealed)) for row in out]
    finally:
        database.close()
    code = state.code
    emailed, here = naive_attack(cubes, code), attack_released(released, load_shipped(), code)
    return Compared(emailed.hidden, emailed.recovered, emailed.not_zero, here.withheld, here.extracted)
