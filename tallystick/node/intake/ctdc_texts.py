"""CTDC's concatenated columns against its flags: they say the same thing twice, and sometimes not the same.

``Forced labour;Sexual exploitation`` stands beside ``isForcedLabour`` and ``isSexualExploit``. The flags decide; what
a text names and no flag says anything about is taken from the text; where the two contradict each other, or the text
names what CTDC has no column for, the row stays, the text is not kept, and the change is reported.

The texts' spellings are in no public code list. Those of forms of exploitation, labour and sex, and of recruiters,
were seen in published analyses of the dataset; the others follow from the columns' own names.
"""

from collections.abc import Mapping
from functools import cache

from tallystick.config.i18n import _
from tallystick.node.intake.ctdc_values import EMPTY, flag_columns
from tallystick.node.intake.rows import Change

__all__ = ["TEXTS", "Flags", "check_texts"]

Flags = dict[str, bool | None]
TEXTS: Mapping[str, str] = {
    "meansOfControlConcatenated": "meansOfControl",
    "typeOfExploitConcatenated": "is",
    "typeOfLabourConcatenated": "typeOfLabour",
    "typeOfSexConcatenated": "typeOfSex",
    "RecruiterRelationship": "recruiterRelation",
}
"""Column of texts to what the names of its flags begin with."""
_SPELLINGS = {
    "is": {
        "sexualexploitation": "isSexualExploit",
        "other": "isOtherExploit",
        "combinedsexualandlabourexploitation": "isSexAndLabour",
        "slaveryandsimilarpractices": "isSlaveryAndPractices",
    },
    "recruiterRelation": {
        "familyrelative": "recruiterRelationFamily",
        "friendacquaintance": "recruiterRelationFriend",
        "notspecified": "recruiterRelationUnknown",
    },
}
_OUTSIDE = frozenset({"isAbduction"})
"""Begins like a form of exploitation, and is none."""
_SAY_NOTHING = frozenset({"unknown", "notspecified"})
_LEFT_UNSAID = frozenset(
    {"isSexAndLabour", "meansOfControlNotSpecified", "typeOfLabourNotSpecified", "recruiterRelationUnknown"}
)
"""Flags that a text may leave out without contradicting them: they add nothing to the others."""


def _plain(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalpha())


@cache
def _names(prefix: str) -> Mapping[str, str]:
    """Return what a text may call each flag of a group."""
    flags = [name for name in flag_columns() if name.startswith(prefix) and name not in _OUTSIDE]
    return {_plain(name.removeprefix(prefix)): name for name in flags} | _SPELLINGS.get(prefix, {})


def check_texts(cells: Mapping[str, str], flags: Flags) -> list[Change]:
    """Hold each text of a row against its flags; return what was not taken as it stood.

    Args:
        cells: The row.
        flags: What the row's own columns say; flags that only a text names are added.
    """
    found = (_check(column, prefix, cells.get(column, ""), flags) for column, prefix in TEXTS.items())
    return [change for change in found if change is not None]


def _check(column: str, prefix: str, text: str, flags: Flags) -> Change | None:
    if text in EMPTY:
        return None
    names = _names(prefix)
    parts = [part.strip() for part in text.split(";") if part.strip()]
    named = {names[_plain(part)] for part in parts if _plain(part) in names}
    strangers = [part for part in parts if _plain(part) not in names and _plain(part) not in _SAY_NOTHING]
    denied = {name for name in named if flags.get(name) is False}
    unsaid = {name for name in set(names.values()) if flags.get(name)} - named - _LEFT_UNSAID
    for name in named - denied:
        flags[name] = True
    if not (strangers or denied or unsaid):
        return None
    reasons = []
    if denied or unsaid:
        about = ", ".join(sorted(denied | unsaid))
        reasons.append(_("the row's own columns say otherwise and are taken: {names}").format(names=about))
    if strangers:
        reasons.append(_("CTDC has no column for a part of it"))
    became = ";".join(sorted(name.removeprefix(prefix) for name in set(names.values()) if flags.get(name)))
    return Change(column, text, became, "; ".join(reasons))
