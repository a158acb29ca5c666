"""Merging: nine states end with one roster whatever the order, and nothing that was not signed gets in."""

import itertools
from dataclasses import replace
from datetime import timedelta
from functools import cache, reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Metadata

from tallystick.config.errors import (
    BadSignatureError,
    KeyNotTrustedError,
    MalformedError,
    SplitViewError,
    UnanchoredError,
    VerificationError,
)
from tallystick.keys.genesis import VALIDITY
from tallystick.keys.merge import MergeResult, merge
from tallystick.keys.roster import load_roster, roster_digest
from tallystick.keys.signer import new_signer
from tallystick.keys.tuf_files import LIMITS, write_file
from tallystick.keys.tuf_keys import OfflineKey
from tests.support.rosters import (
    AT,
    Ceremony,
    Files,
    days,
    nine_states,
    officer_card,
    only_signed_by,
    resigned,
    three_states,
)


def bare(files: Files) -> Files:
    return {name: data for name, data in files.items() if "snapshot" not in name and "timestamp" not in name}


def merged(*nodes: Files) -> Files:
    """Merge from left to right and return what stands in the end, index included."""
    return reduce(lambda mine, theirs: merge(mine, theirs, at=AT).files, nodes)


def versions(files: Files) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in bare(files):
        if name.startswith("metadata/"):
            number, role, _json = name.removeprefix("metadata/").split(".")
            found[role] = max(found.get(role, 0), int(number))
    return found


# prototype (2) of the issue: nine states, two concurrent rotations


@cache
def concurrent() -> tuple[Files, Files, Files]:
    """Three nodes: one saw KAZ rotate, one saw TUR rotate twice, one saw nothing."""
    ceremony = nine_states()
    kaz = ceremony.new_page(ceremony.files, "KAZ")
    tur = ceremony.new_page(ceremony.new_page(ceremony.files, "TUR"), "TUR")
    return ceremony.indexed(kaz), ceremony.indexed(tur), ceremony.indexed(ceremony.files)


def test_two_concurrent_rotations_meet_in_one_roster_in_every_order() -> None:
    results = [merged(*order) for order in itertools.permutations(concurrent())]
    assert all(result == results[0] for result in results)
    found = versions(results[0])
    assert (found["kaz"], found["tur"], found["kgz"], found["root"], found["targets"]) == (2, 3, 1, 1, 1)
    assert merged(results[0], results[0]) == results[0]


def test_the_snapshots_version_grows_with_every_merge_that_changes_something() -> None:
    def number(files: Files) -> int:
        names = [name for name in files if name.endswith(".snapshot.json")]
        assert len(names) == 1
        return int(names[0].split("/")[1].split(".")[0])

    kaz, tur, plain = concurrent()
    assert number(plain) < number(kaz) < number(tur) < number(merged(kaz, tur))


def test_nine_nodes_that_gossip_end_with_one_digest() -> None:
    ceremony = nine_states()
    nodes = {code: ceremony.new_page(ceremony.files, code) for code in ceremony.state_keys}
    ring = list(nodes)
    for one, two in itertools.pairwise([*ring, *ring]):
        nodes[two] = merged(nodes[two], nodes[one])
    assert len({roster_digest(files) for files in nodes.values()}) == 1
    assert set(versions(nodes["KAZ"]).values()) == {1, 2}


# the property


@cache
def history() -> tuple[Ceremony, Files, dict[str, int]]:
    """Everything that can be known: pages, an admission, a re-keyed state, a renewed root."""
    ceremony = Ceremony.make(("KAZ", "KGZ", "TUR", "UZB"), observers=("UZB",))
    files = ceremony.new_page(ceremony.new_page(ceremony.files, "KGZ"), "KGZ")
    files = ceremony.new_page(files, "KAZ")
    fresh = [new_signer("ed25519") for _ in range(3)]
    keys = tuple(sorted((OfflineKey("ed25519", key.public) for key in fresh), key=lambda key: key.tuf_keyid))
    files = ceremony.new_targets(files, lambda page: page)
    files = ceremony.new_targets(
        files,
        lambda page: replace(
            page,
            grants=tuple(
                replace(grant, keys=keys, versions_from=3) if grant.code == "KAZ" else grant for grant in page.grants
            ),
        ),
    )
    page = ceremony.chains(files).states["kaz"][-1].page
    files |= resigned(replace(page, version=3), "kaz", fresh)
    files = ceremony.new_root(files, lambda root: replace(root, expires=AT + days(1110)))
    return ceremony, files, versions(files)


@st.composite
def knowledge(draw: st.DrawFn) -> Files:
    """What one honest node may hold: a beginning of every role's versions, each with enough signatures."""
    _ceremony, files, top = history()
    known = {role: draw(st.integers(1, number), label=role) for role, number in top.items()}
    if known["targets"] < 3:
        known["kaz"] = min(known["kaz"], 2)
    found = {}
    for name, data in files.items():
        if name.startswith("targets/"):
            if draw(st.booleans()):
                found[name] = data
            continue
        number, role, _json = name.removeprefix("metadata/").split(".")
        if int(number) <= known[role]:
            found[name] = data if name == "metadata/1.root.json" else draw(signed_enough(role, data))
    return found


def signed_enough(role: str, data: bytes) -> st.SearchStrategy[bytes]:
    metadata: Metadata[Any] = Metadata.from_bytes(data)
    texts = {keyid: entry.signature for keyid, entry in metadata.signatures.items()}
    least = 3 if role in {"root", "targets"} else 2
    return st.lists(st.sampled_from(sorted(texts)), min_size=least, max_size=len(texts), unique=True).map(
        lambda chosen: write_file(metadata, {keyid: texts[keyid] for keyid in chosen})
    )


@settings(max_examples=20, deadline=None)
@given(knowledge(), knowledge(), knowledge())
def test_merge_is_commutative_associative_idempotent_and_never_lowers(one: Files, two: Files, three: Files) -> None:
    ceremony = history()[0]
    both = merged(one, two)
    assert both == merged(two, one)
    assert merged(both, three) == merged(one, merged(two, three))
    assert merged(both, both) == both
    assert bare(merged(one, one)) == one
    assert versions(both) == {role: max(versions(one)[role], versions(two)[role]) for role in versions(one)}
    assert load_roster(both, anchor=ceremony.anchor, at=AT).federation_id == ceremony.anchor


@settings(max_examples=30, deadline=None)
@given(knowledge(), st.data())
def test_nothing_is_adopted_that_the_threshold_did_not_sign(mine: Files, data: st.DataObject) -> None:
    """Whatever is left of real signatures below the threshold, or flipped in a signed file, changes nothing."""
    files = history()[1]
    name = data.draw(
        st.sampled_from(sorted(set(files) - set(mine) - {"metadata/1.root.json"}) or ["metadata/9.kaz.json"])
    )
    source = files.get(name, files["metadata/2.kaz.json"])
    if data.draw(st.booleans()) and name in files and name.startswith("metadata/"):
        least = 3 if "root" in name or "targets" in name else 2
        metadata: Metadata[Any] = Metadata.from_bytes(source)
        texts = sorted((keyid, entry.signature) for keyid, entry in metadata.signatures.items())
        bad = write_file(metadata, dict(texts[: data.draw(st.integers(0, least - 1))]))
    else:
        changed = bytearray(source)
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        bad = bytes(changed)
    result = merge(mine, {name: bad}, at=AT)
    if bare(result.files) != mine:
        spare = set(Metadata.from_bytes(source).signatures)
        kept = set(Metadata.from_bytes(result.files[name]).signatures)
        assert kept < spare, "only a file that lost one of its spare signatures may still count"
        assert Metadata.from_bytes(result.files[name]).signed_bytes == Metadata.from_bytes(source).signed_bytes


# what is refused


def refused(mine: Files, theirs: Files, why: str, **more: Any) -> MergeResult:
    result = merge(mine, theirs, at=more.get("at", AT))
    assert bare(result.files) == bare(mine)
    assert not result.changed
    assert any(why in note for note in result.notes), result.notes
    return result


def test_four_of_seven_admit_nobody() -> None:
    ceremony = nine_states()
    admitted = ceremony.new_targets(ceremony.files, lambda page: replace(page, expires=AT + days(300)))
    four = only_signed_by(admitted, "metadata/2.targets.json", 4)
    refused(ceremony.files, four, "2.targets.json: 4 valid signatures where 5 are needed")
    assert merge(ceremony.files, only_signed_by(admitted, "metadata/2.targets.json", 5), at=AT).changed


def test_another_federations_roster_is_refused_whole() -> None:
    real, fake = nine_states(), three_states()
    with pytest.raises(KeyNotTrustedError, match="another federation"):
        merge(real.files, fake.files, at=AT)
    with pytest.raises(KeyNotTrustedError, match="another federation's"):
        merge({}, fake.files, at=AT, anchor=real.anchor)


def test_the_first_roster_needs_an_anchor() -> None:
    ceremony = nine_states()
    with pytest.raises(UnanchoredError):
        merge({}, ceremony.files, at=AT)
    result = merge({}, ceremony.files, at=AT, anchor=ceremony.anchor)
    assert result.changed
    assert bare(result.files) == ceremony.files


def test_a_first_roster_whose_genesis_lacks_a_signature_is_refused() -> None:
    from tallystick.keys.words import anchor_of

    files = only_signed_by(nine_states().files, "metadata/1.root.json", 6)
    with pytest.raises(BadSignatureError):
        merge({}, files, at=AT, anchor=anchor_of(files["metadata/1.root.json"]))


def test_a_jump_over_a_version_is_not_taken_until_the_version_between_comes() -> None:
    ceremony = nine_states()
    two = ceremony.new_page(ceremony.files, "KAZ")
    three = ceremony.new_page(two, "KAZ")
    only_three = {name: data for name, data in three.items() if name != "metadata/2.kaz.json"}
    assert not merge(ceremony.files, only_three, at=AT).changed
    assert versions(merged(two, only_three))["kaz"] == 3


def test_a_version_far_ahead_is_not_even_looked_at() -> None:
    ceremony = nine_states()
    page = ceremony.chains().states["kaz"][-1].page
    far = resigned(replace(page, version=2**29), "kaz", ceremony.state_keys["KAZ"])
    assert not merge(ceremony.files, far, at=AT).changed


def test_one_merge_takes_so_many_versions_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ceremony = three_states()
    files = ceremony.files
    for _ in range(4):
        files = ceremony.new_page(files, "KAZ", cards=[])
    monkeypatch.setattr("tallystick.keys.merge.LIMITS", replace(LIMITS, ahead=2))
    first = merge(ceremony.files, files, at=AT)
    assert versions(first.files)["kaz"] == 3
    assert any("too many versions at once" in note for note in first.notes)
    assert versions(merge(first.files, files, at=AT).files)["kaz"] == 5


def test_a_page_valid_for_longer_than_three_years_is_not_taken() -> None:
    ceremony = nine_states()
    page = ceremony.chains().states["kaz"][-1].page
    lasting = replace(page, version=2, expires=AT + days(LIMITS.validity_days + 1))
    refused(ceremony.files, resigned(lasting, "kaz", ceremony.state_keys["KAZ"]), "longer than three years")


def test_files_beyond_all_bounds_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ceremony = three_states()
    with pytest.raises(MalformedError, match="more than"):
        merge(ceremony.files, {f"metadata/{n}.kaz.json": b"" for n in range(1, LIMITS.files + 2)}, at=AT)
    block = b" " * LIMITS.root
    many = {f"metadata/{n}.root.json": block for n in range(2, 2 + LIMITS.total // LIMITS.root)}
    with pytest.raises(MalformedError, match="more than"):
        merge(ceremony.files, many | {"metadata/9.kaz.json": b" "}, at=AT)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("metadata/2.kaz.json", b"junk"),
        ("metadata/2.kaz.json", b"[" * 200_000),
        ("metadata/2.kaz.json", b" " * (LIMITS.state + 1)),
        ("metadata/1.xxx.json", b"{}"),
        ("metadata/1.kaz.json", b"{}"),
        ("targets/" + "0" * 64 + ".catalogue.json", b"{}"),
        ("../../etc/passwd", b"x"),
        ("metadata/1.root.json.bak", b"x"),
    ],
)
def test_junk_is_noted_and_changes_nothing(name: str, data: bytes) -> None:
    result = merge(three_states().files, {name: data}, at=AT)
    assert not result.changed
    assert result.notes


def test_notes_are_bounded() -> None:
    many = {f"junk-{number}": b"" for number in range(2000)}
    assert len(merge(three_states().files, many, at=AT).notes) <= 100


def test_a_damaged_roster_of_ones_own_is_an_error() -> None:
    ceremony = three_states()
    with pytest.raises(VerificationError):
        merge(ceremony.files | {"metadata/1.kaz.json": b"{}"}, ceremony.files, at=AT)


# two tongues


def test_of_two_contents_of_one_version_the_first_stays_and_both_are_shown() -> None:
    ceremony = nine_states()
    one = ceremony.new_page(ceremony.files, "KAZ", cards=[officer_card("KAZ", "One")])
    two = ceremony.new_page(ceremony.files, "KAZ", cards=[officer_card("KAZ", "Two")])
    result = merge(one, two, at=AT)
    assert bare(result.files) == one
    assert not result.changed
    (split,) = result.splits
    assert (split.name, split.kept, split.other) == (
        "metadata/2.kaz.json",
        one["metadata/2.kaz.json"],
        two["metadata/2.kaz.json"],
    )
    error = split.to_error()
    assert isinstance(error, SplitViewError)
    assert error.evidence == (split.kept, split.other)


def test_an_unsigned_second_content_is_no_split() -> None:
    ceremony = nine_states()
    one = ceremony.new_page(ceremony.files, "KAZ", cards=[officer_card("KAZ", "One")])
    two = ceremony.new_page(ceremony.files, "KAZ", cards=[officer_card("KAZ", "Two")])
    result = merge(one, only_signed_by(two, "metadata/2.kaz.json", 1), at=AT)
    assert not result.splits
    assert any("1 valid signatures where 2 are needed" in note for note in result.notes)


def test_other_signers_of_the_same_page_are_no_split_but_one_more_signature() -> None:
    ceremony = nine_states()
    page = replace(ceremony.chains().states["kaz"][-1].page, version=2)
    first, second, third = ceremony.state_keys["KAZ"]
    one = ceremony.files | resigned(page, "kaz", [first, second])
    two = ceremony.files | resigned(page, "kaz", [second, third])
    assert merged(one, two) == merged(two, one)
    assert not merge(one, two, at=AT).splits
    assert len(Metadata.from_bytes(merged(one, two)["metadata/2.kaz.json"]).signatures) == 3


def test_a_signature_that_does_not_hold_is_left_behind() -> None:
    ceremony = nine_states()
    newer = ceremony.new_page(ceremony.files, "KAZ")
    metadata: Metadata[Any] = Metadata.from_bytes(newer["metadata/2.kaz.json"])
    texts = {keyid: entry.signature for keyid, entry in metadata.signatures.items()}
    stuffed = newer | {"metadata/2.kaz.json": write_file(metadata, {**texts, "f" * 64: "00" * 64})}
    assert bare(merge(ceremony.files, stuffed, at=AT).files) == newer
    assert merge(newer, stuffed, at=AT).changed is False


def test_two_token_signatures_by_one_key_settle_on_one() -> None:
    ceremony = three_states()
    page = replace(ceremony.chains().states["tur"][-1].page, version=2)
    one = ceremony.files | resigned(page, "tur", ceremony.state_keys["TUR"][:2])
    two = ceremony.files | resigned(page, "tur", ceremony.state_keys["TUR"][:2])
    assert one != two
    assert merged(one, two) == merged(two, one)


# time


def test_an_expired_roster_takes_no_change_but_stays_readable() -> None:
    ceremony = nine_states()
    late = AT + VALIDITY
    newer = ceremony.new_page(ceremony.files, "KAZ", at=late)
    result = refused(ceremony.files, newer, "the roster has expired", at=late)
    assert result.roster.expired
    assert result.roster.state("KAZ").officers
    assert merge(ceremony.files, newer, at=late - timedelta(seconds=1)).changed


def test_a_renewed_root_and_targets_bring_an_expired_roster_back() -> None:
    ceremony = nine_states()
    late = AT + VALIDITY + days(10)
    renewed = ceremony.new_root(ceremony.files, lambda page: replace(page, expires=late + days(900)))
    renewed = ceremony.new_targets(renewed, lambda page: replace(page, expires=late + days(900)))
    renewed = ceremony.new_page(renewed, "KAZ", at=late)
    result = merge(ceremony.files, renewed, at=late)
    assert bare(result.files) == renewed
    assert not result.roster.expired


def test_a_renewal_that_has_itself_expired_is_not_taken() -> None:
    ceremony = nine_states()
    late = AT + VALIDITY + days(10)
    renewed = ceremony.new_root(ceremony.files, lambda page: replace(page, expires=late - days(1)))
    refused(ceremony.files, renewed, "2.root.json: has expired and was not adopted", at=late)


def test_a_states_page_that_has_expired_is_replaced_by_its_renewal_only() -> None:
    ceremony = nine_states()
    page = ceremony.chains().states["kaz"][-1].page
    expired = resigned(replace(page, version=2, expires=AT - days(1)), "kaz", ceremony.state_keys["KAZ"])
    refused(ceremony.files, expired, "2.kaz.json: has expired and was not adopted")
    renewed = expired | resigned(replace(page, version=3, expires=AT + days(9)), "kaz", ceremony.state_keys["KAZ"])
    assert versions(merge(ceremony.files, renewed, at=AT).files)["kaz"] == 3


def test_a_first_roster_that_has_expired_is_not_adopted() -> None:
    ceremony = nine_states()
    with pytest.raises(VerificationError, match="cannot be adopted"):
        merge({}, ceremony.files, at=AT + VALIDITY, anchor=ceremony.anchor)


# changes of members and keys


def test_a_root_that_changes_keys_waits_for_its_targets() -> None:
    ceremony = nine_states()
    signer = new_signer("ed25519")
    page = ceremony.chains().roots[-1].page
    members = tuple((c, OfflineKey("ed25519", signer.public) if c == "KAZ" else key) for c, key in page.members)
    page = replace(page, version=2, members=members, targets_from=2, genesis=ceremony.genesis)
    root = resigned(page, "root", [*ceremony.ceremony_keys.values(), signer])
    refused(ceremony.files, root, "2.root.json waits for version 2 of the targets")
    targets = replace(ceremony.chains().targets[-1].page, version=2)
    voters = [key for code, key in ceremony.ceremony_keys.items() if code != "KAZ"]
    both = root | resigned(targets, "targets", [*voters, signer])
    result = merge(ceremony.files, both, at=AT)
    assert (result.roster.root_version, result.roster.targets_version) == (2, 2)
    assert merged(ceremony.files, both) == merged(ceremony.files | both, ceremony.files)


def test_stolen_state_keys_lose_what_the_members_refuse() -> None:
    """The only way down: two thirds say from which version of a page the old keys no longer count."""
    ceremony = nine_states()
    thief = ceremony.new_page(ceremony.new_page(ceremony.files, "KAZ"), "KAZ")
    fresh = [new_signer("ed25519") for _ in range(3)]
    keys = tuple(sorted((OfflineKey("ed25519", key.public) for key in fresh), key=lambda key: key.tuf_keyid))
    vote = ceremony.new_targets(
        ceremony.files,
        lambda page: replace(
            page,
            grants=tuple(
                replace(grant, keys=keys, versions_from=2) if grant.code == "KAZ" else grant for grant in page.grants
            ),
        ),
    )
    page = replace(ceremony.chains().states["kaz"][-1].page, version=2)
    restored = vote | resigned(page, "kaz", fresh[:2])
    assert merged(thief, restored) == merged(restored, thief)
    result = merge(thief, restored, at=AT)
    assert versions(result.files)["kaz"] == 2
    assert bare(result.files) == restored
    assert versions(merged(thief, vote))["kaz"] == 1
