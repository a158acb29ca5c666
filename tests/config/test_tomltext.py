"""TOML that costs more than it weighs is refused in words."""

import time
from pathlib import Path

import pytest

from tallystick.config.errors import ConfigError
from tallystick.config.tomltext import parse_toml

HERE = Path("desk.toml")


def test_what_people_write_is_read() -> None:
    prose = "One sentence. Another one. " * 40
    assert parse_toml(f'a.b.c = 1\nd = "{prose}"\n'.encode(), HERE) == {"a": {"b": {"c": 1}}, "d": prose}


@pytest.mark.parametrize(
    "part", ["a = " + "[" * 60_000, "a." * 30_000 + "a = 1", "[" + "a." * 30_000 + "a]", "x = {a=" * 9_000]
)
def test_depth_without_end_is_refused_at_once(part: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match=r"desk\.toml: not TOML"):
        parse_toml(part.encode(), HERE)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("data", [b"\xff", b"a = ", b"a = 1\na = 2"])
def test_what_is_no_toml_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        parse_toml(data, HERE)
