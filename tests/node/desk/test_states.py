"""The state machine: one table, and nothing that was logged can become unlogged."""

import itertools

import pytest

from tallystick.config.errors import StoreError
from tallystick.node.desk.states import (
    IN_LOG,
    LEFT_OR_MAY_LEAVE,
    TRANSITIONS,
    PublicationState,
    check_transition,
    state_label,
)

S = PublicationState


def reachable(start: PublicationState) -> set[PublicationState]:
    found, left = {start}, [start]
    while left:
        new = TRANSITIONS[left.pop()] - found
        found |= new
        left += new
    return found


def test_every_state_is_in_the_table_and_can_be_reached_from_a_draft() -> None:
    assert set(TRANSITIONS) == set(S)
    assert reachable(S.DRAFTED) == set(S)


def test_what_was_logged_stays_logged() -> None:
    for state in IN_LOG:
        assert reachable(state) <= IN_LOG


def test_nothing_is_refused_once_it_is_logged() -> None:
    assert not any(S.REFUSED in reachable(state) for state in IN_LOG)


def test_the_audit_reckons_with_all_but_the_refused() -> None:
    assert set(S) - {S.REFUSED} == LEFT_OR_MAY_LEAVE


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S, S)))
def test_a_step_is_taken_if_and_only_if_the_table_holds_it(old: PublicationState, new: PublicationState) -> None:
    if new in TRANSITIONS[old]:
        check_transition("2018 VICTIMS", old, new)
        return
    with pytest.raises(StoreError) as caught:
        check_transition("2018 VICTIMS", old, new)
    assert "2018 VICTIMS" in caught.value.message
    assert state_label(old) in caught.value.message
    assert caught.value.hint
