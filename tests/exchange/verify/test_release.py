"""One release judged: every rule of ``verify_release`` has a lie that only it catches."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import (
    BadProofError,
    BadSignatureError,
    KeyNotTrustedError,
    MalformedError,
    VerificationError,
)
from tallystick.exchange.formats.statement import payload_id
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, verify_release
from tallystick.keys.envelope import assemble, parse_envelope, sign_payload
from tallystick.keys.roster_types import Roster, RosterKey, StateEntry
from tallystick.keys.signer import new_signer
from tests.support.federation import Federation

FEDERATION = Federation.make(("KAZ", "KGZ"))
KAZ = FEDERATION.state("KAZ")
ROSTER = FEDERATION.roster
ENVELOPE = FEDERATION.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 44, ("M",): 42})
DATA = KAZ.data[max(KAZ.data)]
PAYLOAD = parse_envelope(ENVELOPE).payload


def judged(envelope: bytes = ENVELOPE, **changes: Any) -> VerifiedRelease:
    arguments: dict[str, Any] = {"index": 0, "data": DATA, "roster": ROSTER, "issuer": "KAZ"} | changes
    found = verify_release(envelope, arguments["index"], arguments["data"], arguments["roster"], arguments["issuer"])
    assert isinstance(found, VerifiedRelease)
    return found


def enveloped(payload: bytes, *signers: Any) -> bytes:
    chosen = signers or KAZ.officers[:2]
    return assemble(payload, [sign_payload(payload, signer) for signer in chosen])


def restated(table_id: str = "VICTIMS_SEX", period: str = "2018", data: bytes = DATA, **changes: Any) -> bytes:
    """Return an envelope of two honest signatures over a statement that differs in some fields."""
    statement = FEDERATION.statement("KAZ", table_id, period, data)
    predicate = statement.predicate.model_copy(update=changes)
    return enveloped(statement.model_copy(update={"predicate": predicate}).to_payload())


def keys_of_kaz() -> list[RosterKey]:
    """Return the keys in the order in which the officers sign: those of ``ENVELOPE`` are the first two."""
    order = {signer.keyid: place for place, signer in enumerate(KAZ.officers)}
    return sorted(ROSTER.states["KAZ"].keys, key=lambda key: order.get(key.keyid, len(order)))


def with_kaz(**changes: Any) -> Roster:
    entry: StateEntry = replace(ROSTER.states["KAZ"], **changes)
    return replace(ROSTER, states={**ROSTER.states, "KAZ": entry})


def test_an_honest_release_is_understood_whole() -> None:
    found = judged()
    assert found.payload_id == payload_id(PAYLOAD)
    assert found.envelope == ENVELOPE
    assert sorted(found.officers) == ["Aigerim of KAZ", "Bolat of KAZ"]
    assert found.observations is not None
    assert {one.key[0]: one.value for one in found.observations} == {"F": 44, "M": 42, "_O": None, "_U": None}


def test_a_release_holds_before_its_data_file_has_come() -> None:
    found = judged(data=None)
    assert found.observations is None
    assert found.data_sha256 == judged().data_sha256


def test_a_token_and_a_file_key_may_sign_together() -> None:
    assert len(judged(enveloped(PAYLOAD, KAZ.officers[0], KAZ.officers[2])).officers) == 2


# Rule 1


def test_an_unknown_predicate_is_kept_and_named() -> None:
    document = json.loads(PAYLOAD) | {"predicateType": "urn:x-tallystick:remark:1"}
    envelope = enveloped(rfc8785.dumps(document), new_signer("ed25519"))
    found = verify_release(envelope, 3, None, ROSTER, "KAZ")
    assert found == UnknownEntry("urn:x-tallystick:remark:1", payload_id(rfc8785.dumps(document)), envelope, 3)


def test_another_payload_type_is_refused() -> None:
    envelope = json.loads(ENVELOPE) | {"payloadType": "application/json"}
    with pytest.raises(MalformedError, match="payload type application/json"):
        judged(rfc8785.dumps(envelope))


def test_what_is_no_envelope_is_refused() -> None:
    for junk in (b"", b"{}", PAYLOAD, b"\0" * 70_000):
        with pytest.raises(MalformedError):
            judged(junk)


# Rule 2


def test_one_officer_is_not_enough() -> None:
    with pytest.raises(BadSignatureError, match="1 of 2"):
        judged(enveloped(PAYLOAD, KAZ.officers[0]))


def test_one_officer_twice_is_not_enough() -> None:
    signature = sign_payload(PAYLOAD, KAZ.officers[0])
    again = replace(signature, keyid="0" * 64)
    with pytest.raises(BadSignatureError, match="1 of 2"):
        judged(assemble(PAYLOAD, [signature, again]))


def test_one_officer_under_two_keys_is_not_enough() -> None:
    first, second, *rest = keys_of_kaz()
    roster = with_kaz(keys=(first, replace(second, name=first.name), *rest))
    with pytest.raises(BadSignatureError, match="1 of 2"):
        judged(roster=roster)


def test_a_stranger_beside_one_officer_is_refused() -> None:
    with pytest.raises(KeyNotTrustedError):
        judged(enveloped(PAYLOAD, KAZ.officers[0], new_signer("ed25519")))


def test_officers_of_another_state_do_not_count() -> None:
    with pytest.raises(KeyNotTrustedError):
        judged(enveloped(PAYLOAD, *FEDERATION.state("KGZ").officers[:2]))


def test_the_logs_own_key_does_not_count() -> None:
    with pytest.raises(KeyNotTrustedError):
        judged(enveloped(PAYLOAD, KAZ.officers[0], KAZ.log_ed25519))


def test_a_changed_payload_is_refused() -> None:
    signatures = parse_envelope(ENVELOPE).signatures
    other = FEDERATION.statement("KAZ", "VICTIMS_SEX", "2018", DATA, handling="TLP:CLEAR").to_payload()
    with pytest.raises(BadSignatureError):
        judged(assemble(other, signatures))


@pytest.mark.parametrize(("index", "holds"), [(4, True), (5, False), (6, False)])
def test_an_officer_is_refused_from_a_log_index_on_never_before(index: int, holds: bool) -> None:
    first, *rest = keys_of_kaz()
    roster = with_kaz(keys=(replace(first, refused_from=5), *rest))
    if holds:
        assert len(judged(roster=roster, index=index).officers) == 2
    else:
        with pytest.raises(VerificationError):
            judged(roster=roster, index=index)


# Rule 3


def test_another_federations_release_is_refused() -> None:
    with pytest.raises(KeyNotTrustedError, match="federation"):
        judged(roster=replace(ROSTER, federation_id="cd" * 32))


def test_a_release_in_another_states_log_is_refused() -> None:
    kgz = FEDERATION.state("KGZ")
    with pytest.raises(KeyNotTrustedError, match="issued by KAZ, but it stands in the log of KGZ"):
        judged(enveloped(PAYLOAD, *kgz.officers[:2]), issuer="KGZ")


def test_a_state_that_the_roster_does_not_name_is_refused() -> None:
    with pytest.raises(KeyNotTrustedError, match="no state TKM"):
        judged(issuer="TKM")


def test_a_demo_release_is_refused_in_a_real_federation() -> None:
    with pytest.raises(KeyNotTrustedError, match="DEMO"):
        judged(roster=replace(ROSTER, demo=False))


def test_a_real_release_is_refused_in_a_demo_federation() -> None:
    with pytest.raises(KeyNotTrustedError, match="DEMO"):
        judged(restated(demo=False))


def test_an_audit_without_its_likelihood_part_is_refused_in_a_real_federation() -> None:
    with pytest.raises(VerificationError, match="likelihood audit was not run"):
        judged(restated(demo=False), roster=replace(ROSTER, demo=False))
    audit = judged().statement.predicate.audit.model_copy(update={"likelihood": "passed"})
    assert judged(restated(demo=False, audit=audit), roster=replace(ROSTER, demo=False))


# Rule 4


def test_another_catalogue_is_refused() -> None:
    catalogue = judged().statement.predicate.catalogue
    for update in ({"sha256": "0" * 64}, {"version": 9}):
        with pytest.raises(MalformedError, match="another catalogue"):
            judged(restated(catalogue=catalogue.model_copy(update=update)))


def test_a_catalogue_that_was_not_delivered_is_asked_for() -> None:
    with pytest.raises(VerificationError, match="is not here") as refused:
        judged(roster=replace(ROSTER, catalogue=None, catalogues={}))
    assert ROSTER.catalogue_sha256 in (refused.value.hint or "")


def test_a_table_that_the_catalogue_has_not_is_refused() -> None:
    table = judged().statement.predicate.table
    with pytest.raises(MalformedError, match="VICTIMS_SHOE"):
        judged(restated(table=table.model_copy(update={"id": "VICTIMS_SHOE"})))
    with pytest.raises(MalformedError, match=r"version 1\.0"):
        judged(restated(table=table.model_copy(update={"version": "1.1"})))


@pytest.mark.parametrize(
    ("table", "period"),
    [("VICTIMS_SEX", "2018-2020"), ("VICTIMS_CORRIDOR", "2018"), ("VICTIMS_SEX_AGE", "2018")],
)
def test_a_table_at_a_period_where_it_does_not_stand_is_refused(table: str, period: str) -> None:
    data = FEDERATION.data("KAZ", table, period, {})
    with pytest.raises(MalformedError, match="does not stand at"):
        judged(restated(table, period, data), data=data)


def test_another_unit_is_refused() -> None:
    metadata = judged().statement.predicate.metadata.model_copy(update={"unit": "reports"})
    with pytest.raises(MalformedError, match="counts persons, not reports"):
        judged(restated(metadata=metadata))


# Rule 5


def test_one_digit_changed_is_refused() -> None:
    with pytest.raises(BadProofError, match="digest"):
        judged(data=DATA.replace(b",44,", b",45,"))


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_no_changed_data_file_is_accepted(at: int, flip: int) -> None:
    bent = bytearray(DATA)
    bent[at] ^= flip
    with pytest.raises(BadProofError):
        judged(data=bytes(bent))


@pytest.mark.parametrize(
    ("table", "state", "period"),
    [("VICTIMS_AGE", "KAZ", "2018"), ("VICTIMS_SEX", "KGZ", "2018"), ("VICTIMS_SEX", "KAZ", "2019")],
)
def test_data_of_another_slice_is_refused_though_it_was_signed(table: str, state: str, period: str) -> None:
    data = FEDERATION.data(state, table, period, {})
    with pytest.raises(MalformedError, match="the statement says VICTIMS_SEX KAZ 2018"):
        judged(restated(data=data), data=data)


def test_data_that_is_no_table_is_refused_though_it_was_signed() -> None:
    data = b"Kazakhstan: 44 women, 42 men\n"
    with pytest.raises(MalformedError, match="data file"):
        judged(restated(data=data), data=data)


def test_a_statement_that_miscounts_its_withheld_cells_is_refused() -> None:
    audit = judged().statement.predicate.audit.model_copy(update={"withheld": 0, "shown": 4})
    with pytest.raises(MalformedError, match="withholds 2 cells, the statement says 0"):
        judged(restated(audit=audit))


# All of them


@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leaves_the_same_release(at: int, flip: int) -> None:
    bent = bytearray(ENVELOPE)
    bent[at] ^= flip
    try:
        found = verify_release(bytes(bent), 0, DATA, ROSTER, "KAZ")
    except VerificationError:
        return
    if isinstance(found, VerifiedRelease):
        assert (found.statement, found.officers) == (judged().statement, judged().officers)


@given(st.integers(0, len(PAYLOAD) - 1), st.integers(1, 255))
def test_a_changed_payload_is_never_a_release(at: int, flip: int) -> None:
    """Under honest signatures; where the predicate type itself was hit, the entry is of an unknown kind."""
    bent = bytearray(PAYLOAD)
    bent[at] ^= flip
    document = json.loads(ENVELOPE) | {"payload": base64.b64encode(bytes(bent)).decode()}
    try:
        found = verify_release(rfc8785.dumps(document), 0, DATA, ROSTER, "KAZ")
    except VerificationError:
        return
    assert isinstance(found, UnknownEntry)


@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_with_words(data: bytes) -> None:
    with pytest.raises(VerificationError) as refused:
        verify_release(data, 0, None, ROSTER, "KAZ")
    assert refused.value.message
