"""Two officers erase a person: what is gone, what stays, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, StoreError, UsageError
from tallystick.keys.signer import new_signer
from tallystick.node.cases.erasure_order import PAYLOAD_TYPE, SignedOrder, read_order, sign_order
from tallystick.node.home.erasure import apply_order, propose_order
from tests.support.erasures import AGENCY, NamedDesk, Phrase, make_named_desk, names_in


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
