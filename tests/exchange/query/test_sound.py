"""Whatever was counted and however it was perturbed: the true number lies within what an answer says of it."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.config.catalogue import TOTAL, CellKey
from tallystick.exchange.query import Question, Row, ask
from tests.exchange.query.conftest import make_archive
from tests.support.federation import Federation

SEXES, AGES = ("F", "M", "_O", "_U"), ("Y0T17", "Y_GE18", "_U")
YEARS = ("2018", "2019", "2020")
D, K = 3, 5
FEDERATION = Federation.make(("KAZ", "KGZ"))
CELLS = tuple(itertools.product(SEXES, AGES))
Truth = dict[str, dict[str, dict[CellKey, int]]]


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    counts = st.one_of(st.just(0), st.integers(0, 8), st.integers(0, 60))
    return {code: {year: {cell: draw(counts) for cell in CELLS} for year in YEARS} for code in ("KAZ", "KGZ")}


def published(true: int, noise: int, *, repair: bool) -> int | None:
    """Perturb and withhold as ``keyed`` does: zeros and values below k are withheld, some others too."""
    value = true + noise
    return None if true == 0 or value < K or repair else value


def count(cells: dict[CellKey, int], sex: str = TOTAL, age: str = TOTAL) -> int:
    return sum(n for (s, a), n in cells.items() if sex in {s, TOTAL} and age in {a, TOTAL})


def release(federation: Federation, code: str, truth: dict[str, dict[CellKey, int]], draw: Any) -> None:
    """Release what a state may, leaving out a slice now and then."""
    noise, repair = st.integers(-D, D), st.booleans()

    def put(table: str, period: str, true: dict[CellKey, int]) -> None:
        if draw(st.integers(0, 9)) == 0:
            return
        repairs = draw(repair) and table != "VICTIMS"
        hidden = {key for key in true if repairs and draw(repair)}
        values = {key: published(n, draw(noise), repair=key in hidden) for key, n in true.items()}
        federation.release(code, table, period, values, repaired=len(hidden))

    block = {cell: sum(truth[year][cell] for year in YEARS) for cell in CELLS}
    for year in YEARS:
        put("VICTIMS", year, {(): count(truth[year])})
        put("VICTIMS_SEX", year, {(sex,): count(truth[year], sex=sex) for sex in SEXES})
        put("VICTIMS_AGE", year, {(age,): count(truth[year], age=age) for age in AGES})
    put("VICTIMS_SEX_AGE", "2018-2020", block)


def true_of(truth: Truth, table: str, row: Row) -> int:
    """Count what a row is about, over exactly the states and years that it says are in it."""
    total = 0
    for name in row.states:
        code, _blank, period = name.partition(" ")
        for year in YEARS if "-" in (period or row.period) else [period or row.period]:
            if table == "VICTIMS":
                total += count(truth[code][year])
            elif table == "VICTIMS_SEX":
                total += count(truth[code][year], sex=row.key[0])
            elif table == "VICTIMS_AGE":
                total += count(truth[code][year], age=row.key[0])
            else:
                total += count(truth[code][year], *row.key)
    return total


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(truths(), st.data())
def test_the_truth_is_within_every_interval(truth: Truth, data: st.DataObject) -> None:
    federation = FEDERATION
    for state in federation.states.values():
        state.entries, state.data, state.payload_ids = [], {}, {}
    for code, years in truth.items():
        release(federation, code, years, data.draw)
    with tempfile.TemporaryDirectory() as folder:
        archive = make_archive(Path(folder), federation)
        if not archive.index_path.exists():
            return
        for table, sums in QUESTIONS:
            answer = ask(archive, federation.catalogue, federation.roster, Question(table, sum_over=sums))
            for row in answer.rows:
                if row.low is None:
                    assert row.kind in {"missing", "not_released"}
                    continue
                true = true_of(truth, table, row)
                assert row.low <= true, (table, sums, row, true)
                assert row.high is None or true <= row.high, (table, sums, row, true)


QUESTIONS = [
    (table, sums)
    for table, dimensions in (
        ("VICTIMS", ()),
        ("VICTIMS_SEX", ("SEX",)),
        ("VICTIMS_AGE", ("AGE",)),
        ("VICTIMS_SEX_AGE", ("SEX", "AGE")),
    )
    for size in range(len(dimensions) + 3)
    for sums in itertools.combinations((*dimensions, "STATE", "PERIOD"), size)
]
