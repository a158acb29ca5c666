"""Who takes part in a demonstration, over which years, and how far it has come.

Two casts: the nine states of the Almaty Process with synthetic cases calibrated on published totals, or, on real
records, every country of exploitation with a hundred rows or more in CTDC's public excerpt.
"""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.config.codes import almaty_states, country_alpha2_to_alpha3, country_names
from tallystick.config.errors import ConfigError, StoreError, UsageError
from tallystick.config.files import read_bounded, replace_file
from tallystick.config.i18n import _
from tallystick.config.periods import Period, block_of

__all__ = ["Cast", "DemoState", "Marks", "almaty_cast", "cast_of", "ctdc_cast"]

MIN_ROWS = 100
SEED = 20
_FIRST, _LAST = 2018, 2020
_CTDC_LIMIT = 512 * 1024 * 1024
_MARKS_LIMIT = 64 * 1024


@dataclass(frozen=True)
class DemoState:
    """One node of the demonstration.

    Attributes:
        code: Alpha-3, upper case.
        name: The institution's name in the roster.
        role: Member or observer.
        years: First and last year that it drafts.
        keeps_back: Slices (period, table) that it chooses not to publish.
    """

    code: str
    name: str
    role: str
    years: tuple[int, int]
    keeps_back: tuple[tuple[str, str], ...] = ()

    @property
    def periods(self) -> tuple[Period, ...]:
        """Every year, and after its last year every block that lies wholly within."""
        first, last = self.years
        found: list[Period] = []
        for year in range(first, last + 1):
            found.append(Period(year, year))
            block = block_of(year)
            if block.last == year and block.first >= first:
                found.append(block)
        return tuple(found)


@dataclass(frozen=True)
class Cast:
    """The states of a demonstration and where their cases come from (None: the generator)."""

    states: tuple[DemoState, ...]
    cases: Path | None

    @property
    def censored(self) -> bool:
        """Tell whether the records had been censored before they came in."""
        return self.cases is not None


def almaty_cast() -> Cast:
    """Seven members and two observers, 2018-20; Pakistan keeps one slice back."""
    kept = {"PAK": (("2019", "VICTIMS_FORM"),)}
    states = (
        DemoState(code, facts["name"].split(",")[0], facts["role"], (_FIRST, _LAST), kept.get(code, ()))
        for code, facts in sorted(almaty_states().items(), key=lambda item: (item[1]["role"], item[0]))
    )
    return Cast(tuple(states), None)


def ctdc_cast(path: Path) -> Cast:
    """Every country of exploitation with at least a hundred rows is a state, over its own years.

    Raises:
        ConfigError: The file is not there, or has not the columns of CTDC's excerpt.
    """
    years: dict[str, Counter[int]] = {}
    to_alpha3 = country_alpha2_to_alpha3()
    if not path.is_file() or path.stat().st_size > _CTDC_LIMIT:
        raise ConfigError(_("{path}: no case file to read").format(path=path), hint=_("give CTDC's CSV excerpt"))
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"CountryOfExploitation", "yearOfRegistration"} <= set(reader.fieldnames or ()):
            raise ConfigError(
                _("{path}: has no columns CountryOfExploitation and yearOfRegistration").format(path=path),
                hint=_("give CTDC's CSV excerpt"),
            )
        for row in reader:
            state, year = to_alpha3.get(row["CountryOfExploitation"]), row["yearOfRegistration"]
            if state and year.isdigit():
                years.setdefault(state, Counter())[int(year)] += 1
    names = country_names()
    states = tuple(
        DemoState(code, names[code].split(",")[0], "member", (min(found), max(found)))
        for code, found in sorted(years.items())
        if found.total() >= MIN_ROWS
    )
    if not states:
        raise ConfigError(_("{path}: no country has {count} rows").format(path=path, count=MIN_ROWS))
    return Cast(states, path.absolute())


class Marks:
    """How far a demonstration has come: a small file of marks, so that a second run resumes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "demo.json"

    def load(self) -> dict[str, Any]:
        """Return the marks set so far.

        Raises:
            StoreError: The file is damaged.
        """
        if not self._path.exists():
            return {}
        try:
            marks: dict[str, Any] = json.loads(read_bounded(self._path, _MARKS_LIMIT))
        except ValueError:
            raise StoreError(
                _("{path} is damaged").format(path=self._path), hint=_("remove the demo folder and start again")
            ) from None
        return marks

    def set(self, name: str, value: object) -> None:
        """Set one mark, durably."""
        marks = self.load() | {name: value}
        replace_file(self._path, json.dumps(marks, indent=1, sort_keys=True).encode())

    def has(self, name: str) -> bool:
        """Tell whether a mark is set."""
        return name in self.load()


def cast_of(marks: Marks, cases: Path | None, codes: Sequence[str] | None) -> Cast:
    """Return the cast of a folder: the one that it was begun with, or, in a new one, the one asked for.

    Args:
        marks: The folder's marks.
        cases: CTDC's excerpt, or None for the nine states with invented cases.
        codes: Only these states, or None for all.

    Raises:
        UsageError: Another cast was asked for than the folder was begun with, or a state that is not in it.
    """
    held = marks.load().get("cast")
    asked: dict[str, Any] = {"cases": str(cases.absolute()) if cases else None, "states": sorted(codes or ()) or None}
    if held is not None:
        if any(asked.values()) and asked != held:
            raise UsageError(
                _("another demonstration was begun in this folder"),
                hint=_("end it and remove the folder, or use another"),
            )
        asked = held
    cast = ctdc_cast(Path(asked["cases"])) if asked["cases"] else almaty_cast()
    known = {state.code for state in cast.states}
    stray = set(asked["states"] or ()) - known
    if stray:
        raise UsageError(
            _("no state of this cast is called {code}").format(code=min(stray)[:10]),
            hint=_("there are: {names}").format(names=", ".join(sorted(known))),
        )
    if held is None:
        marks.set("cast", asked)
    return Cast(tuple(state for state in cast.states if state.code in (asked["states"] or known)), cast.cases)
