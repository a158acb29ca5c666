"""The shape that the promises rest on: what is linked, what imports what, what may not be reachable."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("proto", "node", "exchange", "keys", "config")
SOURCES = sorted(
    path for path in (ROOT / "tallystick").rglob("*.py") if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
)


def run_python(code: str, **environment: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_the_top_of_the_repository_shows_the_rooms_as_links_not_copies(room: str) -> None:
    assert (ROOT / room).is_symlink()
    assert str((ROOT / room).readlink()) == f"tallystick/{room}"


def test_layers_hold() -> None:
    answer = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


LOADED = """
import importlib, json, sys
for name in {modules!r}: importlib.import_module(name)
print(json.dumps([name for name in sys.modules if name.startswith({banned!r})]))
"""


def loaded_by(modules: tuple[str, ...], banned: tuple[str, ...]) -> list[str]:
    found: list[str] = json.loads(run_python(LOADED.format(modules=modules, banned=banned)))
    return found


BORDER = ("border.main", "service", "pull", "archive", "query")
CASE_SIDE = ("tallystick.node", "sqlcipher3", "sqlite_utils", "tallystick.proto.home", "numpy", "highspy")


def test_the_border_has_no_import_path_to_a_case_store() -> None:
    assert loaded_by(tuple(f"tallystick.exchange.{room}" for room in BORDER), CASE_SIDE) == []


HEAVY = ("grpc", "numpy", "cryptography", "pydantic", "tuf", "sqlcipher3")


def test_import_tallystick_loads_nothing_heavy() -> None:
    assert loaded_by(("tallystick",), HEAVY) == []


NOT_FOR_VERIFY = ("numpy", "highspy", "sqlcipher3", "sqlite_utils", "grpc", "openpyxl")


def test_verify_needs_no_database_no_solver_no_wire() -> None:
    assert loaded_by(("tallystick.cli.main", "tallystick.cli.verify"), NOT_FOR_VERIFY) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_absolute_and_never_by_the_short_name(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            assert (node.module or "").split(".")[0] not in ROOMS, (
                f"line {node.lineno}: other people's packages bear that name"
            )
        elif isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & set(ROOMS), f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_outgrows_its_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
