# ruff: noqa: E501 - made-up cases read best as they would stand in a sheet
"""Files that lie, burst, deceive or are just saved wrongly: each is refused or told in words, and nothing is lost."""

import csv
import io
import resource
import struct
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook

from tallystick.config.errors import MalformedError, TallystickError
from tallystick.node.intake import archive
from tallystick.node.intake.applying import load_mapping
from tallystick.node.intake.fields import header_names, token
from tallystick.node.intake.reading import open_sheet
from tallystick.node.intake.rows import Layout, Row
from tallystick.node.intake.survey import survey
from tests.node.intake.conftest import Desk
from tests.support.agency_registers import workbook

HEAD = ["ext_CaseId", "ext_RegistrationYear", "prs_Gender", "prs_Citizenship", "prs_FirstName"]
MIB = 1 << 20


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def rows_of(path: Path) -> list[Row]:
    with open_sheet(path, lambda heading: token(heading) in header_names(), lambda _count: None) as sheet:
        return list(sheet.rows)


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return out.getvalue()


def changed(part: str, old: bytes, new: bytes) -> bytes:
    parts = parts_of(workbook([HEAD, ["1", "2019", "Feminine", "KAZ", "x"]]))
    assert old in parts[part]
    return packed({**parts, part: parts[part].replace(old, new, 1)})


SHEET = "xl/worksheets/sheet1.xml"


def test_a_workbook_is_known_by_content_and_dates_numbers_and_gaps_come_as_meant(desk: Desk) -> None:
    rows = [["Register of 2019"], [], [*HEAD[:4], "prs_Birthdate"], [7, 2019.0, "Feminine", "NA", date(1990, 2, 3)], [], ["8", "2019.0", "", "", ""]]  # fmt: skip
    report = desk.take(workbook(rows))
    assert (report.stored.added, report.rows, report.first) == (2, 2, ())
    assert desk.record("7").citizenship == "NAM"
    identity = desk.record("7").identity
    assert identity is not None
    assert identity.fields["prs_Birthdate"] == "1990-02-03"


def test_rows_of_a_workbook_keep_their_numbers_and_a_formula_without_value_is_named(desk: Desk) -> None:
    report = desk.take(workbook([["title"], HEAD, ["1", 2019, "", "", ""], ["2", "=1+1", "", "", ""], ["3", 1700, "", "", ""]]))  # fmt: skip
    assert report.stored.added == 1
    assert [found.row for found in report.first] == [4, 5]
    assert "cell B4 holds a formula without a stored value" in report.first[0].reason


def test_a_formula_gives_what_was_stored_with_it(tmp_path: Path) -> None:
    parts = parts_of(workbook([HEAD, ["1", "=2000+19", "Feminine", "KAZ", "x"]]))
    parts[SHEET] = parts[SHEET].replace(b"<f>2000+19</f><v />", b"<f>2000+19</f><v>2019</v>")
    assert b"<v>2019</v>" in parts[SHEET]
    (tmp_path / "f").write_bytes(packed(parts))
    assert rows_of(tmp_path / "f")[0].cells[1] == "2019"


def test_an_error_in_a_cell_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(workbook([HEAD, ["1", "#REF!", "", "", ""]]))
    assert "cell B2 holds the error #REF!" in rows_of(tmp_path / "f")[0].fault


def test_macros_links_and_other_sheets_are_told_and_not_opened(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].append(["about"])
    book.create_sheet("Учёт").append(HEAD)
    out = io.BytesIO()
    book.save(out)
    extra = {"xl/vbaProject.bin": b"\xd0\xcf", "xl/externalLinks/externalLink1.xml": b"<externalLink/>"}
    (tmp_path / "f.xlsm").write_bytes(packed({**parts_of(out.getvalue()), **extra}))
    with open_sheet(
        tmp_path / "f.xlsm", lambda heading: token(heading) in header_names(), lambda _count: None
    ) as sheet:
        notes = " ".join(sheet.notes)
    assert "macros: they were not run" in notes
    assert "links to other files" in notes
    assert "sheet 'Учёт' is read; not read: Sheet" in notes


def test_a_cell_merged_downwards_counts_for_all_its_rows(tmp_path: Path) -> None:
    rows = [HEAD, ["1", "2019", "Feminine", "KAZ", "a"], ["2", "", "", "", "b"], ["3", "2020", "", "", "c"]]
    (tmp_path / "f").write_bytes(workbook(rows, merged=["B2:B3"]))
    assert [row.cells[1] for row in rows_of(tmp_path / "f")] == ["2019", "2019", "2020"]


@pytest.mark.parametrize("size", ["A1:XFD1048576", "A1:A1", "A1:B99999999"])
def test_declared_dimensions_are_not_believed(tmp_path: Path, size: str) -> None:
    (tmp_path / "f").write_bytes(changed(SHEET, b'ref="A1:E2"', f'ref="{size}"'.encode()))
    assert [row.cells for row in rows_of(tmp_path / "f")] == [("1", "2019", "Feminine", "KAZ", "x")]


def test_a_row_number_beyond_any_sheet_ends_the_sheet(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(changed(SHEET, b'<row r="2"', b'<row r="99999999999"'))
    assert rows_of(tmp_path / "f") == []


def bomb(size: int) -> bytes:
    parts = parts_of(workbook([HEAD]))
    blank = b" " * MIB
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name, data in parts.items():
            if name != SHEET:
                made.writestr(name, data)
        with made.open(SHEET, "w") as part:
            part.write(b"<worksheet>")
            for _number in range(size // MIB):
                part.write(blank)
    return out.getvalue()


def with_declared(data: bytes, name: str, size: int) -> bytes:
    """Lie about a part's inflated size, in the central directory and in the part's own header."""
    raw = bytearray(data)
    central = raw.index(b"PK\x01\x02")
    while raw[central : central + 4] == b"PK\x01\x02":
        length, extra, comment = struct.unpack_from("<HHH", raw, central + 28)
        if raw[central + 46 : central + 46 + length] == name.encode():
            struct.pack_into("<I", raw, central + 24, size)
            local = struct.unpack_from("<I", raw, central + 42)[0]
            struct.pack_into("<I", raw, local + 22, size)
        central += 46 + length + extra + comment
    return bytes(raw)


def test_a_bomb_is_refused_before_it_is_inflated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bomb(64 * MIB)
    assert len(data) < MIB
    monkeypatch.setattr(archive, "_look_through", lambda *_given: pytest.fail("it was inflated"))
    with pytest.raises(MalformedError, match=r"sheet1\.xml' would grow beyond what a register can be"):
        desk.take(data)


def test_a_bomb_that_lies_about_its_size_is_refused(desk: Desk) -> None:
    with pytest.raises(MalformedError, match=r"would grow|damaged or protected"):
        desk.take(with_declared(bomb(64 * MIB), SHEET, 1000))


def test_a_row_without_end_is_refused_before_memory_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "STRETCH", 2 * MIB)
    with pytest.raises(MalformedError, match="would grow"):
        desk.take(changed(SHEET, b"<sheetData>", b"<sheetData><row>" + b'<c r="A1"/>' * (MIB // 2)))
    for hiding in (b"<!-- <row -->", b"<![CDATA[<row ]]>"):
        with pytest.raises(MalformedError, match="would grow"):
            desk.take(changed(SHEET, b"<sheetData>", b"<sheetData><row>" + (b'<c r="A1"/>' * 9 + hiding) * (MIB // 40)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04" + b"\0" * 100, "damaged"),
        (packed({"a.txt": b"x"}), "an archive, but no workbook"),
        (packed({"content.xml": b"x", "[Content_Types].xml": b"x"}), "another kind"),
        (packed({"[Content_Types].xml": b"<x/>"}), "cannot be read"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "an old workbook"),
        (changed(SHEET, b"<sheetData>", b"<sheetData><row"), "cannot be read"),
        (changed(SHEET, b"<sheetData>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><sheetData>"), "declares entities"),
        (changed(SHEET, b't="inlineStr"><is><t>ext_CaseId</t></is>', b't="s"><v>999</v>'), "cannot be read"),
    ],
    ids=["damaged", "zip", "ods", "empty", "xls", "xml", "entities", "strings"],
)
def test_what_is_no_good_workbook_is_refused_in_words(desk: Desk, data: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason) as caught:
        desk.take(data)
    assert desk.store.runs() == []
    assert caught.value.hint or "entities" in reason


def test_any_cut_of_a_workbook_ends_in_words(desk: Desk) -> None:
    data = workbook([HEAD, ["1", "2019", "Feminine", "KAZ", "x"]])
    for end in range(4, len(data) - 1, 97):
        with pytest.raises(TallystickError):
            desk.take(data[:end])


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866", "mac-cyrillic"])
def test_an_old_encoding_is_proposed_and_never_assumed(tmp_path: Path, encoding: str) -> None:
    lines = "№ дела;Дата регистрации;Пол;Гражданство\r\n1;01.02.2020;жен;РФ\r\n".replace("№", "N")
    (tmp_path / "f").write_bytes(lines.encode(encoding))
    with pytest.raises(MalformedError, match="not UTF-8") as caught:
        survey(tmp_path / "f", Layout(), lambda _count: None)
    assert f"--encoding {encoding}" in (caught.value.hint or "")
    found = survey(tmp_path / "f", Layout(encoding=encoding), lambda _count: None)
    assert found.columns[2].heading == "Пол"


def test_turkish_and_unmarked_utf16_are_proposed_too(tmp_path: Path) -> None:
    turkish = "Dosya No;Kayıt Tarihi;Cinsiyet;Uyruğu;Doğum Tarihi;Sömürü Türü\r\n1;1;1;1;1;1\r\n"
    for encoding, data in (
        ("cp1254", turkish.encode("cp1254")),
        ("utf-16-le", turkish.encode("utf-16-le") + b"\xff\xd8"),
    ):
        (tmp_path / "f").write_bytes(data)
        with pytest.raises(MalformedError) as caught:
            rows_of(tmp_path / "f")
        assert encoding in (caught.value.hint or "") or "headings" in caught.value.message


def test_a_named_encoding_against_the_files_own_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a;b\n", encoding="utf-8-sig")
    with pytest.raises(MalformedError, match="its first bytes say utf-8-sig, not cp1251"):
        survey(tmp_path / "f", Layout(encoding="cp1251"), lambda _count: None)


def test_letters_that_look_alike_are_mended_in_codes_and_refused_in_numbers(desk: Desk) -> None:
    rows = [["1", "2019", "Fеminine", "", "Аnna"], ["А1B", "2019", "", "", ""], ["АB", "2019", "", "", ""]]
    report = desk.take([dict(zip(HEAD, row, strict=True)) for row in rows])
    assert (report.stored.added, desk.record("1").sex) == (2, "F")
    assert "mixes Latin and Cyrillic" in report.first[0].reason
    identity = desk.record("1").identity
    assert identity is not None
    assert identity.fields["prs_FirstName"] == "Аnna"


def test_marks_that_turn_writing_are_taken_out_of_codes_told_and_refused_in_numbers(tmp_path: Path, desk: Desk) -> None:
    lines = [",".join(HEAD), "1,2019,\u202eFeminine\u202c,\u200fKAZ,\u202eاسم", "\u202e21,2019,,,"]
    (tmp_path / "f").write_text("\n".join(lines), encoding="utf-8")
    first, _second = rows_of(tmp_path / "f")
    assert first.cells[2:] == ("Feminine", "KAZ", "\u202eاسم")
    assert [(one.field, one.value) for one in first.changes] == [
        ("prs_Gender", "\\u202eFeminine\\u202c"),
        ("prs_Citizenship", "\\u200fKAZ"),
    ]
    report = desk.take("\n".join(lines))
    assert (report.stored.added, report.rejected_rows) == (1, 1)
    assert "turn the direction" in report.first[0].reason


def test_headings_that_deceive_are_read_as_meant(desk: Desk) -> None:
    heading = ",".join(HEAD).replace("prs_Gender", "prs_Gеnder").replace("ext_CaseId", "\u200eext_CaseId")
    assert desk.take(f"{heading}\n1,2019,Feminine,,\n").stored.added == 1


@pytest.mark.parametrize("value", ["=cmd|' /C calc'!A0", "+1", "@SUM(1)", "\uff1d1", "x;=1"])
def test_a_report_holds_no_formula(desk: Desk, tmp_path: Path, value: str) -> None:
    rows = [dict(zip(HEAD, ["1", "2019", value, "", ""], strict=True))]
    desk.take(rows, report=tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        _head, *lines = csv.reader(stream)
    assert len(lines) == 1
    assert not any(cell[:1] in "=+-@\uff1d" and cell for cell in lines[0])
    assert ";=" not in lines[0][2]


@pytest.mark.parametrize(
    ("column", "text", "good"),
    [("prs_Birthdate", day, True) for day in ("2001-02-03", "03.02.2001", "2001-2-3", "2001-02-03 00:00:00")]
    + [("prs_Birthdate", day, False) for day in ("03/02/2001", "03.02.01", "30.02.2001", "2001", "1380-01-01x")],
)
def test_dates_in_many_styles_are_read_one_way_or_named(desk: Desk, column: str, text: str, good: bool) -> None:
    report = desk.take([{"ext_CaseId": "1", "ext_RegistrationYear": "2019", column: text}])
    assert report.stored.added == good
    assert good or report.first[0].field == column


LONG = """
import resource, sys
from pathlib import Path
from tallystick.node.intake.reading import open_sheet
from tallystick.config.errors import MalformedError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with open_sheet(Path(sys.argv[1]), str.isalpha, lambda count: None) as sheet:
        sum(1 for row in sheet.rows)
except MalformedError as error:
    print(error.message)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("start", [b"", b"ext_CaseId,ext_RegistrationYear\n"])
def test_a_gigabyte_in_one_line_is_refused_in_little_memory(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as stream:
        stream.write(start + b"x" * MIB)
        stream.truncate(1 << 30)
    done = subprocess.run([sys.executable, "-c", LONG, str(path)], capture_output=True, text=True, check=True, timeout=60)  # fmt: skip
    message, grown = done.stdout.splitlines()
    assert "is longer than 1048576 characters" in message
    assert int(grown) * resource.getpagesize() // 4096 < 60 * 1024


def test_a_mapping_with_a_lie_in_it_is_refused_with_its_place(tmp_path: Path) -> None:
    good = 'format = "tallystick-mapping-1"\n[file]\nkind = "csv"\n[[columns]]\nheading = "a"\nfield = "ext_CaseId"\n[[columns]]\nheading = "b"\nfield = "ext_RegistrationYear"\n[[columns]]\nheading = "c"\nfield = "prs_Gender"\n[columns.values]\n"x" = "Feminine"\n'
    lies = [
        ('kind = "csv"', 'kind = "pdf"', "file.kind"),
        ('kind = "csv"', 'kind = "csv"\ncolour = 1', "file.colour: no such key"),
        ("tallystick-mapping-1", "tallystick-mapping-9", "format"),
        ('"Feminine"', '"Woman"', "'Woman' is no code of prs_Gender"),
        ('field = "prs_Gender"', 'field = "prs_Sex"', "there is no field 'prs_Sex'"),
        ('heading = "c"', 'heading = "b"', "stands twice"),
        ('field = "ext_RegistrationYear"', "", "no column is mapped to ext_RegistrationDate or ext_RegistrationYear"),
        ('field = "ext_CaseId"', "", "no column is mapped to ext_CaseId"),
        ('field = "ext_CaseId"', 'field = "ext_CaseId"\ndates = ["YY"]', "no style of a date"),
        ("[[columns]]", '[constants]\nprs_FirstName = "x"\n[[columns]]', "cannot be the same for every case"),
        ("[[columns]]", '[constants]\next_RegistrationYear = "2019"\n[[columns]]', "cannot be the same for every case"),
        ("[[columns]]", '[constants]\next_CountryOfExploitation = "XX"\n[[columns]]', "no value of it"),
        ("[[columns]]", '[constants]\nprs_Gender = "Feminine"\n[[columns]]', "a column is mapped to it too"),
        ('heading = "c"', "heading = 3", "columns.3.heading"),
        ("format", "format format", "not TOML"),
    ]
    path = tmp_path / "mapping.toml"
    path.write_text(good)
    assert load_mapping(path).file.columns[2].values == {"x": "Feminine"}
    for old, new, reason in lies:
        path.write_text(good.replace(old, new, 1))
        with pytest.raises(TallystickError) as caught:
            load_mapping(path)
        assert reason in caught.value.message, (old, caught.value.message)
        assert str(path) in caught.value.message
        assert caught.value.hint
