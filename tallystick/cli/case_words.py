"""A record's codes in the reader's words."""

from typing import TYPE_CHECKING

from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.cases.record import CaseRecord

__all__ = ["classification_words", "field_words"]


def classification_words(record: "CaseRecord") -> dict[str, str]:
    """Return what counting reads of a record: title to label, in the order of the tables."""
    from tallystick.node.cases.coding import encode
    from tallystick.node.tables.axes import axis_title, make_axes

    numbers = dict(zip(("year", "sex", "age", "citizenship", "area", "forms"), encode(record)[:6], strict=True))
    numbers["relationship"] = encode(record)[8]
    axes = make_axes((record.year,), {}, detail=True)
    found = {
        axis_title(axis.id): axis.labels[axis.places[numbers[axis.column]]] for axis in axes if axis.column in numbers
    }
    return {_("role"): _("perpetrator") if record.role == "perpetrator" else _("victim"), **found}


def field_words(name: str, text: str) -> tuple[str, str]:
    """Return a field's label and its value with the code list's labels; what has none stays as it is."""
    from tallystick.node.intake.entry import choices
    from tallystick.node.intake.fields import field_rules

    rule = field_rules().get(name)
    if rule is None:
        return name, text
    labels = dict(choices(rule))
    return rule.label or name, "; ".join(labels.get(part, part) for part in text.split(";")) if labels else text
