"""Figures that are public elsewhere, as whoever asks and whoever checks sees them beside a release."""

import json
from pathlib import Path

import pytest

from tallystick.config.files import make_dir
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.pack import export_pack, words_path
from tallystick.exchange.formats.statement import Comparison
from tallystick.keys.roster_store import RosterStore
from tests.support.federation import AT, Federation
from tests.support.terminal import run

BECAUSE = "считается по дате приговора"


@pytest.fixture(scope="module")
def federation() -> Federation:
    found = Federation.make(("KAZ", "KGZ"))
    data = found.data("KAZ", "VICTIMS_SEX", "2018", {("F",): 40})
    metadata = found.statement("KAZ", "VICTIMS_SEX", "2018", data).predicate.metadata
    said = (
        Comparison(explanation=BECAUSE, key=("F",), official="46", source="UNODC GLOTIP 2023"),
        Comparison(explanation="", key=("M",), official="<5", source="Yearbook"),
    )
    found.release("KAZ", "VICTIMS", "2018", {(): 60})
    found.release(
        "KAZ", "VICTIMS_SEX", "2018", {("F",): 40}, metadata=metadata.model_copy(update={"comparisons": said})
    )
    return found


@pytest.fixture(scope="module")
def home(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("home")
    border = make_dir(found / "border")
    (border / "border.toml").write_text('state = "KAZ"\nname = "Agency"\nlisten = "127.0.0.1:7001"\ndemo = true\n')
    archive, state = Archive(border / "archive"), federation.state("KAZ")
    archive.accept("kaz", state.view(), state.entries, federation.verified("KAZ"), state.data)
    RosterStore(border / "roster").adopt(federation.roster_files, at=AT, anchor=federation.anchor)
    export_pack(archive, federation.roster_files, found / "pack", federation.roster)
    return found


def said(*arguments: object) -> str:
    outcome = run(*map(str, arguments))
    assert outcome.code == 0, outcome.err
    assert all(len(line) <= 80 for line in outcome.out.splitlines())
    return " ".join(outcome.out.split())


def test_a_query_says_it_under_the_figures(home: Path) -> None:
    words = said("query", "VICTIMS_SEX", "--home", home)
    assert f"KAZ 2018 F: official 46 (UNODC GLOTIP 2023), here 40 ± 3: {BECAUSE}" in words
    assert "KAZ 2018 M: official <5 (Yearbook), here withheld" in words
    assert "official" not in said("query", "VICTIMS", "--home", home)


def test_a_sum_is_compared_with_nothing(home: Path) -> None:
    assert "official" not in said("query", "VICTIMS_SEX", "--sum-over", "state", "--home", home)


def test_json_has_the_state_s_own_words(home: Path) -> None:
    outcome = run("query", "VICTIMS_SEX", "--json", "--home", str(home))
    (provenance,) = json.loads(outcome.out)["provenance"].values()
    assert [one["official"] for one in provenance["metadata"]["comparisons"]] == ["46", "<5"]


def test_verify_shows_it_for_a_release_and_counts_it_for_a_pack(home: Path, federation: Federation) -> None:
    words, pack = words_path(home / "pack"), home / "pack"
    identity = federation.state("KAZ").payload_ids["VICTIMS_SEX", "2018"]
    one = said("verify", pack / "kaz" / "releases" / f"{identity}.dsse.json", "--root", words)
    assert f"F: official 46 (UNODC GLOTIP 2023), here 40 ± 3: {BECAUSE}" in one
    assert "M: official <5 (Yearbook), here withheld" in one
    whole = said("verify", pack, "--root", words)
    assert "2 figures that are public elsewhere stand beside them" in whole
    plain = federation.state("KAZ").payload_ids["VICTIMS", "2018"]
    assert "beside" not in said("verify", pack / "kaz" / "releases" / f"{plain}.dsse.json", "--root", words)
