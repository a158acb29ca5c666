"""A wrong passphrase, on every command that asks for one: told, not repeated, and nothing is changed."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.cli.main import main
from tallystick.config.errors import SignerError
from tests.support.wire import free_port

WRONG = "a passphrase that opens nothing"
DRAFTED = ("--home", "HOME", "--passphrase-file", "WRONG")


def typed(*words: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tallystick", *map(str, words)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("faults")
    assert typed("init", "--demo", "--state", "KAZ", "--name", "Agency", "--home", found / "home") == 0
    assert typed("case", "generate", "--years", "2018", "--n", "9", "--home", found / "home") == 0
    wrong = found / "wrong"
    wrong.write_text(f"{WRONG}\n")
    wrong.chmod(0o600)
    (found / "cases.csv").write_text("case_id\n1\n")
    return found


def contents(home: Path) -> Iterator[tuple[str, int, str]]:
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.name.endswith(("-wal", "-shm")):
            yield str(path), path.stat().st_mode, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "words",
    [
        ("case", "generate", "--years", "2018", *DRAFTED),
        ("case", "import", "FOLDER/cases.csv", *DRAFTED),
        ("case", "count", *DRAFTED),
        ("case", "runs", *DRAFTED),
        ("release", "draft", "2018", *DRAFTED),
        ("release", "list", *DRAFTED),
        ("release", "publish", "--all", *DRAFTED),
        ("release", "refuse", "2018", "VICTIMS", "--reason", "no", *DRAFTED),
        ("release", "recompute", "2018", "VICTIMS", *DRAFTED),
        ("key", "card", "HOME/people/officer-1.pem", "--for", "officer", "--state", "KAZ", "--name", "A",
         "--out", "FOLDER/x.card.json", "--passphrase-file", "WRONG"),
    ],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_passphrase_is_told_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], as_json: bool
) -> None:
    names = {"HOME": folder / "home", "WRONG": folder / "wrong"}
    before = list(contents(folder))
    given = [
        names.get(word, word.replace("FOLDER", str(folder)).replace("HOME", str(folder / "home"))) for word in words
    ]
    code = typed(*given, *(["--json"] if as_json else []))
    shown = capsys.readouterr()
    assert code == SignerError.exit_code
    assert shown.err.startswith("error: wrong passphrase for ")
    assert WRONG not in shown.out + shown.err
    assert shown.out == ""
    assert list(contents(folder)) == before


@pytest.mark.parametrize("command", [("peer", "pull"), ("up",)])
def test_a_border_whose_passphrase_is_wrong_neither_pulls_nor_listens(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    assert typed("init", "--demo", "--state", "KGZ", "--name", "Agency", "--home", home) == 0
    assert typed("peer", "add", "KAZ", f"grpcs://127.0.0.1:{free_port()}", "--home", home) == 0
    (home / "border" / "passphrase").write_text(f"{WRONG}\n")
    capfd.readouterr()
    code = typed(*command, "--home", home)
    shown = capfd.readouterr()
    assert code == SignerError.exit_code
    assert "wrong passphrase for " in shown.err
    assert WRONG not in shown.out + shown.err
    assert "listening" not in shown.out
