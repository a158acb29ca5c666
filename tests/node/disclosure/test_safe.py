"""Nothing but disclosure control makes a table that can be published."""

import ast
import copy
import inspect
import pickle
import typing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import tallystick
from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import DisclosureError, MalformedError
from tallystick.config.periods import Period
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.exchange.formats.statement import Audit
from tallystick.node.disclosure import AuditFigures, ReleasedSlice, SafeTable, protect_plan, safe
from tests.support.registers import sample, secret_of, year_cubes

ROOT = Path(tallystick.__file__).parent
HOME = ROOT / "node" / "disclosure"
FIELDS: dict[str, Any] = {
    "table_id": "VICTIMS",
    "period": Period(2018, 2018),
    "observations": (Observation((), 9, withheld=False),),
    "method": "keyed",
    "profile": "peer",
    "parameters": {"D": 3},
    "audit": AuditFigures(shown=1, withheld=0, repaired=0, systems=1),
    "added": {},
}


@pytest.fixture(scope="module")
def table() -> SafeTable:
    catalogue, secrets = load_shipped(), secret_of(1)
    return protect_plan(year_cubes(catalogue, sample(30, 1)[0], secrets), [], catalogue, state="KAZ", secrets=secrets)[
        1
    ]


@pytest.mark.parametrize(
    "seal", [None, object(), safe._TableSeal(), "seal"], ids=["none", "object", "another seal", "text"]
)
def test_without_the_seal_there_is_no_safe_table(seal: Any) -> None:
    with pytest.raises(DisclosureError, match="VICTIMS 2018"):
        SafeTable(seal, **FIELDS)


def test_the_seal_is_a_type_of_its_own_so_that_mypy_refuses_anything_else() -> None:
    assert typing.get_type_hints(SafeTable.__init__)["seal"] is safe._TableSeal
    assert next(iter(list(inspect.signature(SafeTable).parameters.values()))).default is inspect.Parameter.empty


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps, lambda one: replace(one, method="none")])
def test_a_safe_table_is_not_copied_pickled_or_replaced(table: SafeTable, way: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        way(table)


@pytest.mark.parametrize("name", ["observations", "audit", "table_id", "period", "method", "parameters", "anything"])
def test_a_safe_table_cannot_be_written_to(table: SafeTable, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(table, name, ())
    with pytest.raises(TypeError):
        table.parameters["k"] = 1  # type: ignore[index]


def _names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


def test_no_other_module_of_tallystick_names_the_seal() -> None:
    naming = {path for path in ROOT.rglob("*.py") if _names(path) & {"_SEAL", "_TableSeal"}}
    assert naming == {HOME / "safe.py", HOME / "protect.py"}


def test_one_place_alone_uses_the_seal() -> None:
    source = (HOME / "protect.py").read_text(encoding="utf-8")
    assert source.count("_SEAL") == 2, "one import, one use"
    assert "SafeTable(" not in "".join(
        path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*.py")
        if path not in {HOME / "protect.py", HOME / "safe.py"}
    )


def test_the_statement_accepts_the_audit_figures(table: SafeTable) -> None:
    audit = Audit.model_validate(table.audit.to_statement())
    assert (audit.intervals, audit.likelihood) == ("passed", "not run")
    assert audit.shown + audit.withheld == len(table.observations)


def test_what_later_audits_need_survives_being_written_down(table: SafeTable) -> None:
    released = table.as_released()
    assert ReleasedSlice.from_dict(released.to_dict()) == released
    added = replace(released, added=MappingProxyType({("F",): ("_T",)}))
    assert ReleasedSlice.from_dict(added.to_dict()) == added


@pytest.mark.parametrize("damage", ["table", "period", "rows", "added"])
def test_unreadable_evidence_is_said_to_be_so_without_a_figure(table: SafeTable, damage: str) -> None:
    document = table.as_released().to_dict()
    document[damage] = None if damage != "rows" else [[["F"], "17"]]
    if damage == "table":
        del document["table"]
    with pytest.raises(MalformedError) as caught:
        ReleasedSlice.from_dict(document)
    assert "17" not in caught.value.message


def test_no_figure_and_no_secret_shows_in_a_representation(table: SafeTable) -> None:
    assert repr(table) == f"SafeTable(VICTIMS_SEX 2018, {table.audit.shown} shown)"
    assert "added" not in repr(table.as_released())
