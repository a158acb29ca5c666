"""The HTTPS road: the same tree as static files, from servers of every temper."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.config.errors import PeerError
from tallystick.exchange.pull import ClientTls, PullLimits, open_source
from tallystick.exchange.pull.source import Source
from tests.support.evil import ok, server_context, status, tree_answer, web_server
from tests.support.leaves import TestLeaf, make_test_leaf
from tests.support.sources import Store
from tests.support.wire import NOW, Wire, make_wire_leaf

FAST = PullLimits(connect_seconds=1.0, idle_seconds=0.6, call_seconds=1.5)
CHECKPOINT = "kaz/checkpoint"
Answer = Callable[[str, ssl.SSLSocket], bytes | None]


@pytest.fixture(scope="module")
def kaz() -> TestLeaf:
    return make_wire_leaf("KAZ")


@pytest.fixture(scope="module")
def kgz() -> TestLeaf:
    return make_wire_leaf("KGZ")


def towards(port: int, ours: TestLeaf, *pinned: TestLeaf, base: str = "") -> Source:
    pins = {leaf.roster_key.spki_sha256: leaf.pem for leaf in pinned}
    tls = ClientTls("KAZ", ours.pem, ours.key_pem, pins)
    return open_source(f"https://127.0.0.1:{port}{base}", cc="kaz", tls=tls, limits=FAST)


def error_of(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf, answer: Answer) -> PeerError:
    with web_server(server_context(tmp_path, kaz, [kgz]), answer) as server:
        source = towards(server.port, kgz, kaz)
        with pytest.raises(PeerError) as caught:
            list(source.fetch([CHECKPOINT]))
        source.close()
    return caught.value


def test_a_whole_pull_over_https_differs(tmp_path: Path) -> None:
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 3)
    tree = wire.tree(tmp_path / "tree", "KAZ")
    store = Store.empty(wire, "KAZ")
    context = server_context(tmp_path, wire.tls["KAZ"], [wire.tls["KGZ"]])
    with web_server(context, tree_answer(tree)) as server:
        url = f"https://127.0.0.1:{server.port}"
        source = open_source(url, cc="kaz", tls=wire.client("KGZ", "KAZ"))
        from tallystick.exchange.pull import pull_peer

        for step in pull_peer(source, "kaz", store.known, at=NOW):
            store.keep(step)
        assert store.entries == wire.federation.state("KAZ").entries
        server.paths.clear()
        assert list(pull_peer(source, "kaz", store.known, at=NOW)) == []
        assert server.paths == ["/kaz/checkpoint", "/roster/metadata/timestamp.json"]
        wire.adopt(wire.ceremony.indexed(wire.ceremony.new_page(wire.roster_files, "KGZ", at=NOW)))
        wire.tree(tree, "KAZ")
        steps = list(pull_peer(source, "kaz", store.known, at=NOW))
        source.close()
    assert [type(step).__name__ for step in steps] == ["RosterStep"]
    assert steps[0].result.changed
    assert set(steps[0].theirs) == {
        name for name in wire.roster_files if "snapshot" not in name and "timestamp" not in name
    }


def test_the_base_path_is_left_out(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf) -> None:
    answer: Answer = lambda path, _connection: ok(path.encode())  # noqa: E731
    with web_server(server_context(tmp_path, kaz, [kgz]), answer) as server:
        source = towards(server.port, kgz, kaz, base="/state/tree/")
        assert list(source.fetch([CHECKPOINT])) == [(CHECKPOINT, b"/state/tree/kaz/checkpoint")]
        source.close()


def test_an_idle_connection_that_was_closed_is_an_error(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf) -> None:
    served: list[str] = []

    def once(path: str, connection: ssl.SSLSocket) -> bytes | None:
        served.append(path)
        connection.sendall(ok(b"x"))
        return None

    with web_server(server_context(tmp_path, kaz, [kgz]), once) as server:
        source = towards(server.port, kgz, kaz)
        assert list(source.fetch([CHECKPOINT])) == [(CHECKPOINT, b"x")]
        time.sleep(0.05)
        assert list(source.fetch([CHECKPOINT])) == [(CHECKPOINT, b"x")]
        source.close()
    assert len(served) == 2


@pytest.mark.parametrize("code", [403, 404, 410])
def test_absent_is_an_error(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf, code: int) -> None:
    with web_server(server_context(tmp_path, kaz, [kgz]), lambda _path, _connection: status(code)) as server:
        source = towards(server.port, kgz, kaz)
        assert list(source.fetch([CHECKPOINT, "kaz/tile/0/000"])) == [(CHECKPOINT, None), ("kaz/tile/0/000", None)]
        source.close()


def test_a_leaf_that_is_not_pinned_passes(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf) -> None:
    for shown, chain in (
        (make_wire_leaf("KAZ"), b""),
        (make_wire_leaf("TUR"), b""),
        (make_test_leaf("KAZ", issuer=kaz), kaz.pem),
        (make_test_leaf("KAZ", host="127.0.0.1", issuer=kaz), kaz.pem),
    ):
        with web_server(server_context(tmp_path, shown, [kgz], chain), lambda _path, _connection: ok(b"x")) as server:
            source = towards(server.port, kgz, kaz)
            with pytest.raises(PeerError, match="TLS leaf"):
                list(source.fetch([CHECKPOINT]))
            assert server.paths == []
            source.close()


def test_a_certificate_under_a_signing_leaf_passes(tmp_path: Path, kgz: TestLeaf) -> None:
    """OpenSSL takes it where the pinned leaf may sign; the comparison of public keys does not."""
    loose = make_test_leaf("KAZ", cert_sign=True)
    forged = make_test_leaf("KAZ", issuer=loose)
    with web_server(server_context(tmp_path, forged, [kgz], loose.pem), lambda _path, _connection: ok(b"x")) as server:
        source = towards(server.port, kgz, loose)
        with pytest.raises(PeerError, match="TLS leaf"):
            list(source.fetch([CHECKPOINT]))
        source.close()


def test_tls_1_2_is_spoken(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf) -> None:
    context = server_context(tmp_path, kaz, [kgz])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with web_server(context, lambda _path, _connection: ok(b"x")) as server:
        source = towards(server.port, kgz, kaz)
        with pytest.raises(PeerError):
            list(source.fetch([CHECKPOINT]))
        source.close()
        assert server.paths == []


def test_our_own_leaf_is_refused_without_words(tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf) -> None:
    context = server_context(tmp_path, kaz, [make_wire_leaf("TUR")])
    with web_server(context, lambda _path, _connection: ok(b"x")) as server:
        source = towards(server.port, kgz, kaz)
        with pytest.raises(PeerError, match=r"TLS leaf|broke"):
            list(source.fetch([CHECKPOINT]))
        source.close()
    assert "TLS leaf" in str(error_of(tmp_path, kaz, kgz, lambda _path, _connection: status(400)))


def _hang(_path: str, connection: ssl.SSLSocket) -> None:
    connection.recv(1)


def _trickle_headers(_path: str, connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        connection.sendall(f"X-{number}: y\r\n".encode())
        time.sleep(0.1)


def _trickle_body(_path: str, connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    for _number in range(100):
        connection.sendall(b"x")
        time.sleep(0.1)


def _endless_continue(_path: str, connection: ssl.SSLSocket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def _endless_body(_path: str, connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(bytes(65536))


def _endless_chunks(_path: str, connection: ssl.SSLSocket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_hang, "in time|silent"),
        (_trickle_headers, "silent|not finished|length"),
        (_trickle_body, "not finished"),
        (_endless_continue, "silent|not finished"),
        (_endless_body, "without its length"),
        (_endless_chunks, "larger than"),
        (lambda _path, _connection: ok(bytes(65 * 1024)), "larger than"),
        (lambda _path, _connection: ok(b"x" * 50)[:-10], "in time|broke|silent"),
        (lambda _path, _connection: ok(b"x", "Content-Encoding: gzip"), "status 200"),
        (lambda _path, _connection: status(302, "Location: https://127.0.0.1/"), "status 302"),
        (lambda _path, _connection: status(500), "status 500"),
        (lambda _path, _connection: b"junk\r\n\r\n", "not HTTP"),
        (lambda _path, _connection: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", "not HTTP"),
        (lambda _path, _connection: b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "without its length"),
    ],
)
def test_a_server_out_of_order_holds_the_pull(
    tmp_path: Path, kaz: TestLeaf, kgz: TestLeaf, answer: Answer, words: str
) -> None:
    started = time.monotonic()
    error = error_of(tmp_path, kaz, kgz, answer)
    assert any(word in str(error) for word in words.split("|")), str(error)
    assert time.monotonic() - started < 3


def test_a_handshake_that_never_ends_holds_the_pull(kaz: TestLeaf, kgz: TestLeaf) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        source = towards(listening.getsockname()[1], kgz, kaz)
        started = time.monotonic()
        with pytest.raises(PeerError, match=r"in time|silent"):
            list(source.fetch([CHECKPOINT]))
        assert time.monotonic() - started < 2
        source.close()
