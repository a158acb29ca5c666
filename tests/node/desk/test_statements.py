"""What a statement says beside the figures is made from what is published, and from nothing else."""

from types import SimpleNamespace
from typing import cast

import pytest

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import DisclosureError
from tallystick.node.desk import statements
from tallystick.node.desk.evidence import DraftContext
from tallystick.node.desk.statements import build_statement, share_unknown
from tallystick.node.disclosure import protect_plan
from tests.support.drafts import observations
from tests.support.registers import sample, secret_of, year_cubes

CATALOGUE = load_shipped()
METADATA = {
    "reference_date_basis": "by first interview",
    "legal_definition": "Criminal Code, art. 128",
    "sources": "police",
    "contact": "desk",
    "handling": "GREEN",
}


def said(table_id: str, **shown: int) -> str | None:
    table = CATALOGUE.table(table_id)
    return share_unknown(
        CATALOGUE, table, observations(CATALOGUE, table_id, {k.replace("x_", "_"): v for k, v in shown.items()})
    )


@pytest.mark.parametrize(
    ("unknown", "words"),
    [
        (0, "none"), (1, "under 5 %"), (5, "5 to 10 %"), (10, "10 to 25 %"), (25, "25 to 50 %"), (50, "50 % or more"),
    ],
)  # fmt: skip
def test_bands_hold_at_their_edges(unknown: int, words: str) -> None:
    assert said("VICTIMS_SEX", F=100 - unknown, x_U=unknown) == f"SEX {words}"


def test_a_withheld_unknown_is_not_told() -> None:
    assert said("VICTIMS_SEX", F=60, M=40) == "SEX withheld"


def test_a_table_without_such_a_code_says_nothing() -> None:
    assert said("VICTIMS", **{"": 100}) is None


def test_nothing_shown_at_all_is_withheld_not_a_division_by_zero() -> None:
    assert said("VICTIMS_SEX") == "SEX withheld"


def test_codes_of_which_several_apply_have_no_share_of_anything() -> None:
    assert said("VICTIMS_FORM_NAMED", SX=60, FL=60, x_U=30) is None
    assert said("VICTIMS_CONTROL", DEBT=60, x_U=30) is None


def test_a_table_that_does_not_add_up_says_so_in_its_statement() -> None:
    people, secrets = sample(60, 1)[0], secret_of(1)
    context = cast(
        "DraftContext",
        SimpleNamespace(metadata=SimpleNamespace(**METADATA), cut_off="2024-01-01", censored=False, comparisons={}),
    )
    for safe in protect_plan(year_cubes(CATALOGUE, people, secrets), [], CATALOGUE, state="KAZ", secrets=secrets):
        table = CATALOGUE.table(safe.table_id)
        said_of = statements._metadata(context, CATALOGUE, table, safe)
        assert said_of.notes.startswith("a person may stand under several codes") == bool(table.multiple)
        assert said_of.notes.endswith("contact: desk")
        victims = table.universe == "victims"
        assert (said_of.reference_date_basis == "by first interview") == victims
        assert (said_of.legal_definition == "Criminal Code, art. 128") == victims
        assert (safe.audit.persons_shown is None) == bool(table.multiple)


def test_a_published_margin_is_preferred_to_a_sum_of_cells() -> None:
    table = CATALOGUE.table("VICTIMS_CORRIDOR")
    margin = {f"{code}|_T": 10 for code in CATALOGUE.codes(table, "CITIZENSHIP")}
    text = share_unknown(CATALOGUE, table, observations(CATALOGUE, table.id, margin | {"_U|KAZ": 10**6}))
    assert text == "CITIZENSHIP 5 to 10 %; EXPLOITATION_AREA withheld"


def test_only_a_safe_table_becomes_a_statement() -> None:
    with pytest.raises(DisclosureError):
        build_statement(None, CATALOGUE, object(), b"", "00" * 32)
