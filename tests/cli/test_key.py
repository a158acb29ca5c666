"""``tallystick key`` and ``tallystick officer`` as they are typed."""

import json
from pathlib import Path

import pytest

from tallystick.keys.secrets import GENERATED, HUMAN
from tests.support.files import names_in
from tests.support.terminal import Outcome, run

PHRASE = "seven quiet rivers cross"


@pytest.fixture(autouse=True)
def quick_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The passphrase is printed above: one guess at it need not cost 0.2 s in every test."""
    for name, value in GENERATED.model_dump().items():
        monkeypatch.setitem(HUMAN.__dict__, name, value)


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    path = tmp_path / "phrase"
    path.write_text(PHRASE + "\n")
    path.chmod(0o600)
    return path


def new(tmp_path: Path, phrase: Path, *more: object, name: str = "Анна Б.", out: str = "anna.pem") -> Outcome:
    wanted = ("--for", "officer", "--state", "kaz", "--name", name, "--out", tmp_path / out)
    return run("key", "new", *wanted, "--passphrase-file", phrase, *more)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_a_key_is_made_with_its_card_and_the_card_is_shown_again(tmp_path: Path, phrase: Path, algorithm: str) -> None:
    done = new(tmp_path, phrase, "--algorithm", algorithm, "--json")
    document = json.loads(done.out)
    assert (document["state"], document["role"], document["name"]) == ("KAZ", "officer", "Анна Б.")
    shown = json.loads(run("key", "show", tmp_path / "anna.card.json", "--json").out)
    assert (
        shown["keys"]
        == document["keys"]
        == [{"role": "officer", "algorithm": algorithm, "keyid": document["keys"][0]["keyid"]}]
    )


def test_what_is_shown_says_which_file_stays_and_which_goes(tmp_path: Path, phrase: Path) -> None:
    done = new(tmp_path, phrase)
    assert "stays with you" in done.out
    assert "hand this one out" in done.out
    assert PHRASE not in done.out


def test_a_key_or_a_card_is_never_written_over(tmp_path: Path, phrase: Path) -> None:
    new(tmp_path, phrase)
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}
    assert new(tmp_path, phrase).code == 50
    (tmp_path / "anna.pem").unlink()
    assert new(tmp_path, phrase).code == 50
    assert not (tmp_path / "anna.pem").exists()
    assert (tmp_path / "anna.card.json").read_bytes() == before["anna.card.json"]


def test_a_refused_name_or_short_passphrase_leaves_nothing(tmp_path: Path, phrase: Path) -> None:
    assert new(tmp_path, phrase, name="x" * 90).code == 30
    phrase.write_text("short")
    assert new(tmp_path, phrase).code == 20
    assert names_in(tmp_path) == ["phrase"]


def test_a_lost_card_is_made_again_with_the_same_key_id(tmp_path: Path, phrase: Path) -> None:
    first = json.loads(new(tmp_path, phrase, "--json").out)
    (tmp_path / "anna.card.json").unlink()
    wanted = ("--for", "officer", "--state", "KAZ", "--name", "Анна Б.", "--out", tmp_path / "again.card.json")
    again = run("key", "card", tmp_path / "anna.pem", *wanted, "--passphrase-file", phrase, "--json")
    assert json.loads(again.out)["keys"] == first["keys"]


def test_a_private_key_or_a_changed_card_is_not_shown_as_a_card(tmp_path: Path, phrase: Path) -> None:
    new(tmp_path, phrase)
    done = run("key", "show", tmp_path / "anna.pem")
    assert (done.code, "is a private key" in done.err) == (2, True)
    card = tmp_path / "anna.card.json"
    card.write_bytes(card.read_bytes().replace(b"KAZ", b"KGZ"))
    done = run("key", "show", card)
    assert (done.code, "proof of possession" in done.err) == (30, True)


def test_a_wrong_passphrase_is_said_and_not_repeated(tmp_path: Path, phrase: Path) -> None:
    new(tmp_path, phrase)
    phrase.write_text("an entirely wrong one")
    wanted = ("--for", "officer", "--state", "KAZ", "--name", "A", "--out", tmp_path / "b.card.json")
    done = run("key", "card", tmp_path / "anna.pem", *wanted, "--passphrase-file", phrase)
    assert done.code == 20
    assert "wrong passphrase" in done.err
    assert "entirely" not in done.err


def test_there_is_no_option_to_type_a_passphrase_into() -> None:
    for command in (("init",), ("key", "new"), ("key", "card"), ("key", "recover")):
        text = run(*command, "--help").out
        assert "--passphrase-file" in text
        assert "--passphrase " not in text
        assert "--password" not in text


@pytest.fixture
def desk(tmp_path: Path, phrase: Path) -> Path:
    (tmp_path / "stick").mkdir()
    home = tmp_path / "kaz"
    wanted = ("--passphrase-file", phrase, "--shares-to", tmp_path / "stick")
    assert run("init", "--desk", "--state", "KAZ", "--home", home, *wanted).code == 0
    return home


def test_an_officer_is_enrolled_once_and_listed(tmp_path: Path, phrase: Path, desk: Path) -> None:
    assert "No officer is enrolled" in run("officer", "list", "--home", desk).out
    new(tmp_path, phrase)
    done = run("officer", "enrol", tmp_path / "anna.card.json", "--home", desk)
    assert (done.code, "Анна Б. is enrolled" in done.out) == (0, True)
    assert run("officer", "enrol", tmp_path / "anna.card.json", "--home", desk).code == 50
    new(tmp_path, phrase, out="second.pem")
    done = run("officer", "enrol", tmp_path / "second.card.json", "--home", desk, "--json")
    assert len(json.loads(done.out)["same_name"]) == 1
    listed = json.loads(run("officer", "list", "--home", desk, "--json").out)
    assert [officer["name"] for officer in listed] == ["Анна Б."] * 2
    assert "ed25519" in run("officer", "list", "--home", desk).out


def test_enrolling_a_private_key_or_nothing_is_refused(tmp_path: Path, phrase: Path, desk: Path) -> None:
    new(tmp_path, phrase)
    assert run("officer", "enrol", tmp_path / "anna.pem", "--home", desk).code == 30
    assert run("officer", "enrol", tmp_path / "none.card.json", "--home", desk).code == 50


def test_a_lost_secret_comes_back_from_two_sheets(tmp_path: Path, phrase: Path, desk: Path) -> None:
    lost = desk / "desk" / "secrets" / "identity.secret"
    sheets = [tmp_path / "stick" / f"recovery-kaz-{number}-of-3.txt" for number in (1, 3)]
    wanted = ("--home", desk, "--sheet", sheets[0], "--sheet", sheets[1], "--passphrase-file", phrase)
    assert run("key", "recover", "identity", *wanted).code == 50
    lost.unlink()
    done = run("key", "recover", "identity", "--home", desk, "--passphrase-file", phrase)
    assert (done.code, "--sheet" in done.err) == (2, True)
    done = run("key", "recover", "identity", *wanted, "--json")
    assert json.loads(done.out)["check"] in sheets[0].read_text()
    assert lost.stat().st_mode & 0o777 == 0o600
