"""Signing by files: a genesis put together from copies, and nobody's signature on what he did not see."""

from dataclasses import replace
from itertools import permutations

import pytest

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import MalformedError, UsageError, VerificationError
from tallystick.keys.card import Card
from tallystick.keys.ceremony import attach, combine, detached, pending, read_draft, sign_files
from tallystick.keys.genesis import VALIDITY, page_file, propose_genesis
from tallystick.keys.merge import merge
from tallystick.keys.rotate import propose_page
from tallystick.keys.signer import Signer, new_signer
from tallystick.keys.tuf_files import canonical_json
from tallystick.keys.tuf_keys import OfflineKey
from tallystick.keys.words import anchor_of
from tests.support.rosters import AT, Ceremony, Files, border_card, card, days, officer_card, resigned, three_states


def proposal(ceremony: Ceremony | None = None, **more: object) -> Files:
    ceremony = ceremony or three_states()
    return propose_genesis(ceremony.cards, load_shipped(), demo=True, at=AT, **more)  # type: ignore[arg-type]


def signed_by(files: Files, signer: Signer) -> list[str]:
    """Names of the files that a signer's signature makes different."""
    after = sign_files(files, signer)
    return [name for name, data in after.items() if files[name] != data]


def test_a_ceremony_key_signs_root_and_targets_and_a_state_key_its_page() -> None:
    ceremony = three_states()
    assert signed_by(proposal(), ceremony.ceremony_keys["KAZ"]) == ["metadata/1.root.json", "metadata/1.targets.json"]
    assert signed_by(proposal(), ceremony.state_keys["KGZ"][2]) == ["metadata/1.kgz.json"]
    assert signed_by(proposal(), new_signer("ed25519")) == []


def test_what_is_complete_waits_for_nobody() -> None:
    ceremony = three_states()
    assert all(item.complete for item in pending(ceremony.files))
    assert signed_by(ceremony.files, ceremony.state_keys["KGZ"][2]) == []


def test_who_has_not_signed_is_named() -> None:
    ceremony = three_states()
    files = sign_files(proposal(), ceremony.ceremony_keys["KAZ"])
    items = {item.link.name.text: item for item in pending(files)}
    root = items["metadata/1.root.json"]
    assert (len(root.signed), root.needed, root.complete) == (1, 3, False)
    assert sorted(code for code, _key in root.missing) == ["KGZ", "TUR"]
    assert items["metadata/1.kaz.json"].needed == 2


def test_copies_signed_apart_make_one_genesis_in_every_order() -> None:
    ceremony = three_states()
    copies = [ceremony.sign(proposal(), [key]) for key in ceremony.ceremony_keys.values()]
    pages = ceremony.sign(proposal(), [key for keys in ceremony.state_keys.values() for key in keys[:2]])
    results = []
    for order in permutations([*copies, pages]):
        whole: Files = {}
        for copy in order:
            whole = combine(whole, copy)
        results.append(whole)
    assert all(result == results[0] for result in results)
    anchor = anchor_of(results[0]["metadata/1.root.json"])
    assert merge({}, results[0], at=AT, anchor=anchor).roster.state("KAZ").version == 1


def test_two_token_signatures_of_one_member_still_make_one_federation_id() -> None:
    tur = three_states().ceremony_keys["TUR"]
    one, two = sign_files(proposal(), tur), sign_files(proposal(), tur)
    assert one != two
    assert combine(one, two) == combine(two, one)


def test_copies_of_different_proposals_are_not_mixed() -> None:
    one, two = proposal(), proposal(expires=AT + VALIDITY - days(1))
    with pytest.raises(MalformedError, match="the copies differ in what is to be signed"):
        combine(one, two)
    catalogue = next(name for name in one if name.startswith("targets/"))
    with pytest.raises(MalformedError, match="the copies differ"):
        combine(one, one | {catalogue: b"{}"})


def test_a_detached_signature_goes_only_on_the_proposal_it_was_made_for() -> None:
    kaz = three_states().ceremony_keys["KAZ"]
    signature = detached(proposal(), kaz)
    assert attach(proposal(), signature) == sign_files(proposal(), kaz)
    with pytest.raises(MalformedError, match="does not belong to this proposal"):
        attach(proposal(expires=AT + VALIDITY - days(1)), signature)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"[" * 100_000,
        b'{"format":"x"}',
        canonical_json({"format": "tallystick-roster-signatures-1", "keyid": "a", "signatures": []}),
        b" " * 100_000,
    ],
)
def test_what_is_no_file_of_signatures_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="no file of roster signatures"):
        attach(proposal(), data)


def test_a_signature_for_a_file_or_by_a_key_that_does_not_belong_is_refused() -> None:
    for name, keyid in (("metadata/1.kaz.json", "a" * 64), ("metadata/9.kaz.json", "a" * 64), ("../x", "a" * 64)):
        entry = {"file": name, "sig": "00" * 64}
        data = canonical_json({"format": "tallystick-roster-signatures-1", "keyid": keyid, "signatures": [entry]})
        with pytest.raises(MalformedError, match="does not belong"):
            attach(proposal(), data)


PUPPETS = [new_signer("ed25519") for _ in range(2)]


def twin_targets(ceremony: Ceremony) -> bytes:
    """Targets in which two of KAZ's three keys are the attacker's; the members did not sign them."""
    page = ceremony.chains().targets[0].page
    own = ceremony.state_keys["KAZ"][0]
    keys = tuple(
        sorted((OfflineKey(key.algorithm, key.public) for key in (own, *PUPPETS)), key=lambda key: key.tuf_keyid)
    )
    grants = tuple(replace(grant, keys=keys) if grant.code == "KAZ" else grant for grant in page.grants)
    return page_file(replace(page, grants=grants), "targets")[1]


def test_nobody_signs_a_page_whose_page_before_is_forged() -> None:
    """Else a key hidden in a forged page before would not be shown as coming, and would come."""
    ceremony = three_states()
    page = ceremony.chains().states["kaz"][-1].page
    stranger = officer_card("KAZ", "Stranger").roster_keys()
    forged = ceremony.files | resigned(replace(page, keys=(*page.keys, *stranger)), "kaz", [new_signer("ed25519")])
    proposal = forged | dict([page_file(replace(page, version=2, keys=(*page.keys, *stranger)), "kaz")])
    with pytest.raises(MalformedError, match="must be signed first"):
        sign_files(proposal, ceremony.state_keys["KAZ"][0])
    pretended = ceremony.files | {"metadata/1.targets.json": twin_targets(ceremony)}
    pretended |= resigned(replace(page, keys=(*page.keys, *stranger)), "kaz", PUPPETS)
    proposal = pretended | dict([page_file(replace(page, version=2, keys=(*page.keys, *stranger)), "kaz")])
    with pytest.raises(VerificationError):
        sign_files(proposal, ceremony.state_keys["KAZ"][0])


def test_a_version_is_signed_after_the_one_before_it() -> None:
    ceremony = three_states()
    two = propose_page(ceremony.chains(), "KAZ", [officer_card("KAZ", "Two")], at=AT)
    page = read_draft(two).states["kaz"][-1].page
    three = two | dict([page_file(replace(page, version=3), "kaz")])
    with pytest.raises(MalformedError, match=r"metadata/2\.kaz\.json must be signed first"):
        sign_files(three, ceremony.state_keys["KAZ"][0])
    signed = ceremony.sign(two, ceremony.state_keys["KAZ"][:2])
    assert signed_by(three | signed, ceremony.state_keys["KAZ"][0]) == ["metadata/3.kaz.json"]


def test_a_proposal_with_a_gap_or_without_targets_is_refused() -> None:
    files = proposal()
    with pytest.raises(MalformedError, match="version 1 is missing"):
        read_draft(
            {name: data for name, data in files.items() if name != "metadata/1.kaz.json"}
            | {"metadata/2.kaz.json": three_states().new_page(three_states().files, "KAZ")["metadata/2.kaz.json"]}
        )
    with pytest.raises(MalformedError, match="at least"):
        read_draft({"metadata/1.root.json": files["metadata/1.root.json"]})


# proposals


def without(cards: list[Card], role: str, state: str, count: int = 1) -> list[Card]:
    gone = [card for card in cards if (card.role, card.state) == (role, state)][:count]
    return [card for card in cards if card not in gone]


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        (lambda cards: without(cards, "state", "KAZ"), "KAZ: 2 state cards where 3 belong"),
        (lambda cards: [card for card in cards if card.role != "ceremony"], "nobody would vote"),
        (lambda cards: [], "nobody would vote"),
        (
            lambda cards: [*cards, card("ceremony", "KAZ", "Second", [("ceremony", new_signer("ed25519"))])[0]],
            "KAZ: 2 ceremony cards where one belongs",
        ),
        (
            lambda cards: [*cards, card("state", "KAZ", "Fourth", [("state", new_signer("ed25519"))])[0]],
            "KAZ: 4 state cards where 3 belong",
        ),
    ],
)
def test_a_genesis_from_the_wrong_cards_is_refused(cards: object, reason: str) -> None:
    chosen = cards(three_states().cards)  # type: ignore[operator]
    with pytest.raises(UsageError, match=reason):
        propose_genesis(chosen, load_shipped(), demo=True, at=AT)


def test_one_card_given_twice_counts_once() -> None:
    ceremony = three_states()
    twice = propose_genesis(ceremony.cards * 2, load_shipped(), demo=True, at=AT)
    assert twice == proposal()


def test_demo_cards_enter_no_real_federation() -> None:
    stamped = card("officer", "KAZ", "Demo", [("officer", new_signer("ed25519"))], demo=True)[0]
    with pytest.raises(UsageError, match="stamped DEMO"):
        propose_genesis([*three_states().cards, stamped], load_shipped(), demo=False, at=AT)


def test_a_genesis_lasts_three_years_at_most() -> None:
    for expires in (AT, AT + days(1200)):
        with pytest.raises(UsageError, match="three years"):
            proposal(expires=expires)


def test_a_facilitator_is_named_and_has_no_vote() -> None:
    ceremony = Ceremony.make(("KAZ", "XIM"), observers=("XIM",))
    files = propose_genesis(ceremony.cards, load_shipped(), demo=True, at=AT, facilitators=["XIM"])
    assert {grant.role for grant in read_draft(files).targets[0].page.grants} == {"member", "facilitator"}
    with pytest.raises(UsageError, match="has no vote"):
        propose_genesis(ceremony.cards, load_shipped(), demo=True, at=AT, facilitators=["KAZ"])


def test_a_rotation_keeps_old_keys_and_lists_the_new() -> None:
    ceremony = three_states()
    before = ceremony.chains().states["kaz"][-1].page
    files = ceremony.new_page(ceremony.files, "KAZ", cards=[officer_card("KAZ", "New"), border_card("KAZ", 7001)])
    page = ceremony.chains(files).states["kaz"][-1].page
    assert set(before.keys) < set(page.keys)
    assert page.endpoints == ("grpcs://127.0.0.1:7001",)
    assert len([key for key in page.keys if key.role == "tls"]) == 2
    old_tls = next(key for key in before.keys if key.role == "tls")
    files = ceremony.new_page(files, "KAZ", cards=[], drop=[old_tls.keyid[:12]])
    page = ceremony.chains(files).states["kaz"][-1].page
    assert [key.keyid for key in page.keys if key.role == "tls"] != [old_tls.keyid]
    assert len([key for key in page.keys if key.role == "tls"]) == 1


def test_a_refusal_is_never_moved_later() -> None:
    ceremony = three_states()
    officer = ceremony.chains().states["kaz"][-1].page.keys[0]
    files = ceremony.new_page(ceremony.files, "KAZ", cards=[], refuse={officer.keyid: 7})
    for index, wanted in ((9, 7), (3, 3)):
        later = ceremony.new_page(files, "KAZ", cards=[], refuse={officer.keyid: index})
        page = ceremony.chains(later).states["kaz"][-1].page
        assert next(key for key in page.keys if key.keyid == officer.keyid).refused_from == wanted


def test_a_rotation_with_the_wrong_card_or_key_id_is_refused() -> None:
    ceremony = three_states()
    chains = ceremony.chains()
    keys = chains.states["kaz"][-1].page.keys
    officer, tls = (next(key for key in keys if key.role == role) for role in ("officer", "tls"))
    with pytest.raises(UsageError, match="has no place on the page of KAZ"):
        propose_page(chains, "KAZ", [officer_card("KGZ", "Other")], at=AT)
    with pytest.raises(UsageError, match="has no place"):
        propose_page(chains, "KAZ", [card for card in ceremony.cards if card.role == "state"][:1], at=AT)
    for start in ("ffffffffffff", officer.keyid[:7], ""):
        with pytest.raises(UsageError, match="keys of this state begin so"):
            propose_page(chains, "KAZ", at=AT, refuse={start: 1})
    with pytest.raises(UsageError, match="cannot be treated so"):
        propose_page(chains, "KAZ", at=AT, refuse={tls.keyid: 1})
    with pytest.raises(UsageError, match="cannot be treated so"):
        propose_page(chains, "KAZ", at=AT, drop=[officer.keyid])
    with pytest.raises(UsageError, match="holds no page of UZB"):
        propose_page(chains, "UZB", at=AT)


def test_a_root_that_changes_a_member_waits_for_old_and_new() -> None:
    ceremony = three_states()
    signer = new_signer("ed25519")
    page = ceremony.chains().roots[-1].page
    members = tuple((c, OfflineKey("ed25519", signer.public) if c == "KAZ" else key) for c, key in page.members)
    page = replace(page, version=2, members=members, targets_from=2, genesis=ceremony.genesis)
    files = ceremony.files | dict([page_file(page, "root")])
    by_old = ceremony.sign(files, list(ceremony.ceremony_keys.values()))
    assert not next(item for item in pending(by_old) if item.link.name.text == "metadata/2.root.json").complete
    assert all(item.complete for item in pending(ceremony.sign(by_old, [signer])))
