"""The gRPC road: who answers, and what happens when he answers too much, too slowly, in another order or not at all."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tallystick.config.errors import PeerError
from tallystick.exchange.pull import ClientTls, PullLimits, open_source
from tallystick.exchange.pull.source import Source
from tallystick.proto.exchange.v1 import CHUNK_BYTES
from tallystick.proto.exchange.v1.exchange_pb2 import Chunk, FetchRequest, HeadResponse
from tests.support.evil import evil_port
from tests.support.leaves import TestLeaf, make_test_leaf
from tests.support.wire import make_wire_leaf

FAST = PullLimits(connect_seconds=2.0, idle_seconds=0.5, call_seconds=1.5)
PATHS = ["kaz/checkpoint", "kaz/tile/entries/000.p/1"]


@pytest.fixture(scope="module")
def kaz() -> TestLeaf:
    return make_wire_leaf("KAZ")


@pytest.fixture(scope="module")
def kgz() -> TestLeaf:
    return make_wire_leaf("KGZ")


def towards(port: int, ours: TestLeaf, *pinned: TestLeaf) -> Source:
    pins = {leaf.roster_key.spki_sha256: leaf.pem for leaf in pinned}
    return open_source(
        f"grpcs://127.0.0.1:{port}", cc="kaz", tls=ClientTls("KAZ", ours.pem, ours.key_pem, pins), limits=FAST
    )


def head_error(port: int, ours: TestLeaf, *pinned: TestLeaf) -> PeerError:
    source = towards(port, ours, *pinned)
    with pytest.raises(PeerError) as caught:
        source.head()
    source.close()
    return caught.value


def fetch_error(
    kaz: TestLeaf, kgz: TestLeaf, fetch: Callable[[FetchRequest, Any], Iterator[Chunk]]
) -> tuple[list[str], PeerError]:
    """Fetch from a server that answers so; return what came whole before the error, and the error."""
    came: list[str] = []
    with evil_port(kaz, [kgz], fetch=fetch) as port:
        source = towards(port, kgz, kaz)
        files = source.fetch(PATHS)
        with pytest.raises(PeerError) as caught:
            came.extend(path for path, _data in files)
        source.close()
    return came, caught.value


def test_another_states_leaf_passes(kaz: TestLeaf, kgz: TestLeaf) -> None:
    other = make_wire_leaf("TUR")
    with evil_port(other, [kgz]) as port:
        assert "TLS leaf" in str(head_error(port, kgz, kaz))


def test_a_leaf_of_the_same_name_but_another_key_passes(kaz: TestLeaf, kgz: TestLeaf) -> None:
    with evil_port(make_wire_leaf("KAZ"), [kgz]) as port:
        assert "TLS leaf" in str(head_error(port, kgz, kaz))


@pytest.mark.parametrize("named", ["kaz.tallystick.invalid", "localhost"])
def test_a_certificate_forged_by_a_pinned_leaf_passes(kaz: TestLeaf, kgz: TestLeaf, named: str) -> None:
    """Under the leaf that is pinned for the very state that is asked."""
    forged = make_test_leaf("KAZ", host=named, issuer=kaz)
    with evil_port(forged, [kgz], chain=kaz.pem) as port:
        assert "TLS leaf" in str(head_error(port, kgz, kaz))


def test_our_own_leaf_is_refused_without_a_hint(kaz: TestLeaf, kgz: TestLeaf) -> None:
    with evil_port(kaz, [make_wire_leaf("TUR")]) as port:
        assert "may not name our TLS leaf" in str(head_error(port, kgz, kaz).hint)


def test_old_and_new_leaf_of_a_state_do_not_both_work(kaz: TestLeaf, kgz: TestLeaf) -> None:
    renewed = make_wire_leaf("KAZ")
    for shown in (kaz, renewed):
        with evil_port(shown, [kgz]) as port:
            source = towards(port, kgz, kaz, renewed)
            assert source.head().checkpoint == b""
            source.close()


def test_nobody_listens_and_it_takes_long(kgz: TestLeaf, kaz: TestLeaf) -> None:
    started = time.monotonic()
    assert "cannot be reached" in str(head_error(1, kgz, kaz))
    assert time.monotonic() - started < 3


def test_a_head_that_never_comes(kaz: TestLeaf, kgz: TestLeaf) -> None:
    def silent(_request: object, context: Any) -> HeadResponse:
        while context.is_active():
            time.sleep(0.05)
        return HeadResponse()

    with evil_port(kaz, [kgz], head=silent) as port:
        assert "did not answer in time" in str(head_error(port, kgz, kaz))


def test_a_message_beyond_all_bounds_is_read(kaz: TestLeaf, kgz: TestLeaf) -> None:
    """A gigabyte announced, of which the receiver reads the frame's header only."""
    big = bytes(8 * 1024 * 1024)
    with evil_port(kaz, [kgz], head=lambda _request, _context: HeadResponse(checkpoint=big)) as port:
        assert "larger than" in str(head_error(port, kgz, kaz))


def test_a_gzip_bomb_is_unpacked(kaz: TestLeaf, kgz: TestLeaf) -> None:
    bomb = bytes(64 * 1024 * 1024)
    gzip = grpc.Compression.Gzip
    with evil_port(kaz, [kgz], compression=gzip, raw_head=lambda _answer: bomb) as port:
        assert "larger than" in str(head_error(port, kgz, kaz))


PULLING_CHILD = """
import resource, sys
from pathlib import Path
from tallystick.config.errors import PeerError
from tallystick.exchange.pull import ClientTls, open_source
port, folder = sys.argv[1], Path(sys.argv[2])
ours, key, pin = ((folder / name).read_bytes() for name in ("ours", "key", "pin"))
source = open_source(f"grpcs://127.0.0.1:{port}", cc="kaz", tls=ClientTls("KAZ", ours, key, {b"": pin}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    source.head()
except PeerError as error:
    assert "larger than" in str(error), error
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("packing", [grpc.Compression.Gzip, grpc.Compression.NoCompression])
def test_a_quarter_of_a_gigabyte_fills_the_pullers_memory(
    kaz: TestLeaf, kgz: TestLeaf, tmp_path: Path, packing: grpc.Compression
) -> None:
    for name, data in (("ours", kgz.pem), ("key", kgz.key_pem), ("pin", kaz.pem)):
        (tmp_path / name).write_bytes(data)
    big = bytes(256 * 1024 * 1024)
    with evil_port(kaz, [kgz], compression=packing, raw_head=lambda _answer: big) as port:
        command = [sys.executable, "-c", PULLING_CHILD, str(port), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 32 * 1024


def test_junk_in_place_of_a_message_is_taken(kaz: TestLeaf, kgz: TestLeaf) -> None:
    with evil_port(kaz, [kgz], raw_head=lambda _answer: b"\xff" * 100) as port:
        assert head_error(port, kgz, kaz).exit_code == 60


@pytest.mark.parametrize(
    "answer",
    [HeadResponse(checkpoint=bytes(65 * 1024)), HeadResponse(roster_digest="a" * 65)],
    ids=["checkpoint", "digest"],
)
def test_a_head_larger_than_agreed_is_taken(kaz: TestLeaf, kgz: TestLeaf, answer: HeadResponse) -> None:
    with evil_port(kaz, [kgz], head=lambda _request, _context: answer) as port:
        assert "larger than agreed" in str(head_error(port, kgz, kaz))


def test_the_peers_words_are_repeated(kaz: TestLeaf, kgz: TestLeaf) -> None:
    def rude(_request: object, context: Any) -> HeadResponse:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "\x1b[31mrun this: rm -rf /")

    with evil_port(kaz, [kgz], head=rude) as port:
        error = head_error(port, kgz, kaz)
    assert "rm" not in f"{error.message}{error.hint}"
    assert "FAILED_PRECONDITION" in error.message


def test_silence_in_the_middle_holds_the_pull(kaz: TestLeaf, kgz: TestLeaf) -> None:
    def fetch(_request: FetchRequest, context: Any) -> Iterator[Chunk]:
        yield Chunk(index=0, data=b"first", last=True)
        while context.is_active():
            time.sleep(0.05)

    started = time.monotonic()
    came, error = fetch_error(kaz, kgz, fetch)
    assert came == PATHS[:1]
    assert "silent for 0.5 seconds" in str(error)
    assert time.monotonic() - started < 2


def test_a_trickle_holds_the_pull(kaz: TestLeaf, kgz: TestLeaf) -> None:
    """Pieces of the agreed size, one every so often: never silent, never done."""

    def fetch(_request: FetchRequest, context: Any) -> Iterator[Chunk]:
        yield Chunk(index=0, data=b"first", last=True)
        while context.is_active():
            time.sleep(0.2)
            yield Chunk(index=1, data=bytes(CHUNK_BYTES))

    came, error = fetch_error(kaz, kgz, fetch)
    assert came == PATHS[:1]
    assert "in time" in str(error) or "not finished after 1.5 seconds" in str(error)


BROKEN = {
    "other order": ([Chunk(index=1, data=b"x", last=True)], "another order"),
    "index beyond": (
        [Chunk(index=0, last=True), Chunk(index=1, last=True), Chunk(index=2, last=True)],
        "another order",
    ),
    "ends early": ([Chunk(index=0, data=b"x", last=True)], "only 1 of 2"),
    "small pieces": ([Chunk(index=0, data=b"x"), Chunk(index=0, data=b"y", last=True)], "another size"),
    "empty pieces": ([Chunk(index=0)] * 3, "another size"),
    "absent after a piece": ([Chunk(index=0, data=bytes(CHUNK_BYTES)), Chunk(index=0, absent=True)], "larger|absent"),
    "absent with bytes": ([Chunk(index=0, absent=True, data=b"x")], "absent"),
    "too large a file": ([Chunk(index=0, data=bytes(CHUNK_BYTES))] * 2, "larger than agreed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_breaks_the_contract_is_taken(kaz: TestLeaf, kgz: TestLeaf, name: str) -> None:
    chunks, words = BROKEN[name]
    _came, error = fetch_error(kaz, kgz, lambda _request, _context: iter(chunks))
    assert any(word in str(error) for word in words.split("|"))
    assert error.hint == "that node does not follow the exchange's contract"


def test_more_than_256_paths_make_one_request(kaz: TestLeaf, kgz: TestLeaf) -> None:
    sizes: list[int] = []

    def fetch(request: FetchRequest, _context: Any) -> Iterator[Chunk]:
        sizes.append(len(request.paths))
        for index in range(len(request.paths)):
            yield Chunk(index=index, absent=True, last=True)

    with evil_port(kaz, [kgz], fetch=fetch) as port:
        source = towards(port, kgz, kaz)
        found = list(source.fetch([f"kaz/data/sha256/{number:064x}" for number in range(600)]))
        source.close()
    assert sizes == [256, 256, 88]
    assert len(found) == 600


def test_no_pin_is_any_pin(kgz: TestLeaf) -> None:
    with pytest.raises(PeerError, match="names no TLS leaf"):
        open_source("grpcs://127.0.0.1:1", cc="kaz", tls=ClientTls("KAZ", kgz.pem, kgz.key_pem, {}))
