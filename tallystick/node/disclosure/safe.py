"""The only thing that publishing accepts: a table that went through protection and its audit.

``SafeTable`` is a capability. Its constructor asks for the seal that only this package holds; copies, pickles and
``dataclasses.replace`` do not work on it. A test asserts that nothing outside ``tallystick.node.disclosure`` names the
seal, so "somebody published a table that had not been audited" is a failed build, not a review comment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Never, Self, final

from tallystick.config.catalogue import CellKey
from tallystick.config.errors import DisclosureError, MalformedError
from tallystick.config.i18n import _
from tallystick.config.periods import Period, parse_period
from tallystick.exchange.formats.sdmxcsv import Observation

__all__ = ["AuditFigures", "ReleasedSlice", "SafeTable"]


@final
class _TableSeal:
    """The token; one instance, private to this package."""

    __slots__ = ()


_SEAL: Final = _TableSeal()


@dataclass(frozen=True)
class AuditFigures:
    """What the statement tells about the audit; made from published values only.

    Attributes:
        shown: Cells that carry a figure.
        withheld: Cells that do not.
        repaired: Cells among the withheld whose figure reached the threshold: hidden for the others' sake, or as a
            decoy. The two are not told apart here or anywhere.
        systems: Linked slices that the audit solved together, this one included.
        persons_shown: Share of the persons behind shown figures in whole per cent, or None where no published total
            tells it. For the briefing, not part of the statement.
        intervals: The exact interval audit.
        likelihood: The likelihood attacker.
    """

    shown: int
    withheld: int
    repaired: int
    systems: int
    persons_shown: int | None = None
    intervals: str = "passed"
    likelihood: str = "not run"

    def to_statement(self) -> dict[str, str | int]:
        """Return the fields of the statement's ``audit``."""
        return {
            "intervals": self.intervals,
            "likelihood": self.likelihood,
            "shown": self.shown,
            "withheld": self.withheld,
            "repaired": self.repaired,
            "systems": self.systems,
        }


@dataclass(frozen=True)
class ReleasedSlice:
    """A slice that the state has released: immutable, so the audit takes it as it stands.

    Attributes:
        table_id: Table of the catalogue.
        period: Year or block.
        observations: Every row as published.
        added: Rows that were withheld although their figure reached the threshold, each with the relation that it was
            taken from (``SafeTable.added``). It is not published, but the audit grants it to the attacker, so the desk
            keeps it with the sealed evidence (``to_dict``) and hands it back here.
    """

    table_id: str
    period: Period
    observations: tuple[Observation, ...]
    added: Mapping[CellKey, CellKey] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types for the sealed evidence."""
        return {
            "table": self.table_id,
            "period": self.period.text,
            "rows": [[list(row.key), row.value] for row in self.observations],
            "added": [[list(key), list(relation)] for key, relation in self.added.items()],
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises:
            MalformedError: Something is missing or of another type.
        """
        try:
            rows = tuple(Observation(tuple(key), value, value is None) for key, value in document["rows"])
            added = {tuple(key): tuple(relation) for key, relation in document["added"]}
            return cls(str(document["table"]), parse_period(document["period"]), rows, MappingProxyType(added))
        except (KeyError, TypeError, ValueError):
            raise MalformedError(_("sealed evidence: a released slice is not readable")) from None


@final
class SafeTable:
    """A protected and audited slice; only ``tallystick.node.disclosure`` can make one.

    Attributes:
        table_id: Table of the catalogue.
        period: Year or block.
        observations: Rows in the order of ``catalogue.cells(table)``.
        method: Method id, ``keyed``.
        profile: Profile id.
        parameters: The method's tellable parameters.
        audit: Figures of the audit.
        added: See ``ReleasedSlice.added``. Goes to the sealed evidence, never to a peer.
    """

    __slots__ = ("_added", "_audit", "_method", "_observations", "_parameters", "_period", "_profile", "_table_id")

    def __init__(
        self,
        seal: _TableSeal,
        *,
        table_id: str,
        period: Period,
        observations: Sequence[Observation],
        method: str,
        profile: str,
        parameters: Mapping[str, int],
        audit: AuditFigures,
        added: Mapping[CellKey, CellKey],
    ) -> None:
        if seal is not _SEAL:
            raise DisclosureError(
                _("{table} {period}: only disclosure control makes a table that can be published").format(
                    table=table_id, period=period.text
                )
            )
        self._table_id = table_id
        self._period = period
        self._observations = tuple(observations)
        self._method = method
        self._profile = profile
        self._parameters = MappingProxyType(dict(parameters))
        self._audit = audit
        self._added = MappingProxyType(dict(added))

    @property
    def table_id(self) -> str:
        """Table of the catalogue."""
        return self._table_id

    @property
    def period(self) -> Period:
        """Year or block."""
        return self._period

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Rows in the order of ``catalogue.cells(table)``."""
        return self._observations

    @property
    def method(self) -> str:
        """Method id."""
        return self._method

    @property
    def profile(self) -> str:
        """Profile id."""
        return self._profile

    @property
    def parameters(self) -> Mapping[str, int]:
        """The method's tellable parameters."""
        return self._parameters

    @property
    def audit(self) -> AuditFigures:
        """Figures of the audit."""
        return self._audit

    @property
    def added(self) -> Mapping[CellKey, CellKey]:
        """Rows withheld although their figure reached the threshold, with the relation each was taken from."""
        return self._added

    def as_released(self) -> ReleasedSlice:
        """Return the slice as later audits need it once it is released; store ``to_dict()`` in the evidence."""
        return ReleasedSlice(self._table_id, self._period, self._observations, self._added)

    def __repr__(self) -> str:
        return f"SafeTable({self._table_id} {self._period.text}, {self._audit.shown} shown)"

    def __reduce__(self) -> Never:
        raise TypeError("a SafeTable is neither copied nor pickled: draft it again")
