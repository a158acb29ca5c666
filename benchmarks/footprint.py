"""How heavy the parts are: one release verified as a whole process, the base install on disk.

Yardsticks: ``python -c pass`` in the same environment for the process; for the install the 100 MB that were set.
"""

import importlib.metadata
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROUNDS = 7
BASE_LIMIT_MB = 100


def _median(command: list[str]) -> float:
    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, check=False)
        times.append(time.perf_counter() - started)
        assert answer.returncode == 0, answer.stderr.decode()
    return statistics.median(times)


def base_packages(name: str = "tallystick") -> set[str]:
    """Every distribution that a base install brings, the extras left out."""
    found: set[str] = set()
    waiting = [(name, "")]
    while waiting:
        wanted, extra = waiting.pop()
        if wanted.lower() in found and not extra:
            continue
        found.add(wanted.lower())
        for text in importlib.metadata.requires(wanted) or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": extra}):
                waiting += [(requirement.name, one) for one in (requirement.extras or {""})]
                if requirement.name.lower() not in found:
                    waiting.append((requirement.name, ""))
    return found


def installed_bytes(names: set[str]) -> int:
    """Bytes on disk of the files that these distributions installed, byte code left out."""
    total = 0
    for name in names:
        for file in importlib.metadata.files(name) or ():
            path = Path(str(file.locate()))
            if path.suffix != ".pyc" and path.is_file():
                total += path.stat().st_size
    source = Path(__file__).resolve().parent.parent / "tallystick"
    return total + sum(path.stat().st_size for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc")


def main() -> dict[str, Any]:
    """Measure and print."""
    size = installed_bytes(base_packages()) / 1e6
    print(f"base install {size:.0f} MB of {BASE_LIMIT_MB} MB")
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [sys.executable, "-m", "tallystick.cli.main", "demo", "run", "demo", "--states", "KGZ,TKM"],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        try:
            assert made.returncode == 0, made.stderr.decode()
            pack = Path(folder) / "demo" / "pack"
            release = min(pack.glob("kgz/releases/*.dsse.json"))
            words = Path(folder) / "demo" / "pack.words"
            verify = _median(
                [sys.executable, "-m", "tallystick.cli.main", "verify", str(release), "--root", str(words)]
            )
        finally:
            stop = [sys.executable, "-m", "tallystick.cli.main", "demo", "stop", "demo"]
            subprocess.run(stop, cwd=folder, capture_output=True, check=False)
    bare = _median([sys.executable, "-c", "pass"])
    print(f"verify of one release, whole process: {verify * 1e3:.0f} ms; python alone {bare * 1e3:.0f} ms")
    return json.loads(
        json.dumps(
            {
                "base_install_mb": round(size, 1),
                "verify_one_release_ms": round(verify * 1e3),
                "python_alone_ms": round(bare * 1e3),
                "ratio_to_python_alone": round(verify / bare, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
