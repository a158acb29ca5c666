"""What is asked, checked against the catalogue and the roster before anything is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tallystick.config.catalogue import TOTAL, Catalogue, TableDefinition
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.keys.roster_types import Roster

__all__ = ["Question", "Resolved", "resolve"]

STATE, PERIOD = "STATE", "PERIOD"
_NOT_PUBLISHING = {"facilitator"}


@dataclass(frozen=True)
class Question:
    """A question over one table; codes and names in any case.

    Attributes:
        table: Table id.
        states: Alpha-3 codes; empty for every state of the roster.
        where: Dimension to the one code asked for; ``_T`` where the table carries that margin itself.
        periods: Years and blocks; empty for all that anybody released.
        sum_over: Dimensions, ``state``, ``period``.
    """

    table: str
    states: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    periods: tuple[Period, ...] = ()
    sum_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """A question whose every name is known.

    Attributes:
        table: The definition.
        states: Alpha-3 codes in the roster's order.
        fixed: Dimension to code.
        summed: Dimensions summed out.
        over_state: Sum over states.
        over_period: Sum over periods of one frequency.
        periods: Asked for; empty for all.
    """

    table: TableDefinition
    states: tuple[str, ...]
    fixed: Mapping[str, str]
    summed: frozenset[str]
    over_state: bool
    over_period: bool
    periods: tuple[Period, ...]


def _known(name: str, given: str, known: tuple[str, ...], what: str) -> str:
    if name not in known:
        raise UsageError(
            _("'{given}' is no {what}").format(given=given[:40], what=what),
            hint=_("there are: {names}").format(names=", ".join(known)),
        )
    return name


def _states(asked: tuple[str, ...], roster: Roster) -> tuple[str, ...]:
    known = tuple(code for code, state in roster.states.items() if state.role not in _NOT_PUBLISHING)
    wanted = {_known(code.upper(), code, known, _("state of this federation")) for code in asked}
    return tuple(code for code in known if not wanted or code in wanted)


def _fixed(where: Mapping[str, str], table: TableDefinition, catalogue: Catalogue) -> dict[str, str]:
    fixed = {}
    for given, code in where.items():
        name = _known(given.upper(), given, table.dimension_ids, _("dimension of {table}").format(table=table.id))
        known = catalogue.codes(table, name)
        if any(name not in margin for margin in table.margins):
            known = (*known, TOTAL)
        fixed[name] = _known(code.upper(), code, known, _("code of {dimension}").format(dimension=name))
    return fixed


def resolve(question: Question, catalogue: Catalogue, roster: Roster) -> Resolved:
    """Check every name of a question.

    Raises:
        UsageError: A state, dimension or code that is not there, or one that is both fixed and summed over; the hint
            lists those there are.
        ConfigError: No such table.
    """
    table = catalogue.table(question.table)
    fixed = _fixed(question.where, table, catalogue)
    allowed = (*table.dimension_ids, STATE, PERIOD)
    summed = {
        _known(name.upper(), name, allowed, _("dimension of {table}, state or period").format(table=table.id))
        for name in question.sum_over
    }
    several = sorted(summed & table.multiple)
    if several:
        raise UsageError(
            _("{table}: {name} cannot be summed over: a person may stand under several of its codes").format(
                table=table.id, name=several[0]
            ),
            hint=_("ask for each code by itself, or for a table that counts every person once"),
        )
    both = sorted(summed & set(fixed))
    if both:
        raise UsageError(
            _("{name} is both fixed to one code and summed over").format(name=both[0]),
            hint=_("leave one of the two out"),
        )
    return Resolved(
        table=table,
        states=_states(question.states, roster),
        fixed=fixed,
        summed=frozenset(summed - {STATE, PERIOD}),
        over_state=STATE in summed,
        over_period=PERIOD in summed,
        periods=tuple(dict.fromkeys(question.periods)),
    )
