"""Two officers erase a person: what is gone, what stays, and what is refused."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, StoreError, UsageError
from tallystick.keys.card import make_card
from tallystick.keys.secrets import GENERATED, seal_secret
from tallystick.keys.signer import new_signer
from tallystick.node.cases.erasure_order import PAYLOAD_TYPE, SignedOrder, read_order, sign_order
from tallystick.node.cases.opening import SECRET_PURPOSES, create_register, open_desk_secret, open_store
from tallystick.node.home.erasure import apply_order, propose_order
from tallystick.node.home.officers import enrol_officer
from tallystick.node.home.recovery import make_sheets, read_sheet, recover_secret, write_sheets
from tests.support.cases import a_run
from tests.support.erasures import AGENCY, NamedDesk, Phrase, make_named_desk, named, names_in


@pytest.fixture
def desk(tmp_path: Path) -> NamedDesk:
    return make_named_desk(tmp_path / "home")


def test_an_erased_person_is_gone_and_the_coded_row_stays(desk: NamedDesk) -> None:
    desk.take_in([3, 4], sex="M")  # an earlier version with its own sealed name
    before = desk.names()
    done = desk.erase(3)
    assert (set(done.officers), done.resumed, done.others) == ({"Aliya", "Bolat"}, False, 0)
    assert desk.names() == {number: name for number, name in before.items() if number != "case-3"}
    with desk.store() as store:
        assert store.count() == 12
        assert len(store.coded_rows(2019)) == 12
        assert list(store.versions(AGENCY, "case-3")) == []
    for path in desk.folder.rglob("*"):
        if path.is_file():
            assert b"case-3" not in path.read_bytes(), path


def test_every_other_name_can_be_read_and_changed_afterwards(desk: NamedDesk) -> None:
    desk.erase(0)
    desk.erase(11)
    desk.take_in([20])
    desk.take_in([5], age="Y_GE18")
    assert sorted(desk.names()) == sorted(f"case-{number}" for number in (*range(1, 11), 20))


def test_what_is_erased_once_is_not_erased_again(desk: NamedDesk) -> None:
    order, second = desk.order(3), desk.order(3)
    assert order.order.sha256 != second.order.sha256
    apply_order(desk.home, Phrase(), desk.clock, [order])
    with pytest.raises(UsageError, match="carried out on 2026-03-01"):
        apply_order(desk.home, Phrase(), desk.clock, [order])
    with pytest.raises(UsageError, match="erased on 2026-03-01"):
        apply_order(desk.home, Phrase(), desk.clock, [second])
    with pytest.raises(UsageError, match="erased on 2026-03-01"):
        desk.order(3)


def test_a_case_that_is_not_there_is_not_ordered_to_be_erased(desk: NamedDesk) -> None:
    for agency, number in ((AGENCY, "case-99"), ("shelter", "case-3")):
        with pytest.raises(StoreError, match="no case of that agency") as caught:
            propose_order(desk.home, Phrase(), desk.clock, agency, number, "COURT")
        assert "case-99" not in str(caught.value)


def test_one_officer_is_not_enough_whatever_the_number_of_keys(desk: NamedDesk, tmp_path: Path) -> None:
    for signers in ((), (0,)):
        with pytest.raises(BadSignatureError, match=f"{len(signers)} of 2"):
            apply_order(desk.home, Phrase(), desk.clock, [desk.order(3, signers)])
    one = desk.order(3, (0,))
    renamed = SignedOrder(one.order, [*one.signatures, replace(one.signatures[0], keyid="0" * 64)])
    with pytest.raises(BadSignatureError, match="1 of 2"):
        apply_order(desk.home, Phrase(), desk.clock, [renamed])
    with pytest.raises(UsageError, match="signed the order already"):
        sign_order(one, desk.officers[0])
    assert len(desk.names()) == 12
    few = make_named_desk(tmp_path / "few", enrol=1)
    few.officers[1] = new_signer("ed25519")
    with pytest.raises(KeyNotTrustedError, match="no officer"):
        apply_order(few.home, Phrase(), few.clock, [few.order(3)])


def test_copies_signed_apart_are_laid_together_and_different_orders_are_not(desk: NamedDesk) -> None:
    order = desk.order(3, ())
    first, second = sign_order(order, desk.officers[0]), sign_order(order, desk.officers[2])
    with pytest.raises(UsageError, match="different orders"):
        apply_order(desk.home, Phrase(), desk.clock, [first, desk.order(4)])
    copies = [read_order(one.to_bytes()) for one in (first, second)]
    assert set(apply_order(desk.home, Phrase(), desk.clock, copies).officers) == {"Aliya", "Chingiz"}


def test_an_order_that_was_changed_or_signed_as_something_else_does_not_hold(desk: NamedDesk) -> None:
    signed = desk.order(3)
    other = SignedOrder(signed.order.model_copy(update={"number": "case-4"}), signed.signatures)
    with pytest.raises(BadSignatureError, match="does not match"):
        apply_order(desk.home, Phrase(), desk.clock, [other])
    from tallystick.keys.envelope import sign_payload

    as_release = [sign_payload(signed.order.payload, signer) for signer in desk.officers[:2]]
    with pytest.raises(BadSignatureError, match="does not match"):
        apply_order(desk.home, Phrase(), desk.clock, [SignedOrder(signed.order, as_release)])
    assert "in-toto" not in PAYLOAD_TYPE
    assert len(desk.names()) == 12


def test_an_order_ends_after_thirty_days_and_is_of_one_state(desk: NamedDesk) -> None:
    signed = desk.order(3)
    desk.clock.at += timedelta(days=30, seconds=1)
    with pytest.raises(UsageError, match="older than 30 days"):
        apply_order(desk.home, Phrase(), desk.clock, [signed])
    desk.clock.at -= timedelta(days=32)
    with pytest.raises(UsageError, match="in the future"):
        apply_order(desk.home, Phrase(), desk.clock, [signed])
    desk.clock.at += timedelta(days=2)
    foreign = SignedOrder(signed.order.model_copy(update={"state": "KGZ"}))
    foreign = sign_order(sign_order(foreign, desk.officers[0]), desk.officers[1])
    with pytest.raises(UsageError, match="KGZ's"):
        apply_order(desk.home, Phrase(), desk.clock, [foreign])
    apply_order(desk.home, Phrase(), desk.clock, [signed])


def test_older_files_put_back_by_hand_are_erased_again_before_anything_is_read(desk: NamedDesk, tmp_path: Path) -> None:
    kept = {
        name: (desk.folder / name).read_bytes() for name in ("register.db", "keyring.db", "secrets/identity.secret")
    }
    desk.erase(3)
    for names in (("register.db",), ("keyring.db", "secrets/identity.secret"), tuple(kept)):
        for name in names:
            (desk.folder / name).write_bytes(kept[name])
        assert sorted(desk.names()) == sorted(f"case-{number}" for number in range(12) if number != 3), names
        with desk.store() as store:
            assert names_in(store, [3]) == {}
    (desk.folder / "tombstones").unlink()
    assert "case-3" not in desk.names()
    assert (desk.folder / "tombstones").exists()


def test_an_erased_case_does_not_come_back_with_its_agencys_next_file(desk: NamedDesk) -> None:
    desk.erase(3)
    with desk.store() as store, pytest.raises(StoreError, match="was erased on 2026-03-01"):
        store.ingest(a_run(at=desk.clock.at), [named(3)])
    assert "case-3" not in desk.names()


def test_a_command_that_opened_the_keyring_before_writes_nothing_into_the_old_one(desk: NamedDesk) -> None:
    with desk.store() as opened_before:
        desk.erase(3)
        with pytest.raises(StoreError, match="another file now") as caught:
            opened_before.ingest(a_run(at=desk.clock.at), [named(20)])
        assert "run the command again" in (caught.value.hint or "")
        with pytest.raises(StoreError):
            opened_before.ingest(a_run(at=desk.clock.at), [named(21)])
    desk.take_in([20])
    assert set(desk.names()) == {f"case-{number}" for number in (*range(12), 20)} - {"case-3"}


def test_nobody_is_erased_while_an_import_writes(desk: NamedDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.node.cases import cipher

    monkeypatch.setattr(cipher, "_BUSY_SECONDS", 0.05)
    signed = desk.order(3)
    with desk.store() as store:
        store._database.conn.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another command is writing"):
            apply_order(desk.home, Phrase(), desk.clock, [signed])
        store._database.conn.execute("ROLLBACK")
    assert len(desk.names()) == 12
    apply_order(desk.home, Phrase(), desk.clock, [signed])
    assert len(desk.names()) == 11


def test_a_case_reported_once_more_under_a_new_record_is_found_and_erased(desk: NamedDesk, tmp_path: Path) -> None:
    """An old register is put back by hand without tombstones, and the agency's file comes in before a backup tells."""
    shutil.copytree(desk.home, tmp_path / "before")
    desk.take_in([30, 31])
    desk.erase(30)
    told = (desk.folder / "tombstones").read_bytes()
    shutil.rmtree(desk.home)
    shutil.copytree(tmp_path / "before", desk.home)
    desk.take_in([40, 30, 31])
    assert "case-30" in _all_names(desk), "nothing here knows yet"
    (desk.folder / "tombstones").write_bytes(told)
    found = _all_names(desk)
    assert "case-30" not in found
    assert {"case-31", "case-40", "case-0"} <= set(found)


def _all_names(desk: NamedDesk) -> dict[str, str]:
    with desk.store() as store:
        return names_in(store, range(50))


def test_a_home_of_the_first_version_is_erased_in_and_its_sheets_go_on_working(tmp_path: Path) -> None:
    desk = make_named_desk(tmp_path / "home", ())
    root = desk.sheets["identity"]
    for name in ("keyring.db", "register.db", "secrets/identity.secret", "secrets/identity.box"):
        (desk.folder / name).unlink()
    sealed = seal_secret(root, Phrase(), SECRET_PURPOSES["identity"], work=GENERATED)
    (desk.folder / "secrets" / "identity.secret").write_bytes(sealed)
    create_register(desk.folder, desk.sheets["register"], root)
    desk.take_in(range(6))
    desk.erase(3)
    secret = desk.folder / "secrets" / "identity.secret"
    assert open_desk_secret(desk.folder, "identity", Phrase()) != root
    secret.unlink()
    sheets = write_sheets(tmp_path, make_sheets("KAZ", desk.sheets), desk.clock.at)
    recover_secret(
        desk.folder, "identity", [read_sheet(path, "identity") for path in sheets[:2]], Phrase(), work=GENERATED
    )
    assert set(desk.names()) == {f"case-{number}" for number in range(6)} - {"case-3"}
    assert json.loads(secret.read_bytes())["work"] == GENERATED.model_dump()


def test_once_the_home_has_a_roster_its_officers_decide(tmp_path: Path) -> None:
    from tests.support import desks

    found = desks.make_desk_home(tmp_path / "home", {2019: 3})
    with open_store(found.home, desks.Phrase()) as store:
        store.ingest(a_run(at=desks.AT), [named(number) for number in range(4)])
    order = propose_order(found.home, desks.Phrase(), found.clock, AGENCY, "case-3", "COURT")
    stranger = new_signer("ed25519")
    card = make_card("officer", "KAZ", "Stranger", [("officer", stranger)], demo=True)
    enrol_officer(found.folder, card, state="KAZ", demo=True)
    signed = sign_order(sign_order(SignedOrder(order), found.officers[0]), stranger)
    with pytest.raises(KeyNotTrustedError, match="no officer of the roster"):
        apply_order(found.home, desks.Phrase(), found.clock, [signed])
    done = apply_order(found.home, desks.Phrase(), found.clock, [sign_order(signed, found.officers[2])])
    assert set(done.officers) == {"Aigerim", "Chingiz"}
    with open_store(found.home, desks.Phrase()) as store:
        assert set(names_in(store)) == {"case-0", "case-1", "case-2"}


def test_a_large_keyring_is_rewritten_with_its_marks_and_progress(tmp_path: Path) -> None:
    desk = make_named_desk(tmp_path / "home", range(300))
    with desk.store() as store:
        assert store._keyring is not None
        before, mark_key = store._keyring.marks(list(range(1, 301))), store._keyring.mark_key
    told: list[int] = []
    apply_order(desk.home, Phrase(), desk.clock, [desk.order(7)], advance=told.append)
    assert sum(told) == 300
    with desk.store() as store:
        assert store._keyring is not None
        assert store._keyring.marks(list(range(1, 301))) == {at: mark for at, mark in before.items() if at != 8}
        assert store._keyring.mark_key == mark_key
        assert store._keyring.count() == 299
