"""What the border remembers: standings, alarms with evidence, its cursor; and who may write in its folder."""

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from tallystick.config.errors import KeyNotTrustedError, StoreError
from tallystick.exchange.border.lock import BorderLock, who_runs
from tallystick.exchange.border.logbook import LogFile, open_log
from tallystick.exchange.border.state import BorderState, PeerStanding, SpoolCursor
from tallystick.exchange.border.timing import Timing
from tallystick.exchange.spool import Cursor

AT = datetime(2021, 6, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_a_standing_is_lost_when_the_border_starts_again(path: Path) -> None:
    failed = PeerStanding(url="u", size=7, notes=("a", "b"), rosters=("x", "y")).failed(
        KeyNotTrustedError("who", hint="h")
    )
    state = BorderState(path)
    assert state.peer("KAZ") == PeerStanding()
    state.set_peer("KAZ", failed)
    state.close()
    for read_only in (False, True):
        again = BorderState(path, read_only=read_only)
        assert again.peer("KAZ") == failed
        assert (failed.failures, failed.error, failed.hint, failed.refused) == (1, "who", "h", True)
        again.close()


def test_the_same_alarm_is_raised_anew_each_time(path: Path) -> None:
    state = BorderState(path)
    assert state.raise_alarm("KAZ", "split view", "two heads", (b"one", b"two\0"), AT)
    assert not state.raise_alarm("KAZ", "split view", "in other words", (b"one", b"two\0"), AT + timedelta(days=1))
    assert state.raise_alarm("KAZ", "split view", "two heads", (b"one", b"three"), AT)
    assert state.raise_alarm("KGZ", "rollback", "back", (), AT)
    assert not state.raise_alarm("KGZ", "rollback", "back", (), AT)
    state.close()
    again = BorderState(path, read_only=True)
    assert [(one.state, one.kind, one.times) for one in again.alarms()] == [
        ("KAZ", "split view", 2),
        ("KAZ", "split view", 1),
        ("KGZ", "rollback", 2),
    ]
    assert again.alarms()[0].last_at == "2021-06-02T00:00:00Z"
    assert again.evidence(1) == (b"one", b"two\0")
    again.close()


def test_endless_alarms_fill_the_disk(path: Path) -> None:
    state = BorderState(path)
    fresh = [state.raise_alarm("KAZ", "split view", "again", (bytes([number]),), AT) for number in range(50)]
    assert sum(fresh) == 20
    assert state.raise_alarm("KGZ", "split view", "another state's", (b"x",), AT)
    assert [one.times for one in state.alarms() if one.state == "KAZ"][-1] == 31
    state.close()


def test_a_receipt_is_sent_twice_or_never(path: Path) -> None:
    state = BorderState(path)
    assert state.without_receipt(["a", "b"]) == ["a", "b"]
    state.receipts_sent(["a"])
    assert state.without_receipt(["a", "b"]) == ["b"]
    state.close()


def test_the_cursor_is_lost(path: Path) -> None:
    state = BorderState(path)
    cursor = SpoolCursor(state)
    assert cursor.load() == Cursor()
    cursor.save(Cursor(7, (3, 5), "ab"))
    assert SpoolCursor(state).load() == Cursor(7, (3, 5), "ab")
    state.close()


def test_a_file_of_another_format_or_none_is_used(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="format 99"):
        BorderState(path)
    path.with_name("junk").write_bytes(b"not a database, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="cannot use"):
        BorderState(path.with_name("junk"))


def test_others_can_read_what_the_border_remembers(path: Path) -> None:
    BorderState(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_processes_write_in_one_border_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tallystick.exchange.border.lock import BorderLock;"
        "lock = BorderLock(Path(sys.argv[1])); lock.tell('127.0.0.1:7'); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"held\n"
        running = who_runs(tmp_path)
        assert (running.pid, running.address) == (child.pid, "127.0.0.1:7")
        with pytest.raises(StoreError, match=f"in use by process {child.pid}"):
            BorderLock(tmp_path)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert who_runs(tmp_path) is None
    with BorderLock(tmp_path):
        assert who_runs(tmp_path).pid == os.getpid()
    assert who_runs(tmp_path) is None


def test_a_log_grows_without_end_or_takes_terminal_codes(tmp_path: Path) -> None:
    log = open_log(tmp_path / "border.log")
    log.info("pulled", what="\x1b[31mred\n{}", long="x" * 10_000, peer="ҚАЗ")
    log.debug("not shown")
    line = (tmp_path / "border.log").read_text()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert len(line) < 1000
    assert '"peer": "ҚАЗ"' in line
    small = LogFile(tmp_path / "small", limit=100)
    for number in range(50):
        small.msg(f"line {number}")
    small.close()
    assert (tmp_path / "small").stat().st_size <= 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["border.log", "small", "small.1"]
    assert (tmp_path / "small").stat().st_mode & 0o777 == 0o600


def test_nine_states_ask_at_once_or_a_dead_peer_is_asked_for_ever_at_once() -> None:
    timing = Timing(300, Random(1))
    pauses = [timing.after(0) for _ in range(100)]
    assert 240 <= min(pauses) < 260
    assert 340 < max(pauses) <= 360
    assert [round(Timing(300, _Middle()).after(failures)) for failures in (1, 2, 3, 8, 20, 10_000)] == [
        1, 2, 4, 128, 1200, 1200,
    ]  # fmt: skip
    assert round(Timing(86_400, _Middle()).after(50)) == 3600
    assert all(0 <= timing.first() <= 1 for _ in range(20))


class _Middle(Random):
    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2
