"""What the published codes say of a person: which values a thing can have, and which of them stand under a code.

Tables are linked through what they read of the same persons. Two dimensions that read one base (the exclusive form and
the forms named, a citizenship and its group) are two views of one fact, so the audit's unknowns must know which pairs
of codes can occur together: a value of a dimension is the *set* of codes under which a person stands along it, and a
pair of values can occur where some register value gives both.

A dimension of which any set of codes may apply (seventeen means of control: 2**17 sets) is not listed. Every code is an
axis of its own with the values "no" and "yes", beside one axis that says whether any applies at all. What is published
is one count per code and the count of those to whom none applies, so with M persons to whom some apply and n_c under
code c a table of persons exists exactly when every n_c is at most M and their sum is at least M (lay the sets one after
the other round a circle of M persons). Those are the constraints; joint counts of several codes would add unknowns and
rule nothing out (docs/adr/0019).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from tallystick.config.catalogue import Catalogue, TableDefinition
from tallystick.node.tables.mapping import DIMENSIONS, Reading, reading

__all__ = ["NONE", "Axis", "ReadingOf", "Spec", "Support", "code_axis", "register_readings", "same_persons"]

ReadingOf = Callable[[TableDefinition, str], Reading]
"""Gives the reading of a table's dimension."""
Spec = Mapping[str, frozenset[int]]
"""Axis to the numbers of its values that are meant."""
Support = tuple[tuple[str, ...], frozenset[tuple[int, ...]]]
"""Axes, and the combinations of their values that can occur."""

NONE = "_U"
"""The code of those to whom none of a dimension's codes applies."""


def register_readings(catalogue: Catalogue, state: str) -> ReadingOf:
    """Return the readings by which ``state`` counts its register.

    A dimension that no register can answer reads itself; nothing can be counted by it, so nothing is given away.
    """
    known: dict[tuple[str, str, str], Reading] = {}

    def found(table: TableDefinition, name: str) -> Reading:
        dimension = next(one for one in table.dimensions if one.id == name)
        place = (name, dimension.codelist, dimension.counting)
        if place not in known:
            codes = catalogue.codes(table, name)
            own = Reading(name, tuple(frozenset({code}) for code in codes))
            known[place] = reading(catalogue, table, name, state) if name in DIMENSIONS else own
        return known[place]

    return found


def code_axis(dimension: str, code: str) -> str:
    """Name the yes-or-no axis of one code of a dimension that is not listed."""
    return f"{dimension}={code}"


def same_persons(one: Reading, code: str) -> frozenset[int]:
    """Return the register values under which a person stands at ``code``; empty where the reading is not listed."""
    return frozenset(at for at, codes in enumerate(one.named or ()) if code in codes)


@dataclass(frozen=True)
class Axis:
    """One axis of the unknown joint counts.

    Attributes:
        name: The dimension's id, or ``DIMENSION=CODE``.
        codes: The dimension's codes.
        reading: How it reads its base.
    """

    name: str
    codes: tuple[str, ...]
    reading: Reading

    @property
    def listed(self) -> bool:
        """Whether every set of codes that can occur is a value of its own."""
        return self.reading.named is not None

    @cached_property
    def values(self) -> tuple[frozenset[str], ...]:
        """The sets of codes that a person can have, each once."""
        if self.reading.named is None:
            return frozenset({NONE}), frozenset(self.codes) - {NONE}
        return tuple(dict.fromkeys(self.reading.named))

    @cached_property
    def by_register_value(self) -> tuple[int, ...]:
        """The number of the value for each value of the base."""
        number = {value: at for at, value in enumerate(self.values)}
        return tuple(number[value] for value in self.reading.named or ())

    def spec(self, code: str) -> dict[str, frozenset[int]]:
        """Return where the persons under ``code`` are."""
        if not self.listed and code != NONE:
            return {code_axis(self.name, code): frozenset({1})}
        return {self.name: frozenset(at for at, value in enumerate(self.values) if code in value)}
