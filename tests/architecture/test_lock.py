"""The locks pin what pyproject.toml asks for, with digests and no addresses, and this environment came from them."""

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from scripts import lock


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the locks, which a test may spoil."""
    copy = tmp_path / "requirements"
    shutil.copytree(lock.FOLDER, copy)
    monkeypatch.setattr(lock, "FOLDER", copy)
    return copy


def test_the_locks_answer_pyproject() -> None:
    assert list(lock.problems()) == []


def test_every_combination_that_is_shipped_has_a_lock() -> None:
    extras = set(lock.project()["optional-dependencies"])
    assert extras == {extra for extras in lock.LOCKS.values() for extra in extras} | set(lock.ALONE)
    assert sorted(path.stem for path in lock.FOLDER.glob("*.lock")) == sorted([*lock.LOCKS, *lock.ALONE])


def test_every_pin_has_a_digest_for_every_file() -> None:
    for path in lock.FOLDER.glob("*.lock"):
        assert all(pin.sha256 for pin in lock.read(path))


def test_what_is_installed_here_is_what_is_locked() -> None:
    pins = [pin for pin in lock.read(lock.FOLDER / "dev.lock") if pin.applies()]
    other = {pin.name: version(pin.name) for pin in pins if version(pin.name) != pin.version}
    assert other == {}, "make setup"


def _older(text: str) -> str:
    pin = next(pin for pin in lock.read(lock.FOLDER / "base.lock") if pin.name == "cryptography")
    return text.replace(f"cryptography=={pin.version}", "cryptography==3.4")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_older, "cryptography>=48 is asked for, 3.4 is locked"),
        (_older, "cryptography 3.4 is not what dev.lock has"),
        (lambda text: text.replace("requirements of digest ", "requirements of digest 0"), "not made from what"),
        (lambda text: f"{text}# see https://example.org\n", "names an address"),
    ],
)
def test_a_lock_that_does_not_fit_is_named(locks: Path, spoil: Callable[[str], str], said: str) -> None:
    path = locks / "base.lock"
    path.write_text(spoil(path.read_text()))
    assert any(said in problem and "base.lock" in problem for problem in lock.problems())


def test_a_new_requirement_asks_for_a_new_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dict(lock.project())
    table["dependencies"] = [*table["dependencies"], "some-package>=1"]
    monkeypatch.setattr(lock, "project", lambda: table)
    said = list(lock.problems())
    assert any("base.lock: not made from what" in problem for problem in said)
    assert any("some-package>=1 is asked for, nothing is locked" in problem for problem in said)


@pytest.mark.parametrize(
    "line",
    [
        "typer==0.29.2\n",
        "typer>=0.29 --hash=sha256:" + "a" * 64 + "\n",
        "--index-url file:///somewhere\n",
        "typer @ file:///somewhere/typer.whl --hash=sha256:" + "a" * 64 + "\n",
    ],
)
def test_a_line_that_is_no_pin_with_digests_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "odd.lock"
    path.write_text(line)
    with pytest.raises(ValueError, match="not a pinned package with digests"):
        lock.read(path)
