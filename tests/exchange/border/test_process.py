"""The border as the process that it is: what it loads, what it opens, how it starts, changes and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.foreground import standings
from tallystick.exchange.border.lock import who_runs
from tallystick.proto.exchange.v1.exchange_pb2 import HeadRequest
from tallystick.proto.exchange.v1.exchange_pb2_grpc import ExchangeServiceStub
from tests.support.leaves import TestLeaf
from tests.support.waiting import wait_for
from tests.support.wire import PHRASE, Wire, make_wire_leaf, running_border, write_private

COMMAND = [sys.executable, "-m", "tallystick.exchange.border", "--home"]
TRACED = """
import sys
opened = set()
sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
import atexit, json
from tallystick.exchange.border.main import main
atexit.register(lambda: print(json.dumps({"modules": sorted(sys.modules), "opened": sorted(opened)}), flush=True))
main(["--home", sys.argv[1]])
"""


@pytest.fixture
def wire() -> Wire:
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 2)
    return wire


@contextmanager
def process(home: Path, *command: object) -> Iterator["subprocess.Popen[str]"]:
    words = [str(word) for word in command or (*COMMAND, home)]
    started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


def listening(home: Path) -> str:
    return wait_for(lambda: (found := who_runs(home / "border")) and found.address, what="listening")


def head(address: str, wire: Wire, caller: TestLeaf, shown: bytes | None = None) -> bytes:
    pinned = shown or wire.client("KGZ", "KAZ").roots
    credentials = grpc.ssl_channel_credentials(pinned, caller.key_pem, caller.pem)
    options = [("grpc.ssl_target_name_override", "kaz.tallystick.invalid"), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(address, credentials, options=options) as channel:
        return ExchangeServiceStub(channel).Head(HeadRequest(), timeout=5).checkpoint


def test_a_running_border_has_loaded_node_code_or_opened_the_desk(wire: Wire, tmp_path: Path) -> None:
    """Asked of a border that listened, read its outbox, pulled a peer over gRPC and was ended."""
    kaz = wire.home(tmp_path, "KAZ")
    wire.feed(kaz, "KAZ")
    with running_border(kaz) as peer:
        home = wire.home(tmp_path, "KGZ", peers={"KAZ": f"grpcs://{peer.address}"})
        wire.feed(home, "KGZ")
        (home / "desk" / "register.db").write_bytes(b"")
        with process(home, sys.executable, "-c", TRACED, home) as border:
            listening(home)
            wait_for(lambda: Archive(home / "border" / "archive").view("kaz"), what="the pull")
            border.send_signal(signal.SIGTERM)
            said = border.communicate(timeout=20)[0].splitlines()
    found = json.loads(said[-1])
    assert border.returncode == 0
    loaded = found["modules"]
    forbidden = ("tallystick.node", "tallystick.cli", "sqlcipher3", "sqlite_utils", "numpy", "pandas", "rich", "typer")
    assert [name for name in loaded if name.startswith(forbidden) and name != "rich"] == []
    assert "tallystick.exchange.pull.rounds" in loaded
    inside = [path for path in found["opened"] if path.startswith(str(home))]
    assert any(path.startswith(str(home / "border" / "archive")) for path in inside)
    allowed = (str(home / "border"), str(home / "desk" / "outbox"))
    assert [path for path in inside if not path.startswith(allowed)] == []
    assert not any("register" in path for path in found["opened"])


def test_a_signal_takes_long_or_leaves_the_folder_locked(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    with process(home) as border:
        address = listening(home)
        assert border.stdout.readline() == f"listening on {address}\n"
        with process(home) as second:
            _out, err = second.communicate(timeout=20)
        assert second.returncode == 50
        assert err.startswith(f"error: {home / 'border'} is in use by process {border.pid}\nhint: ")
        started = time.monotonic()
        border.send_signal(signal.SIGTERM)
        assert border.wait(10) == 0
        assert time.monotonic() - started < 5
    assert who_runs(home / "border") is None
    events = [json.loads(line)["event"] for line in (home / "border" / "border.log").read_text().splitlines()]
    assert events[0] == "desk's outbox read"
    assert events[-1] == "stopping"


def test_a_wrong_passphrase_or_a_taken_port_is_not_said(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ")
    write_private(home / "border" / "passphrase", b"another passphrase\n")
    with process(home) as border:
        _out, err = border.communicate(timeout=20)
    assert border.returncode == 20
    assert "wrong passphrase" in err
    assert "Traceback" not in err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        home = wire.home(tmp_path, "KGZ", listen=listen)
        with process(home) as border:
            _out, err = border.communicate(timeout=20)
    assert border.returncode == 60
    assert f"error: cannot listen on {listen}\n" in err
    assert "Traceback" not in err


def test_the_key_file_or_the_passphrase_stands_in_the_log(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    with running_border(home, debug=True) as border:
        head(border.address, wire, wire.tls["KGZ"])
    text = "".join(path.read_text() for path in (home / "border").glob("border.l*"))
    assert PHRASE.decode() not in text
    assert "PRIVATE" not in text
    assert "served" in text


def test_a_border_without_roster_lets_somebody_in(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ", peers={"KGZ": "grpcs://127.0.0.1:1"}, joined=False)
    wire.feed(home, "KAZ")
    with running_border(home) as border:
        with pytest.raises(grpc.RpcError):
            head(border.address, wire, wire.tls["KGZ"])
        wire.join(home)
        wait_for(lambda: _answers(border.address, wire), what="the roster", seconds=40)


def _answers(address: str, wire: Wire, caller: TestLeaf | None = None, shown: bytes | None = None) -> bool:
    try:
        return bool(head(address, wire, caller or wire.tls["KGZ"], shown))
    except grpc.RpcError:
        return False


def test_a_rotated_leaf_of_a_peer_or_of_ours_needs_a_restart(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    kgz, kaz = make_wire_leaf("KGZ"), make_wire_leaf("KAZ")
    with running_border(home) as border:
        assert not _answers(border.address, wire, kgz)
        for code, leaf in (("KGZ", kgz), ("KAZ", kaz)):
            wire.rotate_leaf(code, leaf)
        wire.feed(home, "KAZ", log=False)
        wait_for(lambda: _answers(border.address, wire, kgz), what="the new pin")
        assert not _answers(border.address, wire, kgz, kaz.pem)
        key = wire.home(tmp_path / "other", "KAZ") / "border"
        (key / "secrets" / "tls.pem").rename(home / "border" / "secrets" / "tls.pem")
        (key / "tls.crt").rename(home / "border" / "tls.crt")
        wait_for(lambda: _answers(border.address, wire, kgz, kaz.pem), what="the new leaf")
    assert '"leaf renewed"' in (home / "border" / "border.log").read_text()


def test_a_removed_leaf_keeps_working(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    old = wire.tls["KGZ"]
    with running_border(home) as border:
        assert _answers(border.address, wire, old)
        wire.rotate_leaf("KGZ", make_wire_leaf("KGZ"), remove=True)
        wire.feed(home, "KAZ", log=False)
        wait_for(lambda: not _answers(border.address, wire, old), what="the removal")
        assert _answers(border.address, wire, wire.tls["KGZ"])


def test_an_address_that_is_added_or_a_sighup_goes_unheard(wire: Wire, tmp_path: Path) -> None:
    kaz, home = wire.home(tmp_path, "KAZ"), wire.home(tmp_path, "KGZ", pull_seconds=3600)
    wire.feed(kaz, "KAZ")
    wire.feed(home, "KGZ")
    with running_border(kaz) as peer, process(home) as border:
        listening(home)
        (home / "border" / "peers.toml").write_text(f'[peers]\nKAZ = "grpcs://{peer.address}"\n')
        wait_for(lambda: standings(home, ["KAZ"])["KAZ"].size == 2, what="the first pull")
        wire.release("KAZ", 1, first_year=2018)
        wire.feed(kaz, "KAZ", first=2, roster=False)
        wait_for(lambda: Archive(kaz / "border" / "archive").view("kaz").size == 3, what="the import")
        border.send_signal(signal.SIGHUP)
        wait_for(lambda: standings(home, ["KAZ"])["KAZ"].size == 3, what="the pull at once")


def test_the_archive_is_for_the_owner_only_or_for_all(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    with process(home) as border:
        listening(home)
        border.send_signal(signal.SIGTERM)
        border.wait(10)
    modes = {path: path.stat().st_mode & 0o777 for path in (home / "border").rglob("*")}
    assert not any(mode & 0o007 for path, mode in modes.items() if path.name not in {"tls.crt", "border.toml"})
    assert modes[home / "border/archive/index.sqlite"] == 0o640
    assert modes[home / "border/inbox"] == 0o750
    assert modes[home / "border/state.db"] == 0o600


@pytest.mark.slow
def test_a_gzip_bomb_or_a_huge_message_fills_the_borders_memory(wire: Wire, tmp_path: Path) -> None:
    """From a pinned peer: 256 MiB, packed into a quarter of one and plain; then the port still answers others."""
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    with process(home) as border:
        address = listening(home)
        wait_for(lambda: _answers(address, wire), what="an answer")
        before = _peak_mb(border.pid)
        credentials = grpc.ssl_channel_credentials(
            wire.client("KGZ", "KAZ").roots, wire.tls["KGZ"].key_pem, wire.tls["KGZ"].pem
        )
        options = [("grpc.ssl_target_name_override", "kaz.tallystick.invalid"), ("grpc.max_send_message_length", -1)]
        with grpc.secure_channel(address, credentials, options=options) as channel:
            call = channel.unary_unary("/tallystick.exchange.v1.ExchangeService/Head")
            for packing in (grpc.Compression.Gzip, grpc.Compression.NoCompression):
                with pytest.raises(grpc.RpcError) as caught:
                    call(bytes(256 * 1024 * 1024), timeout=60, compression=packing)
                assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert _answers(address, wire)
        assert _peak_mb(border.pid) - before < 32


def _peak_mb(pid: int) -> float:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may walk through, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become two users")
def test_two_users_have_no_wall(wire: Wire, open_folder: Path) -> None:
    """Desk under one uid, border under another: the border runs, and cannot read the desk's files."""
    home = wire.home(open_folder, "KAZ")
    wire.feed(home, "KAZ")
    desk, border, group = 61_001, 61_002, 61_003
    for path in [home / "desk", *(home / "desk").rglob("*")]:
        os.chown(path, desk, group)
    for path in [home / "border", *(home / "border").rglob("*")]:
        os.chown(path, border, group)
    (home / "desk").chmod(0o710)
    (home / "desk" / "register.db").write_bytes(b"cases")
    os.chown(home / "desk" / "register.db", desk, desk)
    (home / "desk" / "register.db").chmod(0o600)
    code = (
        "import os, sys; from pathlib import Path; home = Path(sys.argv[1])\n"
        "from tallystick.exchange.border.main import main; import tallystick.exchange.border.process, _strptime\n"
        "import encodings.utf_16_be, encodings.idna, encodings.latin_1, encodings.ascii, stringprep\n"
        "os.setgroups([]); os.setgid(61003); os.setuid(61002)\n"  # the interpreter may be root's: imported before
        "try: (home / 'desk' / 'register.db').read_bytes(); print('READ', flush=True)\n"
        "except PermissionError: print('refused', flush=True)\n"
        "main(['--home', str(home)])"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code, str(home)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert child.stdout.readline() == "refused\n"
        assert child.stdout.readline().startswith("listening on"), child.communicate(timeout=20)
        wait_for(lambda: Archive(home / "border" / "archive").view("kaz"), what="the import")
    finally:
        child.terminate()
        said = child.communicate(timeout=20)
    assert child.returncode == 0, said
