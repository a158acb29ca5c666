"""Offline keys: a key id that is not the hash of its key would let one key count twice."""

import pytest
from securesystemslib.signer import SSlibKey

from tallystick.config.errors import MalformedError
from tallystick.keys.signer import new_signer
from tallystick.keys.tuf_keys import OfflineKey, read_keys


def offline(algorithm: str = "ed25519") -> OfflineKey:
    signer = new_signer(algorithm)
    return OfflineKey(signer.algorithm, signer.public)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_a_key_comes_back_as_it_went(algorithm: str) -> None:
    key = offline(algorithm)
    assert read_keys("f", {key.tuf_keyid: key.to_tuf()}) == {key.tuf_keyid: key}


def test_one_key_under_a_second_id_is_refused() -> None:
    key = offline().to_tuf()
    alias = SSlibKey("b" * 64, key.keytype, key.scheme, key.keyval)
    with pytest.raises(MalformedError, match="not the hash"):
        read_keys("f", {key.keyid: key, "b" * 64: alias})


@pytest.mark.parametrize("public", ["AB" * 32, " " + "ab" * 31, "ab" * 31, "", "zz" * 32])
def test_an_ed25519_key_has_one_spelling(public: str) -> None:
    key = SSlibKey.from_dict("b" * 64, {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}})
    with pytest.raises(MalformedError):
        read_keys("f", {"b" * 64: key})


def test_a_p256_key_with_other_line_ends_would_have_another_id_and_is_refused() -> None:
    key = offline("ecdsa-p256").to_tuf()
    for text in (key.keyval["public"].replace("\n", "\r\n"), key.keyval["public"] + "\n", key.keyval["public"].strip()):
        other = SSlibKey(key.keyid, key.keytype, key.scheme, {"public": text})
        with pytest.raises(MalformedError):
            read_keys("f", {other.keyid: other})


@pytest.mark.parametrize("public", ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ff" * 32])
def test_keys_of_small_order_or_not_canonical_are_refused(public: str) -> None:
    from securesystemslib.signer._utils import compute_default_keyid

    keyid = compute_default_keyid("ed25519", "ed25519", {"public": public})
    key = SSlibKey(keyid, "ed25519", "ed25519", {"public": public})
    with pytest.raises(MalformedError):
        read_keys("f", {keyid: key})


@pytest.mark.parametrize(
    ("keytype", "scheme"),
    [("rsa", "rsassa-pss-sha256"), ("ed25519", "rsassa-pss-sha256"), ("ecdsa", "ecdsa-sha2-nistp384"), ("ml-dsa", "x")],
)
def test_another_kind_of_key_is_refused(keytype: str, scheme: str) -> None:
    key = SSlibKey("b" * 64, keytype, scheme, {"public": "ab" * 32})
    with pytest.raises(MalformedError, match="a kind that rosters do not use"):
        read_keys("f", {"b" * 64: key})


def test_a_key_with_more_in_it_is_refused() -> None:
    key = offline().to_tuf()
    more = SSlibKey(key.keyid, key.keytype, key.scheme, {**key.keyval, "private": "x"})
    with pytest.raises(MalformedError, match="one spelling"):
        read_keys("f", {key.keyid: more})
