"""Known figures at a desk: kept once, compared with published figures only, frozen into drafts, reproducible."""

import json
from pathlib import Path

import pytest

from tallystick.config.errors import StoreError, UsageError
from tallystick.config.periods import Period, parse_period
from tallystick.node.cases import cipher
from tallystick.node.cases.schema import Schema
from tallystick.node.desk.database import DESK_DB, Database, desk_1, desk_key, open_database
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.folder import read_draft
from tallystick.node.desk.showing import page, screen
from tallystick.node.known.figure import EXPLANATION_LIMIT, Glotip, KnownFigure
from tallystick.node.known.store import KnownStore
from tests.support.desks import AT, DeskHome, make_desk_home

Y2018, Y2019, BLOCK = parse_period("2018"), parse_period("2019"), parse_period("2018-2020")
BOOK = "Yearbook 2020, p. 12"


@pytest.fixture(scope="session")
def known_template(tmp_path_factory: pytest.TempPathFactory) -> DeskHome:
    return make_desk_home(tmp_path_factory.mktemp("known") / "home", {2018: 86, 2019: 88, 2020: 44})


@pytest.fixture
def home(known_template: DeskHome, tmp_path: Path) -> DeskHome:
    return known_template.copy(tmp_path / "home")


def total(year: int, official: str, source: str = "UNODC") -> KnownFigure:
    subject = Glotip("Detected trafficking victims", "Total", "Total", "Total", "Total")
    return KnownFigure(source, Period(year, year), subject, official, "ab" * 32, "row 1")


def told(desk: Desk, period: Period, table: str) -> list[tuple[str, str, str]]:
    row = next(row for row in desk.list() if (row.release.period, row.release.table_id) == (period, table)).release
    found = row.statement.predicate.metadata.comparisons
    return [(one.source, one.official, one.explanation) for one in found]


def test_keeping_twice_changes_nothing_and_a_new_value_is_told(home: DeskHome) -> None:
    with home.open() as desk:
        store = desk.known.store
        first = store.keep([total(2018, "92"), total(2019, "<5")], AT, whole_source=True)
        again = store.keep([total(2018, "92"), total(2019, "<5")], AT, whole_source=True)
        other = store.keep([total(2018, "93")], AT, whole_source=True)
        assert (first.added, first.unchanged, first.gone) == (2, 0, 0)
        assert (again.added, again.unchanged, again.changed) == (0, 2, ())
        assert [(one.before, one.figure.official) for one in other.changed] == [("92", "93")]
        assert other.gone == 1
        assert [one.official for one in store.figures()] == ["93", "<5"]
    with home.open() as desk:
        assert [line[:4] for line in desk.known.sources()] == [("UNODC", 2, "2018", "2019")]


def test_a_typed_figure_needs_a_cell_a_figure_and_a_source(home: DeskHome) -> None:
    with home.open() as desk:
        known = desk.known
        assert known.add("victims_sex", Y2018, "f", "1,061", BOOK).added == 1
        (shown,) = known.show(Y2018)
        assert (shown.figure.official, shown.places, shown.reason) == ("1061", ("VICTIMS_SEX F",), "")
        for table, key, value, source in (
            ("VICTIMS_SEX", "X", "3", BOOK),
            ("VICTIMS_SEX", "_T", "3", BOOK),
            ("VICTIMS", "_T", "three", BOOK),
            ("VICTIMS", "_T", "-3", BOOK),
            ("VICTIMS", "_T", "3", " "),
            ("VICTIMS", "_T", "3", "x" * 201),
            ("VICTIMS", "_T", "3", "a\x1b[2J"),
        ):
            with pytest.raises(UsageError):
                known.add(table, Y2018, key, value, source)
        assert known.remove(BOOK, Y2018, "VICTIMS_SEX", "F") == 1
        with pytest.raises(UsageError, match="nothing like that"):
            known.remove(BOOK, None, None, None)


def test_an_explanation_is_bounded_and_needs_its_figure(home: DeskHome) -> None:
    with home.open() as desk:
        known = desk.known
        known.add("VICTIMS", Y2018, "_T", "92", BOOK)
        for text in ("x" * (EXPLANATION_LIMIT + 1), "a\nb", "turned \u202e", "\x00"):
            with pytest.raises(UsageError):
                known.explain("VICTIMS", Y2018, "_T", BOOK, text)
        with pytest.raises(UsageError, match="is known from"):
            known.explain("VICTIMS", Y2018, "_T", "another", "because")
        known.explain("VICTIMS", Y2018, "_T", BOOK, "x" * EXPLANATION_LIMIT)
        (one,) = known.compare(Y2018)
        assert len(one.beside.explanation) == EXPLANATION_LIMIT
        known.explain("VICTIMS", Y2018, "_T", BOOK, "")
        assert known.compare(Y2018)[0].beside.explanation == ""


def test_an_explanation_of_another_figure_is_not_used(home: DeskHome) -> None:
    with home.open() as desk:
        known = desk.known
        known.add("VICTIMS", Y2018, "_T", "92", BOOK)
        known.explain("VICTIMS", Y2018, "_T", BOOK, "six were counted twice")
        known.add("VICTIMS", Y2018, "_T", "99", BOOK)
        assert known.compare(Y2018)[0].beside.explanation == ""


def test_a_draft_carries_what_was_known_and_said_and_keeps_it(home: DeskHome) -> None:
    with home.open() as desk:
        desk.known.store.keep([total(2018, "92")], AT)
        desk.known.add("VICTIMS_SEX", Y2018, "F", "61", BOOK)
        desk.known.explain("VICTIMS", Y2018, "_T", "UNODC", "по дате приговора")
        desk.draft(Y2018)
        before = [row.payload for row in desk._bench.publications.all()]
        assert told(desk, Y2018, "VICTIMS") == [("UNODC", "92", "по дате приговора")]
        assert told(desk, Y2018, "VICTIMS_SEX") == [(BOOK, "61", "")]
        assert told(desk, Y2018, "VICTIMS_AGE") == []
        desk.known.remove("UNODC", None, None, None)
        desk.known.add("VICTIMS_SEX", Y2018, "F", "62", BOOK)
        for table in ("VICTIMS", "VICTIMS_SEX", "VICTIMS_AGE"):
            assert len(desk.recompute(Y2018, table).checks) >= 4
        desk.draft(Y2018)
        assert [row.payload for row in desk._bench.publications.all()] == before
        (one,) = desk.known.compare(Y2018)
        assert not one.travels


def test_a_desk_made_before_figures_of_others_were_kept_takes_them(tmp_path: Path) -> None:
    old = Schema("tallystick-desk", desk_1)
    cipher.create(tmp_path / DESK_DB, desk_key(bytes(32)), old)
    database = open_database(tmp_path, bytes(32))
    assert KnownStore(database).keep([total(2018, "92")], AT).added == 1
    assert KnownStore(database).figures() == (total(2018, "92"),)
    database.close()


def test_a_draft_from_before_is_still_readable_and_recomputes(home: DeskHome) -> None:
    with home.open() as desk:
        desk.draft(Y2018)
        context = desk._bench.evidence.context(Y2018)
        assert context is not None
        old = json.loads(context.to_bytes())
        assert old.pop("comparisons") == {}
        assert type(context).model_validate_json(json.dumps(old)) == context
        assert b"comparisons" not in desk._bench.publications.all()[0].payload


def test_a_comparison_shows_what_is_published_and_never_the_count(home: DeskHome) -> None:
    with home.open() as desk:
        desk.known.add("VICTIMS", Y2018, "_T", "92", BOOK)
        desk.known.add("VICTIMS_SEX", Y2018, "_O", "3", BOOK)
        before = desk.known.compare(Y2018)
        assert [(one.status, one.value, one.difference) for one in before] == [(None, None, None)] * 2
        rows = desk.draft(Y2018)
        total_, other = desk.known.compare(Y2018)
        cells = read_draft(home.folder / "drafts" / "2018" / "VICTIMS").table.observations
        assert total_.value == cells[0].value
        assert total_.difference == (cells[0].value or 0) - 92
        assert (other.value, other.here, other.difference) == (None, "withheld", None)
        assert [one.beside.table_id for one in desk.known.compare(Y2018, "victims")] == ["VICTIMS"]
        assert rows


def test_a_block_s_figure_is_the_sum_of_exact_years(home: DeskHome) -> None:
    def citizens(year: int, official: str, source: str) -> KnownFigure:
        subject = Glotip("Detected trafficking victims", "by citizenship", "Kyrgyzstan", "Total", "Total")
        return KnownFigure(source, Period(year, year), subject, official)

    with home.open() as desk:
        desk.known.store.keep([citizens(year, "7", "A") for year in BLOCK.years], AT)
        desk.known.store.keep([citizens(year, "<5" if year == 2019 else "7", "B") for year in BLOCK.years], AT)
        found = [one.beside for one in desk.known.compare(BLOCK)]
        assert [(one.table_id, one.key, one.source, one.official) for one in found] == [
            ("VICTIMS_CORRIDOR", ("KGZ", "_T"), "A", "21")
        ]
        desk.known.add("VICTIMS_CORRIDOR", BLOCK, "KGZ/_T", "25", "A")
        assert desk.known.compare(BLOCK)[0].beside.official == "25"


def test_a_source_that_contradicts_itself_is_shown_and_not_published(home: DeskHome) -> None:
    with home.open() as desk:
        desk.known.store.keep([total(2018, "92")], AT)
        desk.known.add("VICTIMS", Y2018, "_T", "95", "UNODC")
        (one,) = desk.known.compare(Y2018)
        assert one.beside.official == ""
        with pytest.raises(UsageError):
            desk.known.explain("VICTIMS", Y2018, "_T", "UNODC", "because")
        desk.draft(Y2018)
        assert told(desk, Y2018, "VICTIMS") == []


def test_differences_without_a_word_are_named_and_noise_is_told_together(home: DeskHome) -> None:
    with home.open() as desk:
        for row in desk.draft(Y2018, rehearse=True):
            for cell in read_rows(row):
                if cell[1] is not None:
                    desk.known.add(row.table_id, Y2018, cell[0], str(cell[1] + 1), BOOK)
        desk.known.add("VICTIMS", Y2018, "_T", "500", "another")
        desk.known.add("VICTIMS_SEX", Y2018, "_O", "4", "another")
        notes = desk.known.unexplained(desk.draft(Y2018))
    assert sum("500 (another)" in note for note in notes) == 1
    assert notes[-1].endswith("figures differ by no more than the noise")
    assert len(notes) == 2
    assert not [note for note in notes if "_O" in note]


def read_rows(row: object) -> list[tuple[str, int | None]]:
    lines = row.data.decode().splitlines()  # type: ignore[attr-defined]
    found = []
    for line in lines[1:]:
        parts = line.split(",")
        key = "/".join(parts[5:-4]) or "_T"
        found.append((key, int(parts[-3]) if parts[-3] else None))
    return found


def test_a_rehearsal_freezes_and_drafts_nothing_and_shows_the_draft_s_figures(home: DeskHome) -> None:
    with home.open() as desk:
        rehearsed = {row.table_id: row.data for row in desk.draft(Y2018, rehearse=True)}
        assert desk.list() == ()
        assert desk._bench.evidence.year(2018) is None
        assert not desk.draft_folder(Y2018).exists()
        assert {row.table_id: row.data for row in desk.draft(Y2018)} == rehearsed
        assert len(desk.draft(Y2018, rehearse=True)) == len(rehearsed)


def fail_in_a_rehearsal(database: Database) -> float:
    with database.rehearsal(), database.transaction():
        database.set_mark("x", "1")
        return 1 / 0


def test_a_rehearsal_forgets_what_was_written_even_after_a_failure(home: DeskHome) -> None:
    with home.open() as desk:
        database = desk._bench.database
        with pytest.raises(ZeroDivisionError):
            fail_in_a_rehearsal(database)
        assert database.mark("x") is None
        with pytest.raises(StoreError, match="outside a transaction"):
            database.set_mark("x", "1")


def test_officers_see_comparisons_before_they_sign(home: DeskHome) -> None:
    with home.open() as desk:
        for number in range(8):
            desk.known.add("VICTIMS", Y2018, "_T", str(90 + number), f"Source {number}")
        desk.known.explain("VICTIMS", Y2018, "_T", "Source 0", "word " * 99 + "last")
        desk.draft(Y2018)
    draft = read_draft(home.folder / "drafts" / "2018" / "VICTIMS")
    text = " ".join(" ".join(screen(draft, ())).split())
    assert "official 90 (Source 0), here" in text
    assert "last" in text
    assert "official 97 (Source 7), here" in text
    sheet = page(draft)
    assert len(sheet) <= 64
    assert "  5 more comparisons stand in statement.json" in sheet
    assert max(map(len, [*sheet, *screen(draft, ())])) < 80


@pytest.mark.parametrize("official", ["46", "<5"])
def test_the_sentence_says_what_is_shown(home: DeskHome, official: str) -> None:
    with home.open() as desk:
        desk.known.add("VICTIMS", Y2018, "_T", official, BOOK)
        (note,) = desk.known.unexplained(desk.draft(Y2018))
    assert note.startswith(f"VICTIMS _T: official {official} ({BOOK}), here ")
    assert note.endswith("± 3, and no explanation")
