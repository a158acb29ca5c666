"""The peer port against callers that are strangers, removed, greedy, slow or malformed."""

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tallystick.exchange.service import Callers, CallRecord, Limits, ServedTree
from tallystick.exchange.service.callers import Caller
from tallystick.proto.exchange.v1 import CHUNK_BYTES
from tallystick.proto.exchange.v1.exchange_pb2 import FetchRequest, HeadRequest
from tests.support.leaves import TestLeaf, make_test_leaf
from tests.support.ports import RunningPort, pins_of, raw_channel, running_port

BIG = bytes(range(256)) * 4096 + b"end"
DIGEST = hashlib.sha256(BIG).hexdigest()


@pytest.fixture(scope="module")
def kaz() -> TestLeaf:
    return make_test_leaf("KAZ")


@pytest.fixture(scope="module")
def uzb() -> TestLeaf:
    return make_test_leaf("UZB")


@pytest.fixture(scope="module")
def kgz() -> TestLeaf:
    return make_test_leaf("KGZ")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("tree")
    for name, data in {
        "kaz/checkpoint": b"a checkpoint",
        f"kaz/data/sha256/{DIGEST}": BIG,
        "kaz/tile/entries/000.p/3": b"three",
        "uzb/checkpoint": b"another state's",
        "roster/metadata/1.root.json": b"{}",
        "roster/metadata/2.kaz.json": b"{2}",
        "roster/metadata/timestamp.json": b"{t}",
        "secret": b"nobody's",
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    (top / "kaz/tile/0").mkdir()
    (top / "kaz/tile/0/000").symlink_to(top / "secret")
    return top


@pytest.fixture
def calls() -> list[CallRecord]:
    return []


@pytest.fixture
def port(tree: Path, kaz: TestLeaf, uzb: TestLeaf, kgz: TestLeaf, calls: list[CallRecord]) -> Iterator[RunningPort]:
    limits = Limits(calls_per_peer=2, call_seconds=1.5, stop_seconds=0.3)
    pins = pins_of({"KAZ": [kaz], "UZB": [uzb], "KGZ": [kgz]})
    with running_port(tree, kaz, pins, limits=limits, calls=calls) as running:
        yield running


def fetch(port: RunningPort, client: TestLeaf, server: TestLeaf, paths: list[str]) -> dict[int, bytes | None]:
    found: dict[int, bytes | None] = {}
    with raw_channel(port.port, client, server) as (_channel, stub):
        for chunk in stub.Fetch(FetchRequest(paths=paths), timeout=5):
            assert len(chunk.data) <= CHUNK_BYTES
            found[chunk.index] = None if chunk.absent else (found.get(chunk.index) or b"") + chunk.data
    return found


def refused(port: RunningPort, client: TestLeaf | None, server: TestLeaf, chain: bytes = b"") -> grpc.RpcError:
    with (
        raw_channel(port.port, client, server, chain=chain) as (_channel, stub),
        pytest.raises(grpc.RpcError) as caught,
    ):
        stub.Head(HeadRequest(), timeout=5)
    return caught.value


def test_head_and_files_come_whole(port: RunningPort, kaz: TestLeaf, uzb: TestLeaf) -> None:
    with raw_channel(port.port, uzb, kaz) as (_channel, stub):
        head = stub.Head(HeadRequest(), timeout=5)
    assert head.checkpoint == b"a checkpoint"
    assert list(head.roster_files) == ["metadata/1.root.json", "metadata/2.kaz.json"]
    lines = [
        f"{name} {hashlib.sha256(data).hexdigest()}\n"
        for name, data in (("metadata/1.root.json", b"{}"), ("metadata/2.kaz.json", b"{2}"))
    ]
    assert head.roster_digest == hashlib.sha256("".join(lines).encode()).hexdigest()
    found = fetch(
        port, uzb, kaz, [f"kaz/data/sha256/{DIGEST}", "kaz/tile/entries/000.p/3", "roster/metadata/timestamp.json"]
    )
    assert found == {0: BIG, 1: b"three", 2: b"{t}"}


@pytest.mark.parametrize(
    "path",
    [
        "kaz/data/sha256/" + "0" * 64,
        "uzb/checkpoint",
        "secret",
        "kaz/../secret",
        "/etc/passwd",
        "kaz/tile/entries/../../../secret",
        "kaz/tile/0/000",
        "kaz/tile/0",
        "roster/metadata/../../secret",
        "roster/metadata/01.root.json",
        "kaz/checkpoint\0",
        "",
        "k" * 10_000,
    ],
)
def test_absent_and_not_for_you_differ(port: RunningPort, kaz: TestLeaf, uzb: TestLeaf, path: str) -> None:
    with raw_channel(port.port, uzb, kaz) as (_channel, stub):
        chunks = list(stub.Fetch(FetchRequest(paths=[path]), timeout=5))
    assert [(chunk.index, chunk.data, chunk.last, chunk.absent) for chunk in chunks] == [(0, b"", True, True)]


def test_peers_agree_on_keys_that_a_quantum_computer_breaks(
    port: RunningPort, kaz: TestLeaf, uzb: TestLeaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, list[bytes]]] = []
    real = Callers.identify

    def noting(self: Callers, auth: dict[str, list[bytes]]) -> Caller:
        seen.append(dict(auth))
        return real(self, auth)

    monkeypatch.setattr(Callers, "identify", noting)
    fetch(port, uzb, kaz, ["kaz/checkpoint"])
    assert seen[0]["ssl_tls_version"] == [b"TLSv1.3"]
    assert seen[0]["ssl_negotiated_key_exchange_group"] == [b"X25519MLKEM768"]


def test_a_stranger_gets_an_answer(port: RunningPort, kaz: TestLeaf) -> None:
    assert refused(port, make_test_leaf("UZB"), kaz).code() == grpc.StatusCode.UNAVAILABLE
    assert refused(port, None, kaz).code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("switch", "status"),
    [
        ({}, grpc.StatusCode.UNAVAILABLE),
        ({"key_usage": False}, grpc.StatusCode.PERMISSION_DENIED),
        ({"cert_sign": True}, grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_a_certificate_under_a_pinned_leaf_passes(
    tree: Path, kaz: TestLeaf, switch: dict[str, bool], status: grpc.StatusCode, calls: list[CallRecord]
) -> None:
    """The right profile cannot sign another leaf in TLS; where a wrong one can, the gate of the call stops it."""
    pinned = make_test_leaf("UZB", **switch)
    forged = make_test_leaf("KAZ", issuer=pinned)
    with running_port(tree, kaz, pins_of({"KAZ": [kaz], "UZB": [pinned]}), calls=calls) as port:
        told = refused(port, forged, kaz, chain=pinned.pem)
    assert told.code() == status
    assert not any(call.state for call in calls)


@pytest.mark.parametrize(("version", "answers"), [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)])
def test_tls_1_2_is_spoken(
    port: RunningPort, uzb: TestLeaf, tmp_path: Path, version: ssl.TLSVersion, answers: bool
) -> None:
    (tmp_path / "uzb.pem").write_bytes(uzb.key_pem + uzb.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(tmp_path / "uzb.pem")
    with socket.create_connection(("127.0.0.1", port.port), timeout=5) as raw:
        try:
            with context.wrap_socket(raw) as wrapped:
                spoken = wrapped.version() == "TLSv1.3"
        except OSError:
            spoken = False
    assert spoken is answers


def test_an_expired_leaf_passes(tree: Path, kaz: TestLeaf) -> None:
    old = make_test_leaf("UZB", days=-1)
    with running_port(tree, kaz, pins_of({"KAZ": [kaz], "UZB": [old]})) as port:
        assert refused(port, old, kaz).code() == grpc.StatusCode.UNAVAILABLE


def test_rotation_needs_a_restart(port: RunningPort, kaz: TestLeaf, uzb: TestLeaf) -> None:
    renewed = make_test_leaf("UZB")
    assert refused(port, renewed, kaz).code() == grpc.StatusCode.UNAVAILABLE
    port.do(port.server.replace_pins(pins_of({"KAZ": [kaz], "UZB": [uzb, renewed]})))
    assert fetch(port, renewed, kaz, ["kaz/checkpoint"]) == {0: b"a checkpoint"}
    assert fetch(port, uzb, kaz, ["kaz/checkpoint"]) == {0: b"a checkpoint"}
    other = make_test_leaf("KAZ")
    port.server.replace_leaf(other.leaf)
    assert fetch(port, uzb, other, ["kaz/checkpoint"]) == {0: b"a checkpoint"}


def test_a_removed_peer_keeps_its_connection_and_its_calls(
    port: RunningPort, kaz: TestLeaf, uzb: TestLeaf, kgz: TestLeaf, calls: list[CallRecord]
) -> None:
    with raw_channel(port.port, uzb, kaz, options=SLOW) as (_channel, stub):
        call = stub.Fetch(FetchRequest(paths=[f"kaz/data/sha256/{DIGEST}"] * 200), timeout=10)
        next(call)
        port.do(port.server.replace_pins(pins_of({"KAZ": [kaz], "KGZ": [kgz]})))
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        # Where a piece was on its way at that very moment, gRPC ends the call without our words.
        if caught.value.code() == grpc.StatusCode.PERMISSION_DENIED:
            assert caught.value.details() == "the roster no longer names this certificate"
        with pytest.raises(grpc.RpcError) as caught:
            stub.Head(HeadRequest(), timeout=5)
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert refused(port, uzb, kaz).code() == grpc.StatusCode.UNAVAILABLE
    assert fetch(port, kgz, kaz, ["kaz/checkpoint"]) == {0: b"a checkpoint"}


SLOW = [("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0)]


def test_one_state_takes_all_places_and_time(port: RunningPort, kaz: TestLeaf, uzb: TestLeaf, kgz: TestLeaf) -> None:
    paths = [f"kaz/data/sha256/{DIGEST}"] * 200
    with raw_channel(port.port, uzb, kaz, options=SLOW) as (_channel, stub):
        slow = [stub.Fetch(FetchRequest(paths=paths), timeout=10) for _ in range(2)]
        for call in slow:
            next(call)
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Fetch(FetchRequest(paths=["kaz/checkpoint"]), timeout=5))
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        started = time.monotonic()
        assert fetch(port, kgz, kaz, ["kaz/checkpoint"]) == {0: b"a checkpoint"}
        assert time.monotonic() - started < 1.0
        time.sleep(1.6)
        with pytest.raises(grpc.RpcError) as caught:
            list(slow[0])
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert caught.value.details() == "the call took too long"
        assert stub.Head(HeadRequest(), timeout=5).checkpoint == b"a checkpoint"


def test_too_many_paths_or_a_huge_request_is_read(port: RunningPort, kaz: TestLeaf, uzb: TestLeaf) -> None:
    with raw_channel(port.port, uzb, kaz) as (channel, stub):
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.Fetch(FetchRequest(paths=["kaz/checkpoint"] * 257), timeout=5))
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        raw = channel.unary_unary("/tallystick.exchange.v1.ExchangeService/Head")
        with pytest.raises(grpc.RpcError) as caught:
            raw(bytes(65 * 1024), timeout=5)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        with pytest.raises(grpc.RpcError) as caught:
            raw(bytes(64 * 1024 * 1024), timeout=5, compression=grpc.Compression.Gzip)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_exception_shows_its_detail(
    port: RunningPort, kaz: TestLeaf, uzb: TestLeaf, monkeypatch: pytest.MonkeyPatch, calls: list[CallRecord]
) -> None:
    def fail(_self: ServedTree) -> None:
        raise RuntimeError("/path/of/this/node is broken")

    monkeypatch.setattr(ServedTree, "head", fail)
    told = refused(port, uzb, kaz)
    assert told.code() == grpc.StatusCode.INTERNAL
    assert told.details() == ""
    assert calls[-1].error == "RuntimeError"
    assert "broken" not in repr(calls[-1])


def test_reflection_or_other_services_answer(port: RunningPort, kaz: TestLeaf, uzb: TestLeaf) -> None:
    with raw_channel(port.port, uzb, kaz) as (channel, _stub):
        for method in (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "/grpc.health.v1.Health/Check",
            "/tallystick.exchange.v1.ExchangeService/Other",
        ):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(method)(b"", timeout=5)
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_stopping_leaves_a_caller_hanging(tree: Path, kaz: TestLeaf, uzb: TestLeaf) -> None:
    limits = Limits(stop_seconds=0.3)
    with running_port(tree, kaz, pins_of({"UZB": [uzb]}), limits=limits) as port:
        with raw_channel(port.port, uzb, kaz, options=SLOW) as (_channel, stub):
            call = stub.Fetch(FetchRequest(paths=[f"kaz/data/sha256/{DIGEST}"] * 200), timeout=30)
            next(call)
            started = time.monotonic()
            stopping = threading.Thread(target=lambda: port.do(port.server.stop()))
            stopping.start()
            time.sleep(0.6)
            with pytest.raises(grpc.RpcError) as caught:
                list(call)
            stopping.join(10)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("method", ["Head", "Fetch"])
def test_junk_is_answered_with_the_words_of_a_library(
    tree: Path, kaz: TestLeaf, uzb: TestLeaf, calls: list[CallRecord], method: str
) -> None:
    """What gRPC itself would answer names our language and library, and the log would not have it."""
    with (
        running_port(tree, kaz, pins_of({"KAZ": [kaz], "UZB": [uzb]}), calls=calls) as port,
        raw_channel(port.port, uzb, kaz) as (channel, _stub),
    ):
        raw = channel.unary_stream(f"/tallystick.exchange.v1.ExchangeService/{method}")
        with pytest.raises(grpc.RpcError) as caught:
            list(raw(b"\xff" * 40, timeout=5))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the request is not what the contract says"
    assert [(call.state, call.status) for call in calls] == [("UZB", "INVALID_ARGUMENT")]
