"""What an answer says, and what it must never say: no zero for absence, no figure for a withheld cell, no false sum."""

from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.config.catalogue import TOTAL
from tallystick.config.errors import ConfigError, UsageError
from tallystick.config.periods import parse_period
from tallystick.exchange.archive import Archive
from tallystick.exchange.query import Answer, Question, Row, ask
from tallystick.keys.envelope import Signature, assemble
from tests.exchange.query.conftest import Ask, make_archive, take_all
from tests.support.federation import Federation


def only(rows: tuple[Row, ...]) -> Row:
    (row,) = rows
    return row


def periods(*texts: str) -> tuple[object, ...]:
    return tuple(parse_period(text) for text in texts)


def test_missing_not_released_withheld_and_shown_are_told_apart_and_none_is_zero(question: Ask) -> None:
    rows = question("VICTIMS_SEX", periods=periods("2018"), where={"sex": "f"}).rows
    assert {row.state: row.kind for row in rows} == {
        "IRN": "not_released",
        "KAZ": "shown",
        "KGZ": "shown",
        "TUR": "missing",
    }
    for row in rows:
        if row.kind in {"missing", "not_released"}:
            assert (row.value, row.low, row.high, row.noise_sd, row.releases) == (None, None, None, None, ())
    withheld = only(question("VICTIMS_SEX", states=("kgz",), where={"SEX": "M"}, periods=periods("2018")).rows)
    assert (withheld.kind, withheld.value, withheld.low, withheld.high) == ("withheld", None, 0, 7)


def test_a_perturbed_figure_is_v_plus_minus_d_and_says_that_it_does_not_add(question: Ask) -> None:
    answer = question("VICTIMS", states=("KGZ",), periods=periods("2018"))
    row = only(answer.rows)
    assert (row.kind, row.value, row.low, row.high, row.noise_sd) == ("shown", 7, 4, 10, 1.0)
    assert any("do not add" in note for note in answer.notes)


def test_provenance_names_release_log_index_officers_method_and_status(question: Ask, federation: Federation) -> None:
    answer = question("VICTIMS", states=("KGZ",), periods=periods("2019"))
    row = only(answer.rows)
    assert row.release == federation.state("KGZ").payload_ids["VICTIMS", "2019"]
    found = answer.provenance[str(row.release)]
    assert (found.state, found.log_index, found.status, found.revision) == ("KGZ", 1, "not witnessed", 1)
    assert set(found.officers) == {"Aigerim of KGZ", "Bolat of KGZ"}
    assert found.method["id"] == "keyed"
    assert found.metadata["sources"]
    assert any("not witnessed" in note for note in answer.notes)


def test_a_withheld_cell_of_a_repaired_table_is_bounded_by_published_totals_only(question: Ask) -> None:
    repaired = only(question("VICTIMS_SEX", states=("KAZ",), where={"SEX": "_U"}, periods=periods("2018")).rows)
    assert (repaired.kind, repaired.low, repaired.high) == ("withheld", 0, 60 + 3)
    plain = only(question("VICTIMS_AGE", states=("KAZ",), where={"AGE": "_U"}, periods=periods("2018")).rows)
    assert plain.high == 7


def test_a_withheld_cell_of_a_block_is_bounded_by_the_margins_of_its_years(question: Ask) -> None:
    row = only(question("VICTIMS_SEX_AGE", states=("KAZ",), where={"SEX": "M", "AGE": "Y0T17"}).rows)
    # by sex 3 x (18 + 3), by age 3 x (20 + 3), total 60 + 61 + 62 + 9
    assert (row.kind, row.high) == ("withheld", 63)


def test_a_withheld_cell_without_any_published_total_has_no_upper_bound(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 40}, repaired=1)
    archive = make_archive(tmp_path, federation)
    answer = ask(archive, federation.catalogue, federation.roster, Question("VICTIMS_SEX", where={"SEX": "M"}))
    assert (only(answer.rows).low, only(answer.rows).high) == (0, None)
    assert any("no upper bound" in note for note in answer.notes)


def test_an_own_margin_row_is_preferred_to_a_sum_of_cells(question: Ask) -> None:
    answer = question(
        "VICTIMS_CORRIDOR", where={"CITIZENSHIP": "KGZ"}, sum_over=("exploitation_area",), states=("KAZ",)
    )
    row = only(answer.rows)
    assert (row.kind, row.value, row.low, row.high) == ("shown", 62, 59, 65)
    asked = only(
        question("VICTIMS_CORRIDOR", where={"CITIZENSHIP": "KGZ", "EXPLOITATION_AREA": "_T"}, states=("KAZ",)).rows
    )
    assert (asked.value, asked.release) == (row.value, row.release)


def test_the_total_table_is_preferred_to_a_sum_of_cells(question: Ask) -> None:
    row = only(question("VICTIMS_SEX", states=("KAZ",), periods=periods("2019"), sum_over=("sex",)).rows)
    assert (row.kind, row.value, row.low, row.high, row.basis) == ("shown", 61, 58, 64, "VICTIMS, published")


def test_a_margin_of_a_block_is_the_sum_of_its_years(question: Ask) -> None:
    row = only(question("VICTIMS_SEX_AGE", states=("KAZ",), where={"SEX": "F"}, sum_over=("age",)).rows)
    assert (row.kind, row.value, row.low, row.high) == ("sum", 120, 111, 129)
    assert row.noise_sd == pytest.approx(3**0.5, abs=1e-3)
    assert "VICTIMS_SEX" in row.basis
    assert len(row.releases) == 3
    total = only(question("VICTIMS_CORRIDOR", states=("KAZ",), sum_over=("CITIZENSHIP", "EXPLOITATION_AREA")).rows)
    assert (total.value, total.low, total.high) == (183, 174, 192)


def test_where_no_margin_is_published_cells_are_summed_with_bounds_and_noise(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 40, ("M",): 18})
    archive = make_archive(tmp_path, federation)
    answer = ask(archive, federation.catalogue, federation.roster, Question("VICTIMS_SEX", sum_over=("SEX",)))
    row = only(answer.rows)
    assert (row.kind, row.value, row.withheld) == ("sum", 58, 2)
    assert (row.low, row.high) == (37 + 15, 43 + 21 + 7 + 7)
    assert row.noise_sd == pytest.approx(2**0.5, abs=1e-3)
    assert row.basis == "sum of 4 cells"


def test_a_block_whose_years_are_not_all_there_falls_back_to_its_cells(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 40, ("M",): 18})
    federation.release("KAZ", "VICTIMS_SEX_AGE", "2018-2020", {("F", "Y0T17"): 30})
    archive = make_archive(tmp_path, federation)
    question = Question("VICTIMS_SEX_AGE", where={"SEX": "F"}, sum_over=("AGE",))
    row = only(ask(archive, federation.catalogue, federation.roster, question).rows)
    assert (row.basis, row.low, row.high) == ("sum of 3 cells", 27, 33 + 7 + 7)


def test_a_regional_sum_names_who_is_not_in_it_and_calls_its_figures_reports(question: Ask) -> None:
    answer = question("VICTIMS_SEX", sum_over=("state",), periods=periods("2018"), where={"SEX": "F"})
    row = only(answer.rows)
    assert (row.state, row.kind, row.value, row.low, row.high) == (None, "sum", 46, 40, 52)
    assert (row.states, row.not_released, row.missing) == (("KAZ", "KGZ"), ("IRN",), ("TUR",))
    assert any("reports, not persons" in note for note in answer.notes)
    assert len(row.releases) == 2


def test_a_sum_of_nobody_is_absence_and_not_zero(question: Ask) -> None:
    answer = question("VICTIMS", sum_over=("state",), states=("IRN", "TUR"), periods=periods("2018"))
    row = only(answer.rows)
    assert (row.kind, row.value, row.low) == ("missing", None, None)
    row = only(question("VICTIMS", sum_over=("state",), states=("IRN",), periods=periods("2018")).rows)
    assert (row.kind, row.value) == ("not_released", None)


def test_years_are_summed_over_periods_and_what_is_left_out_is_named(question: Ask) -> None:
    row = only(question("VICTIMS_SEX", states=("KGZ",), sum_over=("period",), where={"SEX": "F"}).rows)
    assert (row.period, row.states) == ("2018+2019+2020", ("KGZ 2018",))
    assert row.not_released == ("KGZ 2019", "KGZ 2020")
    assert (row.kind, row.value) == ("sum", 6)


def test_years_and_blocks_are_never_summed_together(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ", "TUR"))
    for year in ("2018", "2019", "2020"):
        federation.release("TUR", "VICTIMS_SEX_AGE", year, lambda _key: 50)
    federation.release("KAZ", "VICTIMS_SEX_AGE", "2018-2020", lambda _key: 20)
    archive = make_archive(tmp_path, federation)
    wanted = Question("VICTIMS_SEX_AGE", where={"SEX": "F", "AGE": "_U"}, sum_over=("state", "period"))
    answer = ask(archive, federation.catalogue, federation.roster, wanted)
    assert [(row.freq, row.value) for row in answer.rows] == [("A", 150), ("A3", 20)]
    assert any("never summed together" in note for note in answer.notes)
    assert any("stands by year for: TUR" in note for note in answer.notes)
    apart = ask(archive, federation.catalogue, federation.roster, Question("VICTIMS_SEX_AGE", where={"SEX": "F"}))
    assert {(row.state, row.freq) for row in apart.rows} == {("KAZ", "A3"), ("TUR", "A")}


def test_a_period_at_which_the_table_never_stands_is_not_released_with_a_note(question: Ask) -> None:
    answer = question("VICTIMS", periods=periods("2018-2020"), states=("KAZ",))
    assert only(answer.rows).kind == "not_released"
    assert any("stands by year" in note for note in answer.notes)


def test_a_release_whose_data_is_not_here_is_missing(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 60})
    archive, state = Archive(tmp_path / "archive"), federation.state("KAZ")
    bare = [replace(found, observations=None) for found in federation.verified("KAZ")]
    archive.accept("kaz", state.view(), state.entries, bare, {})
    row = only(ask(archive, federation.catalogue, federation.roster, Question("VICTIMS")).rows)
    assert row.kind == "missing"


def test_the_newest_revision_counts_and_is_marked_and_unknown_entries_do_not(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 60})
    first = federation.state("KAZ").payload_ids["VICTIMS", "2018"]
    federation.release("KAZ", "VICTIMS", "2018", {(): 66}, revision=2, supersedes=first)
    payload = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:other:thing","subject":[]}'
    federation.state("KAZ").entries.append(assemble(payload, [Signature("k", b"s")]))
    answer = ask(make_archive(tmp_path, federation), federation.catalogue, federation.roster, Question("VICTIMS"))
    assert only(answer.rows).value == 66
    assert any("revised since the first release: KAZ 2018" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("method", "parameters", "expected"),
    [("exact", {"k": 5}, (60, 60, 0.0, 4)), ("dp", {"rho": "1/2"}, (0, None, None, None))],
)
def test_other_methods_are_read_by_their_own_parameters(
    tmp_path: Path, method: str, parameters: dict[str, object], expected: tuple[object, ...]
) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 60}, method=method, parameters=parameters)
    archive = make_archive(tmp_path, federation)
    rows = ask(archive, federation.catalogue, federation.roster, Question("VICTIMS_SEX")).rows
    assert (rows[0].low, rows[0].high, rows[0].noise_sd, rows[1].high) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"D": -5, "V": 1, "k": 5},
        {"D": 3, "V": -1, "k": -5},
        {"D": "three", "V": "x", "k": True},
        {"D": 2**53 - 1, "V": 2**53 - 1, "k": 2**53 - 1},
        {},
    ],
)
@pytest.mark.parametrize("sum_over", [(), ("STATE",), ("SEX",)])
def test_two_officers_who_sign_nonsense_about_their_method_stop_nobodys_question(
    tmp_path: Path, parameters: dict[str, object], sum_over: tuple[str, ...]
) -> None:
    federation = Federation.make(("KAZ", "KGZ"))
    for code, told in (("KAZ", parameters), ("KGZ", None)):
        federation.release(code, "VICTIMS_SEX", "2018", {("F",): 60}, parameters=told)
    archive = make_archive(tmp_path, federation)
    rows = ask(archive, federation.catalogue, federation.roster, Question("VICTIMS_SEX", sum_over=sum_over)).rows
    assert any(row.value is not None for row in rows)
    for row in rows:
        assert row.high is None or row.low is None or 0 <= row.low <= (row.value or 0) <= row.high <= 200


def test_an_archive_that_holds_nothing_says_so(tmp_path: Path, federation: Federation) -> None:
    archive, state = Archive(tmp_path / "archive"), federation.state("IRN")
    archive.accept(state.cc, state.view(), (), (), {})
    answer = ask(archive, federation.catalogue, federation.roster, Question("VICTIMS"))
    assert answer.rows == ()
    assert any("nobody released this table" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("changes", "words", "hint"),
    [
        ({"states": ("XXX",)}, "'XXX' is no state", "IRN, KAZ, KGZ, TUR"),
        ({"where": {"AGE": "_U"}}, "'AGE' is no dimension", "SEX"),
        ({"where": {"SEX": "Q"}}, "'Q' is no code of SEX", "F, M, _O, _U"),
        ({"where": {"SEX": "_T"}}, "'_T' is no code", "F, M, _O, _U"),
        ({"sum_over": ("COLOUR",)}, "'COLOUR' is no dimension", "SEX, STATE, PERIOD"),
        ({"where": {"SEX": "F"}, "sum_over": ("SEX",)}, "both fixed", "leave one"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(
    question: Ask, changes: dict[str, object], words: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        question("VICTIMS_SEX", **changes)
    assert words in caught.value.message
    assert hint in str(caught.value.hint)


def test_an_unknown_table_is_refused_with_those_that_are(question: Ask) -> None:
    with pytest.raises(ConfigError) as caught:
        question("NOPE")
    assert "VICTIMS_SEX" in str(caught.value.hint)


def test_a_facilitator_is_not_asked(archive: Archive, federation: Federation) -> None:
    states = dict(federation.roster.states)
    states["TUR"] = replace(states["TUR"], role="facilitator")
    roster = replace(federation.roster, states=states)
    rows = ask(archive, federation.catalogue, roster, Question("VICTIMS", periods=periods("2018"))).rows  # type: ignore[arg-type]
    assert [row.state for row in rows] == ["IRN", "KAZ", "KGZ"]


def test_more_data_in_the_archive_shows_in_the_next_answer(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    take_all(archive, federation, "KAZ")
    wanted = Question("VICTIMS", periods=periods("2018"), states=("KGZ",))  # type: ignore[arg-type]
    assert only(ask(archive, federation.catalogue, federation.roster, wanted).rows).kind == "missing"
    take_all(archive, federation, "KGZ")
    assert only(ask(archive, federation.catalogue, federation.roster, wanted).rows).kind == "shown"


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """One state whose victims may stand under several codes."""
    federation = Federation.make(("IRN", "KAZ"))
    for year in (2018, 2019):
        federation.release("KAZ", "VICTIMS", str(year), {(): 60})
        federation.release("KAZ", "VICTIMS_FORM_NAMED", str(year), {("SX",): 50, ("FL",): 40})
        federation.release("KAZ", "PERPETRATORS", str(year), {("INVESTIGATED",): 30})
    archive = make_archive(tmp_path_factory.mktemp("several"), federation)

    def put(table: str, **more: object) -> Answer:
        return ask(archive, federation.catalogue, federation.roster, Question(table, **more))  # type: ignore[arg-type]

    return put


@pytest.mark.parametrize(("table", "name"), [("VICTIMS_FORM_NAMED", "FORM_NAMED"), ("PERPETRATORS", "STAGE")])
def test_codes_of_which_several_apply_are_never_added(several: Ask, table: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} cannot be summed over") as refused:
        several(table, sum_over=(name.lower(),))
    assert "each code by itself" in str(refused.value.hint)
    answer = several(table, states=("KAZ",))
    assert len(answer.rows) == 2 * (5 if name == "FORM_NAMED" else 3)
    assert all(TOTAL not in row.key for row in answer.rows)
    assert any("do not add up" in note and name in note for note in answer.notes)


def test_one_such_code_can_be_added_over_years_and_states(several: Ask) -> None:
    row = only(several("VICTIMS_FORM_NAMED", where={"FORM_NAMED": "SX"}, sum_over=("period", "state")).rows)
    assert (row.kind, row.value) == ("sum", 100)


def test_a_total_of_victims_bounds_no_perpetrator(several: Ask) -> None:
    found = several("PERPETRATORS", where={"STAGE": "CONVICTED"}, periods=periods("2018"), states=("KAZ",))
    assert (
        only(found.rows).releases == several("PERPETRATORS", periods=periods("2018"), states=("KAZ",)).rows[0].releases
    )
    assert not [table for table in found.provenance.values() if table.table != "PERPETRATORS"]
