import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.files import make_dir, read_bounded, replace_file, write_new


def test_write_new_never_touches_what_is_there(tmp_path: Path) -> None:
    write_new(tmp_path / "key", b"first")
    with pytest.raises(StoreError, match="already exists"):
        write_new(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_secret_is_born_unreadable_by_others(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_new(tmp_path / "key", b"x")
        make_dir(tmp_path / "d" / "secrets")
    finally:
        os.umask(old)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "d" / "secrets").stat().st_mode & 0o777 == 0o700


def test_reading_refuses_links_pipes_folders_second_names_and_size(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(real)
    os.mkfifo(tmp_path / "pipe")
    assert read_bounded(real, 5) == b"12345"
    with pytest.raises(MalformedError, match="larger than 4 bytes"):
        read_bounded(real, 4)
    for name in ("link", "pipe", ".", "absent"):
        with pytest.raises(StoreError):
            read_bounded(tmp_path / name, 10)
    with pytest.raises(StoreError, match="another user"):
        read_bounded(real, 10, owner=os.getuid() + 1)
    os.link(real, tmp_path / "second")
    with pytest.raises(StoreError, match="hard link"):
        read_bounded(real, 10, one_link=True)


KILL = """
import os, signal, sys
from collections.abc import Callable
from pathlib import Path
from tallystick.config import files
calls = int(sys.argv[2])
def counted(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        global calls
        calls -= 1
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call
for name in ("open", "fchmod", "fsync", "rename", "link", "unlink", "close"):
    setattr(os, name, counted(name))
files.replace_file(Path(sys.argv[1]), b"new" * 1000)
"""


def test_a_kill_at_any_step_of_a_replacement_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "state"
    seen = set()
    for step in range(1, 40):
        replace_file(target, b"old")
        child = subprocess.run([sys.executable, "-c", KILL, str(target), str(step)], check=False, timeout=30)
        seen.add(target.read_bytes())
        assert seen <= {b"old", b"new" * 1000}
        if child.returncode == 0:
            break
        assert child.returncode == -9
    else:
        pytest.fail("the child never finished")
    assert seen == {b"old", b"new" * 1000}


@pytest.mark.parametrize("trap", ["link", "pipe", "second name"])
@pytest.mark.parametrize("write", [replace_file, write_new])
def test_what_was_planted_where_we_write_first_is_neither_waited_for_nor_written_through(
    tmp_path: Path, trap: str, write: Callable[[Path, bytes], None]
) -> None:
    victim, planted = tmp_path / "victim", tmp_path / ".target.tmp"
    victim.write_bytes(b"somebody's")
    if trap == "pipe":
        os.mkfifo(planted)
    elif trap == "link":
        planted.symlink_to(victim)
    else:
        os.link(victim, planted)
    write(tmp_path / "target", b"ours")
    assert victim.read_bytes() == b"somebody's"
    assert (tmp_path / "target").read_bytes() == b"ours"
    assert not planted.is_symlink()
    assert not planted.exists()
