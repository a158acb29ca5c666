"""What the issuers themselves set beside their figures: numbers that are public elsewhere, and why they differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tallystick.config.catalogue import CellKey
from tallystick.exchange.formats.comparing import figure_words, key_text, said_of
from tallystick.exchange.query.answer import Provenance, Row

__all__ = ["Compared", "compared", "compared_in"]


@dataclass(frozen=True)
class Compared:
    """One comparison of one row.

    Attributes:
        release: Payload id of the release that carries it.
        state: Alpha-3 of the issuer.
        period: Year or block.
        key: The row's key.
        official: The figure as its source prints it.
        source: Where.
        here: The release's own figure, in words.
        explanation: Why they differ; may be empty.
    """

    release: str
    state: str
    period: str
    key: CellKey
    official: str
    source: str
    here: str
    explanation: str

    @property
    def words(self) -> str:
        """The comparison as a sentence, without saying where."""
        return said_of(self.official, self.source, self.here, self.explanation)

    @property
    def sentence(self) -> str:
        """The comparison as a sentence of its own."""
        return f"{self.state} {self.period} {key_text(self.key)}: {self.words}"


def compared_in(row: Row, table: str, provenance: Mapping[str, Provenance]) -> Iterator[Compared]:
    """Yield what is compared with one row: a published figure or a withheld cell, never a sum of ours.

    Args:
        row: A row of an answer.
        table: The table that was asked for; figures that were taken from another have other row keys.
        provenance: The answer's.
    """
    found = provenance.get(row.release or "")
    if found is None or found.table != table or row.kind not in {"shown", "withheld"} or row.state is None:
        return
    reach = None if row.high is None or row.value is None else row.high - row.value
    here = figure_words(row.value, reach)
    for one in found.metadata.get("comparisons", ()):
        if tuple(one["key"]) == row.key:
            yield Compared(
                found.payload_id,
                found.state,
                found.period,
                row.key,
                one["official"],
                one["source"],
                here,
                one["explanation"],
            )


def compared(rows: Sequence[Row], table: str, provenance: Mapping[str, Provenance]) -> tuple[Compared, ...]:
    """Return all that is compared with any of ``rows``, in their order."""
    return tuple(one for row in rows for one in compared_in(row, table, provenance))
