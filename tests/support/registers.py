"""Small made-up registers as cubes: persons with sex, age, forms, citizenship, place and more, drawn from a seed.

Shares differ from register to register (a Dirichlet tilt), so that a run over seeds sees many kinds of states.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
    """One year's persons: code positions by dimension, shape (n,), and their ids.

    ``several`` holds who stands under which code of a dimension that counts several, shape (n, codes).
    """

    year: int
    positions: Mapping[str, np.ndarray]
    ids: np.ndarray
    several: Mapping[str, np.ndarray] = field(default_factory=dict)
    perpetrators: "People | None" = None


def secret_of(seed: int) -> Secrets:
    """A noise secret for every period."""
    return lambda period: hashlib.sha256(f"{seed} {period.text}".encode()).digest()


def _shares(rng: np.random.Generator, codes: Sequence[str], given: Mapping[str, float], tilt: float) -> np.ndarray:
    base = np.array([given.get(code, 0.002) for code in codes])
    return rng.dirichlet(base / base.sum() * tilt)


def sample(
    n: int, seed: int, years: Sequence[int] = (2018, 2019, 2020), catalogue: Catalogue | None = None
) -> list[People]:
    """Draw the persons of some years, as KAZ would count them; their number is about ``n`` a year."""
    catalogue = catalogue or load_shipped()
    rng = np.random.default_rng(seed)
    lists = {codelist.id: tuple(codelist.codes) for codelist in catalogue.codelists}
    given = {
        "SEX": (tuple(SHARES["SEX"]), SHARES["SEX"]),
        "AGE": (tuple(SHARES["AGE"]), SHARES["AGE"]),
        "FORM": (tuple(SHARES["FORM"]), SHARES["FORM"]),
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
        codes = {name: np.array(given[name][0], dtype=object)[place] for name, place in positions.items()}
        ids = rng.integers(1, 2**63, size=size)
        people.append(_with_more(catalogue, year, codes, ids, np.random.default_rng([seed, year])))
    return people


FORMS = ("SX", "FL", "OG", "OP")
CONTROL_SHARE = 0.09


def _with_more(
    catalogue: Catalogue, year: int, codes: Mapping[str, np.ndarray], ids: np.ndarray, rng: np.random.Generator
) -> People:
    """Add what else a record says, and a few perpetrators."""
    size = len(ids)
    codes = dict(codes)
    codes["CITIZENSHIP_GROUP"] = np.array([_group(code) for code in codes["CITIZENSHIP"]], dtype=object)
    kin = ("_U", "FAM", "PRT", "ACQ", "STR", "OTH", "MULTI")
    codes["RELATIONSHIP"] = np.array(kin, dtype=object)[rng.choice(7, size, p=(0.3, 0.15, 0.1, 0.25, 0.15, 0.03, 0.02))]
    named = np.array([_named(form, rng) for form in codes["FORM"]], dtype=object)
    lists = {codelist.id: sorted(codelist.codes) for codelist in catalogue.codelists}
    axes = {"FORM": "CL_FORM", "CITIZENSHIP": "CL_CORRIDOR_AREA", "EXPLOITATION_AREA": "CL_CORRIDOR_AREA"}
    place = {
        name: np.array([lists[axes.get(name, f"CL_{name}")].index(code) for code in found], dtype=np.int64)
        for name, found in codes.items()
        if axes.get(name, f"CL_{name}") in lists
    }
    several: dict[str, np.ndarray] = {}
    if "CL_FORM_NAMED" in lists:
        several["FORM_NAMED"] = np.array(
            [[code in found for code in lists["CL_FORM_NAMED"]] for found in named], dtype=bool
        ).reshape(size, len(lists["CL_FORM_NAMED"]))
        controls = rng.random((size, len(lists["CL_CONTROL"]))) < CONTROL_SHARE * rng.dirichlet(
            np.ones(len(lists["CL_CONTROL"]))
        ) * len(lists["CL_CONTROL"])
        unknown = lists["CL_CONTROL"].index("_U")
        controls[:, unknown] = False
        controls[:, unknown] = ~controls.any(axis=1)
        several["CONTROL"] = controls
    caught = int(rng.poisson(size / 3 + 1))
    stages = rng.random((caught, 3)) < (0.3, 0.7, 0.5)
    stages = stages[stages.any(axis=1)]
    perpetrators = People(year, {}, rng.integers(1, 2**63, size=len(stages)), {"STAGE": stages})
    return People(year, place, ids, several, perpetrators)


def _group(code: str) -> str:
    return {HOME: "DOMESTIC", "X_OTH": "OTHER", "_U": "_U"}.get(code, "SUBREGIONAL")


def _named(form: str, rng: np.random.Generator) -> frozenset[str]:
    if form == "MULTI":
        return frozenset(rng.choice(FORMS, size=2 + int(rng.random() < 0.2), replace=False, p=(0.4, 0.4, 0.05, 0.15)))
    return frozenset({form})


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
    for victims in people:
        year = victims if table.universe == "victims" else victims.perpetrators
        keys = _record_keys(secrets(period), year)
        if table.multiple:
            (name,) = names
            for person, code in zip(*np.nonzero(year.several[name]), strict=True):
                counts[code] += 1
                with np.errstate(over="ignore"):
                    sums[code] += keys[person]
        elif names:
            place = tuple(year.positions[name] for name in names)
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
