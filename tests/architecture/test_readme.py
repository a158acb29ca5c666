"""README's first session is typed here as it stands there, in the folder of a small demonstration."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SECONDS = 300
pytestmark = pytest.mark.xdist_group("demo")


def session() -> list[str]:
    """Every line that a reader is asked to type at the command ``tallystick``, without the command itself."""
    blocks = re.findall(r"^```console\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    typed = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    commands = [re.fullmatch(r"(?:\.venv/bin/)?tallystick (.+)", line) for line in typed]
    return [found[1] for found in commands if found]


def tallystick(folder: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """Run one line as a shell would, in ``folder`` and without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "tallystick.cli.main", *shlex.split(line)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "TALLYSTICK_LANG": "en", "COLUMNS": "80"},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which ``demo`` is a demonstration of three states that runs."""
    made = tmp_path_factory.mktemp("readme")
    try:
        answer = tallystick(made, "demo run demo --states KAZ,KGZ,TUR")
        assert answer.returncode == 0, answer.stderr
        yield made
    finally:
        tallystick(made, "demo stop demo")


def test_readme_holds_a_session_for_each_reader() -> None:
    assert {line.split()[0] for line in session()} >= {"release", "query", "verify"}


@pytest.mark.parametrize("line", session())
def test_a_line_of_readme_does_what_it_says(folder: Path, line: str) -> None:
    answer = tallystick(folder, line)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()


def test_readme_s_lines_of_python_print_figures(folder: Path) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed (extra: frames)")
    (code,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert answer.returncode == 0, answer.stderr
    assert len(list(filter(None, code.splitlines()))) == 4
    assert "OBS_STATUS" in answer.stdout
    assert "KAZ" in answer.stdout
    assert "2020" in answer.stdout
