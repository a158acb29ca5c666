"""A run is in the register whole or not at all, wherever the process dies; the next run continues."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.config.errors import StoreError
from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register
from tests.support.cases import a_record, a_run
from tests.support.faults import serve
from tests.support.killing import every_step, run_and_kill

KEYS = (b"r" * 32, b"i" * 32)
HELD = [a_record(number) for number in range(12)]
RUN = [a_record(number, sex="M") for number in range(6, 24)]
"""Six that change, six that stay out, twelve that are new."""


def _make(folder: Path) -> None:
    folder.mkdir()
    create_register(folder, *KEYS)
    with open_register(folder, *KEYS) as store:
        store.ingest(a_run(), HELD)


def _import(folder: Path) -> None:
    with open_register(folder, *KEYS) as store:
        store.ingest(a_run("second.csv"), RUN)


def _state(store: SqlCaseStore) -> str:
    """Say which of the two states the register is in; anything else fails."""
    found = (store.count(), len(store.runs()), sorted(store.coded_rows(2019).sex.tolist()))
    states = {(12, 1, (1,) * 12): "before", (24, 2, (1,) * 6 + (2,) * 18): "after"}
    return states[(found[0], found[1], tuple(found[2]))]


def _check_and_continue(folder: Path) -> str:
    with open_register(folder, *KEYS) as store:
        state = _state(store)
        report = store.ingest(a_run("second.csv"), RUN)
        assert (report.added, report.replaced) == ((12, 6) if state == "before" else (0, 0))
        assert store.count() == 24
        for row in store.coded_rows(2019).person_ids:
            assert store.identity(row.tobytes()) is not None
        assert len(list(store.versions("Shelter", "case-7"))) == 2
    return state


def crash_everywhere(root: str) -> list[str]:
    """Runs in a process of its own: one fork, one kill, one check per change that an import makes to a file."""
    base, work = Path(root) / "base", Path(root) / "work"
    _make(base)
    states = []
    for step in every_step():
        shutil.copytree(base, work)
        done = run_and_kill(lambda: _import(work), step, root=work)
        states.append(_check_and_continue(work))
        shutil.rmtree(work)
        if done:
            break
    return states


def test_a_kill_at_any_write_of_an_import_leaves_all_or_nothing(tmp_path: Path) -> None:
    states = serve("tests.node.cases.test_crash:crash_everywhere", str(tmp_path))
    assert len(states) > 20
    assert states[-1] == "after"
    assert states == sorted(states, reverse=True), "once committed, a later crash must not undo"
    assert "before" in states


def test_a_kill_while_making_a_register_leaves_nothing_half_made(tmp_path: Path) -> None:
    for step in every_step():
        folder = tmp_path / str(step)
        folder.mkdir()
        finished = run_and_kill(lambda here=folder: create_register(here, *KEYS), step)
        if not finished and not (folder / "register.db").exists():
            create_register(folder, *KEYS)
        with open_register(folder, *KEYS) as store:
            assert store.count() == 0
        if finished:
            break


def _killed_inside(folder: Path, opcodes: int) -> bool:
    """Import in a child that dies when SQLite has run ``opcodes`` thousand instructions; needs no compiler."""

    def action() -> None:
        store = open_register(folder, *KEYS)
        calls = iter(range(opcodes))

        def tick() -> int:
            if next(calls, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return 0

        store._database.conn.set_progress_handler(tick, 100)
        store.ingest(a_run("second.csv"), RUN)

    return not run_and_kill(action, step=10**9)


def test_a_kill_between_statements_leaves_the_register_as_it_was(tmp_path: Path) -> None:
    _make(tmp_path / "base")
    for opcodes in every_step():
        work = tmp_path / "work"
        shutil.copytree(tmp_path / "base", work)
        died = _killed_inside(work, opcodes * 3)
        assert _check_and_continue(work) == ("before" if died else "after")
        shutil.rmtree(work)
        if not died:
            break


def test_a_failure_between_the_two_files_is_undone_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path / "base")
    with open_register(tmp_path / "base", *KEYS) as store:
        keyring = store._keyring
        assert keyring is not None
        real: Callable[[], None] = keyring.commit

        def commit_then_fail() -> None:
            real()
            raise StoreError("the disk is full")

        monkeypatch.setattr(keyring, "commit", commit_then_fail)
        with pytest.raises(StoreError, match="disk is full"):
            store.ingest(a_run("second.csv"), RUN)
        assert _state(store) == "before"
    assert _check_and_continue(tmp_path / "base") == "before"
