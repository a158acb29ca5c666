"""A disk that is really full, and one that is really read-only: a mount of its own, where this user may make one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import serve
from tests.support.names import OPERATIONS


@contextmanager
def _mounted(place: Path, size: str) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        raise PermissionError(made.stderr.decode())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def on_small_disk(base: str, *names: str) -> Any:
    """Run each command on a disk with ever less room, then on a read-only one; return what each of them did."""
    from tests.support.border_operations import border_operations
    from tests.support.desk_operations import desk_operations

    found = {}
    for name in names:
        operation = (desk_operations() | border_operations())[name]
        place = Path(base) / "disk"
        with _mounted(place, "16m"):
            found[name] = _pressed(operation, place)
    return found


def _pressed(operation: Any, place: Path) -> list[int]:
    from tests.support.operations import Stage
    from tests.support.striking import CODES

    stage, codes = Stage(operation, place / "stage"), []
    stage.sights()
    for room in (0, 4, 16, 40, 100, 220):
        stage.fresh()
        ballast = place / "ballast"
        with ballast.open("wb") as stream:
            stream.truncate(0)
            facts = os.statvfs(place)
            os.posix_fallocate(stream.fileno(), 0, max(facts.f_bavail * facts.f_bsize - room * 1024, 1))
        codes.append(_tried(stage, CODES, ballast.unlink))
    stage.fresh()
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    codes.append(_tried(stage, CODES, lambda: subprocess.run(["mount", "-o", "remount,rw", place], check=True), place))
    return codes


def _tried(stage: Any, allowed: set[int], mend: Any, read_only: Path | None = None) -> int:
    from tests.support.faults import Fault, run

    said = Path(f"{stage._work.parents[1]}.said")
    code = run(stage.act, stage._work, Fault("failed", 10**9), said)
    words = said.read_text(errors="replace")
    assert "Traceback" not in words, words
    assert code == 0 or code in allowed, f"{code}: {words}"
    assert read_only is None or code != 0, "it wrote on a read-only disk"
    mend()
    stage.check_left(done=code == 0)
    stage.check_goes_on()
    return code


@pytest.mark.parametrize(
    "names",
    [("release publish",), pytest.param(OPERATIONS, marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_a_full_or_read_only_disk_loses_nothing_and_the_command_goes_on_once_there_is_room(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    try:
        with _mounted(tmp_path / "try", "1m"):
            pass
    except (PermissionError, FileNotFoundError) as error:
        pytest.skip(f"this user cannot mount a small disk: {error}")
    found = serve("tests.faults.test_small_disk:on_small_disk", str(tmp_path), *names)
    assert all(codes[-1] for codes in found.values())
    assert any(codes[0] for codes in found.values()), "no disk was ever full"
