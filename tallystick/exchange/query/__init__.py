"""One question across everybody's verified tables, answered with what is known and what is not.

    answer = ask(archive, catalogue, roster, Question("VICTIMS_SEX", where={"SEX": "F"}, sum_over=("state",)))
    for row in answer.rows: print(row.period, row.value, row.low, row.high)

Rules (DESIGN, 4.7): a missing state shows as missing, a slice that was not released as not released, neither is zero
and neither is an error; a withheld cell has an interval and no value; a perturbed one is v with its reach, and such
figures do not add; a sum is bounds and the standard deviation of its noise; a published margin is preferred to a sum
of cells; years and blocks are never summed together; regional figures are reports, not persons.
"""

from tallystick.exchange.query.answer import Answer, Provenance, Row
from tallystick.exchange.query.engine import ask
from tallystick.exchange.query.question import Question

__all__ = ["Answer", "Provenance", "Question", "Row", "ask"]
