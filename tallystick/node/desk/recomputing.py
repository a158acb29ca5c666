"""An auditor at home: do the published bytes follow from the sealed evidence, and does the commitment open?

Opens the evidence, never the live register: what an agency corrected since is no concern of a release that stands.
"""

from dataclasses import dataclass

from tallystick.config.errors import StoreError, VerificationError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.keys.envelope import parse_envelope
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.evidence import DraftContext, commitment, exact_counts
from tallystick.node.desk.protecting import Progress, protect, render
from tallystick.node.desk.publication import Publication

__all__ = ["Recomputed", "recompute"]


@dataclass(frozen=True)
class Recomputed:
    """What was found to hold; anything that does not is an error.

    Attributes:
        release: The row.
        checks: In words, one for each thing that was compared.
    """

    release: Publication
    checks: tuple[str, ...]


def _context(bench: Bench, row: Publication) -> DraftContext:
    context = bench.evidence.context(row.period, row.revision)
    if context is None:
        raise StoreError(_("desk.db: the evidence of {slice} is missing").format(slice=row.slice_name))
    return context


def _check(held: bool, what: str, row: Publication) -> str:  # one sentence per check, kept for the report
    if not held:
        raise VerificationError(
            _("{slice}: does not hold: {what}").format(slice=row.slice_name, what=what),
            hint=_("the evidence or the release was changed, or another version of tallystick drafted it"),
        )
    return what


def _check_commitment(bench: Bench, context: DraftContext, row: Publication) -> str:
    catalogue = bench.evidence.catalogue(context.catalogue_sha256)
    cube = next(cube for cube in bench.evidence.cubes(row.period) if cube.table_id == row.table_id)
    counts = exact_counts(catalogue, catalogue.table(row.table_id), context.state, cube)
    opened = commitment(row.salt, counts)
    return _check(
        opened == row.statement.predicate.commitment.value,
        _("the commitment in the statement opens to the frozen exact counts"),
        row,
    )


def recompute(bench: Bench, period: Period, table_id: str, progress: Progress | None = None) -> Recomputed:
    """Make a release again from its evidence and compare it with what was drafted and logged.

    1. The statement's commitment opens to the frozen counts.
    2. Disclosure control over the frozen cubes and the slices of that time gives the same data file, byte for byte.
    3. The statement made from it is the same, byte for byte.
    4. The envelope in the log, where it is there, carries that statement.

    Raises:
        UsageError: The slice was never drafted.
        VerificationError: One of these does not hold; it is named.
    """
    row = bench.publications.one(period, table_id)
    context = _context(bench, row)
    checks = [_check_commitment(bench, context, row)]
    safe = next(one for one in protect(bench, context, progress) if one.table_id == row.table_id)
    again = render(bench, context, safe, row.salt)
    checks += [
        _check(again.data == row.data, _("the figures follow from the frozen counts, byte for byte"), row),
        _check(again.sealed == row.sealed, _("what later audits were told of it follows too"), row),
        _check(again.payload == row.payload, _("the statement follows from them, byte for byte"), row),
    ]
    if row.envelope is not None:
        checks.append(
            _check(
                parse_envelope(row.envelope).payload == row.payload,
                _("what two officers signed is that statement"),
                row,
            )
        )
    if row.log_index is not None:
        log = bench.log(bench.roster())
        held = log is not None and log.entries(row.log_index, row.log_index + 1) == [row.envelope]
        checks.append(_check(held, _("the log holds it at index {index}").format(index=row.log_index), row))
    return Recomputed(row, tuple(checks))
