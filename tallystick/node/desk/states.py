"""The one state machine of publication: what a slice's row may be, and what it may become.

    drafted -> refused | signed
    signed -> refused | logged
    logged -> witnessed | superseded | withdrawn
    witnessed -> superseded | withdrawn

``signed`` is the short time between "two officers' signatures were put together" and "the log has it"; the envelope
is durable before the log is touched, so that a restart logs the very same bytes. Nothing leads out of ``refused``,
``superseded`` and ``withdrawn``. Where a DEMO roster has quorum ``none``, ``logged`` is where a release stays.
"""

from enum import StrEnum

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _

__all__ = ["IN_LOG", "LEFT_OR_MAY_LEAVE", "TRANSITIONS", "PublicationState", "check_transition", "state_label"]


class PublicationState(StrEnum):
    """Where a release stands."""

    DRAFTED = "drafted"
    REFUSED = "refused"
    SIGNED = "signed"
    LOGGED = "logged"
    WITNESSED = "witnessed"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


_S = PublicationState

TRANSITIONS: dict[PublicationState, frozenset[PublicationState]] = {
    _S.DRAFTED: frozenset({_S.REFUSED, _S.SIGNED}),
    _S.SIGNED: frozenset({_S.REFUSED, _S.LOGGED}),
    _S.LOGGED: frozenset({_S.WITNESSED, _S.SUPERSEDED, _S.WITHDRAWN}),
    _S.WITNESSED: frozenset({_S.SUPERSEDED, _S.WITHDRAWN}),
    _S.REFUSED: frozenset(),
    _S.SUPERSEDED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
"""From each state, those that may follow."""

IN_LOG = frozenset({_S.LOGGED, _S.WITNESSED, _S.SUPERSEDED, _S.WITHDRAWN})
"""States of a slice that stands in the log; what was logged stays logged."""

LEFT_OR_MAY_LEAVE = frozenset(_S) - {_S.REFUSED}
"""States that the attack audit reckons with: a draft that waits for signatures may be out tomorrow."""


def check_transition(slice_name: str, old: PublicationState, new: PublicationState) -> None:
    """Refuse a step that the table does not hold.

    Args:
        slice_name: Period and table, for the message.
        old: Where the release stands.
        new: Where it shall go.

    Raises:
        StoreError: No such step.
    """
    if new in TRANSITIONS[old]:
        return
    following = ", ".join(sorted(state_label(state) for state in TRANSITIONS[old]))
    raise StoreError(
        _("{slice} is {old} and cannot become {new}").format(
            slice=slice_name, old=state_label(old), new=state_label(new)
        ),
        hint=_("from there only: {states}").format(states=following) if following else _("this is final"),
    )


def state_label(state: PublicationState) -> str:
    """Return a state's name in the reader's language."""
    return {
        _S.DRAFTED: _("drafted"),
        _S.REFUSED: _("refused"),
        _S.SIGNED: _("signed"),
        _S.LOGGED: _("logged"),
        _S.WITNESSED: _("witnessed"),
        _S.SUPERSEDED: _("superseded"),
        _S.WITHDRAWN: _("withdrawn"),
    }[state]
