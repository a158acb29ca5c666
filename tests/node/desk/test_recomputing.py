"""Recomputing: from the sealed evidence to the same bytes, and every change to either is found."""

from pathlib import Path

import pytest

from tallystick.config.errors import TallystickError, UsageError, VerificationError
from tallystick.config.periods import parse_period
from tallystick.keys.secrets import GENERATED, seal_secret
from tallystick.node.cases.opening import SECRET_PURPOSES
from tests.support.desks import DeskHome, Phrase

BLOCK = parse_period("2018-2020")
Y2018 = parse_period("2018")


@pytest.mark.parametrize(("period", "table_id"), [("2018", "VICTIMS_SEX"), ("2018-2020", "victims_corridor")])
def test_a_draft_follows_from_its_evidence(drafted: DeskHome, period: str, table_id: str) -> None:
    with drafted.open() as desk:
        found = desk.recompute(parse_period(period), table_id)
    assert len(found.checks) == 4


def test_a_logged_release_is_compared_with_signatures_and_log_too(drafted: DeskHome) -> None:
    drafted.sign("2018")
    with drafted.open() as desk:
        desk.publish()
        assert len(desk.recompute(Y2018, "VICTIMS_AGE").checks) == 6


def test_the_register_is_neither_needed_nor_looked_at(drafted: DeskHome) -> None:
    for path in drafted.folder.glob("register.db*"):
        path.unlink()
    for path in drafted.folder.glob("keyring.db*"):
        path.unlink()
    with drafted.open() as desk:
        assert desk.recompute(BLOCK, "VICTIMS_SEX_AGE").checks


def test_later_drafts_and_refusals_do_not_change_what_an_earlier_one_was_made_of(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        desk.draft(Y2018)
        desk.refuse(Y2018, "VICTIMS_FORM", "no")
        desk.draft(parse_period("2019"))
        desk.draft(parse_period("2020"))
        desk.draft(BLOCK)
        for name in ("VICTIMS_SEX", "VICTIMS_FORM"):
            assert desk.recompute(Y2018, name).checks


def test_what_was_never_drafted_cannot_be_recomputed(fresh: DeskHome) -> None:
    with fresh.open() as desk, pytest.raises(UsageError, match="never drafted"):
        desk.recompute(Y2018, "VICTIMS")


def test_another_noise_secret_gives_other_figures_and_is_found(drafted: DeskHome) -> None:
    path = drafted.folder / "secrets" / "noise.secret"
    path.write_bytes(seal_secret(bytes([9]) * 32, Phrase(), SECRET_PURPOSES["noise"], work=GENERATED))
    with drafted.open() as desk, pytest.raises(VerificationError, match="figures follow"):
        desk.recompute(BLOCK, "VICTIMS_CORRIDOR")


@pytest.mark.parametrize(
    ("trigger", "sql", "words"),
    [
        ("publication_stays", "UPDATE publication SET salt = zeroblob(32)", "commitment"),
        ("publication_stays", "UPDATE publication SET data = CAST(data || x'0a' AS BLOB)", "figures follow"),
        ("publication_stays", "UPDATE publication SET sealed = CAST(sealed || ' ' AS BLOB)", "later audits"),
        (
            "draft_stays",
            "UPDATE draft SET context = CAST(replace(CAST(context AS TEXT), '2021-03-01\"', '2021-03-02\"') AS BLOB)",
            "statement follows",
        ),
        (
            "frozen_year_stays",
            "UPDATE frozen_year SET cubes = CAST(replace(CAST(cubes AS TEXT), '[86]', '[87]') AS BLOB)",
            "commitment",
        ),
    ],
)
def test_tampered_evidence_is_found(drafted: DeskHome, trigger: str, sql: str, words: str) -> None:
    with drafted.open() as desk:
        with desk._bench.database.transaction():
            desk._bench.database.write(f"DROP TRIGGER {trigger}")
            assert desk._bench.database.write(sql) > 0
        with pytest.raises(TallystickError, match=words):
            desk.recompute(Y2018, "VICTIMS")


def test_an_entry_changed_in_the_log_folder_is_found(drafted: DeskHome) -> None:
    drafted.sign("2018")
    with drafted.open() as desk:
        desk.publish()
        bundle: Path = next((drafted.folder / "log" / "kaz" / "tile" / "entries").rglob("4"))
        data = bytearray(bundle.read_bytes())
        data[40] ^= 1
        bundle.write_bytes(bytes(data))
        with pytest.raises(TallystickError):
            desk.recompute(Y2018, "VICTIMS")
