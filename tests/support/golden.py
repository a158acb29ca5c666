"""The frozen vectors as tests read them: the folder, what is expected of it, the roster that it holds."""

import json
from pathlib import Path
from typing import Any

from tallystick.keys.roster import load_roster
from tallystick.keys.roster_store import read_roster_folder
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.words import anchor_from_words
from tests.vectors.golden_roster import READ_AT
from tests.vectors.make_golden import GOLDEN

EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_bytes())
LISTED: list[dict[str, Any]] = json.loads((GOLDEN / "keys.json").read_bytes())
PACK = GOLDEN / "pack"
ANCHOR = anchor_from_words((GOLDEN / "pack.words").read_text())
ROSTER_FILES = read_roster_folder(PACK / "roster")
ROSTER = load_roster(ROSTER_FILES, anchor=ANCHOR, at=READ_AT)
LOGS = ("kaz", "kgz")
RELEASES = [("kaz", 0), ("kaz", 1), ("kaz", 2), ("kgz", 0)]
"""State and log index of every release; entry 3 of kaz is of an unknown kind."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def identity(cc: str, index: int) -> str:
    found: str = EXPECTED[cc]["payload_ids"][index]
    return found


def envelope(cc: str, index: int) -> bytes:
    return (PACK / cc / "releases" / f"{identity(cc, index)}.dsse.json").read_bytes()


def statement(cc: str, index: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "statements" / f"{identity(cc, index)}.json").read_bytes())
    return found


def log_keys(cc: str) -> tuple[RosterKey, ...]:
    return ROSTER.state(cc).log_keys
