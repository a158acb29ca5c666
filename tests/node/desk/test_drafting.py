"""Drafting: counted once, protected against everything that may be out, the same bytes ever after."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tallystick.config.errors import ConfigError, DisclosureError, KeyNotTrustedError, StoreError, UsageError
from tallystick.config.periods import parse_period
from tallystick.node.desk import drafting, protecting
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.evidence import commitment, exact_counts
from tallystick.node.desk.folder import read_draft
from tallystick.node.desk.plan import plan_hash
from tests.support.catalogues import six_tables
from tests.support.desks import DeskHome, Phrase, make_desk_home

Y2018, BLOCK = parse_period("2018"), parse_period("2018-2020")
YEARLY = ["VICTIMS", "VICTIMS_SEX", "VICTIMS_AGE", "VICTIMS_FORM"]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def counter() -> Callable[[int], bytes]:
    """Reproducible randomness."""
    state = [0]

    def take(size: int) -> bytes:
        state[0] += 1
        return state[0].to_bytes(size, "big")

    return take


def test_a_year_is_drafted_whole_and_every_folder_can_be_shown(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        rows = desk.draft(Y2018)
    assert [row.table_id for row in rows] == YEARLY
    for row in rows:
        draft = read_draft(fresh.folder / "drafts" / "2018" / row.table_id)
        assert (draft.payload, draft.data) == (row.payload, row.data)
        assert draft.payload_id == row.payload_id


def test_the_statement_says_all_that_the_design_asks_for(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        row = desk.draft(Y2018)[1]
        salt_opens = commitment(
            row.salt,
            exact_counts(six_tables(), six_tables().table("VICTIMS_SEX"), "KAZ", desk._bench.evidence.cubes(Y2018)[1]),
        )
        roster = desk._bench.roster()
    said = row.statement.predicate
    assert (said.issuer, said.federation, said.demo) == ("KAZ", roster.federation_id, True)
    assert (said.table.id, said.slice.period, said.slice.freq) == ("VICTIMS_SEX", "2018", "A")
    assert (said.revision, said.supersedes, said.audience, said.handling) == (1, None, "federation", "TLP:GREEN")
    assert (said.method.id, said.method.profile) == ("keyed", "peer")
    assert said.plan == plan_hash(six_tables(), "KAZ", Y2018, method="keyed", profile="peer")
    assert (said.audit.intervals, said.audit.likelihood) == ("passed", "not run")
    assert said.metadata.cut_off == "2021-03-01"
    assert said.metadata.unit == "persons"
    assert said.metadata.censored is False
    assert said.commitment.value == salt_opens


def test_drafting_again_gives_the_same_bytes_and_brings_lost_folders_back(drafted: DeskHome) -> None:
    before = everything(drafted.folder / "drafts")
    drafted.clock.at = datetime(2023, 1, 1, tzinfo=UTC)
    lost = drafted.folder / "drafts" / "2018" / "VICTIMS_SEX"
    lost.rename(drafted.home / "lost")
    with drafted.open() as desk:
        for period in ("2018", "2018-2020"):
            desk.draft(parse_period(period))
    assert everything(drafted.folder / "drafts") == before


def test_a_changed_folder_is_named_and_left_as_it_is(drafted: DeskHome) -> None:
    path = drafted.folder / "drafts" / "2018" / "VICTIMS_SEX" / "data.csv"
    path.write_bytes(b"changed")
    with drafted.open() as desk, pytest.raises(StoreError, match=r"VICTIMS_SEX/data\.csv"):
        desk.draft(Y2018)
    assert path.read_bytes() == b"changed"


def test_after_freezing_the_register_does_not_matter_any_more(fresh: DeskHome, tmp_path: Path) -> None:
    with fresh.open(random=counter()) as desk:
        for year in (2018, 2019, 2020):
            desk.draft(parse_period(str(year)))
    other = fresh.copy(tmp_path / "other")
    other.add_cases({2018: 70, 2020: 30}, seed=9, agency="Shelter")
    for home in (fresh, other):
        with home.open(random=counter()) as desk:
            desk.draft(BLOCK)
    same, changed = (everything(home.folder / "drafts") for home in (fresh, other))
    assert same == changed


def test_a_block_is_drafted_without_opening_the_register(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        for year in (2018, 2019, 2020):
            desk.draft(parse_period(str(year)))
    (fresh.folder / "register.db").unlink()
    (fresh.folder / "keyring.db").unlink()
    with fresh.open() as desk:
        assert [row.table_id for row in desk.draft(BLOCK)] == ["VICTIMS_SEX_AGE", "VICTIMS_CORRIDOR"]


def test_a_block_waits_for_its_years(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        desk.draft(Y2018)
        with pytest.raises(UsageError, match="2019, 2020") as caught:
            desk.draft(BLOCK)
    assert caught.value.hint == "run: tallystick release draft 2019"


def test_the_audit_reckons_with_drafts_that_wait_and_not_with_refused_ones(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        rows = desk.draft(Y2018)
        desk.refuse(Y2018, "VICTIMS_FORM", "not now")
        desk.draft(parse_period("2019"))
        context = desk._bench.evidence.context(parse_period("2019"))
    assert context is not None
    assert context.released == tuple(row.payload_id for row in rows if row.table_id != "VICTIMS_FORM")


def test_a_table_left_out_stays_out(fresh: DeskHome) -> None:
    with fresh.open() as desk:
        rows = desk.draft(Y2018, without=["victims_form"])
        assert [row.table_id for row in rows] == YEARLY[:3]
        assert [row.table_id for row in desk.draft(Y2018, without=("VICTIMS_FORM",))] == YEARLY[:3]
        for other in ((), ("VICTIMS_AGE",)):
            with pytest.raises(UsageError, match="VICTIMS_FORM"):
                desk.draft(Y2018, without=other)
    assert not (fresh.folder / "drafts" / "2018" / "VICTIMS_FORM").exists()


@pytest.mark.parametrize("without", [("VICTIMS_CORRIDOR",), tuple(YEARLY), ("NO_SUCH",)])
def test_only_planned_tables_can_be_left_out_and_not_all_of_them(fresh: DeskHome, without: tuple[str, ...]) -> None:
    with fresh.open() as desk:
        with pytest.raises(UsageError, match="VICTIMS_SEX, VICTIMS_AGE"):
            desk.draft(Y2018, without=without)
        assert desk.list() == ()


@pytest.mark.parametrize("year", ["2021", "2022"])
def test_a_year_that_has_not_ended_is_not_frozen(fresh: DeskHome, year: str) -> None:
    fresh.add_cases({int(year): 50})
    with fresh.open() as desk, pytest.raises(UsageError, match="has not ended"):
        desk.draft(parse_period(year))


def test_an_empty_year_is_frozen_only_on_demand(fresh: DeskHome) -> None:
    period = parse_period("2017")
    with fresh.open() as desk:
        with pytest.raises(UsageError, match="no case of 2017"):
            desk.draft(period)
        rows = desk.draft(period, no_cases=True)
    assert all(row.statement.predicate.audit.shown == 0 for row in rows)


def test_censored_rows_are_declared(fresh: DeskHome) -> None:
    fresh.add_cases({2016: 40}, censored=True)
    with fresh.open() as desk:
        assert all(row.statement.predicate.metadata.censored for row in desk.draft(parse_period("2016")))


def test_a_table_that_cannot_be_protected_is_named_and_nothing_is_drafted(
    fresh: DeskHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = protecting.protect_plan

    def failing(cubes: Any, *rest: Any, **more: Any) -> Any:
        if any(cube.table_id == "VICTIMS_AGE" for cube in cubes):
            raise DisclosureError("VICTIMS_AGE 2018 cannot be protected")
        return real(cubes, *rest, **more)

    monkeypatch.setattr(protecting, "protect_plan", failing)
    with fresh.open() as desk:
        with pytest.raises(DisclosureError, match="VICTIMS_AGE") as caught:
            desk.draft(Y2018)
        assert "--without" in (caught.value.hint or "")
        assert desk.list() == ()
        fresh.add_cases({2018: 200}, seed=5, agency="Late")
        rows = desk.draft(Y2018, without=["VICTIMS_AGE"])
        frozen = desk._bench.evidence.year(2018)
    assert len(rows) == 3
    assert frozen is not None
    assert int(frozen.cubes.tables[0].counts[0]) == 86


def test_metadata_that_no_statement_may_carry_are_refused(tmp_path: Path) -> None:
    metadata = {"sources": "register\u202e of victims"}
    home = make_desk_home(tmp_path / "home", {2018: 60}, metadata=metadata)
    with home.open() as desk:
        with pytest.raises(ConfigError, match=r"sources.*202E") as caught:
            desk.draft(Y2018)
        assert desk.list() == ()
    assert "desk.toml" in (caught.value.hint or "")


def test_the_states_own_metadata_stand_in_the_statement(tmp_path: Path) -> None:
    metadata = {
        "sources": "police and shelters",
        "legal_definition": "Criminal Code, article 128",
        "reference_date_basis": "date of identification",
        "contact": "statistics@example.org",
        "handling": "TLP:AMBER",
    }
    home = make_desk_home(tmp_path / "home", {2018: 60}, metadata=metadata)
    with home.open() as desk:
        said = desk.draft(Y2018)[0].statement.predicate
    assert said.handling == "TLP:AMBER"
    assert said.metadata.sources == "police and shelters"
    assert said.metadata.legal_definition == "Criminal Code, article 128"
    assert said.metadata.reference_date_basis == "date of identification"
    assert said.metadata.notes == "contact: statistics@example.org"


def changed(desk: Desk, **more: Any) -> Desk:
    return Desk(replace(desk._bench, **more), desk._store, Phrase())


def test_a_catalogue_that_changed_after_freezing_stops_the_draft(
    fresh: DeskHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh.open() as desk:
        monkeypatch.setattr(drafting, "protect", lambda *_args: (_ for _ in ()).throw(DisclosureError("stop")))
        with pytest.raises(DisclosureError, match="stop"):
            desk.draft(Y2018)
        monkeypatch.undo()
        newer = six_tables().model_copy(update={"version": 9})
        roster = replace(desk._bench.roster(), catalogue=newer, catalogue_sha256=newer.sha256)
        with pytest.raises(ConfigError, match="version 2 of the table catalogue"):
            changed(desk, roster=lambda: roster).draft(Y2018)


def test_without_a_federation_or_a_place_in_it_nothing_is_drafted(fresh: DeskHome) -> None:
    (fresh.folder / "roster").rename(fresh.folder / "elsewhere")
    with fresh.open() as desk, pytest.raises(ConfigError, match="belongs to no federation yet"):
        desk.draft(Y2018)
    (fresh.folder / "elsewhere").rename(fresh.folder / "roster")
    settings = fresh.folder / "desk.toml"
    settings.write_text(settings.read_text().replace('"KAZ"', '"UZB"'))
    with fresh.open() as desk, pytest.raises(KeyNotTrustedError, match="UZB"):
        desk.draft(Y2018)


def test_the_briefing_holds_no_cell_and_the_evidence_is_readable_nowhere(drafted: DeskHome) -> None:
    for path in (drafted.folder / "drafts").rglob("briefing.json"):
        found = json.loads(path.read_bytes())
        assert set(found) == {
            "format", "payload_sha256", "cells_shown", "cells_withheld", "cells_withheld_for_others",
            "linked_slices_audited", "persons_shown",
        }  # fmt: skip
    outside = b"".join(path.read_bytes() for path in drafted.home.rglob("*") if path.is_file())
    for word in (b"tallystick-counts-1", b"key_sums", b"tallystick-draft-1", b"block_parts"):
        assert word not in outside
