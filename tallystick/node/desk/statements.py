"""From protected tables to the exact statement that officers sign; a pure function of the draft's context."""

from collections.abc import Sequence

import rfc8785

from tallystick.config.catalogue import TOTAL, Catalogue, TableDefinition
from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.exchange.formats.statement import (
    Audit,
    CatalogueReference,
    Commitment,
    Metadata,
    Method,
    ReleasePredicate,
    ReleaseStatement,
    SliceReference,
    TableReference,
    payload_id,
    subject_for,
)
from tallystick.node.desk.evidence import DraftContext
from tallystick.node.desk.plan import plan_hash
from tallystick.node.disclosure import SafeTable

__all__ = ["build_briefing", "build_statement", "share_unknown"]

_UNKNOWN = "_U"
_DOES_NOT_ADD = "a person may stand under several codes: the figures do not add up to persons"
_BANDS = ((0, "none"), (5, "under 5 %"), (10, "5 to 10 %"), (25, "10 to 25 %"), (50, "25 to 50 %"))


def _band(part: int, whole: int) -> str:
    for percent, words in _BANDS:
        if part * 100 < percent * whole or part == percent == 0:
            return words
    return "50 % or more"


def _cells_of(catalogue: Catalogue, table: TableDefinition, name: str) -> frozenset[tuple[str, ...]]:
    """Return the rows that tell how one dimension is spread: its own published margin, else the inner cells."""
    if (name,) in table.margins:
        at = table.dimension_ids.index(name)
        codes = catalogue.codes(table, name)
        return frozenset(
            tuple(code if here == at else TOTAL for here in range(len(table.dimension_ids))) for code in codes
        )
    return frozenset(catalogue.inner_cells(table))


def share_unknown(catalogue: Catalogue, table: TableDefinition, observations: Sequence[Observation]) -> str | None:
    """Say per dimension how much of what is shown is of unknown code, in bands, from published values only.

    Returns:
        Such as ``SEX none; AGE 5 to 10 %``; ``withheld`` where a cell of unknown code is; None where no dimension
        has such a code. A dimension whose codes do not add up to the persons has no such share.
    """
    said = []
    for at, name in enumerate(table.dimension_ids):
        if _UNKNOWN not in catalogue.codes(table, name) or name in table.multiple:
            continue
        rows = [seen for seen in observations if seen.key in _cells_of(catalogue, table, name)]
        unknown = [seen.value for seen in rows if seen.key[at] == _UNKNOWN]
        whole = sum(seen.value or 0 for seen in rows)
        hidden = None in unknown or whole == 0
        said.append(f"{name} {'withheld' if hidden else _band(sum(value or 0 for value in unknown), whole)}")
    return "; ".join(said) or None


def _metadata(context: DraftContext, catalogue: Catalogue, table: TableDefinition, safe: SafeTable) -> Metadata:
    said = context.metadata
    # What a state says of its dates and law is said of victims; a stage of proceedings has another date and article.
    own = table.universe == "victims"
    return Metadata(
        unit=table.unit,
        reference_date_basis=(said.reference_date_basis if own else "") or table.reference_date_basis,
        cut_off=context.cut_off,
        sources=said.sources,
        legal_definition=(said.legal_definition if own else "") or table.legal_definition,
        share_unknown=share_unknown(catalogue, table, safe.observations),
        censored=context.censored,
        comparisons=context.comparisons.get(table.id, ()),
        notes="; ".join(
            ([_DOES_NOT_ADD] if table.multiple else []) + ([f"contact: {said.contact}"] if said.contact else [])
        ),
    )


def build_statement(
    context: DraftContext, catalogue: Catalogue, safe: SafeTable, data: bytes, commitment: str
) -> ReleaseStatement:
    """Say everything about one protected table.

    Args:
        context: What the whole draft has in common.
        catalogue: The catalogue that the counts follow.
        safe: The table; disclosure control alone can make one.
        data: The exact bytes of its data file.
        commitment: Hex digest over salt and exact counts.

    Raises:
        DisclosureError: The table did not go through the whole of disclosure control.
        MalformedError: The state's own metadata do not fit a statement.
    """
    if not isinstance(safe, SafeTable):
        raise DisclosureError(_("only a table that went through disclosure control can be released"))
    table = catalogue.table(safe.table_id)
    predicate = ReleasePredicate(
        federation=context.federation,
        issuer=context.state,
        demo=context.demo,
        table=TableReference(id=table.id, version=table.version),
        catalogue=CatalogueReference(version=catalogue.version, sha256=context.catalogue_sha256),
        slice=SliceReference(period=safe.period.text, freq="A3" if safe.period.is_block else "A"),
        revision=context.revision,
        supersedes=None,
        audience="federation",
        handling=context.metadata.handling,
        method=Method(id=safe.method, profile=safe.profile, parameters=dict(safe.parameters)),
        plan=plan_hash(catalogue, context.state, safe.period, method=safe.method, profile=safe.profile),
        audit=Audit.model_validate(safe.audit.to_statement()),
        metadata=_metadata(context, catalogue, table, safe),
        commitment=Commitment(algorithm="sha256", value=commitment),
    )
    return ReleaseStatement(subject=(subject_for(data),), predicate=predicate)


def build_briefing(safe: SafeTable, payload: bytes) -> bytes:
    """Tell officers what releasing costs and gives away; holds no withheld value, like the statement.

    Returns:
        RFC 8785 JSON. ``persons_shown`` is a share in per cent made from published figures, or null.
    """
    figures = safe.audit
    return rfc8785.dumps(
        {
            "format": "tallystick-briefing-1",
            "payload_sha256": payload_id(payload),
            "cells_shown": figures.shown,
            "cells_withheld": figures.withheld,
            "cells_withheld_for_others": figures.repaired,
            "linked_slices_audited": figures.systems,
            "persons_shown": figures.persons_shown,
        }
    )
