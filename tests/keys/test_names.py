"""One person must not count as two officers because a name was written in another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import BadSignatureError, MalformedError
from tallystick.keys.card import make_card
from tallystick.keys.envelope import assemble, sign_payload, verify_threshold
from tallystick.keys.envelope import parse_envelope as parse
from tallystick.keys.names import person_of, plain_name
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import new_signer

TWINS = [
    ("Aigul Omarova", "Аigul Omarova"),  # the first letter is Cyrillic
    ("ПАВЕЛ", "ΠABEЛ".replace("Π", "П")),  # A, B, E are Latin
    ("Ali Rezai", "AIi Rezai"),  # capital I for l
    ("Olga", "0lga"),
    ("Aigul", "Aigul\ufe0f"),
    ("Aigul", "Ai\u034fgul"),
    ("Aigul", "Aigul\u3164"),
    ("علي", "علی"),  # Arabic and Persian yeh
    ("اکبر", "اكبر"),  # Persian and Arabic kaf
    ("Ünal Öz", "Unal Oz"),
    ("Фёдор", "Федор"),
    ("Ａigul", "Aigul"),
    ("Anna  Lee", "anna lee"),
]
PEOPLE = ["Айгүл", "Болат", "Чингиз", "Aigerim", "Bolat", "Әсел", "Omar", "Umar", "علی", "حسن", "فاطمه", "Dilnoza",
          "Dilfuza", "Сауле", "Айша", "Алия", "Анна", "Инна", "Олег", "Ольга"]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_two_names_that_nobody_tells_apart_are_one_officer(one: str, other: str) -> None:
    first, second = new_signer("ed25519"), new_signer("ed25519")
    officers = [RosterKey("officer", "ed25519", key.public, name) for key, name in ((first, one), (second, other))]
    envelope = parse(assemble(b"payload", [sign_payload(b"payload", first), sign_payload(b"payload", second)]))
    with pytest.raises(BadSignatureError, match="1 of 2"):
        verify_threshold(envelope, officers, 2)


def test_people_of_the_region_stay_different_people() -> None:
    assert len({person_of(name) for name in PEOPLE}) == len(PEOPLE)


@pytest.mark.parametrize(
    "name", ["A\ufe0f", "\u2800", "A\u3164", "A\u115fB", "A\U000e0101", "A\u200bB", "A\u202e", " A", "A\u0308", ""]
)
def test_a_name_of_which_nobody_sees_a_part_stands_on_no_card(name: str) -> None:
    """Composed and trimmed it would be taken; as it is, or with what no eye sees, never."""
    with pytest.raises(ValueError, match="must be") if name else pytest.raises(MalformedError):
        plain_name(name) if name else make_card("officer", "KAZ", name, [("officer", new_signer("ed25519"))])


def test_a_persian_name_stands_as_it_is_written() -> None:
    name = "علی\u200cرضا محمدی"
    assert plain_name(name) == name
    assert person_of(name) == person_of(name.replace("\u200c", ""))
    card = make_card("officer", "IRN", name, [("officer", new_signer("ed25519"))])
    assert name.encode() in card
    with pytest.raises(MalformedError):
        make_card("officer", "IRN", "Ali\u200cReza", [("officer", new_signer("ed25519"))])


@given(st.text(max_size=20))
def test_reducing_twice_changes_nothing_more_and_never_breaks(name: str) -> None:
    once = person_of(name)
    assert person_of(once) == once
