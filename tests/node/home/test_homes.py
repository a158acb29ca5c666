"""Each machine gets what it needs and nothing of the other's."""

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from tallystick.config.clock import FixedClock
from tallystick.config.errors import SignerError, StoreError, UsageError
from tallystick.config.settings import load_border, load_desk
from tallystick.keys.card import read_card
from tallystick.keys.certificate import check_leaf, days_left, peer_name
from tallystick.keys.secrets import GENERATED, FileSecrets, open_secret
from tallystick.keys.signer import load_signer
from tallystick.node.cases.opening import SECRET_PURPOSES, open_desk_secret, open_store
from tallystick.node.home.homes import make_home
from tallystick.node.home.making import BORDER_CARD, DESK_CARD, LEAF_DAYS, HomePlan
from tallystick.node.home.ports import FIRST_PORT, LAST_PORT, choose_port
from tests.support.files import names_in

Made = Callable[..., tuple[Path, dict[str, bytes]]]


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_desk_has_its_own_keys_and_a_register_and_nothing_of_a_border(made: Made) -> None:
    home, _kept = made("desk")
    assert names_in(home) == ["desk"]
    assert names(home / "desk" / "secrets") == {
        "register.secret",
        "identity.secret",
        "identity.box",
        "noise.secret",
        "log-ed25519.pem",
        "log-mldsa44.pem",
    }
    assert {"register.db", "keyring.db", "desk.toml", DESK_CARD, "outbox", "officers"} <= names(home / "desk")


def test_a_border_has_only_tls_and_witness_keys(made: Made) -> None:
    home, kept = made("border")
    assert names_in(home) == ["border"]
    assert names(home / "border" / "secrets") == {"tls.pem", "witness-ed25519.pem"}
    assert not [name for name in names(home) if "register" in name or "log" in name or name.endswith(".secret")]
    assert kept == {}


def test_settings_read_back_what_was_chosen_and_the_port_stays(made: Made) -> None:
    home, _kept = made("desk", "border")
    desk, border = load_desk(home), load_border(home)
    assert (desk.state, desk.name, desk.demo) == ("KAZ", "Ministry", False)
    assert FIRST_PORT <= int(border.listen.rpartition(":")[2]) <= LAST_PORT
    assert load_border(home).listen == border.listen
    assert desk.resolve(desk.outbox).resolve() == border.resolve(border.outbox).resolve() == home / "desk" / "outbox"
    assert desk.resolve(desk.inbox).resolve() == border.resolve(border.inbox).resolve() == home / "border" / "inbox"


def test_nobody_else_can_read_a_secret_and_the_group_reaches_only_the_spool(made: Made) -> None:
    home, _kept = made("desk", "border")
    modes = {str(path.relative_to(home)): path.stat().st_mode & 0o777 for path in home.rglob("*")}
    assert modes["desk"] == modes["border"] == 0o710
    assert modes["desk/outbox"] == modes["border/inbox"] == modes["border/archive"] == 0o750
    for name, mode in modes.items():
        assert mode & 0o007 == 0, name
        if name.endswith((".secret", ".pem", ".db", "/secrets")):
            assert mode & 0o077 == 0, name


def test_the_sealed_secrets_open_the_register_and_are_what_the_sheets_give_but_for_the_identity_key(
    made: Made, ask: FileSecrets
) -> None:
    home, kept = made("desk")
    assert set(kept) == set(SECRET_PURPOSES)
    assert len({*kept.values()}) == 3
    for name, secret in kept.items():
        assert (open_desk_secret(home / "desk", name, ask) == secret) is (name != "identity")
    store = open_store(home, ask)
    assert store.count() == 0
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(home / "desk" / "register.db").execute("SELECT * FROM sqlite_master")


def test_no_raw_secret_stands_anywhere_in_a_home(made: Made, ask: FileSecrets) -> None:
    home, kept = made("desk", "border")
    whole = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    phrase = ask.passphrase("x")
    for secret in (*kept.values(), phrase):
        assert secret not in whole
        assert secret.hex().encode() not in whole


def test_a_wrong_passphrase_opens_neither_secret_nor_key(made: Made, ask: FileSecrets) -> None:
    home, _kept = made("desk", "border")
    ask.path.write_text("another passphrase")
    with pytest.raises(SignerError, match="wrong passphrase for the register key"):
        open_store(home, ask)
    for name in ("desk/secrets/log-ed25519.pem", "border/secrets/tls.pem"):
        with pytest.raises(SignerError, match="wrong passphrase"):
            load_signer(home / name, ask)


def test_cards_carry_the_very_keys_of_the_machine(made: Made, ask: FileSecrets, clock: FixedClock) -> None:
    home, _kept = made("desk", "border", endpoints=("grpcs://border.example:8443",))
    desk = read_card((home / "desk" / DESK_CARD).read_bytes())
    border = read_card((home / "border" / BORDER_CARD).read_bytes())
    files = ("desk/secrets/log-ed25519.pem", "desk/secrets/log-mldsa44.pem")
    assert [key.keyid for key in desk.keys] == [load_signer(home / name, ask).keyid for name in files]
    files = ("border/secrets/tls.pem", "border/secrets/witness-ed25519.pem")
    assert [key.keyid for key in border.keys] == [load_signer(home / name, ask).keyid for name in files]
    assert [key.role for key in (*desk.keys, *border.keys)] == ["log", "log", "tls", "witness"]
    assert border.endpoints == ["grpcs://border.example:8443"]
    pem = (home / "border" / "tls.crt").read_bytes()
    check_leaf(pem, state="KAZ")
    assert days_left(pem, clock.now()) == LEAF_DAYS
    assert border.roster_keys()[0].certificate == pem
    assert peer_name("KAZ") == "kaz.tallystick.invalid"


def test_a_secret_sealed_for_one_purpose_is_not_taken_for_another(made: Made, ask: FileSecrets) -> None:
    home, _kept = made("desk")
    secrets = home / "desk" / "secrets"
    blob = (secrets / "identity.secret").read_bytes()
    with pytest.raises(SignerError, match="this is the sealed identity key, not the register key"):
        open_secret(blob, ask, "register key")


@pytest.mark.parametrize(
    ("listen", "endpoints"),
    [("0.0.0.0:8443", ()), ("[::]:8443", ()), ("nowhere", ()), ("127.0.0.1:0", ()), ("127.0.0.1:65536", ())],
)
def test_an_address_that_peers_cannot_use_makes_no_border(
    made: Made, tmp_path: Path, listen: str, endpoints: tuple[str]
) -> None:
    with pytest.raises(UsageError):
        made("border", listen=listen, endpoints=endpoints)
    assert names_in(tmp_path / "home") == []


def test_every_interface_is_fine_with_a_name_that_peers_know(made: Made) -> None:
    home, _kept = made("border", listen="0.0.0.0:8443", endpoints=("grpcs://border.example:8443",))
    assert load_border(home).listen == "0.0.0.0:8443"


def test_a_home_is_never_made_over_another(made: Made, tmp_path: Path) -> None:
    made("desk")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="already exists"):
        made("desk", "border")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_without_kept_sheets_there_is_no_home(tmp_path: Path, ask: FileSecrets, clock: FixedClock) -> None:
    def refuse(_secrets: object) -> None:
        raise SignerError("the sheet was not typed back")

    with pytest.raises(SignerError, match="typed back"):
        make_home(tmp_path / "home", ["desk", "border"], HomePlan("KAZ", "x"), ask, clock, refuse, work=GENERATED)
    assert names_in(tmp_path / "home") == []


def test_a_short_passphrase_makes_no_home(made: Made, ask: FileSecrets, tmp_path: Path) -> None:
    ask.path.write_text("short")
    with pytest.raises(SignerError, match="too short"):
        made("desk")
    assert names_in(tmp_path / "home") == []


def test_a_port_that_is_taken_is_not_chosen() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))

        script = Mock(randint=Mock(side_effect=[busy.getsockname()[1], 29_998, 29_999]))
        assert choose_port(taken={29_998}, generator=script) == 29_999
