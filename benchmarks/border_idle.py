"""What a border that has nothing to do weighs: nine on loopback that pulled each other, then wait for the next time."""

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.lock import who_runs
from tests.support.rosters import NINE
from tests.support.waiting import wait_for
from tests.support.wire import Wire, free_port

TARGET_MB = 80.0
RELEASES = 20
SETTLE_SECONDS = 12.0


def _status(pid: int) -> dict[str, float]:
    """Return resident memory in MB (10^6 bytes) and processor seconds of a process."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {
        "rss_mb": int(lines["VmRSS"].split()[0]) * 1024 / 1e6,
        "anon_mb": int(lines["RssAnon"].split()[0]) * 1024 / 1e6,
        "cpu_s": (int(fields[11]) + int(fields[12])) / 100,
    }


def _holds_all(home: Path) -> bool:
    archive = Archive(home / "border" / "archive")
    return all((view := archive.view(code.lower())) is not None and view.size == RELEASES for code in NINE)


def main() -> dict[str, Any]:
    """Measure, print, return the figures."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        wire, ports, homes = Wire.make(NINE), {code: free_port() for code in NINE}, []
        for code in NINE:
            wire.release(code, RELEASES, first_year=2000)
            peers = {other: f"grpcs://127.0.0.1:{port}" for other, port in ports.items() if other != code}
            home = wire.home(Path(name), code, listen=f"127.0.0.1:{ports[code]}", peers=peers, pull_seconds=300)
            wire.feed(home, code)
            homes.append(home)
        for home in homes:
            command = [sys.executable, "-m", "tallystick.exchange.border", "--home", str(home)]
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            stack.callback(child.wait)
            stack.callback(child.terminate)
        for home in homes:
            wait_for(lambda home=home: _holds_all(home), seconds=120, what="everybody's log everywhere")
        pids = [found.pid for home in homes if (found := who_runs(home / "border"))]
        before = [_status(pid)["cpu_s"] for pid in pids]
        time.sleep(SETTLE_SECONDS)
        found = [_status(pid) for pid in pids]
        share = statistics.mean(one["cpu_s"] - at for one, at in zip(found, before, strict=True)) / SETTLE_SECONDS
    worst, typical = max(one["rss_mb"] for one in found), statistics.median(one["rss_mb"] for one in found)
    print(f"  resident  {typical:.1f} MB typical, {worst:.1f} MB at most (target {TARGET_MB:g})")
    in_mib = f"{typical * 1e6 / 2**20:.1f} typical, {worst * 1e6 / 2**20:.1f} at most"
    print(f"  as ps and top count (1024 kB to the MB): {in_mib}")
    print(f"  of which not shared {statistics.median(one['anon_mb'] for one in found):.1f} MB")
    print(f"  processor {share:.1%} of one core, 8 peers, the default interval")
    return {
        "peers": len(NINE) - 1,
        "rss_mb": round(typical, 1),
        "rss_worst_mb": round(worst, 1),
        "rss_mib": round(typical * 1e6 / 2**20, 1),
        "target_mb": TARGET_MB,
        "cpu_share": round(share, 4),
    }
