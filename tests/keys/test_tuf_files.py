"""One roster file: hostile bytes are refused with the file's name, before anything costs much."""

import json
import time
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError
from tallystick.keys.tuf_files import LIMITS, canonical_json, parse_name, read_file
from tests.support.rosters import three_states

ROOT = "metadata/1.root.json"


def refuse(name: str, data: bytes, what: str) -> None:
    began = time.process_time()
    with pytest.raises(MalformedError, match=what) as caught:
        read_file(parse_name(name), data)
    assert name in caught.value.message
    assert time.process_time() - began < 2


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(three_states().files[ROOT])
    return found


def test_every_file_of_a_real_roster_reads() -> None:
    files = three_states().indexed(three_states().files)
    for text, data in files.items():
        if not text.startswith("targets/"):
            assert read_file(parse_name(text), data).signed.version >= 1


@pytest.mark.parametrize(
    "name",
    [
        "1.root.json",
        "metadata/0.root.json",
        "metadata/01.root.json",
        "metadata/-1.root.json",
        "metadata/1000000000.root.json",
        "metadata/1.ROOT.json",
        "metadata/1.kazz.json",
        "metadata/1.ka.json",
        "metadata/../1.root.json",
        "metadata/1.root.json\n",
        "metadata/٣.root.json",
        "metadata/root.json",
        "targets/abc.catalogue.json",
        "targets/" + "A" * 64 + ".catalogue.json",
        "/etc/passwd",
        "",
        "x" * 100_000,
    ],
)
def test_a_name_that_no_roster_file_has_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        parse_name(name)


def test_a_file_over_its_size_is_refused_unread() -> None:
    refuse(ROOT, b" " * (LIMITS.root + 1), "larger than 1048576 bytes")
    refuse("metadata/1.kaz.json", b" " * (LIMITS.state + 1), "larger than")


@pytest.mark.parametrize("opening", [b"[", b'{"signed":', b'{"a":[{"b":'])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    refuse(ROOT, opening * (LIMITS.root // len(opening)), "nested deeper")


def test_closing_brackets_inside_a_text_hide_no_depth() -> None:
    refuse(ROOT, b'{"' + b"]" * 500 + b'":' + b"[" * 500, "nested deeper")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"signatures":[]}',
        b'{"signatures":[],"signed":{},"more":1}',
        b"\xff",
        b'{"signatures":[],"signed":{"_type":"root","version":1.0}}',
        b'{"signatures":[],"signed":NaN}',
        b'{"signatures":[],"signed":' + b"9" * 5000 + b"}",
        b'"' + b"\\" * 1_000_000,
    ],
)
def test_what_is_no_document_of_ours_is_refused(data: bytes) -> None:
    refuse(ROOT, data, "not JSON|must hold")


@pytest.mark.parametrize("version", [2, 0, -1, True, "1", None, [1], 10**400])
def test_a_version_other_than_the_names_is_refused(version: object) -> None:
    changed = document()
    changed["signed"]["version"] = version
    refuse(ROOT, json.dumps(changed).encode(), "another version|not JSON")


def test_a_type_other_than_the_names_is_refused() -> None:
    refuse("metadata/1.targets.json", three_states().files[ROOT], "another type")
    refuse("metadata/1.kaz.json", three_states().files[ROOT], "another type")


@pytest.mark.parametrize(
    "entry",
    [
        {"keyid": "A" * 64, "sig": "00"},
        {"keyid": "a" * 63, "sig": "00"},
        {"keyid": "a" * 64, "sig": "0"},
        {"keyid": "a" * 64, "sig": "0" * 2000},
        {"keyid": "a" * 64, "sig": 1},
        {"keyid": None, "sig": "00"},
        {"keyid": "a" * 64, "sig": "00", "more": ""},
        {"keyid": "a" * 64},
        "text",
        None,
    ],
)
def test_a_signature_that_is_none_is_refused(entry: object) -> None:
    refuse(ROOT, canonical_json(document() | {"signatures": [entry]}), "a signature is not")


def test_too_many_signatures_are_refused() -> None:
    many = [{"keyid": f"{number:064x}", "sig": "00"} for number in range(LIMITS.signatures + 1)]
    refuse(ROOT, canonical_json(document() | {"signatures": many}), "a list of at most")


def test_one_key_id_twice_is_refused() -> None:
    twice = document()
    twice["signatures"] = [twice["signatures"][0]] * 2
    refuse(ROOT, canonical_json(twice), "not the TUF metadata")


def test_any_other_spelling_of_the_same_document_is_refused() -> None:
    spelt = document()
    refuse(ROOT, json.dumps(spelt).encode(), "one spelling")
    refuse(ROOT, three_states().files[ROOT] + b"\n", "one spelling")
    spelt["signatures"].reverse()
    refuse(ROOT, canonical_json(spelt), "one spelling")
    doubled = three_states().files[ROOT].replace(b'"version":1', b'"version":1,"version":1', 1)
    refuse(ROOT, doubled, "one spelling")


@pytest.mark.parametrize("field", ["expires", "keys", "roles", "spec_version", "consistent_snapshot", "version"])
@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"a": {}}, [[]], True])
def test_a_field_of_another_kind_never_gets_past_the_parsers(field: str, value: object) -> None:
    from tallystick.keys.chains import read_root

    changed = document()
    if changed["signed"][field] is value or changed["signed"][field] == value:
        return
    changed["signed"][field] = value
    with pytest.raises(MalformedError):
        read_root(parse_name(ROOT), canonical_json(changed))


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_json)
def test_our_spelling_is_that_of_rfc_8785(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(MalformedError):
        canonical_json(value)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_byte_never_passes_for_the_same_file(data: st.DataObject) -> None:
    original = three_states().files["metadata/1.kaz.json"]
    place = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[place] ^= data.draw(st.integers(1, 255))
    name = parse_name("metadata/1.kaz.json")
    try:
        metadata = read_file(name, bytes(changed))
    except MalformedError:
        return
    same = read_file(name, original)
    assert metadata.signed_bytes != same.signed_bytes or metadata.signatures != same.signatures
