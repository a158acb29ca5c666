"""Look-alike letters: mended where one alphabet can spell the word, left alone where two can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.intake.characters import (
    folded,
    has_direction_marks,
    is_mixed,
    mended,
    visible,
    without_direction_marks,
)


@pytest.mark.parametrize(
    ("text", "became"),
    [
        ("Kазахстан", "Казахстан"),
        ("жeн.", "жен."),
        ("Fеmininе", "Feminine"),
        ("Feminine", "Feminine"),
        ("женский", "женский"),
        ("дело KZ", "дело KZ"),
        ("Aс", "Aс"),
        ("Әйeл", "Әйел"),
        ("Zю", "Zю"),
    ],
)
def test_a_word_is_written_in_the_one_alphabet_that_spells_it(text: str, became: str) -> None:
    assert mended(text) == became


@given(st.text(max_size=30))
def test_mending_twice_changes_nothing_more_and_marks_are_gone_or_visible(text: str) -> None:
    assert mended(mended(text)) == mended(text)
    assert not has_direction_marks(without_direction_marks(text))
    assert not has_direction_marks(visible(text))
    assert folded(folded(text)) == folded(text) or not text.isascii()


def test_joiners_that_persian_needs_are_no_marks() -> None:
    assert not has_direction_marks("می\u200cخواهم")
    assert has_direction_marks("\u202eabc")
    assert is_mixed("АB")
    assert not is_mixed("А-B 12")
