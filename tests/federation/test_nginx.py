"""The static tree behind a real nginx, set up exactly as docs say, read by the ``https:`` road."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tallystick.config.clock import SystemClock
from tallystick.config.errors import PeerError
from tallystick.exchange.border.foreground import pull_round
from tallystick.exchange.border.rooms import open_rooms
from tallystick.exchange.pull import ClientTls, open_source
from tests.support.leaves import TestLeaf, make_test_leaf
from tests.support.terminal import run
from tests.support.waiting import wait_for
from tests.support.wire import Wire, free_port, make_wire_leaf, write_private

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
DOCS = [Path(__file__).resolve().parents[2] / "docs" / name for name in ("OPERATING.md", "nginx.md")]
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not here (apt-get install nginx-light)")


@dataclass
class Web:
    """KAZ's tree behind nginx."""

    wire: Wire
    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


def documented() -> str:
    """The configuration as it stands in the docs."""
    for path in DOCS:
        if path.exists() and (found := re.search(r"```nginx\n(.*?)```", path.read_text(), re.DOTALL)):
            return found[1]
    raise AssertionError("no nginx configuration in the docs")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o755)
        wire = Wire.make(("KAZ", "KGZ", "TUR"))
        wire.release("KAZ", 4)
        home = wire.home(base, "KAZ")
        wire.feed(home, "KAZ")
        rooms = open_rooms(home, SystemClock())
        assert rooms.intake.pass_over().problems == []
        rooms.state.close()
        assert run("peer", "pins", "--to", base / "pins", "--home", home).code == 0
        port = free_port()
        config = documented().replace("HOME", str(home)).replace("/CC/", "/kaz/").replace("8443", str(port))
        config = config.replace("/etc/nginx/tallystick", str(base / "pins"))
        user = "user root;" if os.getuid() == 0 else ""
        (base / "nginx.conf").write_text(
            f"{user} pid {base}/nginx.pid; error_log {base}/error.log; daemon off;\n"
            f"events {{ worker_connections 64; }} http {{ client_body_temp_path {base}/b; proxy_temp_path {base}/p;"
            f" fastcgi_temp_path {base}/f; uwsgi_temp_path {base}/u; scgi_temp_path {base}/s;\n{config} }}\n"
        )
        server = subprocess.Popen([str(NGINX), "-e", f"{base}/error.log", "-c", f"{base}/nginx.conf", "-p", str(base)])
        try:
            wait_for(lambda: _open(port) or server.poll() is not None, what="nginx")
            assert server.poll() is None, (base / "error.log").read_text()
            yield Web(wire, home, port)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)


def _open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def as_client(web: Web, ours: TestLeaf) -> ClientTls:
    return ClientTls.towards(web.wire.federation.roster.state("KAZ"), ours.pem, ours.key_pem)


def get(web: Web, ours: TestLeaf, *paths: str) -> dict[str, bytes | None]:
    source = open_source(web.url, cc="kaz", tls=as_client(web, ours))
    try:
        return dict(source.fetch(paths))
    finally:
        source.close()


def test_a_border_cannot_pull_from_nginx(web: Web, tmp_path: Path) -> None:
    home = web.wire.home(tmp_path, "KGZ")
    first, second = (pull_round(home, {"KAZ": web.url}, SystemClock()).attempts[0] for _ in range(2))
    assert (first.ok, first.standing.new, first.standing.size) == (True, 4, 4)
    assert (second.ok, second.standing.new) == (True, 0)


def test_what_is_not_this_states_tree_is_served(web: Web, tmp_path: Path) -> None:
    archive = web.home / "border" / "archive"
    (archive / "tur").mkdir()
    (archive / "tur" / "checkpoint").write_bytes(b"another state's")
    shutil.copy(web.home / "border/passphrase", archive / "kaz" / "passphrase")
    (archive / "kaz/data/sha256" / ("0" * 64)).symlink_to(web.home / "border/passphrase")
    digest = hashlib_of(archive)
    found = get(web, web.wire.tls["KGZ"], "tur/checkpoint", f"kaz/data/sha256/{'0' * 64}", f"kaz/data/sha256/{digest}")
    assert [data is None for data in found.values()] == [True, True, False]
    for path in ("/index.sqlite", "/kaz/passphrase", "/border.toml", "/secrets/tls.pem", "/kaz/../../passphrase", "/"):
        assert raw_status(web, path) in {400, 403, 404}, path
    assert raw_status(web, "/kaz/checkpoint") == 200
    assert raw_status(web, "/kaz/checkpoint", "POST") in {403, 405}


def hashlib_of(archive: Path) -> str:
    return next(path.name for path in (archive / "kaz/data/sha256").iterdir() if not path.is_symlink())


def raw_status(web: Web, path: str, method: str = "GET") -> int:
    leaf = web.wire.tls["KGZ"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tempfile.NamedTemporaryFile() as pem:
        write_private(Path(pem.name), leaf.key_pem + leaf.pem)
        context.load_cert_chain(pem.name)
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as raw, context.wrap_socket(raw) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(connection.recv(100).split(b" ")[1])


def test_a_leaf_that_the_roster_does_not_name_is_let_in(web: Web) -> None:
    forged = make_test_leaf("KGZ", issuer=web.wire.tls["KGZ"])
    for stranger in (make_wire_leaf("KGZ"), make_wire_leaf("XXX"), forged):
        with pytest.raises(PeerError, match=r"TLS leaf|broke"):
            get(web, stranger, "kaz/checkpoint")


def test_nginx_with_another_leaf_is_believed(web: Web) -> None:
    other = ClientTls.towards(
        web.wire.federation.roster.state("TUR"), web.wire.tls["KGZ"].pem, web.wire.tls["KGZ"].key_pem
    )
    source = open_source(web.url, cc="tur", tls=other)
    with pytest.raises(PeerError, match="TLS leaf"):
        source.head()
    source.close()
