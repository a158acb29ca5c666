"""A figure that others published, beside ours: whether it stands where the table has a cell, and how it reads.

official 92 (UNODC GLOTIP 2023), here 90 ± 3: registered by the date of the court's decision
"""

from collections.abc import Sequence

from tallystick.config.catalogue import Catalogue, CellKey, TableDefinition
from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.formats.predicate import Comparison, Method, ReleasePredicate
from tallystick.exchange.formats.sdmxcsv import Observation

__all__ = ["check_comparisons", "figure_words", "key_text", "reach_of", "said_of", "set_beside"]


def check_comparisons(found: Sequence[Comparison], catalogue: Catalogue, table: TableDefinition) -> None:
    """Check that every comparison stands beside a cell that the table has.

    Raises:
        MalformedError: One does not.
    """
    if not found:
        return
    cells = set(catalogue.cells(table))
    for one in found:
        if one.key not in cells:
            raise MalformedError(
                _("release: it compares {key}, which is no cell of {table}").format(
                    key=key_text(one.key), table=table.id
                )
            )


def key_text(key: CellKey) -> str:
    """Return a row key in one word, ``F/Y0T17``; ``_T`` for a table with one cell."""
    return "/".join(key) or "_T"


def reach_of(method: Method) -> int | None:
    """Return the largest amount by which a figure is off; None where the method does not tell."""
    told = method.parameters.get("D")
    return 0 if method.id == "exact" else told if type(told) is int and told >= 0 else None


def figure_words(value: int | None, reach: int | None) -> str:
    """Return a published figure with how far it may be off, or that it is withheld.

    Args:
        value: The figure, None where it is withheld.
        reach: Largest amount by which it is off; None where the method does not tell.
    """
    if value is None:
        return _("withheld")
    return f"{value} ± {reach}" if reach else str(value)


def said_of(official: str, source: str, here: str, explanation: str) -> str:
    """Return a comparison as a sentence.

    Args:
        official: The figure as its source prints it.
        source: Where it is printed.
        here: The figure of this release, from ``figure_words``.
        explanation: Why they differ, in the state's own words; may be empty.
    """
    lead = _("official {official} ({source}), here {here}").format(official=official, source=source, here=here)
    return f"{lead}: {explanation}" if explanation else lead


def set_beside(predicate: ReleasePredicate, cells: Sequence[Observation]) -> list[dict[str, str]]:
    """Return a release's comparisons as plain texts: ``key``, ``official``, ``source``, ``here``, ``explanation``.

    Args:
        predicate: What the officers signed; its comparisons were checked.
        cells: The release's own figures.
    """
    found = predicate.metadata.comparisons
    here = {cell.key: figure_words(cell.value, reach_of(predicate.method)) for cell in cells} if found else {}
    return [
        {
            "key": key_text(one.key),
            "official": one.official,
            "source": one.source,
            "here": here[one.key],
            "explanation": one.explanation,
        }
        for one in found
    ]
