"""What an officer reads before he signs: everything, in 80 columns, and never more than stands in the folder."""

from pathlib import Path

import pytest

from tallystick.keys.words import anchor_from_words
from tallystick.node.desk.folder import DetachedSignature, DraftFolder, read_draft
from tallystick.node.desk.showing import document, page, screen
from tests.support.drafts import sample_draft


@pytest.fixture
def draft(tmp_path: Path) -> DraftFolder:
    return read_draft(sample_draft(tmp_path))


@pytest.fixture
def wide(tmp_path: Path) -> DraftFolder:
    from tallystick.config.catalogue import load_shipped

    catalogue = load_shipped()
    keys = catalogue.cells(catalogue.table("VICTIMS_CORRIDOR"))
    return read_draft(
        sample_draft(tmp_path, "VICTIMS_CORRIDOR", "2018-2020", {"|".join(key): 1000 for key in keys[:160]})
    )


def test_the_screen_says_what_when_shown_withheld_and_what_it_costs(draft: DraftFolder) -> None:
    text = " ".join(" ".join(screen(draft, ())).split())
    for said in (
        "Kazakhstan (KAZ): Detected victims by sex, 2018",
        "DEMO, not for use",
        "2021-03-01",
        "female 61",
        "unknown withheld",
        "2 of 4 cells are shown, 2 withheld",
        "About 98 % of the persons",
        "off by at most 3",
        "likelihood attacker was NOT run",
        "none yet",
    ):
        assert said in text


def test_the_digest_stands_there_in_hex_and_in_words_that_lead_back_to_it(draft: DraftFolder) -> None:
    lines = screen(draft, ())
    assert draft.payload_id in "".join(lines).replace(" ", "")
    start = next(at for at, line in enumerate(lines) if line.startswith("   1 "))
    assert anchor_from_words(" ".join(lines[start : start + 4])) == draft.payload_id


def test_nothing_is_wider_than_the_terminal_and_the_sheet_is_one_page(draft: DraftFolder, wide: DraftFolder) -> None:
    for one in (draft, wide):
        assert max(map(len, screen(one, ()))) < 80
        sheet = page(one)
        assert max(map(len, sheet)) < 80
        assert len(sheet) <= 64


def test_even_the_longest_metadata_leave_one_page_and_the_screen_shows_them_whole(tmp_path: Path) -> None:
    text = "zzz " * 400
    metadata = {
        "unit": "persons", "reference_date_basis": text, "cut_off": "2021-03-01", "sources": text,
        "legal_definition": text, "share_unknown": "SEX none", "censored": True, "notes": text,
    }  # fmt: skip
    draft = read_draft(sample_draft(tmp_path, metadata=metadata))
    assert len(page(draft)) <= 64
    assert "(cut here)" in "\n".join(page(draft))
    assert " ".join(screen(draft, ())).count("zzz") == 1600


def test_no_cell_disappears_without_being_counted(wide: DraftFolder) -> None:
    assert sum(" 1000" in line for line in screen(wide, ())) == 160
    assert "8 other cells are withheld" in "\n".join(screen(wide, ()))
    sheet = "\n".join(page(wide))
    left = next(int(line.split()[0]) for line in page(wide) if "more figures stand in data.csv" in line)
    assert sheet.count(" 1000") + left == 160
    assert "8 other cells are withheld" in sheet


def test_two_cells_never_read_alike(wide: DraftFolder) -> None:
    for lines in (screen(wide, ()), page(wide)):
        cells = [cell for line in lines for cell in line.split("  ") if cell.strip().endswith(" 1000")]
        assert len(set(cells)) == len(cells)


def test_the_sheet_has_room_for_ink(draft: DraftFolder) -> None:
    assert sum("____" in line for line in page(draft)) == 2


def test_a_signature_over_something_else_is_shouted(draft: DraftFolder) -> None:
    other = DetachedSignature.model_construct(payload_sha256="00" * 32, algorithm="ed25519", keyid="ab" * 32, sig=b"")
    assert "ANOTHER STATEMENT" in "\n".join(screen(draft, (other,)))


def test_a_real_release_bears_no_demo_stamp_and_a_run_attacker_no_warning(tmp_path: Path) -> None:
    audit = {"intervals": "passed", "likelihood": "passed", "shown": 2, "withheld": 2, "repaired": 1, "systems": 4}
    text = "\n".join(screen(read_draft(sample_draft(tmp_path, demo=False, audit=audit)), ()))
    assert "DEMO" not in text
    assert "1 are large enough" in text


def test_a_method_without_known_parameters_is_shown_raw(tmp_path: Path) -> None:
    method = {"id": "dp", "profile": "peer", "parameters": {"rho": "1/2"}}
    assert "Method dp, profile peer: rho=1/2." in "\n".join(
        screen(read_draft(sample_draft(tmp_path, method=method)), ())
    )


def test_the_document_holds_the_same(draft: DraftFolder) -> None:
    found = document(draft, ())
    assert found["payload_sha256"] == draft.payload_id
    assert anchor_from_words(" ".join(found["words"])) == draft.payload_id
    assert found["cells"][0] == {"key": ["F"], "value": 61}
