"""Homes for tests: under a light passphrase derivation, because the passphrase is no secret."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tallystick.config.clock import FixedClock
from tallystick.keys.secrets import GENERATED, FileSecrets
from tallystick.node.home.homes import make_home
from tallystick.node.home.making import HomePlan

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(AT)


@pytest.fixture
def ask(tmp_path: Path) -> FileSecrets:
    path = tmp_path / "passphrase"
    path.write_text("seven quiet rivers cross\n")
    path.chmod(0o600)
    return FileSecrets(path)


@pytest.fixture
def made(tmp_path: Path, ask: FileSecrets, clock: FixedClock) -> Callable[..., tuple[Path, dict[str, bytes]]]:
    """Make a home of KAZ; returns its folder and the desk's raw secrets."""

    def make(*parts: Any, **plan: Any) -> tuple[Path, dict[str, bytes]]:
        kept: dict[str, bytes] = {}

        def keep(secrets: Mapping[str, bytes]) -> None:
            kept.update(secrets)

        home = tmp_path / "home"
        make_home(home, parts, HomePlan("KAZ", "Ministry", **plan), ask, clock, keep, work=GENERATED)
        return home, kept

    return make
