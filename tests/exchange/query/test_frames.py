"""Figures as data frames: what is null, what is a row, what is refused; the same from an archive and from a pack."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tallystick
from tallystick.config.clock import FixedClock
from tallystick.config.errors import BadSignatureError, StoreError, UnanchoredError, UsageError, VerificationError
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.pack import export_pack, words_path
from tallystick.exchange.formats.tlogproof import parse_proof
from tallystick.exchange.query import frames
from tallystick.keys.roster_store import RosterStore
from tests.exchange.query.conftest import make_archive
from tests.support.federation import AT, Federation

pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra: frames)")
polars = pytest.importorskip("polars", reason="polars is not installed (extra: frames)")


@pytest.fixture(scope="module")
def beside(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive and a roster, as a border keeps them, and a pack of it with its words."""
    folder = tmp_path_factory.mktemp("frames")
    archive = make_archive(folder, federation)
    RosterStore(folder / "roster").adopt(federation.roster_files, at=AT, anchor=federation.anchor)
    export_pack(archive, federation.roster_files, folder / "pack", federation.roster)
    return folder


@pytest.fixture(scope="module")
def opened(beside: Path) -> frames.FrameArchive:
    return tallystick.open_archive(beside / "archive", clock=FixedClock(AT))


def test_a_withheld_cell_is_null_and_has_bounds_and_flags(opened: frames.FrameArchive) -> None:
    found = opened.query("VICTIMS_SEX", states="KAZ", years=2018, frame="pandas").set_index("SEX")
    assert dict(found["value"].dropna()) == {"F": 40, "M": 18}
    withheld = found.loc["_U"]
    assert withheld["value"] is pandas.NA
    assert (withheld["OBS_STATUS"], withheld["CONF_STATUS"], withheld["kind"]) == ("Q", "C", "withheld")
    assert withheld["low"] == 0
    assert (found.loc["F", "low"], found.loc["F", "high"], found.loc["F", "noise_sd"]) == (37, 43, 1.0)
    assert found.loc["F", "OBS_STATUS"] == "A"
    assert str(found["value"].dtype) == "Int64"


def test_states_without_figures_are_rows_and_never_zero(opened: frames.FrameArchive) -> None:
    found = opened.query("VICTIMS_SEX", years=[2018], frame="pandas").set_index("state")
    assert found.loc["KGZ", "kind"].iloc[0] == "shown"
    absent = found[found["kind"].isin(["missing", "not_released"])]
    assert set(absent.index) == {"IRN", "TUR"}
    assert absent["value"].isna().all()
    assert absent["SEX"].isna().all()


def test_by_sums_what_it_does_not_name(opened: frames.FrameArchive) -> None:
    found = opened.query("VICTIMS_SEX", years=2018, by="SEX", frame="pandas").set_index("SEX")
    assert found.loc["F", "value"] == 46
    assert found.loc["F", "kind"] == "sum"
    assert found.loc["F", "state"] == "_T"
    assert "TUR" in found.loc["F", "not_released"] + found.loc["F", "missing"]
    assert pandas.isna(found.loc["F", "OBS_STATUS"])
    kept = opened.query("VICTIMS_SEX", years=2018, by=["state", "period"], states=["KAZ"], frame="pandas")
    assert list(kept["SEX"]) == ["_T"]


def test_where_is_not_summed(opened: frames.FrameArchive) -> None:
    found = opened.query("VICTIMS_SEX", years=2018, states=["KAZ", "KGZ"], where={"sex": "f"}, by=(), frame="pandas")
    assert list(found["value"]) == [46]


def test_a_release_is_named_with_a_receipt_that_others_can_check(
    opened: frames.FrameArchive, federation: Federation
) -> None:
    found = opened.query("VICTIMS_SEX", states="KAZ", years=2018, where={"SEX": "F"}, frame="pandas").iloc[0]
    state = federation.state("KAZ")
    place = int(found["receipt"].removeprefix("kaz#"))
    assert found["witnessed"] == "not witnessed"
    assert found["release"] == state.payload_ids["VICTIMS_SEX", "2018"]
    proof = parse_proof(opened.receipt(found["release"]))
    assert proof.index == place
    with pytest.raises(UsageError, match="no such release"):
        opened.receipt("0" * 64)


def test_polars_says_the_same(opened: frames.FrameArchive) -> None:
    one = opened.query("VICTIMS_SEX", frame="pandas")
    other = opened.query("VICTIMS_SEX", frame="polars")
    assert isinstance(other, polars.DataFrame)
    assert list(one.columns) == other.columns
    lines = [tuple(None if pandas.isna(cell) else cell for cell in line) for line in one.itertuples(index=False)]
    assert lines == other.rows()
    assert other.schema["value"] == polars.Int64


def test_a_pack_gives_what_its_archive_gives_once_its_federation_is_named(
    beside: Path, opened: frames.FrameArchive
) -> None:
    pack = tallystick.open_archive(beside / "pack", root=str(words_path(beside / "pack")), clock=FixedClock(AT))
    for table in ("VICTIMS_SEX", "VICTIMS", "VICTIMS_CORRIDOR"):
        assert pack.query(table, frame="polars").equals(opened.query(table, frame="polars"))
    assert not list((beside / "pack").rglob("*.sqlite"))
    with pytest.raises(UnanchoredError):
        tallystick.open_archive(beside / "pack", clock=FixedClock(AT))


def test_a_pack_with_one_digit_changed_is_refused(beside: Path, federation: Federation, tmp_path: Path) -> None:
    export_pack(Archive(beside / "archive"), federation.roster_files, tmp_path / "pack", federation.roster)
    path = min((tmp_path / "pack" / "kaz" / "data").rglob("*[0-9a-f]"), key=lambda one: one.is_dir())
    path.write_bytes(path.read_bytes().replace(b",A,F", b"1,A,F", 1))
    with pytest.raises(VerificationError):
        tallystick.open_archive(tmp_path / "pack", root=federation.roster.words, clock=FixedClock(AT))


def test_an_archive_of_another_federation_is_refused(beside: Path) -> None:
    other = Federation.make(("KAZ",)).roster.words
    with pytest.raises(BadSignatureError, match="of federation"):
        tallystick.open_archive(beside / "archive", root=other, clock=FixedClock(AT))


def test_what_is_no_archive_is_refused_with_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no roster beside"):
        tallystick.open_archive(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        tallystick.open_archive(tmp_path / "none")


def test_tables_lists_the_catalogue_and_notes_speak(opened: frames.FrameArchive, federation: Federation) -> None:
    listed = opened.tables(frame="pandas").set_index("table")
    assert set(listed.index) == {table.id for table in federation.catalogue.tables}
    assert listed.loc["VICTIMS_SEX", "dimensions"] == "SEX"
    assert listed.loc["VICTIMS_SEX", "slices"] == 4
    said = opened.notes("VICTIMS_SEX", years=2018)
    assert any("a withheld cell is not zero" in note for note in said)
    with pytest.raises(UsageError, match="no such argument"):
        opened.notes("VICTIMS_SEX", state="KAZ")


@pytest.mark.parametrize(
    "asked", [{"by": "COLOUR"}, {"years": "next"}, {"states": "XXX"}, {"where": {"SEX": "?"}}, {"frame": "excel"}]
)
def test_a_name_that_nobody_knows_is_refused(opened: frames.FrameArchive, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        opened.query("VICTIMS_SEX", **asked)


def test_without_a_library_the_extra_is_named(opened: frames.FrameArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "find_spec", lambda name: None if name == "pandas" else object())
    assert isinstance(opened.query("VICTIMS"), polars.DataFrame)
    with pytest.raises(UsageError, match="pandas is not installed"):
        opened.query("VICTIMS", frame="pandas")
    monkeypatch.setattr(frames, "find_spec", lambda _name: None)
    with pytest.raises(UsageError) as refused:
        opened.query("VICTIMS")
    assert "tallystick[frames]" in (refused.value.hint or "")


def test_opening_loads_no_library_before_the_first_question(beside: Path) -> None:
    code = (
        "import sys, tallystick\n"
        f"archive = tallystick.open_archive({str(beside / 'archive')!r})\n"
        "assert not {'pandas', 'polars', 'numpy', 'sqlite_utils', 'tallystick.node'} & set(sys.modules)\n"
        "archive.query('VICTIMS')\n"
        "assert 'pandas' in sys.modules and 'tallystick.node' not in sys.modules\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr


def test_the_front_has_no_other_name() -> None:
    with pytest.raises(AttributeError, match="open_archives"):
        tallystick.open_archives  # noqa: B018 - the lookup is what is tried
