"""One desk made once, copied for every test that changes something."""

from pathlib import Path

import pytest

from tallystick.config.periods import parse_period
from tests.support.desks import DeskHome, make_desk_home

PERIODS = ("2018", "2019", "2020", "2018-2020")


@pytest.fixture(scope="session")
def fresh_template(tmp_path_factory: pytest.TempPathFactory) -> DeskHome:
    return make_desk_home(tmp_path_factory.mktemp("fresh") / "home", {2018: 86, 2019: 88, 2020: 44})


@pytest.fixture(scope="session")
def drafted_template(fresh_template: DeskHome, tmp_path_factory: pytest.TempPathFactory) -> DeskHome:
    made = fresh_template.copy(tmp_path_factory.mktemp("drafted") / "home")
    with made.open() as desk:
        for period in PERIODS:
            desk.draft(parse_period(period))
    return made


@pytest.fixture
def fresh(fresh_template: DeskHome, tmp_path: Path) -> DeskHome:
    """A desk with cases of three years; nothing drafted."""
    return fresh_template.copy(tmp_path / "home")


@pytest.fixture
def drafted(drafted_template: DeskHome, tmp_path: Path) -> DeskHome:
    """Three years and their block drafted, nobody has signed."""
    return drafted_template.copy(tmp_path / "home")
