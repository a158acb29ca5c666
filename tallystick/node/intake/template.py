"""A workbook to fill in: every field with its heading, what it means, what may stand there; lists to choose from.

The row of field ids is the heading that ``case import`` looks for; everything above it, the example among it, is title.
Core fields of HTCDS come first, after what counting needs.
"""

import io
from collections.abc import Sequence
from typing import Any

from tallystick.config.codes import code_list, htcds_fields
from tallystick.config.i18n import _
from tallystick.node.intake.fields import FieldRule, Kind, explanations, field_rules, kind_words
from tallystick.node.intake.spellings import code_labels, document, field_label

__all__ = ["FIRST_ROW", "template_bytes", "template_fields"]

TITLE_ROW, EXAMPLE_ROW, SAID_ROW, LABEL_ROW, ID_ROW = range(1, 6)
FIRST_ROW = 6
"""First row to fill in."""
_FILLED = 2000
"""Rows that are unlocked and have lists."""
_FIRST = (
    *("ext_CaseId", "ext_RegistrationDate", "ext_RegistrationYear", "prs_Gender", "prs_Birthdate", "ext_BirthYear"),
    *("ext_AgeAtRegistration", "prs_Citizenship", "ext_CountryOfExploitation", "vic_TypeOfExploitation"),
    *("vic_TraffickingStatus", "prs_SecondName", "prs_FirstName", "prs_MiddleName"),
)
_PERPETRATORS = ("per_", "ext_InvestigatedYear", "ext_ProsecutedYear", "ext_ConvictedYear")
_EXAMPLES = {
    "ext_CaseId": "2024/0017-1",
    "ext_RegistrationDate": "2024-03-05",
    "prs_Birthdate": "1998-11-30",
    "ext_CountryOfExploitation": "KAZ",
    "prs_Citizenship": "KGZ",
    "vic_TypeOfExploitation": "ForcedLabour",
    "prs_Gender": "Feminine",
    "vic_TraffickingStatus": "ActualVictimOfTrafficking",
}
_COUNTRIES = "countries"


def template_fields() -> tuple[FieldRule, ...]:
    """Return the columns in their order: what counting needs, then HTCDS's Core fields, then the others."""
    rules = field_rules()
    core = [facts["id"] for facts in htcds_fields() if facts["core"]]
    order = dict.fromkeys([*_FIRST, *core, *rules])
    return tuple(rules[name] for name in order if not name.startswith(_PERPETRATORS) and name != "hte_Type")


def _list_name(rule: FieldRule) -> str:
    return next(str(facts["codelist"]) for facts in htcds_fields() if facts["id"] == rule.id)


def _labels(rule: FieldRule, language: str) -> dict[str, str]:
    """Return a field's choices: code to label; none where anything may be typed."""
    if rule.kind in {Kind.COUNTRY, Kind.COUNTRIES}:
        return dict(document("country_names.json")["names"]["ru"] if language == "ru" else code_list("ISO3166-1"))
    if rule.kind is Kind.FLAG:
        return {"true": "да", "false": "нет"} if language == "ru" else {"true": "yes", "false": "no"}
    if rule.kind not in {Kind.CODE, Kind.CODES}:
        return {}
    name = _list_name(rule)
    return {**code_list(name), **(code_labels(name, "ru") if language == "ru" else {})}


def _heading(rule: FieldRule, language: str) -> str:
    return field_label(rule.id, language) if language == "ru" else rule.label or field_label(rule.id, "en") or rule.id


def _said(rule: FieldRule) -> str:
    """Return what a column wants, in the reader's language."""
    said = explanations().get(rule.id, "")
    wants = kind_words(rule.kind)
    if rule.kind is Kind.DATE:
        wants = _("date: 2024-03-05 or 05.03.2024")
    sealed = _("sealed") if rule.sealed else ""
    return "\n".join(text for text in (said, wants, sealed) if text)


def template_bytes(language: str) -> bytes:
    """Return the workbook.

    Args:
        language: ``en`` or ``ru``; explanations are in the language in force.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - only who makes a template needs to write workbooks

    book = Workbook()
    book.remove(book.worksheets[0])
    sheet = book.create_sheet("Случаи" if language == "ru" else "Cases")
    lists = book.create_sheet("Списки" if language == "ru" else "Lists")
    ranges: dict[tuple[str, ...], str] = {}
    for column, rule in enumerate(template_fields(), start=1):
        labels = _labels(rule, language)
        _head(sheet, column, rule, labels, language)
        if labels:
            _offer(sheet, column, rule, _range(lists, tuple(labels.values()), ranges))
    _finish(sheet, lists, language)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _head(sheet: Any, column: int, rule: FieldRule, labels: dict[str, str], language: str) -> None:  # noqa: ANN401 - a sheet
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415 - see template_bytes
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - see template_bytes

    example = _EXAMPLES.get(rule.id, "")
    texts = {
        EXAMPLE_ROW: labels.get(example, example),
        SAID_ROW: _said(rule),
        LABEL_ROW: _heading(rule, language),
        ID_ROW: rule.id,
    }
    fonts = {
        EXAMPLE_ROW: Font(italic=True, color="808080"),
        SAID_ROW: Font(size=9, color="404040"),
        LABEL_ROW: Font(bold=True),
        ID_ROW: Font(size=8, color="808080"),
    }
    for row, text in texts.items():
        cell = sheet.cell(row, column, text)
        cell.font = fonts[row]
        cell.alignment = Alignment(wrap_text=row in {SAID_ROW, LABEL_ROW}, vertical="top")
        cell.number_format = "@"
    sheet.cell(LABEL_ROW, column).fill = PatternFill("solid", fgColor="DDE6F0" if column <= len(_FIRST) else "F0F0F0")
    sheet.column_dimensions[get_column_letter(column)].width = 24


def _range(lists: Any, labels: tuple[str, ...], ranges: dict[tuple[str, ...], str]) -> str:  # noqa: ANN401 - a sheet
    """Write a list into the sheet of lists once; return where it stands."""
    from openpyxl.utils import get_column_letter, quote_sheetname  # noqa: PLC0415 - see template_bytes

    if labels not in ranges:
        column = len(ranges) + 1
        for row, label in enumerate(sorted(labels), start=1):
            lists.cell(row, column, label)
        letter = get_column_letter(column)
        ranges[labels] = f"{quote_sheetname(lists.title)}!${letter}$1:${letter}${len(labels)}"
    return ranges[labels]


def _offer(sheet: Any, column: int, rule: FieldRule, place: str) -> None:  # noqa: ANN401 - a sheet
    """Let the column's cells choose from a list; several values may be typed where the field takes several."""
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - see template_bytes
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - see template_bytes

    several = rule.kind in {Kind.CODES, Kind.COUNTRIES}
    offered = DataValidation(type="list", formula1=f"={place}", allow_blank=True, showErrorMessage=not several)
    offered.errorTitle, offered.error = rule.id[:30], _("choose from the list")
    letter = get_column_letter(column)
    offered.add(f"{letter}{FIRST_ROW}:{letter}{FIRST_ROW + _FILLED - 1}")
    sheet.add_data_validation(offered)


def _finish(sheet: Any, lists: Any, language: str) -> None:  # noqa: ANN401 - sheets
    from openpyxl.styles import Font, Protection  # noqa: PLC0415 - see template_bytes
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - see template_bytes

    title = sheet.cell(TITLE_ROW, 1, _title(language))
    title.font = Font(bold=True, size=12)
    width = len(template_fields())
    note = sheet.cell(EXAMPLE_ROW, width + 1, _("<- an example; it is not taken in"))
    note.font = Font(italic=True, color="808080")
    sheet.row_dimensions[SAID_ROW].height = 60
    sheet.row_dimensions[LABEL_ROW].height = 32
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 2)
    for column in range(1, width + 1):
        # Cells that do not exist yet take their column's style: free to fill in, and text, so that nothing is turned.
        whole = sheet.column_dimensions[get_column_letter(column)]
        whole.protection, whole.number_format = Protection(locked=False), "@"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = False
    sheet.protection.insertRows = False
    sheet.protection.sort = False
    lists.protection.sheet = True


def _title(language: str) -> str:
    parts: Sequence[str] = (
        "Заполнять с 6-й строки; строка 2 - пример, он не загружается. Один человек - одна строка.",
        "Несколько значений в ячейке - через точку с запятой.",
    )
    if language != "ru":
        parts = (
            "Fill in from row 6 on; row 2 is an example and is not taken in. One person, one row.",
            "Several values in a cell are separated by semicolons.",
        )
    return " ".join(parts)
