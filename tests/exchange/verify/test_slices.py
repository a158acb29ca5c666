"""A slice is released once; a correction stands in line."""

import pytest

from tallystick.config.errors import SplitViewError
from tallystick.exchange.verify.release import VerifiedRelease
from tallystick.exchange.verify.slices import SliceRules
from tests.support.federation import Federation

FEDERATION = Federation.make(("KAZ",))


def released(figure: int, period: str = "2018", **changes: object) -> VerifiedRelease:
    FEDERATION.release("KAZ", "VICTIMS", period, {(): figure}, **changes)
    found = FEDERATION.verified("KAZ")[-1]
    assert isinstance(found, VerifiedRelease)
    return found


def test_each_slice_takes_its_first_release() -> None:
    rules = SliceRules("KAZ")
    assert rules.admit(released(86)) == "first"
    assert rules.admit(released(88, "2019")) == "first"


def test_the_very_statement_may_stand_in_the_log_twice() -> None:
    first = released(86)
    assert SliceRules.of("KAZ", [first]).admit(first) == "again"


def test_a_revision_that_names_what_it_supersedes_takes_its_place() -> None:
    first = released(86)
    second = released(87, revision=2, supersedes=first.payload_id)
    third = released(88, revision=3, supersedes=second.payload_id)
    rules = SliceRules("KAZ")
    assert [rules.admit(one) for one in (first, second, third)] == ["first", "revision", "revision"]


def test_a_second_release_of_a_slice_is_refused_and_both_are_evidence() -> None:
    first, second = released(86), released(85)
    with pytest.raises(SplitViewError, match="VICTIMS 2018 stands at revision 1") as refused:
        SliceRules.of("KAZ", [first]).admit(second)
    assert refused.value.evidence == (first.envelope, second.envelope)


def test_a_revision_out_of_line_is_refused() -> None:
    first = released(86)
    second = released(87, revision=2, supersedes=first.payload_id)
    lies = [
        released(89, revision=2, supersedes="0" * 64),
        released(89, revision=3, supersedes=first.payload_id),
    ]
    for lie in lies:
        with pytest.raises(SplitViewError):
            SliceRules.of("KAZ", [first]).admit(lie)
    with pytest.raises(SplitViewError):
        SliceRules.of("KAZ", [first, second]).admit(first)
    with pytest.raises(SplitViewError, match="revision 0"):
        SliceRules("KAZ").admit(second)


def test_a_refused_release_leaves_the_rules_as_they_were() -> None:
    first, lie = released(86), released(85)
    rules = SliceRules.of("KAZ", [first])
    before = dict(rules.standing)
    with pytest.raises(SplitViewError):
        rules.admit(lie)
    assert rules.standing == before
