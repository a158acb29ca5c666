"""Synthetic perpetrators beside the synthetic victims: invented, a few for every year, each with his stages.

They are drawn apart from the victims, so that the same seed gives the same victims with or without them.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime

from tallystick.node.cases.record import STAGES, CaseRecord
from tallystick.node.cases.store import CaseStore, ImportRun, IngestReport
from tallystick.node.intake.totals import YearTotal

__all__ = ["generate_perpetrators", "generate_perpetrators_into"]

_AGENCY = "Prosecutor's Office (synthetic)"
_PER_VICTIM = 0.6
_GOES_ON = 0.55
"""Share of those at one stage who reach the next, most within a year."""
_SAME_YEAR = 0.6
_WOMEN = 0.35


def generate_perpetrators(state: str, year: int, victims: int, seed: int, last_year: int) -> Iterator[CaseRecord]:
    """Yield invented persons first investigated in ``year``; stages after ``last_year`` have not happened yet.

    Args:
        state: Alpha-3 code.
        year: Calendar year of the first stage.
        victims: Victims of that year, to whom the number is in proportion.
        seed: Same seed, same persons.
        last_year: Latest year that is known.
    """
    rng = random.Random(f"tallystick synthetic perpetrators 1|{seed}|{state}|{year}")  # noqa: S311 - invented people
    for number in range(1, round(victims * _PER_VICTIM * rng.uniform(0.7, 1.3)) + 1):
        stages, reached = {STAGES[0]: year}, year
        for stage in STAGES[1:]:
            if rng.random() >= _GOES_ON:
                break
            reached += rng.random() >= _SAME_YEAR
            stages[stage] = reached
        yield CaseRecord(
            _AGENCY,
            f"P{seed}-{state}-{year}-{number:05}",
            year,
            sex="F" if rng.random() < _WOMEN else "M",
            age="Y_GE18",
            citizenship=state,
            role="perpetrator",
            stages={stage: when for stage, when in stages.items() if when <= last_year},
        )


def generate_perpetrators_into(
    store: CaseStore, state: str, totals: Sequence[YearTotal], seed: int, at: datetime
) -> IngestReport:
    """Put synthetic perpetrators into a DEMO register beside the victims of the same ``totals`` and ``seed``."""
    last = max((total.year for total in totals), default=0)
    records = (one for total in totals for one in generate_perpetrators(state, total.year, total.persons, seed, last))
    return store.ingest(ImportRun(f"generate {state} --seed {seed}", "synthetic", at), records)
