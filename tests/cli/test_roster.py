"""``tallystick roster``: the whole ceremony by files, as the people who hold it type it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.cli.roster import app
from tallystick.config.errors import (
    BadSignatureError,
    ConfigError,
    KeyNotTrustedError,
    MalformedError,
    SignerError,
    SplitViewError,
    StoreError,
    TallystickError,
    UnanchoredError,
    UsageError,
)
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.secrets import GENERATED
from tallystick.keys.signer import Signer, encrypted_pem, new_signer
from tallystick.keys.words import federation_words
from tests.support.rosters import Ceremony, card

SIGNED: dict[Path, bytes] = {}
PHRASE = b"seven words that nobody thinks of"


@cache
def people() -> Ceremony:
    """Two members and an observer; made in the year 2021 and used for its keys and cards only."""
    return Ceremony.make(("KAZ", "KGZ", "UZB"), observers=("UZB",), officers=3, nodes=True)


@dataclass
class Table:
    """A folder with cards, keys and homes, and what is typed there."""

    folder: Path

    def run(self, *words: object, typed: str | None = None) -> str:
        """Run a command and return what it printed; raises what it raised."""
        result = CliRunner().invoke(app, [str(word) for word in words], input=typed)
        lines = result.stdout.replace(str(self.folder), "").splitlines()
        assert [line for line in lines if len(line) > 80 and "--json" not in words] == []
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: object) -> Any:
        return json.loads(self.run(*words, "--json"))

    def key(self, name: str, signer: Signer) -> Path:
        path = self.folder / "keys" / f"{name}.pem"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encrypted_pem(signer.private, PHRASE, GENERATED))
        path.chmod(0o600)
        return path

    def home(self, code: str) -> Path:
        home = self.folder / code.lower()
        for side in ("desk", "border"):
            (home / side).mkdir(parents=True, exist_ok=True)
        (home / "desk" / "desk.toml").write_text(f'state = "{code}"\nname = "{code}"\ndemo = true\n')
        return home

    def sign(self, folder: Path, *names: str) -> None:
        for name in names:
            self.run(
                "sign", folder, "--key", self.folder / "keys" / f"{name}.pem", "--yes",
                "--passphrase-file", self.folder / "phrase",
            )  # fmt: skip

    @property
    def genesis(self) -> Path:
        return self.folder / "genesis"

    def signed_genesis(self) -> Path:
        """A genesis that everybody signed; signed once, copied for every test."""
        if not SIGNED:
            self.run("genesis", "--cards", self.folder / "cards", "--demo", "--out", self.genesis)
            self.sign(self.genesis, "KAZ", "KGZ", *(f"{code}-{n}" for code in ("KAZ", "KGZ", "UZB") for n in (0, 1)))
            SIGNED.update({path.relative_to(self.genesis): path.read_bytes() for path in self.genesis.rglob("*.json")})
        for path, data in SIGNED.items():
            (self.genesis / path).parent.mkdir(parents=True, exist_ok=True)
            (self.genesis / path).write_bytes(data)
        return self.genesis

    def federation(self) -> Path:
        """KAZ's home in a federation."""
        home = self.home("KAZ")
        self.run("apply", self.signed_genesis(), "--genesis", "--home", home)
        return home


def put_card(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.card.json").write_bytes(data)
    return folder / f"{name}.card.json"


@pytest.fixture
def table(tmp_path: Path) -> Table:
    made = Table(tmp_path)
    ceremony = people()
    for number, one in enumerate(ceremony.cards):
        data = json.dumps(one.model_dump(exclude_none=True), ensure_ascii=False).encode()
        put_card(tmp_path / "cards", f"{number}", data)
    for code, signer in ceremony.ceremony_keys.items():
        made.key(code, signer)
    for code, signers in ceremony.state_keys.items():
        for number, signer in enumerate(signers):
            made.key(f"{code}-{number}", signer)
    (tmp_path / "phrase").write_bytes(PHRASE + b"\n")
    (tmp_path / "phrase").chmod(0o600)
    return made


def words_in(text: str) -> str:
    lines = [line.split()[1:] for line in text.splitlines() if line[:4].strip() in {"1", "7", "13", "19"}]
    return " ".join(word for line in lines for word in line)


def test_a_ceremony_from_cards_to_nine_homes_by_files_alone(table: Table) -> None:
    said = table.run(
        "genesis", "--cards", table.folder / "cards", "--catalogue", "shipped", "--demo", "--out", table.genesis
    )
    assert "A NEW FEDERATION - DEMO" in said
    assert "member: KAZ KGZ" in said
    assert "observer: UZB" in said
    assert "metadata/1.root.json: 0 of 2 signatures; missing: KAZ KGZ" in said

    copies = [table.folder / f"copy-{name}" for name in ("kaz", "kgz", "uzb")]
    for copy in copies:
        shutil.copytree(table.genesis, copy)
    table.sign(copies[0], "KAZ", "KAZ-0", "KAZ-1")
    table.sign(copies[1], "KGZ", "KGZ-1", "KGZ-2")
    table.sign(copies[2], "UZB-0", "UZB-2")

    kaz = table.home("KAZ")
    said = table.run("apply", *copies, "--genesis", "--home", kaz)
    words = words_in(said)
    store = RosterStore(kaz / "desk" / "roster")
    from tallystick.config.clock import SystemClock

    roster = store.load(None, SystemClock().now())
    assert words == federation_words(roster.federation_id)
    assert roster.demo
    assert {entry.version for entry in roster.states.values()} == {1}
    assert RosterStore(kaz / "border" / "roster").files() == store.files()

    kgz = table.home("KGZ")
    with pytest.raises(UnanchoredError):
        table.run("apply", *copies, "--home", kgz)
    table.run("apply", *copies, "--root", words, "--home", kgz)
    table.run("apply", kaz / "desk" / "roster", "--home", kgz)
    assert RosterStore(kgz / "desk" / "roster").files() == store.files()
    again = table.json("apply", *copies, "--home", kgz)
    assert again["changed"] == {"desk": False, "border": False}


def test_the_words_of_another_federation_adopt_nothing(table: Table) -> None:
    home = table.home("KAZ")
    with pytest.raises(KeyNotTrustedError, match="another federation's"):
        table.run("apply", table.signed_genesis(), "--root", federation_words("ab" * 32), "--home", home)
    assert not RosterStore(home / "desk" / "roster").adopted
    with pytest.raises(MalformedError, match="checksum"):
        table.run("apply", table.genesis, "--root", " ".join(["zoo"] * 24), "--home", home)


def test_a_genesis_that_one_member_did_not_sign_is_not_adopted(table: Table) -> None:
    table.run("genesis", "--cards", table.folder / "cards", "--demo", "--out", table.genesis)
    table.sign(table.genesis, "KAZ")
    with pytest.raises(BadSignatureError, match=r"1\.root\.json has 1 of 2 signatures"):
        table.run("apply", table.genesis, "--genesis", "--home", table.home("KAZ"))
    said = table.run("show", table.genesis)
    assert "metadata/1.root.json: 1 of 2 signatures; missing: KGZ" in said
    listed = table.json("show", table.genesis)["files"]
    assert [one["complete"] for one in listed] == [False] * len(listed)


def test_a_state_whose_page_is_not_signed_yet_comes_later(table: Table) -> None:
    home = table.home("KAZ")
    table.run("genesis", "--cards", table.folder / "cards", "--demo", "--out", table.genesis)
    table.sign(table.genesis, "KAZ", "KGZ", "KAZ-0", "KAZ-1", "KGZ-0", "KGZ-1", "UZB-0")
    said = table.run("apply", table.genesis, "--genesis", "--home", home)
    assert "Not adopted, because too few have signed:" in said
    assert "metadata/1.uzb.json: 1 of 2 signatures" in said
    assert table.json("show", "--home", home)["states"]["UZB"]["version"] == 0
    assert "none yet" in table.run("show", "--home", home)
    table.sign(table.genesis, "UZB-1")
    table.run("apply", table.genesis, "--home", home)
    assert table.json("show", "--home", home)["states"]["UZB"]["version"] == 1


def test_nothing_that_exists_is_overwritten(table: Table) -> None:
    table.signed_genesis()
    before = {path: path.read_bytes() for path in table.genesis.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="is not empty and was not touched"):
        table.run("genesis", "--cards", table.folder / "cards", "--demo", "--out", table.genesis)
    with pytest.raises(UsageError, match="waits for the key"):
        table.sign(table.genesis, "KAZ")
    assert {path: path.read_bytes() for path in table.genesis.rglob("*") if path.is_file()} == before


def test_nobody_signs_unasked(table: Table) -> None:
    table.run("genesis", "--cards", table.folder / "cards", "--demo", "--out", table.genesis)
    with pytest.raises(SignerError, match="nobody can be asked whether to sign"):
        table.run(
            "sign",
            table.genesis,
            "--key",
            table.folder / "keys" / "KAZ.pem",
            "--passphrase-file",
            table.folder / "phrase",
        )
    assert not (table.genesis / "signatures").exists()


def test_a_person_who_is_asked_can_say_no(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table.run("genesis", "--cards", table.folder / "cards", "--demo", "--out", table.genesis)
    words = [
        "sign",
        table.genesis,
        "--key",
        table.folder / "keys" / "KAZ.pem",
        "--passphrase-file",
        table.folder / "phrase",
    ]
    monkeypatch.setattr("tallystick.cli.roster.is_terminal", lambda: True)
    with pytest.raises(SignerError, match="nothing was signed"):
        table.run(*words, typed="n\n")
    assert not (table.genesis / "signatures").exists()
    assert "Signed: metadata/1.root.json, metadata/1.targets.json" in table.run(*words, typed="y\n")


def test_a_wrong_passphrase_signs_nothing(table: Table) -> None:
    table.run("genesis", "--cards", table.folder / "cards", "--demo", "--out", table.genesis)
    (table.folder / "phrase").write_bytes(b"not the right passphrase\n")
    with pytest.raises(SignerError, match="wrong passphrase"):
        table.sign(table.genesis, "KAZ")
    assert not (table.genesis / "signatures").exists()


def test_a_proposal_that_was_changed_on_the_way_is_refused(table: Table) -> None:
    table.signed_genesis()
    page = table.genesis / "metadata" / "1.kaz.json"
    page.write_bytes(page.read_bytes().replace("Офицер KAZ 0".encode(), "Офицер KAZ 9".encode()))
    with pytest.raises(MalformedError, match=r"signatures/.*does not belong to this proposal"):
        table.run("apply", table.genesis, "--genesis", "--home", table.home("KAZ"))
    other = table.folder / "other"
    shutil.copytree(table.genesis, other)
    shutil.rmtree(other / "signatures")
    shutil.rmtree(table.genesis / "signatures")
    page.write_bytes(page.read_bytes().replace("Офицер KAZ 9".encode(), "Офицер KAZ 8".encode()))
    with pytest.raises(MalformedError, match="the copies differ in what is to be signed"):
        table.run("apply", table.genesis, other, "--genesis", "--home", table.home("KAZ"))


def test_a_new_officer_comes_and_an_old_one_is_refused(table: Table) -> None:
    home = table.federation()
    data = card("officer", "KAZ", "Жаңа Офицер", [("officer", new_signer("ed25519"))])[1]
    new = put_card(table.folder / "new", "officer", data)
    officers = [key for key in table.json("show", "--home", home)["states"]["KAZ"]["keys"] if key["role"] == "officer"]
    old = officers[0]
    out = table.folder / "rotation"
    said = table.run(
        "rotate", "--home", home, "--cards", new, "--refuse", old["keyid"][:12], "--from-index", "12", "--out", out
    )
    assert "These keys come:\n    officer" in said
    assert "Жаңа Офицер" in said
    assert "Refused from log index 12 on:\n    officer" in said
    with pytest.raises(BadSignatureError, match=r"2\.kaz\.json has 0 of 2"):
        table.run("apply", out, "--home", home)
    table.sign(out, "KAZ-0", "KAZ-2")
    assert "Everything in it is signed" in table.run("show", out)
    table.run("apply", out, "--home", home)
    shown = table.json("show", "--home", home)["states"]["KAZ"]
    assert shown["version"] == 2
    assert {key["name"]: key["refused_from"] for key in shown["keys"] if key["role"] == "officer"} == {
        key["name"]: 12 if key["keyid"] == old["keyid"] else None
        for key in [*officers, {"name": "Жаңа Офицер", "keyid": ""}]
    }
    said = table.run("show", "--home", home, "--keys")
    assert "3 (-1)" in said
    assert "refused from log index 12 on" in said


def test_two_pages_of_one_version_are_shown_as_a_split(table: Table) -> None:
    home = table.federation()
    outs = []
    for name in ("One", "Two"):
        data = card("officer", "KAZ", name, [("officer", new_signer("ed25519"))])[1]
        outs.append(table.folder / name)
        table.run("rotate", "--home", home, "--cards", put_card(table.folder / "new", name, data), "--out", outs[-1])
        table.sign(outs[-1], "KAZ-0", "KAZ-1")
    table.run("apply", outs[0], "--home", home)
    before = RosterStore(home / "desk" / "roster").files()
    with pytest.raises(SplitViewError) as caught:
        table.run("apply", outs[1], "--home", home)
    assert len(caught.value.evidence) == 2
    assert RosterStore(home / "desk" / "roster").files() == before


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("rotate", "--refuse", "abcdef0123", "--out", "x"), UsageError, "needs its --from-index"),
        (("rotate", "--drop", "abcdef0123", "--out", "x"), UsageError, "keys of this state begin so"),
        (("show", "nowhere"), UsageError, "holds no roster"),
        (("apply", "nowhere"), UsageError, "holds no roster"),
    ],
)
def test_what_was_mistyped_is_said(
    table: Table, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], error: type[TallystickError], says: str
) -> None:
    home = table.federation()
    monkeypatch.chdir(table.folder)
    with pytest.raises(error, match=says):
        table.run(*words, "--home", home)
    assert not (table.folder / "x").exists()


def test_a_folder_that_is_no_home_is_said_to_be_none(table: Table) -> None:
    with pytest.raises(ConfigError, match="is no state's home"):
        table.run("show", "--home", table.folder / "cards")
    with pytest.raises(ConfigError, match="belongs to no federation yet"):
        table.run("show", "--home", table.home("KAZ"))


def test_a_folder_without_cards_proposes_nothing(table: Table) -> None:
    (table.folder / "empty").mkdir()
    with pytest.raises(UsageError, match="0 cards were found"):
        table.run("genesis", "--cards", table.folder / "empty", "--out", table.genesis)
    bad = put_card(table.folder / "bad", "bad", b"{}")
    with pytest.raises(MalformedError, match=r"bad\.card\.json"):
        table.run("genesis", "--cards", bad, "--out", table.genesis)
    assert not table.genesis.exists()


def test_the_roster_is_shown_in_words_and_as_json(table: Table) -> None:
    home = table.federation()
    said = table.run("show", "--home", home)
    shown: Mapping[str, Any] = table.json("show", "--home", home)
    assert words_in(said) == shown["words"]
    assert shown["federation"].startswith(said.split()[1].rstrip("."))
    assert {code: entry["role"] for code, entry in shown["states"].items()} == {
        "KAZ": "member", "KGZ": "member", "UZB": "observer"
    }  # fmt: skip
    assert len(shown["states"]["KAZ"]["keys"]) == 7
    assert "grpcs://127.0.0.1:7000" in said
