"""Keys that a library would take and a roster must not, and RFC 8032's own vectors."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.config.errors import BadSignatureError, MalformedError
from tallystick.keys import checks
from tallystick.keys.checks import check_public, keyid, verify_signature
from tallystick.keys.signer import new_signer

P = 2**255 - 19
ORDER_8 = [
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
SMALL_CANONICAL = [
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "00" * 31 + "80",
    *ORDER_8,
    *[text[:-2] + f"{int(text[-2:], 16) | 0x80:02x}" for text in ORDER_8],
]
# The six other spellings of points of small order ("Taming the many EdDSAs", table 1): 14 encodings in all.
SMALL_OTHER = [
    "01" + "00" * 30 + "80",
    "ec" + "ff" * 31,
    "ed" + "ff" * 30 + "7f",
    "ed" + "ff" * 31,
    "ee" + "ff" * 30 + "7f",
    "ee" + "ff" * 31,
]
# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize("vector", RFC8032, ids=["empty", "one byte", "two bytes"])
def test_rfc8032_vectors_hold_and_one_changed_bit_does_not(vector: tuple[str, str, str, str]) -> None:
    secret, public, message, signature = map(bytes.fromhex, vector)
    check_public("ed25519", public, entering=True)
    assert ed25519.Ed25519PrivateKey.from_private_bytes(secret).sign(message) == signature
    verify_signature("ed25519", public, signature, message)
    for changed in (bytes([signature[0] ^ 1]) + signature[1:], signature[:-1], signature + b"\0", b""):
        with pytest.raises(BadSignatureError):
            verify_signature("ed25519", public, changed, message)


@pytest.mark.parametrize("text", SMALL_CANONICAL + SMALL_OTHER)
def test_every_encoding_of_a_point_of_small_order_is_refused_though_the_library_takes_it(text: str) -> None:
    ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    with pytest.raises(MalformedError):
        check_public("ed25519", bytes.fromhex(text))


def test_the_eight_points_of_small_order_are_refused_as_such() -> None:
    for text in SMALL_CANONICAL:
        with pytest.raises(MalformedError, match="small order"):
            check_public("ed25519", bytes.fromhex(text))


def test_a_signature_that_fits_every_message_under_a_small_key_is_refused() -> None:
    """Under the identity as key, R = identity and S = 0 verify for any message."""
    identity, forged = bytes.fromhex(SMALL_CANONICAL[0]), bytes.fromhex(SMALL_CANONICAL[0]) + bytes(32)
    ed25519.Ed25519PublicKey.from_public_bytes(identity).verify(forged, b"anything at all")
    with pytest.raises(MalformedError):
        verify_signature("ed25519", identity, forged, b"anything at all")


@pytest.mark.parametrize("excess", range(19))
@pytest.mark.parametrize("sign", [0, 1])
def test_every_y_of_the_field_size_or_more_is_refused(excess: int, sign: int) -> None:
    encoded = (P + excess | sign << 255).to_bytes(32, "little")
    with pytest.raises(MalformedError, match="canonical"):
        check_public("ed25519", encoded)


@given(st.integers(min_value=0, max_value=P - 1), st.integers(0, 1))
def test_decompression_agrees_with_the_curve_equation(y: int, sign: int) -> None:
    assume(
        y
        not in {
            0,
            int.from_bytes(bytes.fromhex(ORDER_8[0]), "little"),
            int.from_bytes(bytes.fromhex(ORDER_8[1]), "little"),
        }
    )
    encoded = (y | sign << 255).to_bytes(32, "little")
    square = (y * y - 1) * pow(checks._D * y * y + 1, -1, P) % P
    on_curve = square == 0 or pow(square, (P - 1) // 2, P) == 1
    if on_curve and square != 0:
        check_public("ed25519", encoded)
    else:
        with pytest.raises(MalformedError):
            check_public("ed25519", encoded)


def test_a_key_with_a_torsion_part_is_refused_when_it_enters() -> None:
    honest = new_signer("ed25519").public
    encoded = int.from_bytes(honest, "little")
    y = encoded & (2**255 - 1)
    x = checks._recover_x(y, encoded >> 255)
    quarter = (checks._recover_x(0, 0), 0, 1, 0)
    mixed = checks._add((x, y, 1, x * y % P), quarter)
    inverse = pow(mixed[2], -1, P)
    raw = (mixed[1] * inverse % P | (mixed[0] * inverse % P & 1) << 255).to_bytes(32, "little")
    check_public("ed25519", raw)
    with pytest.raises(MalformedError, match="prime-order"):
        check_public("ed25519", raw, entering=True)
    check_public("ed25519", honest, entering=True)


def test_p256_points_off_the_curve_at_infinity_or_compressed_are_refused() -> None:
    good = new_signer("ecdsa-p256").public
    check_public("ecdsa-p256", good)
    off = good[:-1] + bytes([good[-1] ^ 1])
    for bad in (off, b"\x04" + bytes(64), b"\x02" + good[1:], b"\x06" + good[1:], b"\x04" + b"\xff" * 64):
        with pytest.raises(MalformedError):
            check_public("ecdsa-p256", bad)


@pytest.mark.parametrize("algorithm", checks.ALGORITHMS)
def test_a_key_of_another_size_or_algorithm_is_refused(algorithm: str) -> None:
    public = new_signer(algorithm).public
    check_public(algorithm, public, entering=True)
    for wrong in (b"", public[:-1], public + b"\0"):
        with pytest.raises(MalformedError, match="bytes"):
            check_public(algorithm, wrong)
    with pytest.raises(MalformedError, match="not a signature algorithm"):
        check_public("rsa", public)


def test_a_key_id_depends_on_the_algorithm_and_every_byte() -> None:
    assert keyid("ed25519", b"k") != keyid("mldsa44", b"k")
    assert keyid("ed25519", b"k") != keyid("ed25519", b"l")
    assert keyid("ed25519", b"") == "eb24307609bc6d5327c16ea719608456c7b469ab4d702ad6c1b765085eb555e2"


@pytest.mark.parametrize("algorithm", checks.ALGORITHMS)
def test_a_signature_holds_for_its_own_bytes_and_key_only(algorithm: str) -> None:
    signer, other = new_signer(algorithm), new_signer(algorithm)
    signature = signer.sign(b"counts")
    verify_signature(algorithm, signer.public, signature, b"counts")
    with pytest.raises(BadSignatureError):
        verify_signature(algorithm, signer.public, signature, b"count")
    with pytest.raises(BadSignatureError):
        verify_signature(algorithm, other.public, signature, b"counts")
