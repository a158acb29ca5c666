"""``tallystick release`` as an operator and two officers type it."""

import json
import shutil
from pathlib import Path

import pytest

from tallystick.keys.secrets import GENERATED
from tallystick.keys.signer import encrypted_pem, new_signer
from tallystick.node.desk.folder import find_drafts
from tests.support.desks import PHRASE, DeskHome, make_desk_home
from tests.support.drafts import sample_draft
from tests.support.terminal import Outcome, run, run_on_terminal

YEARLY = ["VICTIMS", "VICTIMS_SEX", "VICTIMS_AGE", "VICTIMS_FORM"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> DeskHome:
    return make_desk_home(
        tmp_path_factory.mktemp("release") / "home", {2018: 86, 2019: 88, 2020: 44}, passphrase_file=Path("../phrase")
    )


@pytest.fixture
def home(template: DeskHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskHome:
    """A desk whose passphrase lies in a file, and TALLYSTICK_HOME pointing at it."""
    made = template.copy(tmp_path / "home")
    write_private(made.home / "phrase", PHRASE + b"\n")
    monkeypatch.setenv("TALLYSTICK_HOME", str(made.home))
    return made


def write_private(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@pytest.fixture
def keys(home: DeskHome, tmp_path: Path) -> list[Path]:
    """The officers' keys on their own computers."""
    return [
        write_private(tmp_path / f"officer{number}.pem", encrypted_pem(signer.private, PHRASE, GENERATED))
        for number, signer in enumerate(home.officers)
    ]


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    return write_private(tmp_path / "phrase", PHRASE + b"\n")


def good(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.err
    assert all(len(line) <= 80 for line in outcome.out.splitlines() if "/" not in line), outcome.out
    return outcome.out


def document(outcome: Outcome) -> object:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def sign_all(home: DeskHome, keys: list[Path], phrase: Path, period: str = "2018") -> None:
    drafts = home.folder / "drafts" / period
    for key in keys[:2]:
        good(run("release", "sign", "--all", drafts, "--key", key, "--yes", "--passphrase-file", phrase))


def test_from_draft_to_log_in_four_commands(home: DeskHome, keys: list[Path], phrase: Path) -> None:
    out = good(run("release", "draft", "2018"))
    assert all(name in out for name in YEARLY)
    assert "tallystick release sign --all" in out
    sign_all(home, keys, phrase)
    assert "2 of 2" in good(run("release", "list"))
    out = good(run("release", "publish", "2018"))
    assert [line.split()[1:3] for line in out.splitlines()[2:]] == [[name, str(n)] for n, name in enumerate(YEARLY)]
    assert "logged" in good(run("release", "list"))
    assert good(run("release", "publish", "--all")).strip() == "Nothing waits to be published."
    out = good(run("release", "recompute", "2018", "victims_sex"))
    assert out.count("holds:") == 6


def test_every_command_speaks_json_and_nothing_else(home: DeskHome, keys: list[Path], phrase: Path) -> None:
    found = document(run("release", "draft", "2018", "--json"))
    assert isinstance(found, dict)
    assert [one["table"] for one in found["tables"]] == YEARLY
    folder = Path(found["folder"]) / "VICTIMS_SEX"
    shown = document(run("release", "show", folder, "--json"))
    assert isinstance(shown, dict)
    assert len(shown["words"]) == 24
    for key in keys[:2]:
        signed = document(run("release", "sign", folder, "--key", key, "--yes", "--json", "--passphrase-file", phrase))
        assert isinstance(signed, dict)
        assert signed["signed"] == [{"folder": str(folder), "payload_sha256": shown["payload_sha256"]}]
    refused = document(run("release", "refuse", "2018", "VICTIMS_FORM", "--reason", "no", "--json"))
    assert refused == {"period": "2018", "table": "VICTIMS_FORM", "state": "refused", "reason": "no"}
    published = document(run("release", "publish", "--all", "--json"))
    assert isinstance(published, dict)
    assert [one["table"] for one in published["logged"]] == ["VICTIMS_SEX"]
    assert [one["table"] for one in published["waiting"]] == ["VICTIMS", "VICTIMS_AGE"]
    listed = document(run("release", "list", "--json"))
    assert isinstance(listed, list)
    assert {one["table"]: one["state"] for one in listed} == {
        "VICTIMS": "drafted", "VICTIMS_SEX": "logged", "VICTIMS_AGE": "drafted", "VICTIMS_FORM": "refused",
    }  # fmt: skip
    checked = document(run("release", "recompute", "2018", "VICTIMS_SEX", "--json"))
    assert isinstance(checked, dict)
    assert len(checked["checks"]) == 6


def test_a_block_before_its_years_says_what_to_type(home: DeskHome) -> None:
    assert home.home.exists()
    outcome = run("release", "draft", "2018-2020")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1] == "hint: run: tallystick release draft 2018"


def test_a_rolling_window_is_refused(home: DeskHome) -> None:
    assert home.home.exists()
    outcome = run("release", "draft", "2019-2021")
    assert outcome.code == 30
    assert "2018-2020" in outcome.err


def test_leaving_a_table_out(home: DeskHome) -> None:
    assert "VICTIMS_FORM" not in good(run("release", "draft", "2018", "--without", "VICTIMS_FORM"))
    outcome = run("release", "draft", "2018")
    assert outcome.code == 2
    assert "VICTIMS_FORM" in outcome.err
    assert not (home.folder / "drafts" / "2018" / "VICTIMS_FORM").exists()


def test_a_wrong_passphrase_opens_nothing(home: DeskHome) -> None:
    write_private(home.home / "phrase", b"another one altogether\n")
    outcome = run("release", "list")
    assert outcome.code == 20
    assert "register key" in outcome.err


def test_nothing_drafted_yet_says_where_to_begin(home: DeskHome) -> None:
    assert home.home.exists()
    assert "release draft PERIOD" in good(run("release", "list"))


@pytest.mark.parametrize("arguments", [(), ("2018", "--all")])
def test_publish_wants_to_know_what(home: DeskHome, arguments: tuple[str, ...]) -> None:
    assert home.home.exists()
    outcome = run("release", "publish", *arguments)
    assert outcome.code == 2
    assert "--all" in outcome.err


def test_one_signature_is_told_with_the_name_of_who_gave_it(home: DeskHome, keys: list[Path], phrase: Path) -> None:
    good(run("release", "draft", "2018"))
    sign_all(home, keys[:1], phrase)
    outcome = run("release", "publish", "2018", "VICTIMS")
    assert outcome.code == 30
    assert "2018 VICTIMS: 1 of 2 officers signed (Aigerim)" in outcome.err
    assert "not published: 2018 VICTIMS_SEX: 1 of 2" in good(run("release", "publish", "2018"))


def test_a_refusal_wants_a_reason_and_is_listed_with_it(home: DeskHome) -> None:
    good(run("release", "draft", "2018"))
    assert run("release", "refuse", "2018", "VICTIMS").code == 2
    assert "ages not checked" in good(run("release", "refuse", "2018", "VICTIMS_AGE", "--reason", "ages not checked"))
    assert "ages not checked" in good(run("release", "list"))
    assert not (home.folder / "drafts" / "2018" / "VICTIMS_AGE").exists()


# An officer's own computer: no home, no node.


@pytest.fixture
def officer(tmp_path: Path) -> Path:
    signer = new_signer("ecdsa-p256")
    return write_private(tmp_path / "own.pem", encrypted_pem(signer.private, PHRASE, GENERATED))


def test_show_and_sign_need_no_node(tmp_path: Path, officer: Path, phrase: Path) -> None:
    folder = sample_draft(tmp_path / "stick")
    out = good(run("release", "show", folder))
    assert "2 of 4 cells are shown" in out
    assert "none yet" in out
    out = good(run("release", "sign", folder, "--key", officer, "--yes", "--passphrase-file", phrase))
    assert "VICTIMS_SEX" in out
    assert "over this statement" in good(run("release", "show", folder))
    out = good(run("release", "sign", folder, "--key", officer, "--yes", "--passphrase-file", phrase))
    assert "signed before" in out
    assert len(list((folder / "signatures").iterdir())) == 1


def test_the_printed_sheet_is_one_page(tmp_path: Path) -> None:
    out = good(run("release", "show", sample_draft(tmp_path), "--print"))
    assert len(out.splitlines()) <= 64
    assert out.count("____") >= 2


def test_all_below_a_folder_are_signed_with_one_opening_of_the_key(tmp_path: Path, officer: Path, phrase: Path) -> None:
    stick = tmp_path / "stick"
    sample_draft(stick)
    sample_draft(stick, "VICTIMS", "2019", {"": 80})
    out = good(run("release", "sign", "--all", stick, "--key", officer, "--yes", "--passphrase-file", phrase))
    assert out.count("signed") == 2
    assert all((folder / "signatures").exists() for folder in find_drafts(stick))


def test_one_changed_digit_stops_all_signing(tmp_path: Path, officer: Path, phrase: Path) -> None:
    stick = tmp_path / "stick"
    sample_draft(stick, "VICTIMS", "2018", {"": 80})
    changed = sample_draft(stick) / "data.csv"
    changed.write_bytes(changed.read_bytes().replace(b",61,", b",67,"))
    outcome = run("release", "sign", "--all", stick, "--key", officer, "--yes", "--passphrase-file", phrase)
    assert outcome.code == 30
    assert "data.csv is not the data that the statement names" in outcome.err
    assert not list(stick.rglob("*.sig.json"))


def test_nobody_signs_by_accident_without_a_terminal(tmp_path: Path, officer: Path, phrase: Path) -> None:
    folder = sample_draft(tmp_path / "stick")
    outcome = run("release", "sign", folder, "--key", officer, "--passphrase-file", phrase)
    assert outcome.code == 20
    assert "--yes" in outcome.err
    assert run("release", "sign", "--key", officer, "--yes").code == 2
    assert not (folder / "signatures").exists()


def test_a_wrong_passphrase_signs_nothing(tmp_path: Path, officer: Path) -> None:
    folder = sample_draft(tmp_path / "stick")
    other = write_private(tmp_path / "other", b"another one altogether\n")
    outcome = run("release", "sign", folder, "--key", officer, "--yes", "--passphrase-file", other)
    assert outcome.code == 20
    assert not (folder / "signatures").exists()


@pytest.mark.parametrize(("typed", "signed"), [("y", 1), ("n", 0), ("", 0)])
def test_on_a_terminal_the_draft_is_shown_and_only_a_typed_yes_signs(
    tmp_path: Path, officer: Path, phrase: Path, typed: str, signed: int
) -> None:
    folder = sample_draft(tmp_path / "stick")

    def answer(shown: str) -> str | None:
        return typed if "sign exactly this?" in shown else None

    outcome = run_on_terminal("release", "sign", folder, "--key", officer, "--passphrase-file", phrase, answer=answer)
    assert outcome.code == 0, outcome.out
    assert "WHAT EVERY STATE WILL SEE" in outcome.out
    assert len(list(folder.glob("signatures/*"))) == signed


def test_signatures_carried_back_alone_are_enough(
    home: DeskHome, keys: list[Path], phrase: Path, tmp_path: Path
) -> None:
    good(run("release", "draft", "2018"))
    at_desk = home.folder / "drafts" / "2018" / "VICTIMS"
    for number, key in enumerate(keys[:2]):
        stick = tmp_path / f"stick{number}" / "VICTIMS"
        shutil.copytree(at_desk, stick, ignore=shutil.ignore_patterns("signatures"))
        good(run("release", "sign", stick, "--key", key, "--yes", "--passphrase-file", phrase))
        (at_desk / "signatures").mkdir(exist_ok=True)
        for path in (stick / "signatures").iterdir():
            shutil.copy(path, at_desk / "signatures")
    assert "VICTIMS" in good(run("release", "publish", "2018", "VICTIMS"))
