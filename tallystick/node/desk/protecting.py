"""From sealed evidence to published bytes; the same road for drafting and for checking years later.

Reads ``desk.db`` and the noise secret only. What comes out depends on nothing else: not on the register as it is
now, not on the clock, not on which vertex a solver found.
"""

import json
from dataclasses import dataclass, field

import rfc8785
from pydantic import ValidationError

from tallystick.config.errors import ConfigError, DisclosureError, StoreError
from tallystick.config.i18n import _
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.sdmxcsv import write_csv
from tallystick.exchange.formats.statement import payload_id
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.evidence import DraftContext, commitment, exact_counts
from tallystick.node.desk.statements import build_briefing, build_statement
from tallystick.node.disclosure import PROFILES, ReleasedSlice, SafeTable, protect_plan
from tallystick.node.disclosure.protect import Progress
from tallystick.node.tables.cubes import Cube

__all__ = ["Progress", "Rendered", "protect", "render"]


@dataclass(frozen=True)
class Rendered:
    """The bytes that one protected table becomes.

    Attributes:
        payload: The statement.
        data: The data file.
        briefing: What officers are told.
        sealed: What later audits must know of it; never leaves.
    """

    payload: bytes = field(repr=False)
    data: bytes = field(repr=False)
    briefing: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    @property
    def payload_id(self) -> str:
        """The release's identity."""
        return payload_id(self.payload)


def _cubes(bench: Bench, context: DraftContext) -> dict[str, Cube]:
    return {cube.table_id: cube for cube in bench.evidence.cubes(parse_period(context.period))}


def _released(bench: Bench, context: DraftContext) -> list[ReleasedSlice]:
    """Return the slices that the draft's audit reckons with, as they were and are."""
    found = []
    for identity in context.released:
        row = bench.publications.by_id(identity)
        if row is None:
            raise StoreError(_("desk.db: the release {id} is missing from the evidence").format(id=identity[:16]))
        found.append(ReleasedSlice.from_dict(json.loads(row.sealed)))
    return found


def protect(bench: Bench, context: DraftContext, progress: Progress | None = None) -> tuple[SafeTable, ...]:
    """Run disclosure control over what a context names.

    Raises:
        DisclosureError: A table cannot be protected; the hint says how to leave it out.
    """
    cubes = _cubes(bench, context)
    try:
        return tuple(
            protect_plan(
                [cubes[name] for name in context.tables],
                _released(bench, context),
                bench.evidence.catalogue(context.catalogue_sha256),
                state=context.state,
                secrets=bench.noise_secret,
                profile=PROFILES[context.profile],
                progress=progress,
            )
        )
    except DisclosureError as error:
        hint = _("leave it out for good: tallystick release draft {period} --without TABLE").format(
            period=context.period
        )
        raise DisclosureError(error.message, hint=error.hint or hint) from None


def render(bench: Bench, context: DraftContext, safe: SafeTable, salt: bytes) -> Rendered:
    """Write data, statement and briefing of one protected table.

    Args:
        bench: The desk's tools.
        context: What the whole draft has in common.
        safe: The table.
        salt: 32 bytes that blind the commitment to the exact counts.

    Raises:
        ConfigError: The metadata in desk.toml do not fit a statement.
    """
    catalogue = bench.evidence.catalogue(context.catalogue_sha256)
    table = catalogue.table(safe.table_id)
    data = write_csv(catalogue, table, context.state, safe.period, safe.observations)
    bound = commitment(salt, exact_counts(catalogue, table, context.state, _cubes(bench, context)[table.id]))
    try:
        payload = build_statement(context, catalogue, safe, data, bound).to_payload()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(
            _("{table}: {where}: {what}").format(
                table=table.id, where=".".join(str(part) for part in first["loc"]), what=first["msg"]
            ),
            hint=_("mend [metadata] in desk.toml"),
        ) from None
    sealed = rfc8785.dumps(safe.as_released().to_dict())
    return Rendered(payload, data, build_briefing(safe, payload), sealed)
