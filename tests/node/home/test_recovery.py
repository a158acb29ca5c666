"""Recovery sheets give back the very secrets, two at a time, and never write over one."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest

from tallystick.config.errors import MalformedError, SignerError, StoreError
from tallystick.keys.secrets import GENERATED, FileSecrets
from tallystick.node.cases.opening import open_desk_secret, open_store
from tallystick.node.home.recovery import make_sheets, read_sheet, recover_secret, sheet_text, write_sheets

AT = datetime(2026, 11, 20, tzinfo=UTC)
Desk = tuple[Path, dict[str, bytes], tuple[Path, ...]]
Made = Callable[..., tuple[Path, dict[str, bytes]]]


@pytest.fixture
def desk(made: Made, tmp_path: Path) -> Desk:
    home, kept = made("desk")
    return home / "desk", kept, write_sheets(tmp_path, make_sheets("KAZ", kept), AT)


def test_any_two_sheets_give_every_secret_back_under_a_new_passphrase(desk: Desk, ask: FileSecrets) -> None:
    folder, kept, sheets = desk
    before = {name: open_desk_secret(folder, name, ask) for name in kept}
    assert [name for name in kept if before[name] != kept[name]] == ["identity"], "sheets hold a root, not the key"
    for pair, name in zip(combinations(sheets, 2), ("register", "identity", "noise"), strict=True):
        (folder / "secrets" / f"{name}.secret").unlink()
        ask.path.write_text(f"a new passphrase for {name}")
        check = recover_secret(folder, name, [read_sheet(path, name) for path in pair], ask, work=GENERATED)
        assert check in sheets[0].read_text()
        assert open_desk_secret(folder, name, ask) == before[name]


def test_the_register_opens_again_after_its_key_was_lost(desk: Desk, ask: FileSecrets) -> None:
    folder, _kept, sheets = desk
    (folder / "secrets" / "register.secret").unlink()
    with pytest.raises(StoreError):
        open_store(folder.parent, ask)
    recover_secret(folder, "register", [read_sheet(path, "register") for path in sheets[1:]], ask, work=GENERATED)
    assert open_store(folder.parent, ask).count() == 0


def test_a_secret_that_is_there_is_not_written_over(desk: Desk, ask: FileSecrets) -> None:
    folder, _kept, sheets = desk
    before = (folder / "secrets" / "noise.secret").read_bytes()
    with pytest.raises(StoreError, match="already exists"):
        recover_secret(folder, "noise", [read_sheet(path, "noise") for path in sheets[:2]], ask)
    assert (folder / "secrets" / "noise.secret").read_bytes() == before


def test_sheets_of_another_desk_or_another_secret_are_refused(desk: Desk, ask: FileSecrets) -> None:
    folder, _kept, sheets = desk
    (folder / "secrets" / "noise.secret").unlink()
    foreign = [sheet.words["noise"] for sheet in make_sheets("KAZ", {"noise": bytes(range(32))})[:2]]
    swapped = [read_sheet(path, "identity") for path in sheets[:2]]
    for shares in (foreign, swapped):
        with pytest.raises(SignerError, match="another secret"):
            recover_secret(folder, "noise", shares, ask)
    assert not (folder / "secrets" / "noise.secret").exists()


def test_sheets_are_narrow_private_and_not_written_over(desk: Desk, tmp_path: Path) -> None:
    _folder, kept, sheets = desk
    assert [path.name for path in sheets] == [f"recovery-kaz-{number}-of-3.txt" for number in (1, 2, 3)]
    for path in sheets:
        assert path.stat().st_mode & 0o777 == 0o600
        assert max(len(line) for line in path.read_text().splitlines()) <= 80
        assert not any(secret.hex() in path.read_text() for secret in kept.values())
    with pytest.raises(StoreError, match="already exists"):
        write_sheets(tmp_path, make_sheets("KAZ", kept), AT)
    with pytest.raises(StoreError, match="not a folder"):
        write_sheets(tmp_path / "none", make_sheets("KAZ", kept), AT)


def test_one_sheet_alone_or_the_same_twice_gives_nothing(desk: Desk, ask: FileSecrets) -> None:
    folder, _kept, sheets = desk
    (folder / "secrets" / "noise.secret").unlink()
    share = read_sheet(sheets[0], "noise")
    for shares in ([share], [share, share]):
        with pytest.raises(SignerError, match="two different"):
            recover_secret(folder, "noise", shares, ask)


def test_a_sheet_that_others_can_read_or_that_is_none_is_refused(desk: Desk, tmp_path: Path) -> None:
    _folder, _kept, sheets = desk
    sheets[0].chmod(0o644)
    with pytest.raises(SignerError, match="other users"):
        read_sheet(sheets[0], "noise")
    other = tmp_path / "letter.txt"
    other.write_text("Dear colleague")
    other.chmod(0o600)
    with pytest.raises(MalformedError, match="no share of the noise secret"):
        read_sheet(other, "noise")


def test_words_do_not_stand_in_a_repr() -> None:
    sheet = make_sheets("KAZ", {"noise": bytes(32)})[0]
    assert sheet.words["noise"].split()[5] not in repr(sheet)
    assert "check" in sheet_text(sheet, AT)
