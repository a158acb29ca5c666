"""``tallystick doctor`` as it is typed."""

import json
from pathlib import Path

import pytest

from tests.support.terminal import run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "kaz"
    assert run("init", "--demo", "--state", "KAZ", "--home", home).code == 0
    return home


def test_warnings_exit_with_one_and_fit_the_page(demo: Path) -> None:
    done = run("doctor", "--home", demo)
    assert (done.code, done.err) == (1, "")
    assert "Officer 1 of KAZ, Officer 2" in " ".join(done.out.split())
    assert "stamped DEMO" in done.out
    long = [line for line in done.out.splitlines() if len(line) > 80 and str(demo) not in line]
    assert long == []


def test_the_json_document_carries_the_exit_code(demo: Path) -> None:
    done = run("doctor", "--home", demo, "--json")
    document = json.loads(done.out)
    assert document["exit_code"] == done.code == 1
    assert {finding["level"] for finding in document["findings"]} == {"note", "warning"}
    assert "clock" in document["checked"]


def test_an_error_exits_with_its_own_code(demo: Path) -> None:
    path = demo / "desk" / "register.db"
    path.chmod(0o644)
    try:
        done = run("doctor", "--home", demo)
    finally:
        path.chmod(0o600)
    assert done.code == 50
    assert f"chmod 0600 {path}" in done.out.replace("\n           ", " ")


def test_no_home_is_said_with_a_hint(tmp_path: Path) -> None:
    done = run("doctor", "--home", tmp_path)
    assert done.code == 10
    assert "hint: make one with tallystick init" in done.err
