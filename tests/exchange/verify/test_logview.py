"""Following a log: forward only, never another history, and what proves that there was one."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import (
    BadProofError,
    KeyNotTrustedError,
    MalformedError,
    RollbackError,
    SplitViewError,
    VerificationError,
)
from tallystick.exchange.formats.checkpoint import Checkpoint, verify_checkpoint
from tallystick.exchange.formats.merkle import EMPTY_ROOT, leaf_hash, root_of
from tallystick.exchange.verify.logview import LogView, advance, check_history, empty_view
from tests.support.federation import Federation

FEDERATION = Federation.make(("KAZ", "KGZ"))
KAZ = FEDERATION.state("KAZ")
KEYS = KAZ.log_keys()
ENTRIES = [f"entry {number}".encode() for number in range(700)]
OTHER = [b"other", *ENTRIES[1:]]


def signed(size: int, entries: list[bytes] = ENTRIES) -> bytes:
    return KAZ.sign(Checkpoint(KAZ.origin, size, root_of(leaf_hash(entry) for entry in entries[:size])))


def seen(size: int) -> LogView:
    return advance(empty_view(KAZ.origin), signed(size), ENTRIES[:size], KEYS)


HEADS = {size: signed(size) for size in (0, 1, 100, 256, 300)}


@given(st.lists(st.integers(0, 290), min_size=1, max_size=5))
def test_a_view_is_the_same_by_whatever_steps_it_was_reached(sizes: list[int]) -> None:
    view = empty_view(KAZ.origin)
    for size in sorted(sizes):
        view = advance(view, signed(size), ENTRIES[view.size : size], KEYS)
        assert LogView.from_dict(json.loads(json.dumps(view.to_dict()))) == view
    last = max(sizes)
    assert (view.size, view.root) == (last, root_of(leaf_hash(entry) for entry in ENTRIES[:last]))
    assert view.tail == tuple(leaf_hash(entry) for entry in ENTRIES[last - last % 256 : last])


def test_nothing_new_leaves_the_very_view() -> None:
    view = seen(100)
    assert advance(view, view.checkpoint, (), KEYS) is view


def test_the_same_head_signed_anew_is_taken() -> None:
    view, again = seen(100), signed(100)
    assert again != view.checkpoint
    assert advance(view, again, (), KEYS) == replace(view, checkpoint=again)


def test_a_smaller_head_is_a_rollback_and_the_view_stays() -> None:
    view = seen(256)
    with pytest.raises(RollbackError, match="100 entries, but 256 were seen"):
        advance(view, HEADS[100], (), KEYS)
    assert advance(view, HEADS[300], ENTRIES[256:300], KEYS).size == 300


def test_an_empty_head_after_entries_is_a_rollback() -> None:
    with pytest.raises(RollbackError):
        advance(seen(1), HEADS[0], (), KEYS)


def test_another_root_of_the_same_size_is_a_split_view_and_both_heads_are_evidence() -> None:
    view, lie = seen(100), signed(100, OTHER)
    with pytest.raises(SplitViewError) as split:
        advance(view, lie, (), KEYS)
    assert split.value.evidence == (view.checkpoint, lie)
    heads = {verify_checkpoint(one, origin=KAZ.origin, keys=KEYS) for one in split.value.evidence}
    assert {head.size for head in heads} == {100}
    assert len(heads) == 2


def test_a_signed_root_that_the_entries_do_not_lead_to_is_refused() -> None:
    with pytest.raises(BadProofError, match="do not lead to the root"):
        advance(seen(100), signed(256, OTHER), ENTRIES[100:256], KEYS)


@given(st.integers(0, 155), st.binary(min_size=1, max_size=30))
def test_one_changed_entry_is_refused(at: int, extra: bytes) -> None:
    entries = ENTRIES[100:256]
    entries[at] += extra
    with pytest.raises(BadProofError):
        advance(seen(100), HEADS[256], entries, KEYS)


@pytest.mark.parametrize("entries", [ENTRIES[100:255], ENTRIES[100:257], ENTRIES[99:256], []])
def test_too_few_or_too_many_entries_are_refused(entries: list[bytes]) -> None:
    with pytest.raises(BadProofError, match="156 belong"):
        advance(seen(100), HEADS[256], entries, KEYS)


def test_entries_in_another_order_are_refused() -> None:
    with pytest.raises(BadProofError):
        advance(seen(100), HEADS[256], [ENTRIES[101], ENTRIES[100], *ENTRIES[102:256]], KEYS)


def test_entries_that_come_with_nothing_new_are_refused() -> None:
    with pytest.raises(MalformedError, match="adds none"):
        advance(seen(100), HEADS[100], [b"stray"], KEYS)


def test_an_entry_beyond_its_limit_is_refused() -> None:
    entry = bytes(65_536)
    with pytest.raises(MalformedError, match="65535 bytes"):
        advance(empty_view(KAZ.origin), signed(1, [entry]), [entry], KEYS)


def test_another_states_head_moves_nothing() -> None:
    kgz = FEDERATION.state("KGZ")
    with pytest.raises(KeyNotTrustedError):
        advance(empty_view(kgz.origin), HEADS[1], ENTRIES[:1], KEYS)
    with pytest.raises(KeyNotTrustedError):
        advance(empty_view(KAZ.origin), HEADS[1], ENTRIES[:1], kgz.log_keys())


def test_the_first_head_of_an_empty_log_is_taken_and_its_root_checked() -> None:
    assert advance(empty_view(KAZ.origin), HEADS[0], (), KEYS).root == EMPTY_ROOT
    with pytest.raises(BadProofError):
        advance(empty_view(KAZ.origin), KAZ.sign(Checkpoint(KAZ.origin, 0, bytes(32))), (), KEYS)


def test_a_rewritten_history_is_told_from_a_changed_delivery() -> None:
    view, lie = seen(100), signed(256, OTHER)
    leaves = [leaf_hash(entry) for entry in OTHER[:256]]
    with pytest.raises(SplitViewError) as split:
        check_history(view, lie, leaves, KEYS)
    assert split.value.evidence == (view.checkpoint, lie)
    with pytest.raises(BadProofError):
        check_history(view, lie, [leaf_hash(entry) for entry in ENTRIES[:256]], KEYS)
    check_history(view, HEADS[256], [leaf_hash(entry) for entry in ENTRIES[:256]], KEYS)


@given(st.data())
def test_a_stored_view_that_was_changed_is_refused_or_the_same(data: st.DataObject) -> None:
    view = seen(300)
    text = json.dumps(view.to_dict())
    at, letter = data.draw(st.integers(0, len(text) - 1)), data.draw(st.characters(codec="ascii"))
    bent = text[:at] + letter + text[at + 1 :]
    try:
        stored = json.loads(bent)
        found = LogView.from_dict(stored)
    except (VerificationError, json.JSONDecodeError):
        return
    # The stored checkpoint's signatures are checked when a head is used, not when the view is read.
    assert replace(found, checkpoint=b"") == replace(view, checkpoint=b"")


@pytest.mark.parametrize("size", [0, 100])
def test_a_stored_view_whose_parts_do_not_fit_is_refused(size: int) -> None:
    good, other = seen(300).to_dict(), seen(size).to_dict()
    for name in ("size", "nodes", "tail", "checkpoint"):
        with pytest.raises(MalformedError):
            LogView.from_dict(good | {name: other[name]})
    with pytest.raises(MalformedError):
        LogView.from_dict({name: value for name, value in good.items() if name != "tail"})
