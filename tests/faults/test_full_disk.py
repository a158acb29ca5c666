"""A disk that takes nothing more: the border says so where it can, serves on, and loses nothing."""

import errno
import os
from pathlib import Path

import pytest

from tallystick.exchange.border.logbook import LogFile
from tallystick.exchange.border.outbox import DeskIntake, Imported
from tallystick.exchange.pull import open_source
from tests.support.waiting import wait_for
from tests.support.wire import Wire, running_border


def test_a_line_that_the_disk_does_not_take_ends_nothing() -> None:
    log = LogFile(Path("/dev/full"))
    log.info("nobody will read this")
    log.close()


def test_a_log_that_cannot_be_turned_over_writes_into_no_other_file(tmp_path: Path) -> None:
    """A handle that is closed and still used would write the log into whatever is opened next."""
    log = LogFile(tmp_path / "border.log", limit=20)
    log.info("the first line")
    (tmp_path / "border.log.1").mkdir()
    (tmp_path / "border.log.1" / "keeps it from being replaced").touch()
    log.info("the second line")
    with (tmp_path / "another").open("wb") as other:
        log.info("the third line")
        assert os.fstat(other.fileno()).st_size == 0
    log.close()
    assert (tmp_path / "border.log").read_text() == "the first line\n"


def test_a_border_on_a_full_disk_serves_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 1)
    home = wire.home(tmp_path, "KAZ")
    wire.feed(home, "KAZ")
    with running_border(home) as border:
        failed = []

        def full(_intake: DeskIntake) -> Imported:
            failed.append(1)
            raise OSError(errno.ENOSPC, "No space left on device", "archive")

        monkeypatch.setattr(DeskIntake, "pass_over", full)
        wait_for(lambda: len(failed) > 1)
        source = open_source(f"grpcs://{border.address}", cc="kaz", tls=wire.client("KGZ", "KAZ"))
        assert source.head().checkpoint.splitlines()[:3] == wire.federation.state("KAZ").checkpoint().splitlines()[:3]
        source.close()
    assert "No space left on device" in (home / "border" / "border.log").read_text()
