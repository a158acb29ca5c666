"""Recovery shares: any two give the secret back, one or a mixture never does."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.config.errors import SignerError
from tallystick.keys.shares import fingerprint, join, same_words, split


@settings(max_examples=10, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_any_two_of_three_give_the_secret_back_however_they_are_typed(secret: bytes) -> None:
    shares = split(secret)
    for one, two in itertools.permutations(shares, 2):
        assert join([" ".join(word[:4] for word in one.split()), two]) == secret
        assert join([one.upper(), "  " + two.replace(" ", "\n")]) == secret


def test_one_share_or_the_same_twice_or_three_are_refused() -> None:
    first, second, third = split(os.urandom(32))
    for shares in ([first], [first, first], [first, first.upper()], [first, second, third], []):
        with pytest.raises(SignerError):
            join(shares)


def test_shares_of_two_secrets_do_not_mix() -> None:
    one, two = split(os.urandom(32)), split(os.urandom(32))
    with pytest.raises(SignerError, match="do not fit"):
        join([one[0], two[1]])


def test_a_mistyped_word_is_noticed_and_not_repeated() -> None:
    first, second, _third = split(os.urandom(32))
    words = first.split()
    words[7] = "academic" if words[7] != "academic" else "acid"
    for wrong in (" ".join(words), " ".join(words[:-1]), "not a word of any list", ""):
        with pytest.raises(SignerError) as caught:
            join([wrong, second])
        assert second.split()[5] not in str(caught.value)
        assert caught.value.__cause__ is None


def test_only_whole_secrets_are_split() -> None:
    with pytest.raises(SignerError):
        split(bytes(16))


def test_words_are_compared_as_a_person_writes_them() -> None:
    assert same_words("Academic  ACID\n", "academic acid")
    assert same_words("acad acid", "academic acid")
    assert not same_words("academic", "acid")
    assert not same_words("academix", "academic")
    assert not same_words("aca", "academic")


def test_a_fingerprint_tells_secrets_and_purposes_apart() -> None:
    secret = os.urandom(32)
    assert fingerprint("noise secret", secret) == fingerprint("noise secret", secret)
    assert fingerprint("noise secret", secret) != fingerprint("register key", secret)
    assert len(fingerprint("noise secret", secret)) == 19
