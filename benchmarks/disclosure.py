"""Whole plans of made-up states from 9 to 2,000 cases a year: what is shown, what was given away, what it takes.

Each register is three years drafted one after the other and then their block, as a desk does it. "Given away before" is
the same draft with the threshold alone, no decoy and no repair, attacked with all that is known of the method.
"""

import hashlib
import hmac
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.config.catalogue import load_shipped
from tallystick.config.codes import almaty_states
from tallystick.config.errors import DisclosureError
from tallystick.config.periods import Period
from tallystick.node.cases.coding import CodedColumns, encode
from tallystick.node.disclosure import PEER, ReleasedSlice, SafeTable, attack_released, naive_attack, protect_plan
from tallystick.node.disclosure.audit import Auditor, withheld_cells
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import lay_out
from tallystick.node.disclosure.perturbation import perturb
from tallystick.node.disclosure.picture import Picture, drafted_view, pictures, released_view
from tallystick.node.disclosure.readings import register_readings
from tallystick.node.intake.generate import synthetic_columns
from tallystick.node.intake.generate_perpetrators import generate_perpetrators
from tallystick.node.tables.count import count_columns
from tallystick.node.tables.cubes import Cube, block_cubes
from tallystick.node.tables.noise import period_secret

SIZES = (9, 29, 60, 92, 282, 2000)
REGISTERS = 9
YEARS = (2018, 2019, 2020)
CATALOGUE = load_shipped()
STATES = tuple(almaty_states())
RESULT = Path(__file__).parent / "results" / "disclosure.json"


class Register:
    """One made-up state: its drafts and its noise secret."""

    def __init__(self, n: int, number: int) -> None:
        self.state = STATES[number % len(STATES)]
        self.master = hashlib.sha256(f"{n} {number}".encode()).digest()
        self.people = [synthetic_columns(n, 100 * number + year, self.state) for year in YEARS]
        self.readings = register_readings(CATALOGUE, self.state)
        self._drafts: list[Sequence[Cube]] = []

    def secret(self, period: Period) -> bytes:
        """Return the period's noise secret."""
        return period_secret(self.master, period)

    def drafts(self) -> list[Sequence[Cube]]:
        """Count the years and the block once, in the order in which they are drafted."""
        if self._drafts:
            return self._drafts
        years = [
            count_columns(people, CATALOGUE, self.state, year, self.secret, perpetrators(self.state, len(people), year))
            for people, year in zip(self.people, YEARS, strict=True)
        ]
        self._drafts = [*(year.tables for year in years), block_cubes(years)]
        return self._drafts


def perpetrators(state: str, victims: int, year: int) -> CodedColumns:
    """Make up whoever reached a stage in a year."""
    rng = np.random.default_rng(year)
    people = [one for first in (year - 1, year) for one in generate_perpetrators(state, first, victims, 1, year)]
    coded = [(rng.bytes(16), encode(one)) for one in people if year in one.stages.values()]
    return CodedColumns.from_coded(coded, year)


def attacked(picture: Picture) -> int:
    """Count the withheld cells that are given away."""
    auditor = Auditor(keyed_system(picture, lay_out(picture), PEER), PEER)
    return len(auditor.extractions(withheld_cells(picture)))


def before_repair(draft: Sequence[Cube], released: Sequence[ReleasedSlice], register: Register) -> int:
    """Attack the draft as the threshold alone leaves it."""
    views = [released_view(CATALOGUE, one) for one in released]
    for cube in draft:
        figures = perturb(register.secret(cube.period), cube.counts, cube.key_sums, PEER)
        views.append(drafted_view(CATALOGUE, CATALOGUE.table(cube.table_id), cube.period, figures, PEER))
    return sum(attacked(picture) for picture in pictures(CATALOGUE, views, register.readings))


def share_shown(cube: Cube, table: SafeTable) -> float | None:
    """Return the share of persons behind shown inner figures, in per cent; of mentions where several codes apply."""
    inner = len(CATALOGUE.inner_cells(CATALOGUE.table(cube.table_id)))
    shown = np.array([not row.withheld for row in table.observations[:inner]])
    everybody = int(cube.counts[:inner].sum())
    return 100 * int(cube.counts[:inner][shown].sum()) / everybody if everybody else None


def plan_once(register: Register) -> tuple[float, list[ReleasedSlice], list[tuple[Cube, SafeTable]], int]:
    """Draft a register's whole plan; return CPU seconds from counting to safe tables, slices, pairs and refusals."""
    started = time.process_time()
    released: list[ReleasedSlice] = []
    pairs: list[tuple[Cube, SafeTable]] = []
    refused = 0
    for draft in register.drafts():
        try:
            tables = protect_plan(draft, released, CATALOGUE, state=register.state, secrets=register.secret)
        except DisclosureError:
            refused += 1
            continue
        pairs += zip(draft, tables, strict=True)
        released += [table.as_released() for table in tables]
    return time.process_time() - started, released, pairs, refused


def measure(n: int) -> dict[str, Any]:
    """Run the registers of one size."""
    shares: dict[str, list[float]] = defaultdict(list)
    seconds: list[float] = []
    total: Counter[str] = Counter()
    for number in range(REGISTERS):
        register = Register(n, number)
        took, released, pairs, refused = plan_once(register)
        seconds.append(took)
        total["refused"] += refused
        for cube, table in pairs:
            share = share_shown(cube, table)
            if share is not None:
                shares[table.table_id].append(share)
            total["cells_withheld"] += table.audit.withheld
            total["cells_for_others_or_decoys"] += table.audit.repaired
        out: list[ReleasedSlice] = []
        for draft in register.drafts():
            total["given_away_before"] += before_repair(draft, out, register)
            out += [one for one in released if one.period == draft[0].period]
        total["given_away_after"] += attack_released(released, CATALOGUE, register.state).extracted
        usual = naive_attack([cube for cube, _table in pairs], register.state, CATALOGUE)
        total["usual_hidden"] += usual.hidden
        total["usual_recovered"] += usual.recovered
        total["usual_recovered_not_zero"] += usual.not_zero
    return {
        "persons_shown_per_cent": {name: round(float(np.mean(each)), 1) for name, each in shares.items()},
        "seconds_mean": round(float(np.mean(seconds)), 3),
        "seconds_most": round(max(seconds), 3),
        "registers": REGISTERS,
        **total,
    }


def perturbation_speed(cells: int = 100_000) -> float:
    """Return the CPU microseconds a cell that drawing and applying noise takes."""
    rng = np.random.default_rng(1)
    counts, keys = rng.poisson(6, cells).astype(np.int64), rng.integers(1, 2**63, cells, dtype=np.uint64)
    perturb(b"warm" * 8, counts[:10], keys[:10], PEER)
    started = time.process_time()
    perturb(b"secret" * 6, counts, keys, PEER)
    return (time.process_time() - started) / cells * 1e6


def floor_speed(cells: int = 100_000) -> float:
    """Return the CPU microseconds of one bare HMAC-SHA-256: what a draw cannot do without."""
    started = time.process_time()
    for number in range(cells):
        hmac.digest(b"secret" * 6, number.to_bytes(24, "big"), "sha256")
    return (time.process_time() - started) / cells * 1e6


def main() -> dict[str, Any]:
    """Print for a person, return the figures."""
    figures: dict[str, Any] = {"sizes": {}}
    print("persons shown, per cent (mentions where several codes apply); given away; repaired; CPU s a plan")
    for n in SIZES:
        found = figures["sizes"][str(n)] = measure(n)
        shares = found["persons_shown_per_cent"]
        shown = [f"{name.removeprefix('VICTIMS_').lower()} {share:.0f}" for name, share in shares.items()]
        away = f"{found['given_away_before']} -> {found['given_away_after']} of {found['cells_withheld']}"
        speed = f"{found['seconds_mean']:.2f} (most {found['seconds_most']:.2f})"
        print(f"{n:6d}  {', '.join(shown)}")
        print(f"        given away {away}; repaired or decoys {found['cells_for_others_or_decoys']}; {speed} s")
        usual = f"{found['usual_recovered']} of {found['usual_hidden']} come back"
        print(f'        the same tables with "<5": {usual}, {found["usual_recovered_not_zero"]} not zero')
    figures["perturb_microseconds_a_cell"] = round(perturbation_speed(), 2)
    figures["perturb_over_bare_hmac"] = round(figures["perturb_microseconds_a_cell"] / floor_speed(), 2)
    print(
        f"noise: {figures['perturb_microseconds_a_cell']} us a cell, {figures['perturb_over_bare_hmac']} x a bare HMAC"
    )
    return figures


if __name__ == "__main__":
    RESULT.write_text(json.dumps({"benchmark": "disclosure", "figures": main()}, indent=1, sort_keys=True) + "\n")
