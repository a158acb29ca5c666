"""One pull of one peer against everything that a peer, or whoever stands between, can show."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.config.errors import (
    BadProofError,
    BadSignatureError,
    KeyNotTrustedError,
    MalformedError,
    PeerError,
    RollbackError,
    SplitViewError,
    VerificationError,
)
from tallystick.exchange.formats.merkle import leaf_hash
from tallystick.exchange.formats.tiles import decode_entries, encode_entries
from tallystick.exchange.pull import DataStep, LogStep, PullLimits, RosterStep, pull_peer
from tallystick.exchange.verify.release import UnknownEntry
from tallystick.keys.envelope import assemble, sign_payload
from tallystick.keys.signer import new_signer
from tests.support.federation import Federation
from tests.support.rosters import card, officer_card
from tests.support.sources import MemorySource, Store, source_of
from tests.support.wire import NOW, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire.make(("KAZ", "KGZ"))


def pull(source: MemorySource, store: Store, limits: PullLimits | None = None) -> list[object]:
    """Pull and keep; what was handed over before an error stays kept."""
    steps = []
    for step in pull_peer(source, source.cc, store.known, at=NOW, limits=limits):
        store.keep(step)
        steps.append(step)
    return steps


def refused(source: MemorySource, store: Store, error: type[Exception]) -> Exception:
    """Pull, expect a refusal, and expect that nothing of log or data was handed over."""
    before = (store.known.view, dict(store.data), list(store.entries))
    with pytest.raises(error) as caught:
        pull(source, store)
    assert (store.known.view, store.data, store.entries) == before
    return caught.value


def test_first_pull_takes_everything_and_the_next_asks_for_nothing(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 3)
    source, store = source_of(wire, tmp_path, "KAZ"), Store.empty(wire, "KAZ")
    steps = pull(source, store)
    assert [type(step) for step in steps] == [DataStep, LogStep]
    assert store.entries == wire.federation.state("KAZ").entries
    assert store.data == wire.federation.state("KAZ").data
    assert [one.observations[0].value for one in store.releases] == [55, 56, 57]
    source.asked.clear()
    assert pull(source, store) == []
    assert source.asked == []


def test_later_pull_fetches_what_was_there_before(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 2)
    store = Store.empty(wire, "KAZ")
    pull(source_of(wire, tmp_path / "1", "KAZ"), store)
    wire.release("KAZ", 1, first_year=2017)
    source = source_of(wire, tmp_path / "2", "KAZ")
    pull(source, store)
    assert len(store.entries) == 3
    assert sum("/data/" in path for path in source.asked) == 1


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=4, unique=True).map(sorted))
def test_any_sequence_of_sizes_ends_with_the_whole_log(
    sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wire = Wire.make(("KAZ", "KGZ"))
    state = wire.federation.state("KAZ")
    state.entries = [_other(state, f"urn:example:other:{number}") for number in range(sizes[-1])]
    store = Store.empty(wire, "KAZ")
    folder = tmp_path_factory.mktemp("tree")
    for size in sizes:
        source = source_of(wire, folder, "KAZ", size)
        pull(source, store)
        assert store.known.view is not None
        assert store.known.view.size == size
    assert store.entries == state.entries[: sizes[-1]]


@pytest.mark.parametrize("changed", [(0,), (2,), (0, 1), (1, 2)])
def test_a_bundle_with_changed_entries_is_taken(wire: Wire, tmp_path: Path, changed: tuple[int, ...]) -> None:
    wire.release("KAZ", 3)
    source = source_of(wire, tmp_path, "KAZ")
    path = "kaz/tile/entries/000.p/3"
    entries = decode_entries(source.files[path], 3)
    for at in changed:
        entries[at] = entries[at].replace(b"a", b"b", 1)
    source.files[path] = encode_entries(entries)
    refused(source, Store.empty(wire, "KAZ"), BadProofError)


def test_a_bundle_that_tells_the_past_otherwise_is_taken(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 2)
    store = Store.empty(wire, "KAZ")
    pull(source_of(wire, tmp_path / "1", "KAZ"), store)
    wire.release("KAZ", 1, first_year=2017)
    source = source_of(wire, tmp_path / "2", "KAZ")
    path = "kaz/tile/entries/000.p/3"
    entries = decode_entries(source.files[path], 3)
    entries[0] = entries[0].replace(b"a", b"b", 1)
    source.files[path] = encode_entries(entries)
    assert "seen before" in str(refused(source, store, BadProofError))


def test_an_entry_that_is_not_in_the_log_is_taken(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 3)
    source = source_of(wire, tmp_path, "KAZ")
    path = "kaz/tile/entries/000.p/3"
    source.files[path] = source.files[path] + encode_entries([b"one more"])
    refused(source, Store.empty(wire, "KAZ"), MalformedError)


def test_an_older_checkpoint_goes_unnoticed(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 3)
    store = Store.empty(wire, "KAZ")
    pull(source_of(wire, tmp_path / "1", "KAZ"), store)
    refused(source_of(wire, tmp_path / "2", "KAZ", 2), store, RollbackError)
    empty = source_of(wire, tmp_path / "3", "KAZ", 0)
    assert "shows no log" in str(refused(empty, store, RollbackError))


def test_two_histories_signed_by_the_log_are_not_proved(wire: Wire, tmp_path: Path) -> None:
    """At the same size, and where the second history is longer: both heads are the evidence."""
    other = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 2)
    other.release("KAZ", 2, first_year=2010)
    store = Store.empty(wire, "KAZ")
    pull(source_of(wire, tmp_path / "1", "KAZ"), store)
    seen = store.known.view.checkpoint
    fork = source_of(other, tmp_path / "2", "KAZ")
    error = refused(fork, store, SplitViewError)
    assert error.evidence == (seen, fork.files["kaz/checkpoint"])
    other.release("KAZ", 3, first_year=2012)
    longer = source_of(other, tmp_path / "3", "KAZ")
    longer.files["kaz/tile/entries/000.p/5"] = encode_entries(
        [*wire.federation.state("KAZ").entries, *other.federation.state("KAZ").entries[2:]]
    )
    error = refused(longer, store, SplitViewError)
    leaves = b"".join(leaf_hash(entry) for entry in other.federation.state("KAZ").entries)
    assert error.evidence == (seen, longer.files["kaz/checkpoint"], leaves)


def _entry(wire: Wire, envelope: bytes) -> None:
    wire.federation.state("KAZ").entries.append(envelope)


def _payload(federation: Federation, code: str) -> tuple[bytes, bytes]:
    data = federation.data(code, "VICTIMS", "2018", {(): 50})
    return federation.statement(code, "VICTIMS", "2018", data).to_payload(), data


def _other(state: object, predicate_type: str) -> bytes:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": predicate_type,
        "predicate": {"anything": 1},
    }
    payload = rfc8785.dumps(statement)
    return assemble(payload, [sign_payload(payload, signer) for signer in state.officers[:2]])


def test_an_entry_that_does_not_verify_lets_the_rest_in(wire: Wire, tmp_path: Path) -> None:
    """A stranger's, another state's, one officer twice or alone: the log stops there, whatever stands behind."""
    kaz, kgz = wire.federation.state("KAZ"), wire.federation.state("KGZ")
    payload, data = _payload(wire.federation, "KAZ")
    foreign, _data = _payload(wire.federation, "KGZ")
    stranger = [new_signer("ed25519"), new_signer("ed25519")]
    one = sign_payload(payload, kaz.officers[0])
    cases = {
        "stranger": (assemble(payload, [sign_payload(payload, key) for key in stranger]), KeyNotTrustedError),
        "one and a stranger": (assemble(payload, [one, sign_payload(payload, stranger[0])]), KeyNotTrustedError),
        "other state's officers": (
            assemble(payload, [sign_payload(payload, key) for key in kgz.officers[:2]]),
            KeyNotTrustedError,
        ),
        "other state's release": (
            assemble(foreign, [sign_payload(foreign, key) for key in kgz.officers[:2]]),
            VerificationError,
        ),
        "one alone": (assemble(payload, [one]), BadSignatureError),
        "one twice": (assemble(payload, [one, replace(one, keyid="f" * 64)]), BadSignatureError),
        "no envelope": (b"{}", MalformedError),
    }
    for name, (envelope, error) in cases.items():
        fresh = Wire.make(("KAZ", "KGZ"))
        fresh.release("KAZ", 2)
        store = Store.empty(fresh, "KAZ")
        good = source_of(fresh, tmp_path / name / "good", "KAZ")
        pull(good, store)
        state = fresh.federation.state("KAZ")
        state.entries.append(envelope)
        files = dict(good.files)
        files["kaz/checkpoint"] = state.checkpoint()
        files["kaz/tile/entries/000.p/3"] = encode_entries(state.entries)
        files["kaz/data/sha256/" + hashlib.sha256(data).hexdigest()] = data
        fault = refused(MemorySource(files, "kaz"), store, error)
        assert str(fault).startswith("KAZ, log entry 2: "), name


def test_one_officer_under_two_names_counts_twice(wire: Wire, tmp_path: Path) -> None:
    second = new_signer("ed25519")
    again = card("officer", "KAZ", "AIGERIM  of KAZ", [("officer", second)])[0]
    files = wire.ceremony.new_page(wire.roster_files, "KAZ", cards=[again], at=NOW)
    wire.adopt(wire.ceremony.indexed(files))
    state = wire.federation.state("KAZ")
    payload, _data = _payload(wire.federation, "KAZ")
    _entry(wire, assemble(payload, [sign_payload(payload, key) for key in (state.officers[0], second)]))
    tree = source_of(wire, tmp_path, "KAZ", 0)
    tree.files["kaz/checkpoint"] = state.checkpoint()
    tree.files["kaz/tile/entries/000.p/1"] = encode_entries(state.entries)
    refused(tree, Store.empty(wire, "KAZ"), BadSignatureError)


def test_an_unknown_predicate_is_an_error(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 1)
    _entry(wire, _other(wire.federation.state("KAZ"), "urn:example:other:1"))
    wire.release("KAZ", 1, first_year=2016)
    store = Store.empty(wire, "KAZ")
    pull(source_of(wire, tmp_path, "KAZ"), store)
    assert [type(one) is UnknownEntry for one in store.releases] == [False, True, False]
    assert store.entries == wire.federation.state("KAZ").entries


def test_changed_data_is_taken(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 2)
    source = source_of(wire, tmp_path, "KAZ")
    path = next(path for path in source.files if "/data/" in path)
    source.files[path] = source.files[path].replace(b"5", b"6", 1)
    refused(source, Store.empty(wire, "KAZ"), BadProofError)


def test_missing_data_stops_the_log_or_never_comes(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 3)
    source, store = source_of(wire, tmp_path, "KAZ"), Store.empty(wire, "KAZ")
    path = next(path for path in source.files if "/data/" in path)
    data = source.files.pop(path)
    pull(source, store)
    assert store.missing == 1
    assert sum(one.observations is None for one in store.releases) == 1
    assert pull(source, store) == []
    source.files[path] = data
    steps = pull(source, store)
    assert [type(step) for step in steps] == [DataStep, LogStep]
    assert all(one.observations for one in store.releases)
    assert pull(source, store) == []


def test_a_broken_connection_loses_what_came(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 20)
    source, store = source_of(wire, tmp_path, "KAZ"), Store.empty(wire, "KAZ")
    limits = PullLimits(files=4)
    for broken_after in (1 + 6, 1 + 3):
        source.breaks_after = broken_after
        with pytest.raises(PeerError, match="broke"):
            pull(source, store, limits)
        source.breaks_after = None
    assert len(store.data) == 9
    source.asked.clear()
    pull(source, store, limits)
    assert sum("/data/" in path for path in source.asked) == 11
    assert len(store.entries) == 20
    assert all(one.observations for one in store.releases)


def test_one_pull_takes_more_than_its_share_or_never_ends(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 10)
    source, store = source_of(wire, tmp_path, "KAZ"), Store.empty(wire, "KAZ")
    limits = PullLimits(files=2, data_bytes=1)
    passes = 0
    while pull(source, store, limits):
        passes += 1
        assert len(store.data) == 2 * passes
    assert passes == 5
    assert all(one.observations for one in store.releases)


def test_more_entries_than_one_pull_takes_are_fetched(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 3)
    source = source_of(wire, tmp_path, "KAZ")
    with pytest.raises(PeerError, match="3 new entries, more than the 2"):
        pull(source, Store.empty(wire, "KAZ"), PullLimits(entries=2))
    assert not any("entries" in path for path in source.asked)
    with pytest.raises(PeerError, match="more than 100 bytes"):
        pull(source, Store.empty(wire, "KAZ"), PullLimits(entry_bytes=100))


def test_a_log_that_grows_meanwhile_breaks_the_pull(wire: Wire, tmp_path: Path) -> None:
    """The partial bundle of the head is gone, because a wider one stands there: the head is asked for again."""
    wire.release("KAZ", 2)
    store, old = Store.empty(wire, "KAZ"), source_of(wire, tmp_path, "KAZ").files["kaz/checkpoint"]
    wire.release("KAZ", 1, first_year=2017)
    source = source_of(wire, tmp_path, "KAZ")
    new = source.files["kaz/checkpoint"]
    heads = iter([old, new])

    def head() -> object:
        return replace(MemorySource.head(source), checkpoint=next(heads))

    source.head = head  # type: ignore[method-assign]
    pull(source, store)
    assert store.known.view.size == 3


def test_a_full_bundle_in_place_of_a_partial_one_is_not_understood(wire: Wire, tmp_path: Path) -> None:
    state = wire.federation.state("KAZ")
    state.entries = [_other(state, "urn:example:other:1")] * 256
    source = source_of(wire, tmp_path, "KAZ")
    source.files["kaz/checkpoint"] = state.checkpoint(200)
    store = Store.empty(wire, "KAZ")
    pull(source, store)
    assert store.known.view.size == 200


def test_a_rotated_roster_comes_too_late_for_the_log(wire: Wire, tmp_path: Path) -> None:
    """The new officer's first release arrives together with the page that names him."""
    store, signer = Store.empty(wire, "KAZ"), new_signer("ed25519")
    files = wire.ceremony.new_page(wire.roster_files, "KAZ", cards=[officer_card("KAZ", "Dana", signer)], at=NOW)
    wire.adopt(wire.ceremony.indexed(files))
    state = wire.federation.state("KAZ")
    state.officers[0] = signer
    wire.release("KAZ", 1)
    steps = pull(source_of(wire, tmp_path, "KAZ"), store)
    assert [type(step) for step in steps] == [RosterStep, DataStep, LogStep]
    assert steps[0].result.changed
    assert store.releases[0].officers.count("Dana") == 1


def test_another_federations_roster_is_merged(wire: Wire, tmp_path: Path) -> None:
    """A fake federation that is consistent in itself: same codes, other genesis."""
    fake = Wire.make(("KAZ", "KGZ", "TUR"))
    fake.release("KAZ", 2)
    assert fake.federation.roster.federation_id != wire.federation.roster.federation_id
    error = refused(source_of(fake, tmp_path, "KAZ"), Store.empty(wire, "KAZ"), KeyNotTrustedError)
    assert "another federation" in str(error)


def test_an_expired_roster_takes_changes_or_stops_releases(wire: Wire, tmp_path: Path) -> None:
    store = Store.empty(wire, "KAZ")
    files = wire.ceremony.new_page(wire.roster_files, "KGZ", at=NOW)
    wire.release("KAZ", 1)
    source = source_of(wire, tmp_path, "KAZ")
    source.files |= {f"roster/{name}": data for name, data in files.items()}
    late = NOW + timedelta(days=4 * 366)
    steps = []
    for step in pull_peer(source, "kaz", store.known, at=late):
        store.keep(step)
        steps.append(step)
    assert [type(step) for step in steps] == [RosterStep, DataStep, LogStep]
    assert not steps[0].result.changed
    assert any("expired" in note for note in steps[0].result.notes)
    assert store.releases[0].observations


def test_a_slice_released_twice_is_no_alarm(wire: Wire, tmp_path: Path) -> None:
    wire.release("KAZ", 1)
    store = Store.empty(wire, "KAZ")
    pull(source_of(wire, tmp_path / "1", "KAZ"), store)
    first = wire.federation.state("KAZ").entries[0]
    data = wire.federation.data("KAZ", "VICTIMS", "2015", {(): 99})
    payload = wire.federation.statement("KAZ", "VICTIMS", "2015", data).to_payload()
    state = wire.federation.state("KAZ")
    second = assemble(payload, [sign_payload(payload, key) for key in state.officers[:2]])
    _entry(wire, second)
    source = source_of(wire, tmp_path / "1", "KAZ", 1)
    source.files["kaz/checkpoint"] = state.checkpoint()
    source.files["kaz/tile/entries/000.p/2"] = encode_entries(state.entries)
    error = refused(source, store, SplitViewError)
    assert error.evidence == (first, second)


def test_a_state_that_the_roster_does_not_name_is_pulled(wire: Wire) -> None:
    store = Store.empty(wire, "KAZ")
    files = {f"roster/{name}": data for name, data in wire.roster_files.items()}
    with pytest.raises(KeyNotTrustedError, match="names no state"):
        list(pull_peer(MemorySource(files, "tur"), "tur", store.known, at=NOW))


def test_a_state_without_log_is_an_error(wire: Wire, tmp_path: Path) -> None:
    store = Store.empty(wire, "KAZ")
    assert pull(source_of(wire, tmp_path, "KAZ", 0), store) == []
