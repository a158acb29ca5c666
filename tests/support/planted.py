"""People who do not exist, and a search for them in every spelling that a program leaves behind.

found = traces(folder, words=SECRETS)
"""

import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from openpyxl import Workbook

__all__ = ["COLUMNS", "PEOPLE", "SECRETS", "Person", "spellings", "traces", "traces_in", "write_csv", "write_xlsx"]


@dataclass(frozen=True)
class Person:
    """One person: names in one script, and what else would find him."""

    first: str
    second: str
    phone: str
    document: str
    born: str
    place: str
    number: str


PEOPLE = (
    Person(
        "Жибекпланта", "Сарыбаеватайна", "+77015550142", "N09871234KZ", "1996-11-23", "Кызылжар көшесі 77", "QX-7701"
    ),
    Person("گلنارپلانتا", "رحیمیپنهان", "+93700555019", "P00445577AF", "2001-02-17", "کوچه باغ پنهان", "QX-7702"),
    Person("Aigerimplanta", "Hiddenova", "+996555014277", "AN3344556KG", "1988-07-09", "Toktogul lane 91", "QX-7703"),
)
COLUMNS = (
    *("ext_CaseId", "ext_RegistrationDate", "ext_CountryOfExploitation", "prs_Gender", "prs_Citizenship"),
    *("prs_FirstName", "prs_SecondName", "prs_MobilePhone", "prs_Birthdate", "vic_LocationOfExploitation"),
    *("ext_CaseOutcome",),
)
WRONG_PHRASE = "korrektnaya-lozhad-batareya-77"
SECRETS: Mapping[str, str] = {
    f"{field} of {person.number}": getattr(person, field)
    for person in PEOPLE
    for field in ("first", "second", "phone", "document", "place")
} | {"wrong passphrase": WRONG_PHRASE}
"""What no file and no screen may hold, by what it is. Birth dates are too short to be told from chance."""

NUMBERS: Mapping[str, str] = {f"case number {person.number}": person.number for person in PEOPLE}
"""What may stand at the desk and before its officer, and nowhere else."""


def _cells(person: Person, year: int) -> tuple[str, ...]:
    document = f"closed; passport {person.document}"
    return (
        *(person.number, f"{year}-05-11", "KAZ", "Feminine", "KGZ", person.first, person.second, person.phone),
        *(person.born, person.place, document),
    )


def rows(year: int) -> list[tuple[str, ...]]:
    """Return good rows of all of them, and rows that are refused: a date and a code that cannot be, a cell too many."""
    good = [_cells(person, year) for person in PEOPLE]
    bad_date = list(_cells(PEOPLE[0], year))
    bad_date[0], bad_date[8] = "QX-7801", f"born to {PEOPLE[0].first}"
    bad_code = list(_cells(PEOPLE[1], year))
    bad_code[0], bad_code[2] = "QX-7802", "Atlantis"
    long = (*_cells(PEOPLE[2], year), PEOPLE[2].first)
    return [COLUMNS, *good, tuple(bad_date), tuple(bad_code), ("QX-7803", *long[1:])]


def write_csv(path: Path, year: int, encoding: str = "utf-8") -> Path:
    """Write the rows as CSV."""
    with path.open("w", encoding=encoding, newline="", errors="replace") as stream:
        csv.writer(stream).writerows(rows(year))
    return path


def write_xlsx(path: Path, year: int) -> Path:
    """Write the good rows as a workbook under a title that names one of them."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = PEOPLE[0].second[:30]
    for row in rows(year)[:4]:
        sheet.append(row)
    book.save(path)
    return path


@cache
def spellings(word: str) -> tuple[bytes, ...]:
    """Return a word as it would stand in a file: text, JSON, an address, hexadecimal, base64 at each place."""
    found: set[bytes] = set()
    for text in {word, word.lower(), word.upper()}:
        plain = text.encode()
        wide = (text.encode("utf-16-le"), text.encode("utf-16-be"))
        escaped = json.dumps(text)[1:-1].encode()
        found |= {plain, *wide, escaped, escaped.upper().replace(b"\\U", b"\\u"), quote(text, safe="").encode()}
        found |= {plain.hex().encode(), plain.hex().upper().encode(), repr(plain)[2:-1].encode()}
        found |= {text.encode("cp1251")} if re.fullmatch(r"[А-яЁё ]+", text) else set()
        for one in (plain, *wide):
            found |= {_inside(base64.b64encode(b"\0" * before + one), before) for before in range(3)}
    return tuple(found)


def _inside(encoded: bytes, before: int) -> bytes:
    """Cut off the characters that depend on what stands before and after."""
    text = encoded.rstrip(b"=")
    return text[(0, 2, 3)[before] : len(text) - 1]


def traces_in(data: bytes, words: Mapping[str, str]) -> Iterator[str]:
    """Yield what of ``words`` stands in bytes, in any spelling; in a zip's parts too."""
    for what, word in words.items():
        if any(spelling in data for spelling in spellings(word)):
            yield what
    if data[:4] == b"PK\x03\x04" and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from traces_in(archive.read(name), words)


def traces(places: Iterable[Path], words: Mapping[str, str]) -> list[str]:
    """Return where what stands, below some folders: in names of files and in what they hold."""
    found = []
    for place in places:
        for path in sorted(place.rglob("*")):
            found += [f"{what} in the name of {path}" for what in traces_in(str(path.name).encode(), words)]
            if path.is_file() and not path.is_symlink():
                found += [f"{what} in {path}" for what in traces_in(path.read_bytes(), words)]
    return found
