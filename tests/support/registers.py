"""Small made-up registers as cubes: persons with sex, age, form, citizenship, place, drawn from a seed.

Shares differ from register to register (a Dirichlet tilt), so that a run over seeds sees many kinds of states.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.config.catalogue import Catalogue, TableDefinition, load_shipped
from tallystick.config.periods import Period, block_of
from tallystick.node.tables.cubes import Cube

Secrets = Callable[[Period], bytes]
SHARES: Mapping[str, Mapping[str, float]] = {
    "SEX": {"F": 0.62, "M": 0.36, "_O": 0.005, "_U": 0.015},
    "AGE": {"Y0T17": 0.24, "Y_GE18": 0.73, "_U": 0.03},
    "FORM": {"SX": 0.52, "FL": 0.33, "OG": 0.01, "OP": 0.08, "MULTI": 0.04, "_U": 0.02},
}
HOME, NEIGHBOUR = "KAZ", "UZB"
CITIZENS = {"KAZ": 0.55, "X_SUB": 0.2, "KGZ": 0.08, "TJK": 0.05, "X_OTH": 0.05, "PAK": 0.02, "_U": 0.03, "TUR": 0.02}
PLACES = {"KAZ": 0.82, "TUR": 0.05, "X_OTH": 0.06, "X_SUB": 0.03, "_U": 0.03, "KGZ": 0.01}


@dataclass(frozen=True)
class People:
    """One year's persons: code positions by dimension, shape (n,), and their ids."""

    year: int
    positions: Mapping[str, np.ndarray]
    ids: np.ndarray


def secret_of(seed: int) -> Secrets:
    """A noise secret for every period."""
    return lambda period: hashlib.sha256(f"{seed} {period.text}".encode()).digest()


def _shares(rng: np.random.Generator, codes: Sequence[str], given: Mapping[str, float], tilt: float) -> np.ndarray:
    base = np.array([given.get(code, 0.002) for code in codes])
    return rng.dirichlet(base / base.sum() * tilt)


def sample(
    n: int, seed: int, years: Sequence[int] = (2018, 2019, 2020), catalogue: Catalogue | None = None
) -> list[People]:
    """Draw the persons of some years; their number is about ``n`` a year."""
    catalogue = catalogue or load_shipped()
    rng = np.random.default_rng(seed)
    lists = {codelist.id: tuple(codelist.codes) for codelist in catalogue.codelists}
    given = {
        "SEX": (lists["CL_SEX"], SHARES["SEX"]),
        "AGE": (lists["CL_AGE"], SHARES["AGE"]),
        "FORM": (lists["CL_FORM"], SHARES["FORM"]),
        "CITIZENSHIP": (lists["CL_CORRIDOR_AREA"], CITIZENS),
        "EXPLOITATION_AREA": (lists["CL_CORRIDOR_AREA"], PLACES),
    }
    first = {name: _shares(rng, codes, shares, 12.0) for name, (codes, shares) in given.items()}
    people = []
    for year in years:
        size = int(rng.poisson(n)) if n < 500 else n
        positions = {name: rng.choice(len(shares), size=size, p=shares) for name, shares in first.items()}
        # Sex goes with form, age with form: men and minors are rarer among ... enough to make crosses uneven.
        swap = (positions["FORM"] == 0) & (rng.random(size) < 0.6)
        positions["SEX"] = np.where(swap, 0, positions["SEX"])
        people.append(People(year, positions, rng.integers(1, 2**63, size=size)))
    return people


def _record_keys(secret: bytes, people: People) -> np.ndarray:
    mixed = np.random.default_rng(np.frombuffer(secret, dtype=np.uint32)).integers(1, 2**63, dtype=np.uint64)
    with np.errstate(over="ignore"):
        keys = people.ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + mixed
        keys ^= keys >> np.uint64(29)
        return keys * np.uint64(0xBF58476D1CE4E5B9)


def cube_of(
    catalogue: Catalogue, table: TableDefinition, period: Period, people: Sequence[People], secrets: Secrets
) -> Cube:
    """Count some years' persons into one cube."""
    names = table.dimension_ids
    shape = tuple(len(catalogue.codes(table, name)) for name in names)
    counts = np.zeros(shape, dtype=np.int64)
    sums = np.zeros(shape, dtype=np.uint64)
    for year in people:
        place = tuple(year.positions[name] for name in names) if names else ()
        keys = _record_keys(secrets(period), year)
        if names:
            np.add.at(counts, place, 1)
            np.add.at(sums, place, keys)
        else:
            counts = counts + len(keys)
            sums = sums + keys.sum(dtype=np.uint64)
    parts = [(counts.ravel(), sums.ravel())]
    for margin in table.margins:
        away = tuple(axis for axis, name in enumerate(names) if name not in margin)
        parts.append((counts.sum(axis=away).ravel(), sums.sum(axis=away, dtype=np.uint64).ravel()))
    every_count = np.concatenate([np.atleast_1d(count) for count, _sum in parts]).astype(np.int64)
    return Cube(table.id, period, every_count, np.concatenate([np.atleast_1d(s) for _c, s in parts]).astype(np.uint64))


def year_cubes(catalogue: Catalogue, people: People, secrets: Secrets, *, cross: bool = False) -> list[Cube]:
    """The yearly plan of one year; with ``cross`` also sex by age."""
    period = Period(people.year, people.year)
    tables = [t for t in catalogue.tables if t.where == "year" or (cross and t.where == "placed")]
    return [cube_of(catalogue, table, period, [people], secrets) for table in tables]


def block_cubes(catalogue: Catalogue, people: Sequence[People], secrets: Secrets, *, cross: bool = True) -> list[Cube]:
    """The block's plan; with ``cross`` also sex by age."""
    period = block_of(people[0].year)
    tables = [t for t in catalogue.tables if t.where == "block" or (cross and t.where == "placed")]
    return [cube_of(catalogue, table, period, people, secrets) for table in tables]
