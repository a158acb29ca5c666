"""Tombstones in a file: every line its own proof; and what a digest tells."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import SignerError, StoreError
from tallystick.node.cases.escrow import open_box, public_of, seal_box
from tallystick.node.cases.tombstones import Tombstone, TombstoneFile, case_mac, tombstone_key

KEY = b"r" * 32
STONES = [Tombstone(bytes([number]) * 32, number, f"2026-03-0{number}T00:00:00Z", "ab" * 32) for number in (1, 2, 3)]


@pytest.fixture
def file(tmp_path: Path) -> TombstoneFile:
    return TombstoneFile(tmp_path / "tombstones", KEY)


def test_lines_are_only_ever_added_and_the_first_of_a_case_stays(file: TombstoneFile) -> None:
    assert file.read() == frozenset()
    file.add(STONES[1:])
    later = STONES[1]._replace(erased_at="2030-01-01T00:00:00Z", order_sha256="cd" * 32)
    file.add([STONES[0], later])
    assert file.read() == frozenset(STONES)
    assert file.path.stat().st_mode & 0o777 == 0o600
    before = file.path.stat().st_ino
    file.add(STONES)
    assert file.path.stat().st_ino == before, "nothing new, nothing written"


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"record_id":1', b'"record_id":2'),
        lambda line: line.replace(b"2026-03-01", b"2027-03-01"),
        lambda line: line[: len(line) // 2],
        lambda _line: b"{}",
        lambda _line: b"[]",
        lambda _line: b'{"tag":5}',
        lambda _line: b"\xff\xfe",
        lambda line: line.replace(b"{", b'{"more":1,', 1),
    ],
)
def test_a_changed_line_stops_the_command(file: TombstoneFile, change: object) -> None:
    file.add(STONES)
    first, *others = file.path.read_bytes().splitlines()
    file.path.write_bytes(b"\n".join([change(first), *others]) + b"\n")  # type: ignore[operator]
    with pytest.raises(StoreError, match="not this register's tombstone"):
        file.read()


def test_another_homes_file_is_not_believed(file: TombstoneFile) -> None:
    file.add(STONES)
    with pytest.raises(StoreError, match="not this register's tombstone"):
        TombstoneFile(file.path, b"x" * 32).add(STONES)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_only_the_same_agency_and_number_give_the_same_digest(a: str, b: str, c: str, d: str) -> None:
    key = tombstone_key(KEY)
    assert (case_mac(key, a, b) == case_mac(key, c, d)) is ((a, b) == (c, d))


def test_a_digest_tells_nothing_without_the_key() -> None:
    assert case_mac(tombstone_key(KEY), "a", "1") != case_mac(tombstone_key(b"x" * 32), "a", "1")
    assert tombstone_key(KEY) != tombstone_key(KEY, b"line") != KEY


def test_a_box_opens_with_its_own_sheets_only() -> None:
    box = seal_box(public_of(b"s" * 32), b"k" * 32)
    assert open_box(b"s" * 32, box) == b"k" * 32
    assert box != seal_box(public_of(b"s" * 32), b"k" * 32)
    for root, data in ((b"t" * 32, box), (b"s" * 32, box[:-1]), (b"s" * 32, b"")):
        with pytest.raises(SignerError, match="does not open with these sheets"):
            open_box(root, data)
