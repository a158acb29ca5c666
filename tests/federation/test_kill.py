"""A border that is killed while it pulls: nothing half-done, and the next start goes on."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.foreground import standings
from tallystick.exchange.service import Limits
from tests.support.waiting import wait_for
from tests.support.wire import Wire, running_border

COMMAND = [sys.executable, "-m", "tallystick.exchange.border", "--home"]


@contextmanager
def _border(home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    child = subprocess.Popen([*COMMAND, home], stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def test_a_border_killed_in_the_middle_begins_anew(tmp_path: Path) -> None:
    """Real processes over gRPC: killed a few times while 120 releases come in, never asked twice for what it has."""
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 120, first_year=1950)
    kaz = wire.home(tmp_path, "KAZ")
    wire.feed(kaz, "KAZ")
    draw = random.Random(20)
    with running_border(kaz, limits=Limits(calls_per_peer=64)) as peer:
        home = wire.home(tmp_path, "KGZ", peers={"KAZ": f"grpcs://{peer.address}"})
        wire.feed(home, "KGZ")
        blobs, archive = home / "border/archive/kaz/data/sha256", Archive(home / "border/archive")
        kills = 0
        while archive.view("kaz") is None and kills < 5:
            with _border(home) as child:
                wait_for(lambda: blobs.is_dir() and any(blobs.iterdir()), what="the first data")
                time.sleep(draw.uniform(0, 0.03))
                child.send_signal(signal.SIGKILL)
                child.wait()
            kills += 1
            names = [path for path in blobs.iterdir() if not path.name.startswith(".")]
            assert all(path.stat().st_size for path in names)
        with _border(home) as child:
            wait_for(lambda: standings(home, ["KAZ"])["KAZ"].size == 120, what="the whole log")
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == 0
    assert kills
    assert archive.log("kaz").entries(0, 120) == wire.federation.state("KAZ").entries
    with archive.open_index() as index:
        assert index.execute("SELECT count(*) FROM releases WHERE status = 'not witnessed'").fetchone() == (120,)
