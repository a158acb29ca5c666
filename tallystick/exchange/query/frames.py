"""Verified figures as data frames: what an analyst works with in Python.

    import tallystick
    archive = tallystick.open_archive("demo/kgz")
    figures = archive.query("VICTIMS_SEX", states=["KAZ", "TUR"], years=range(2017, 2021))
    figures[["state", "period", "SEX", "value", "low", "high"]]

The rules are those of ``tallystick query``, which reads the same archive in the same way: a withheld cell has an
interval and no value, a state of which nothing is here has a row that says so, neither is ever zero. Nothing is
written. pandas or polars is loaded by the first question, never by importing this.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tallystick.config.catalogue import TOTAL, Catalogue
from tallystick.config.clock import Clock, SystemClock
from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import parse_period
from tallystick.exchange.archive.opening import Opened, open_path
from tallystick.exchange.formats.tlogproof import encode_proof
from tallystick.exchange.query.answer import EVERY, Answer, Row
from tallystick.exchange.query.engine import ask
from tallystick.exchange.query.question import Question
from tallystick.keys.words import parse_anchor

__all__ = ["FrameArchive", "FrameKind", "open_archive"]

FrameKind = Literal["pandas", "polars"]
_KINDS: tuple[FrameKind, ...] = ("pandas", "polars")
_INTEGERS = ("value", "low", "high", "withheld_cells")
_FLAGS = {"shown": ("A", "F"), "withheld": ("Q", "C"), "missing": ("O", None), "not_released": ("O", None)}
_AROUND = ("STATE", "PERIOD")


def open_archive(path: str | Path, *, root: str | None = None, clock: Clock | None = None) -> "FrameArchive":
    """Open verified releases for questions; nothing there is changed.

    Args:
        path: A home, an archive folder with its roster beside it, or a pack.
        root: The federation's 24 words, a file of them, or ``1.root.json``; received on another way than the data.
            A pack is refused without; an archive stands on the roster that was adopted beside it.
        clock: What time it is; the system's by default.

    Raises:
        UsageError: There is no such folder.
        UnanchoredError: A pack, and no ``root``.
        VerificationError: A file of a pack or of the roster does not hold.
        StoreError: Something else lies there, or it cannot be read.
    """
    anchor = parse_anchor(root) if root is not None else None
    return FrameArchive(open_path(Path(path), anchor, (clock or SystemClock()).now()))


class FrameArchive:
    """Everybody's verified releases, as ``open_archive`` found them.

    Args:
        opened: The archive and its roster.
    """

    def __init__(self, opened: Opened) -> None:
        self._archive, self._roster = opened.archive, opened.roster
        if opened.roster.catalogue is None:
            raise StoreError(_("the roster's table catalogue is not here"), hint=_("pull first: tallystick peer pull"))
        self._catalogue: Catalogue = opened.roster.catalogue

    def query(
        self,
        table: str,
        *,
        states: str | Iterable[str] = (),
        years: int | str | Iterable[int | str] = (),
        where: Mapping[str, str] | None = None,
        by: str | Iterable[str] | None = None,
        frame: FrameKind | None = None,
    ) -> Any:  # noqa: ANN401 - a DataFrame of a library that need not be there
        """Return the figures of one table, a row for each.

        Columns: ``state``, ``period``, ``freq``, one for each dimension, ``kind`` (``shown``, ``withheld``, ``sum``,
        ``not_released``, ``missing``), ``value`` (null where none was published), ``low`` and ``high`` (what the
        true count lies between; null where nothing bounds it), ``noise_sd``, ``OBS_STATUS`` and ``CONF_STATUS`` (the
        release's flags; a sum has none), ``withheld_cells``, ``basis``, ``not_released`` and ``missing`` (states that
        are not in it), ``witnessed``, ``release`` (payload ids) and ``receipt`` (state and log entry; ``receipt()``
        gives the proof). Counts are in the table's unit; ``notes`` says what must be said beside them.

        Args:
            table: Table id, in any case.
            states: Alpha-3 codes; all of the federation by default.
            years: Years, and blocks such as ``"2018-2020"``; all that anybody released by default.
            where: Dimension to the one code that is wanted.
            by: What rows stand for: dimensions, ``state``, ``period``; what is not named is summed, as
                ``query --sum-over`` does. Everything by default.
            frame: ``pandas`` or ``polars``; by default the one that is installed, pandas if both are.

        Raises:
            UsageError: A name is not known, or the library is not installed.
            ConfigError: No such table.
        """
        make = _maker(frame)
        answer = self._answer(table, states, years, where, by)
        return make(_columns(answer))

    def notes(self, table: str, **asked: Any) -> list[str]:  # noqa: ANN401 - as query
        """Return what must be said beside the figures; takes what ``query`` takes, except ``frame``."""
        keys = ("states", "years", "where", "by")
        unknown = sorted(set(asked) - set(keys))
        if unknown:
            raise UsageError(_("notes: {name}: no such argument").format(name=unknown[0]))
        states, years, where, by = (asked.get(key, ()) for key in keys)
        return list(self._answer(table, states, years, where or None, by if "by" in asked else None).notes)

    def tables(self, *, frame: FrameKind | None = None) -> Any:  # noqa: ANN401 - as query
        """Return the catalogue's tables, and how many slices of each are here from how many states."""
        make = _maker(frame)
        counted = "SELECT table_id, COUNT(DISTINCT state || period), COUNT(DISTINCT state) FROM releases GROUP BY 1"
        with closing(self._archive.open_index()) as index:
            here = {table: (slices, states) for table, slices, states in index.execute(counted)}
        columns: dict[str, list[Any]] = {
            "table": [one.id for one in self._catalogue.tables],
            "name": [one.label() for one in self._catalogue.tables],
            "unit": [one.unit for one in self._catalogue.tables],
            "dimensions": [" ".join(one.dimension_ids) for one in self._catalogue.tables],
            "slices": [here.get(one.id, (0, 0))[0] for one in self._catalogue.tables],
            "states": [here.get(one.id, (0, 0))[1] for one in self._catalogue.tables],
        }
        return make(columns)

    def receipt(self, release: str) -> bytes:
        """Return the ``.tlog-proof`` of a release: that it stands in its state's log, for C2SP tools.

        Args:
            release: Payload id, as the column ``release`` has it.

        Raises:
            UsageError: There is no such release here.
        """
        with closing(self._archive.open_index()) as index:
            found = index.execute(
                "SELECT state, log_index FROM releases WHERE payload_id = ? ORDER BY log_index", (release,)
            ).fetchone()
        if found is None:
            raise UsageError(_("{release}: no such release is here").format(release=release[:64]))
        log = self._archive.log(found[0].lower())
        checkpoint = log.checkpoint() or b""
        return encode_proof(found[1], log.inclusion(found[1]), checkpoint)

    def _answer(
        self,
        table: str,
        states: str | Iterable[str],
        years: int | str | Iterable[int | str],
        where: Mapping[str, str] | None,
        by: str | Iterable[str] | None,
    ) -> Answer:
        try:
            periods = tuple(parse_period(str(year)) for year in _listed(years))
        except MalformedError as error:
            raise UsageError(error.message, hint=error.hint) from None
        summed = self._summed(table, where or {}, by)
        asked = Question(table, tuple(map(str, _listed(states))), dict(where or {}), periods, summed)
        return ask(self._archive, self._catalogue, self._roster, asked)

    def _summed(self, table: str, where: Mapping[str, str], by: str | Iterable[str] | None) -> tuple[str, ...]:
        if by is None:
            return ()
        known = (*self._catalogue.table(table).dimension_ids, *_AROUND)
        kept = [str(name).upper() for name in _listed(by)]
        stray = [name for name in kept if name not in known]
        if stray:
            raise UsageError(
                _("by: '{name}' is no dimension of {table}, state or period").format(name=stray[0][:40], table=table),
                hint=_("there are: {names}").format(names=", ".join(known)),
            )
        fixed = {name.upper() for name in where}
        return tuple(name for name in known if name not in kept and name not in fixed)


def _listed(given: int | str | Iterable[int | str]) -> Sequence[int | str]:
    return (given,) if isinstance(given, (int, str)) else tuple(given)


def _columns(answer: Answer) -> dict[str, list[Any]]:
    """Return an answer as columns; every row has a place in each."""
    names = ("state", "period", "freq", *answer.dimensions, "kind", "value", "low", "high", "noise_sd", "OBS_STATUS")
    names += ("CONF_STATUS", "withheld_cells", "basis", "not_released", "missing", "witnessed", "release", "receipt")
    lines = [_line(answer, row) for row in answer.rows]
    return {name: [line[at] for line in lines] for at, name in enumerate(names)}


def _line(answer: Answer, row: Row) -> tuple[Any, ...]:
    found = [answer.provenance[identity] for identity in row.releases]
    key = (None if code == EVERY else code for code in row.key)
    bounds = (row.value, row.low, row.high, row.noise_sd)
    absent = (" ".join(row.not_released), " ".join(row.missing))
    sources = (
        "; ".join(dict.fromkeys(one.status for one in found)) or None,
        "; ".join(row.releases) or None,
        "; ".join(f"{one.state.lower()}#{one.log_index}" for one in found) or None,
    )
    flags = _FLAGS.get(row.kind, (None, None))
    lead = (TOTAL if row.state is None else row.state, row.period, row.freq)
    return (*lead, *key, row.kind, *bounds, *flags, row.withheld, row.basis, *absent, *sources)


class _Maker:
    """Makes data frames of one library; integers stay integers where some are null."""

    def __init__(self, kind: FrameKind) -> None:
        self._kind, self._library = kind, import_module(kind)

    def __call__(self, columns: Mapping[str, list[Any]]) -> Any:  # noqa: ANN401 - its DataFrame
        library = self._library
        if self._kind == "polars":
            integer, real, text = library.Int64, library.Float64, library.String
            typed = {
                name: library.Series(name, cells, dtype=self._of(name, integer, real, text))
                for name, cells in columns.items()
            }
            return library.DataFrame(typed)
        return library.DataFrame(
            {
                name: library.array(cells, dtype=self._of(name, "Int64", "Float64", "string"))
                for name, cells in columns.items()
            }
        )

    @staticmethod
    def _of(name: str, integer: Any, real: Any, text: Any) -> Any:  # noqa: ANN401 - the libraries' types
        return integer if name in _INTEGERS or name in {"slices", "states"} else real if name == "noise_sd" else text


def _maker(frame: FrameKind | None) -> _Maker:
    if frame is not None and frame not in _KINDS:
        raise UsageError(_("frame: '{name}': pandas or polars").format(name=str(frame)[:40]))
    for kind in _KINDS if frame is None else (frame,):
        if find_spec(kind) is not None:
            return _Maker(kind)
    raise UsageError(
        _("{name} is not installed").format(name=frame or "pandas"),
        hint=_("install it with: pip install 'tallystick[frames]'"),
    )
