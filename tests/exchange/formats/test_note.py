"""Signed notes and verifier keys: the specification's own example, and everything that is nearly one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import BadSignatureError, MalformedError
from tallystick.exchange.formats.note import (
    NOTE_LIMIT,
    Note,
    NoteSignature,
    key_id,
    parse_note,
    parse_vkey,
    vkey,
    write_note,
)
from tallystick.keys.checks import verify_signature

# The example of c2sp.org/signed-note, "Verifier keys".
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
LINE = "— example.com/foo AAAAAAE="


def test_the_specifications_example_verifies() -> None:
    key, note = parse_vkey(VKEY), parse_note(NOTE)
    (line,) = note.signatures
    assert (line.name, line.key_id) == (key.name, key.key_id) == ("example.com/foo", bytes.fromhex("530d903a"))
    verify_signature("ed25519", key.public, line.signature, note.text.encode())
    with pytest.raises(BadSignatureError):
        verify_signature("ed25519", key.public, line.signature, b"This is another message.\n")


def test_a_verifier_key_is_written_as_it_was_read() -> None:
    key = parse_vkey(VKEY)
    assert vkey(key.name, "ed25519", key.public) == VKEY


def test_a_written_note_reads_back_with_empty_lines_in_its_text() -> None:
    signature = NoteSignature("example.com/foo", b"\0\1\2\3", b"signed")
    for text in ("one\n", "one\n\ntwo\n", "\n", "one\n\n\n"):
        assert parse_note(write_note(text, [signature])) == Note(text, (signature,))


LIES = {
    "no signature": (b"text\n", "empty line"),
    "signature without its newline": (NOTE[:-1], "does not end"),
    "no empty line": (f"text\n{LINE}\n".encode(), "empty line"),
    "a hyphen for the dash": (f"text\n\n{LINE.replace('—', '-')}\n".encode(), "em dash"),
    "an empty signature line": (f"text\n\n{LINE}\n\n".encode(), "empty line"),
    "a carriage return": (f"text\r\n\n{LINE}\n".encode(), "control character"),
    "a tab": (f"te\txt\n\n{LINE}\n".encode(), "control character"),
    "a byte that is not UTF-8": (b"\xff" + NOTE, "byte 0"),
    "a plus in the name": (b"text\n\n" + "— a+b AAAAAAE=\n".encode(), "key name"),
    "a Unicode blank in the name": (b"text\n\n" + "— a\u00a0b AAAAAAE=\n".encode(), "key name"),
    "no name": (b"text\n\n" + "—  AAAAAAE=\n".encode(), "key name"),
    "no signature after the name": (b"text\n\n" + "— a \n".encode(), "too short"),
    "a signature of the id alone": (b"text\n\n" + "— a AAAAAA==\n".encode(), "too short"),
    "URL-safe base64": (b"text\n\n" + "— a AAAAAP-_\n".encode(), "base64"),
    "base64 without padding": (b"text\n\n" + "— a AAAAAAE\n".encode(), "base64"),
    "base64 with stray bits": (b"text\n\n" + "— a AAAAAAF=\n".encode(), "canonical"),
    "base64 with a blank": (b"text\n\n" + "— a AAAA AAE=\n".encode(), "base64"),
    "seventeen signatures": (("text\n\n" + f"{LINE}\n" * 17).encode(), "16 signatures"),
    "more than 64 KiB": (b"x" * NOTE_LIMIT + NOTE, "65536 bytes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_note_is_refused_by_its_fault(lie: str) -> None:
    data, words = LIES[lie]
    with pytest.raises(MalformedError) as refused:
        parse_note(data)
    assert words in refused.value.message


def test_sixteen_signatures_are_accepted() -> None:
    assert len(parse_note(("text\n\n" + f"{LINE}\n" * 16).encode()).signatures) == 16


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_leaves_a_signature_that_verifies_over_another_text(at: int, flip: int) -> None:
    bent = bytearray(NOTE)
    bent[at] ^= flip
    key = parse_vkey(VKEY)
    try:
        note = parse_note(bytes(bent))
        (line,) = note.signatures
        verify_signature("ed25519", key.public, line.signature, note.text.encode())
    except (MalformedError, BadSignatureError):
        return
    assert (line.name, line.key_id) != (key.name, key.key_id), "accepted a changed note under the known key"


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (VKEY.replace("530d903a", "530d903b"), "its id is 530d903a"),
        (VKEY.replace("530d903a", "530D903A"), "its id is"),
        ("example.com/foo", "verifier key"),
        (VKEY + "=", "base64"),
        (f"a+00000000+{encoded(bytes([4]) + bytes(32))}", "neither Ed25519"),
        (f"a+00000000+{encoded(bytes([1]) + bytes(33))}", "neither Ed25519"),
        (f"a b+00000000+{encoded(bytes([1]) + bytes(32))}", "key name"),
    ],
)
def test_a_verifier_key_that_contradicts_itself_is_refused(text: str, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_vkey(text)


def test_the_same_key_has_another_id_for_each_signature_type_and_name() -> None:
    public = bytes(32)
    ids = {key_id("a", 1, public), key_id("a", 4, public), key_id("b", 1, public)}
    assert len(ids) == 3


@pytest.mark.parametrize(("algorithm", "size"), [("ecdsa-p256", 65), ("ed25519", 31), ("mldsa44", 32)])
def test_only_log_keys_of_their_right_size_have_a_verifier_key(algorithm: str, size: int) -> None:
    with pytest.raises(MalformedError, match="do not sign logs"):
        vkey("a", algorithm, bytes(size))
