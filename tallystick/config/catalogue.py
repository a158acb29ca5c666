"""The federation's table catalogue: what may be counted, over which codes, in which period.

The catalogue is a TUF target: every member agreed to these very bytes. A table is a cross of code lists;
its rows are all inner cells in code order, then its own margins (``_T`` in the summed dimensions).
A block repeats no margin that its years carry (DESIGN, section 6).

Along a dimension whose ``counting`` is ``multiple`` a person stands under every code that applies: such codes do not
add up to the persons, and no margin sums them. Tables of different universes count different people.
"""

import hashlib
import itertools
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, ClassVar, Literal

import rfc8785
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from tallystick.config.errors import ConfigError, MalformedError
from tallystick.config.i18n import _, current_language
from tallystick.config.periods import BLOCK_YEARS, Period, block_of

__all__ = [
    "TOTAL",
    "Catalogue",
    "CellKey",
    "CodeList",
    "Correspondence",
    "Dimension",
    "TableDefinition",
    "load_shipped",
    "parse_catalogue",
    "placement",
    "planned_tables",
]

TOTAL = "_T"
CATALOGUE_LIMIT = 512 * 1024
CellKey = tuple[str, ...]
"""One code per dimension of the table, in the table's order; ``_T`` where a margin sums it."""

_YEARLY_CROSS_FLOOR = 60
_ID = r"^[A-Z][A-Z0-9_]{1,39}$"
_CODE = r"^[A-Z0-9_]{1,16}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Brief(_Strict):
    """Leaves fields at their defaults out of the JSON: a catalogue from before they were there keeps its bytes."""

    _left_out: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        document: dict[str, Any] = handler(self)
        usual = type(self).model_fields
        return {
            name: value
            for name, value in document.items()
            if name not in self._left_out or getattr(self, name) != usual[name].default
        }


class CodeList(_Strict):
    """Codes, each with labels by language; cells are written in ascending order of codes."""

    id: str = Field(pattern=_ID)
    codes: dict[str, dict[str, str]] = Field(min_length=1, max_length=300)


class Dimension(_Brief):
    """One axis of a table: an SDMX dimension over a code list.

    ``counting`` is ``exclusive`` where every person has one code, ``multiple`` where one has as many as apply.
    """

    _left_out = frozenset({"counting"})

    id: str = Field(pattern=_ID)
    codelist: str = Field(pattern=_ID)
    counting: Literal["exclusive", "multiple"] = "exclusive"


class Correspondence(_Brief):
    """Where the same is found in another body's statistics, in that body's own words.

    Attributes:
        indicator: SDG indicator number, or GLOTIP's column Indicator.
        dimension: GLOTIP's column Dimension.
        series: Our code (``_T`` for the whole table) to an SDG series or a GLOTIP indicator.
        codes: Our dimension to our code to theirs; a code of ours that is missing has no counterpart.
        differs: What is not the same, in a sentence.
    """

    _left_out = frozenset({"dimension", "series", "codes", "differs"})

    indicator: str = Field(min_length=1, max_length=200)
    dimension: str = Field(default="", max_length=200)
    series: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}
    differs: str = Field(default="", max_length=500)


class TableDefinition(_Brief):
    """One table (SDMX dataflow): dimensions, margins it carries itself, and where in time it stands.

    ``where`` says whether the table is drawn by year, in blocks, or by the placement rule of ``placement``. Unit,
    date, legal definition and correspondence are mandatory: a figure without them is worthless.
    """

    _left_out = frozenset({"universe"})

    id: str = Field(pattern=_ID)
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+$")
    name: dict[str, str]
    universe: Literal["victims", "perpetrators"] = "victims"
    unit: Literal["persons", "reports"]
    dimensions: tuple[Dimension, ...] = Field(max_length=4)
    margins: tuple[tuple[str, ...], ...] = ()
    where: Literal["year", "block", "placed"]
    reference_date_basis: str = Field(min_length=1, max_length=500)
    legal_definition: str = Field(min_length=1, max_length=500)
    correspondence: dict[str, str | Correspondence] = Field(min_length=1, max_length=20)
    """By body (``SDG``, ``GLOTIP``); version 1 of the catalogue said it in a line of text."""

    @model_validator(mode="after")
    def _complete(self) -> "TableDefinition":
        if not all(
            said.strip() for said in (self.reference_date_basis, self.legal_definition, self.name.get("en", ""))
        ):
            raise ValueError(f"{self.id} lacks a name, a reference date or a legal definition")
        added = [name for margin in self.margins for name in self.multiple if name not in margin]
        if added:
            raise ValueError(f"{self.id}: a margin adds over {added[0]}, in which a person may stand more than once")
        return self

    @property
    def dimension_ids(self) -> tuple[str, ...]:
        """The dimensions' ids in order."""
        return tuple(dimension.id for dimension in self.dimensions)

    @property
    def multiple(self) -> frozenset[str]:
        """The dimensions along which a person may stand under several codes; their cells must not be added."""
        return frozenset(dimension.id for dimension in self.dimensions if dimension.counting == "multiple")

    def label(self, language: str | None = None) -> str:
        """Return the table's name in ``language`` (default: the reader's), English where it is missing."""
        return self.name.get(language or current_language(), self.name["en"])


class Catalogue(_Strict):
    """A version of the catalogue; ``to_bytes`` is what the roster's TUF target hashes."""

    format: Literal["tallystick-catalogue-1"]
    version: int = Field(ge=1, le=1_000_000)
    codelists: tuple[CodeList, ...] = Field(max_length=64)
    tables: tuple[TableDefinition, ...] = Field(min_length=1, max_length=200)
    placed_by_year: dict[str, tuple[str, ...]] = {}
    """State (alpha-3) to the blocks in which its ``placed`` tables stand by year; everywhere else in the block."""

    @model_validator(mode="after")
    def _consistent(self) -> "Catalogue":
        lists = {codelist.id for codelist in self.codelists}
        if len(lists) != len(self.codelists) or len({table.id for table in self.tables}) != len(self.tables):
            raise ValueError("an id stands twice")
        for table in self.tables:
            missing = [dimension.codelist for dimension in table.dimensions if dimension.codelist not in lists]
            stray = [name for margin in table.margins for name in margin if name not in table.dimension_ids]
            if missing or stray:
                raise ValueError(f"{table.id} names what is not there: {', '.join(missing + stray)}")
        return self

    def table(self, table_id: str) -> TableDefinition:
        """Return a table by id, whatever its case.

        Raises:
            ConfigError: No such table; the message lists those there are.
        """
        for table in self.tables:
            if table.id == table_id.upper():
                return table
        raise ConfigError(
            _("no table is called {name}").format(name=table_id[:60]),
            hint=_("there are: {names}").format(names=", ".join(table.id for table in self.tables)),
        )

    def codes(self, table: TableDefinition, dimension_id: str) -> tuple[str, ...]:
        """Return the codes of one dimension of ``table`` in the order cells are written: ascending.

        Canonical JSON sorts the codes of a list, so the order of writing must not be the one of some other spelling.
        """
        wanted = next(dimension.codelist for dimension in table.dimensions if dimension.id == dimension_id)
        return tuple(sorted(next(codelist.codes for codelist in self.codelists if codelist.id == wanted)))

    def code_label(self, table: TableDefinition, dimension_id: str, code: str, language: str | None = None) -> str:
        """Return the label of a code in ``language`` (default: the reader's), English where it is missing."""
        if code == TOTAL:
            return _("total")
        wanted = next(dimension.codelist for dimension in table.dimensions if dimension.id == dimension_id)
        labels = next(codelist.codes for codelist in self.codelists if codelist.id == wanted)[code]
        return labels.get(language or current_language(), labels["en"])

    def inner_cells(self, table: TableDefinition) -> tuple[CellKey, ...]:
        """Return the keys of all inner cells in code order; one empty key for a table with no dimension."""
        return tuple(itertools.product(*(self.codes(table, name) for name in table.dimension_ids)))

    def margin_cells(self, table: TableDefinition) -> tuple[CellKey, ...]:
        """Return the keys of the table's own margins, margin by margin, in code order."""
        keys: list[CellKey] = []
        for margin in table.margins:
            axes = (self.codes(table, name) if name in margin else (TOTAL,) for name in table.dimension_ids)
            keys.extend(itertools.product(*axes))
        return tuple(keys)

    def cells(self, table: TableDefinition) -> tuple[CellKey, ...]:
        """Return every row key of ``table`` in the order of its published rows: inner cells, then margins."""
        return self.inner_cells(table) + self.margin_cells(table)

    def to_bytes(self) -> bytes:
        """Return the catalogue as RFC 8785 JSON."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    @property
    def sha256(self) -> str:
        """Hex digest of ``to_bytes``."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def parse_catalogue(data: bytes) -> Catalogue:
    """Read a catalogue and check it against its definition.

    Raises:
        MalformedError: Too large, not JSON, a field missing or unknown, or names that point nowhere.
    """
    if len(data) > CATALOGUE_LIMIT:
        raise MalformedError(_("catalogue: larger than {limit} bytes").format(limit=CATALOGUE_LIMIT))
    try:
        catalogue = Catalogue.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "catalogue"
        raise MalformedError(_("catalogue: {where}: {what}").format(where=where, what=first["msg"])) from None
    if catalogue.to_bytes() != data:
        raise MalformedError(_("catalogue: not in canonical form (RFC 8785)"))
    return catalogue


@cache
def load_shipped() -> Catalogue:
    """Return the catalogue that this version of tallystick ships."""
    return Catalogue.model_validate_json(
        resources.files("tallystick.config").joinpath("data", "catalogue.json").read_bytes()
    )


def placement(block: Period, public_totals: Mapping[int, int]) -> Literal["year", "block"]:
    """Say where a ``placed`` table (sex x age) stands for one state in one block.

    Fixed before the block starts: by year where the totals that the state had already made public for the
    block before are at least two and all at least 60, else in the block.

    Args:
        block: The block in question.
        public_totals: The state's public totals by year.
    """
    known = [public_totals[year] for year in range(block.first - BLOCK_YEARS, block.first) if year in public_totals]
    return "year" if len(known) > 1 and min(known) >= _YEARLY_CROSS_FLOOR else "block"


def planned_tables(catalogue: Catalogue, state: str, period: Period) -> tuple[TableDefinition, ...]:
    """Return the closed plan of a state for ``period``: the tables that a draft of it holds, in catalogue order.

    Args:
        catalogue: The federation's catalogue, which fixes where ``placed`` tables stand.
        state: Alpha-3 code, upper case.
        period: A year or a block.
    """
    side = "block" if period.is_block else "year"
    placed = "year" if block_of(period.first).text in catalogue.placed_by_year.get(state, ()) else "block"
    return tuple(
        table for table in catalogue.tables if table.where == side or (table.where == "placed" and placed == side)
    )
