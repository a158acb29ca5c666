"""The closed plan: everything a state may ever release for one block and its years, under one digest.

Anybody can recompute the digest from the catalogue: it holds no figure and no choice that is made later. What a
state then leaves out of the plan (``--without``) is out of it for good and needs no other digest.
"""

import hashlib

import rfc8785

from tallystick.config.catalogue import Catalogue, planned_tables
from tallystick.config.periods import Period, block_of

__all__ = ["plan_document", "plan_hash", "plan_periods"]


def plan_periods(period: Period) -> tuple[Period, ...]:
    """Return the years of ``period``'s block, then the block: the slices that are protected against each other."""
    block = block_of(period.first)
    return (*(Period(year, year) for year in block.years), block)


def plan_document(catalogue: Catalogue, state: str, period: Period, *, method: str, profile: str) -> bytes:
    """Write the plan that ``period`` belongs to as RFC 8785 JSON.

    Args:
        catalogue: The federation's catalogue.
        state: Alpha-3, upper case.
        period: A block or one of its years.
        method: Id of the disclosure method, such as ``keyed``.
        profile: Its profile, such as ``peer``.
    """
    slices = [
        {"period": part.text, "table": table.id, "version": table.version}
        for part in plan_periods(period)
        for table in planned_tables(catalogue, state, part)
    ]
    return rfc8785.dumps(
        {
            "block": block_of(period.first).text,
            "catalogue": catalogue.sha256,
            "format": "tallystick-plan-1",
            "method": method,
            "profile": profile,
            "slices": slices,
            "state": state,
        }
    )


def plan_hash(catalogue: Catalogue, state: str, period: Period, *, method: str, profile: str) -> str:
    """Return the hex SHA-256 of ``plan_document``."""
    return hashlib.sha256(plan_document(catalogue, state, period, method=method, profile=profile)).hexdigest()
