"""The short ways of an import: cells coded one by one, a helper, known rows. None may change what comes in."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError, StoreError
from tallystick.node.cases.codedrow import coded_row
from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register
from tallystick.node.cases.store import CaseQuery
from tallystick.node.intake import helper, making, raw, run
from tallystick.node.intake.fastcoding import FastCoder
from tallystick.node.intake.generate import csv_bytes
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.reading import Row
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.run import ImportReport, import_file
from tallystick.node.intake.totals import YearTotal
from tests.support.cases import AT, a_run

KEYS = (b"r" * 32, b"i" * 32)
CELLS = {
    "ext_CaseId": ["7", "case 8", "", "x" * 201, "a\x1bb"],
    "org_Name": ["Police", "Полиция", "", "n" * 201],
    "ext_RegistrationDate": ["2019-03-01", "01.03.2019", "2019-02-30", "", "2031-01-01"],
    "ext_RegistrationYear": ["2019", "2018", "", "nineteen", "99999"],
    "prs_Birthdate": ["2001-03-01", "2001-03-02", "1890-01-01", "2019-03-02", "", "soon"],
    "ext_AgeAtRegistration": ["", "", "", "17", "130"],
    "prs_Gender": ["Feminine", "masculine", "", "Mаsculine", "woman?"],
    "prs_Citizenship": ["KAZ", "TJK;KAZ", "Namibia", "NA", "", "Narnia"],
    "ext_CountryOfExploitation": ["KAZ", "tr", ""],
    "vic_TypeOfExploitation": ["ForcedLabour", "SexualExploitation;ForcedLabour", "", "Other; Servitude"],
    "vic_TraffickingStatus": ["ActualVictimOfTrafficking", "NotAVictimOfTrafficking", ""],
    "vic_RelationshipToTrafficker": ["Familial", "", "Unaquainted"],
    "vic_MethodsOfControl": ["Threats;DebtBondage", "PhysicalThreats", "", "threats ; Threats"],
    "per_RoleInProcess": ["", "", "", "Abuser"],
    "con_Consent": ["yes", "нет", "", "perhaps"],
    "prs_FirstName": ["Айгүл", 'O"Neil\\', "نوشته", ""],
    "hte_Type": ["", "", "Exploitation"],
    "hte_Country": ["", "Turkey"],
}


@settings(max_examples=400, deadline=None)
@given(cells=st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in CELLS.items()}))
def test_a_row_coded_cell_by_cell_is_what_the_parser_makes_of_it(cells: dict[str, str]) -> None:
    rejections = Rejections()
    parser = HtcdsParser(tuple(cells), state="KAZ", agency=None, last_year=2026, rejections=rejections)
    fast = FastCoder(parser).code(tuple(cells.values()))
    record = parser.parse(Row(2, tuple(cells.values())))
    if fast is not None:
        assert record is not None, rejections.first
        assert fast == coded_row(record)[1:6]


def test_most_rows_of_a_common_file_take_the_short_way() -> None:
    rows = list(csv.reader(io.StringIO(csv_bytes("KAZ", [YearTotal(2019, 200, "")], 1).decode("utf-8-sig"))))
    parser = HtcdsParser(rows[0], state="KAZ", agency=None, last_year=2026, rejections=Rejections())
    coder = FastCoder(parser)
    assert all(coder.code(row) is not None for row in rows[1:])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlCaseStore]:
    folder = tmp_path / "desk"
    folder.mkdir()
    create_register(folder, *KEYS)
    with open_register(folder, *KEYS) as store:
        yield store


def _lines(persons: int = 60) -> list[str]:
    return csv_bytes("KAZ", [YearTotal(2019, persons, "")], 1).decode("utf-8-sig").splitlines(keepends=True)


def _take(store: SqlCaseStore, folder: Path, lines: Sequence[str], **options: Any) -> ImportReport:
    path = folder / "cases.csv"
    path.write_text("".join(lines), encoding="utf-8", newline="")
    return import_file(store, path, "htcds", state="KAZ", at=AT, **options)


def _counts(report: ImportReport) -> tuple[int, int, int, int]:
    stored = report.stored
    return stored.added, stored.replaced, stored.unchanged, stored.rejected


@pytest.fixture(params=[False, True], ids=["alone", "helped"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Take files in alone, or with the second process."""
    monkeypatch.setattr(run, "_HELPED", 0 if request.param else 1 << 60)
    monkeypatch.setattr(raw, "BATCH", 16)
    return bool(request.param)


@pytest.mark.usefixtures("way")
def test_what_is_unusual_comes_in_or_is_refused_alike_on_either_way(store: SqlCaseStore, tmp_path: Path) -> None:
    lines = _lines()
    lines[5] = lines[5].replace(",2019-", ",2319-")
    cells = lines[6].split(",")
    cells[0], cells[19] = "quoted", '"two\nlines, and a ""word"""'
    lines[7:7] = [",".join(cells), "\n", lines[8]]
    lines.append('"S1-open, and never closed\n')
    report = _take(store, tmp_path, lines)
    assert _counts(report) == (60, 0, 0, 3)
    assert [found.row for found in report.first] == [6, 12, 65]
    assert "stands twice" in report.first[1].reason
    assert "unexpected end" in report.first[2].reason
    assert report.rows == 63
    (line,) = store.find(CaseQuery(number="quoted"))
    held = store.get(line.agency, "quoted")
    assert held is not None
    assert held.record.identity is not None
    assert held.record.identity.fields["cco_CaseComment"] == 'two\nlines, and a "word"'


@pytest.mark.usefixtures("way")
def test_the_same_file_again_reads_nothing_and_a_corrected_row_replaces(store: SqlCaseStore, tmp_path: Path) -> None:
    lines = _lines()
    _take(store, tmp_path, lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making.TextMaker, "make", lambda _self, batch: [] if not batch else pytest.fail("a row was read"))
        patch.setattr(run, "_HELPED", 1 << 60)
        again = _take(store, tmp_path, lines)
    assert (_counts(again), again.rows) == ((0, 0, 60, 0), 60)
    lines[30] = lines[30].replace("ActualVictim", "NotAVictim")
    corrected = _take(store, tmp_path, lines)
    assert _counts(corrected) == (0, 1, 59, 0)
    assert _counts(_take(store, tmp_path, lines)) == (0, 0, 60, 0)
    assert _counts(_take(store, tmp_path, _lines())) == (0, 1, 59, 0)


def test_a_row_known_by_its_mark_counts_once_in_a_file(store: SqlCaseStore, tmp_path: Path) -> None:
    lines = _lines()
    _take(store, tmp_path, lines)
    report = _take(store, tmp_path, [*lines, lines[4], lines[4]])
    assert _counts(report) == (0, 0, 60, 2)


def test_marks_prove_nothing_after_an_edit_or_for_another_agency(store: SqlCaseStore, tmp_path: Path) -> None:
    lines = _lines(10)
    _take(store, tmp_path, lines)
    line = store.find(CaseQuery())[0]
    held = store.get(line.agency, line.number)
    assert held is not None
    store.edit(a_run(), replace(held.record, year=2018), expected_version=1)
    assert _counts(_take(store, tmp_path, lines)) == (0, 1, 9, 0)
    assert _counts(_take(store, tmp_path, lines, agency="Shelter")) == (10, 0, 0, 0)


def test_marks_of_a_run_whose_register_was_lost_are_not_believed(store: SqlCaseStore, tmp_path: Path) -> None:
    """The keyring commits first: a crash after it leaves marks of versions that were never written."""
    lines = _lines(10)
    _take(store, tmp_path, lines)
    corrected = [lines[0], *(line.replace(",2019-", ",2018-") for line in lines[1:])]
    keyring = store._keyring
    assert keyring is not None
    with pytest.MonkeyPatch.context() as patch:

        def commit_then_fail() -> None:
            type(keyring).commit(keyring)
            raise StoreError("the disk is full")

        patch.setattr(keyring, "commit", commit_then_fail)
        with pytest.raises(StoreError, match="disk is full"):
            _take(store, tmp_path, corrected)
    assert _counts(_take(store, tmp_path, corrected)) == (0, 10, 0, 0)


def test_a_killed_helper_undoes_the_run_and_is_said(
    store: SqlCaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_HELPED", 0)
    monkeypatch.setattr(raw, "BATCH", 16)
    real = helper.Helper._answer
    answers = iter(range(10))

    def answer(self: helper.Helper) -> Any:
        if next(answers) == 1:
            self._child.kill()
            self._child.wait()
        return real(self)

    monkeypatch.setattr(helper.Helper, "_answer", answer)
    with pytest.raises(StoreError, match="ended before its time"):
        _take(store, tmp_path, _lines(200))
    assert (store.count(), store.runs()) == (0, [])
    monkeypatch.undo()
    assert _take(store, tmp_path, _lines(200)).stored.added == 200


@pytest.mark.usefixtures("way")
def test_a_strict_run_takes_nothing_and_still_writes_its_report(store: SqlCaseStore, tmp_path: Path) -> None:
    lines = _lines(20)
    lines[4] = lines[4].replace(",2019-", ",2319-")
    report = tmp_path / "report.csv"
    with pytest.raises(MalformedError, match="1 rows cannot be taken") as caught:
        _take(store, tmp_path, lines, strict=True, report=report)
    assert str(report) in (caught.value.hint or "")
    assert (store.count(), store.runs()) == (0, [])
    rows = list(csv.DictReader(io.StringIO(report.read_text("utf-8-sig"))))
    assert [(row["row"], row["kind"]) for row in rows] == [("5", "rejected")]
    assert _take(store, tmp_path, _lines(20), strict=True).stored.added == 20
    with pytest.raises(MalformedError, match="stands twice"):
        _take(store, tmp_path, [*_lines(20), _lines(20)[3]], strict=True)
