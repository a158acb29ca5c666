"""Loading a whole roster: what the members did not sign by their rules is refused, and the file is named."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import (
    BadSignatureError,
    KeyNotTrustedError,
    MalformedError,
)
from tallystick.keys.genesis import VALIDITY, propose_genesis
from tallystick.keys.profile import FIELD, threshold_of
from tallystick.keys.roster import load_roster, roster_digest
from tallystick.keys.signer import new_signer
from tallystick.keys.state_page import StatePage
from tallystick.keys.targets_page import StateGrant, TargetsPage
from tallystick.keys.tuf_files import canonical_json
from tallystick.keys.tuf_keys import OfflineKey
from tests.support.rosters import (
    AT,
    NINE,
    OBSERVERS,
    Ceremony,
    Files,
    days,
    nine_states,
    officer_card,
    only_signed_by,
    resigned,
    three_states,
)


def test_a_genesis_signed_by_everybody_is_a_roster() -> None:
    ceremony = nine_states()
    roster = load_roster(ceremony.files, anchor=ceremony.anchor, at=AT)
    assert roster.federation_id == ceremony.anchor
    assert len(roster.words.split()) == 24
    assert tuple(roster.states) == NINE
    assert [code for code, entry in roster.states.items() if entry.role == "observer"] == list(OBSERVERS)
    assert roster.demo
    assert roster.officer_threshold == 2
    assert (roster.root_version, roster.targets_version) == (1, 1)
    assert roster.catalogue is not None
    assert roster.catalogue.sha256 == roster.catalogue_sha256
    assert not roster.expired
    assert roster.expires == AT + VALIDITY


def test_a_state_says_which_keys_it_has() -> None:
    ceremony = three_states()
    roster = load_roster(ceremony.files, anchor=ceremony.anchor, at=AT)
    kaz = roster.state("kaz")
    assert [key.name for key in kaz.officers] == ["Офицер KAZ 0"]
    assert sorted(key.algorithm for key in kaz.log_keys) == ["ed25519", "mldsa44"]
    assert len(kaz.witness_keys) == 1
    assert kaz.endpoints == ("grpcs://127.0.0.1:7000",)
    assert kaz.name == "Kazakhstan"
    assert roster.tls_pins()[kaz.tls_keys[0].spki_sha256] == "KAZ"
    with pytest.raises(KeyNotTrustedError, match="names no state UZB"):
        roster.state("UZB")


@pytest.mark.parametrize(("members", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (9, 7)])
def test_more_than_two_thirds_must_sign(members: int, needed: int) -> None:
    assert threshold_of(members) == needed
    assert 3 * needed > 2 * members


def test_a_genesis_that_one_member_did_not_sign_is_refused_and_he_is_named() -> None:
    ceremony = nine_states()
    missing = only_signed_by(ceremony.files, "metadata/1.root.json", 6)
    from tallystick.keys.words import anchor_of

    anchor = anchor_of(missing["metadata/1.root.json"])
    with pytest.raises(
        BadSignatureError, match=r"1\.root\.json: 6 valid signatures where 7 are needed; missing: [A-Z]{3}$"
    ):
        load_roster(missing, anchor=anchor, at=AT)


def test_a_self_consistent_fake_federation_is_refused_by_the_anchor() -> None:
    real, fake = three_states(), Ceremony.make(("KAZ", "KGZ"), observers=())
    assert load_roster(fake.files, anchor=fake.anchor, at=AT).states
    with pytest.raises(KeyNotTrustedError, match="another federation's"):
        load_roster(fake.files, anchor=real.anchor, at=AT)


def test_targets_signed_by_four_of_seven_are_refused_and_by_five_taken() -> None:
    ceremony = nine_states()
    admitted = ceremony.new_targets(ceremony.files, admit("UZB"))
    name = "metadata/2.targets.json"
    five = only_signed_by(admitted, name, 5)
    assert load_roster(five, anchor=ceremony.anchor, at=AT).state("UZB").role == "observer"
    with pytest.raises(BadSignatureError, match=r"4 valid signatures where 5 are needed"):
        load_roster(only_signed_by(admitted, name, 4), anchor=ceremony.anchor, at=AT)


def test_a_page_signed_by_one_of_three_state_keys_is_refused() -> None:
    ceremony = nine_states()
    files = ceremony.new_page(ceremony.files, "KAZ")
    with pytest.raises(BadSignatureError, match="1 valid signatures where 2 are needed"):
        load_roster(only_signed_by(files, "metadata/2.kaz.json", 1), anchor=ceremony.anchor, at=AT)


def test_a_page_signed_by_another_states_keys_is_refused() -> None:
    ceremony = nine_states()
    page = ceremony.chains().states["kaz"][-1].page
    forged = resigned(replace(page, version=2), "kaz", ceremony.state_keys["KGZ"])
    with pytest.raises(BadSignatureError):
        load_roster(ceremony.files | forged, anchor=ceremony.anchor, at=AT)


def test_the_file_of_one_state_cannot_carry_the_page_of_another() -> None:
    ceremony = nine_states()
    page = ceremony.chains().states["kgz"][-1].page
    forged = resigned(replace(page, version=2), "kaz", ceremony.state_keys["KAZ"][:2])
    with pytest.raises(MalformedError, match="speaks for another state"):
        load_roster(ceremony.files | forged, anchor=ceremony.anchor, at=AT)


def test_a_signature_that_does_not_hold_is_not_carried_along() -> None:
    ceremony = nine_states()
    files = ceremony.new_page(ceremony.files, "KAZ")
    document = json.loads(files["metadata/2.kaz.json"])
    document["signatures"].append({"keyid": "f" * 64, "sig": "00" * 64})
    files["metadata/2.kaz.json"] = canonical_json(document)
    with pytest.raises(BadSignatureError, match="one of its signatures does not hold"):
        load_roster(files, anchor=ceremony.anchor, at=AT)


@pytest.mark.parametrize("gone", ["metadata/1.targets.json", "metadata/1.kaz.json", "metadata/2.kaz.json"])
def test_a_missing_version_is_named(gone: str) -> None:
    ceremony = nine_states()
    files = ceremony.new_page(ceremony.new_page(ceremony.files, "KAZ"), "KAZ")
    files = ceremony.new_targets(files, lambda page: page)
    del files[gone]
    version = re.findall("[0-9]+", gone)[0]
    with pytest.raises(MalformedError, match=f"version {version} is missing before it"):
        load_roster(files, anchor=ceremony.anchor, at=AT)


def test_a_roster_without_targets_or_genesis_is_refused() -> None:
    ceremony = nine_states()
    root = {"metadata/1.root.json": ceremony.files["metadata/1.root.json"]}
    with pytest.raises(MalformedError, match="no targets"):
        load_roster(root, anchor=ceremony.anchor, at=AT)
    with pytest.raises(MalformedError, match=r"no metadata/1\.root\.json"):
        load_roster({}, anchor=ceremony.anchor, at=AT)


def test_a_catalogue_that_nobody_agreed_is_refused_and_a_missing_one_is_missing() -> None:
    ceremony = nine_states()
    name = next(name for name in ceremony.files if name.startswith("targets/"))
    with pytest.raises(MalformedError, match="not a catalogue that the members agreed"):
        load_roster(ceremony.files | {name: b"{}"}, anchor=ceremony.anchor, at=AT)
    without = {other: data for other, data in ceremony.files.items() if other != name}
    roster = load_roster(without, anchor=ceremony.anchor, at=AT)
    assert roster.catalogue is None
    assert name == f"targets/{roster.catalogue_sha256}.catalogue.json"


def test_an_expired_roster_still_says_who_its_officers_are() -> None:
    ceremony = nine_states()
    roster = load_roster(ceremony.files, anchor=ceremony.anchor, at=AT + VALIDITY)
    assert roster.expired
    assert roster.state("KAZ").officers


def test_snapshot_and_timestamp_decide_nothing() -> None:
    ceremony = nine_states()
    files = ceremony.files | {"metadata/timestamp.json": b"junk", "metadata/7.snapshot.json": b"junk"}
    assert load_roster(files, anchor=ceremony.anchor, at=AT).states
    assert roster_digest(files) == roster_digest(ceremony.files)


def test_the_digest_says_whether_anything_differs() -> None:
    ceremony = nine_states()
    assert roster_digest(ceremony.new_page(ceremony.files, "KAZ")) != roster_digest(ceremony.files)


# what the profile refuses although the threshold signed it


def admit(code: str, **more: Any) -> Callable[[TargetsPage], TargetsPage]:
    keys = tuple(OfflineKey("ed25519", new_signer("ed25519").public) for _ in range(3))
    grant = StateGrant(
        code, "observer", tuple(sorted(keys, key=lambda key: key.tuf_keyid)), more.pop("versions_from", 1)
    )
    return lambda page: replace(page, grants=tuple(sorted((*page.grants, grant), key=lambda other: other.code)))


def regrant(code: str, **change: Any) -> Callable[[TargetsPage], TargetsPage]:
    return lambda page: replace(
        page, grants=tuple(replace(grant, **change) if grant.code == code else grant for grant in page.grants)
    )


def edited(ceremony: Ceremony, name: str, edit: Callable[[dict[str, Any]], None]) -> Files:
    """Version 2 of a file with ``edit`` made to its signed part, signed anew by everybody."""
    document = json.loads(ceremony.files[f"metadata/1.{name}.json"])["signed"]
    document["version"] = 2
    document[FIELD]["genesis"] = ceremony.genesis
    edit(document)
    from securesystemslib.formats import encode_canonical

    payload = (encode_canonical(document) or "").encode()
    keys = list(ceremony.ceremony_keys.values()) if name in {"root", "targets"} else ceremony.state_keys[name.upper()]
    entries = [
        {"keyid": OfflineKey(key.algorithm, key.public).tuf_keyid, "sig": key.sign(payload).hex()} for key in keys
    ]
    entries.sort(key=lambda entry: entry["keyid"])
    return ceremony.files | {f"metadata/2.{name}.json": canonical_json({"signatures": entries, "signed": document})}


def set_threshold(role: str, threshold: int) -> Callable[[dict[str, Any]], None]:
    def edit(signed: dict[str, Any]) -> None:
        signed["roles"][role]["threshold"] = threshold

    return edit


def add_voter(signed: dict[str, Any]) -> None:
    key = OfflineKey("ed25519", new_signer("ed25519").public)
    signed["keys"][key.tuf_keyid] = key.to_tuf().to_dict()
    signed["roles"]["root"]["keyids"].append(key.tuf_keyid)


def alias_voter(signed: dict[str, Any]) -> None:
    first = signed["roles"]["root"]["keyids"][0]
    signed["keys"]["f" * 64] = signed["keys"][first]
    for role in ("root", "targets"):
        signed["roles"][role]["keyids"].append("f" * 64)


def snapshot_by_members(signed: dict[str, Any]) -> None:
    signed["roles"]["timestamp"]["keyids"] = signed["roles"]["root"]["keyids"]


def not_consistent(signed: dict[str, Any]) -> None:
    signed["consistent_snapshot"] = False


def stray_field(signed: dict[str, Any]) -> None:
    signed["stray"] = 1


def stray_in_field(signed: dict[str, Any]) -> None:
    signed[FIELD]["stray"] = 1


def member_twice(signed: dict[str, Any]) -> None:
    signed[FIELD]["members"].append(signed[FIELD]["members"][-1])


def same_key_for_two_members(signed: dict[str, Any]) -> None:
    signed[FIELD]["members"][1]["keyid"] = signed[FIELD]["members"][0]["keyid"]


def no_field(signed: dict[str, Any]) -> None:
    del signed[FIELD]


@pytest.mark.parametrize(
    "edit",
    [
        set_threshold("root", 1),
        set_threshold("targets", 2),
        add_voter,
        alias_voter,
        snapshot_by_members,
        not_consistent,
        stray_field,
        stray_in_field,
        member_twice,
        same_key_for_two_members,
        no_field,
    ],
)
def test_a_root_off_the_profile_is_refused_whoever_signed_it(edit: Callable[[dict[str, Any]], None]) -> None:
    ceremony = three_states()
    with pytest.raises(MalformedError, match=r"2\.root\.json"):
        load_roster(edited(ceremony, "root", edit), anchor=ceremony.anchor, at=AT)


def wide_path(signed: dict[str, Any]) -> None:
    signed["delegations"]["roles"][0]["paths"] = ["*"]


def one_is_enough(signed: dict[str, Any]) -> None:
    signed["delegations"]["roles"][0]["threshold"] = 1


def two_keys(signed: dict[str, Any]) -> None:
    signed["delegations"]["roles"][0]["keyids"].pop()


def second_role(signed: dict[str, Any]) -> None:
    signed["delegations"]["roles"].append(signed["delegations"]["roles"][0] | {"name": "xxx"})


def shared_key(signed: dict[str, Any]) -> None:
    roles = signed["delegations"]["roles"]
    roles[0]["keyids"] = roles[1]["keyids"]


def other_target(signed: dict[str, Any]) -> None:
    signed["targets"]["more.json"] = signed["targets"]["catalogue.json"]


def no_digest(signed: dict[str, Any]) -> None:
    signed["targets"]["catalogue.json"]["hashes"] = {"md5": "ab" * 16}


def negative_length(signed: dict[str, Any]) -> None:
    signed["targets"]["catalogue.json"]["length"] = True


@pytest.mark.parametrize(
    "edit",
    [wide_path, one_is_enough, two_keys, second_role, shared_key, other_target, no_digest, negative_length, no_field],
)
def test_targets_off_the_profile_are_refused_whoever_signed_them(edit: Callable[[dict[str, Any]], None]) -> None:
    ceremony = three_states()
    with pytest.raises(MalformedError, match=r"2\.targets\.json"):
        load_roster(edited(ceremony, "targets", edit), anchor=ceremony.anchor, at=AT)


def key_field(**change: Any) -> Callable[[dict[str, Any]], None]:
    def edit(signed: dict[str, Any]) -> None:
        signed[FIELD]["keys"][0] |= change

    return edit


def drop_key(signed: dict[str, Any]) -> None:
    del signed[FIELD]["keys"][0]


def double_key(signed: dict[str, Any]) -> None:
    signed[FIELD]["keys"].append(signed[FIELD]["keys"][0])


def own_state_key(signed: dict[str, Any]) -> None:
    import base64

    raw = three_states().state_keys["KAZ"][0].public
    key = {"role": "witness", "algorithm": "ed25519", "public": base64.b64encode(raw).decode(), "name": "x"}
    signed[FIELD]["keys"].append(key)


def many_keys(signed: dict[str, Any]) -> None:
    signed[FIELD]["keys"] = signed[FIELD]["keys"] * 100


def others_leaf(signed: dict[str, Any]) -> None:
    other = json.loads(three_states().files["metadata/1.kgz.json"])["signed"][FIELD]["keys"]
    signed[FIELD]["keys"] = [key for key in signed[FIELD]["keys"] if key["role"] != "tls"]
    signed[FIELD]["keys"] += [key for key in other if key["role"] == "tls"]


def endpoint(url: str) -> Callable[[dict[str, Any]], None]:
    def edit(signed: dict[str, Any]) -> None:
        signed[FIELD]["endpoints"] = [url]

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        key_field(role="ceremony"),
        key_field(role="log"),
        key_field(role="witness"),
        key_field(algorithm="rsa"),
        key_field(public="AAAA"),
        key_field(public="not base64"),
        key_field(public="A" * 43 + "="),
        key_field(name=""),
        key_field(name="x" * 81),
        key_field(name="\x1b[2J"),
        key_field(name=" x"),
        key_field(refused_from=-1),
        key_field(refused_from=True),
        key_field(refused_from=2**60),
        key_field(refused_from=None),
        key_field(valid_until="tomorrow"),
        key_field(certificate="x"),
        key_field(stray=1),
        drop_key,
        double_key,
        own_state_key,
        many_keys,
        others_leaf,
        endpoint("http://kaz.example"),
        endpoint("grpcs://kaz.example/\n"),
        endpoint("file:///etc/passwd"),
        endpoint("grpcs://" + "x" * 300),
        no_field,
    ],
)
def test_a_page_off_the_profile_is_refused_although_its_state_signed_it(
    edit: Callable[[dict[str, Any]], None],
) -> None:
    ceremony = three_states()
    with pytest.raises(MalformedError):
        load_roster(edited(ceremony, "kaz", edit), anchor=ceremony.anchor, at=AT)


def test_another_states_tls_leaf_cannot_be_listed_as_ones_own() -> None:
    with pytest.raises(MalformedError, match=r"does not bear the name kaz\.tallystick\.invalid"):
        load_roster(edited(three_states(), "kaz", others_leaf), anchor=three_states().anchor, at=AT)


# one federation and another with the same keys


def twin(of: Ceremony) -> Ceremony:
    """Another federation of the same people with the same keys, a day later."""
    other = Ceremony(of.ceremony_keys, of.state_keys, of.cards, {})
    proposal = propose_genesis(of.cards, load_shipped(), demo=True, at=AT, expires=AT + VALIDITY - days(1))
    other.files = other.sign(proposal)
    return other


@pytest.mark.parametrize("role", ["root", "targets", "kaz"])
def test_what_was_signed_for_one_federation_counts_in_no_other_with_the_same_keys(role: str) -> None:
    ceremony = three_states()
    other = twin(ceremony)
    newer = other.new_page(other.new_targets(other.new_root(other.files), lambda page: page), "KAZ")
    name = f"metadata/2.{role}.json"
    assert load_roster(newer, anchor=other.anchor, at=AT)
    with pytest.raises(KeyNotTrustedError, match=rf"2\.{role}\.json: was signed for another federation"):
        load_roster(ceremony.files | {name: newer[name]}, anchor=ceremony.anchor, at=AT)


# one version after another


def test_a_demo_federation_never_becomes_a_real_one() -> None:
    ceremony = three_states()
    files = ceremony.new_root(ceremony.files, lambda page: replace(page, demo=False))
    with pytest.raises(MalformedError, match="a DEMO mark or officer threshold never changes"):
        load_roster(files, anchor=ceremony.anchor, at=AT)


def test_a_renewed_root_governs_the_same_targets() -> None:
    ceremony = three_states()
    files = ceremony.new_root(ceremony.files, lambda page: replace(page, expires=AT + days(1200)))
    roster = load_roster(files, anchor=ceremony.anchor, at=AT)
    assert roster.root_version == 2
    moved = ceremony.new_root(ceremony.files, lambda page: replace(page, targets_from=2))
    with pytest.raises(MalformedError, match="does not fit the change"):
        load_roster(moved, anchor=ceremony.anchor, at=AT)


def new_ceremony_key(ceremony: Ceremony, code: str, targets_from: int) -> tuple[Files, Any]:
    signer = new_signer("ed25519")
    key = OfflineKey("ed25519", signer.public)
    page = ceremony.chains().roots[-1].page
    members = tuple((state, key if state == code else old) for state, old in page.members)
    page = replace(page, version=2, members=members, targets_from=targets_from, genesis=ceremony.genesis)
    return resigned(page, "root", [*ceremony.ceremony_keys.values(), signer]), signer


def test_a_lost_ceremony_key_is_replaced_and_old_targets_stay_checkable() -> None:
    ceremony = nine_states()
    root, signer = new_ceremony_key(ceremony, "KAZ", 2)
    page = replace(ceremony.chains().targets[-1].page, version=2)
    lost = ceremony.ceremony_keys["KAZ"]
    four = [key for key in ceremony.ceremony_keys.values() if key is not lost][:4]
    by_new = resigned(page, "targets", [*four, signer])
    roster = load_roster(ceremony.files | root | by_new, anchor=ceremony.anchor, at=AT)
    assert (roster.root_version, roster.targets_version) == (2, 2)
    by_lost = resigned(page, "targets", [*four, lost])
    with pytest.raises(BadSignatureError, match="4 valid signatures where 5 are needed"):
        load_roster(ceremony.files | root | by_lost, anchor=ceremony.anchor, at=AT)


def test_a_root_with_new_keys_must_say_from_which_targets_they_count() -> None:
    ceremony = nine_states()
    root, _signer = new_ceremony_key(ceremony, "KAZ", 1)
    with pytest.raises(MalformedError, match="does not fit the change"):
        load_roster(ceremony.files | root, anchor=ceremony.anchor, at=AT)


def test_a_root_signed_by_its_own_new_members_alone_is_refused() -> None:
    ceremony = nine_states()
    strangers = {code: new_signer("ed25519") for code in ceremony.ceremony_keys}
    page = ceremony.chains().roots[-1].page
    members = tuple((code, OfflineKey("ed25519", key.public)) for code, key in strangers.items())
    page = replace(page, version=2, members=members, targets_from=2, genesis=ceremony.genesis)
    root = resigned(page, "root", list(strangers.values()))
    with pytest.raises(BadSignatureError, match="0 valid signatures where 5 are needed"):
        load_roster(ceremony.files | root, anchor=ceremony.anchor, at=AT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda page: replace(page, grants=page.grants[1:]), "is gone|other members"),
        (lambda page: replace(page, grants=tuple(g for g in page.grants if g.code != "AFG")), "AFG is gone"),
        (regrant("KAZ", role="observer"), "other members than the root's"),
        (regrant("AFG", versions_from=2), "does not fit the change"),
        (admit("UZB", versions_from=2), "count from version 1"),
    ],
)
def test_targets_that_forget_a_state_or_move_its_boundary_are_refused(
    change: Callable[[TargetsPage], TargetsPage], reason: str
) -> None:
    ceremony = nine_states()
    with pytest.raises(MalformedError, match=reason):
        load_roster(ceremony.new_targets(ceremony.files, change), anchor=ceremony.anchor, at=AT)


def test_a_ceremony_key_cannot_be_a_state_key_too() -> None:
    ceremony = nine_states()
    grant = ceremony.chains().targets[-1].page.grant("AFG")
    assert grant is not None
    member = ceremony.ceremony_keys["KAZ"]
    keys = (OfflineKey("ed25519", member.public), *grant.keys[1:])
    keys = tuple(sorted(keys, key=lambda key: key.tuf_keyid))
    files = ceremony.new_targets(ceremony.files, regrant("AFG", keys=keys, versions_from=2))
    with pytest.raises(MalformedError, match="a ceremony key stands as a state key"):
        load_roster(files, anchor=ceremony.anchor, at=AT)


def rekeyed(ceremony: Ceremony, code: str, versions_from: int) -> tuple[Files, list[Any]]:
    """The members give a state three new keys, which count from a version of its page on."""
    fresh = [new_signer("ed25519") for _ in range(3)]
    keys = tuple(sorted((OfflineKey("ed25519", key.public) for key in fresh), key=lambda key: key.tuf_keyid))
    return ceremony.new_targets(ceremony.files, regrant(code, keys=keys, versions_from=versions_from)), fresh


def test_old_pages_are_checked_under_the_targets_that_governed_them() -> None:
    ceremony = nine_states()
    files, fresh = rekeyed(ceremony, "KAZ", 2)
    assert load_roster(files, anchor=ceremony.anchor, at=AT).state("KAZ").version == 1
    page = replace(ceremony.chains(files).states["kaz"][-1].page, version=2)
    by_new = resigned(page, "kaz", fresh[:2])
    assert load_roster(files | by_new, anchor=ceremony.anchor, at=AT).state("KAZ").version == 2
    by_old = resigned(page, "kaz", ceremony.state_keys["KAZ"])
    with pytest.raises(BadSignatureError):
        load_roster(files | by_old, anchor=ceremony.anchor, at=AT)


def test_a_state_that_left_stays_checkable_but_speaks_no_more() -> None:
    ceremony = nine_states()
    files = ceremony.new_targets(ceremony.files, regrant("AFG", role="former", keys=(), versions_from=2))
    entry = load_roster(files, anchor=ceremony.anchor, at=AT).state("AFG")
    assert entry.role == "former"
    assert entry.officers
    assert not entry.tls_keys
    page = replace(ceremony.chains().states["afg"][-1].page, version=2)
    late = resigned(page, "afg", ceremony.state_keys["AFG"])
    with pytest.raises(KeyNotTrustedError, match="do not list AFG"):
        load_roster(files | late, anchor=ceremony.anchor, at=AT)


def test_a_page_of_a_state_that_nobody_admitted_is_refused() -> None:
    ceremony = nine_states()
    signers = [new_signer("ed25519") for _ in range(3)]
    page = StatePage(1, AT + VALIDITY, "UZB", "Uzbekistan", (), (), ceremony.genesis)
    with pytest.raises(KeyNotTrustedError, match="do not list UZB"):
        load_roster(ceremony.files | resigned(page, "uzb", signers), anchor=ceremony.anchor, at=AT)


def test_a_refused_officer_stays_refused_and_counts_before() -> None:
    ceremony = nine_states()
    officer = ceremony.chains().states["kaz"][-1].page.keys[0]
    files = ceremony.new_page(ceremony.files, "KAZ", cards=[officer_card("KAZ", "New")], refuse={officer.keyid[:8]: 40})
    entry = load_roster(files, anchor=ceremony.anchor, at=AT).state("KAZ")
    assert [key.name for key in entry.officers_for(39)] != [key.name for key in entry.officers_for(40)]
    assert officer.keyid in {key.keyid for key in entry.officers_for(39)}
    assert officer.keyid not in {key.keyid for key in entry.officers_for(40)}
    for refused_from in (None, 41):
        page = ceremony.chains(files).states["kaz"][-1].page
        keys = tuple(
            replace(key, refused_from=refused_from) if key.keyid == officer.keyid else key for key in page.keys
        )
        again = resigned(replace(page, version=3, keys=keys), "kaz", ceremony.state_keys["KAZ"])
        with pytest.raises(MalformedError, match="would count again"):
            load_roster(files | again, anchor=ceremony.anchor, at=AT)


def test_an_officers_key_is_never_forgotten_nor_given_another_name() -> None:
    ceremony = nine_states()
    page = ceremony.chains().states["kaz"][-1].page
    renamed = (replace(page.keys[0], name="Somebody else"), *page.keys[1:])
    for keys in ((), renamed):
        forged = resigned(replace(page, version=2, keys=keys), "kaz", ceremony.state_keys["KAZ"])
        with pytest.raises(MalformedError, match="missing or renamed"):
            load_roster(ceremony.files | forged, anchor=ceremony.anchor, at=AT)
