"""Known figures and what the state says about them, in ``desk.db``; they change as others publish.

What went into a draft is kept with the draft and does not come from here again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tallystick.config.catalogue import CellKey
from tallystick.config.clock import rfc3339
from tallystick.config.periods import Period, parse_period
from tallystick.node.desk.database import Database
from tallystick.node.known.figure import KnownFigure, subject_of, subject_text

__all__ = ["Changed", "Explanation", "Kept", "KnownStore", "SourceLine"]

_COLUMNS = "source, period, subject, official, file_sha256, place"


class Changed(NamedTuple):
    """A figure that the source now gives otherwise."""

    figure: KnownFigure
    before: str


@dataclass(frozen=True)
class Kept:
    """What keeping a number of figures did.

    Attributes:
        added: New ones.
        changed: Those that read otherwise before.
        unchanged: Those that were there.
        gone: Figures of the same source that are kept from an earlier file and are not in this one.
    """

    added: int
    changed: tuple[Changed, ...]
    unchanged: int
    gone: int


class SourceLine(NamedTuple):
    """What is known from one source."""

    source: str
    figures: int
    first: str
    last: str
    file_sha256: str


class Explanation(NamedTuple):
    """Why ours differs from one known figure; it holds for that figure and no other."""

    official: str
    text: str


class KnownStore:
    """Reads and changes known figures.

    Args:
        database: The open ``desk.db``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self, period: Period | None = None) -> tuple[KnownFigure, ...]:
        """Return what is known, of one period or of all, by source in the order in which it was taken in."""
        where, values = ("WHERE period = ?", (period.text,)) if period is not None else ("", ())
        found = self._database.read(
            f"SELECT {_COLUMNS} FROM known_figure {where} ORDER BY source, rowid",  # noqa: S608 - our own text
            values,
        )
        return tuple(_figure(row) for row in found)

    def sources(self) -> tuple[SourceLine, ...]:
        """Return the sources there are."""
        found = self._database.read(
            "SELECT source, count(*), min(substr(period, 1, 4)), max(substr(period, -4)), max(file_sha256)"
            " FROM known_figure GROUP BY source ORDER BY source"
        )
        return tuple(SourceLine(*row) for row in found)

    def keep(self, figures: Iterable[KnownFigure], at: datetime, *, whole_source: bool = False) -> Kept:
        """Keep figures: new ones are added, others replaced where their source now says otherwise.

        Args:
            figures: All of one source.
            at: Now.
            whole_source: They are all that a file holds, so that what is missing in it can be counted.
        """
        added, unchanged, changed = 0, 0, []
        given = {(one.source, one.period.text, subject_text(one.subject)): one for one in figures}
        with self._database.transaction():
            held = self._held({source for source, _period, _subject in given})
            for place, figure in given.items():
                before = held.pop(place, None)
                if before is None:
                    added += 1
                elif before == figure.official:
                    unchanged += 1
                else:
                    changed.append(Changed(figure, before))
                if before != figure.official:
                    self._write(place, figure, at)
        gone = sum(subject.startswith('["glotip"') for _source, _period, subject in held) if whole_source else 0
        return Kept(added, tuple(changed), unchanged, gone)

    def _held(self, sources: Iterable[str]) -> dict[tuple[str, str, str], str]:
        found: dict[tuple[str, str, str], str] = {}
        for source in sources:
            rows = self._database.read(
                "SELECT source, period, subject, official FROM known_figure WHERE source = ?", (source,)
            )
            found |= {(name, period, subject): official for name, period, subject, official in rows}
        return found

    def _write(self, place: tuple[str, str, str], figure: KnownFigure, at: datetime) -> None:
        self._database.write(
            f"INSERT INTO known_figure ({_COLUMNS}, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"  # noqa: S608 - ours
            " ON CONFLICT (source, period, subject) DO UPDATE"
            " SET official = ?4, file_sha256 = ?5, place = ?6, added_at = ?7",
            (*place, figure.official, figure.file_sha256, figure.place, rfc3339(at)),
        )

    def remove(self, source: str, period: Period | None = None, subject: str | None = None) -> int:
        """Take away a source with all its explanations, or one of its figures; return how many figures went."""
        with self._database.transaction():
            if period is None or subject is None:
                self._database.write("DELETE FROM known_explanation WHERE source = ?", (source,))
                return self._database.write("DELETE FROM known_figure WHERE source = ?", (source,))
            return self._database.write(
                "DELETE FROM known_figure WHERE source = ? AND period = ? AND subject = ?",
                (source, period.text, subject),
            )

    def explain(
        self, source: str, period: Period, table_id: str, key: CellKey, explanation: Explanation, at: datetime
    ) -> None:
        """Keep why ours differs; an earlier explanation of the same is replaced, an empty text takes it away."""
        place = (source, period.text, table_id, "|".join(key))
        with self._database.transaction():
            self._database.write(
                "DELETE FROM known_explanation WHERE source = ? AND period = ? AND table_id = ? AND key = ?", place
            )
            if explanation.text:
                self._database.write(
                    "INSERT INTO known_explanation VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, *explanation, rfc3339(at))
                )

    def explanations(self, period: Period) -> Mapping[tuple[str, str, CellKey], Explanation]:
        """Return the explanations of a period by table, source and key."""
        found = self._database.read(
            "SELECT table_id, source, key, official, text FROM known_explanation WHERE period = ?", (period.text,)
        )
        return {
            (table, source, tuple(key.split("|")) if key else ()): Explanation(official, text)
            for table, source, key, official, text in found
        }


def _figure(row: tuple[str, ...]) -> KnownFigure:
    source, period, subject, official, sha256, place = row
    return KnownFigure(source, parse_period(period), subject_of(subject), official, sha256, place)
