"""``tallystick init`` as it is typed, unattended and on a terminal."""

import json
import re
from pathlib import Path

import pytest

from tallystick.keys.secrets import GENERATED, HUMAN
from tallystick.node.home.recovery import read_sheet
from tests.support.files import names_in
from tests.support.terminal import Outcome, run, run_on_terminal

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


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def init(tmp_path: Path, phrase: Path, *more: object) -> Outcome:
    return run("init", "--state", "KAZ", "--home", tmp_path / "kaz", "--passphrase-file", phrase, *more)


def test_unattended_a_desk_is_made_and_its_sheets_are_named_with_what_to_do(
    tmp_path: Path, phrase: Path, sheets: Path
) -> None:
    done = init(tmp_path, phrase, "--desk", "--shares-to", sheets)
    assert (done.code, done.err) == (0, "")
    assert names_in(tmp_path / "kaz") == ["desk"]
    assert len(names_in(sheets)) == 3
    assert "Kazakhstan (KAZ)" in done.out
    assert "three places" in done.out
    assert PHRASE not in done.out
    word = read_sheet(sheets / "recovery-kaz-1-of-3.txt", "noise").split()[8]
    assert f" {word}" not in done.out


def test_the_json_document_says_where_things_are_and_no_secret(tmp_path: Path, phrase: Path, sheets: Path) -> None:
    done = init(tmp_path, phrase, "--desk", "--border", "--shares-to", sheets, "--json")
    document = json.loads(done.out)
    assert set(document) == {"home", "state", "name", "demo", "desk_card", "recovery_sheets", "border_card", "listen"}
    assert Path(document["desk_card"]).is_file()
    assert Path(document["border_card"]).is_file()
    assert re.fullmatch(r"127\.0\.0\.1:[0-9]{5}", document["listen"])
    assert done.out.count("recovery-kaz") == 3


def test_a_second_init_changes_nothing_and_says_so(tmp_path: Path, phrase: Path, sheets: Path) -> None:
    init(tmp_path, phrase, "--border")
    before = (tmp_path / "kaz" / "border" / "border.toml").read_bytes()
    done = init(tmp_path, phrase, "--border", "--listen", "127.0.0.1:1234")
    assert done.code == 50
    assert "already exists and was not touched" in done.err
    assert "hint:" in done.err
    assert (tmp_path / "kaz" / "border" / "border.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "say what this machine is"),
        (("--desk",), 20, "recovery sheets cannot be shown"),
        (("--desk", "--json"), 2, "--shares-to"),
        (("--border", "--shares-to", "."), 2, "belongs to a desk"),
        (("--desk", "--listen", "127.0.0.1:1"), 2, "belong to a border"),
        (("--border", "--listen", "0.0.0.0:8443"), 2, "--endpoint"),
        (("--border", "--listen", "here"), 2, "HOST:PORT"),
        (("--border", "--endpoint", "http://x"), 30, "endpoints"),
        (("--border", "--name", "x" * 300), 2, "name"),
        (("--demo",), 2, "leave out --passphrase-file"),
    ],
)
def test_what_contradicts_itself_makes_nothing(
    tmp_path: Path, phrase: Path, arguments: tuple[str], code: int, words: str
) -> None:
    done = init(tmp_path, phrase, *arguments)
    assert done.code == code
    assert words in done.err
    assert "Traceback" not in done.err
    home = tmp_path / "kaz"
    assert not home.exists() or names_in(home) == []


@pytest.mark.parametrize(("state", "words"), [("KAZAKHSTAN", "alpha-3"), ("XQX", "--name"), ("кaz", "alpha-3")])
def test_a_wrong_state_is_refused(tmp_path: Path, phrase: Path, state: str, words: str) -> None:
    done = run("init", "--border", "--state", state, "--home", tmp_path / "x", "--passphrase-file", phrase)
    assert done.code == 2
    assert words in done.err


def test_a_passphrase_file_that_is_open_to_others_makes_nothing(tmp_path: Path, phrase: Path) -> None:
    phrase.chmod(0o644)
    done = init(tmp_path, phrase, "--border")
    assert done.code == 20
    assert f"chmod 600 {phrase}" in done.err
    assert names_in(tmp_path / "kaz") == []


def test_a_damaged_settings_file_is_named_with_key_and_remedy(tmp_path: Path, phrase: Path, sheets: Path) -> None:
    init(tmp_path, phrase, "--desk", "--shares-to", sheets)
    path = tmp_path / "kaz" / "desk" / "desk.toml"
    path.write_text(path.read_text().replace("outbox =", "outbocks ="))
    done = run("officer", "list", "--home", tmp_path / "kaz")
    assert done.code == 10
    assert "desk.toml: outbocks: no such setting" in done.err
    assert "known keys: state, name" in done.err


def test_the_passphrase_file_stands_in_the_settings_by_its_full_path(
    tmp_path: Path, phrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "--border", "--state", "KAZ", "--home", "kaz", "--passphrase-file", "phrase").code == 0
    assert f'passphrase_file = "{phrase}"' in (tmp_path / "kaz" / "border" / "border.toml").read_text()


def test_demo_makes_everything_and_says_demo(tmp_path: Path) -> None:
    done = run("init", "--demo", "--state", "TUR", "--home", tmp_path / "tur")
    assert done.code == 0
    assert names_in(tmp_path / "tur") == ["border", "desk", "people"]
    assert "DEMO" in done.out
    assert max(len(line.replace(str(tmp_path), "")) for line in done.out.splitlines()) <= 80


class Officer:
    """Somebody at a terminal who writes the sheets down and types one back."""

    def __init__(self, *, mistakes: int) -> None:
        self.mistakes = mistakes
        self.shown = ""

    def __call__(self, text: str) -> str | None:
        if text.endswith("again: "):
            return PHRASE
        if text.endswith("): ") and "Passphrase" in text:
            return PHRASE
        asked = re.search(r"type the ([a-z ]+) of sheet ([1-3]);[^:]*:\r?\n$", text)
        if asked is None:
            return None
        self.shown += text
        if self.mistakes:
            self.mistakes -= 1
            return " ".join(["academic"] * 33)
        return self.share(asked[1], int(asked[2]))

    def share(self, purpose: str, number: int) -> str:
        sheet = self.shown.split(f"recovery sheet {number} of 3")[1].split("recovery sheet")[0]
        words: list[str] = []
        for line in sheet.replace("\r", "").split(purpose)[1].splitlines()[1:]:
            if not line.strip():
                break
            words += re.findall("[a-z]+", line)
        assert len(words) == 33
        return " ".join(word[:4] for word in words)


def test_on_a_terminal_one_share_is_typed_back_before_there_is_a_home(tmp_path: Path) -> None:
    officer = Officer(mistakes=1)
    done = run_on_terminal("init", "--desk", "--state", "KAZ", "--home", tmp_path / "kaz", answer=officer)
    assert done.code == 0
    assert "2 tries are left" in done.out
    assert "That is right" in done.out
    assert names_in(tmp_path / "kaz") == ["desk"]
    assert PHRASE not in done.out
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"academic" in path.read_bytes()]


def test_on_a_terminal_a_share_that_nobody_can_read_back_makes_no_home(tmp_path: Path) -> None:
    done = run_on_terminal("init", "--desk", "--state", "KAZ", "--home", tmp_path / "kaz", answer=Officer(mistakes=3))
    assert done.code == 20
    assert "no home was made" in done.out
    assert names_in(tmp_path / "kaz") == []
