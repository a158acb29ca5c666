"""The demonstration, whole: what ``make demo`` promises is what its files and its output hold."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CTDC = Path(__file__).resolve().parents[3] / "shared" / "data" / "ctdc_cases_k11.csv"
STATES = "KAZ,KGZ,PAK"
pytestmark = pytest.mark.xdist_group("demo")


def tallystick(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick.cli.main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "COLUMNS": "80", "LANG": "C.UTF-8", **environment},
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A small demonstration, left running; its parent folder and what it printed."""
    top = tmp_path_factory.mktemp("demo")
    answer = tallystick("demo", "run", "demo", "--states", STATES, cwd=top)
    try:
        assert answer.returncode == 0, answer.stdout + answer.stderr
        yield top, answer.stdout
    finally:
        tallystick("demo", "stop", "demo", cwd=top)


def figures(text: str, pattern: str) -> Mapping[str, str]:
    found = re.search(pattern, text)
    assert found, text
    return found.groupdict()


def test_the_story_fits_eighty_columns(shown: tuple[Path, str]) -> None:
    assert [
        line for line in shown[1].splitlines() if len(line) > 80 and not line.startswith(("released:", "forged:", "$"))
    ] == []


def test_everybody_holds_everybodys_whole_log(shown: tuple[Path, str]) -> None:
    assert "9 of 9 logs are whole" in shown[1]


def test_withheld_and_not_released_are_told_apart(shown: tuple[Path, str]) -> None:
    top, _text = shown
    asked = ("query", "VICTIMS_FORM", "--period", "2019", "--where", "FORM=OG", "--home", "demo/kaz", "--json")
    rows = json.loads(tallystick(*asked, cwd=top).stdout)["rows"]
    assert {row["state"]: row["kind"] for row in rows} == {"KAZ": "withheld", "KGZ": "withheld", "PAK": "not_released"}
    assert all(row["value"] is None for row in rows)


def test_the_emailed_tables_leak_and_the_released_do_not(shown: tuple[Path, str]) -> None:
    found = figures(shown[1], r"Back by subtraction: (?P<back>\d+)")
    assert int(found["back"]) > 0
    text = " ".join(shown[1].split())
    assert figures(text, r"to who knows the method: (?P<lost>\d+)\.")["lost"] == "0"


def test_one_changed_digit_is_refused_with_the_place(shown: tuple[Path, str]) -> None:
    assert re.search(r"refused: +\w{3}, entry \d+: data file", " ".join(shown[1].split()))


def test_the_border_holds_no_key_and_no_code_of_the_case_side(shown: tuple[Path, str]) -> None:
    top, text = shown
    assert "in the running process: none" in " ".join(text.split())
    assert "file is not a database" in " ".join(text.split())
    names = {path.name for path in (top / "demo" / "kaz" / "border" / "secrets").iterdir()}
    assert names == {"tls.pem", "witness-ed25519.pem"}


def test_the_pack_has_the_layout_of_the_specification(shown: tuple[Path, str]) -> None:
    pack = shown[0] / "demo" / "pack"
    assert len((shown[0] / "demo" / "pack.words").read_text().split()) >= 24
    assert (pack / "roster" / "metadata" / "1.root.json").is_file()
    for cc in ("kaz", "kgz", "pak"):
        assert (pack / cc / "checkpoint").is_file()
        assert list((pack / cc / "tile" / "entries").rglob("*"))
        releases = {path.name.split(".")[0] for path in (pack / cc / "releases").iterdir()}
        assert releases == {path.name.split(".")[0] for path in (pack / cc / "releases").glob("*.tlog-proof")}
        assert (pack / "policies" / f"{cc}.policy").is_file()


@pytest.mark.parametrize(
    ("root", "code"),
    [(("--root", "demo/pack.words"), 0), ((), 31), (("--root", " ".join(["abandon"] * 23 + ["art"])), 30)],
)
def test_the_auditors_command_says_what_holds(shown: tuple[Path, str], root: tuple[str, ...], code: int) -> None:
    answer = tallystick("verify", "demo/pack", *root, cwd=shown[0])
    assert answer.returncode == code, answer.stdout + answer.stderr


def test_the_commands_that_it_proposes_work(shown: tuple[Path, str]) -> None:
    top, text = shown
    proposed = re.findall(r"\.venv/bin/tallystick (.+)", text)
    assert len(proposed) == 4
    for command in proposed:
        answer = tallystick(*command.split(), cwd=top)
        assert answer.returncode in {0, 1} if command.startswith("doctor") else answer.returncode == 0, answer.stderr


def test_every_published_slice_can_be_recomputed_from_the_sealed_evidence(shown: tuple[Path, str]) -> None:
    for period, table in (("2018", "VICTIMS_SEX"), ("2018-2020", "VICTIMS_CORRIDOR")):
        answer = tallystick("release", "recompute", period, table, "--home", "demo/kgz", cwd=shown[0])
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_nobody_is_named_in_anything_that_left(shown: tuple[Path, str]) -> None:
    """Names of the synthetic persons, in three scripts, appear in no border, pack, log or draft."""
    from tallystick.node.cases.opening import open_store
    from tallystick.node.home.demo import open_demo_home

    home = open_demo_home(shown[0] / "demo" / "kgz")
    names: set[str] = set()
    with open_store(home.home, home.secrets("desk")) as store:
        columns = store.coded_rows(2019)
        for person in columns.person_ids:
            identity = store.identity(bytes(person))
            assert identity is not None
            names |= {value for value in identity.fields.values() if isinstance(value, str) and len(value.encode()) > 7}
    assert len(names) > 10
    needles = [name.encode() for name in names] + [name.encode("utf-16-le") for name in names]
    places = [
        path for part in ("kgz", "kaz", "pack") for path in (shown[0] / "demo" / part).rglob("*") if path.is_file()
    ]
    assert len(places) > 50
    for path in places:
        data = path.read_bytes()
        assert not [needle for needle in needles if needle in data], path


def test_a_second_run_resumes_and_tells_the_same(shown: tuple[Path, str]) -> None:
    top, text = shown
    again = tallystick("demo", "run", "demo", cwd=top)
    assert again.returncode == 0, again.stderr
    assert "Resuming" in again.stdout
    table = text.index("1. What each state"), text.index("3. One question")
    assert text[table[0] : table[1]] in again.stdout


def test_a_folder_keeps_its_cast(shown: tuple[Path, str]) -> None:
    answer = tallystick("demo", "run", "demo", "--states", "TUR", cwd=shown[0])
    assert answer.returncode == 2
    assert "another demonstration" in answer.stderr


def test_it_speaks_russian(shown: tuple[Path, str]) -> None:
    answer = tallystick("--lang", "ru", "release", "list", "--home", "demo/kaz", cwd=shown[0])
    assert answer.returncode == 0
    assert re.search("[а-яё]{4}", answer.stdout)


@pytest.mark.parametrize("seconds", [1.5, 4.0])
def test_a_demonstration_killed_half_way_is_resumed(tmp_path: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "tallystick.cli.main", "demo", "run", "demo", "--states", "KGZ,TKM"]
    child = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(seconds)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    try:
        answer = tallystick("demo", "run", "demo", "--states", "KGZ,TKM", cwd=tmp_path)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "4 of 4 logs are whole" in answer.stdout
    finally:
        tallystick("demo", "stop", "demo", cwd=tmp_path)


def real_records(tmp_path: Path, *states: str) -> str:
    if not CTDC.exists():
        pytest.skip(f"CTDC's public excerpt is not at {CTDC.name} in shared/data: it may not be redistributed")
    try:
        asked = ("--states", ",".join(states)) if states else ()
        answer = tallystick("demo", "run", "demo", "--cases", str(CTDC), *asked, cwd=tmp_path)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout
    finally:
        tallystick("demo", "stop", "demo", cwd=tmp_path)
        shutil.rmtree(tmp_path / "demo", ignore_errors=True)


def test_real_records_take_the_same_path(tmp_path: Path) -> None:
    text = real_records(tmp_path, "JOR", "KHM", "TUR")
    assert "already censored" in text
    assert re.search(r"KHM Cambodia +1000", text)
    assert re.search(r"JOR Jordan +108", text)
    assert "9 of 9 logs are whole" in text


@pytest.mark.slow
def test_all_real_records_of_states_with_a_hundred_rows_take_the_same_path(tmp_path: Path) -> None:
    text = real_records(tmp_path)
    assert "225 of 225 logs are whole" in text
    assert re.search(r"MDA Moldova +4504", text)
