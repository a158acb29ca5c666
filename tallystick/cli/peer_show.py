"""How peers, pulls and alarms are shown: as JSON and in words."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tallystick.cli.output import say
from tallystick.config.i18n import _, ngettext

if TYPE_CHECKING:
    from tallystick.exchange.border.state import Alarm, PeerStanding

__all__ = ["alarm_document", "show_alarm", "show_pull", "standing_document"]


def standing_document(url: str, found: "PeerStanding") -> dict[str, Any]:
    """Return how a peer stands, as JSON."""
    return {
        "url": url,
        "entries": found.size,
        "new": found.new,
        "tried": found.tried or None,
        "succeeded": found.succeeded,
        "failures": found.failures,
        "error": found.error,
        "hint": found.hint,
        "notes": list(found.notes),
    }


def alarm_document(found: "Alarm") -> dict[str, Any]:
    """Return an alarm as JSON."""
    names = ("number", "state", "kind", "message", "first_at", "last_at", "times")
    return {name: getattr(found, name) for name in names}


def show_pull(found: Mapping[str, "PeerStanding"], notes: Sequence[str]) -> None:
    """Say how a round of pulling went, peer by peer."""
    for note in notes:
        say(note)
    for state, standing in found.items():
        if standing.error:
            word = _("refused") if standing.refused else _("not reached")
            say(f"{state}  {word}: {standing.error}")
            if standing.hint:
                say(f"     {_('hint:')} {standing.hint}")
            continue
        say(f"{state}  {_progress_words(standing)}")
        for note in standing.notes:
            say(f"     {note}")


def _progress_words(standing: "PeerStanding") -> str:
    if not standing.size:
        return _("has released nothing yet")
    whole = ngettext("log of {count} entry", "log of {count} entries", standing.size).format(count=standing.size)
    if not standing.new:
        return _("nothing new ({whole})").format(whole=whole)
    return _("{count} new, verified and kept ({whole})").format(count=standing.new, whole=whole)


def _kind(kind: str) -> str:
    words = {"split view": _("SPLIT VIEW"), "rollback": _("ROLLBACK"), "roster split": _("ROSTER SPLIT")}
    return words.get(kind, kind)


def show_alarm(found: "Alarm") -> None:
    """Say what a person must look at."""
    say(f"{found.number}. {found.state}  {_kind(found.kind)}  {found.first_at}")
    say(f"   {found.message}")
    if found.times > 1:
        say(_("   seen {count} times, last {at}").format(count=found.times, at=found.last_at))
