"""Rows that were made from statistics stay out of a register of real cases."""

from pathlib import Path

import pytest

from tests.cli.test_case import make_home
from tests.support.terminal import run

ROW = "yearOfRegistration,gender,CountryOfExploitation\n2019,Woman,KAZ\n"


@pytest.mark.parametrize("demo", [True, False])
def test_synthetic_rows_go_into_a_demo_register_only(tmp_path: Path, demo: bool) -> None:
    home = make_home(tmp_path / "home", demo=demo)
    file = tmp_path / "synthetic.csv"
    file.write_text(ROW)
    outcome = run("case", "import", str(file), "--format", "ctdc-synthetic", "--home", str(home))
    if demo:
        assert outcome.code == 0, outcome.err
        assert "no row is a person" in outcome.out
    else:
        assert outcome.code == 2
        assert "is not a DEMO" in outcome.err
