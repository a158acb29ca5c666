"""No reader of outside bytes is forgotten: its name says what it is, and the table or the list of exceptions has it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz import parsers, parsers_home

PARSERS = (*parsers.PARSERS, *parsers_home.PARSERS)
EXPLAINED = parsers.EXPLAINED | parsers_home.EXPLAINED
SOURCE = Path(__file__).resolve().parents[2] / "tallystick"
ROOMS = ("exchange", "keys", "config", "node/intake", "node/known")
PREFIXES = ("parse_", "read_", "load_", "decode_")


def readers(source: Path = SOURCE) -> Iterator[str]:
    """Every public function at the top of a module, and every public class's method, that bears such a name."""
    for room in ROOMS:
        for path in sorted((source / room).rglob("*.py")):
            module = path.relative_to(source).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                holders = [("", node)] if isinstance(node, ast.FunctionDef) else []
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    holders = [(f"{node.name}.", part) for part in node.body if isinstance(part, ast.FunctionDef)]
                for owner, part in holders:
                    if part.name.startswith(PREFIXES):
                        yield f"{module}.{owner}{part.name}"


def covered() -> set[str]:
    return {name for parser in PARSERS for name in parser.covers}


def test_every_reader_stands_in_the_table_or_is_explained() -> None:
    assert sorted(set(readers()) - covered() - set(EXPLAINED)) == []


def test_nothing_stands_in_the_table_that_is_not_there() -> None:
    private = {"exchange.border.outbox._read_message", "exchange.spool.frame.decode"}
    assert sorted((covered() | set(EXPLAINED)) - set(readers()) - private) == []
    assert covered() & set(EXPLAINED) == set()
    assert all(len(reason) > 20 for reason in EXPLAINED.values())


def test_a_new_reader_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "new.py").write_text("def parse_it(data): ...\nclass One:\n    def load_all(self): ...\n")
    assert list(readers(tmp_path)) == ["keys.new.parse_it", "keys.new.One.load_all"]


def test_names_are_one_each() -> None:
    names = [parser.name for parser in PARSERS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_every_parser_has_files_that_hold(parser: object) -> None:
    assert all(isinstance(seed, bytes) for seed in parser.seeds())  # type: ignore[attr-defined]
    assert parser.seeds()  # type: ignore[attr-defined]
