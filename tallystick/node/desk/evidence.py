"""The sealed evidence: what a draft was made of, so that it can be made again without the live register.

A year's cubes are frozen once; a block's are the sum of its three frozen years and are stored nowhere else. A draft's
context names all else that the published bytes depend on. All of it rests inside ``desk.db``.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.catalogue import Catalogue, TableDefinition, parse_catalogue
from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.config.settings import TableMetadata
from tallystick.exchange.formats.statement import Comparison
from tallystick.node.desk.database import Database
from tallystick.node.tables.cubes import Cube, YearCubes, block_cubes

__all__ = ["SALT_BYTES", "DraftContext", "Evidence", "FrozenYear", "commitment", "exact_counts"]

SALT_BYTES = 32
_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DraftContext(BaseModel):
    """Everything but counts and noise secret that the bytes of one period's drafts depend on.

    ``released`` are the payload ids that the audit reckoned with, in the order in which it was given them;
    ``comparisons`` the figures of others that the statements name, by table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["tallystick-draft-1"] = "tallystick-draft-1"
    state: str
    period: str
    revision: int
    tables: tuple[str, ...]
    without: tuple[str, ...]
    released: tuple[_Hex, ...]
    catalogue_sha256: _Hex
    federation: _Hex
    demo: bool
    profile: str
    metadata: TableMetadata
    cut_off: str
    censored: bool
    drafted_at: str
    software: str
    comparisons: dict[str, tuple[Comparison, ...]] = {}

    def to_bytes(self) -> bytes:
        """Return the context as RFC 8785 JSON."""
        return rfc8785.dumps(self.model_dump(mode="json"))


@dataclass(frozen=True)
class FrozenYear:
    """One year as it was counted once.

    Attributes:
        cubes: Exact counts and key sums.
        frozen_on: The date; after it the register was not read for this year.
        catalogue_sha256: The catalogue whose codes the rows follow.
        censored: True where the register's rows had been censored before they came in.
    """

    cubes: YearCubes
    frozen_on: date
    catalogue_sha256: str
    censored: bool


def exact_counts(catalogue: Catalogue, table: TableDefinition, state: str, cube: Cube) -> bytes:
    """Write a slice's exact counts as the RFC 8785 JSON that the commitment is made over."""
    cells = zip(catalogue.cells(table), cube.counts, strict=True)
    return rfc8785.dumps(
        {
            "cells": {"|".join(key): int(count) for key, count in cells},
            "format": "tallystick-counts-1",
            "period": cube.period.text,
            "state": state,
            "table": table.id,
        }
    )


def commitment(salt: bytes, counts: bytes) -> str:
    """Return the hex SHA-256 of salt and counts: binds the state, tells nobody else anything."""
    return hashlib.sha256(salt + counts).hexdigest()


def _cubes_to_bytes(cubes: YearCubes) -> bytes:
    parts = {"tables": cubes.tables, "block_parts": cubes.block_parts}
    lists = {name: [cube.to_dict() for cube in found] for name, found in parts.items()}
    return json.dumps({"state": cubes.state, "year": cubes.year, **lists}, sort_keys=True).encode()


def _cubes_from_bytes(data: bytes) -> YearCubes:
    try:
        document = json.loads(data)
        tables = tuple(Cube.from_dict(one) for one in document["tables"])
        parts = tuple(Cube.from_dict(one) for one in document["block_parts"])
        return YearCubes(state=document["state"], year=document["year"], tables=tables, block_parts=parts)
    except (ValueError, KeyError, TypeError):
        raise StoreError(_("desk.db: a frozen year is not readable"), hint=_("restore desk.db from a backup")) from None


class Evidence:
    """Reads and adds sealed evidence; nothing here changes or removes any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def year(self, year: int) -> FrozenYear | None:
        """Return a frozen year, None if it is not frozen."""
        found = self._database.read(
            "SELECT cubes, frozen_on, catalogue_sha256, censored FROM frozen_year WHERE year = ?", (year,)
        )
        if not found:
            return None
        cubes, frozen_on, catalogue_sha256, censored = found[0]
        return FrozenYear(_cubes_from_bytes(cubes), date.fromisoformat(frozen_on), catalogue_sha256, bool(censored))

    def freeze(self, frozen: FrozenYear, catalogue: Catalogue) -> None:
        """Keep a counted year for good, inside a transaction.

        Raises:
            StoreError: The year is frozen already.
        """
        self._database.write(
            "INSERT OR IGNORE INTO catalogue VALUES (?, ?)", (frozen.catalogue_sha256, catalogue.to_bytes())
        )
        self._database.write(
            "INSERT INTO frozen_year VALUES (?, ?, ?, ?, ?)",
            (
                frozen.cubes.year,
                frozen.frozen_on.isoformat(),
                frozen.catalogue_sha256,
                int(frozen.censored),
                _cubes_to_bytes(frozen.cubes),
            ),
        )

    def years(self, period: Period) -> tuple[FrozenYear, ...]:
        """Return the frozen years of ``period``.

        Raises:
            UsageError: One of them is not frozen, or they were counted under different catalogues.
        """
        found = {year: self.year(year) for year in period.years}
        missing = [str(year) for year, frozen in found.items() if frozen is None]
        if missing:
            raise UsageError(
                _("{period} needs its years frozen first; these are not: {years}").format(
                    period=period.text, years=", ".join(missing)
                ),
                hint=_("run: tallystick release draft {year}").format(year=missing[0]),
            )
        years = tuple(frozen for frozen in found.values() if frozen is not None)
        if len({frozen.catalogue_sha256 for frozen in years}) != 1:
            raise UsageError(
                _("the years of {period} were counted under different catalogues and cannot be added").format(
                    period=period.text
                )
            )
        return years

    def cubes(self, period: Period) -> tuple[Cube, ...]:
        """Return the exact cubes of a frozen year, or of a block as the sum of its frozen years."""
        years = self.years(period)
        return tuple(block_cubes([one.cubes for one in years])) if period.is_block else years[0].cubes.tables

    def catalogue(self, sha256: str) -> Catalogue:
        """Return a catalogue that something was frozen under.

        Raises:
            StoreError: It is not there, or is another than its digest says.
        """
        found = self._database.read("SELECT document FROM catalogue WHERE sha256 = ?", (sha256,))
        if not found or hashlib.sha256(found[0][0]).hexdigest() != sha256:
            raise StoreError(_("desk.db: the catalogue of a frozen year is missing"))
        return parse_catalogue(found[0][0])

    def add_context(self, context: DraftContext) -> None:
        """Keep what a period's drafts depend on, inside a transaction."""
        self._database.write(
            "INSERT INTO draft VALUES (?, ?, ?)", (context.period, context.revision, context.to_bytes())
        )

    def context(self, period: Period, revision: int = 1) -> DraftContext | None:
        """Return the context of a period's drafts, None if it was never drafted.

        Raises:
            MalformedError: It is there and not readable.
        """
        found = self._database.read(
            "SELECT context FROM draft WHERE period = ? AND revision = ?", (period.text, revision)
        )
        if not found:
            return None
        try:
            return DraftContext.model_validate_json(found[0][0])
        except ValidationError:
            raise MalformedError(_("desk.db: the context of {period} is not readable").format(period=period)) from None
