"""Classification as numbers: what the register stores and counting reads.

Numbers are stored for years: these tuples only ever grow at their end, and countries are UN M49 numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tallystick.config.codes import country_m49
from tallystick.node.cases.record import AGES, FORMS, SEXES, UNKNOWN, CaseRecord

__all__ = ["PERSON_ID_BYTES", "Coded", "CodedColumns", "decode", "encode", "m49_to_alpha3"]

PERSON_ID_BYTES = 16
Coded = tuple[int, int, int, int, int, int, int, int]
"""year, sex, age, citizenship, area, forms, censored, counted."""

_SEX = {code: number for number, code in enumerate(SEXES)}
_AGE = {code: number for number, code in enumerate(AGES)}
_FORM = {code: 1 << number for number, code in enumerate(FORMS)}
_COUNTRY_BITS = 10


@cache
def _countries() -> dict[str, int]:
    return {UNKNOWN: 0, **country_m49()}


@cache
def m49_to_alpha3() -> dict[int, str]:
    """Return M49 numbers with alpha-3 codes; 0 is unknown."""
    return {number: code for code, number in _countries().items()}


def encode(record: CaseRecord) -> Coded:
    """Return the record's classification as the register's numbers."""
    countries = _countries()
    return (
        record.year,
        _SEX[record.sex],
        _AGE[record.age],
        countries[record.citizenship],
        countries[record.exploitation_area],
        sum(_FORM[form] for form in record.forms),
        int(record.censored),
        int(record.counted),
    )


def decode(agency: str, agency_case_id: str, coded: Coded) -> CaseRecord:
    """Return a record with the classification that ``encode`` wrote, without details and identity."""
    year, sex, age, citizenship, area, forms, censored, counted = coded
    names = m49_to_alpha3()
    return CaseRecord(
        agency,
        agency_case_id,
        year,
        sex=SEXES[sex],
        age=AGES[age],
        citizenship=names[citizenship],
        exploitation_area=names[area],
        forms=frozenset(code for code, bit in _FORM.items() if forms & bit),
        censored=bool(censored),
        counted=bool(counted),
    )


@dataclass(frozen=True, eq=False)
class CodedColumns:
    """One year's counted persons, column by column, all of length n; the order is the register's and stable.

    Attributes:
        person_ids: uint8, shape (n, 16).
        sex: Index into ``SEXES``, uint8.
        age: Index into ``AGES``, uint8.
        citizenship: M49 number, 0 for unknown, uint16.
        area: M49 number of the country of exploitation, 0 for unknown, uint16.
        forms: Bit i set where ``FORMS[i]`` is named, uint8.
        censored: bool.
    """

    person_ids: NDArray[np.uint8]
    sex: NDArray[np.uint8]
    age: NDArray[np.uint8]
    citizenship: NDArray[np.uint16]
    area: NDArray[np.uint16]
    forms: NDArray[np.uint8]
    censored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sex)

    def take(self, rows: NDArray[np.intp]) -> "CodedColumns":
        """Return the given rows, in the given order."""
        return CodedColumns(*(getattr(self, column.name)[rows] for column in fields(self)))

    @classmethod
    def from_packed(cls, person_ids: bytes, packed: NDArray[np.int64]) -> "CodedColumns":
        """Unpack what the store's query packed: sex 8, age 8, forms 8, censored 1, citizenship 10, area 10 bits."""
        country = (1 << _COUNTRY_BITS) - 1
        return cls(
            np.frombuffer(person_ids, dtype=np.uint8).reshape(-1, PERSON_ID_BYTES),
            (packed & 0xFF).astype(np.uint8),
            (packed >> 8 & 0xFF).astype(np.uint8),
            (packed >> 25 & country).astype(np.uint16),
            (packed >> 35 & country).astype(np.uint16),
            (packed >> 16 & 0xFF).astype(np.uint8),
            (packed >> 24 & 1).astype(np.bool_),
        )

    @classmethod
    def from_coded(cls, rows: Iterable[tuple[bytes, Coded]]) -> "CodedColumns":
        """Build the columns from (person id, coded) pairs; those not counted are left out."""
        kept = [(person, coded) for person, coded in rows if coded[7]]
        packed = [
            sex | age << 8 | forms << 16 | censored << 24 | citizenship << 25 | area << 35
            for _, (_year, sex, age, citizenship, area, forms, censored, _counted) in kept
        ]
        return cls.from_packed(b"".join(person for person, _ in kept), np.array(packed, dtype=np.int64))
