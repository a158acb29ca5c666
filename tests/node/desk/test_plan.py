"""The plan's digest: fixed by the catalogue alone, the same for every slice of a block."""

import hashlib
import json

from tallystick.config.catalogue import load_shipped
from tallystick.config.periods import parse_period
from tallystick.node.desk.plan import plan_document, plan_hash, plan_periods

KEYED = {"method": "keyed", "profile": "peer"}


def test_years_and_block_share_one_plan() -> None:
    digests = {plan_hash(load_shipped(), "KAZ", parse_period(text), **KEYED) for text in ("2018", "2020", "2018-2020")}
    assert len(digests) == 1


def test_other_block_state_method_or_catalogue_is_another_plan() -> None:
    shipped, period = load_shipped(), parse_period("2018")
    other = shipped.model_copy(update={"version": 9})
    digests = {
        plan_hash(shipped, "KAZ", period, **KEYED),
        plan_hash(shipped, "TUR", period, **KEYED),
        plan_hash(shipped, "KAZ", parse_period("2021"), **KEYED),
        plan_hash(shipped, "KAZ", period, method="exact", profile="peer"),
        plan_hash(shipped, "KAZ", period, method="keyed", profile="public"),
        plan_hash(other, "KAZ", period, **KEYED),
    }
    assert len(digests) == 6


def test_the_document_lists_every_slice_and_can_be_recomputed_by_anybody() -> None:
    written = plan_document(load_shipped(), "TUR", parse_period("2019"), **KEYED)
    document = json.loads(written)
    slices = {(one["period"], one["table"]) for one in document["slices"]}
    assert ("2018", "VICTIMS_SEX_AGE") in slices
    assert ("2018-2020", "VICTIMS_SEX_AGE") not in slices
    assert ("2018-2020", "VICTIMS_CORRIDOR") in slices
    assert hashlib.sha256(written).hexdigest() == plan_hash(load_shipped(), "TUR", parse_period("2019"), **KEYED)


def test_periods_of_a_plan() -> None:
    assert [period.text for period in plan_periods(parse_period("2019"))] == ["2018", "2019", "2020", "2018-2020"]
