"""Documentation that cannot rot: every command and setting is described, every page and link is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tallystick.cli.main import COMMANDS, build_app
from tallystick.config.settings import BorderSettings, DeskSettings, PeerSettings, TableMetadata

ROOT = Path(__file__).resolve().parents[2]
OPERATING = ROOT / "docs" / "OPERATING.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command with its name, or those of a group, and of groups in it."""
    group = getattr(command, "commands", None)
    if not group:
        yield name, command
        return
    for sub, found in group.items():
        yield from below(f"{name} {sub}", found)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command as it is typed, such as ``tallystick release draft``, and what it is made of."""
    group: Any = typer.main.get_command(build_app("*"))
    for name in COMMANDS:
        yield from below(f"tallystick {name}", group.commands[name])


def settings() -> Iterator[str]:
    for model in (DeskSettings, BorderSettings, PeerSettings, TableMetadata):
        yield from model.model_fields


def test_every_command_is_described_for_operators() -> None:
    text = OPERATING.read_text()
    assert [name for name, _command in commands() if name not in text] == []


def test_every_command_can_speak_to_a_script() -> None:
    spoken = {name: {option for part in command.params for option in part.opts} for name, command in commands()}
    assert [name for name, options in spoken.items() if "--json" not in options] == []


def test_every_setting_is_described_for_operators() -> None:
    text = OPERATING.read_text()
    assert sorted({name for name in settings() if f"`{name}`" not in text}) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_that_is_named_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"\bdocs/[A-Za-z0-9_/.-]+\.md\b", page.read_text()):
        assert (ROOT / target).exists(), target
