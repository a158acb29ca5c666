"""A whole run with people planted in it, and then a search for them in everything that the run left behind.

Cases come in from good files, spoilt files and workbooks; they are counted, drafted, signed, published, pulled,
queried, verified and packed; passphrases are mistyped. No name, telephone, document or passphrase may stand in any
log, error, screen, spool file, archive, pack, database or draft, in any spelling; case numbers not outside the desk.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import planted
from tests.support.planted import NUMBERS, PEOPLE, SECRETS, WRONG_PHRASE, traces, traces_in
from tests.support.waiting import wait_for

YEAR = 2021
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


@dataclass
class Run:
    """A folder with a demonstration of two states, and everything that commands said in it."""

    folder: Path
    said: list[tuple[str, int, bytes]] = field(default_factory=list)

    def __call__(self, *words: object, code: int | None = 0, typed: str = "") -> bytes:
        line = [str(word) for word in words]
        answer = subprocess.run(
            [sys.executable, "-m", "tallystick.cli.main", *line],
            cwd=self.folder / "work",
            input=typed.encode(),
            capture_output=True,
            check=False,
            timeout=300,
            env={**os.environ, "TALLYSTICK_LANG": "en", "COLUMNS": "80", "TMPDIR": str(self.folder / "work" / "tmp")},
        )
        shown = answer.stdout + answer.stderr
        self.said.append((" ".join(line), answer.returncode, shown))
        assert code is None or answer.returncode == code, (line, shown.decode())
        assert b"Traceback" not in shown
        return shown

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def kaz(self) -> Path:
        return self.work / "demo" / "kaz"

    @property
    def inputs(self) -> Path:
        """Where the agencies' files lie: the one place that holds the planted."""
        return self.folder / "inputs"


def take_in(run: Run) -> None:
    """Good files, the same again, corrected, spoilt in every way; reports; wrong passphrases."""
    home = ("--home", run.kaz)
    police = planted.write_csv(run.inputs / "police.csv", YEAR)
    run("case", "import", police, "--agency", "Police", "--dry-run", "--json", *home)
    run("case", "import", police, "--agency", "Police", "--report", run.work / "rejected.csv", *home)
    run("case", "import", police, "--agency", "Police", *home)
    run(
        "case", "import", planted.write_xlsx(run.inputs / "shelter.xlsx", YEAR), "--agency", "Shelter", *home, code=None
    )
    for name, encoding in (("cyrillic.csv", "cp1251"), ("wide.csv", "utf-16")):
        path = planted.write_csv(run.inputs / name, YEAR, encoding)
        run("case", "import", path, "--agency", "Ministry", "--json", *home, code=None)
    for name, data in _spoilt(police.read_bytes()).items():
        (run.inputs / name).write_bytes(data)
        run("case", "import", run.inputs / name, "--agency", "Police", *home, code=None)
        run("case", "map", run.inputs / name, "-o", run.work / f"{name}.toml", "--unattended", *home, code=None)
    wrong = run.inputs / "wrong"
    wrong.write_text(WRONG_PHRASE + "\n")
    wrong.chmod(0o600)
    for command in (("case", "count"), ("case", "runs"), ("case", "import", police, "--agency", "Police")):
        run(*command, "--passphrase-file", wrong, *home, code=None)
        assert run.said[-1][1] != 0


def _spoilt(good: bytes) -> dict[str, bytes]:
    lines = good.splitlines(keepends=True)
    return {
        "headless.csv": b"".join(lines[1:]),
        "open-quote.csv": lines[0] + b'"' + b"".join(lines[1:]),
        "nulls.csv": b"\0".join(lines),
        "bits.csv": good[:200] + b"\xff\xfe\xff" + good[200:],
        "cut.xlsx": b"PK\x03\x04" + good,
        "doubled.csv": good.replace(b"prs_FirstName", b"prs_SecondName"),
    }


def publish(run: Run) -> None:
    """Count, draft, show, sign, refuse one, publish; errors on the way."""
    home = ("--home", run.kaz)
    run("case", "count", "--year", YEAR, "--json", *home)
    run("case", "runs", "--json", *home)
    run("release", "draft", YEAR, "--dry-run", *home)
    run("release", "draft", YEAR, "--json", *home)
    drafts = run.kaz / "desk" / "drafts" / str(YEAR)
    tables = sorted(path.name for path in drafts.iterdir())
    run("release", "show", drafts / tables[0])
    run("release", "refuse", YEAR, tables[-1], "--reason", "too few cases", *home)
    phrase = ("--passphrase-file", run.kaz / "people" / "passphrase")
    run("release", "sign", "--all", drafts, "--yes", "--key", run.kaz / "people" / "officer-1.pem",
        "--passphrase-file", run.inputs / "wrong", code=20)  # fmt: skip
    for number in (1, 2):
        key = run.kaz / "people" / f"officer-{number}.pem"
        run("release", "sign", "--all", drafts, "--yes", "--key", key, *phrase)
    run("release", "publish", YEAR, *home)
    run("release", "list", "--json", *home)
    run("release", "recompute", YEAR, tables[0], *home)


def spread(run: Run) -> None:
    """The other state pulls, asks, packs and verifies; the operator looks."""
    kgz = run.work / "demo" / "kgz"

    def arrived() -> bool:
        shown = run("query", "VICTIMS", "--state", "KAZ", "--period", YEAR, "--json", "--home", kgz)
        return b'"shown"' in shown or b'"withheld"' in shown

    wait_for(arrived, what="the new year at the other state", seconds=60)
    run("query", "VICTIMS_SEX", "--home", kgz, "--xlsx", run.work / "answer.xlsx")
    run("query", "VICTIMS_SEX", "--home", kgz, "--csv")
    run("pack", "export", run.work / "pack", "--home", kgz)
    run("verify", run.work / "pack", "--root", run.work / "pack.words")
    run("verify", run.work / "pack", code=31)
    for state in ("kaz", "kgz"):
        run("doctor", "--home", run.work / "demo" / state, "--json", code=None)
        run("peer", "list", "--home", run.work / "demo" / state)
    run("query", "VICTIMS_COLOUR", "--home", kgz, code=None)
    run("backup", run.work / "backup", "--home", run.kaz, code=None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The whole run; its borders ended before anybody looks."""
    found = Run(tmp_path_factory.mktemp("planted"))
    (found.work / "tmp").mkdir(parents=True)
    found.inputs.mkdir()
    try:
        found("demo", "run", "demo", "--states", "KAZ,KGZ")
        take_in(found)
        publish(found)
        spread(found)
    finally:
        found("demo", "stop", "demo", code=None)
    return found


def outside(run: Run) -> list[Path]:
    """Every folder that is not the desk's own: what peers, borders and readers have."""
    demo = run.work / "demo"
    return [
        run.kaz / "border",
        run.kaz / "desk" / "outbox",
        run.kaz / "desk" / "drafts",
        demo / "kgz",
        run.work / "pack",
    ]


def test_the_planted_were_taken_in_and_counted(run: Run) -> None:
    imports = [shown for line, code, shown in run.said if line.startswith("case import") and not code]
    assert any(b"3 added" in shown for shown in imports)
    assert (run.kaz / "desk" / "drafts" / str(YEAR)).is_dir()
    assert len([line for line, code, _shown in run.said if code]) >= 8, "few of the wrong turns were refused"
    assert traces([run.inputs], SECRETS), "the search finds nothing even where they stand"


def test_no_file_of_the_whole_run_holds_a_name_a_phone_a_document_or_a_passphrase(run: Run) -> None:
    assert traces([run.work], SECRETS) == []


def test_no_screen_of_the_whole_run_shows_one(run: Run) -> None:
    assert [(line, what) for line, _code, shown in run.said for what in traces_in(shown, SECRETS)] == []


def test_case_numbers_stay_at_the_desk(run: Run) -> None:
    assert traces(outside(run), NUMBERS) == []


def _plain(word: str) -> bytes:
    return word.encode()


def _wide(word: str) -> bytes:
    return word.encode("utf-16-be")


def _json(word: str) -> bytes:
    import json

    return json.dumps({"reason": f"no such name: {word}!"}).encode()


def _address(word: str) -> bytes:
    from urllib.parse import quote

    return f"GET /case?name={quote(word)}&x=1".encode()


def _hex(word: str) -> bytes:
    return b"fields=" + word.encode().hex().encode()


def _based(word: str) -> bytes:
    import base64

    return base64.b64encode(b'{"name":"' + word.encode() + b'"}')


@pytest.mark.parametrize("write", [_plain, _wide, _json, _address, _hex, _based])
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.number)
def test_one_who_is_planted_on_purpose_is_found(
    run: Run, write: Callable[[str], bytes], person: planted.Person
) -> None:
    log = run.kaz / "border" / "border.log"
    whole = log.read_bytes() if log.exists() else None
    try:
        log.write_bytes((whole or b"") + b"\n" + write(person.second) + b"\n")
        assert traces([run.work], SECRETS) == [f"second of {person.number} in {log}"]
    finally:
        log.write_bytes(whole) if whole is not None else log.unlink()
