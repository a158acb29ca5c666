from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.exchange.archive import Archive
from tallystick.exchange.query import Answer, Question, ask
from tests.support.federation import Federation

Ask = Callable[..., Answer]


def take_all(archive: Archive, federation: Federation, *codes: str) -> None:
    for code in codes:
        state = federation.state(code)
        archive.accept(state.cc, state.view(), state.entries, federation.verified(code), state.data)


@pytest.fixture(scope="module")
def federation() -> Federation:
    """KAZ releases everything, KGZ some of it, IRN nothing at all; nothing of TUR ever arrives."""
    found = Federation.make(("IRN", "KAZ", "KGZ", "TUR"))
    for code, base in (("KAZ", 60), ("KGZ", 7), ("TUR", 200)):
        for year in range(2018, 2021):
            found.release(code, "VICTIMS", str(year), {(): base + year - 2018})
    for year in range(2018, 2021):
        found.release("KAZ", "VICTIMS_SEX", str(year), {("F",): 40, ("M",): 18}, repaired=1)
        found.release("KAZ", "VICTIMS_AGE", str(year), {("Y0T17",): 20, ("Y_GE18",): 35})
    found.release("KGZ", "VICTIMS_SEX", "2018", {("F",): 6})
    inner = {("F", "Y0T17"): 30, ("F", "Y_GE18"): 85, ("M", "Y_GE18"): 50}
    found.release("KAZ", "VICTIMS_SEX_AGE", "2018-2020", inner, repaired=1)
    corridor = {("KGZ", "KAZ"): 60, ("KGZ", "_T"): 62, ("_T", "KAZ"): 150, ("KAZ", "KAZ"): 80}
    found.release("KAZ", "VICTIMS_CORRIDOR", "2018-2020", corridor, repaired=2)
    return found


@pytest.fixture(scope="module")
def archive(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    found = Archive(tmp_path_factory.mktemp("query") / "archive")
    state = federation.state("IRN")
    found.accept(state.cc, state.view(), (), (), {})
    take_all(found, federation, "KAZ", "KGZ")
    return found


@pytest.fixture(scope="module")
def question(archive: Archive, federation: Federation) -> Ask:
    def put(table: str, **more: object) -> Answer:
        return ask(archive, federation.catalogue, federation.roster, Question(table, **more))  # type: ignore[arg-type]

    return put


def make_archive(folder: Path, federation: Federation) -> Archive:
    found = Archive(folder / "archive")
    take_all(found, federation, *(code for code, state in federation.states.items() if state.entries))
    return found
