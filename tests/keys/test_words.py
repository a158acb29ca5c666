"""The federation's words: one wrong word must be noticed, and an anchor must be what it says it is."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError, UsageError
from tallystick.keys.words import anchor_from_words, anchor_of, federation_words, parse_anchor

GENESIS = b'{"signatures":[],"signed":{"_type":"root","version":1}}'


@given(st.binary(min_size=32, max_size=32))
def test_words_lead_back_to_the_id(digest: bytes) -> None:
    assert anchor_from_words(federation_words(digest.hex())) == digest.hex()


def test_words_are_read_however_they_were_copied_from_paper() -> None:
    words = federation_words("ab" * 32).split()
    assert len(words) == 24
    numbered = "\n".join(f"{number}. {word.upper()}" for number, word in enumerate(words, 1))
    assert anchor_from_words(numbered) == "ab" * 32
    assert anchor_from_words(", ".join(words)) == "ab" * 32


def test_a_misspelt_word_is_named() -> None:
    words = federation_words("ab" * 32).split()
    words[6] = "kazakhstan"
    with pytest.raises(MalformedError, match=r"word 7 \(kazakhstan\)"):
        anchor_from_words(" ".join(words))


def test_one_wrong_word_is_found_out_by_the_checksum_nearly_always() -> None:
    pick = random.Random(1)
    from mnemonic import Mnemonic

    listed = Mnemonic("english").wordlist
    words = federation_words("5c" * 32).split()
    missed = 0
    for _ in range(400):
        place = pick.randrange(24)
        changed = [*words[:place], pick.choice([word for word in listed if word != words[place]]), *words[place + 1 :]]
        try:
            assert anchor_from_words(" ".join(changed)) != "5c" * 32
            missed += 1
        except MalformedError:
            pass
    assert missed < 10


def test_a_missing_word_is_counted() -> None:
    with pytest.raises(MalformedError, match="23 words where 24 belong"):
        anchor_from_words(" ".join(federation_words("ab" * 32).split()[:-1]))


def test_an_anchor_is_read_from_words_a_file_of_words_or_the_genesis_root(tmp_path: Path) -> None:
    wanted = anchor_of(GENESIS)
    (tmp_path / "1.root.json").write_bytes(GENESIS)
    (tmp_path / "words.txt").write_text(federation_words(wanted) + "\n")
    assert parse_anchor(str(tmp_path / "1.root.json")) == wanted
    assert parse_anchor(str(tmp_path / "words.txt")) == wanted
    assert parse_anchor(federation_words(wanted)) == wanted


@pytest.mark.parametrize(
    "content",
    [
        b'{"signatures":[],"signed":{"_type":"root","version":2}}',
        b'{"signatures":[],"signed":{"_type":"targets","version":1}}',
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_a_file_that_is_no_genesis_root_is_no_anchor(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "2.root.json").write_bytes(content)
    with pytest.raises(MalformedError):
        parse_anchor(str(tmp_path / "2.root.json"))


def test_a_file_that_is_not_there_is_said_to_be_neither() -> None:
    with pytest.raises(UsageError, match=r"no-such-file: no such file, and not 24 words"):
        parse_anchor("no-such-file")


def test_a_huge_file_is_no_anchor(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(MalformedError, match="larger than"):
        parse_anchor(str(tmp_path / "big"))
