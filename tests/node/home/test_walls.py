"""The wall between two users, tried by a process of another user; where root cannot be had, it says it was not."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.cli.roster import _state_of
from tallystick.config.clock import FixedClock
from tallystick.node.home.demo import make_demo_home
from tallystick.node.home.doctor import examine

NOBODY = 65_534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="two users are needed; only root can become another")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home whose parents everybody can walk through, so that only its own permissions stand in the way."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Path(folder) / "kaz"
        make_demo_home(made, "KAZ", "Ministry", FixedClock(datetime(2026, 11, 20, tzinfo=UTC)))
        (made / "desk" / "outbox" / "00000001.log").write_bytes(b"sealed")
        (made / "desk" / "outbox" / "00000001.log").chmod(0o640)
        yield made


def as_user(uid: int, gid: int, tried: Callable[[], bool]) -> bool:
    """Run ``tried`` in a child under another user; return what it returned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            os._exit(0 if tried() else 1)
        except BaseException:
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 1}
    return code == 0


def can_read(path: Path) -> bool:
    try:
        path.read_bytes()
    except PermissionError:
        return False
    return True


SECRET = (
    "desk/register.db",
    "desk/keyring.db",
    "desk/passphrase",
    "desk/secrets/register.secret",
    "desk/secrets/log-ed25519.pem",
    "border/secrets/tls.pem",
    "border/passphrase",
    "people/officer-1.pem",
)


@pytest.mark.parametrize("group", [NOBODY, 0], ids=["stranger", "same group"])
@pytest.mark.parametrize("name", SECRET)
def test_another_user_opens_no_secret_even_from_the_same_group(home: Path, name: str, group: int) -> None:
    assert can_read(home / name)
    assert not as_user(NOBODY, group, lambda: can_read(home / name))


def test_the_other_machines_user_reads_the_spool_by_its_group_and_writes_nothing(home: Path) -> None:
    letter = home / "desk" / "outbox" / "00000001.log"
    assert as_user(NOBODY, 0, lambda: can_read(letter))
    assert not as_user(NOBODY, NOBODY, lambda: can_read(letter))
    assert not as_user(NOBODY, 0, lambda: os.access(letter.parent, os.W_OK))
    assert not as_user(NOBODY, 0, lambda: os.access(home / "desk", os.R_OK))


@pytest.mark.parametrize(("mine", "theirs"), [("border", "desk"), ("desk", "border")])
def test_each_of_two_users_examines_and_names_his_own_part_and_does_not_stumble_over_the_other(
    home: Path, mine: str, theirs: str
) -> None:
    for path in [home / mine, *(home / mine).rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    try:
        topics = {"desk": {"officers", "keyring backup"}, "border": {"TLS certificate"}}

        def tried() -> bool:
            found = set(examine(home, FixedClock(datetime(2026, 11, 20, tzinfo=UTC))))
            return topics[mine] <= found and not topics[theirs] & found and _state_of(home) == "KAZ"

        assert as_user(NOBODY, NOBODY, tried)
    finally:
        for path in [home / mine, *(home / mine).rglob("*")]:
            os.chown(path, 0, 0)
