"""Classification as numbers: what the register stores and counting reads.

Numbers are stored for years: these tuples only ever grow at their end, and countries are UN M49 numbers.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.config.codes import country_m49
from tallystick.node.cases.record import (
    AGES,
    CONTROLS,
    FORMS,
    RELATIONSHIPS,
    ROLES,
    SEXES,
    STAGES,
    UNKNOWN,
    CaseRecord,
)

__all__ = [
    "CENSORED",
    "CODED_DTYPE",
    "CODED_LENGTH",
    "COUNTED",
    "FIRST_STAGE",
    "PERSON_ID_BYTES",
    "ROLE_SHIFT",
    "Coded",
    "CodedColumns",
    "decode",
    "encode",
    "m49_to_alpha3",
    "pack",
    "stages_reached",
    "unpack",
]

PERSON_ID_BYTES = 16
COUNTED, CENSORED, ROLE_SHIFT = 1, 2, 2
"""Bits of ``flags``; the role's number stands above them."""
CODED_DTYPE = np.dtype(
    [
        *(("year", "<u2"), ("sex", "u1"), ("age", "u1"), ("citizenship", "<u2"), ("area", "<u2"), ("forms", "u1")),
        *(("relationship", "u1"), ("controls", "<u4"), ("flags", "u1")),
        *((stage.lower(), "<u2") for stage in STAGES),
    ]
)
"""One record's classification as the register keeps it; a stage's column is its year."""
_PACKED = struct.Struct("<HBBHHBBIBHHH")
Coded = tuple[int, ...]
"""year, sex, age, citizenship, area, forms, censored, counted, relationship, controls, role, then the year of each
of ``STAGES``, 0 where it was not reached."""

_SEX = {code: number for number, code in enumerate(SEXES)}
_AGE = {code: number for number, code in enumerate(AGES)}
_FORM = {code: 1 << number for number, code in enumerate(FORMS)}
_RELATIONSHIP = {code: number for number, code in enumerate(RELATIONSHIPS)}
_CONTROL = {code: 1 << number for number, code in enumerate(CONTROLS)}
_ROLE = {code: number for number, code in enumerate(ROLES)}
_IS_COUNTED = 7
FIRST_STAGE = 11
CODED_LENGTH = FIRST_STAGE + len(STAGES)


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
        _RELATIONSHIP[record.relationship],
        sum(_CONTROL[control] for control in record.controls),
        _ROLE[record.role],
        *(record.stages.get(stage, 0) for stage in STAGES),
    )


def decode(agency: str, agency_case_id: str, coded: Coded) -> CaseRecord:
    """Return a record with the classification that ``encode`` wrote, without details and identity."""
    year, sex, age, citizenship, area, forms, censored, counted, relationship, controls, role, *stages = coded
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
        role=ROLES[role],
        relationship=RELATIONSHIPS[relationship],
        controls=frozenset(code for code, bit in _CONTROL.items() if controls & bit),
        stages={stage: reached for stage, reached in zip(STAGES, stages, strict=True) if reached},
    )


def pack(coded: Coded) -> bytes:
    """Return a classification as one element of ``CODED_DTYPE``."""
    year, sex, age, citizenship, area, forms, censored, counted, relationship, controls, role, *stages = coded
    flags = counted * COUNTED | censored * CENSORED | role << ROLE_SHIFT
    return _PACKED.pack(year, sex, age, citizenship, area, forms, relationship, controls, flags, *stages)


def unpack(packed: bytes) -> Coded:
    """Return what ``pack`` packed, or an earlier version's shorter one."""
    year, sex, age, citizenship, area, forms, relationship, controls, flags, *stages = _PACKED.unpack(
        packed.ljust(_PACKED.size, b"\0")
    )
    marks = (int(bool(flags & CENSORED)), flags & COUNTED)
    return (year, sex, age, citizenship, area, forms, *marks, relationship, controls, flags >> ROLE_SHIFT, *stages)


@dataclass(frozen=True, eq=False)
class CodedColumns:
    """One year's counted persons of one role, column by column, all of length n; the order is the register's, stable.

    Attributes:
        person_ids: uint8, shape (n, 16).
        sex: Index into ``SEXES``, uint8.
        age: Index into ``AGES``, uint8.
        citizenship: M49 number, 0 for unknown, uint16.
        area: M49 number of the country of exploitation, 0 for unknown, uint16.
        forms: Bit i set where ``FORMS[i]`` is named, uint8.
        censored: bool.
        relationship: Index into ``RELATIONSHIPS``, uint8.
        controls: Bit i set where ``CONTROLS[i]`` is named, uint32.
        stages: Bit i set where ``STAGES[i]`` was reached in that year, uint8; 0 for victims.
    """

    person_ids: NDArray[np.uint8]
    sex: NDArray[np.uint8]
    age: NDArray[np.uint8]
    citizenship: NDArray[np.uint16]
    area: NDArray[np.uint16]
    forms: NDArray[np.uint8]
    censored: NDArray[np.bool_]
    relationship: NDArray[np.uint8]
    controls: NDArray[np.uint32]
    stages: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.sex)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "CodedColumns":
        """Return the given rows, in the given order."""
        return CodedColumns(*(getattr(self, column.name)[rows] for column in fields(self)))

    @classmethod
    def concatenated(cls, parts: Iterable["CodedColumns"]) -> "CodedColumns":
        """Return the persons of all ``parts``, in their order."""
        held = [cls.from_coded(()), *parts]
        return cls(*(np.concatenate([getattr(part, column.name) for part in held]) for column in fields(cls)))

    @classmethod
    def from_coded(cls, rows: Iterable[tuple[bytes, Coded]], year: int | None = None) -> "CodedColumns":
        """Build the columns from (person id, coded) pairs; those not counted are left out.

        Args:
            rows: One person each.
            year: The year in which a perpetrator's stages count; None where there are only victims.
        """
        kept = [(person, coded) for person, coded in rows if coded[_IS_COUNTED]]
        people = np.frombuffer(b"".join(person for person, _ in kept), dtype=np.uint8).reshape(-1, PERSON_ID_BYTES)
        table = np.array([coded for _, coded in kept], dtype=np.int64).reshape(len(kept), CODED_LENGTH)
        return cls(
            people,
            table[:, 1].astype(np.uint8),
            table[:, 2].astype(np.uint8),
            table[:, 3].astype(np.uint16),
            table[:, 4].astype(np.uint16),
            table[:, 5].astype(np.uint8),
            table[:, 6].astype(np.bool_),
            table[:, 8].astype(np.uint8),
            table[:, 9].astype(np.uint32),
            stages_reached(table[:, FIRST_STAGE:].T, year),
        )


def stages_reached(years: Sequence[NDArray[Any]] | NDArray[Any], year: int | None) -> NDArray[np.uint8]:
    """Return, person by person, a bit for each of ``STAGES`` whose year is ``year``.

    Args:
        years: One array per stage, each of length n: the year in which it was reached, 0 for never.
        year: The year asked about, or None for none.
    """
    reached = np.zeros(len(years[0]), dtype=np.uint8)
    if year is not None:
        for bit, column in enumerate(years):
            reached |= (np.asarray(column) == year).astype(np.uint8) << np.uint8(bit)
    return reached
