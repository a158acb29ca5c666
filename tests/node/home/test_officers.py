"""Enrolling: only an officer's own, true card, once, of this state."""

import json
from pathlib import Path

import pytest

from tallystick.config.errors import BadSignatureError, MalformedError, StoreError, UsageError
from tallystick.keys.card import make_card
from tallystick.keys.signer import Signer, new_signer
from tallystick.node.home.officers import Enrolment, enrol_officer, list_officers


def card(
    name: str = "Anna", *, role: str = "officer", state: str = "KAZ", demo: bool = False, key: Signer | None = None
) -> bytes:
    return make_card(role, state, name, [(role, key or new_signer("ed25519"))], demo=demo)  # type: ignore[arg-type,list-item]


def enrol(desk: Path, data: bytes, *, demo: bool = False) -> Enrolment:
    return enrol_officer(desk, data, state="KAZ", demo=demo)


def test_officers_are_listed_by_name_whatever_was_enrolled_first(tmp_path: Path) -> None:
    for name in ("Chinara", "anna", "Bolat"):
        enrol(tmp_path, card(name))
    assert [found.name for found in list_officers(tmp_path)] == ["anna", "Bolat", "Chinara"]


@pytest.mark.parametrize("role", ["state", "ceremony"])
def test_a_card_for_another_role_enrols_nobody(tmp_path: Path, role: str) -> None:
    with pytest.raises(UsageError, match="not for an officer"):
        enrol(tmp_path, card(role=role))
    assert list_officers(tmp_path) == ()


def test_another_states_officer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="of KGZ"):
        enrol(tmp_path, card(state="KGZ"))


def test_a_demo_card_enters_no_real_desk_but_a_demo_desk_takes_both(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="DEMO"):
        enrol(tmp_path, card(demo=True))
    enrol(tmp_path, card(demo=True), demo=True)
    enrol(tmp_path, card("Bolat"), demo=True)


def test_the_same_key_is_enrolled_once_and_a_namesake_is_named(tmp_path: Path) -> None:
    key = new_signer("ed25519")
    assert enrol(tmp_path, card(key=key)).namesakes == ()
    with pytest.raises(StoreError, match="already"):
        enrol(tmp_path, card(key=key))
    second = enrol(tmp_path, card("ANNA"))
    assert [other.keyid for other in second.namesakes] == [key.keyid]


def test_a_changed_card_or_none_at_all_is_refused(tmp_path: Path) -> None:
    document = json.loads(card())
    with pytest.raises(BadSignatureError):
        enrol(tmp_path, json.dumps({**document, "name": "Mallory"}).encode())
    with pytest.raises(MalformedError):
        enrol(tmp_path, b"hello")


def test_a_card_changed_or_moved_at_the_desk_is_noticed(tmp_path: Path) -> None:
    done = enrol(tmp_path, card())
    other = done.path.with_name("0" * 64 + ".card.json")
    done.path.rename(other)
    with pytest.raises(StoreError, match="another card"):
        list_officers(tmp_path)
    other.write_bytes(other.read_bytes().replace(b"Anna", b"Anya"))
    with pytest.raises(BadSignatureError):
        list_officers(tmp_path)
