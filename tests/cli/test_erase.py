"""``tallystick case erase``, ``backup`` and ``restore`` as they are typed: one story from order to restored home."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.cli.main import main
from tallystick.keys.people import make_person_key
from tallystick.keys.secrets import GENERATED, FileSecrets
from tallystick.node.cases.opening import open_store
from tallystick.node.home.making import HomePlan, make_desk
from tallystick.node.home.officers import enrol_officer
from tests.support.cases import a_run
from tests.support.erasures import AGENCY, AT, named, names_in

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def typed(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tallystick", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return typed


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    path = tmp_path / "phrase"
    path.write_text("seven quiet rivers cross\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def home(tmp_path: Path, phrase: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ask, folder = FileSecrets(phrase), tmp_path / "home" / "desk"
    folder.parent.mkdir()
    make_desk(folder, HomePlan("KAZ", "Agency", passphrase_file=phrase), ask, work=GENERATED)
    for name in ("Aliya", "Bolat", "Chingiz"):
        made = make_person_key(tmp_path / f"{name}.pem", "officer", "KAZ", name, ask, work=GENERATED)
        enrol_officer(folder, made.card_path.read_bytes(), state="KAZ", demo=False)
    with open_store(folder.parent, ask) as store:
        store.ingest(a_run(at=AT), [named(number) for number in range(6)])
    monkeypatch.setenv("TALLYSTICK_HOME", str(folder.parent))
    monkeypatch.chdir(tmp_path)
    return folder.parent


def _order(run: Run, phrase: Path, *signers: str) -> Path:
    code, out, err = run("case", "erase", "propose", "case-3", "--agency", AGENCY, "--reason", "request", "--out", "o")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    for name in signers:
        words = ("case", "erase", "sign", "o", "--key", f"{name}.pem", "--yes", "--passphrase-file", phrase)
        code, out, err = run(*words)
        assert (code, err) == (0, "")
        assert "the person asked for it" in out
    return Path("o")


def test_two_officers_erase_and_a_restored_home_still_knows(home: Path, run: Run, phrase: Path, tmp_path: Path) -> None:
    assert run("backup", "copies")[0] == 0
    order = _order(run, phrase, "Aliya", "Bolat")
    code, out, err = run("case", "erase", "apply", order)
    assert (code, err) == (0, "")
    assert "by order of" in out
    assert "Run tallystick backup now" in out
    code, out, _err = run("backup", "later", "--json")
    assert (code, json.loads(out)["cases"]) == (0, 6)
    code, _out, err = run("case", "erase", "apply", order)
    assert code == 2
    assert "was carried out on" in err
    lost = tmp_path / "lost"
    home.rename(lost)
    code, out, err = run("restore", "copies", "--home", home, "--passphrase-file", phrase,
                         "--tombstones", lost / "desk" / "tombstones")  # fmt: skip
    assert (code, err) == (0, "")
    assert "1 person was erased after this copy was made" in out
    assert max(map(len, out.splitlines())) <= 80 or str(tmp_path) in out
    with open_store(home, FileSecrets(phrase)) as store:
        assert sorted(names_in(store)) == [f"case-{number}" for number in range(6) if number != 3]
    assert run("doctor")[0] == 50
    code, _out, err = run("restore", "--confirm-log", "2", "--home", home)
    assert (code, "others hold 2 entries" in err) == (30, True)
    assert run("restore", "--confirm-log", "0", "--home", home)[0] == 0
    assert run("restore", "copies", "--home", home, "--passphrase-file", phrase)[0] == 50


def test_one_officer_or_none_erases_nobody(home: Path, run: Run, phrase: Path) -> None:
    assert home.exists()
    order = _order(run, phrase, "Aliya")
    code, _out, err = run("case", "erase", "apply", order)
    assert code == 30
    assert "1 of 2 different officers" in err
    shutil.copy(order, "copy")
    code, _out, err = run("case", "erase", "sign", "copy", "--key", "Aliya.pem", "--yes", "--passphrase-file", phrase)
    assert (code, "signed the order already" in err) == (2, True)
    assert run("case", "erase", "apply", order, "copy")[0] == 30


def test_an_unknown_case_or_reason_is_named(home: Path, run: Run, phrase: Path) -> None:
    assert home.exists()
    base = ("case", "erase", "propose")
    code, _out, err = run(*base, "case-99", "--agency", AGENCY, "--reason", "COURT")
    assert (code, "no case of that agency" in err) == (50, True)
    code, _out, err = run(*base, "case-3", "--agency", AGENCY, "--reason", "BORED")
    assert (code, "REQUEST, COURT, RETENTION, ERROR" in err) == (2, True)
    Path("junk").write_text("{}")
    assert run("case", "erase", "apply", "junk")[0] == 30
    assert run("restore", "nowhere", "--home", "new", "--passphrase-file", phrase)[0] == 50
    assert run("restore", "--home", "new")[0] == 2


def test_the_agencys_next_file_does_not_bring_the_erased_back(home: Path, run: Run, phrase: Path) -> None:
    assert home.exists()
    header = "org_Name,ext_CaseId,ext_RegistrationYear,prs_FirstName"
    lines = [f"{AGENCY},case-{number},2019,Somebody {number}" for number in (3, 4, 50)]
    Path("next.csv").write_text("\n".join([header, *lines]) + "\n")
    assert run("case", "erase", "apply", _order(run, phrase, "Aliya", "Chingiz"))[0] == 0
    code, out, _err = run("case", "import", "next.csv", "--report", "rejected.csv")
    assert code == 0
    assert "1 added, 1 replaced" in out
    assert "erased on" in Path("rejected.csv").read_text()
    with open_store(home, FileSecrets(phrase)) as store:
        found = names_in(store, range(60))
        assert set(found) == {"case-0", "case-1", "case-2", "case-4", "case-5", "case-50"}
        assert "Somebody 3" not in found.values()
