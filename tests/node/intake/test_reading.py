"""Whatever a spreadsheet writes: marks, ends of lines, delimiters, bounds, broken quotes; and always the right row."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError, StoreError, TallystickError
from tallystick.node.intake import reading, textfile
from tests.node.intake.conftest import Desk, as_csv

Row = Callable[..., dict[str, str]]
HEAD = "ext_CaseId,ext_RegistrationYear,prs_FirstName\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("prefix", ["", "sep={}\n"])
def test_every_usual_way_of_saving_a_sheet(
    desk: Desk, row: Row, encoding: str, end: str, delimiter: str, prefix: str
) -> None:
    rows = [row(1, prs_FirstName="Айгүл; نام", vic_MethodsOfControl="Threats;Other"), row(2, prs_FirstName="a,b\nc")]
    text = as_csv(rows, delimiter).replace("\r\n", end)
    report = desk.take((prefix.format(delimiter) + text).encode(encoding))
    assert (report.stored.added, report.first) == (2, ())
    identity = desk.record().identity
    assert identity is not None
    assert identity.fields["prs_FirstName"] == "Айгүл; نام"
    assert desk.record().details["vic_MethodsOfControl"] == ("Threats", "Other")


def test_rows_are_numbered_as_a_spreadsheet_does(desk: Desk) -> None:
    text = HEAD + '1,2019,"two\nlines"\n\n,,\n2,1700,b\n"3,2019,c\n'
    report = desk.take(text)
    assert (report.stored.added, [found.row for found in report.first]) == (1, [5, 6])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7,2019", "2 cells, the headings are 3"),
        ("7,2019,a,b", "4 cells, the headings are 3"),
        ('7,2019,"a"b', "not readable as CSV"),
        ("7,2019,a\0b", "NUL character"),
    ],
)
def test_a_broken_row_is_reported_and_the_others_come_in(desk: Desk, line: str, reason: str) -> None:
    report = desk.take(f"{HEAD}1,2019,x\n{line}\n2,2019,y\n")
    assert (report.stored.added, report.rejected_rows) == (2, 1)
    assert report.first[0].row == 3
    assert reason in report.first[0].reason


def test_empty_cells_behind_the_last_heading_do_no_harm(desk: Desk) -> None:
    assert desk.take("ext_CaseId,ext_RegistrationYear,,\n1,2019,,\n2,2019,,,\n").stored.added == 2


def test_an_unclosed_quotation_mark_says_how_many_lines_it_swallowed(desk: Desk) -> None:
    report = desk.take(HEAD + '1,2019,x\n2,2019,"y\n' + "3,2019,z\n" * 40)
    assert (report.stored.added, report.rejected_rows) == (1, 1)
    assert "41 lines" in report.first[0].reason


def test_an_unclosed_quotation_mark_in_a_large_file_is_bounded_and_later_rows_come_in(desk: Desk) -> None:
    text = HEAD + '0,2019,"y\n' + "".join(f"{number},2019,{'z' * 90}\n" for number in range(1, 3000))
    report = desk.take(text)
    assert report.rejected_rows == 1
    swallowed = int(report.first[0].reason.split(" lines")[0].split()[-1])
    assert 1000 < swallowed < 2000
    assert report.stored.added == 3000 - swallowed


@pytest.mark.parametrize("data", [b"ext_CaseId,ext_RegistrationYear\n\xc0\xe9,2019\n", b"\xff\xfea", b"\xca\xe0\n"])
def test_another_encoding_is_said_and_nothing_comes_in(desk: Desk, data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        desk.take(data)
    assert any(word in caught.value.message for word in ("UTF-8", "utf-16", "headings"))
    assert desk.store.runs() == []


def test_a_wrong_byte_far_down_undoes_the_rows_before_it(desk: Desk) -> None:
    rows = "".join(f"{number},2019,x\n" for number in range(5000))
    with pytest.raises(MalformedError, match="not UTF-8"):
        desk.take((HEAD + rows).encode() + b"5001,2019,\xe9\n")
    assert desk.store.count() == 0


def test_a_line_without_end_is_refused_before_memory_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textfile, "LINE_LIMIT", 5000)
    with pytest.raises(MalformedError, match="line 2 is longer than 5000"):
        desk.take(HEAD + "x" * 6000)


@pytest.mark.parametrize("text", ["\n", ",,,\n", '"\n', "a," * 1001 + "b\n"])
def test_a_file_without_headings_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(MalformedError, match="no headings"):
        desk.take(text)


def test_what_is_no_file_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="is empty"):
        desk.take("")
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(StoreError), reading.open_sheet(path, str.isalpha, print):
            pass


def test_progress_adds_up_to_the_file(desk: Desk, row: Row) -> None:
    told: list[int] = []
    desk.take([row(number) for number in range(3000)], advance=told.append)
    assert sum(told) == (desk.folder / "cases.csv").stat().st_size
    assert len(told) > 3


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_end_in_a_report_or_a_clear_refusal(desk: Desk, data: bytes) -> None:
    for start in (b"", HEAD.encode()):
        for file_format in ("htcds", "ctdc"):
            try:
                report = desk.take(start + data, file_format)
            except TallystickError:
                continue
            else:
                stored = report.stored
                assert stored.added + stored.replaced + stored.unchanged + stored.rejected == report.rows
